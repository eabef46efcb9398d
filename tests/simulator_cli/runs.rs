//! Runs that come to their end: what they find, and the files they write.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::bench::{Bench, echo, processes_with, simulator, stderr, stdout, wait_until};

#[test]
fn a_replica_that_exits_at_once_ends_the_run_with_its_last_words() {
    let bench = Bench::new(json!({}));
    let replica = bench.script("exits", "echo no port for me >&2; echo at all >&2; exit 3");
    let begin = Instant::now();
    let output = bench.run(&replica, &["--silence"]);
    assert!(
        begin.elapsed() < Duration::from_secs(4),
        "the run does not go on"
    );
    assert_eq!(output.status.code(), Some(1));
    let text = stdout(&output);
    assert!(
        text.contains("died before its hello: exit status 3"),
        "{text}"
    );
    assert!(
        text.contains("\n    no port for me\n    at all\n"),
        "{text}"
    );
    assert!(text.contains("FAILED short"), "{text}");
}

#[test]
fn a_replica_that_dies_later_fails_a_run_that_goes_on() {
    let bench = Bench::new(json!({}));
    let script = r#"[ "$2" = 0003 ] || exec "$ECHO" "$@"
(sleep 1; echo oh no >&2; kill -9 $$) &
exec "$ECHO" "$@""#;
    let output = bench.run(&bench.script("dies", script), &["--json", "out.jsonl"]);
    assert_eq!(output.status.code(), Some(1));
    let result: Value =
        serde_json::from_str(&fs::read_to_string(bench.path("out.jsonl")).unwrap()).unwrap();
    let error = result["errors"][0].as_str().unwrap();
    assert_eq!(
        error,
        "replica 0003 died on its own: killed by signal 9 (SIGKILL)"
    );
    let causes = result["causes"].as_array().unwrap();
    let crash = causes.iter().find(|it| it["kind"] == "crash").unwrap();
    let text = crash["text"].as_str().unwrap();
    assert!(text.starts_with("replica 0003 crashed at "), "{text}");
    assert!(text.ends_with(": oh no"), "{text}");
    assert_eq!(crash["quote"].as_array().unwrap().last().unwrap(), "oh no");
    assert!(result["duration_s"].as_f64().unwrap() >= 6.0);
}

#[test]
fn a_stand_in_without_replication_fails_and_every_file_is_well_formed() {
    let bench = Bench::new(json!({"events": [{"type": "kill_leader", "time": 2}]}));
    let arguments = [
        "--seed",
        "5",
        "--json",
        "out.jsonl",
        "--history",
        "history.jsonl",
        "--trace",
        "trace.jsonl",
        "--report",
        "report.html",
    ];
    let output = bench.run(&echo(), &arguments);
    assert_eq!(output.status.code(), Some(1));
    let text = stdout(&output);
    assert!(!text.contains('\x1b'), "no colour in a pipe");
    assert!(
        !stderr(&output).contains('\x1b'),
        "no progress bar in a pipe"
    );
    for part in [
        "  Replica 0004]: an echo says hello",
        "  Simulator]: kills the leader, replica 000",
        "# Simulation Finished",
        "## Useful Information and Statistics",
        "## Correctness Checks",
        "0 messages between replicas: replication takes at least 125",
        "incorrect messages or values",
        "FAILED short (seed 5)",
        "## Over Time",
        "\nWhy:  ",
        "\nWhen: at ",
        "\nSee:  ./run -r ",
        "short.json --seed 5 --report report.html\n",
    ] {
        assert!(text.contains(part), "{part:?} in {text}");
    }
    // It tells nothing of its state, but what the simulator sees is there.
    let trace = fs::read_to_string(bench.path("trace.jsonl")).unwrap();
    let lines: Vec<Value> = trace
        .lines()
        .map(|it| serde_json::from_str(it).unwrap())
        .collect();
    let of = |event: &str| lines.iter().filter(|line| line["event"] == event).count();
    assert_eq!((of("start"), of("end"), of("fault")), (1, 1, 1));
    assert_eq!(of("state"), 0);
    assert!(of("violation") > 0);
    let page = fs::read_to_string(bench.path("report.html")).unwrap();
    assert!(page.ends_with("</html>\n"));

    let json = fs::read_to_string(bench.path("out.jsonl")).unwrap();
    assert_eq!(json.lines().count(), 1);
    let result: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(result["config"], "short");
    assert_eq!(result["seed"], 5);
    assert_eq!(result["passed"], false);
    assert!(result["incorrect"].as_u64().unwrap() > 0);
    assert_eq!(result["outages_ms"].as_array().unwrap().len(), 1);
    for metric in ["total_msgs", "failures", "duplicates", "median_latency"] {
        assert!(result["metrics"][metric].is_number(), "{metric}");
        assert_eq!(result["tiers"][metric], 3, "no credit without correctness");
    }
    for quantile in ["p50", "p99", "max"] {
        assert!(result["request_latency_ms"][quantile].as_f64().unwrap() > 0.0);
    }
    assert_eq!(result["unanswered"], result["doomed"]);
    // Each of the 100 requests was answered, unless it went to the leader in the turn of its kill.
    let (messages, doomed) = (of("message") as u64, result["doomed"].as_u64().unwrap());
    assert!(messages + doomed >= 200, "{messages} {doomed}");

    check_history(
        &fs::read_to_string(bench.path("history.jsonl")).unwrap(),
        doomed,
    );
    wait_until("nobody is left", || {
        processes_with(&bench.directory.path().to_string_lossy()).is_empty()
    });
}

#[test]
fn a_history_that_cannot_be_explained_is_a_finding_beside_the_courses_verdict() {
    // With shared keys the course's rules do not look at values, and each echo has its own.
    let bench = Bench::new(json!({
        "shared_keys": 2, "tests": {
            "maximum_appends_batched_fraction": 1,
            "benchmarks": {
                "total_msgs": [100, 200, 300], "failures": [0, 1, 2],
                "duplicates": [0, 1, 2], "median_latency": [0.001, 0.005, 0.05]
            }
        }
    }));
    // Each client stays with the echo that answered it first.
    let output = bench.run(&echo(), &["--json", "out.jsonl", "--seed", "1"]);
    assert_eq!(output.status.code(), Some(1));
    let text = stdout(&output);
    let mut rest = &text[..];
    for part in [
        "History: not linearizable, see below.\n",
        "FAILED short (seed 1): ",
        "The course's program, which does not look at histories, would pass it.\n",
        "NOT LINEARIZABLE:\n",
        "shared-",
    ] {
        let at = rest.find(part);
        rest = &rest[at.unwrap_or_else(|| panic!("no {part:?} in {text}"))..];
    }
    // Nothing is praised above the proof.
    for praise in ["PASSED", "All correct", "Bonus!"] {
        assert!(!text.contains(praise), "{praise}: {text}");
    }
    let json = fs::read_to_string(bench.path("out.jsonl")).unwrap();
    let result: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(result["passed"], true);
    assert_eq!(result["linearizable"], false);
}

#[test]
fn a_broken_promise_in_virtual_time_is_told_and_fails() {
    let config = Path::new(env!("CARGO_MANIFEST_DIR")).join("configs/extra/beyond-bound.json");
    let broken = (0..20).find_map(|seed: u64| {
        let output = Command::new(simulator())
            .args(["--virtual", "--seed", &seed.to_string()])
            .arg(&config)
            .output()
            .unwrap();
        stdout(&output)
            .contains("VIOLATION lease")
            .then_some(output)
    });
    let output = broken.expect("the config breaks a lease");
    assert_eq!(output.status.code(), Some(1), "{}", stdout(&output));
}

/// All but so many attempts were answered.
fn check_history(text: &str, doomed: u64) {
    let events: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let times: Vec<u64> = events
        .iter()
        .map(|event| event["time_ns"].as_u64().unwrap())
        .collect();
    assert!(times.is_sorted());
    let mut open = std::collections::HashMap::new();
    for event in &events {
        let mid = event["mid"].as_str().unwrap();
        if event["event"] == "invoke" {
            assert_eq!(event["value"].is_string(), event["op"] == "put", "{event}");
            assert!(open.insert(mid, event).is_none(), "{event}");
        } else {
            let invoke = open.remove(mid).expect("an answer has its invoke");
            for key in ["op", "client", "request", "key"] {
                assert_eq!(event[key], invoke[key], "{key}");
            }
            let shows_value = event["event"] == "ok" && event["op"] == "get";
            assert_eq!(event["value"].is_string(), shows_value, "{event}");
        }
    }
    assert_eq!(open.len() as u64, doomed, "everything else was answered");
    let requests: Vec<u64> = events
        .iter()
        .filter(|event| event["event"] == "invoke")
        .map(|event| event["request"].as_u64().unwrap())
        .collect();
    assert_eq!(requests, (0..100).collect::<Vec<u64>>());
}

#[test]
fn all_runs_the_seventeen_tests_in_their_groups() {
    let bench = Bench::new(json!({}));
    let configs = Path::new(env!("CARGO_MANIFEST_DIR")).join("configs");
    let mut command = Command::new(simulator());
    command
        .current_dir(bench.directory.path())
        .arg("all")
        .arg("-c")
        .arg(configs);
    // Every run ends at once.
    command
        .arg("-r")
        .arg(bench.script("exits", "echo sorry >&2; exit 1"));
    command.args([
        "--seed",
        "100",
        "--json",
        "out.jsonl",
        "--history",
        "h.jsonl",
    ]);
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    let text = stdout(&output);
    let mut rest = &text[..];
    for part in [
        "Basic tests\n",
        "[FAIL] simple-1 ",
        "No credit, No credit, No credit, No credit (seed 100)",
        "sorry",
        "[FAIL] simple-2 ",
        "Unreliable network tests\n",
        "Crash failure tests\n",
        "[FAIL] crash-1 ",
        "(seed 105)",
        "Partition tests\n",
        "Advanced tests\n",
        "[FAIL] advanced-4 ",
        "(seed 116)",
        "│ config",
        "│ simple-1 ",
        "│ advanced-4 ",
        "Passed 0 out of 17 tests\n",
    ] {
        let at = rest
            .find(part)
            .unwrap_or_else(|| panic!("no {part:?} in {rest}"));
        rest = &rest[at + part.len()..];
    }
    let told = "Wrote 17 files (history): h.simple-1.jsonl to h.advanced-4.jsonl\nWrote out.jsonl (results)\n";
    assert_eq!(rest, told);
    assert!(
        !text.contains("Replica 0000]"),
        "the replicas' output is not shown"
    );
    let json = fs::read_to_string(bench.path("out.jsonl")).unwrap();
    let results: Vec<Value> = json
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(results.len(), 17);
    assert_eq!(
        (&results[16]["config"], &results[16]["seed"]),
        (&json!("advanced-4"), &json!(116))
    );
    assert!(bench.path("h.advanced-4.jsonl").is_file());
}

#[test]
fn a_death_in_the_last_moment_or_just_before_a_scheduled_kill_counts() {
    // Somebody else keeps the dead one's pipes open: its last words do not end.
    let script = r#"[ "$2" = 0003 ] || exec "$ECHO" "$@"
"$ECHO" "$@" &
sleep WHEN
kill -9 $!
setsid sleep 2 &
echo oh no >&2
exit 4"#;
    let at_the_end = json!({"start_wait": 0});
    let kills: Vec<Value> = (0..5)
        .map(|_| json!({"type": "kill_non_leader", "time": 1.05}))
        .collect();
    let before_a_kill = json!({"start_wait": 0, "events": kills});
    for (changes, when) in [(at_the_end, "5.4"), (before_a_kill, "1")] {
        let bench = Bench::new(changes);
        let replica = bench.script("dies", &script.replace("WHEN", when));
        let output = bench.run(&replica, &["--silence"]);
        assert_eq!(output.status.code(), Some(1));
        let shown = stdout(&output);
        assert!(shown.contains("replica 0003 crashed at "), "{shown}");
        assert!(shown.contains(" (exit status 4): oh no\n"), "{shown}");
        assert!(stdout(&output).contains("\n    oh no\n"));
    }
}

#[cfg(target_os = "linux")]
#[test]
fn what_cannot_be_written_costs_no_result() {
    let full = "/dev/full";
    let bench = Bench::new(json!({}));
    let exits = bench.script("exits", "exit 1");
    let output = bench.run(&exits, &["--json", full, "--history", "h.jsonl"]);
    assert_eq!(output.status.code(), Some(2));
    let shown = stdout(&output);
    let last = " --report report.html\nWrote h.jsonl (history)\n";
    assert!(shown.ends_with(last), "{shown}");
    assert!(shown.contains("FAILED short"));
    let said = "error: /dev/full: No space left on device (os error 28)\n";
    assert_eq!(stderr(&output), said);

    let mut all = Command::new(simulator());
    let configs = Path::new(env!("CARGO_MANIFEST_DIR")).join("configs");
    all.args(["all", "--json", full, "-c"]).arg(configs);
    let output = all.arg("-r").arg(&exits).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(stdout(&output).contains("Passed 0 out of 17 tests"));
    assert_eq!(stderr(&output), said, "once");

    let mut blind = bench.command(&exits);
    let stdout = fs::File::options().write(true).open(full).unwrap();
    let output = blind.stdout(stdout).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let said = "error: stdout: No space left on device (os error 28)\n";
    assert_eq!(stderr(&output), said);
}

#[test]
fn what_a_replica_sent_before_its_death_is_heard_first() {
    let bench = Bench::new(json!({"start_wait": 3}));
    // While the simulator is stopped the replica says hello and dies.
    let script = r#"[ "$2" = 0004 ] || exec "$ECHO" "$@"
kill -STOP $PPID
"$ECHO" "$@" &
sleep 0.5
kill -9 $!
(sleep 0.3; kill -CONT $PPID) &
exit 1"#;
    let output = bench.run(&bench.script("dies", script), &["--silence"]);
    for said in [
        "replica 0004 died on its own: exit status 1",
        "Simulator late:  ",
    ] {
        assert!(stdout(&output).contains(said), "{}", stdout(&output));
    }
}

#[test]
fn a_replica_may_say_hello_again_from_elsewhere() {
    let bench = Bench::new(json!({"start_wait": 2}));
    let script = r#""$ECHO" "$@" &
sleep 0.5
kill -9 $!
exec "$ECHO" "$@""#;
    bench.run(&bench.script("again", script), &["--json", "out.jsonl"]);
    let result = fs::read_to_string(bench.path("out.jsonl")).unwrap();
    let result: Value = serde_json::from_str(&result).unwrap();
    assert_eq!(result["unanswered"], 0, "{result:#}");
    assert!(result["answers"].as_u64().unwrap() >= 100);
}
