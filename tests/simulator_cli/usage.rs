//! What a user asks for, and what is wrong with it.

use std::fs;
use std::process::Command;

use serde_json::json;

use crate::bench::{Bench, echo, simulator, stderr, stdout};

#[test]
fn bad_usage_is_said_in_a_few_lines_with_status_2() {
    let run = |arguments: &[&str]| Command::new(simulator()).args(arguments).output().unwrap();
    for arguments in [
        &[][..],
        &["--bogus"],
        &["a", "b"],
        &["--seed", "x", "a"],
        &["a", "-r"],
        &["--from", "a"],
        &["--from", "a", "--report", "b", "simple-1"],
        &["a", "--virtual", "--seeds", "2", "--trace", "b"],
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
fn a_bad_option_for_embedded_cores_is_one_line_with_status_2() {
    let bench = Bench::new(json!({}));
    let config = bench.path("short.json");
    for arguments in [
        &["--virtual", "--seed", "1"][..],
        &["--virtual", "--seeds", "2"],
    ] {
        let run = |options: &str| {
            let mut command = Command::new(simulator());
            command.arg(&config).args(arguments);
            command.arg("--json").arg(bench.path("results"));
            command.env("LEASEKV_OPTIONS", options);
            command.output().expect("the simulator is built")
        };
        let output = run("lease=soon");
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        let said =
            "error: LEASEKV_OPTIONS: lease: \"soon\" is not a time such as 250us, 300ms or 2s\n";
        assert_eq!(stderr(&output), said);
        assert!(output.stdout.is_empty());

        // Good ones reach the cores: the same seeds take other messages.
        let results = |options: &str| {
            run(options);
            fs::read_to_string(bench.path("results")).expect("they were written")
        };
        let plain = results("");
        assert_eq!(plain, results("client_hold=20ms"));
        let beating =
            results("heartbeat_interval=20ms,leader_stickiness=30ms,suspected_stickiness=20ms");
        assert_ne!(plain, beating);
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
fn one_file_for_two_things_is_refused_before_it_is_emptied() {
    let bench = Bench::new(json!({}));
    bench.write("out", "old");
    for history in ["out", "./out"] {
        let output = bench.run(&echo(), &["--json", "out", "--history", history]);
        assert_eq!(output.status.code(), Some(2));
        let said = format!("error: {history}: --json and --history need a file each\n");
        assert_eq!(stderr(&output), said);
    }
    let said = "error: out: --history and --report need a file each\n";
    let output = bench.run(&echo(), &["--history", "out", "--report", "out"]);
    assert_eq!(stderr(&output), said);
    assert_eq!(fs::read_to_string(bench.path("out")).unwrap(), "old");
}

#[test]
fn a_bad_trace_is_named_with_its_line_and_keeps_the_report() {
    let bench = Bench::new(json!({}));
    bench.write("report.html", "old");
    let start = concat!(
        r#"{"event":"start","format":"leasekv-trace","version":1,"config":{},"seed":1,"#,
        r#""replicas":["0000"],"clients":[],"options":{},"command":""}"#,
    );
    bench.write("cut.jsonl", &format!("{start}\n"));
    bench.write(
        "broken.jsonl",
        &format!("{start}\n{{\"event\":\"fault\"}}\n"),
    );
    for (from, said) in [
        ("none.jsonl", "none.jsonl: No such file"),
        (
            "short.json",
            "short.json: line 1: no line of a trace: missing field `event`",
        ),
        ("cut.jsonl", "cut.jsonl: line 2: the trace is not whole"),
        (
            "broken.jsonl",
            "broken.jsonl: line 2: `fault`: missing field `time_ns`",
        ),
        (".", ".: a directory"),
        (
            "report.html",
            "report.html: --from and --report need a file each",
        ),
    ] {
        let output = Command::new(simulator())
            .current_dir(bench.directory.path())
            .args(["--from", from, "--report", "report.html"])
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(2), "{from}");
        let error = stderr(&output);
        assert!(error.starts_with(&format!("error: {said}")), "{error}");
        assert_eq!(error.lines().count(), 1, "{error}");
        let kept = fs::read_to_string(bench.path("report.html")).unwrap();
        assert_eq!(kept, "old", "{from}");
    }
}

#[test]
fn the_seed_of_the_command_line_beats_the_configs() {
    let bench = Bench::new(json!({"seed": 41}));
    let exits = bench.script("exits", "exit 1");
    for (arguments, seed) in [(&[][..], "seed 41"), (&["--seed", "42"], "seed 42")] {
        let output = bench.run(&exits, arguments);
        let first = stdout(&output).lines().next().unwrap().to_owned();
        assert!(first.ends_with(seed), "{first}");
    }
}
