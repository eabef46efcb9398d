//! Many seeds of a config in virtual time, on all processors.
//!
//! A sweep stops at nothing: what goes wrong in a run is noted with the seed that replays it, be it a
//! broken promise, a wrong answer or a panic of a core, and the sweep goes on.

use std::cell::RefCell;
use std::ops::RangeInclusive;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use rayon::prelude::*;

use crate::bench::config::Config;
use crate::bench::config::Metric;
use crate::bench::record::history::HistoryEvent;
use crate::embedded::run::{Order, Run, run};
use crate::raft::Options;
use crate::sim::history_check::Linearizability;
use crate::sim::scoring::Tier;

/// The most seeds of a sweep.
pub const MAX_SEEDS: u64 = 10_000_000;

/// What is kept of a run.
#[derive(Clone, Debug)]
pub struct Sample {
    /// The seed that replays it.
    pub seed: u64,
    /// The metrics' values, in the order of [`Metric::ALL`].
    pub values: [Option<f64>; 4],
    /// Their tiers, in the same order.
    pub tiers: [Tier; 4],
    /// Whether the run passed by the course's rules.
    pub passed: bool,
    /// Why not, if not.
    pub errors: Vec<String>,
    /// What no run may ever show, if it did.
    pub violation: Option<String>,
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

/// Runs a config with every seed of a range. `keep` says what is kept of a run, on any thread.
pub fn sweep(
    config: &Arc<Config>,
    seeds: RangeInclusive<u64>,
    options: &Options,
    is_over: impl Fn() -> bool + Sync,
    keep: impl Fn(&Run) -> Sample + Sync,
) -> Sweep {
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|panic| {
        LAST_PANIC.set(panic.to_string());
    }));
    let samples = seeds
        .into_par_iter()
        .filter(|_| !is_over())
        .map(|seed| {
            let order = Order {
                options: options.clone(),
                ..Order::new(Arc::clone(config), seed)
            };
            match catch_unwind(AssertUnwindSafe(|| run(&order))) {
                Ok(run) => keep(&run),
                Err(_) => Sample::of_panic(seed, LAST_PANIC.take()),
            }
        })
        .collect();
    std::panic::set_hook(hook);
    Sweep {
        config: Arc::clone(config),
        samples,
    }
}

thread_local! {
    /// What the last panic of this thread said.
    static LAST_PANIC: RefCell<String> = const { RefCell::new(String::new()) };
}

impl Sample {
    /// What is kept of a run.
    pub fn of(run: &Run) -> Sample {
        let report = &run.report;
        let counters = &report.counters;
        let latency =
            |share| crate::bench::record::stats::percentile(&counters.request_latencies, share);
        Sample {
            seed: report.seed,
            values: report.verdict.values,
            tiers: report.verdict.tiers,
            passed: report.passed() && run.violation.is_none(),
            errors: report.verdict.errors.clone(),
            violation: violation(run),
            request_latency: latency(0.5)
                .zip(latency(0.99))
                .zip(latency(1.0))
                .map(|((median, p99), longest)| [median, p99, longest]),
            outages: counters.outages.clone(),
            json: None,
            history: None,
        }
    }

    fn of_panic(seed: u64, said: String) -> Sample {
        Sample {
            seed,
            values: [None; 4],
            tiers: [Tier::None; 4],
            passed: false,
            errors: Vec::new(),
            violation: Some(format!("a core stopped: {}", said.replace('\n', " "))),
            request_latency: None,
            outages: Vec::new(),
            json: None,
            history: None,
        }
    }
}

/// What is wrong with a run beyond the course's limits: a broken promise, a wrong answer, a history
/// that cannot be explained.
pub fn violation(run: &Run) -> Option<String> {
    if let Some(broken) = &run.violation {
        return Some(broken.to_string());
    }
    let incorrect = run.report.evidence.incorrect.first();
    incorrect
        .map(|text| format!("incorrect: {text}"))
        .or_else(|| match &run.report.linearizability {
            Linearizability::Violated(how) => Some(format!("not linearizable:\n{how}")),
            _ => None,
        })
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

    /// The runs that showed what no run may show.
    pub fn violations(&self) -> impl Iterator<Item = (u64, &str)> {
        self.samples
            .iter()
            .filter_map(|sample| Some((sample.seed, sample.violation.as_deref()?)))
    }
}
