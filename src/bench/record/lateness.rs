//! What held a run in real time up: a machine is not always as quick as it should be, and that explains
//! many a strange latency.

use std::time::Duration;

use crate::id::Id;

/// What held a run up. Nothing, in virtual time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lateness {
    /// How many turns of the simulator were late, or took long themselves.
    pub turns: u64,
    /// By how much the worst of them.
    pub by: Duration,
    /// Datagrams of replicas that found the simulator's socket full.
    pub overflowed_here: u64,
    /// Datagrams for replicas that found theirs full.
    pub overflowed_there: u64,
    /// Who was kept waiting for a processor for long, and for how long at most.
    pub waits: Vec<(Waiter, Duration)>,
}

/// Who can be kept waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waiter {
    /// The simulator itself.
    Simulator,
    /// This replica.
    Replica(Id),
}

impl Lateness {
    /// Notes a turn that was late by so much.
    pub fn note_turn(&mut self, by: Duration) {
        self.turns += 1;
        self.by = self.by.max(by);
    }

    /// Whether anything held the run up.
    pub fn is_none(&self) -> bool {
        *self == Lateness::default()
    }
}
