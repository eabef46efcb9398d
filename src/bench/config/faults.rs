//! What the network and the clocks do all the time, beyond the course's `drops`.
//!
//! Every key is optional, and without them a run is exactly what the course says.

use std::time::Duration;

use serde_json::Value;

use super::section::{ConfigError, Section};

/// The keys that this module reads.
pub(super) const KEYS: [&str; 7] = [
    "latency",
    "reorder",
    "reorder_ms",
    "duplicate",
    "client_drops",
    "clock_drift_ppm",
    "clock_drift_beyond_bound_ppm",
];

/// The longest delay that the network can be told to add to a message, in milliseconds.
const MAX_DELAY_MS: f64 = 10_000.0;
/// How far off this project's replica lets its clock be, in parts per million. Its documentation
/// says so; a test of the driver in virtual time holds the
/// two together.
pub const DRIFT_BOUND_PPM: u32 = 1_000;
/// The furthest that a clock can be off: one that runs at a tenth of its speed.
const MAX_DRIFT_PPM: u64 = 900_000;

/// What goes wrong all the time, beyond `drops`.
#[derive(Clone, Debug, PartialEq)]
pub struct Faults {
    /// By how much each replica-to-replica message is late.
    pub latency: Latency,
    /// The share of replica-to-replica messages that are held back.
    pub reorder: f64,
    /// For how long at most.
    pub reorder_by: Duration,
    /// The share of replica-to-replica messages that arrive twice.
    pub duplicate: f64,
    /// The share of requests, and of answers, that are lost.
    pub client_drops: f64,
    /// By how many parts per million replicas' clocks run fast or slow at most. Virtual time only.
    pub clock_drift_ppm: u32,
}

impl Default for Faults {
    fn default() -> Self {
        Faults {
            latency: Latency::None,
            reorder: 0.0,
            reorder_by: Duration::from_millis(10),
            duplicate: 0.0,
            client_drops: 0.0,
            clock_drift_ppm: 0,
        }
    }
}

/// By how much messages are late.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Latency {
    /// Not at all.
    None,
    /// By anything between the two, each as likely.
    Uniform(Duration, Duration),
    /// Mostly by little and seldom by much.
    Exponential {
        /// The mean, before the cap.
        mean: Duration,
        /// What would be later is late by this much.
        max: Duration,
    },
}

/// Reads the keys in [`KEYS`].
pub(super) fn read(top: &Section<'_>) -> Result<Faults, ConfigError> {
    let default = Faults::default();
    let default_ms = default.reorder_by.as_secs_f64() * 1e3;
    Ok(Faults {
        latency: latency(top)?,
        reorder: top.fraction("reorder", 0.0)?,
        reorder_by: milliseconds(top, "reorder_ms", Some(default_ms), 0.0)?,
        duplicate: top.fraction("duplicate", 0.0)?,
        client_drops: top.fraction("client_drops", 0.0)?,
        clock_drift_ppm: clock_drift_ppm(top)?,
    })
}

fn latency(top: &Section<'_>) -> Result<Latency, ConfigError> {
    let Some(value) = top.map.get("latency") else {
        return Ok(Latency::None);
    };
    let Value::Object(map) = value else {
        let allowed =
            "an object {\"type\", \"min_ms\", \"max_ms\"} or {\"type\", \"mean_ms\", \"max_ms\"}";
        return Err(top.wrong("latency", value, allowed));
    };
    let section = Section {
        file: top.file,
        path: "latency.",
        map,
    };
    let allowed = "\"uniform\" or \"exponential\"";
    let named = section.required("type", allowed)?;
    match named.as_str() {
        Some("uniform") => {
            section.only(&["type", "min_ms", "max_ms"])?;
            let min = milliseconds(&section, "min_ms", None, 0.0)?;
            let max = milliseconds(&section, "max_ms", None, min.as_secs_f64() * 1e3)?;
            Ok(Latency::Uniform(min, max))
        }
        Some("exponential") => {
            section.only(&["type", "mean_ms", "max_ms"])?;
            let mean = milliseconds(&section, "mean_ms", None, 0.0)?;
            let max = milliseconds(&section, "max_ms", None, mean.as_secs_f64() * 1e3)?;
            Ok(Latency::Exponential { mean, max })
        }
        _ => Err(section.wrong("type", named, allowed)),
    }
}

fn clock_drift_ppm(top: &Section<'_>) -> Result<u32, ConfigError> {
    const BEYOND: &str = "clock_drift_beyond_bound_ppm";
    let bound = u64::from(DRIFT_BOUND_PPM);
    let within = top.integer("clock_drift_ppm", Some(0), 0, bound)?;
    let Some(value) = top.map.get(BEYOND) else {
        return Ok(within as u32);
    };
    if top.map.contains_key("clock_drift_ppm") {
        return Err(top.wrong(BEYOND, value, "not together with clock_drift_ppm"));
    }
    top.integer(BEYOND, None, bound + 1, MAX_DRIFT_PPM)
        .map(|beyond| beyond as u32)
}

fn milliseconds(
    section: &Section<'_>,
    key: &str,
    default: Option<f64>,
    least: f64,
) -> Result<Duration, ConfigError> {
    section
        .number(key, default, least, MAX_DELAY_MS, "ms")
        .map(|ms| Duration::from_secs_f64(ms / 1e3))
}
