//! A busy cluster: what gives first when the rate of requests rises, and does it bend or break?
//!
//! `cargo bench --bench busy [-- virtual|real [RATE...]]`. Five replicas, 64 clients, puts only (a get is
//! answered by the leader alone), no losses; each rate (requests a second, 50 to 20,000) for five
//! seconds, in virtual time, where computing costs nothing, and with processes in real time. What
//! clients saw is checked for linearizability at the end of each run.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

use serde::Deserialize;
use serde_json::{Value, json};

const RATES: [u64; 8] = [50, 200, 1_000, 2_000, 5_000, 10_000, 15_000, 20_000];
const SECONDS: u64 = 5;
/// A leader must be there when the first request comes.
const START_WAIT_SECONDS: f64 = 8.0;

fn main() -> ExitCode {
    // `cargo bench` adds `--bench`.
    let arguments = std::env::args().skip(1).filter(|text| text != "--bench");
    let mut modes = vec!["virtual", "real"];
    let mut rates = Vec::new();
    for argument in arguments {
        match (argument.as_str(), argument.parse()) {
            ("virtual", _) => modes = vec!["virtual"],
            ("real", _) => modes = vec!["real"],
            (_, Ok(rate)) if rate > 0 => rates.push(rate),
            _ => {
                eprintln!("error: {argument:?}: expected virtual, real or requests a second");
                return ExitCode::from(2);
            }
        }
    }
    if rates.is_empty() {
        rates = RATES.to_vec();
    }
    for mode in modes {
        println!("{mode} time; latency per request, from its first attempt to its ok");
        println!(
            "{:>9} {:>8} {:>10} {:>10} {:>7} {:>7} {:>9} {:>10} {:>9} {:>9}",
            "offered/s",
            "ok/s",
            "p50",
            "p99",
            "fail",
            "lost",
            "redirects",
            "duplicates",
            "msgs/put",
            "honest"
        );
        for &rate in &rates {
            match play(mode, rate) {
                Ok(row) => println!("{row}"),
                Err(said) => {
                    eprintln!("error: {rate} requests a second: {said}");
                    return ExitCode::from(2);
                }
            }
        }
    }
    ExitCode::SUCCESS
}

/// A line of a history.
#[derive(Deserialize)]
struct Event {
    time_ns: u64,
    event: String,
}

/// A run; what came of it as a row.
fn play(mode: &str, rate: u64) -> Result<String, String> {
    let directory = tempfile::tempdir().map_err(|error| format!("a directory: {error}"))?;
    let config = directory.path().join("busy.json");
    let text = json!({
        "lifetime": SECONDS, "start_wait": START_WAIT_SECONDS, "end_wait": 2, "replicas": 5,
        "requests": rate * SECONDS, "mix": 0, "clients": 64, "max_packets": 10_000_000,
        "punctual": true,
        "tests": {"benchmarks": {
            "total_msgs": [1e9, 2e9, 3e9], "failures": [1e9, 2e9, 3e9],
            "duplicates": [1e9, 2e9, 3e9], "median_latency": [100, 200, 300],
        }},
    });
    std::fs::write(&config, text.to_string()).map_err(|error| error.to_string())?;
    let (results, history) = (
        config.with_extension("results"),
        config.with_extension("history"),
    );
    let mut command = Command::new(env!("CARGO_BIN_EXE_leasekv-sim"));
    match mode {
        "virtual" => command.arg("--virtual"),
        _ => command.arg("--replica").arg(env!("CARGO_BIN_EXE_leasekv")),
    };
    let output = command
        .args(["--silence", "--seed", "1", "--json"])
        .arg(&results)
        .arg("--history")
        .arg(&history)
        .arg(&config)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("the simulator: {error}"))?;
    if !matches!(output.status.code(), Some(0 | 1)) {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    let result = std::fs::read_to_string(&results).map_err(|error| error.to_string())?;
    let result: Value = serde_json::from_str(&result).map_err(|error| error.to_string())?;
    row(rate, &result, &history)
}

fn row(rate: u64, result: &Value, history: &Path) -> Result<String, String> {
    let file = std::fs::File::open(history).map_err(|error| error.to_string())?;
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    let (mut first, mut last) = (u64::MAX, 0);
    for line in BufReader::new(file).lines() {
        let line = line.map_err(|error| error.to_string())?;
        let event: Event = serde_json::from_str(&line).map_err(|error| error.to_string())?;
        first = first.min(event.time_ns);
        if event.event == "ok" {
            last = last.max(event.time_ns);
        }
        *counts.entry(event.event).or_default() += 1;
    }
    let count = |event: &str| counts.get(event).copied().unwrap_or(0);
    let seconds = last.saturating_sub(first) as f64 / 1e9;
    let metrics = &result["metrics"];
    let latency = |share: &str| match result["request_latency_ms"][share].as_f64() {
        Some(ms) => format!("{ms:.3} ms"),
        None => "-".to_owned(),
    };
    let lost = count("invoke") - count("ok") - count("redirect") - count("fail");
    Ok(format!(
        "{rate:>9} {:>8.0} {:>10} {:>10} {:>7} {lost:>7} {:>9} {:>10} {:>9.3} {:>9}",
        count("ok") as f64 / seconds,
        latency("p50"),
        latency("p99"),
        count("fail"),
        count("redirect"),
        metrics["duplicates"],
        metrics["total_msgs"].as_f64().unwrap_or(f64::NAN) / count("ok") as f64,
        result["linearizable"],
    ))
}
