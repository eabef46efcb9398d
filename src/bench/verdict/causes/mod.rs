//! Why a run went as it did: the causes of what is wrong with it, the first one first.
//!
//! A list of simple rules, each a function of what was seen. They stand in the order in which one thing
//! leads to another: who crashes at the start says no hello, who says no hello answers nobody. So the
//! first rule that finds something names the cause, and the others what came of it. What is only likely
//! is a *hint* and says so.
//!
//! | file | rules about |
//! | --- | --- |
//! | `starting` | crashes and hellos |
//! | `answers` | answers that are wrong, too early, or missing; clients sent round |
//! | `traffic` | storms, silent leaders, two leaders, what is printed |
//!
//! Data only: the terminal, the JSON and the page show the same.

mod answers;
mod starting;
mod traffic;

pub(super) use traffic::by_count;

use std::time::Duration;

use serde::Serialize;

use super::history_check::Linearizability;
use super::scoring::Verdict;
use crate::bench::config::Config;
use crate::bench::record::ended::Evidence as Found;
use crate::bench::record::observed::Observed;
use crate::bench::record::stats::Counters;
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
    fn new(kind: &'static str, text: String) -> Cause {
        Cause {
            kind,
            text,
            hint: false,
            evidence: Vec::new(),
            left_out: 0,
            quote: Vec::new(),
        }
    }

    fn hint(kind: &'static str, text: String) -> Cause {
        Cause {
            hint: true,
            ..Cause::new(kind, text)
        }
    }

    /// The same with evidence, of which there is `count` in all.
    fn shown_by(mut self, evidence: impl Iterator<Item = Evidence>, count: u64) -> Cause {
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
    fn at(time: Duration, replica: Option<Id>, request: Option<u32>, text: String) -> Evidence {
        Evidence {
            time_ns: Some(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)),
            replica,
            request,
            text,
        }
    }

    fn timeless(text: String) -> Evidence {
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
    fn failed(&self) -> bool {
        !self.verdict.passed() || self.linearizability.known() == Some(false)
    }
}

/// The causes of what is wrong with a run, the first one first, and hints. A run that failed has one at
/// least, and its first is why it failed: a hint only if nothing is sure but that a rule was broken.
pub fn causes(seen: &Seen<'_>) -> Vec<Cause> {
    type Rule = fn(&Seen<'_>) -> Option<Cause>;
    const RULES: [Rule; 16] = [
        starting::crash_at_start,
        starting::no_hello,
        starting::late_hello,
        starting::crash,
        answers::early,
        answers::not_linearizable,
        answers::incorrect,
        traffic::storm,
        answers::redirects_to_the_dead,
        answers::redirects_in_a_circle,
        answers::no_recovery,
        answers::nothing,
        traffic::many_messages,
        traffic::two_leaders,
        traffic::silent_leader,
        traffic::prints_without_end,
    ];
    let mut found: Vec<Cause> = RULES.iter().filter_map(|rule| rule(seen)).collect();
    // Where replicas are missing, nothing else need be guessed at.
    const MISSING: [&str; 3] = ["crash_at_start", "no_hello", "late_hello"];
    if found.iter().any(|cause| MISSING.contains(&cause.kind)) {
        found.retain(|cause| !cause.hint);
    }
    // What is sure comes before what is likely.
    found.sort_by_key(|cause| cause.hint);
    if seen.failed() && found.iter().all(|cause| cause.hint) {
        // No rule is sure why. Then what is likely comes first, and the course's rule that was broken
        // after it.
        let errors = seen.verdict.errors.iter();
        let mut said = errors
            .filter(|text| !text.ends_with(':'))
            .map(|it| it.trim());
        let said = said.next().unwrap_or("the run was not correct");
        found.push(Cause::new("rule", said.to_owned()));
    }
    found
}

/// A time as people read it.
pub(super) fn seconds(time: Duration) -> String {
    format!("{:.3} s", time.as_secs_f64())
}

/// A time between two things as people read it.
pub(super) fn milliseconds(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1e3)
}

/// A number and what it is of.
pub(super) fn plural(count: u64, thing: &str) -> String {
    match count {
        1 => format!("1 {thing}"),
        _ => format!("{count} {thing}s"),
    }
}

/// `a`, `a and b`, `a, b and c`.
pub(super) fn list(items: &[String]) -> String {
    match items {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// `replica 0001`, or `replicas 0001 and 0002`.
fn replicas(ids: &[Id]) -> String {
    let names: Vec<String> = ids.iter().map(Id::to_string).collect();
    match ids {
        [_] => format!("replica {}", list(&names)),
        _ => format!("replicas {}", list(&names)),
    }
}
