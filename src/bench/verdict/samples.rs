//! What is kept of many runs of a config.

use std::sync::Arc;
use std::time::Duration;

use super::report::Report;
use super::scoring::{Tier, lost_tiers};
use super::violation::{Violation, violation};
use crate::bench::config::{Config, Metric};
use crate::bench::record::history::HistoryEvent;
use crate::bench::record::stats::percentile;

/// What is kept of a run.
#[derive(Clone, Debug)]
pub struct Sample {
    /// The seed that replays it.
    pub seed: u64,
    /// The metrics' values, in the order of [`Metric::ALL`].
    pub values: [Option<f64>; 4],
    /// Their tiers, in the same order.
    pub tiers: [Tier; 4],
    /// The best tiers that could have been had, in the same order.
    pub reachable: [Tier; 4],
    /// Whether the run passed by the course's rules.
    pub passed: bool,
    /// Why not, if not.
    pub errors: Vec<String>,
    /// What no run may ever show, if it did.
    pub violation: Option<String>,
    /// How many of its failures nobody could have helped.
    pub doomed: u64,
    /// From each request's first attempt to its `ok`: median, 99th percentile and longest.
    pub request_latency: Option<[Duration; 3]>,
    /// Per kill of a leader, the time to the next acknowledged put.
    pub outages: Vec<Duration>,
    /// The run as a line of JSON, if it is wanted.
    pub json: Option<String>,
    /// What the clients saw, if it is wanted.
    pub history: Option<Vec<HistoryEvent>>,
}

/// A sweep's result for one config.
#[derive(Clone, Debug)]
pub struct Sweep {
    /// The config.
    pub config: Arc<Config>,
    /// Its runs, by seed.
    pub samples: Vec<Sample>,
}

impl Sample {
    /// What is kept of a run; `broken` is the promise that an embedded replica broke, if one did.
    pub fn of(report: &Report, broken: Option<&Violation>) -> Sample {
        let counters = &report.counters;
        let latency = |share| percentile(&counters.request_latencies, share);
        Sample {
            seed: report.seed,
            values: report.verdict.values,
            tiers: report.verdict.tiers,
            reachable: report.verdict.reachable,
            passed: report.passed() && broken.is_none(),
            errors: report.verdict.errors.clone(),
            violation: violation(report, broken),
            doomed: report.evidence.doomed,
            request_latency: latency(0.5)
                .zip(latency(0.99))
                .zip(latency(1.0))
                .map(|((median, p99), longest)| [median, p99, longest]),
            outages: counters.outages.clone(),
            json: None,
            history: None,
        }
    }

    /// What is kept of a run that a panic of a core ended: what it said.
    pub fn of_panic(seed: u64, said: String) -> Sample {
        Sample {
            seed,
            values: [None; 4],
            tiers: [Tier::None; 4],
            reachable: [Tier::Bonus; 4],
            passed: false,
            errors: Vec::new(),
            violation: Some(format!("a core stopped: {}", said.replace('\n', " "))),
            doomed: 0,
            request_latency: None,
            outages: Vec::new(),
            json: None,
            history: None,
        }
    }
}

impl Sweep {
    /// The samples of a metric that have a value, in ascending order.
    pub fn sorted(&self, metric: usize) -> Vec<f64> {
        debug_assert!(metric < Metric::ALL.len());
        let mut values: Vec<f64> = self
            .samples
            .iter()
            .filter_map(|sample| sample.values[metric])
            .collect();
        values.sort_unstable_by(f64::total_cmp);
        values
    }

    /// How many runs fell into each tier of a metric.
    pub fn tiers(&self, metric: usize) -> [usize; 4] {
        let mut counts = [0; 4];
        for sample in &self.samples {
            counts[usize::from(sample.tiers[metric].number())] += 1;
        }
        counts
    }

    /// How many tiers of a metric a run lost of those that could have been had, on average.
    pub fn lost_tiers(&self, metric: usize) -> f64 {
        let lost = |sample: &Sample| lost_tiers(sample.tiers[metric], sample.reachable[metric]);
        let sum: u64 = self
            .samples
            .iter()
            .map(|sample| u64::from(lost(sample)))
            .sum();
        sum as f64 / self.samples.len().max(1) as f64
    }

    /// The runs that showed what no run may show.
    pub fn violations(&self) -> impl Iterator<Item = (u64, &str)> {
        self.samples
            .iter()
            .filter_map(|sample| Some((sample.seed, sample.violation.as_deref()?)))
    }
}
