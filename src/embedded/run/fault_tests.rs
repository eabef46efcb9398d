//! Tests of the faults beyond the course's, on embedded cores.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::*;
use crate::sim::config::DRIFT_BOUND_PPM;
use crate::sim::history::{HistoryEvent, HistoryKind};

/// How many seeds each config of `configs/extra` is tried with.
const SEEDS: u64 = 20;
/// The configs whose runs must keep every promise: all but `beyond-bound`.
const HONEST: [&str; 10] = [
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
];

fn extra(name: &str) -> Arc<Config> {
    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("configs/extra")
        .join(format!("{name}.json"));
    Arc::new(Config::load(&file).expect("one of ours"))
}

/// A run of 20 seconds with 5 replicas and a put every tenth of a second, changed as told.
fn short(changes: Value) -> Arc<Config> {
    Arc::new(crate::sim::config::tests::config(json!({
        "lifetime": 20, "start_wait": 2, "requests": 200, "mix": 0, "shared_keys": 3,
        "max_packets": 1_000_000
    })
    .as_object()
    .expect("an object")
    .clone()
    .into_iter()
    .chain(changes.as_object().expect("an object").clone())
    .collect()))
}

fn play(config: &Arc<Config>, seed: u64) -> Run {
    run(&Order {
        config: Arc::clone(config),
        seed,
        options: Options::default(),
        keep_trace: false,
        keep_history: true,
    })
}

fn trace(config: &Arc<Config>, seed: u64) -> String {
    let order = Order {
        config: Arc::clone(config),
        seed,
        options: Options::default(),
        keep_trace: true,
        keep_history: false,
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
            (HistoryKind::Invoke, Op::Put, Some(value)) => {
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
            (HistoryKind::Ok, Some(value)) => {
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
#[ignore]
fn zz_sweep() {
    let from: u64 = std::env::var("FROM").map_or(0, |text| text.parse().unwrap());
    let n: u64 = std::env::var("N").map_or(500, |text| text.parse().unwrap());
    let only = std::env::var("ONLY").ok();
    for name in HONEST.into_iter().chain(["beyond-bound"]) {
        if only.as_deref().is_some_and(|only| only != name) { continue; }
        let config = extra(name);
        let start = std::time::Instant::now();
        let mut kinds: std::collections::BTreeMap<String, (u64, u64, String)> = Default::default();
        let (mut completed, mut reqs, mut unanswered, mut fails, mut dups, mut msgs, mut lat) = (0, 0, 0, 0, 0, vec![], vec![]);
        let mut stale_runs = 0;
        for seed in from..from + n {
            let run = play(&config, seed);
            if let Some(v) = &run.violation { let e = kinds.entry(format!("VIOLATION {}", v.invariant)).or_insert((0, seed, v.to_string())); e.0 += 1; }
            let stale = stale_gets(run.report.history.as_ref().unwrap());
            stale_runs += u64::from(!stale.is_empty());
            if let Some(s) = stale.first() { let e = kinds.entry("STALE".into()).or_insert((0, seed, s.clone())); e.0 += 1; }
            for e in &run.report.verdict.errors {
                let k: String = e.chars().filter(|c| !c.is_ascii_digit()).take(50).collect();
                let e = kinds.entry(k).or_insert((0, seed, e.clone())); e.0 += 1;
            }
            for w in &run.report.warnings { let e = kinds.entry(w.clone()).or_insert((0, seed, String::new())); e.0 += 1; }
            let c = &run.report.counters;
            completed += c.completed; reqs += u64::from(config.requests);
            unanswered += run.report.evidence.unanswered_get + run.report.evidence.unanswered_put;
            fails += c.get_failures + c.put_failures; dups += c.duplicates; msgs.push(c.total_msgs);
            lat.push(crate::sim::stats::median(&c.answer_latencies).unwrap());
        }
        msgs.sort(); lat.sort();
        println!("SWEEP {name} {n} seeds {:.1} ms/run completed {:.2}% unanswered {:.2}/run fail answers {:.2}/run dup {:.2}/run msgs p50 {} max {} lat p50 {:?} max {:?} stale runs {stale_runs} problems {kinds:?}",
            start.elapsed().as_secs_f64() * 1e3 / n as f64, completed as f64 * 100.0 / reqs as f64, unanswered as f64 / n as f64, fails as f64 / n as f64, dups as f64 / n as f64, msgs[msgs.len()/2], msgs.last().unwrap(), lat[lat.len()/2], lat.last().unwrap());
    }
}
