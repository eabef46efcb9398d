//! A sweep in the form in which its page carries it. `assets/sweep.js` reads it.

use serde_json::{Value, json};

use crate::bench::config::Metric;
use crate::bench::verdict::samples::{Sample, Sweep};

/// How many values of a metric a page carries; of more, evenly spaced ones of the sorted values,
/// the least and the greatest among them.
const MAX_VALUES: usize = 2_000;
/// How many seeds are listed as the worst of a metric, and how many failures of a config.
const WORST: usize = 5;
const MAX_FAILURES: usize = 50;
/// The longest text of a failure, in characters.
const MAX_TEXT: usize = 2_000;

/// Sweeps as JSON.
pub(super) fn of(sweeps: &[Sweep], planned: u64) -> String {
    let sweeps: Vec<Value> = sweeps.iter().map(sweep).collect();
    json!({ "planned": planned, "sweeps": sweeps }).to_string()
}

fn sweep(sweep: &Sweep) -> Value {
    let command = |seed: u64| format!("{} --seed {seed} --report report.html", sweep.command);
    let mut metrics: Vec<Value> = Vec::new();
    for (index, metric) in Metric::ALL.into_iter().enumerate() {
        let (unit, scale) = match metric {
            Metric::MedianLatency => ("ms", 1e3),
            _ => ("", 1.0),
        };
        let value = |sample: &Sample| sample.values[index].map(|value| value * scale);
        let thresholds = sweep.benchmarks[index].map(|threshold| threshold * scale);
        metrics.push(json!({
            "name": metric.name(),
            "unit": unit,
            "thresholds": thresholds,
            "tiers": sweep.tiers(index),
            "values": spread(sweep.samples.iter().filter_map(value).collect()),
            "worst": worst(sweep, value, command),
        }));
    }
    let ms = |time: std::time::Duration| time.as_secs_f64() * 1e3;
    let longest = |sample: &Sample| sample.request_latency.map(|[_, _, longest]| ms(longest));
    let outage = |sample: &Sample| sample.outages.iter().max().copied().map(ms);
    let outages = sweep.samples.iter().flat_map(|sample| &sample.outages);
    metrics.push(json!({
        "name": "longest request",
        "unit": "ms",
        "values": spread(sweep.samples.iter().filter_map(longest).collect()),
        "worst": worst(sweep, longest, command),
    }));
    metrics.push(json!({
        "name": "outage after a kill",
        "unit": "ms",
        "values": spread(outages.copied().map(ms).collect()),
        "worst": worst(sweep, outage, command),
    }));
    let failures: Vec<Value> = sweep
        .samples
        .iter()
        .filter_map(|sample| {
            let (kind, text) = match &sample.violation {
                Some(text) => ("violation", text.clone()),
                None if !sample.passed => ("failed", sample.errors.join("\n")),
                None => return None,
            };
            let text: String = text.chars().take(MAX_TEXT).collect();
            Some(json!({"seed": sample.seed, "kind": kind, "text": text,
                "command": command(sample.seed)}))
        })
        .collect();
    let violations = sweep.violations().count();
    let seeds = || sweep.samples.iter().map(|sample| sample.seed);
    // Violations first.
    let mut shown_failures = failures.clone();
    shown_failures.sort_by_key(|failure| failure["kind"] != "violation");
    shown_failures.truncate(MAX_FAILURES);
    json!({
        "config": sweep.config,
        "virtual": sweep.way.is_virtual,
        "at_a_time": sweep.way.at_a_time,
        "seeds": sweep.samples.len(),
        "first": seeds().min(),
        "last": seeds().max(),
        "passed": sweep.samples.iter().filter(|sample| sample.passed).count(),
        "violations": violations,
        "failures": shown_failures,
        "failed": failures.len(),
        "metrics": metrics,
    })
}

/// The seeds with the greatest values.
fn worst(
    sweep: &Sweep,
    value: impl Fn(&Sample) -> Option<f64>,
    command: impl Fn(u64) -> String,
) -> Vec<Value> {
    let mut values: Vec<(f64, u64)> = sweep
        .samples
        .iter()
        .filter_map(|sample| Some((value(sample)?, sample.seed)))
        .collect();
    values.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    let worst = values.into_iter().take(WORST);
    worst
        .map(|(value, seed)| json!({"seed": seed, "value": value, "command": command(seed)}))
        .collect()
}

/// The values in ascending order, some of them if they are many; how many there are; and their median
/// and 99th percentile.
fn spread(mut values: Vec<f64>) -> Value {
    values.sort_unstable_by(f64::total_cmp);
    let count = values.len();
    let at = |share: f64| {
        let rank = (share * count as f64).ceil() as usize;
        values.get(rank.saturating_sub(1)).copied()
    };
    let (median, p99) = (values.get(count / 2).copied(), at(0.99));
    let sorted: Vec<f64> = match count {
        0..=MAX_VALUES => values.clone(),
        _ => (0..MAX_VALUES)
            .map(|place| values[place * (count - 1) / (MAX_VALUES - 1)])
            .collect(),
    };
    json!({"count": count, "sorted": sorted, "median": median, "p99": p99})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_many_values_the_ends_stay() {
        let values = spread((0..5_001).rev().map(f64::from).collect());
        let sorted = values["sorted"].as_array().unwrap();
        assert_eq!(sorted.len(), MAX_VALUES);
        assert_eq!(
            (&sorted[0], sorted.last()),
            (&json!(0.0), Some(&json!(5000.0)))
        );
        assert_eq!(values["median"], json!(2500.0));
        assert_eq!(values["p99"], json!(4950.0));
        assert_eq!(spread(Vec::new())["median"], Value::Null);
    }
}
