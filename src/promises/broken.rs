//! A broken promise.

use std::fmt;

/// A broken promise.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Broken {
    /// Which promise, in the paper's words where it has some.
    pub promise: &'static str,
    /// What is wrong, with the replicas and log indices involved.
    pub what: String,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.promise, self.what)
    }
}

/// Nothing, or the promise that is broken and how.
pub(super) type Checked = Result<(), Broken>;

pub(super) fn broken(promise: &'static str, what: String) -> Checked {
    Err(Broken { promise, what })
}
