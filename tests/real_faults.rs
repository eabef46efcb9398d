//! The faults beyond the course's on real replicas as processes, in real time.
#![cfg(feature = "simulator")]

use std::fs;
use std::process::Command;

use serde_json::{Value, json};

/// Runs a config of 5 s with 200 requests on two shared keys and the faults of `changes`. Returns
/// the run's JSON and what was printed.
fn run(changes: &Value) -> (Value, String) {
    let mut config = json!({
        "purpose": "shows real faults", "start_wait": 2, "lifetime": 5, "end_wait": 2,
        "replicas": 5, "requests": 200, "mix": 0.5, "shared_keys": 2,
        "tests": {
            // It is about faults, not about how fast this machine is.
            "benchmarks": {
                "total_msgs": [20000, 20000, 20000], "failures": [1000, 1000, 1000],
                "duplicates": [1000, 1000, 1000], "median_latency": [2, 2, 2]
            },
            "maximum_appends_batched_fraction": 1
        }
    });
    for (key, value) in changes.as_object().expect("an object") {
        config[key] = value.clone();
    }
    let directory = tempfile::tempdir().expect("a directory");
    let file = |name: &str| directory.path().join(name);
    fs::write(file("config.json"), config.to_string()).expect("a file");
    let output = Command::new(env!("CARGO_BIN_EXE_leasekv-sim"))
        .arg("--replica")
        .arg(env!("CARGO_BIN_EXE_leasekv"))
        .arg("--json")
        .arg(file("run.json"))
        .arg(file("config.json"))
        .output()
        .expect("the simulator is built");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(0), "{text}");
    let result = fs::read_to_string(file("run.json")).expect("written");
    let result: Value = serde_json::from_str(&result).expect("JSON");
    assert_eq!(result["linearizable"], true, "{text}");
    (result, text)
}

#[test]
fn a_leader_that_stands_still_is_replaced_and_one_that_never_goes_on_is_ended_with_the_run() {
    let events = json!([
        {"type": "pause", "time": 1, "replica": "leader", "duration": 2},
        {"type": "pause", "time": 4, "replica": "random"}
    ]);
    let (result, text) = run(&json!({ "events": events }));
    assert!(text.contains("shows real faults\n"), "{text}");
    assert_eq!(text.matches("pauses replica").count(), 2, "{text}");
    let paused = |note: &str| {
        let line = text.lines().find(|line| line.contains(note));
        line.and_then(|line| line.split_whitespace().last())
            .map(str::to_owned)
    };
    assert_eq!(paused("pauses replica"), paused("resumes replica"));
    assert!(
        result["messages_by_type"]["vote"].as_u64() > Some(0),
        "{result}"
    );
}

#[test]
fn late_and_doubled_messages_break_nothing() {
    let (result, text) = run(&json!({
        "latency": {"type": "uniform", "min_ms": 5, "max_ms": 8},
        "duplicate": 0.5, "reorder": 0.1, "clock_drift_ppm": 100
    }));
    assert_eq!(result["unanswered"], 0, "{result}");
    let puts_take = result["request_latency_ms"]["p99"].as_f64();
    assert!(puts_take.is_some_and(|ms| ms >= 10.0), "{result}");
    assert!(text.contains("drift is for virtual time only"), "{text}");
}

#[test]
fn cuts_and_client_losses_break_nothing() {
    let events = json!([
        {"type": "cut", "time": 1, "from": "leader", "to": "random"},
        {"type": "isolate_leader", "time": 2}, {"type": "part_end", "time": 3},
        {"type": "split", "time": 4, "sides": [["0000", "0001", "0002"]]}
    ]);
    let (result, text) = run(&json!({"events": events, "client_drops": 0.05}));
    assert!(result["unanswered"].as_u64() > Some(0), "{result}");
    for note in [
        "cuts messages from",
        "isolates the leader",
        "majority 0000 0001 0002",
    ] {
        assert!(text.contains(note), "{note}: {text}");
    }
    assert!(text.contains("Lost to and from clients:"), "{text}");
}
