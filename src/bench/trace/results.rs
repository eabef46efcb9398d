//! A run as one line of JSON for programs.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use crate::bench::config::{Config, Metric};
use crate::bench::record::lateness::{Lateness, Waiter};
use crate::bench::record::observed::Phase;
use crate::bench::record::stats::{mean, percentile};
use crate::bench::verdict::costs;
use crate::bench::verdict::report::Report;

/// How many duplicates and unanswered attempts are listed, at most.
const MAX_LISTED: usize = 200;

/// The run as one JSON object without line breaks.
///
/// `metrics.median_latency`, `mean_latency` and `duration_s` are in seconds; what ends in `_ms` is
/// in milliseconds. A value that does not exist (no answers) is `null`, and so is `linearizable` if
/// it was not checked or too hard to decide, and `late` if nothing held the run up. `reachable` are the best tiers that
/// any replica could have had in this run. `doomed` are those
/// of the unanswered that nobody could have answered; `bursts` says how many turns of the simulator
/// fired how many requests, `bursts_with_events` how many requests and events. `jobs` is how many runs
/// were made at a time.
pub fn object(report: &Report) -> Value {
    let Report {
        config,
        counters,
        evidence,
        verdict,
        ..
    } = report;
    let by_metric = |value: &dyn Fn(usize) -> Value| -> BTreeMap<&'static str, Value> {
        Metric::ALL
            .iter()
            .enumerate()
            .map(|(index, metric)| (metric.name(), value(index)))
            .collect()
    };
    let latency = |quantile| percentile(&counters.request_latencies, quantile).map(milliseconds);
    let outages: Vec<f64> = counters.outages.iter().copied().map(milliseconds).collect();
    let mut object = json!({
        "config": config.name,
        "seed": report.seed,
        "passed": report.passed(),
        "errors": verdict.errors,
        "warnings": report.warnings,
        "metrics": by_metric(&|index| match (Metric::ALL[index], verdict.values[index]) {
            (_, None) => Value::Null,
            (Metric::MedianLatency, Some(seconds)) => json!(seconds),
            // A count.
            (_, Some(number)) => json!(number as u64),
        }),
        "linearizable": report.linearizability.known(),
        "thresholds": by_metric(&|index| json!(config.benchmarks[index])),
        "tiers": by_metric(&|index| json!(verdict.tiers[index].number())),
        "reachable": by_metric(&|index| json!(verdict.reachable[index].number())),
        "request_latency_ms": {"p50": latency(0.5), "p99": latency(0.99), "max": latency(1.0)},
        "outages_ms": outages,
        "unended_outages": report.observed.unended_outages.len(),
        "messages_by_type": counters.messages_by_type,
        "incorrect": counters.incorrect,
        "redirects": counters.redirects,
        "unanswered": evidence.unanswered_get + evidence.unanswered_put,
        "unanswered_get": evidence.unanswered_get,
        "unanswered_put": evidence.unanswered_put,
        "doomed": evidence.doomed,
        "bursts": counters.bursts,
        "bursts_with_events": counters.bursts_with_events,
        "late": late(&report.lateness),
        "jobs": report.lateness.others + 1,
        "get_failures": counters.get_failures,
        "put_failures": counters.put_failures,
        "generated_get": counters.generated_get,
        "generated_put": counters.generated_put,
        "failed_to_generate_get": counters.failed_to_generate_get,
        "requests": config.requests,
        "completed": counters.completed,
        "answers": counters.answer_latencies.len(),
        "mean_latency": mean(&counters.answer_latencies).map(|time| time.as_secs_f64()),
        "dropped": counters.dropped(),
        "lost": counters.lost,
        "cut": counters.cut,
        "client_lost": counters.client_lost,
        "leader": report.leader,
        "duration_s": report.lasted.as_secs_f64(),
    });
    object["causes"] = json!(report.causes);
    object["messages_by_phase"] = phases(report);
    object["duplicate_answers"] = duplicates(report);
    object["unanswered_attempts"] = unanswered(report);
    object
}

/// The run as `--json` has it: with how it was made and what it showed that no run may show. `command`
/// repeats it.
pub fn line(report: &Report, is_virtual: bool, command: &str, violation: Option<&str>) -> String {
    let mut object = object(report);
    object["virtual"] = json!(is_virtual);
    object["command"] = json!(command);
    object["violation"] = json!(violation);
    format!("{object}\n")
}

/// The same for a run in virtual time that the panic of a core ended: nothing else is known of it.
pub fn line_of_panic(config: &Config, seed: u64, command: &str, violation: Option<&str>) -> String {
    let object = json!({
        "config": config.name, "seed": seed, "passed": false, "jobs": 1,
        "virtual": true, "command": command, "violation": violation,
    });
    format!("{object}\n")
}

/// For each type of message between replicas how many there were in each phase.
fn phases(report: &Report) -> Value {
    let types = report.observed.types.iter().map(|it| {
        let phases = Phase::ALL.iter().zip(it.phases);
        let phases = phases.map(|(phase, count)| (phase.name().to_owned(), json!(count)));
        (it.kind.clone(), Value::Object(phases.collect()))
    });
    Value::Object(types.collect())
}

/// Who answered what twice.
fn duplicates(report: &Report) -> Value {
    let all = report.observed.duplicates.iter().take(MAX_LISTED);
    let all = all.map(|it| {
        let (first, by) = it.first;
        json!({"request": it.request, "op": it.op, "MID": it.mid, "by": it.by,
            "time_s": it.time.as_secs_f64(), "first_by": by, "first_s": first.as_secs_f64()})
    });
    all.collect()
}

/// What was never answered, and where it was last seen.
fn unanswered(report: &Report) -> Value {
    let all = report.observed.unanswered.iter().take(MAX_LISTED);
    let all = all.map(|it| {
        json!({"request": it.request, "op": it.op, "MID": it.mid, "to": it.to,
            "time_s": it.time.as_secs_f64(), "last_seen": costs::last_seen(it)})
    });
    all.collect()
}

/// What held the run up, or `null`.
fn late(lateness: &Lateness) -> Value {
    if lateness.is_none() {
        return Value::Null;
    }
    let waits = lateness.waits.iter().map(|(who, time)| {
        let who = match who {
            Waiter::Simulator => "simulator".to_owned(),
            Waiter::Replica(id) => id.to_string(),
        };
        (who, json!(milliseconds(*time)))
    });
    json!({
        "turns": lateness.turns,
        "by_ms": milliseconds(lateness.by),
        "overflowed_here": lateness.overflowed_here,
        "overflowed_there": lateness.overflowed_there,
        "waits_ms": waits.collect::<serde_json::Map<_, _>>(),
    })
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
