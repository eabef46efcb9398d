//! The turns of the course's program, which is one loop: it waits until a replica can be heard, but no
//! longer than 0.1 s; it takes one datagram from each that can be heard; then it fires whatever is
//! past, back to back. So requests come late, in bursts, and a kill can take requests of its own turn
//! with it.
//!
//! Only keeps count of where in a turn a run is; must never route or fire anything.

use std::time::Duration;

use crate::bench::protocol::message::Mid;

/// For how long the program waits for a datagram at most.
pub const LONGEST_WAIT: Duration = Duration::from_millis(100);

/// Where in a turn a run is.
#[derive(Clone, Debug, Default)]
pub struct Turn {
    /// Whether something was heard since the turn before.
    begun: bool,
    /// When the turn before was over.
    over_at: Duration,
    fired: Fired,
    /// Attempts that this turn has handed over, with the replicas that got them.
    handed: Vec<(usize, Mid)>,
}

/// What a turn has fired.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fired {
    /// Users' requests.
    pub requests: u32,
    /// Requests and events.
    pub all: u32,
}

impl Turn {
    /// Something is heard: a turn begins, or goes on.
    pub fn begin(&mut self) {
        self.begun = true;
    }

    /// Whether whatever is past may be fired: something was heard, or the wait was long enough.
    pub fn may_fire(&self, now: Duration) -> bool {
        self.begun || now >= self.longest_wait()
    }

    /// Until when the wait for the next datagram may last; it is over if the turn has begun.
    pub fn longest_wait(&self) -> Duration {
        match self.begun {
            true => Duration::ZERO,
            false => self.over_at + LONGEST_WAIT,
        }
    }

    /// A user's request is fired.
    pub fn fire_request(&mut self) {
        self.fired.requests += 1;
        self.fired.all += 1;
    }

    /// An event is fired.
    pub fn fire_event(&mut self) {
        self.fired.all += 1;
    }

    /// An attempt is handed to a replica.
    pub fn hand_over(&mut self, replica: usize, attempt: Mid) {
        self.handed.push((replica, attempt));
    }

    /// The attempts that this turn has handed to a replica.
    pub fn handed_to(&self, replica: usize) -> impl Iterator<Item = Mid> {
        let of = self.handed.iter().filter(move |(to, _)| *to == replica);
        of.map(|&(_, attempt)| attempt)
    }

    /// Nothing more is past: the turn is over. Returns what it has fired.
    pub fn end(&mut self, now: Duration) -> Fired {
        self.begun = false;
        self.over_at = now;
        self.handed.clear();
        std::mem::take(&mut self.fired)
    }
}
