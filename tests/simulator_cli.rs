//! The simulator as a user meets it: its program, real processes, real signals.
//!
//! The replicas are the echo stand-in and small scripts around it, so that nothing here depends on
//! how a real replica works.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

/// How long something that happens at once may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(10);

fn simulator() -> PathBuf {
    env!("CARGO_BIN_EXE_leasekv-sim").into()
}

/// The stand-in, which cargo builds along with the tests.
fn echo() -> PathBuf {
    let echo = simulator().with_file_name("examples").join("echo_replica");
    assert!(
        echo.is_file(),
        "{} is missing: run `cargo test` as a whole",
        echo.display()
    );
    echo
}

/// A directory with a short config, changed as asked.
struct Bench {
    directory: TempDir,
}

impl Bench {
    fn new(changes: Value) -> Bench {
        let mut config = json!({
            "lifetime": 5, "start_wait": 0.5, "end_wait": 0.5, "replicas": 5, "requests": 100,
            "mix": 0.5,
            "tests": {"benchmarks": {
                "total_msgs": [100, 200, 300], "failures": [0, 1, 2],
                "duplicates": [0, 1, 2], "median_latency": [0.001, 0.005, 0.05]
            }}
        });
        for (key, value) in changes.as_object().unwrap() {
            config[key] = value.clone();
        }
        let bench = Bench {
            directory: TempDir::new().unwrap(),
        };
        bench.write("short.json", &config.to_string());
        bench
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, text).unwrap();
        path
    }

    /// A script in the place of a replica. It reaches the echo as `$ECHO`.
    fn script(&self, name: &str, text: &str) -> PathBuf {
        let echo = echo();
        let path = self.write(
            name,
            &format!("#!/bin/sh\nECHO='{}'\n{text}\n", echo.display()),
        );
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    fn command(&self, replica: &Path) -> Command {
        let mut command = Command::new(simulator());
        command
            .current_dir(self.directory.path())
            .env_remove("LEASEKV_CONFIG_DIRECTORY")
            .arg("--replica")
            .arg(replica)
            .arg("short.json");
        command
    }

    fn run(&self, replica: &Path, arguments: &[&str]) -> Output {
        self.command(replica).args(arguments).output().unwrap()
    }
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// The living processes whose command line has `text` in it; zombies do not live.
fn processes_with(text: &str) -> Vec<u32> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let Ok(pid) = entry.file_name().to_string_lossy().parse() else {
            continue;
        };
        // A zombie has no command line.
        let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line).into_owned();
        if pid != std::process::id() && line.contains(text) {
            found.push(pid);
        }
    }
    found
}

fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !done() {
        assert!(begin.elapsed() < PATIENCE, "waited in vain: {what}");
        sleep(Duration::from_millis(20));
    }
}

#[test]
fn bad_usage_is_said_in_a_few_lines_with_status_2() {
    let run = |arguments: &[&str]| Command::new(simulator()).args(arguments).output().unwrap();
    for arguments in [
        &[][..],
        &["--bogus"],
        &["a", "b"],
        &["--seed", "x", "a"],
        &["a", "-r"],
    ] {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(
            stderr(&output).starts_with("error: "),
            "{}",
            stderr(&output)
        );
    }
    for arguments in [["-h"], ["--help"], ["-V"], ["--version"]] {
        let output = run(&arguments);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}");
        assert!(!output.stdout.is_empty());
    }
}

#[test]
fn a_bad_config_is_one_line_with_status_2() {
    let bench = Bench::new(json!({"lifetime": 3}));
    let output = bench.run(&echo(), &[]);
    assert_eq!(output.status.code(), Some(2));
    let said = "error: short.json: lifetime = 3: a number from 5 to 86400 seconds\n";
    assert_eq!(stderr(&output), said);
    assert!(output.stdout.is_empty());

    bench.write("short.json", "{");
    let output = bench.run(&echo(), &[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).starts_with("error: short.json: not JSON: "));
    assert_eq!(stderr(&output).lines().count(), 1);

    fs::remove_file(bench.path("short.json")).unwrap();
    let output = bench.run(&echo(), &[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).starts_with("error: short.json: No such file"));

    let mut all = Command::new(simulator());
    all.args(["all", "-c", "nowhere", "-r"])
        .arg(echo())
        .current_dir(bench.directory.path());
    let output = all.output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).starts_with("error: nowhere/simple-1.json: "));
}

#[test]
fn a_replica_that_cannot_be_started_is_one_line_with_status_2() {
    let bench = Bench::new(json!({}));
    let text = bench.write("text", "no program");
    let odd = bench.script("odd", "");
    fs::write(&odd, "#!/no/such/interpreter\n").unwrap();
    for (replica, said) in [
        (bench.path("missing"), "No such file"),
        (bench.directory.path().to_owned(), "not a program file"),
        (text, "not executable"),
        (odd, "cannot be started"),
    ] {
        let output = bench.run(&replica, &["--silence"]);
        assert_eq!(output.status.code(), Some(2), "{said}");
        let error = stderr(&output);
        assert!(
            error.starts_with(&format!("error: replica {}: ", replica.display())),
            "{error}"
        );
        assert!(error.contains(said), "{error}");
        assert_eq!(error.lines().count(), 1, "{error}");
    }
}

#[test]
fn a_file_that_cannot_be_written_is_said_before_the_run() {
    let bench = Bench::new(json!({}));
    for option in ["--json", "--history"] {
        let output = bench.run(&echo(), &[option, "no/where.jsonl"]);
        assert_eq!(output.status.code(), Some(2));
        assert!(stderr(&output).starts_with("error: no/where.jsonl cannot be written: "));
        assert!(output.stdout.is_empty(), "before the run");
    }
}

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
    assert!(error.starts_with("replica 0003 died on its own: killed by signal 9 (SIGKILL)"));
    assert!(error.ends_with("oh no"), "{error}");
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
    ] {
        assert!(text.contains(part), "{part:?} in {text}");
    }

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
    assert_eq!(result["unanswered"], 0);

    check_history(&fs::read_to_string(bench.path("history.jsonl")).unwrap());
    wait_until("nobody is left", || {
        processes_with(&bench.directory.path().to_string_lossy()).is_empty()
    });
}

fn check_history(text: &str) {
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
    assert!(open.is_empty(), "everything was answered");
    let requests: Vec<u64> = events
        .iter()
        .filter(|event| event["event"] == "invoke")
        .map(|event| event["request"].as_u64().unwrap())
        .collect();
    assert_eq!(requests, (0..100).collect::<Vec<u64>>());
}

#[test]
fn a_config_is_found_around_the_config_directory() {
    let bench = Bench::new(json!({}));
    fs::create_dir(bench.path("elsewhere")).unwrap();
    fs::rename(bench.path("short.json"), bench.path("elsewhere/short.json")).unwrap();
    for name in ["elsewhere/short.json", "short.json", "short"] {
        let mut command = Command::new(simulator());
        command
            .env("LEASEKV_CONFIG_DIRECTORY", bench.path("elsewhere"))
            .current_dir("/");
        command
            .arg("-s")
            .arg(name)
            .arg("-r")
            .arg(bench.script("exits", "exit 1"));
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{name}: {}", stderr(&output));
    }
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
    assert_eq!(rest, "");
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

/// Replicas behind a shell that stays their parent: the shell's death does not reach them.
const WRAPPER: &str = r#""$ECHO" "$@" "$0"
exit"#;

/// Starts a run with wrapped replicas, in a process group of its own, and waits until all run.
fn start_wrapped(bench: &Bench) -> std::process::Child {
    let wrapper = bench.script("wrapper", WRAPPER);
    let mut command = bench.command(&wrapper);
    command
        .arg("--silence")
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .process_group(0);
    let child = command.spawn().unwrap();
    let name = wrapper.display().to_string();
    // The simulator, five shells, five echoes.
    wait_until("eleven processes", || processes_with(&name).len() == 11);
    child
}

#[test]
fn killing_the_simulator_or_its_whole_group_leaves_no_replica() {
    for whole_group in [false, true] {
        let bench = Bench::new(json!({"start_wait": 60}));
        let mut child = start_wrapped(&bench);
        let target = match whole_group {
            true => format!("-{}", child.id()),
            false => child.id().to_string(),
        };
        let kill = Command::new("kill")
            .args(["-9", "--", &target])
            .status()
            .unwrap();
        assert!(kill.success());
        child.wait().unwrap();
        let name = bench.path("wrapper").display().to_string();
        wait_until("nobody is left", || processes_with(&name).is_empty());
    }
}

#[test]
fn an_interrupted_run_shows_its_statistics_and_leaves_no_replica() {
    for (signal, status) in [("-INT", 130), ("-TERM", 143), ("-HUP", 129)] {
        let bench = Bench::new(json!({"start_wait": 60}));
        let child = start_wrapped(&bench);
        Command::new("kill")
            .args([signal, &child.id().to_string()])
            .status()
            .unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(status), "{signal}");
        let text = stdout(&output);
        assert!(text.contains("# Simulation Interrupted"), "{text}");
        assert!(text.contains("Client get requests:"), "{text}");
        wait_until("nobody is left", || {
            processes_with(&bench.path("wrapper").display().to_string()).is_empty()
        });
    }
}

#[test]
fn a_replica_that_ignores_sigterm_is_killed_all_the_same() {
    let bench = Bench::new(json!({"start_wait": 60}));
    let script = r#"trap '' TERM
"$ECHO" "$@" "$0"
exit"#;
    let stubborn = bench.script("stubborn", script);
    let name = stubborn.display().to_string();
    let child = bench
        .command(&stubborn)
        .arg("-s")
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    wait_until("eleven processes", || processes_with(&name).len() == 11);
    let begin = Instant::now();
    Command::new("kill")
        .arg(child.id().to_string())
        .status()
        .unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(143));
    assert!(begin.elapsed() < Duration::from_secs(3));
    wait_until("nobody is left", || processes_with(&name).is_empty());
}

#[test]
fn a_reader_that_goes_away_ends_the_run_without_a_panic() {
    let bench = Bench::new(json!({"start_wait": 60}));
    let chatty = bench.script(
        "chatty",
        r#"(while sleep 0.1; do echo chat; done) & exec "$ECHO" "$@""#,
    );
    let mut child = bench
        .command(&chatty)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    assert!(line.starts_with("# Running short.json with "), "{line}");
    // The reader is dropped here.
    assert_eq!(child.wait().unwrap().code(), Some(141));
    let mut said = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut said)
        .unwrap();
    assert_eq!(said, "");
    let name = chatty.display().to_string();
    wait_until("nobody is left", || processes_with(&name).is_empty());
}
