//! All that is known about a run once it is over.
//!
//! Plain data, the same for every driver; showing it is the business of `show`, writing it that of
//! `trace`.

use std::sync::Arc;
use std::time::Duration;

use super::causes::{self, Cause, Seen};
use super::history_check::Linearizability;
use super::scoring::{Verdict, judge};
use crate::bench::config::Config;
use crate::bench::record::ended::{Ended, Evidence};
use crate::bench::record::history::HistoryEvent;
use crate::bench::record::lateness::Lateness;
use crate::bench::record::observed::Observed;
use crate::bench::record::stats::Counters;
use crate::bench::record::timeline::Timeline;
use crate::id::Id;

/// A run that is over.
#[derive(Clone, Debug)]
pub struct Report {
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
    /// Why the run ended early, if it did.
    pub warnings: Vec<String>,
    /// The verdict.
    pub verdict: Verdict,
    /// Why it is as it is, the first cause first; hints as well.
    pub causes: Vec<Cause>,
    /// What the causes were found in.
    pub observed: Observed,
    /// Whether what the clients saw can be explained. It is no part of the verdict: the course has
    /// no such rule.
    pub linearizability: Linearizability,
    /// What the clients saw, if it was kept.
    pub history: Option<Vec<HistoryEvent>>,
    /// What held it up, in real time.
    pub lateness: Lateness,
    /// Who led when, what was done to the cluster, which requests waited.
    pub timeline: Timeline,
}

impl Report {
    /// Judges a run.
    pub fn of(ended: Ended) -> Report {
        // What was cut short is not judged, and where nothing was done there is nothing to explain.
        let linearizability = match &ended.history {
            Some(history) if ended.complete && ended.counters.completed > 0 => {
                Linearizability::of(history)
            }
            _ => Linearizability::Unchecked,
        };
        let verdict = judge(&ended.config, &ended.counters, &ended.evidence);
        let causes = causes::causes(&Seen {
            config: &ended.config,
            lasted: ended.lasted,
            counters: &ended.counters,
            found: &ended.evidence,
            observed: &ended.observed,
            verdict: &verdict,
            linearizability: &linearizability,
        });
        Report {
            verdict,
            causes,
            observed: ended.observed,
            config: ended.config,
            seed: ended.seed,
            lasted: ended.lasted,
            complete: ended.complete,
            leader: ended.leader,
            counters: ended.counters,
            evidence: ended.evidence,
            warnings: ended.warnings,
            linearizability,
            history: ended.history,
            lateness: ended.lateness,
            timeline: ended.timeline,
        }
    }

    /// Whether the history proves that there is not one copy of the data.
    pub fn is_disproved(&self) -> bool {
        self.linearizability.known() == Some(false)
    }

    /// Whether the run passed and its history does not prove the opposite.
    pub fn is_good(&self) -> bool {
        self.passed() && !self.is_disproved()
    }

    /// The first cause of a failure; none of a run that is good, and of one that was not judged.
    pub fn why(&self) -> Option<&Cause> {
        let failed = self.complete && !self.is_good();
        self.causes.first().filter(|_| failed)
    }

    /// Whether the run is complete and everything was correct.
    pub fn passed(&self) -> bool {
        self.complete && self.verdict.passed()
    }
}
