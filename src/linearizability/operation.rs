//! The nouns: what clients did, and what can be found out about it.

use std::sync::Arc;

use crate::id::Id;

/// What an operation does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Writes a key.
    Put,
    /// Reads a key.
    Get,
}

/// One attempt of a client that took effect or may have.
///
/// Times are nanoseconds since any instant, the same for the whole history. Operations that touch
/// in the same nanosecond count as concurrent. One that returned before it began, which cannot be,
/// is taken to have returned when it began.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    /// Who made it.
    pub client: Id,
    /// The number of the user's request that it served.
    pub request: u32,
    /// What it did.
    pub kind: Kind,
    /// With which key.
    pub key: Arc<str>,
    /// What a put wrote or a get returned. Values of different puts may be equal.
    pub value: Arc<str>,
    /// When it was invoked.
    pub invoked_ns: u64,
    /// When it returned; `None` if it never did. Such a put may take effect at any time after it
    /// was invoked, or never; such a get says nothing and is ignored.
    pub returned_ns: Option<u64>,
}

/// What [`check`](super::check) found out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Every key is linearizable.
    Linearizable {
        /// How many keys there are.
        keys: usize,
    },
    /// At least one key is not.
    Violation(Violation),
    /// No violation was found, but some keys were too hard to decide.
    GaveUp {
        /// How many keys are undecided.
        keys: usize,
        /// The first of them.
        key: Arc<str>,
        /// After how many states the search for that one ended.
        states: u64,
    },
}

/// Operations on one key that no order explains. `Display` draws them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The key: of the violated ones, the one that is used first.
    pub key: Arc<str>,
    /// The operations, by the time of their invocation. None of them can be left out, unless the
    /// search for fewer reached its limit. They prove the violation by themselves: every put that
    /// could explain one of their gets is among them.
    pub operations: Vec<Operation>,
    /// What is wrong, in a sentence.
    pub explanation: String,
    /// How many keys are violated.
    pub violated_keys: usize,
    /// How many keys were too hard to decide.
    pub undecided_keys: usize,
}
