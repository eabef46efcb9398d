//! Tests of the keys and events beyond the course's.

use super::*;
use crate::bench::config::{EventKind, Latency, Who};

const MS: fn(u64) -> Duration = Duration::from_millis;

fn kind(event: Value) -> EventKind {
    let config = config(json!({ "events": [event] }));
    config.events[0].kind.clone()
}

#[test]
fn without_the_new_keys_nothing_is_different() {
    let config = config(json!({}));
    assert_eq!(config.faults, Faults::default());
    assert_eq!(config.faults.latency, Latency::None);
    assert_eq!((config.clients, config.shared_keys), (8, 0));
    assert_eq!(config.purpose, None);
    assert!(!config.punctual);
}

#[test]
fn every_new_key_is_read() {
    let config = config(json!({
        "purpose": "shows it", "clients": 64, "shared_keys": 100_000,
        "latency": {"type": "uniform", "min_ms": 0.1, "max_ms": 5},
        "reorder": 0.1, "reorder_ms": 2.5, "duplicate": 0.2, "client_drops": 0.3,
        "clock_drift_ppm": 1000, "punctual": true
    }));
    assert_eq!(config.purpose.as_deref(), Some("shows it"));
    assert!(config.punctual);
    assert_eq!((config.clients, config.shared_keys), (64, 100_000));
    let expected = Faults {
        latency: Latency::Uniform(Duration::from_micros(100), MS(5)),
        reorder: 0.1,
        reorder_by: Duration::from_micros(2500),
        duplicate: 0.2,
        client_drops: 0.3,
        clock_drift_ppm: 1000,
    };
    assert_eq!(config.faults, expected);
}

#[test]
fn a_latency_may_be_exponential_and_a_clock_beyond_its_bound() {
    let config = config(json!({
        "latency": {"type": "exponential", "mean_ms": 2, "max_ms": 50},
        "clock_drift_beyond_bound_ppm": 1001
    }));
    let (mean, max) = (MS(2), MS(50));
    assert_eq!(config.faults.latency, Latency::Exponential { mean, max });
    assert_eq!(config.faults.clock_drift_ppm, 1001);
}

#[test]
fn every_new_event_is_read() {
    let at_1 = |kind: &str| json!({"type": kind, "time": 1});
    assert_eq!(kind(at_1("isolate_leader")), EventKind::IsolateLeader);
    assert_eq!(kind(at_1("resume")), EventKind::Resume(None));
    assert_eq!(
        kind(json!({"type": "resume", "time": 1, "replica": "0004"})),
        EventKind::Resume(Some(4))
    );
    assert_eq!(
        kind(json!({"type": "split", "time": 1, "sides": [["0000", "0001"], ["0002"]]})),
        EventKind::Split(vec![vec![0, 1], vec![2]])
    );
    assert_eq!(
        kind(json!({"type": "cut", "time": 1, "from": "leader", "to": "0002"})),
        EventKind::Cut {
            from: Who::Leader,
            to: Who::Replica(2)
        }
    );
    assert_eq!(
        kind(json!({"type": "pause", "time": 1, "replica": "random", "duration": 0.5})),
        EventKind::Pause {
            replica: Who::Random,
            duration: Some(MS(500))
        }
    );
    assert_eq!(
        kind(json!({"type": "pause", "time": 1, "replica": "leader"})),
        EventKind::Pause {
            replica: Who::Leader,
            duration: None
        }
    );
}

#[test]
fn every_wrong_new_key_is_named_with_what_is_allowed() {
    for (changes, said) in [
        (
            json!({"purpose": "two\nlines"}),
            "purpose = \"two\\nlines\": one line of at most 200 characters",
        ),
        (json!({"purpose": 1}), "purpose = 1: one line"),
        (json!({"punctual": 1}), "punctual = 1: true or false"),
        (json!({"punctual": null}), "punctual = null: true or false"),
        (
            json!({"clients": 0}),
            "clients = 0: a whole number from 1 to 64",
        ),
        (
            json!({"clients": 65}),
            "clients = 65: a whole number from 1 to 64",
        ),
        (
            json!({"shared_keys": 100_001}),
            "shared_keys = 100001: a whole number from 0 to 100000",
        ),
        (
            json!({"latency": 5}),
            "latency = 5: an object {\"type\", \"min_ms\", \"max_ms\"} or {\"type\", \"mean_ms\"",
        ),
        (
            json!({"latency": {"type": "normal"}}),
            "latency.type = \"normal\": \"uniform\" or \"exponential\"",
        ),
        (json!({"latency": {}}), "latency.type is missing: \"unif"),
        (
            json!({"latency": {"type": "uniform", "min_ms": 3, "max_ms": 2}}),
            "latency.max_ms = 2: a number from 3 to 10000 ms",
        ),
        (
            json!({"latency": {"type": "uniform", "min_ms": -1, "max_ms": 2}}),
            "latency.min_ms = -1: a number from 0 to 10000 ms",
        ),
        (
            json!({"latency": {"type": "uniform", "max_ms": 2}}),
            "latency.min_ms is missing: a number",
        ),
        (
            json!({"latency": {"type": "uniform", "min_ms": 1, "max_ms": 2, "mean_ms": 1}}),
            "latency.mean_ms = 1: unknown key; known are type, min_ms, max_ms",
        ),
        (
            json!({"latency": {"type": "exponential", "mean_ms": 20, "max_ms": 2}}),
            "latency.max_ms = 2: a number from 20 to 10000 ms",
        ),
        (json!({"reorder": 2}), "reorder = 2: a number from 0 to 1"),
        (
            json!({"reorder_ms": 10_001}),
            "reorder_ms = 10001: a number from 0 to 10000 ms",
        ),
        (
            json!({"duplicate": "often"}),
            "duplicate = \"often\": a number from 0 to 1",
        ),
        (
            json!({"client_drops": -1}),
            "client_drops = -1: a number from 0 to 1",
        ),
        (
            json!({"clock_drift_ppm": 1001}),
            "clock_drift_ppm = 1001: a whole number from 0 to 1000",
        ),
        (
            json!({"clock_drift_beyond_bound_ppm": 1000}),
            "clock_drift_beyond_bound_ppm = 1000: a whole number from 1001 to 900000",
        ),
        (
            json!({"clock_drift_ppm": 0, "clock_drift_beyond_bound_ppm": 5000}),
            "clock_drift_beyond_bound_ppm = 5000: not together with clock_drift_ppm",
        ),
    ] {
        refused(changes, said);
    }
}

#[test]
fn every_wrong_new_event_is_named_with_what_is_allowed() {
    const SIDES: &str = "a list of lists of replicas, each named at most once (an ID from";
    for (event, said) in [
        (
            json!({"type": "isolate_leader", "sides": []}),
            "sides = []: unknown key; known are type, time".to_owned(),
        ),
        (
            json!({"type": "split"}),
            format!("sides is missing: {SIDES} \"0000\" to \"0004\")"),
        ),
        (
            json!({"type": "split", "sides": ["0000"]}),
            format!("sides = [\"0000\"]: {SIDES}"),
        ),
        (
            json!({"type": "split", "sides": [["0005"]]}),
            format!("sides = [[\"0005\"]]: {SIDES}"),
        ),
        (
            json!({"type": "split", "sides": [["0001"], ["0001"]]}),
            format!("sides = [[\"0001\"],[\"0001\"]]: {SIDES}"),
        ),
        (
            json!({"type": "split", "sides": [[], [], [], [], [], []]}),
            format!("sides = [[],[],[],[],[],[]]: {SIDES}"),
        ),
        (
            json!({"type": "cut", "to": "0001"}),
            "from is missing: \"leader\", \"random\" or an ID from \"0000\"".to_owned(),
        ),
        (
            json!({"type": "cut", "from": "0001", "to": 2}),
            "to = 2: \"leader\", \"random\" or an ID from \"0000\" to \"0004\"".to_owned(),
        ),
        (
            json!({"type": "cut", "from": "leader", "to": "leader"}),
            "to = \"leader\": another replica than `from`".to_owned(),
        ),
        (
            json!({"type": "pause"}),
            "replica is missing: \"leader\", \"random\" or".to_owned(),
        ),
        (
            json!({"type": "pause", "replica": "0009"}),
            "replica = \"0009\": \"leader\", \"random\" or an ID".to_owned(),
        ),
        (
            json!({"type": "pause", "replica": "leader", "duration": -1}),
            "duration = -1: a number from 0 to 86400 seconds".to_owned(),
        ),
        (
            json!({"type": "resume", "replica": "leader"}),
            "replica = \"leader\": an ID from \"0000\" to \"0004\"".to_owned(),
        ),
        (
            json!({"type": "resume", "duration": 1}),
            "duration = 1: unknown key; known are type, time, replica".to_owned(),
        ),
        (
            json!({"type": "crash", "replica": "leader"}),
            "down is missing: a number from 0 to 86400 seconds".to_owned(),
        ),
        (
            json!({"type": "wipe", "down": 1}),
            "replica is missing: \"leader\", \"random\" or".to_owned(),
        ),
        (
            json!({"type": "restart", "replica": "0009", "down": 1}),
            "replica = \"0009\": \"leader\", \"random\" or an ID".to_owned(),
        ),
        (
            json!({"type": "power_loss", "down": 1, "replica": "0001"}),
            "replica = \"0001\": unknown key; known are type, time, down".to_owned(),
        ),
    ] {
        let mut event = event;
        event["time"] = json!(1);
        refused(json!({ "events": [event] }), &format!("events[0].{said}"));
    }
}

fn refused(changes: Value, said: &str) {
    let mut value = example();
    merge(&mut value, changes);
    let error = parse(&value).expect_err(said).to_string();
    assert!(error.starts_with(&format!("f.json: {said}")), "{error}");
    assert!(!error.contains('\n'));
}
