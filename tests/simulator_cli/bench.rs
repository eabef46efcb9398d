//! What the tests share: a directory with a short config, stand-ins for replicas, and a look at who lives.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

/// How long something that happens at once may take on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) fn simulator() -> PathBuf {
    env!("CARGO_BIN_EXE_leasekv-sim").into()
}

/// The stand-in, which cargo builds along with the tests.
pub(crate) fn echo() -> PathBuf {
    let echo = simulator().with_file_name("examples").join("echo_replica");
    assert!(
        echo.is_file(),
        "{} is missing: run `cargo test` as a whole",
        echo.display()
    );
    echo
}

/// A directory with a short config, changed as asked.
pub(crate) struct Bench {
    pub(crate) directory: TempDir,
}

impl Bench {
    pub(crate) fn new(changes: Value) -> Bench {
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

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, text).unwrap();
        path
    }

    /// A script in the place of a replica. It reaches the echo as `$ECHO`.
    pub(crate) fn script(&self, name: &str, text: &str) -> PathBuf {
        let echo = echo();
        let path = self.write(
            name,
            &format!("#!/bin/sh\nECHO='{}'\n{text}\n", echo.display()),
        );
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    pub(crate) fn command(&self, replica: &Path) -> Command {
        let mut command = Command::new(simulator());
        command
            .current_dir(self.directory.path())
            .env_remove("LEASEKV_CONFIG_DIRECTORY")
            .arg("--replica")
            .arg(replica)
            .arg("short.json");
        command
    }

    pub(crate) fn run(&self, replica: &Path, arguments: &[&str]) -> Output {
        self.command(replica).args(arguments).output().unwrap()
    }
}

pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// The living processes whose command line has `text` in it; zombies do not live.
pub(crate) fn processes_with(text: &str) -> Vec<u32> {
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

pub(crate) fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !done() {
        assert!(begin.elapsed() < PATIENCE, "waited in vain: {what}");
        sleep(Duration::from_millis(20));
    }
}

/// Sends a signal, e.g. `-9`, to a process or, with a `-` before its number, to a group.
pub(crate) fn send_signal(signal: &str, target: &str) {
    let kill = Command::new("kill").args([signal, "--", target]).status();
    assert!(kill.unwrap().success(), "kill {signal} {target}");
}

/// Whether a process ignores a signal.
pub(crate) fn ignores(pid: u32, signal: u32) -> bool {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = u64::from_str_radix(mask.unwrap_or("0").trim(), 16).unwrap();
    mask >> (signal - 1) & 1 == 1
}
