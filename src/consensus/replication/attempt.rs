//! The one outstanding attempt: what has been sent, and lacks a quorum or the word of who is awaited.

use std::hash::{Hash, Hasher};
use std::time::Duration;

use super::worth::{Offer, Silence};
use crate::consensus::fingerprint::Measure;
use crate::consensus::options::Tuning;
use crate::consensus::time::Time;

/// What is under way. New entries join it, progress begins it anew, and it ends when nothing is lacking.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attempt {
    /// Since when what is lacking now has been lacking.
    pub began: Time,
    /// When it was last sent, wanting a response.
    pub sent_at: Time,
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

/// What to do about an attempt that is not acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Send it again.
    Again,
    /// Send a copy to one more follower, and look again: no response is awaited from that.
    Copy,
    /// Wait: what waits becomes worth a message by waiting.
    Wait,
}

impl Attempt {
    /// One that begins now, whose responses are due after `patience`.
    pub(crate) fn new(now: Time, patience: Duration) -> Attempt {
        Attempt {
            began: now,
            sent_at: now,
            retry_at: now + patience,
            delay: patience,
            failures: 0,
            copies: 0,
            has_failed: false,
        }
    }

    /// What to do now that the response is late, and the attempt as it is after that. `again` and `copy` are what could
    /// be sent; `patience` is how long to wait at least before looking again.
    pub(crate) fn look_again(
        &self,
        now: Time,
        silence: &Silence,
        again: Offer,
        copy: Option<Offer>,
        price: Duration,
        patience: Duration,
    ) -> (Next, Attempt) {
        let worth_from = |offer| self.began + silence.pays_from(offer, price);
        let expected = self.began + silence.wait(now.since(self.began));
        let again_from = worth_from(again);
        let copy_from = copy.map(worth_from);
        let mut after = *self;
        if expected < again_from {
            if copy_from.is_some_and(|from| from <= expected) {
                after.copies = self.copies.saturating_add(1);
                return (Next::Copy, after);
            }
            let soonest = copy_from.map_or(again_from, |from| from.min(again_from));
            after.retry_at = soonest.max(now + patience);
            return (Next::Wait, after);
        }
        after.failures = self.failures.saturating_add(1);
        after.copies = 0;
        after.sent_at = now;
        // As long as it can be bad luck there is no reason to slow down.
        if silence.is_death() {
            after.delay = (4 * self.delay).min(silence.longest);
        }
        after.retry_at = now + after.delay;
        (Next::Again, after)
    }

    /// What a model checker tells attempts apart by.
    pub(crate) fn fingerprint(
        &self,
        measure: Measure,
        patience: Duration,
        tuning: &Tuning,
        hasher: &mut impl Hasher,
    ) {
        let Attempt {
            began,
            sent_at,
            retry_at,
            delay,
            failures,
            copies,
            has_failed,
        } = self;
        measure.age(*sent_at, patience).hash(hasher);
        (measure.until(*retry_at), delay, failures, copies).hash(hasher);
        // Where messages cost nothing it does not matter how long anybody waits, and without a memory not what failed.
        let is_dear = !tuning.message_price.is_zero();
        let waited = is_dear.then(|| measure.age(*began, Duration::MAX));
        let has_failed = *has_failed && tuning.remembered_attempts > 0;
        (waited, has_failed).hash(hasher);
    }
}
