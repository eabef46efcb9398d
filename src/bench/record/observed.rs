//! What was seen of a run beyond the counts, so that somebody can say why it went as it did.
//!
//! Kept for every run, so it is bounded: of what repeats there is a count and an example. Plain data;
//! `world::observer` gathers it, `verdict::causes` reads it. Nothing here may influence a run.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::bench::protocol::message::{Mid, Op};
use crate::id::Id;

/// How many examples of a kind are kept, at most.
pub const MAX_EXAMPLES: usize = 1_000;
/// How many of the latest redirects of a request are kept.
pub const MAX_HOPS: usize = 6;

/// What was seen of a run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Observed {
    /// Each replica, by index.
    pub replicas: Vec<SeenReplica>,
    /// How often who redirected to whom.
    pub redirects: BTreeMap<(Id, Id), Redirects>,
    /// The request that was redirected most often.
    pub most_redirected: Option<Redirected>,
    /// Second answers, the first [`MAX_EXAMPLES`].
    pub duplicates: Vec<Duplicate>,
    /// Attempts that nobody answered, the first [`MAX_EXAMPLES`].
    pub unanswered: Vec<Unanswered>,
    /// Messages between replicas, by type.
    pub types: Vec<SeenType>,
    /// Messages between replicas in each second of the run.
    pub per_second: Vec<u64>,
    /// Puts that were acknowledged before anybody else can have had them.
    pub early: Counted<EarlyAnswer>,
    /// Leaders that were followed by another one though nothing had been done to them.
    pub deposed: Counted<Deposed>,
    /// Moments at which two replicas took themselves for the leader in turns.
    pub two_leaders: Counted<TwoLeaders>,
    /// When a put was acknowledged last.
    pub last_put: Option<Duration>,
    /// Kills of leaders after which no put was acknowledged any more.
    pub unended_outages: Vec<(Duration, Id)>,
}

/// Messages between replicas of one type, a broadcast as one for each receiver.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SeenType {
    /// The type.
    pub kind: String,
    /// How many in each phase, in the order of [`Phase::ALL`].
    pub phases: [u64; 4],
    /// How many each replica sent, by index.
    pub senders: Vec<u64>,
}

impl SeenType {
    /// How many in all.
    pub fn count(&self) -> u64 {
        self.phases.iter().sum()
    }
}

/// A number of like things, and the first of them.
#[derive(Clone, Debug, PartialEq)]
pub struct Counted<T> {
    /// How many there were.
    pub count: u64,
    /// The first ones, [`MAX_EXAMPLES`] at most.
    pub first: Vec<T>,
}

impl<T> Default for Counted<T> {
    fn default() -> Self {
        Counted {
            count: 0,
            first: Vec::new(),
        }
    }
}

impl<T> Counted<T> {
    /// One more.
    pub fn add(&mut self, one: T) {
        self.count += 1;
        push(&mut self.first, one);
    }
}

/// Keeps one more example, if there is room.
pub fn push<T>(list: &mut Vec<T>, one: T) {
    if list.len() < MAX_EXAMPLES {
        list.push(one);
    }
}

/// What was seen of a replica.
#[derive(Clone, Debug, PartialEq)]
pub struct SeenReplica {
    /// Its ID.
    pub id: Id,
    /// When it said hello, if it did.
    pub hello: Option<Duration>,
    /// When it was first sent something before its hello, and by whom.
    pub too_early: Option<(Duration, Id)>,
    /// How it ended by itself, or what it was closed for.
    pub death: Option<Death>,
    /// When an event killed it, unless it has started again.
    pub killed: Option<Duration>,
    /// Requests that were handed to it.
    pub requests: u64,
    /// Its answers to clients.
    pub answers: u64,
    /// What it printed.
    pub printed: Printed,
}

impl SeenReplica {
    /// One of which nothing was seen yet.
    pub fn new(id: Id) -> SeenReplica {
        SeenReplica {
            id,
            hello: None,
            too_early: None,
            death: None,
            killed: None,
            requests: 0,
            answers: 0,
            printed: Printed::default(),
        }
    }
}

/// The end of a replica that no event killed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Death {
    /// When.
    pub time: Duration,
    /// How its process ended, or why it was closed.
    pub how: String,
    /// Whether it was closed for what it sent.
    pub closed: bool,
    /// The end of its stderr, in whole lines.
    pub last_words: Vec<String>,
}

/// How much a replica printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Printed {
    /// Lines on stdout and stderr.
    pub lines: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl Printed {
    /// One more line.
    pub fn add(&mut self, line: &str) {
        self.lines += 1;
        self.bytes += line.len() as u64 + 1;
    }

    /// Whether there is room for another line.
    pub fn is_within(&self, limit: Printed) -> bool {
        self.lines < limit.lines && self.bytes < limit.bytes
    }
}

/// Redirects from one replica to another.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Redirects {
    /// How many.
    pub count: u64,
    /// Those of them to a replica that had been dead for [`KNOWN_DEAD`].
    pub to_the_dead: u64,
    /// The first of these: when, and which request.
    pub first_to_the_dead: Option<(Duration, u32)>,
}

/// From when on a redirect to a dead replica is worth a word: before, nobody can know of its death.
pub const KNOWN_DEAD: Duration = Duration::from_secs(1);

/// A request that was redirected again and again.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Redirected {
    /// The request's number.
    pub request: u32,
    /// How often.
    pub times: u64,
    /// When first and when last.
    pub first: Duration,
    /// When last.
    pub last: Duration,
    /// The latest [`MAX_HOPS`]: who redirected it, and to whom.
    pub hops: Vec<(Id, Id)>,
}

/// A second answer to the same attempt.
#[derive(Clone, Debug, PartialEq)]
pub struct Duplicate {
    /// When.
    pub time: Duration,
    /// By whom.
    pub by: Id,
    /// When the first answer came, and from whom.
    pub first: (Duration, Id),
    /// The request's number.
    pub request: u32,
    /// The attempt.
    pub mid: Mid,
    /// What it was.
    pub op: Op,
}

/// An attempt that nobody answered.
#[derive(Clone, Debug, PartialEq)]
pub struct Unanswered {
    /// When it was made.
    pub time: Duration,
    /// The request's number.
    pub request: u32,
    /// The attempt.
    pub mid: Mid,
    /// What it was.
    pub op: Op,
    /// To whom it was sent, and so where it was last seen; nobody if there was nobody to ask.
    pub to: Option<Id>,
    /// Why it did not even get there, if it did not.
    pub lost: Option<&'static str>,
}

/// A put that was acknowledged before anybody else can have had it.
#[derive(Clone, Debug, PartialEq)]
pub struct EarlyAnswer {
    /// When it was acknowledged.
    pub time: Duration,
    /// When it was handed to the replica that acknowledged it.
    pub handed: Duration,
    /// By whom.
    pub by: Id,
    /// The request's number.
    pub request: u32,
}

/// A leader that was followed by another one though nothing had been done to it.
#[derive(Clone, Debug, PartialEq)]
pub struct Deposed {
    /// When the next one spoke up.
    pub time: Duration,
    /// Who led.
    pub from: Id,
    /// Who did then.
    pub to: Id,
    /// For how long the first had sent nothing to any replica.
    pub silence: Duration,
}

/// Two that took themselves for the leader in turns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TwoLeaders {
    /// When the first spoke up again.
    pub time: Duration,
    /// The first.
    pub one: Id,
    /// The other one, which had spoken up in between.
    pub other: Id,
}

/// What a cluster was about when a message was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// None of the others.
    Idle,
    /// A request was made or answered within the last [`BUSY`].
    Steady,
    /// Nobody was believed to lead, or a dead one was.
    Election,
    /// The network was split, or a link was cut.
    Partition,
}

/// For how long after a request or an answer the cluster counts as busy with it.
pub const BUSY: Duration = Duration::from_millis(50);

impl Phase {
    /// All of them.
    pub const ALL: [Phase; 4] = [
        Phase::Idle,
        Phase::Steady,
        Phase::Election,
        Phase::Partition,
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Phase::Idle => "idle",
            Phase::Steady => "steady",
            Phase::Election => "elections",
            Phase::Partition => "partitions",
        }
    }
}
