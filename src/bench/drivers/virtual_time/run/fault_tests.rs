//! Tests of the faults beyond the course's, on embedded cores.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::*;
use crate::bench::config::{Config, DRIFT_BOUND_PPM};
use crate::bench::protocol::message::Op;
use crate::bench::record::history::{HistoryEvent, HistoryKind};
use crate::replica::Options;

/// How many seeds each config of `configs/extra` is tried with.
const SEEDS: u64 = 20;
/// The configs whose runs must keep every promise: all but `beyond-bound`.
const HONEST: [&str; 14] = [
    "latency",
    "reorder-duplicate",
    "one-way",
    "isolate-leader",
    "pause",
    "drift",
    "shared-keys",
    "contention",
    "client-loss",
    "chaos",
    "replicas-3",
    "replicas-7",
    "replicas-9",
    "replicas-21",
];

fn extra(name: &str) -> Arc<Config> {
    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("configs/extra")
        .join(format!("{name}.json"));
    Arc::new(Config::load(&file).expect("one of ours"))
}

/// A run of 20 seconds with 5 replicas and a put every tenth of a second, changed as told.
fn short(changes: Value) -> Arc<Config> {
    Arc::new(crate::bench::config::tests::config(
        json!({
            "lifetime": 20, "start_wait": 2, "requests": 200, "mix": 0, "shared_keys": 3,
            "max_packets": 1_000_000, "punctual": true
        })
        .as_object()
        .expect("an object")
        .clone()
        .into_iter()
        .chain(changes.as_object().expect("an object").clone())
        .collect(),
    ))
}

fn play(config: &Arc<Config>, seed: u64) -> Run {
    run(&Order::new(Arc::clone(config), seed))
}

fn trace(config: &Arc<Config>, seed: u64) -> String {
    let order = Order {
        keep_trace: true,
        keep_history: false,
        ..Order::new(Arc::clone(config), seed)
    };
    run(&order).trace.expect("it was asked for")
}

/// The lines of a trace between two times in seconds, without their times.
fn between(trace: &str, from: f64, to: f64) -> Vec<&str> {
    let lines = trace.lines().filter_map(|line| line.split_once(' '));
    lines
        .filter(|(time, _)| (from..to).contains(&time.parse().expect("a time")))
        .map(|(_, rest)| rest)
        .collect()
}

/// The ID at the end of the simulator's first note with this beginning.
fn noted<'t>(trace: &'t str, beginning: &str) -> &'t str {
    let line = trace.lines().find(|line| line.contains(beginning));
    line.and_then(|line| line.split_whitespace().last())
        .unwrap_or_else(|| panic!("no note {beginning:?}"))
}

/// The gets that certainly saw an old value: another put of the key began after the put of that
/// value had been acknowledged, and was itself acknowledged before the get began. Every put of a key
/// must have a value of its own.
fn stale_gets(history: &[HistoryEvent]) -> Vec<String> {
    #[derive(Clone, Copy)]
    struct Write {
        begin: Duration,
        end: Duration,
    }
    let mut began = HashMap::new();
    let mut value_of_put = HashMap::new();
    let mut writes: HashMap<&str, HashMap<&str, Write>> = HashMap::new();
    for event in history {
        let begin = *began.entry(event.request).or_insert(event.time);
        let key: &str = &event.key;
        match (event.event, event.op, &event.value) {
            (HistoryKind::Invoke, Op::Put, Some(Some(value))) => {
                let end = Duration::MAX;
                value_of_put.insert(event.request, &**value);
                let writes = writes.entry(key).or_default();
                writes.entry(value).or_insert(Write { begin, end });
            }
            (HistoryKind::Ok, Op::Put, _) => {
                let writes = writes.get_mut(key).expect("invoked before");
                let write = writes.get_mut(value_of_put[&event.request]);
                write.expect("invoked before").end = event.time;
            }
            _ => {}
        }
    }
    let mut attempts = HashMap::new();
    let mut stale = Vec::new();
    for event in history.iter().filter(|event| event.op == Op::Get) {
        match (event.event, &event.value) {
            (HistoryKind::Invoke, _) => {
                attempts.insert(event.mid, event.time);
            }
            (HistoryKind::Ok, Some(Some(value))) => {
                let begin = attempts[&event.mid];
                let writes = writes.get(&*event.key);
                let seen = writes.and_then(|writes| writes.get(&**value)).copied();
                let seen = match seen {
                    None if !value.is_empty() => {
                        stale.push(format!("{} gives {value}, never put", event.mid));
                        continue;
                    }
                    None => Duration::ZERO,
                    Some(write) => write.end,
                };
                let newer = writes.into_iter().flatten();
                let mut newer = newer.filter(|(_, write)| write.begin > seen && write.end < begin);
                if let Some((newer, _)) = newer.next() {
                    stale.push(format!("{} gives {value} after {newer}", event.mid));
                }
            }
            _ => {}
        }
    }
    stale
}

/// What is wrong with a run, if anything is.
fn broken(run: &Run) -> Option<String> {
    let violation = run.violation.as_ref().map(ToString::to_string);
    let incorrect = || run.report.evidence.incorrect.first().cloned();
    let stale = || stale_gets(run.report.history.as_ref()?).into_iter().next();
    violation.or_else(incorrect).or_else(stale)
}

#[test]
fn the_extra_configs_run_without_a_broken_promise() {
    for name in HONEST {
        let config = extra(name);
        assert!(config.purpose.is_some(), "{name}");
        for seed in 0..SEEDS {
            let run = play(&config, seed);
            assert_eq!(broken(&run), None, "{name}, seed {seed}");
            let errors = &run.report.verdict.errors;
            assert!(run.report.passed(), "{name}, seed {seed}: {errors:?}");
            assert_eq!(run.report.warnings, [""; 0], "{name}, seed {seed}");
        }
    }
}

#[test]
fn with_clocks_beyond_their_bound_the_lease_fails() {
    let config = extra("beyond-bound");
    let runs = (0..SEEDS).map(|seed| play(&config, seed));
    let broken: Vec<_> = runs.filter_map(|run| run.violation).collect();
    assert!(!broken.is_empty(), "no seed shows it");
    for violation in broken {
        assert_eq!(violation.promise, "lease", "{violation}");
    }
}

#[test]
fn the_simulators_bound_for_clocks_is_the_replicas() {
    assert_eq!(
        DRIFT_BOUND_PPM,
        Options::default().consensus.timing.max_clock_drift_ppm
    );
}

#[test]
fn with_duplicate_1_every_message_arrives_twice() {
    let config = short(json!({"duplicate": 1}));
    let sent = play(&config, 1).report.counters.total_msgs as usize;
    let trace = trace(&config, 1);
    let between_replicas = |line: &&str| {
        let arrow = line.split_once(" -> ");
        arrow.is_some_and(|(from, _)| from.ends_with(|last: char| ('0'..='4').contains(&last)))
            && line.contains(" 000")
    };
    let arrived = trace.lines().filter(between_replicas).count();
    // What is sent just before the end arrives after it.
    assert!(
        sent > 300 && (2 * sent - 20..=2 * sent).contains(&arrived),
        "{sent} {arrived}"
    );
}

#[test]
fn latency_is_in_every_put() {
    let latency = json!({"type": "uniform", "min_ms": 5, "max_ms": 8});
    let report = play(&short(json!({ "latency": latency })), 1).report;
    assert_eq!(report.counters.completed, 200);
    let there_and_back = Duration::from_millis(10);
    let fastest = report.counters.request_latencies.iter().min();
    assert!(fastest.is_some_and(|fastest| *fastest >= there_and_back));
}

#[test]
fn a_paused_leader_is_replaced_and_follows_when_it_goes_on() {
    let pause = json!([{"type": "pause", "time": 5, "replica": "leader", "duration": 6}]);
    let config = short(json!({ "events": pause }));
    let trace = trace(&config, 1);
    let paused = noted(&trace, "pauses replica");
    let acts = |line: &&&str| {
        line.starts_with(&format!("{paused} timer")) || line.contains(&format!("-> {paused} "))
    };
    assert!(between(&trace, 6.0, 7.0).iter().filter(acts).count() > 5);
    assert_eq!(
        between(&trace, 7.000001, 13.0).iter().filter(acts).count(),
        0
    );
    let waited = between(&trace, 13.0, 13.0000005);
    assert!(waited.iter().filter(acts).count() > 1, "taken in at once");
    let run = play(&config, 1);
    assert_eq!(broken(&run), None);
    assert_eq!(run.report.counters.completed, 200);
    assert_ne!(run.report.leader.to_string(), paused);
    assert!(!run.report.leader.is_unknown());
}

#[test]
fn a_leader_that_is_cut_off_alone_is_replaced() {
    let isolate = json!([{"type": "isolate_leader", "time": 5}, {"type": "part_end", "time": 15}]);
    let config = short(json!({ "events": isolate }));
    let trace = trace(&config, 1);
    let alone = noted(&trace, "isolates the leader");
    let heard = format!("-> {alone} ");
    let by_replicas = |line: &&&str| line.starts_with("000") && line.contains(&heard);
    // What was under way still arrives.
    let meanwhile = between(&trace, 7.001, 17.0);
    assert_eq!(meanwhile.iter().filter(by_replicas).count(), 0);
    assert!(
        meanwhile.iter().any(|line| line.contains(&heard)),
        "clients reach it"
    );
    let run = play(&config, 1);
    assert_eq!(broken(&run), None);
    assert_ne!(run.report.leader.to_string(), alone);
}

#[test]
fn a_one_way_cut_lets_the_other_way_through() {
    let cut = json!([{"type": "cut", "time": 0, "from": "0000", "to": "0001"}]);
    let config = short(json!({ "events": cut }));
    let mut back = 0;
    for seed in 0..10 {
        let trace = trace(&config, seed);
        let lines = between(&trace, 2.001, 24.0);
        assert!(!lines.iter().any(|line| line.starts_with("0000 -> 0001 ")));
        let there = lines
            .iter()
            .filter(|line| line.starts_with("0001 -> 0000 "));
        back += there.count();
        assert_eq!(broken(&play(&config, seed)), None);
    }
    assert!(back > 10, "{back}");
}

#[test]
fn what_clients_lose_stays_unanswered_and_breaks_nothing() {
    let run = play(&short(json!({"client_drops": 0.2, "mix": 0.5})), 1);
    assert_eq!(broken(&run), None);
    let lost = run.report.counters.client_lost;
    assert!((40..110).contains(&lost), "a fifth each way, not {lost}");
    let evidence = &run.report.evidence;
    assert_eq!(evidence.unanswered_get + evidence.unanswered_put, lost);
}
