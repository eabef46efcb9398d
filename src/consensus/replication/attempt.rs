//! The one outstanding attempt: what has been sent, and lacks a quorum or the word of who is awaited.

use std::hash::{Hash, Hasher};
use std::time::Duration;

use crate::consensus::fingerprint::Measure;
use crate::consensus::time::Time;

/// What is under way. New entries join it, progress begins it anew, and it ends when nothing is lacking.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attempt {
    /// Since when what is lacking now has been lacking.
    pub began: Time,
    /// When to look at it again.
    pub retry_at: Time,
    /// How long to wait after a further attempt.
    pub delay: Duration,
    /// How often it has been sent in vain, wanting a response: each response takes one off.
    pub failures: u32,
    /// To how many more followers it was sent besides.
    pub copies: u32,
    /// Whether it is known that the first attempt has failed.
    pub has_failed: bool,
}

impl Attempt {
    /// One that begins now, whose responses are due after `patience`.
    pub(crate) fn new(now: Time, patience: Duration) -> Attempt {
        Attempt {
            began: now,
            retry_at: now + patience,
            delay: patience,
            failures: 0,
            copies: 0,
            has_failed: false,
        }
    }

    /// What a model checker tells attempts apart by.
    pub(crate) fn fingerprint(&self, measure: Measure, hasher: &mut impl Hasher) {
        let Attempt {
            began,
            retry_at,
            delay,
            failures,
            copies,
            has_failed,
        } = self;
        (measure.age(*began), measure.until(*retry_at)).hash(hasher);
        (delay, failures, copies, has_failed).hash(hasher);
    }
}
