//! Config files: what a run is and how it is judged.
//!
//! Every file a user may write ends in a valid [`Config`] or in one line that names the file, the
//! key, the value and what is allowed. No part of the simulation checks a config again.
//!
//! Refused are: a file that cannot be read, is larger than 1 MiB or is not a JSON object; a required
//! key that is missing; a key that is not known (but for the stray one of the course's own files); a
//! value of the wrong type or out of its range; thresholds that decrease or are negative; more than
//! 1,000 events, events of an unknown type or at a negative time. Accepted are equal thresholds, any
//! whole number as a seed, and events that come after the run's end, which never happen.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use super::disk::{self, DiskFaults};
use super::events::{self, PlannedEvent};
use super::faults::{self, Faults};
use super::metric::Metric;
use super::section::{ConfigError, Section, quoted};
use crate::bench::protocol::roster::{CLIENTS, Roster};

/// The most bytes that a config file may have.
const MAX_FILE_BYTES: u64 = 1 << 20;
const MAX_REQUESTS: u64 = 1_000_000;
const MAX_PACKETS: u64 = 1_000_000_000;
/// The longest `purpose`, in characters.
const MAX_PURPOSE_CHARACTERS: usize = 200;
/// The most clients.
const MAX_CLIENTS: u64 = 64;
/// The most keys that clients can share.
const MAX_SHARED_KEYS: u64 = 100_000;

/// What a run is and how it is judged.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// The file's name without directory and extension.
    pub name: String,
    /// What the run is to show, in one line, if the file says so.
    pub purpose: Option<String>,
    /// How long clients make requests.
    pub lifetime: Duration,
    /// The number of replicas.
    pub replicas: usize,
    /// The number of clients.
    pub clients: usize,
    /// How many keys all clients share; with none each has its own, as the course's have.
    pub shared_keys: usize,
    /// The number of requests that users make.
    pub requests: u32,
    /// Whether requests and events happen at their very times. Else they happen as in the course's
    /// program, late and in bursts.
    pub punctual: bool,
    /// The share of requests that are gets.
    pub mix: f64,
    /// How long replicas have before the first request.
    pub start_wait: Duration,
    /// How long answers may still come after the last request.
    pub end_wait: Duration,
    /// The share of replica-to-replica messages that the network loses.
    pub drops: f64,
    /// What else goes wrong all the time.
    pub faults: Faults,
    /// What goes wrong with the replicas' disks. With it they have disks in virtual time, whatever else happens.
    pub disk: Option<DiskFaults>,
    /// The number of replica-to-replica messages that ends a run early.
    pub max_packets: u64,
    /// The seed, if the file fixes it.
    pub seed: Option<u64>,
    /// What goes wrong and when, in time order.
    pub events: Vec<PlannedEvent>,
    /// Each metric's thresholds for bonus, full and partial credit, in [`Metric::ALL`]'s order.
    pub benchmarks: [[f64; 3]; 4],
    /// The largest tolerated share of gets without an answer.
    pub maximum_get_fail_fraction: f64,
    /// The largest tolerated share of puts without an answer.
    pub maximum_put_fail_fraction: f64,
    /// The largest tolerated number of gets that had to become puts, as a share of the gets drawn.
    pub maximum_get_generation_fail_fraction: f64,
    /// The largest share of appends that batching can have saved.
    pub maximum_appends_batched_fraction: f64,
}

impl Config {
    /// Reads a config file.
    ///
    /// # Errors
    ///
    /// If it cannot be read (or is larger than 1 MiB) or is not a valid config.
    pub fn load(file: &Path) -> Result<Config, ConfigError> {
        let shown = file.display().to_string();
        let unreadable = |error: std::io::Error| ConfigError(format!("{shown}: {error}"));
        if file.is_dir() {
            return Err(ConfigError(format!(
                "{shown}: a directory, not a config file"
            )));
        }
        // Not by the length that the system tells: a pipe has none.
        let mut text = Vec::new();
        File::open(file)
            .and_then(|opened| opened.take(MAX_FILE_BYTES + 1).read_to_end(&mut text))
            .map_err(unreadable)?;
        if text.len() as u64 > MAX_FILE_BYTES {
            return Err(ConfigError(format!(
                "{shown}: larger than {MAX_FILE_BYTES} bytes"
            )));
        }
        let name = file
            .file_stem()
            .map_or_else(String::new, |stem| stem.to_string_lossy().into());
        Config::parse(&text, &shown, name)
    }

    /// Reads a config's text; `file` is what errors call it.
    ///
    /// # Errors
    ///
    /// If it is not a valid config.
    pub fn parse(text: &[u8], file: &str, name: String) -> Result<Config, ConfigError> {
        let value: Value = serde_json::from_slice(text)
            .map_err(|error| ConfigError(format!("{file}: not JSON: {error}")))?;
        let Value::Object(map) = &value else {
            return Err(ConfigError(format!(
                "{file}: {}: a config is a JSON object",
                quoted(&value)
            )));
        };
        let top = Section {
            file,
            path: "",
            map,
        };
        if let Some(wait) = map.get("wait") {
            return Err(top.wrong("wait", wait, "this key is called start_wait"));
        }
        let mut known = vec![
            "lifetime",
            "replicas",
            "requests",
            "tests",
            "mix",
            "start_wait",
            "end_wait",
            "drops",
            "max_packets",
            "seed",
            "events",
            // Stands here in some of the course's own files, where their program ignores it.
            "maximum_get_generation_fail_fraction",
            "purpose",
            "clients",
            "shared_keys",
            "punctual",
        ];
        known.extend(faults::KEYS);
        known.push(disk::KEY);
        top.only(&known)?;
        let tests = top.section("tests", "tests.")?;
        tests.only(&[
            "benchmarks",
            "maximum_get_fail_fraction",
            "maximum_put_fail_fraction",
            "maximum_get_generation_fail_fraction",
            "maximum_appends_batched_fraction",
        ])?;
        let replicas = top.integer("replicas", None, 3, 21)? as usize;
        Ok(Config {
            name,
            purpose: purpose(&top)?,
            lifetime: top.seconds("lifetime", None, 5.0)?,
            replicas,
            clients: top.integer("clients", Some(CLIENTS as u64), 1, MAX_CLIENTS)? as usize,
            shared_keys: top.integer("shared_keys", Some(0), 0, MAX_SHARED_KEYS)? as usize,
            requests: top.integer("requests", None, 0, MAX_REQUESTS)? as u32,
            punctual: top.flag("punctual")?,
            mix: top.fraction("mix", 0.8)?,
            start_wait: top.seconds("start_wait", Some(5.0), 0.0)?,
            end_wait: top.seconds("end_wait", Some(2.0), 0.0)?,
            drops: top.fraction("drops", 0.0)?,
            faults: faults::read(&top)?,
            disk: disk::read(&top)?,
            max_packets: top.integer("max_packets", Some(20_000), 1, MAX_PACKETS)?,
            seed: seed(&top)?,
            events: events::read(&top, Roster::new(replicas))?,
            benchmarks: benchmarks(&tests)?,
            maximum_get_fail_fraction: tests.fraction("maximum_get_fail_fraction", 0.5)?,
            maximum_put_fail_fraction: tests.fraction("maximum_put_fail_fraction", 0.5)?,
            maximum_get_generation_fail_fraction: tests
                .fraction("maximum_get_generation_fail_fraction", 0.1)?,
            maximum_appends_batched_fraction: tests
                .fraction("maximum_appends_batched_fraction", 0.5)?,
        })
    }

    /// How long the whole run takes.
    pub fn total(&self) -> Duration {
        self.start_wait + self.lifetime + self.end_wait
    }

    /// Whether the replicas need a memory that outlives them.
    pub fn has_disks(&self) -> bool {
        self.disk.is_some() || self.events.iter().any(|event| event.kind.starts_again())
    }

    /// Who takes part.
    pub fn roster(&self) -> Roster {
        Roster::new(self.replicas).with_clients(self.clients)
    }
}

fn purpose(top: &Section<'_>) -> Result<Option<String>, ConfigError> {
    let Some(value) = top.map.get("purpose") else {
        return Ok(None);
    };
    value
        .as_str()
        .filter(|text| text.chars().count() <= MAX_PURPOSE_CHARACTERS)
        .filter(|text| !text.chars().any(char::is_control))
        .map(|text| Some(text.to_owned()))
        .ok_or_else(|| {
            let allowed = format!("one line of at most {MAX_PURPOSE_CHARACTERS} characters");
            top.wrong("purpose", value, &allowed)
        })
}

fn benchmarks(tests: &Section<'_>) -> Result<[[f64; 3]; 4], ConfigError> {
    const ALLOWED: &str = "three numbers from 0, none below the one before (bonus, full, partial)";
    let section = tests.section("benchmarks", "tests.benchmarks.")?;
    section.only(&Metric::ALL.map(Metric::name))?;
    let mut benchmarks = [[0.0; 3]; 4];
    for (metric, thresholds) in Metric::ALL.into_iter().zip(&mut benchmarks) {
        let value = section.required(metric.name(), ALLOWED)?;
        let numbers: Option<Vec<f64>> = value
            .as_array()
            .and_then(|list| list.iter().map(Value::as_f64).collect());
        *thresholds = numbers
            .and_then(|numbers| <[f64; 3]>::try_from(numbers).ok())
            .filter(|[bonus, full, partial]| 0.0 <= *bonus && bonus <= full && full <= partial)
            .ok_or_else(|| section.wrong(metric.name(), value, ALLOWED))?;
    }
    Ok(benchmarks)
}

/// A negative seed is taken for the number with the same 64 bits, one beyond 64 bits for those of the
/// closest floating-point number.
fn seed(top: &Section<'_>) -> Result<Option<u64>, ConfigError> {
    let Some(value) = top.map.get("seed") else {
        return Ok(None);
    };
    value
        .as_u64()
        .or_else(|| value.as_i64().map(i64::cast_unsigned))
        .or_else(|| value.as_f64().filter(|n| n.abs() >= 9e18).map(f64::to_bits))
        .map(Some)
        .ok_or_else(|| top.wrong("seed", value, "a whole number"))
}

#[cfg(test)]
pub(crate) mod tests;
