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
    /// How many other runs shared the machine, and so are in every latency.
    pub others: usize,
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

    /// Whether nothing is known to have held the run up; that others ran beside it is no finding.
    pub fn is_none(&self) -> bool {
        let nothing = Lateness {
            others: self.others,
            ..Lateness::default()
        };
        *self == nothing
    }
}
