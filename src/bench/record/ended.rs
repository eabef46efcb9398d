//! All that is known of a run when it is over, before anybody judges it.

use std::sync::Arc;
use std::time::Duration;

use super::history::HistoryEvent;
use super::lateness::Lateness;
use super::observed::Observed;
use super::stats::Counters;
use super::timeline::Timeline;
use crate::bench::config::Config;
use crate::id::Id;

/// A run that is over.
#[derive(Clone, Debug)]
pub struct Ended {
    /// What was run.
    pub config: Arc<Config>,
    /// The seed of all its random draws.
    pub seed: u64,
    /// How long it took.
    pub lasted: Duration,
    /// Whether it came to its end, be it an early one; an interrupted run did not.
    pub complete: bool,
    /// The leader at the end, as far as the simulator knew.
    pub leader: Id,
    /// What was counted.
    pub counters: Counters,
    /// What else was found.
    pub evidence: Evidence,
    /// What else was seen, for whoever asks why.
    pub observed: Observed,
    /// Why the run ended early, if it did.
    pub warnings: Vec<String>,
    /// What the clients saw, if it was kept.
    pub history: Option<Vec<HistoryEvent>>,
    /// What held it up, in real time.
    pub lateness: Lateness,
    /// Who led when, what was done to the cluster, which requests waited.
    pub timeline: Timeline,
}

/// What a run has to show for itself besides its counters.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Evidence {
    /// Gets whose attempt is still unanswered.
    pub unanswered_get: u64,
    /// Puts whose attempt is still unanswered.
    pub unanswered_put: u64,
    /// Those of both that were handed to a replica in the very turn in which it was killed: nobody could
    /// have answered them.
    pub doomed: u64,
    /// Whether any client has had an `ok` put.
    pub stored: bool,
    /// Whether a leader was known at the end. Only where there are no requests it is judged: else it shows
    /// in the answers.
    pub somebody_leads: bool,
    /// One text for each replica that died on its own.
    pub deaths: Vec<String>,
    /// The first texts about what was incorrect.
    pub incorrect: Vec<String>,
}
