//! What is told besides a run's verdict: what was written, what there is, what replicas think.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::json;

use crate::bench::{
    Bench, echo, processes_with, send_signal, simulator, stderr, stdout, wait_until,
};

fn configs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("configs")
}

#[test]
fn every_file_that_was_written_is_told() {
    let bench = Bench::new(json!({}));
    let mut command = Command::new(simulator());
    command.current_dir(bench.directory.path());
    command.args(["short.json", "--virtual", "--seed", "1"]);
    for (option, file) in [
        ("--report", "r.html"),
        ("--json", "j.jsonl"),
        ("--trace", "t.jsonl"),
        ("--history", "h.jsonl"),
    ] {
        command.args([option, file]);
    }
    let text = stdout(&command.output().unwrap());
    let told = "Wrote h.jsonl (history)\nWrote r.html (report)\nWrote j.jsonl (results)\nWrote t.jsonl (trace)\n";
    assert!(text.ends_with(told), "{text}");

    let mut all = Command::new(simulator());
    all.current_dir(bench.directory.path());
    all.args(["all", "--virtual", "--history", "h.jsonl", "-c"]);
    let text = stdout(&all.arg(configs()).output().unwrap());
    let told = "Wrote 17 files (history): h.simple-1.jsonl to h.advanced-4.jsonl\n";
    assert!(text.ends_with(told), "{text}");
}

#[test]
fn a_run_that_is_ended_at_once_leaves_no_empty_file_and_an_old_one_as_it_was() {
    let bench = Bench::new(json!({"start_wait": 60}));
    bench.write("old.html", "old");
    let mut command = Command::new(simulator());
    command.current_dir(bench.directory.path());
    let replica = bench.script("named", r#"exec "$ECHO" "$@" "$0""#);
    command
        .arg("all")
        .arg("-c")
        .arg(configs())
        .arg("-r")
        .arg(&replica);
    command.args(["--trace", "t.jsonl", "--report", "old.html"]);
    let child = command.stdout(Stdio::null()).spawn().unwrap();
    let name = replica.display().to_string();
    wait_until("it runs", || processes_with(&name).len() == 6);
    send_signal("-KILL", &child.id().to_string());
    child.wait_with_output().unwrap();
    fs::remove_file(&replica).unwrap();
    let entries = fs::read_dir(bench.directory.path()).unwrap().flatten();
    let mut names: Vec<_> = entries.map(|it| it.file_name()).collect();
    names.sort();
    assert_eq!(names, ["old.html", "short.json"]);
    assert_eq!(fs::read_to_string(bench.path("old.html")).unwrap(), "old");
}

#[test]
fn a_name_that_no_config_has_is_told_with_all_that_there_are() {
    let run = |name: &str| {
        let mut command = Command::new(simulator());
        command.arg(name).arg("--virtual").arg("-c").arg(configs());
        command.output().unwrap()
    };
    assert_eq!(run("chaos").status.code(), Some(0), "found in extra");
    let output = run("choas");
    assert_eq!(output.status.code(), Some(2));
    let said = stderr(&output);
    let first = "error: choas: no config has this name; did you mean chaos?\n  all\n  advanced-1, ";
    assert!(said.starts_with(first), "{said}");
    assert!(said.contains("\n  extra: beyond-bound, ") && said.contains("\n  start: "));
    let far = stderr(&run("something-else"));
    assert!(
        far.starts_with("error: something-else: no config has this name\n"),
        "{far}"
    );
}

#[test]
fn bad_options_of_our_replica_are_told_once_before_any_run() {
    let bench = Bench::new(json!({}));
    let run = |arguments: &[&str]| {
        let mut command = Command::new(simulator());
        command.current_dir(bench.directory.path());
        command.env("LEASEKV_OPTIONS", "lees=1s").args(arguments);
        command.output().unwrap()
    };
    let output = run(&["short.json"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(output.stdout.is_empty());
    let said = stderr(&output);
    assert_eq!(said.matches("LEASEKV_OPTIONS").count(), 1, "{said}");
    assert!(said.starts_with("error: LEASEKV_OPTIONS: "), "{said}");
    // To others they mean nothing.
    let echo = echo();
    let output = run(&["short.json", "-s", "-r", echo.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
}

#[test]
fn cores_in_virtual_time_say_what_they_think_with_its_time_and_their_names() {
    let run = |level: &str, arguments: &[&str]| {
        let mut command = Command::new(simulator());
        command.env("RUST_LOG", level).args(["--virtual", "-c"]);
        command.arg(configs()).args(arguments);
        stdout(&command.output().unwrap())
    };
    let text = run("info", &["crash-4", "--seed", "3"]);
    let mut first_commits: BTreeMap<String, usize> = BTreeMap::new();
    let mut last = 0.0;
    for line in text.lines().filter(|line| line.contains("  Replica ")) {
        let (time, rest) = line[1..].split_once("  Replica ").unwrap();
        let time: f64 = time.parse().unwrap();
        assert!(time >= last && time < 60.0, "{line}");
        last = time;
        let (who, said) = rest.split_once("]: [INFO ] ").expect("level and text");
        assert_eq!(who.len(), 4);
        if let Some(term) = said.strip_prefix("first commit of term ") {
            let term = term.split(':').next().unwrap();
            *first_commits.entry(format!("{who} {term}")).or_default() += 1;
        }
    }
    // Three leaders, each with a term of its own, and each tells of it once.
    assert_eq!(first_commits.len(), 3, "{first_commits:?}");
    assert!(
        first_commits.values().all(|times| *times == 1),
        "{first_commits:?}"
    );
    for (level, arguments) in [
        ("off", &["crash-4", "--seed", "3"][..]),
        ("info", &["crash-4", "--seed", "3", "--silence"]),
        ("info", &["crash-4", "--seeds", "3"]),
    ] {
        assert!(
            !run(level, arguments).contains("INFO"),
            "{level} {arguments:?}"
        );
    }
    let debug = run("debug", &["put", "--seed", "1"]);
    assert!(debug.contains("]: [DEBUG] <- ") && debug.contains("]: [DEBUG] -> "));
}

#[cfg(target_os = "linux")]
#[test]
fn a_sweep_whose_files_cannot_be_written_still_shows_its_tables() {
    let bench = Bench::new(json!({}));
    for option in ["--json", "--report", "--history"] {
        let mut command = Command::new(simulator());
        command.current_dir(bench.directory.path());
        command.args([
            "short.json",
            "--virtual",
            "--seeds",
            "1",
            option,
            "/dev/full",
        ]);
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{option}");
        let text = stdout(&output);
        assert!(
            text.contains("1 runs in ") && text.contains("total_msgs"),
            "{text}"
        );
        let said = "error: /dev/full: No space left on device (os error 28)\n";
        assert_eq!(stderr(&output), said, "{option}");
    }
}

#[test]
fn the_configs_to_begin_with_each_teach_one_thing_and_are_passed() {
    let mut found = 0;
    for entry in fs::read_dir(configs().join("start")).unwrap().flatten() {
        found += 1;
        let path = entry.path();
        let config: serde_json::Value =
            serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        let purpose = config["purpose"].as_str().expect("a purpose");
        let mut command = Command::new(simulator());
        let output = command.arg(&path).args(["--virtual"]).output().unwrap();
        let text = stdout(&output);
        assert_eq!(output.status.code(), Some(0), "{text}");
        assert!(text.contains(purpose), "{text}");
    }
    assert_eq!(found, 5);
    // By processes as well, all at once.
    let runs: Vec<_> = ["election", "put", "get", "loss", "dead-follower"]
        .iter()
        .map(|name| {
            let mut command = Command::new(simulator());
            command.args([name, "--silence", "-c"]).arg(configs());
            command.env_remove("LEASEKV_OPTIONS");
            command.stdout(Stdio::piped()).spawn().unwrap()
        })
        .collect();
    for run in runs {
        let output = run.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", stdout(&output));
    }
    // A replica that elects nobody does not pass the first one.
    let bench = Bench::new(json!({}));
    let election = configs().join("start/election.json");
    fs::copy(election, bench.path("short.json")).unwrap();
    let silent = bench.run(&bench.script("silent", "exec sleep 60"), &["-s"]);
    assert_eq!(silent.status.code(), Some(1));
}

#[test]
fn help_shows_as_required_only_what_is_and_git_does_not_show_what_is_kept() {
    let output = Command::new(simulator()).arg("--help").output().unwrap();
    let help = stdout(&output);
    let usage = "\nUsage: run [OPTIONS] TEST\n       run --from TRACE --report FILE\n";
    assert!(help.contains(usage), "{help}");
    let kept = help.split("[default: ").find_map(|rest| {
        let value = rest.split(']').next()?;
        value.starts_with("failed").then(|| value.to_owned())
    });
    let ignored = fs::read_to_string(configs().with_file_name(".gitignore")).unwrap();
    let line = format!("/{}/", kept.expect("a default"));
    assert!(ignored.lines().any(|it| it == line), "{line} in {ignored}");
}
