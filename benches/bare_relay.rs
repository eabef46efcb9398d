//! How close the replica comes to the shortest way that a put can take.
//!
//! Two programs in one file:
//!
//! - called with a replica's command line, `<UDP port> <own ID> <peer ID> ...`, it is a *bare relay*: the
//!   lowest ID leads, without an election; a put goes from it along a fixed route over the two next IDs
//!   and back and is answered then; a get is answered at once. No terms, no log, no lease: it would lose
//!   everything with its leader. A put that is not back after 2 ms is sent again, because under loss a
//!   relay that answers only the lucky puts would be a target that nobody who answers all can reach;
//! - `cargo bench --bench bare_relay [-- ROUNDS [SECONDS]]` plays simple-1, simple-2 and unreliable-1 with
//!   the bare relay and with leasekv in turns, and prints the medians of both and their ratio. The
//!   configs last SECONDS (30, as the course has them; 5 to 86,400), at the same rate of requests.

use std::borrow::Cow;
use std::collections::HashMap;
use std::io::ErrorKind;
use std::net::{Ipv4Addr, UdpSocket};
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

const CONFIGS: [&str; 3] = ["simple-1", "simple-2", "unreliable-1"];
const ROUNDS: u64 = 3;
const LIFETIME_SECONDS: u64 = 30;
/// The ratio that the replica is held to.
const BOUND: f64 = 1.15;
/// When the relay takes a message for lost; the replica's own shortest time.
const RETRY_AFTER: Duration = Duration::from_millis(2);

fn main() -> ExitCode {
    // `cargo bench` adds this one.
    let arguments: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| argument != "--bench")
        .collect();
    let done = match arguments.as_slice() {
        [port, own, peers @ ..] if !peers.is_empty() => relay(port, own, peers),
        [] => compare(ROUNDS, LIFETIME_SECONDS),
        [rounds] => number(rounds).and_then(|rounds| compare(rounds, LIFETIME_SECONDS)),
        [rounds, seconds] => number(rounds)
            .and_then(|rounds| number(seconds).and_then(|seconds| compare(rounds, seconds))),
        _ => unreachable!("three or more are a relay's"),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(said) => {
            eprintln!("error: {said}");
            ExitCode::from(2)
        }
    }
}

fn number(text: &str) -> Result<u64, String> {
    match text.parse() {
        Ok(number) if number > 0 => Ok(number),
        _ => Err(format!("{text:?}: expected a number from 1 on")),
    }
}

/// Every datagram that a relay sends or receives.
#[derive(Deserialize, Serialize)]
struct Datagram<'a> {
    #[serde(borrow)]
    src: Cow<'a, str>,
    #[serde(borrow)]
    dst: Cow<'a, str>,
    #[serde(borrow)]
    leader: Cow<'a, str>,
    #[serde(borrow)]
    r#type: Cow<'a, str>,
    #[serde(rename = "MID", borrow, skip_serializing_if = "Option::is_none")]
    mid: Option<Cow<'a, str>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    key: Option<Cow<'a, str>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    value: Option<Cow<'a, str>>,
    /// Whose put it is.
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    client: Option<Cow<'a, str>>,
}

/// A put on its way: the datagram for the first on the route, and when it was last sent.
struct Underway {
    datagram: Vec<u8>,
    sent_at: Instant,
}

struct Relay {
    socket: UdpSocket,
    own: String,
    leader: String,
    /// Who gets a put next after this replica: the last one's is the leader.
    next: String,
    values: HashMap<String, String>,
    underway: HashMap<String, Underway>,
    buffer: Vec<u8>,
}

/// Is a bare relay until the simulator is gone.
fn relay(port: &str, own: &str, peers: &[String]) -> Result<(), String> {
    let port: u16 = port
        .parse()
        .map_err(|error| format!("port {port:?}: {error}"))?;
    let mut all: Vec<&str> = peers.iter().map(String::as_str).chain([own]).collect();
    all.sort_unstable();
    let route = &all[..all.len().div_ceil(2)];
    let place = route.iter().position(|&id| id == own);
    let next = place.map_or(0, |place| (place + 1) % route.len());
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).map_err(|error| error.to_string())?;
    let connected = socket.connect((Ipv4Addr::LOCALHOST, port));
    connected.map_err(|error| error.to_string())?;
    let mut relay = Relay {
        socket,
        own: own.to_owned(),
        leader: all[0].to_owned(),
        next: route[next].to_owned(),
        values: HashMap::new(),
        underway: HashMap::new(),
        buffer: Vec::new(),
    };
    let hello = json!({"src": own, "dst": "FFFF", "leader": "FFFF", "type": "hello"});
    relay.buffer.extend_from_slice(hello.to_string().as_bytes());
    relay.send();
    relay.serve();
    Ok(())
}

impl Relay {
    fn serve(&mut self) {
        let mut bytes = vec![0; 65_536];
        let mut waits_briefly = false;
        loop {
            // Asked for only when it changes: the relay shall have no system call too many.
            if waits_briefly == self.underway.is_empty() {
                waits_briefly = !self.underway.is_empty();
                let timeout = waits_briefly.then_some(RETRY_AFTER);
                self.socket
                    .set_read_timeout(timeout)
                    .expect("a time above zero");
            }
            match self.socket.recv(&mut bytes) {
                Ok(length) => {
                    if let Ok(datagram) = serde_json::from_slice(&bytes[..length]) {
                        self.take(datagram);
                    }
                }
                Err(error) if error.kind() == ErrorKind::ConnectionRefused => return,
                Err(_) => {}
            }
            if waits_briefly {
                self.send_again();
            }
        }
    }

    /// A put has been passed on by everybody on the route.
    fn come_round(&mut self, datagram: Datagram<'_>, mid: Cow<'_, str>) {
        if self.underway.remove(&*mid).is_some() {
            let client = datagram.client.unwrap_or_default();
            self.answer("ok", &client, mid, None);
            let key = datagram.key.unwrap_or_default().into_owned();
            let value = datagram.value.unwrap_or_default().into_owned();
            self.values.insert(key, value);
        }
    }

    fn take(&mut self, datagram: Datagram<'_>) {
        let Some(mid) = datagram.mid.clone() else {
            return;
        };
        match &*datagram.r#type {
            "pass" if self.own == self.leader => self.come_round(datagram, mid),
            "pass" => {
                let passed = Datagram {
                    src: self.own.as_str().into(),
                    dst: self.next.as_str().into(),
                    ..datagram
                };
                write(&mut self.buffer, &passed);
                self.send();
            }
            "get" | "put" if self.own != self.leader => {
                self.answer("redirect", &datagram.src, mid, None);
            }
            "get" => {
                let key = datagram.key.unwrap_or_default();
                let value = self.values.get(&*key).cloned().unwrap_or_default();
                self.answer("ok", &datagram.src, mid, Some(&value));
            }
            "put" => {
                let passed = Datagram {
                    client: Some(datagram.src),
                    src: self.own.as_str().into(),
                    dst: self.next.as_str().into(),
                    leader: self.leader.as_str().into(),
                    r#type: "pass".into(),
                    ..datagram
                };
                write(&mut self.buffer, &passed);
                self.send();
                let underway = Underway {
                    datagram: self.buffer.clone(),
                    sent_at: Instant::now(),
                };
                self.underway.insert(mid.into_owned(), underway);
            }
            _ => {}
        }
    }

    fn send_again(&mut self) {
        let now = Instant::now();
        for underway in self.underway.values_mut() {
            if now.duration_since(underway.sent_at) >= RETRY_AFTER {
                underway.sent_at = now;
                let _ = self.socket.send(&underway.datagram);
            }
        }
    }

    fn answer(&mut self, kind: &str, client: &str, mid: Cow<'_, str>, value: Option<&str>) {
        let answer = Datagram {
            src: self.own.as_str().into(),
            dst: client.into(),
            leader: self.leader.as_str().into(),
            r#type: kind.into(),
            mid: Some(mid),
            key: None,
            value: value.map(Cow::Borrowed),
            client: None,
        };
        write(&mut self.buffer, &answer);
        self.send();
    }

    fn send(&self) {
        // What cannot be sent is lost, as with any network.
        let _ = self.socket.send(&self.buffer);
    }
}

fn write(buffer: &mut Vec<u8>, datagram: &Datagram<'_>) {
    buffer.clear();
    serde_json::to_writer(buffer, datagram).expect("a plain structure, written to memory");
}

/// What a run showed, in milliseconds.
#[derive(Clone, Copy)]
struct Shown {
    per_answer: f64,
    per_request: f64,
}

/// Plays the configs with both programs in turns and prints what came out.
fn compare(rounds: u64, seconds: u64) -> Result<(), String> {
    let bare = std::env::current_exe().map_err(|error| format!("this program: {error}"))?;
    let leasekv = Path::new(env!("CARGO_BIN_EXE_leasekv"));
    let directory = tempfile::tempdir().map_err(|error| format!("a directory: {error}"))?;
    println!(
        "{rounds} runs of each over {seconds} s, in turns; medians of the runs' medians, in ms"
    );
    println!(
        "{:<14} {:>10} {:>10} {:>7} {:>22}",
        "", "bare relay", "leasekv", "ratio", "per request, ratio"
    );
    for name in CONFIGS {
        let config = directory.path().join(format!("{name}.json"));
        shorten(name, seconds, &config)?;
        let (mut of_bare, mut of_leasekv) = (Vec::new(), Vec::new());
        for seed in 0..rounds {
            // Who is first changes, so that a slow trend of the machine favours nobody.
            let mut turns = [(bare.as_path(), &mut of_bare), (leasekv, &mut of_leasekv)];
            if seed % 2 == 1 {
                turns.reverse();
            }
            for (program, shown) in turns {
                shown.push(play(program, &config, seed)?);
            }
        }
        let [bare, leasekv] = [of_bare, of_leasekv].map(|shown| Shown {
            per_answer: median(shown.iter().map(|shown| shown.per_answer)),
            per_request: median(shown.iter().map(|shown| shown.per_request)),
        });
        let ratio = leasekv.per_answer / bare.per_answer;
        println!(
            "{name:<14} {:>10.3} {:>10.3} {ratio:>7.2} {:>8.3} {:>6.3} {:>6.2} {}",
            bare.per_answer,
            leasekv.per_answer,
            bare.per_request,
            leasekv.per_request,
            leasekv.per_request / bare.per_request,
            if ratio > BOUND {
                " above the bound"
            } else {
                ""
            },
        );
    }
    println!("The bound is {BOUND}, for the medians over all answers.");
    Ok(())
}

/// Writes a config of the course, shortened to `seconds` at the same rate of requests.
fn shorten(name: &str, seconds: u64, into: &Path) -> Result<(), String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("configs/{name}.json"));
    let text = std::fs::read_to_string(&path);
    let text = text.map_err(|error| format!("{}: {error}", path.display()))?;
    let mut config: Value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
    let whole = config["lifetime"]
        .as_u64()
        .ok_or("a lifetime in whole seconds is expected")?;
    let requests = config["requests"]
        .as_u64()
        .ok_or("a number of requests is expected")?;
    config["requests"] = json!((requests * seconds).div_ceil(whole));
    config["lifetime"] = json!(seconds);
    config["end_wait"] = json!(1);
    std::fs::write(into, config.to_string()).map_err(|error| error.to_string())
}

/// One run.
fn play(program: &Path, config: &Path, seed: u64) -> Result<Shown, String> {
    let results = config.with_extension("results");
    let output = Command::new(env!("CARGO_BIN_EXE_leasekv-sim"))
        .arg("--silence")
        .arg("--replica")
        .arg(program)
        .arg("--json")
        .arg(&results)
        .args(["--seed", &seed.to_string()])
        .arg(config)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("the simulator: {error}"))?;
    // A failed test is a result, too: the course's tiers are not the subject here.
    if !matches!(output.status.code(), Some(0 | 1)) {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    let text = std::fs::read_to_string(&results).map_err(|error| error.to_string())?;
    let result: Value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
    let shown = || {
        Some(Shown {
            per_answer: result["metrics"]["median_latency"].as_f64()? * 1e3,
            per_request: result["request_latency_ms"]["p50"].as_f64()?,
        })
    };
    shown().ok_or_else(|| format!("{} answered nothing: {result}", program.display()))
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_unstable_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() % 2 {
        1 => values[middle],
        _ => f64::midpoint(values[middle - 1], values[middle]),
    }
}
