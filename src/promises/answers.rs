//! What clients are told: nothing that is not so, and nothing twice.

use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};

use rustc_hash::FxHashMap;

use super::broken::{Checked, broken};
use crate::consensus::Index;
use crate::id::Id;
use crate::kv::{Answer, Outcome};

/// What is known of an attempt.
#[derive(Clone, Copy, Debug, Default, Hash)]
struct Attempt {
    /// A bit for each replica that has answered it.
    answered_by: u64,
    /// Where it is committed, if it is a put.
    committed_at: Option<Index>,
    /// Whether it was said to have taken effect.
    is_stored: bool,
    /// Whether it was said to have no effect.
    is_refused: bool,
}

/// What is known of answers.
#[derive(Clone, Debug, Default)]
pub(super) struct Answers {
    /// By their MIDs.
    attempts: FxHashMap<String, Attempt>,
    /// The last take-over that is committed.
    last_take_over: Index,
    /// A bit for each replica that has started again without its memory.
    forgetful: u64,
}

impl Answers {
    /// A put is committed, as `id` is the first to know.
    pub(super) fn committed(&mut self, id: Id, index: Index, mid: &str) -> Checked {
        let attempt = self.attempt(mid);
        attempt.committed_at.get_or_insert(index);
        match attempt.is_refused {
            true => broken(
                "no commit after a redirect",
                format!(
                    "{id} commits {mid} at {index}, whose client was told that it had no effect"
                ),
            ),
            false => Ok(()),
        }
    }

    /// A replica has started again without its memory. It may answer again what it has answered: of that nothing is promised.
    pub(super) fn forget(&mut self, id: Id) {
        self.forgetful |= 1 << id.0;
    }

    /// A take-over is committed.
    pub(super) fn taken_over(&mut self, index: Index) {
        self.last_take_over = self.last_take_over.max(index);
    }

    /// A client is answered by a replica.
    pub(super) fn check(&mut self, id: Id, answer: &Answer) -> Checked {
        let mid = &answer.mid;
        let last_take_over = self.last_take_over;
        let forgetful = self.forgetful;
        let attempt = self.attempt(mid);
        let bit = 1 << id.0;
        if attempt.answered_by & bit & !forgetful != 0 {
            return broken(
                "one answer an attempt",
                format!("{id} answers {mid} a second time"),
            );
        }
        attempt.answered_by |= bit;
        let was_stored = attempt.is_stored && bit & forgetful == 0;
        attempt.is_stored |= answer.outcome == Outcome::Stored;
        attempt.is_refused |= matches!(answer.outcome, Outcome::Redirect | Outcome::Fail);
        match (&answer.outcome, attempt.committed_at) {
            (Outcome::Stored, None) => broken(
                "no ok before the commit",
                format!("{id} says ok to {mid}, which is not committed"),
            ),
            (Outcome::Stored, Some(at)) if was_stored && last_take_over <= at => broken(
                "a second ok only after a take-over",
                format!("{id} says ok to {mid} once more, and nobody has taken it over"),
            ),
            (Outcome::Redirect | Outcome::Fail, Some(_)) => broken(
                "no redirect of a committed put",
                format!("{id} says that {mid} had no effect, but it is committed"),
            ),
            _ => Ok(()),
        }
    }

    fn attempt(&mut self, mid: &str) -> &mut Attempt {
        if !self.attempts.contains_key(mid) {
            self.attempts.insert(mid.to_owned(), Attempt::default());
        }
        self.attempts.get_mut(mid).expect("it is there by now")
    }

    /// What a model checker tells pasts apart by.
    pub(super) fn fingerprint(&self, hasher: &mut impl Hasher) {
        let sorted: BTreeMap<_, _> = self.attempts.iter().collect();
        (sorted, self.last_take_over, self.forgetful).hash(hasher);
    }
}
