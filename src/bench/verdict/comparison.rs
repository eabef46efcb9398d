//! What became better or worse since earlier runs, per config and metric.
//!
//! A change counts if it is both sure and large. Sure: less likely than [`CHANCE`] in all, over everything
//! that is compared, if there is nothing but noise. Large: the mean moves by at least the least effect, for
//! with enough runs the smallest change becomes sure. Must never know where the runs come from.

use std::collections::HashMap;
use std::time::Duration;

use super::noise::{self, Difference};
use super::samples::{Sample, Sweep};
use super::scoring;

/// How likely it may be that anything at all is called a change although nothing is. What is compared
/// shares it evenly (Bonferroni).
pub const CHANCE: f64 = 0.01;
/// The least change of a mean that counts, as a share of what it was.
const LEAST_EFFECT: f64 = 0.01;
/// The same for times in real time, which the machine changes from day to day.
const LEAST_EFFECT_OF_REAL_TIMES: f64 = 0.10;

/// What is compared: less is better in all.
const METRICS: [(&str, bool, Value); 9] = [
    ("failed runs", false, |it| {
        Some(f64::from(u8::from(!it.passed)))
    }),
    ("lost tiers", false, |it| Some(lost_tiers(it))),
    ("messages", false, |it| it.values[0]),
    ("failures", false, |it| it.values[1]),
    ("duplicates", false, |it| it.values[2]),
    ("median latency (ms)", true, |it| Some(it.values[3]? * 1e3)),
    ("request p99 (ms)", true, |it| {
        Some(ms(it.request_latency?[1]))
    }),
    ("longest request (ms)", true, |it| {
        Some(ms(it.request_latency?[2]))
    }),
    ("longest outage (ms)", true, |it| {
        it.outages.iter().max().copied().map(ms)
    }),
];

/// A run's value of a metric.
type Value = fn(&Sample) -> Option<f64>;

/// A change that counts.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// The config.
    pub config: String,
    /// The metric, with its unit.
    pub metric: &'static str,
    /// How many runs were compared, before and now; of pairs, how many twice.
    pub runs: [usize; 2],
    /// Whether runs of the same seed were compared.
    pub is_paired: bool,
    /// The means, before and now.
    pub means: [f64; 2],
    /// How likely it is by chance.
    pub p: f64,
}

impl Change {
    /// Whether it is for the worse.
    pub fn is_worse(&self) -> bool {
        self.means[1] > self.means[0]
    }
}

/// What came of a comparison.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Comparison {
    /// What changed, in the order of configs and metrics.
    pub changes: Vec<Change>,
    /// How much was compared.
    pub compared: usize,
    /// Configs that were not among the earlier runs.
    pub unknown: Vec<String>,
    /// Configs whose times cannot be compared, for their runs were made in another way.
    pub without_times: Vec<String>,
    /// Configs with too few runs to tell any change from noise, and how many runs it takes.
    pub too_few: Option<(Vec<String>, usize)>,
}

/// Compares runs with earlier ones of the same configs. Runs of the same seed are compared with each
/// other, if all of one side have one on the other.
pub fn compare(before: &[Sweep], now: &[Sweep]) -> Comparison {
    let mut result = Comparison::default();
    let mut found: Vec<Change> = Vec::new();
    let mut most: Vec<(String, usize)> = Vec::new();
    for sweep in now {
        let Some(earlier) = before.iter().find(|it| it.config == sweep.config) else {
            result.unknown.push(sweep.config.clone());
            continue;
        };
        let has_times = earlier.way == sweep.way;
        if !has_times {
            result.without_times.push(sweep.config.clone());
        }
        let pairs = pairs(&earlier.samples, &sweep.samples);
        let fewest = earlier.samples.len().min(sweep.samples.len());
        most.push((sweep.config.clone(), fewest));
        for (metric, is_time, value) in METRICS {
            if is_time && !has_times {
                continue;
            }
            let change = change(earlier, sweep, pairs.as_deref(), value);
            let Some((runs, means, difference)) = change else {
                continue;
            };
            result.compared += 1;
            let least = match is_time && !sweep.way.is_virtual {
                true => LEAST_EFFECT_OF_REAL_TIMES,
                false => LEAST_EFFECT,
            };
            let [was, is] = means;
            let is_large = (is - was).abs() >= least * was.abs() && is != was;
            // A few wild runs can move the mean one way while all others move the other way.
            if is_large && difference.rose == (is > was) {
                found.push(Change {
                    config: sweep.config.clone(),
                    metric,
                    runs,
                    is_paired: pairs.is_some(),
                    means,
                    p: difference.p,
                });
            }
        }
    }
    let level = CHANCE / result.compared.max(1) as f64;
    found.retain(|change| change.p < level);
    result.changes = found;
    let needed = noise::pairs_needed(level);
    most.retain(|(_, runs)| *runs < needed);
    if !most.is_empty() {
        let configs = most.into_iter().map(|(config, _)| config).collect();
        result.too_few = Some((configs, needed));
    }
    result
}

/// Runs of the same seed, before and now; nothing if some on both sides have none on the other, or a
/// seed is there several times.
fn pairs<'s>(before: &'s [Sample], now: &'s [Sample]) -> Option<Vec<(&'s Sample, &'s Sample)>> {
    let by_seed: HashMap<u64, &Sample> = before.iter().map(|it| (it.seed, it)).collect();
    let pair = |it: &'s Sample| Some((*by_seed.get(&it.seed)?, it));
    let pairs: Vec<_> = now.iter().filter_map(pair).collect();
    let seeds: std::collections::HashSet<u64> = now.iter().map(|it| it.seed).collect();
    let is_each_once = by_seed.len() == before.len() && seeds.len() == now.len();
    (is_each_once && pairs.len() == before.len().min(now.len())).then_some(pairs)
}

/// How a metric changed: how many runs have it, its means, and whether that is noise. Nothing if no run
/// of either side has it.
fn change(
    before: &Sweep,
    now: &Sweep,
    pairs: Option<&[(&Sample, &Sample)]>,
    value: Value,
) -> Option<([usize; 2], [f64; 2], Difference)> {
    let (was, is, difference) = match pairs {
        Some(pairs) => {
            let both = |(was, is): &(&Sample, &Sample)| value(was).zip(value(is));
            let both: Vec<(f64, f64)> = pairs.iter().filter_map(both).collect();
            let difference = noise::of_pairs(&both);
            let (was, is): (Vec<f64>, Vec<f64>) = both.into_iter().unzip();
            (was, is, difference)
        }
        None => {
            let values = |sweep: &Sweep| sweep.samples.iter().filter_map(value).collect();
            let (was, is): (Vec<f64>, Vec<f64>) = (values(before), values(now));
            let difference = noise::of_groups(&was, &is);
            (was, is, difference)
        }
    };
    if was.is_empty() || is.is_empty() {
        return None;
    }
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    Some(([was.len(), is.len()], [mean(&was), mean(&is)], difference))
}

/// How many tiers of counts a run lost of those that could have been had. Not of the latency: of that there is
/// a row of its own.
fn lost_tiers(sample: &Sample) -> f64 {
    let pairs = sample.tiers.iter().zip(sample.reachable).take(3);
    let lost = pairs.map(|(tier, best)| scoring::lost_tiers(*tier, best));
    lost.map(f64::from).sum()
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::config::tests::config;
    use crate::bench::verdict::samples::Way;
    use serde_json::json;

    /// Runs with these seeds; the n-th has `messages(n)` messages and a median latency of 1 ms times `slow`.
    fn sweep(seeds: std::ops::Range<u64>, messages: impl Fn(u64) -> f64, slow: f64) -> Sweep {
        let way = Way {
            is_virtual: false,
            at_a_time: 1,
        };
        let sample = |seed: u64| Sample {
            values: [
                Some(messages(seed)),
                Some(0.0),
                Some(0.0),
                Some(0.001 * slow),
            ],
            passed: true,
            violation: None,
            ..Sample::of_panic(seed, String::new())
        };
        Sweep {
            samples: seeds.map(sample).collect(),
            ..Sweep::new(&config(json!({})), "./run f".to_owned(), way)
        }
    }

    /// Messages that hang on the seed far more than on anything else.
    fn spread(seed: u64) -> f64 {
        1000.0 + (seed * 7919 % 500) as f64
    }

    #[test]
    fn the_same_runs_and_other_seeds_of_them_are_no_change() {
        let before = [sweep(0..40, spread, 1.0)];
        assert_eq!(compare(&before, &before).changes, []);
        let others = compare(&before, &[sweep(40..80, spread, 1.0)]);
        assert_eq!(others.changes, []);
        assert_eq!((others.compared, others.too_few), (6, None));
    }

    #[test]
    fn with_the_same_seeds_a_small_change_shows_and_its_direction_decides() {
        let before = [sweep(0..40, spread, 1.0)];
        let more = |seed| spread(seed) + 30.0 + (seed % 3) as f64;
        for (now, worse) in [(sweep(0..40, more, 1.0), true)].into_iter().chain([(
            sweep(0..40, |seed| 2.0 * spread(seed) - more(seed), 1.0),
            false,
        )]) {
            let found = compare(&before, &[now]);
            let [change] = &found.changes[..] else {
                panic!("{found:?}")
            };
            assert!(change.is_paired && change.metric == "messages");
            assert_eq!(change.is_worse(), worse);
        }
        // The seeds' own spread hides it where they differ.
        let apart = compare(&before, &[sweep(100..140, more, 1.0)]);
        assert_eq!(apart.changes, []);
    }

    #[test]
    fn a_sure_change_that_is_too_small_does_not_count() {
        let before = [sweep(0..40, spread, 1.0)];
        let barely = sweep(0..40, |seed| spread(seed) + 2.0, 1.0);
        assert_eq!(compare(&before, &[barely]).changes, []);
        // Real times have to change by more than counts, and only those of runs of one kind are compared.
        assert_eq!(compare(&before, &[sweep(0..40, spread, 1.05)]).changes, []);
        let slow = sweep(0..40, spread, 1.2);
        let found = compare(&before, std::slice::from_ref(&slow));
        assert_eq!(found.changes[0].metric, "median latency (ms)");
        let crowded = Sweep {
            way: Way {
                is_virtual: false,
                at_a_time: 8,
            },
            ..slow
        };
        let found = compare(&before, &[crowded]);
        assert_eq!((found.changes.len(), found.without_times.len()), (0, 1));
    }

    #[test]
    fn too_few_runs_and_unknown_configs_are_told() {
        let before = [sweep(0..5, spread, 1.0)];
        let found = compare(&before, &[sweep(0..5, |seed| 9.0 * spread(seed), 1.0)]);
        assert_eq!(found.changes, []);
        assert!(found.too_few.is_some_and(|(_, needed)| needed > 5));
        let mut other = sweep(0..5, spread, 1.0);
        other.config = "other".to_owned();
        assert_eq!(compare(&before, &[other]).unknown, ["other"]);
    }
}
