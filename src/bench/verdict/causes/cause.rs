//! What a cause is, what rules look at, and how they say it.

use std::time::Duration;

use serde::Serialize;

use crate::bench::config::Config;
use crate::bench::record::ended::Evidence as Found;
use crate::bench::record::observed::Observed;
use crate::bench::record::stats::Counters;
use crate::bench::verdict::history_check::Linearizability;
use crate::bench::verdict::scoring::Verdict;
use crate::id::Id;

/// How much evidence a cause carries, at most.
const MAX_EVIDENCE: usize = 50;

/// Why something is wrong with a run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Cause {
    /// Its name for programs, such as `crash_at_start`.
    pub kind: &'static str,
    /// What it is, in a sentence without a full stop.
    pub text: String,
    /// Whether it is only likely.
    pub hint: bool,
    /// What shows it, in the order of time.
    pub evidence: Vec<Evidence>,
    /// How much more evidence there is.
    pub left_out: u64,
    /// What a replica said, in whole lines.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub quote: Vec<String>,
}

/// One thing that shows a cause.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Evidence {
    /// When, in nanoseconds since the start of the run, if it has a time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_ns: Option<u64>,
    /// Which replica.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replica: Option<Id>,
    /// Which of the users' requests.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<u32>,
    /// What, in a sentence.
    pub text: String,
}

impl Cause {
    pub(super) fn new(kind: &'static str, text: String) -> Cause {
        Cause {
            kind,
            text,
            hint: false,
            evidence: Vec::new(),
            left_out: 0,
            quote: Vec::new(),
        }
    }

    pub(super) fn hint(kind: &'static str, text: String) -> Cause {
        Cause {
            hint: true,
            ..Cause::new(kind, text)
        }
    }

    /// The same with evidence, of which there is `count` in all.
    pub(super) fn shown_by(
        mut self,
        evidence: impl Iterator<Item = Evidence>,
        count: u64,
    ) -> Cause {
        self.evidence = evidence.take(MAX_EVIDENCE).collect();
        self.left_out = count.saturating_sub(self.evidence.len() as u64);
        self
    }

    /// When it first showed, in nanoseconds since the start of the run.
    pub fn time_ns(&self) -> Option<u64> {
        self.evidence.iter().filter_map(|it| it.time_ns).min()
    }
}

impl Evidence {
    pub(super) fn at(
        time: Duration,
        replica: Option<Id>,
        request: Option<u32>,
        text: String,
    ) -> Evidence {
        Evidence {
            time_ns: Some(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)),
            replica,
            request,
            text,
        }
    }

    pub(super) fn timeless(text: String) -> Evidence {
        Evidence {
            time_ns: None,
            replica: None,
            request: None,
            text,
        }
    }
}

/// What the rules look at.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// What was run.
    pub config: &'a Config,
    /// How long it took.
    pub lasted: Duration,
    /// What was counted.
    pub counters: &'a Counters,
    /// What else was found.
    pub found: &'a Found,
    /// What was seen.
    pub observed: &'a Observed,
    /// Whether the course's rules were kept.
    pub verdict: &'a Verdict,
    /// Whether the history can be explained.
    pub linearizability: &'a Linearizability,
}

impl Seen<'_> {
    /// Whether anything is wrong that fails the run.
    pub(super) fn failed(&self) -> bool {
        !self.verdict.passed() || self.linearizability.known() == Some(false)
    }
}

/// A time as people read it.
pub(crate) fn seconds(time: Duration) -> String {
    format!("{:.3} s", time.as_secs_f64())
}

/// A time between two things as people read it.
pub(crate) fn milliseconds(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1e3)
}

/// A number and what it is of.
pub(crate) fn plural(count: u64, thing: &str) -> String {
    match count {
        1 => format!("1 {thing}"),
        _ => format!("{count} {thing}s"),
    }
}

/// `a`, `a and b`, `a, b and c`.
pub(crate) fn list(items: &[String]) -> String {
    match items {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// `replica 0001`, or `replicas 0001 and 0002`.
pub(super) fn replicas(ids: &[Id]) -> String {
    let names: Vec<String> = ids.iter().map(Id::to_string).collect();
    match ids {
        [_] => format!("replica {}", list(&names)),
        _ => format!("replicas {}", list(&names)),
    }
}
