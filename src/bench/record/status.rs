//! Where a run under way is, for whoever watches it.

use std::time::Duration;

use crate::id::Id;

/// A glance at a run under way.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// The config's name.
    pub config: String,
    /// How long the run has been going.
    pub elapsed: Duration,
    /// How long it takes in all.
    pub total: Duration,
    /// Requests that got their `ok`.
    pub completed: u64,
    /// Requests in all.
    pub requests: u32,
    /// The leader, as far as the simulator knows.
    pub leader: Option<Id>,
    /// Whether the network is split.
    pub split: bool,
    /// How many replicas are dead.
    pub dead: usize,
}
