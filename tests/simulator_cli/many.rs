//! Many runs: several at a time, several of each, held against earlier ones, merged.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

use crate::bench::{
    Bench, echo, ignores, processes_with, send_signal, simulator, stderr, stdout, wait_until,
};

/// A sweep of the short config in virtual time.
fn sweep(bench: &Bench, options: &str, arguments: &[&str]) -> Output {
    let mut command = Command::new(simulator());
    command.current_dir(bench.directory.path());
    command.env("LEASEKV_OPTIONS", options);
    command.args(["short.json", "--virtual"]).args(arguments);
    command.output().unwrap()
}

fn results(bench: &Bench, name: &str) -> Vec<Value> {
    let text = fs::read_to_string(bench.path(name)).unwrap();
    let lines = text.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn files(bench: &Bench) -> BTreeSet<String> {
    let entries = fs::read_dir(bench.directory.path()).unwrap().flatten();
    entries
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect()
}

#[test]
fn what_failed_how_often_is_told_and_the_worst_of_each_kind_is_kept() {
    let bench = Bench::new(json!({"seed": 7, "mix": 0}));
    // Two kinds: in one run nobody replicates, in the others a replica dies.
    let script = r#"[ "$2" = 0003 ] && ! mkdir first 2>/dev/null && (sleep 1; echo "oh no $$" >&2; kill -9 $$) &
exec "$ECHO" "$@""#;
    let replica = bench.script("perhaps", script);
    let output = bench.run(
        &replica,
        &["--runs", "3", "--jobs", "3", "--json", "out.jsonl"],
    );
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    let text = stdout(&output);
    for part in [
        "[FAIL] short ",
        "(seed 7)",
        "(seed 9)",
        "\ntotal_msgs\n",
        "\nwhat failed\n",
        "replica N crashed at N s (killed by signal N (SIGKILL)): oh no N",
        "The worst of each kind is kept:\n  ./run --from failed-runs/short.seed-",
        "3 failed, ",
        "Wrote out.jsonl (results)\n",
    ] {
        assert!(text.contains(part), "{part:?} in {text}");
    }
    assert!(!text.contains("  Replica "), "output is not shown: {text}");
    let seeds: Vec<Value> = results(&bench, "out.jsonl")
        .iter()
        .map(|run| run["seed"].clone())
        .collect();
    assert_eq!(seeds, [json!(7), json!(8), json!(9)]);
    assert!(
        text.contains("\nmedian_latency (ms, 3 runs at a time)\n"),
        "{text}"
    );
    // What is kept is drawn by the command that is told, and there is one for each kind.
    let told: Vec<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("  ./run --from "))
        .collect();
    assert_eq!(told.len(), 2, "{text}");
    let kept = fs::read_dir(bench.path("failed-runs")).unwrap().count();
    assert_eq!(kept, told.len());
    for command in told {
        let arguments: Vec<&str> = command.split(' ').collect();
        let drawn = Command::new(simulator())
            .current_dir(bench.directory.path())
            .arg("--from")
            .args(arguments)
            .output()
            .unwrap();
        assert_eq!(drawn.status.code(), Some(0), "{}", stderr(&drawn));
        assert_eq!(stdout(&drawn), "Wrote report.html (report)\n");
    }
}

#[test]
fn runs_at_the_same_time_are_told_in_their_order_and_their_times_are_marked() {
    let bench = Bench::new(json!({}));
    let configs = Path::new(env!("CARGO_MANIFEST_DIR")).join("configs");
    let mut all = Command::new(simulator());
    all.current_dir(bench.directory.path()).arg("all");
    all.arg("-c").arg(configs).arg("-r");
    // The later ones of those that run together end first.
    all.arg(bench.script("exits", "sleep 0.$(($1 % 3)); exit 1"));
    all.args(["--jobs", "8", "--seed", "1", "--json", "out.jsonl"]);
    let output = all.output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    let text = stdout(&output);
    let order: Vec<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("  [FAIL] "))
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert_eq!(order.len(), 17);
    assert!(order.starts_with(&["simple-1", "simple-2", "unreliable-1"]));
    assert_eq!(text.matches(" tests\n").count(), 6, "{text}");
    for part in [
        "┆ median latency* ┆",
        "\n* 8 runs at a time: these times are those of a machine that they share\n",
        "Passed 0 out of 17 tests\n",
    ] {
        assert!(text.contains(part), "{part:?} in {text}");
    }
    let runs = results(&bench, "out.jsonl");
    let told: Vec<&str> = runs
        .iter()
        .filter_map(|run| run["config"].as_str())
        .collect();
    assert_eq!(told, order);
    assert!(runs.iter().all(|run| run["jobs"] == 8));
}

/// The ports in the command lines of the processes with this name in theirs.
fn ports_of(name: &str) -> BTreeSet<String> {
    processes_with(name)
        .into_iter()
        .filter_map(|pid| fs::read(format!("/proc/{pid}/cmdline")).ok())
        .filter_map(|line| {
            let line = String::from_utf8_lossy(&line).into_owned();
            let mut words = line
                .split('\0')
                .skip_while(|word| !word.parse::<u16>().is_ok_and(|it| it > 999));
            words.next().map(str::to_owned)
        })
        .collect()
}

#[test]
fn many_runs_that_are_interrupted_leave_no_process_no_port_and_no_half_file() {
    let wrapped = r#""$ECHO" "$@" "$0"
exit"#;
    // In the background a shell ignores SIGINT, and hands that on.
    let (request, status) = match ignores(std::process::id(), 2) {
        true => ("-TERM", 143),
        false => ("-INT", 130),
    };
    for (own, signal) in [
        (true, request),
        (false, request),
        (true, "-KILL"),
        (false, "-KILL"),
    ] {
        let bench = Bench::new(json!({"lifetime": 60}));
        let replica = match own {
            // A copy, by whose path its processes are found.
            true => {
                let copy = bench.path("own-replica");
                fs::copy(env!("CARGO_BIN_EXE_leasekv"), &copy).unwrap();
                copy
            }
            false => bench.script("wrapper", wrapped),
        };
        let before = files(&bench);
        let mut command = bench.command(&replica);
        command.args(["--runs", "5", "--jobs", "3", "--report", "report.html"]);
        let child = command.stdout(Stdio::piped()).spawn().unwrap();
        let name = replica.display().to_string();
        // Three runs of five replicas, and five shells around each five; and the simulator.
        let expected = if own { 16 } else { 31 };
        // A process that is just being started has the simulator's command line for a moment, without a port.
        wait_until("all run", || {
            processes_with(&name).len() == expected && ports_of(&name).len() == 15
        });
        let ports = ports_of(&name);
        send_signal(signal, &child.id().to_string());
        let output = child.wait_with_output().unwrap();
        wait_until("nobody is left", || processes_with(&name).is_empty());
        let sockets = fs::read_to_string("/proc/net/udp").unwrap();
        for port in ports {
            let port: u16 = port.parse().unwrap();
            let bound = format!(":{port:04X} 00000000:0000");
            assert!(!sockets.contains(&bound), "{port} in {sockets}");
        }
        let mut expected = before;
        if signal == request {
            assert_eq!(output.status.code(), Some(status));
            let text = stdout(&output);
            assert_eq!(text.matches("  Interrupted after ").count(), 3, "{text}");
            let last = "Interrupted, of 5 runs these were played: 0 runs in ";
            assert!(text.contains(last), "{text}");
            let page = fs::read_to_string(bench.path("report.html")).unwrap();
            assert!(page.ends_with("</html>\n"));
            expected.insert("report.html".to_owned());
        }
        assert_eq!(files(&bench), expected);
    }
}

#[test]
fn a_run_that_cannot_be_made_ends_the_others_and_is_told_once() {
    let bench = Bench::new(json!({"lifetime": 60}));
    let odd = bench.script("odd", "");
    fs::write(&odd, "#!/no/such/interpreter\n").unwrap();
    let output = bench.run(&odd, &["--runs", "9", "--jobs", "4"]);
    assert_eq!(output.status.code(), Some(2));
    let said = stderr(&output);
    assert!(
        said.contains("cannot be started") && said.lines().count() == 1,
        "{said}"
    );
}

#[test]
fn a_baseline_tells_what_is_worse_and_what_is_the_same() {
    let bench = Bench::new(json!({}));
    sweep(&bench, "", &["--seeds", "30", "--json", "old.jsonl"]);
    // It may be the file that is written anew.
    let same = [
        "--seeds",
        "30",
        "--baseline",
        "old.jsonl",
        "--json",
        "old.jsonl",
    ];
    let output = sweep(&bench, "", &same);
    assert_eq!(output.status.code(), Some(0), "{}", stdout(&output));
    let said = "Against old.jsonl: 0 worse, 0 better, ";
    assert!(stdout(&output).contains(said), "{}", stdout(&output));
    // Other seeds of the same are noise.
    let others = ["--seeds", "100..130", "--baseline", "old.jsonl"];
    let output = sweep(&bench, "", &others);
    assert_eq!(output.status.code(), Some(0), "{}", stdout(&output));

    let beating = "heartbeat_interval=20ms,leader_stickiness=30ms,suspected_stickiness=20ms";
    let against_old = [
        "--seeds",
        "30",
        "--baseline",
        "old.jsonl",
        "--json",
        "new.jsonl",
    ];
    let output = sweep(&bench, beating, &against_old);
    assert_eq!(output.status.code(), Some(1), "{}", stdout(&output));
    let text = stdout(&output);
    let row = text.lines().find(|line| line.contains("┆ messages "));
    let row = row.unwrap_or_else(|| panic!("no messages in {text}"));
    assert!(row.contains("30 pairs") && row.contains("WORSE"), "{row}");
    let output = sweep(&bench, "", &["--seeds", "30", "--baseline", "new.jsonl"]);
    let text = stdout(&output);
    let row = text.lines().find(|line| line.contains("┆ messages "));
    assert!(row.is_some_and(|row| row.ends_with("┆ better │")), "{text}");

    bench.write("bad.jsonl", "{\"config\": 7}\n");
    let output = sweep(&bench, "", &["--seeds", "2", "--baseline", "bad.jsonl"]);
    assert_eq!(output.status.code(), Some(2));
    let said = "error: bad.jsonl: line 1: no result of a run: ";
    assert!(stderr(&output).starts_with(said), "{}", stderr(&output));
}

#[test]
fn merged_parts_are_the_whole() {
    let bench = Bench::new(json!({}));
    for (seeds, file) in [
        ("0..4", "a.jsonl"),
        ("4..10", "b.jsonl"),
        ("10", "whole.jsonl"),
    ] {
        sweep(&bench, "", &["--seeds", seeds, "--json", file]);
    }
    let merge = |arguments: &[&str]| {
        let mut command = Command::new(simulator());
        command.current_dir(bench.directory.path()).arg("--merge");
        command.args(arguments).output().unwrap()
    };
    let tables = |output: &Output| {
        let text = stdout(output);
        let (tables, last) = text.split_once("\n10 runs in ").expect("ten runs");
        assert!(last.contains(" failed, 0 with a violation.\n"), "{last}");
        tables.to_owned()
    };
    let merged = merge(&["b.jsonl", "a.jsonl", "--report", "merged.html"]);
    assert_eq!(merged.status.code(), Some(0), "{}", stderr(&merged));
    let whole = sweep(&bench, "", &["--seeds", "10", "--report", "whole.html"]);
    assert_eq!(tables(&merged), tables(&whole));
    let page = |name: &str| {
        let page = fs::read_to_string(bench.path(name)).unwrap();
        page.len()
    };
    assert_eq!(page("merged.html"), page("whole.html"));
    let held = merge(&["a.jsonl", "b.jsonl", "--baseline", "whole.jsonl"]);
    assert!(
        stdout(&held).contains("0 worse, 0 better"),
        "{}",
        stdout(&held)
    );

    let twice = merge(&["a.jsonl", "whole.jsonl"]);
    assert_eq!(twice.status.code(), Some(2));
    assert_eq!(stderr(&twice), "error: short: seed 0 is there twice\n");
    sweep(
        &bench,
        "lease=250ms",
        &["--seeds", "4..6", "--json", "other.jsonl"],
    );
    let mixed = merge(&["a.jsonl", "other.jsonl"]);
    assert_eq!(mixed.status.code(), Some(2));
    let said = "error: other.jsonl: line 1: short was played otherwise before: ";
    assert!(stderr(&mixed).starts_with(said), "{}", stderr(&mixed));
}

#[test]
fn what_is_asked_for_in_vain_is_refused() {
    let bench = Bench::new(json!({}));
    for arguments in [
        &["--runs", "0"][..],
        &["--jobs", "0"],
        &["--jobs", "33"],
        &["--runs", "2", "--trace", "t"],
        &["--runs", "2", "--history", "h"],
        &["--virtual", "--runs", "2"],
        &["--virtual", "--jobs", "2"],
        &["--merge", "a", "--seed", "1"],
    ] {
        let output = bench.run(&echo(), arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
    }
}
