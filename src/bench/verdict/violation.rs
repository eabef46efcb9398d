//! What no run may ever show, whatever the course's limits.

use std::fmt;
use std::time::Duration;

use super::history_check::Linearizability;
use super::report::Report;

/// A broken promise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Which promise, in the paper's words where it has some.
    pub promise: &'static str,
    /// When, since the start of the run.
    pub time: Duration,
    /// What is wrong, with the replicas and log positions involved.
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.time.as_secs_f64();
        write!(f, "{} at {seconds:.6} s: {}", self.promise, self.what)
    }
}

/// What is wrong with a run beyond the course's limits: a broken promise, a wrong answer, a history
/// that cannot be explained. `broken` is the promise that an embedded replica broke, if one did.
pub fn violation(report: &Report, broken: Option<&Violation>) -> Option<String> {
    if let Some(broken) = broken {
        return Some(broken.to_string());
    }
    let incorrect = report.evidence.incorrect.first();
    incorrect
        .map(|text| format!("incorrect: {text}"))
        .or_else(|| match &report.linearizability {
            Linearizability::Violated(how) => Some(format!("not linearizable:\n{how}")),
            _ => None,
        })
}
