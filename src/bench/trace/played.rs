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
        time.map_err(|_| format!("{ms:?} is no time in milliseconds"))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::show::golden;
    use crate::bench::trace::results;

    fn read(text: &str) -> Result<Vec<Sweep>, String> {
        let mut played = Played::default();
        played.read(text.as_bytes()).map(|()| played.sweeps)
    }

    #[test]
    fn what_is_written_of_a_run_is_the_same_sample_when_it_is_read() {
        let report = golden::report();
        let command = "./run unreliable-3 --seed 2001";
        let line = results::line(&report, false, command, Some("it broke"));
        let [sweep] = &read(&line).unwrap()[..] else {
            panic!("one config")
        };
        let [sample] = &sweep.samples[..] else {
            panic!("one run")
        };
        let expected = Sample {
            violation: Some("it broke".to_owned()),
            // In the report these tiers do not fit together, which cannot be.
            reachable: std::array::from_fn(|at| {
                report.verdict.reachable[at].min(report.verdict.tiers[at])
            }),
            ..Sample::of(&report, None)
        };
        assert_eq!(format!("{sample:?}"), format!("{expected:?}"));
        assert_eq!(sweep.config, "unreliable-3");
        assert_eq!(sweep.benchmarks, report.config.benchmarks);
        assert_eq!(sweep.command, "./run unreliable-3");
        let way = Way {
            is_virtual: false,
            at_a_time: 6007,
        };
        assert_eq!(sweep.way, way);
    }

    #[test]
    fn a_run_that_a_panic_ended_counts_and_one_of_an_older_version_is_read() {
        let config = golden::report().config;
        let panic =
            results::line_of_panic(&config, 3, "./run x --virtual --seed 3", Some("stopped"));
        let sweeps = read(&panic).unwrap();
        assert_eq!(sweeps[0].violations().collect::<Vec<_>>(), [(3, "stopped")]);
        assert_eq!(sweeps[0].failed(), 1);
        let old = r#"{"config":"c","seed":1,"passed":true,"linearizable":false,"metrics":{"total_msgs":7},"tiers":{"total_msgs":0}}"#;
        let sweeps = read(old).unwrap();
        assert_eq!(sweeps[0].samples[0].values, [Some(7.0), None, None, None]);
        assert_eq!(sweeps[0].violations().count(), 1);
        let lost = (0..4).map(|metric| sweeps[0].lost_tiers(metric));
        assert_eq!(lost.sum::<f64>(), 0.0, "what is not known was not lost");
    }

    #[test]
    fn what_is_no_result_is_named_with_its_line() {
        let good = r#"{"config":"c","seed":1,"passed":true}"#;
        let with = |more: &str| good.replace('}', &format!(",{more}}}"));
        for (line, said) in [
            ("", "line 2: no result of a run: EOF while parsing a value"),
            (
                "7",
                "line 2: no result of a run: invalid type: integer `7`, expected struct Line",
            ),
            ("{}", "line 2: no result of a run: missing field `config`"),
            (
                &with(r#""outages_ms":[-1]"#),
                "line 2: -1.0 is no time in milliseconds",
            ),
            (&with(r#""outages_ms":[1e300]"#), "line 2: 1e300 is no time"),
            (
                &with(r#""jobs":2"#),
                "line 2: c was played otherwise before: `c`, 1 at a time; here `c`, 2 at a time",
            ),
            (&"x".repeat(2 << 20), "line 2: longer than 1048576 bytes"),
        ] {
            let found = read(&format!("{good}\n{line}\n")).expect_err(said);
            assert!(found.starts_with(said), "{found}");
        }
    }
}
