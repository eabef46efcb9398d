//! However a run ends, it says so and leaves no replica behind.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::bench::{
    Bench, echo, ignores, processes_with, send_signal, simulator, stdout, wait_until,
};

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
        send_signal("-9", &target);
        child.wait().unwrap();
        let name = bench.path("wrapper").display().to_string();
        wait_until("nobody is left", || processes_with(&name).is_empty());
    }
}

#[test]
fn an_interrupted_run_shows_its_statistics_and_leaves_no_replica() {
    let signals = [("-INT", 2, 130), ("-TERM", 15, 143), ("-HUP", 1, 129)];
    for (signal, number, status) in signals {
        // What these tests were started with is handed on: in the background a shell ignores SIGINT.
        if ignores(std::process::id(), number) {
            continue;
        }
        let bench = Bench::new(json!({"start_wait": 60}));
        let child = start_wrapped(&bench);
        send_signal(signal, &child.id().to_string());
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
fn an_interrupted_sweep_sums_up_what_it_has_played() {
    let bench = Bench::new(json!({}));
    let page = bench.path("sweep.html");
    let child = Command::new(simulator())
        .arg(bench.path("short.json"))
        .args(["--virtual", "--seeds", "100000", "--report"])
        .arg(&page)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let listens = || {
        let status = fs::read_to_string(format!("/proc/{}/status", child.id()));
        let status = status.unwrap_or_default();
        let mask = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
        u64::from_str_radix(mask.unwrap_or("0").trim(), 16).unwrap() >> 14 & 1 == 1
    };
    wait_until("it listens", listens);
    std::thread::sleep(Duration::from_millis(300));
    send_signal("-TERM", &child.id().to_string());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(143));
    let text = stdout(&output);
    assert!(text.contains("Interrupted, of 100000 runs"), "{text}");
    let page = fs::read_to_string(page).unwrap();
    assert!(page.ends_with("</html>\n"));
}

#[test]
fn a_hangup_that_is_ignored_stays_ignored() {
    let bench = Bench::new(json!({"start_wait": 60}));
    let mut command = Command::new("sh");
    command
        .args(["-c", "trap '' HUP; exec \"$0\" \"$@\""])
        .arg(simulator())
        .arg("-r")
        .arg(bench.script("script", r#"exec "$ECHO" "$@" "$0""#))
        .arg(bench.path("short.json"))
        .stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut line = String::new();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    stdout.read_line(&mut line).unwrap();
    send_signal("-HUP", &child.id().to_string());
    std::thread::sleep(Duration::from_millis(300));
    assert!(child.try_wait().unwrap().is_none(), "it goes on");
    send_signal("-TERM", &child.id().to_string());
    stdout.read_to_string(&mut line).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(143));
}

#[test]
fn a_second_request_to_stop_is_obeyed_at_once_even_if_nobody_reads() {
    let bench = Bench::new(json!({"start_wait": 60}));
    // Its output fills the pipe, and all that the simulator keeps of it.
    let loud = bench.script("loud", r#"yes "$0" & exec "$ECHO" "$@" "$0""#);
    let name = loud.display().to_string();
    let mut child = bench.command(&loud).stdout(Stdio::piped()).spawn().unwrap();
    wait_until("all run", || processes_with(&name).len() == 11);
    std::thread::sleep(Duration::from_millis(500));
    send_signal("-TERM", &child.id().to_string());
    std::thread::sleep(Duration::from_millis(1500));
    assert!(child.try_wait().unwrap().is_none(), "it waits for a reader");
    send_signal("-TERM", &child.id().to_string());
    wait_until("the simulator is gone", || {
        child.try_wait().unwrap().is_some()
    });
    assert_eq!(child.wait().unwrap().code(), Some(143));
    wait_until("nobody is left", || processes_with(&name).is_empty());
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
    send_signal("-TERM", &child.id().to_string());
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
        r#"(sleep 1; while sleep 0.1; do echo chat; done) & exec "$ECHO" "$@""#,
    );
    let mut child = bench
        .command(&chatty)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let first = lines.next().unwrap().unwrap();
    assert!(first.starts_with("# Running short.json with "), "{first}");
    // By then nothing wakes the driver any more.
    lines.find(|line| line.as_ref().unwrap().ends_with("chat"));
    drop(lines);
    let begin = Instant::now();
    assert_eq!(child.wait().unwrap().code(), Some(141));
    assert!(begin.elapsed() < Duration::from_secs(5));
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

/// A replica in a session of its own: no signal to the wrapper's group reaches it.
const ESCAPING: &str = r#"setsid "$ECHO" "$@" "$0"
exit"#;

#[test]
fn who_left_the_replicas_group_is_found_however_the_simulator_ends() {
    for signal in ["-TERM", "-9"] {
        let bench = Bench::new(json!({"start_wait": 60}));
        let escaping = bench.script("escaping", ESCAPING);
        let name = escaping.display().to_string();
        let mut command = bench.command(&escaping);
        let mut child = command.arg("-s").stdout(Stdio::null()).spawn().unwrap();
        wait_until("eleven processes", || processes_with(&name).len() == 11);
        send_signal(signal, &child.id().to_string());
        child.wait().unwrap();
        wait_until("nobody is left", || processes_with(&name).is_empty());
    }
}

#[test]
fn a_scheduled_kill_reaches_who_left_the_replicas_group() {
    let kill = json!([{"type": "kill_non_leader", "time": 0}]);
    let bench = Bench::new(json!({"start_wait": 1, "lifetime": 60, "events": kill}));
    let escaping = bench.script("escaping", ESCAPING);
    let name = escaping.display().to_string();
    let mut command = bench.command(&escaping);
    let mut child = command.arg("-s").stdout(Stdio::null()).spawn().unwrap();
    wait_until("eleven processes", || processes_with(&name).len() == 11);
    wait_until("nine processes", || processes_with(&name).len() == 9);
    send_signal("-TERM", &child.id().to_string());
    child.wait().unwrap();
    wait_until("nobody is left", || processes_with(&name).is_empty());
}

#[cfg(target_os = "linux")]
#[test]
fn the_watchdog_has_another_name_and_is_not_the_only_guard() {
    let bench = Bench::new(json!({"start_wait": 60}));
    let mut command = bench.command(&echo());
    let mut child = command.stdout(Stdio::null()).spawn().unwrap();
    let simulator = child.id();
    // The processes that the simulator started: number and name.
    let started = || -> Vec<(u32, String)> {
        let of = |pid: u32| -> Option<(u32, String)> {
            let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
            let parent = format!("\nPPid:\t{simulator}\n");
            let name = status.lines().next()?.strip_prefix("Name:\t")?;
            status.contains(&parent).then(|| (pid, name.to_owned()))
        };
        processes_with("").into_iter().filter_map(of).collect()
    };
    let named = |name: &str| {
        let started = started().into_iter();
        started
            .filter(|(_, found)| found == name)
            .collect::<Vec<_>>()
    };
    wait_until("five replicas", || named("echo_replica").len() == 5);
    let replicas = named("echo_replica");
    let watchdog = named("replica-watchdo");
    assert_eq!(watchdog.len(), 1, "{:?}", started());
    let watchdog = watchdog[0].0.to_string();
    let line = fs::read(format!("/proc/{watchdog}/cmdline")).unwrap();
    assert!(line.starts_with(b"replica-watchdog\0"));

    send_signal("-9", &watchdog);
    send_signal("-9", &simulator.to_string());
    child.wait().unwrap();
    wait_until("the kernel ends the replicas", || {
        let living = processes_with("echo_replica");
        replicas.iter().all(|(pid, _)| !living.contains(pid))
    });
}

#[test]
fn an_interrupted_suite_shows_what_it_has_of_the_test_under_way() {
    let bench = Bench::new(json!({}));
    let configs = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("configs");
    let mut all = Command::new(simulator());
    all.arg("all").arg("-c").arg(configs).arg("-r").arg(echo());
    all.args(["--seed", "3", "--json"]).arg(bench.path("out"));
    let child = all.stdout(Stdio::piped()).spawn().unwrap();
    std::thread::sleep(Duration::from_secs(1));
    send_signal("-TERM", &child.id().to_string());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(143));
    let text = stdout(&output);
    let statistics = text.find("# Simulation Interrupted").expect("statistics");
    let table = text.find("Passed 0 out of 17 tests").expect("a table");
    assert!(statistics < table, "{text}");
    assert!(text.ends_with("Interrupted: 0 tests were run.\n"), "{text}");
    let results = fs::read_to_string(bench.path("out")).unwrap();
    assert_eq!(results, "", "only complete runs are results");
}
