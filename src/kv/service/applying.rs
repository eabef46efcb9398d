//! The log, applied to the store: a bit at a time, so that no step is long.

use super::Service;
use crate::consensus::{Consensus, Index};
use crate::kv::client::Outcome;
use crate::kv::command::Command;

/// How many entries are applied in one step at most: some milliseconds of work. That is more than any append brings, so it matters
/// only to who learns at once that a long log is committed, as after a restart.
const MOST_AT_ONCE: u64 = 1_024;

impl Service {
    /// Applies what is committed, in order, as far as it is certain who answers for it. What is too much for one step is left
    /// to the next one, which is due at once: until then gets wait.
    pub(super) fn apply(&mut self, consensus: &Consensus<Command>) {
        // Who does not know all that is committed does not know what came after a put.
        if !consensus.is_current() {
            self.is_behind = false;
            return;
        }
        let log = consensus.log();
        let before = self.applied;
        let end = log.commit().min(Index(before.0 + MOST_AT_ONCE));
        self.is_behind = end < log.commit();
        while self.applied < end {
            let index = self.applied.next();
            if self.replies.policy().is_open(log, index) {
                self.is_behind = false;
                break;
            }
            let entry = log.entry(index).expect("what is committed is in the log");
            let took_effect = match entry.command() {
                Some(Command::Put(put)) => self.store.apply(put),
                Some(Command::TakeOver(_)) | None => true,
            };
            self.applied = index;
            for put in self.replies.policy_mut().applied(log, index) {
                if took_effect {
                    self.answer_put(consensus, &put);
                }
            }
        }
        if self.applied > before {
            self.replies.policy_mut().follow(consensus, None);
        }
    }

    /// Redirects the clients of puts that this replica took in and that never take effect.
    pub(super) fn redirect_overwritten(&mut self, consensus: &Consensus<Command>) {
        let commit = consensus.log().commit();
        if std::mem::replace(&mut self.decided, commit) == commit {
            return;
        }
        for put in self.replies.policy_mut().overwritten(consensus.log()) {
            let leader = match consensus.leader() {
                Some(leader) => leader,
                None => self.next_to_try(consensus),
            };
            self.answer(put.client, put.mid.clone(), leader, Outcome::Redirect);
        }
    }
}
