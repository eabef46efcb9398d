//! Reads again what `--json` wrote: the runs of one or more files, by config.
//!
//! Whatever stands in the files, the result is proper samples or one line about what is wrong. Files of
//! older versions have less in them; what is missing is taken not to be known.

use std::collections::{BTreeMap, HashMap};
use std::io::{self, BufRead, Read};
use std::time::Duration;

use serde::Deserialize;

use crate::bench::config::Metric;
use crate::bench::verdict::samples::{Sample, Sweep, Way};
use crate::bench::verdict::scoring::Tier;

/// The longest line, in bytes.
const MAX_LINE_BYTES: u64 = 1 << 20;
/// The most runs that are read; they take some 5 GB.
const MAX_RUNS: usize = 20_000_000;
/// The most configs that are told apart.
const MAX_CONFIGS: usize = 1_000;
/// The most outages that are read of a run.
const MAX_OUTAGES: usize = 1_000;

/// What is read of a line.
#[derive(Debug, Deserialize)]
struct Line {
    config: String,
    seed: u64,
    passed: bool,
    #[serde(default)]
    errors: Vec<String>,
    #[serde(default)]
    metrics: BTreeMap<String, Option<f64>>,
    #[serde(default)]
    tiers: BTreeMap<String, u8>,
    #[serde(default)]
    reachable: BTreeMap<String, u8>,
    #[serde(default)]
    thresholds: BTreeMap<String, [f64; 3]>,
    linearizable: Option<bool>,
    violation: Option<String>,
    #[serde(default)]
    doomed: u64,
    #[serde(default)]
    request_latency_ms: Latency,
    #[serde(default)]
    outages_ms: Vec<f64>,
    #[serde(default = "one")]
    jobs: usize,
    r#virtual: Option<bool>,
    command: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
struct Latency {
    p50: Option<f64>,
    p99: Option<f64>,
    max: Option<f64>,
}

fn one() -> usize {
    1
}

/// Runs that were read, by config in the order of their first lines.
#[derive(Debug, Default)]
pub struct Played {
    /// The runs.
    pub sweeps: Vec<Sweep>,
    places: HashMap<String, usize>,
    runs: usize,
}

impl Played {
    /// Reads one more file.
    ///
    /// # Errors
    ///
    /// One line about what is wrong with the file, with the number of its line.
    pub fn read(&mut self, mut from: impl BufRead) -> Result<(), String> {
        let mut bytes = Vec::new();
        for number in 1_usize.. {
            bytes.clear();
            let count = (&mut from)
                .take(MAX_LINE_BYTES + 1)
                .read_until(b'\n', &mut bytes)
                .map_err(|error: io::Error| error.to_string())?;
            if count == 0 {
                break;
            }
            let taken = match count as u64 > MAX_LINE_BYTES {
                true => Err(format!("longer than {MAX_LINE_BYTES} bytes")),
                false => self.take(&bytes),
            };
            taken.map_err(|what| format!("line {number}: {what}"))?;
        }
        Ok(())
    }

    fn take(&mut self, bytes: &[u8]) -> Result<(), String> {
        let line: Line = serde_json::from_slice(bytes).map_err(|error| {
            let text = error.to_string();
            let end = text.rfind(" at line ").unwrap_or(text.len());
            format!("no result of a run: {}", &text[..end])
        })?;
        if self.runs == MAX_RUNS {
            return Err(format!("more than {MAX_RUNS} runs"));
        }
        self.runs += 1;
        let seed = line.seed;
        let command = line.command.as_deref().unwrap_or(&line.config);
        let command = command
            .strip_suffix(&format!(" --seed {seed}"))
            .unwrap_or(command);
        let way = Way {
            // Until it was written down, results of many seeds were those of virtual time.
            is_virtual: line.r#virtual.unwrap_or(true),
            at_a_time: line.jobs.max(1),
        };
        let place = match self.places.get(&line.config) {
            Some(&place) => place,
            None if self.sweeps.len() == MAX_CONFIGS => {
                return Err(format!("more than {MAX_CONFIGS} configs"));
            }
            None => {
                self.places.insert(line.config.clone(), self.sweeps.len());
                let thresholds = |metric: &Metric| line.thresholds.get(metric.name()).copied();
                let benchmarks = Metric::ALL.each_ref().map(thresholds);
                self.sweeps.push(Sweep {
                    config: line.config.clone(),
                    benchmarks: benchmarks.map(Option::unwrap_or_default),
                    command: command.to_owned(),
                    way,
                    samples: Vec::new(),
                });
                self.sweeps.len() - 1
            }
        };
        let sweep = &mut self.sweeps[place];
        // A panic leaves no metrics behind, and is a run of the config all the same.
        if sweep.command != command || sweep.way != way {
            return Err(format!(
                "{} was played otherwise before: `{}`, {} at a time; here `{command}`, {} at a time",
                line.config, sweep.command, sweep.way.at_a_time, way.at_a_time
            ));
        }
        sweep.samples.push(sample(line)?);
        Ok(())
    }
}

fn sample(line: Line) -> Result<Sample, String> {
    let ms = |ms: f64| {
        let time = Duration::try_from_secs_f64(ms / 1e3);
        time.map_err(|_| format!("{ms} is no time in milliseconds"))
    };
    let by_name = Metric::ALL.each_ref();
    let values = by_name.map(|metric| line.metrics.get(metric.name()).copied().flatten());
    let tier = |number: Option<&u8>| match number {
        Some(0) => Tier::Bonus,
        Some(1) => Tier::Full,
        Some(2) => Tier::Partial,
        _ => Tier::None,
    };
    let tiers = by_name.map(|metric| tier(line.tiers.get(metric.name())));
    let best = by_name.map(|metric| line.reachable.get(metric.name()));
    // Better than what could be had is impossible; what is not known is taken not to have been lost.
    let reachable = std::array::from_fn(|place| tiers[place].min(tier(best[place])));
    let latency = &line.request_latency_ms;
    let latency = match (latency.p50, latency.p99, latency.max) {
        (Some(p50), Some(p99), Some(max)) => Some([ms(p50)?, ms(p99)?, ms(max)?]),
        _ => None,
    };
    if line.outages_ms.len() > MAX_OUTAGES {
        return Err(format!("more than {MAX_OUTAGES} outages"));
    }
    let outages = line
        .outages_ms
        .into_iter()
        .map(ms)
        .collect::<Result<_, _>>();
    let not_linearizable = line.linearizable == Some(false);
    let violation = line.violation;
    Ok(Sample {
        seed: line.seed,
        values,
        tiers,
        reachable,
        passed: line.passed,
        errors: line.errors,
        violation: violation.or_else(|| not_linearizable.then(|| "not linearizable".to_owned())),
        doomed: line.doomed,
        request_latency: latency,
        outages: outages?,
        json: None,
        history: None,
    })
}
