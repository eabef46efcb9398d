//! Where each replica stands, for the simulator: whether it can be heard, reached and chosen.
//!
//! Must never know what a replica says, nor why it stands where it does.

use std::time::Duration;

/// Where the replicas of a run stand.
#[derive(Clone, Debug)]
pub struct Standings {
    /// Whether clients and kills choose it. A list of its own: clients take it as it is.
    alive: Vec<bool>,
    all: Vec<Standing>,
}

#[derive(Clone, Copy, Debug)]
struct Standing {
    /// It has said hello.
    ready: bool,
    /// Its socket is closed: nothing of it is heard any more.
    silenced: bool,
    /// Its process is gone.
    dead: bool,
    /// Somebody spoke to it before its hello.
    taken_for_dead: bool,
    /// Until when it stands still, if it does.
    paused_until: Option<Duration>,
    /// When it starts again, and whether without its directory.
    starts: Option<(Duration, bool)>,
}

impl Standings {
    /// So many replicas that live and have not said hello.
    pub fn new(replicas: usize) -> Self {
        let standing = Standing {
            ready: false,
            silenced: false,
            dead: false,
            taken_for_dead: false,
            paused_until: None,
            starts: None,
        };
        Standings {
            alive: vec![true; replicas],
            all: vec![standing; replicas],
        }
    }

    /// Of each replica, whether clients and kills may choose it.
    pub fn alive(&self) -> &[bool] {
        &self.alive
    }

    /// Whether clients and kills may choose this one.
    pub fn is_alive(&self, replica: usize) -> bool {
        self.alive[replica]
    }

    /// How many clients and kills may choose.
    pub fn count_alive(&self) -> usize {
        self.alive.iter().filter(|alive| **alive).count()
    }

    /// It says hello.
    pub fn greet(&mut self, replica: usize) {
        self.all[replica].ready = true;
    }

    /// Whether it has said hello.
    pub fn is_ready(&self, replica: usize) -> bool {
        self.all[replica].ready
    }

    /// Whether its process is gone.
    pub fn is_dead(&self, replica: usize) -> bool {
        self.all[replica].dead
    }

    /// Whether nothing of it is heard any more.
    pub fn is_silenced(&self, replica: usize) -> bool {
        self.all[replica].silenced
    }

    /// Its process has ended; what it had sent before is still heard.
    pub fn bury(&mut self, replica: usize) {
        self.alive[replica] = false;
        self.all[replica].dead = true;
    }

    /// It is killed: its socket is closed, and it is gone.
    pub fn kill(&mut self, replica: usize) {
        self.bury(replica);
        self.all[replica].silenced = true;
        self.all[replica].paused_until = None;
    }

    /// It is killed or has ended, and starts again then.
    pub fn starts_at(&mut self, replica: usize, at: Duration, wiped: bool) {
        self.all[replica].starts = Some((at, wiped));
    }

    /// Starts it again if it is time to. Returns whether without its directory.
    pub fn start_in_time(&mut self, replica: usize, now: Duration) -> Option<bool> {
        let standing = &mut self.all[replica];
        let (_, wiped) = standing.starts.take_if(|(at, _)| *at <= now)?;
        standing.dead = false;
        standing.silenced = false;
        self.alive[replica] = !standing.taken_for_dead;
        Some(wiped)
    }

    /// When the next one starts again; never, if none does.
    pub fn next_start(&self) -> Duration {
        let starts = self.all.iter().filter_map(|standing| standing.starts);
        starts.map(|(at, _)| at).min().unwrap_or(Duration::MAX)
    }

    /// Somebody spoke to it before its hello: nobody chooses it any more. Returns whether that is new.
    pub fn take_for_dead(&mut self, replica: usize) -> bool {
        self.alive[replica] = false;
        !std::mem::replace(&mut self.all[replica].taken_for_dead, true)
    }

    /// Those to whom somebody spoke before their hello.
    pub fn taken_for_dead(&self) -> impl Iterator<Item = usize> {
        let all = self.all.iter().enumerate();
        all.filter(|(_, standing)| standing.taken_for_dead)
            .map(|(replica, _)| replica)
    }

    /// It stands still until then; of two pauses the one that ends later counts. Returns whether it
    /// stood still already.
    pub fn pause(&mut self, replica: usize, end: Duration) -> bool {
        let until = &mut self.all[replica].paused_until;
        let already = until.is_some();
        *until = Some(until.map_or(end, |before| before.max(end)));
        already
    }

    /// It goes on. Returns whether it stood still.
    pub fn resume(&mut self, replica: usize) -> bool {
        self.all[replica].paused_until.take().is_some()
    }

    /// Whether its pause is over.
    pub fn is_pause_over(&self, replica: usize, now: Duration) -> bool {
        let until = self.all[replica].paused_until;
        until.is_some_and(|end| end <= now)
    }

    /// When the next pause is over; never, if none is.
    pub fn next_resumption(&self) -> Duration {
        let ends = self.all.iter().filter_map(|standing| standing.paused_until);
        ends.min().unwrap_or(Duration::MAX)
    }
}
