//! What happened to a run as a whole, for the displays that tell its story: who was believed to
//! lead, what was done to the cluster, and which requests waited when.
//!
//! Kept for every run, so it must stay small; messages are in the `journal`, if that is kept.

use std::time::Duration;

use crate::id::Id;

/// How many changes of the leader are kept: replicas that contradict each other can make one with
/// every message. Later ones are counted only.
const MAX_LEADERS: usize = 10_000;
/// How many notes are kept; the simulator makes a few dozen.
const MAX_NOTES: usize = 1_000;

/// What happened, each list in the order of time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Timeline {
    /// Whom the simulator believed to lead from when on; unknown before the first.
    pub leaders: Vec<(Duration, Id)>,
    /// How many changes of the leader there were beyond those kept.
    pub leaders_left_out: u64,
    /// What was done to the cluster.
    pub faults: Vec<Fault>,
    /// What the simulator said, faults included.
    pub notes: Vec<(Duration, String)>,
    /// When each request was made and, if it was, completed; in the order of their making.
    pub requests: Vec<(Duration, Option<Duration>)>,
}

/// Something that was done to the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// When, since the start of the run.
    pub time: Duration,
    /// What.
    pub kind: FaultKind,
    /// The same as a text.
    pub said: String,
}

/// What was done to the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// This replica was killed.
    Kill {
        /// Which replica.
        replica: Id,
        /// Whether it was believed to lead.
        leader: bool,
    },
    /// This replica died by itself.
    Died(Id),
    /// This replica, which was killed, has been started again.
    Start(Id),
    /// This replica stands still.
    Pause(Id),
    /// This replica goes on.
    Resume(Id),
    /// The network is split into these sides; any split before is over.
    Split {
        /// The sides, every replica on one of them.
        sides: Vec<Vec<Id>>,
        /// The one with more than half of all replicas, if there is one.
        majority: Option<usize>,
    },
    /// Messages from one to the other are cut.
    Cut(Id, Id),
    /// Splits and cuts are over.
    Heal,
}

impl Timeline {
    /// Notes whom the simulator believes to lead from now on.
    pub fn lead(&mut self, time: Duration, leader: Id) {
        if self.leaders.len() < MAX_LEADERS {
            self.leaders.push((time, leader));
        } else {
            self.leaders_left_out += 1;
        }
    }

    /// Notes a text of the simulator's.
    pub fn note(&mut self, time: Duration, text: &str) {
        if self.notes.len() < MAX_NOTES {
            self.notes.push((time, text.to_owned()));
        }
    }
}
