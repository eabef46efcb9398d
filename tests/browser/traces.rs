//! Runs in virtual time, with their traces and pages.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

/// A run that left a trace and a page.
pub(crate) struct Played {
    directory: TempDir,
    /// The lines of the trace.
    pub(crate) lines: Vec<Value>,
}

/// Calls the simulator.
pub(crate) fn simulator(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_leasekv-sim"))
        // So that pages show paths as users write them.
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(arguments)
        .output()
        .expect("the simulator runs")
}

impl Played {
    /// Plays a config with a seed.
    pub(crate) fn new(config: &str, seed: u64) -> Played {
        let directory = tempfile::tempdir().expect("a directory");
        let path = |name: &str| directory.path().join(name).display().to_string();
        let (trace, page) = (path("trace.jsonl"), path("report.html"));
        simulator(&[
            config,
            "--virtual",
            "--seed",
            &seed.to_string(),
            "--trace",
            &trace,
            "--report",
            &page,
        ]);
        let text = fs::read_to_string(trace).expect("a trace");
        let lines = text
            .lines()
            .map(|line| serde_json::from_str(line).expect("JSON"));
        Played {
            lines: lines.collect(),
            directory,
        }
    }

    /// The page.
    pub(crate) fn page(&self) -> PathBuf {
        self.directory.path().join("report.html")
    }

    /// The same run drawn from a trace with other lines.
    pub(crate) fn redrawn(&self, lines: &[Value]) -> PathBuf {
        self.redrawn_with(lines, &[])
    }

    /// The same, with more options.
    pub(crate) fn redrawn_with(&self, lines: &[Value], more: &[&str]) -> PathBuf {
        let path = |name: &str| self.directory.path().join(name);
        let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
        fs::write(path("other.jsonl"), text).expect("a trace can be written");
        let (from, to) = (path("other.jsonl"), path("other.html"));
        let mut arguments = vec![
            "--from",
            from.to_str().unwrap(),
            "--report",
            to.to_str().unwrap(),
        ];
        arguments.extend(more);
        let output = simulator(&arguments);
        assert!(output.status.success(), "{output:?}");
        to
    }

    /// The lines of an event.
    pub(crate) fn of(&self, event: &str) -> impl Iterator<Item = &Value> {
        self.lines.iter().filter(move |line| line["event"] == event)
    }

    /// The only line of an event.
    pub(crate) fn one(&self, event: &str) -> &Value {
        self.of(event).next().expect("the event is in the trace")
    }

    /// What a replica had told of itself by a time: the latest value of a field.
    pub(crate) fn told(&self, replica: &str, time_ns: u64, field: &str) -> Value {
        let told = self.of("state").filter(|line| {
            line["replica"] == replica
                && line["time_ns"].as_u64() <= Some(time_ns)
                && !line[field].is_null()
        });
        told.last()
            .map(|line| line[field].clone())
            .unwrap_or_default()
    }
}
