//! What the followers' receipts show.

use ::log::{debug, error};

use super::{Replicator, is_far_behind};
use crate::consensus::core::Core;
use crate::consensus::entry::Command;
use crate::consensus::members::reached_by;
use crate::consensus::message::{AppendOutcome, AppendResponse};
use crate::consensus::replication::attempt::Attempt;
use crate::consensus::types::Index;
use crate::id::Id;

impl Replicator {
    /// The followers on a route answer. Returns how far they know the log to be committed, if that can be.
    pub(crate) fn on_response<C: Command>(
        &mut self,
        core: &mut Core<C>,
        from: Id,
        response: &AppendResponse,
    ) -> Index {
        if response.receipts.is_empty() {
            return Index::ZERO;
        }
        let (now, last) = (core.now, core.log.last_index());
        let before = self.held_by_quorum(core);
        let mut behind = Vec::new();
        let mut more = Vec::new();
        for receipt in &response.receipts {
            let follower = receipt.follower;
            let Some(progress) = self.followers.find_mut(follower) else {
                error!("ignoring a receipt from {from} for {follower}, which is no member");
                continue;
            };
            if !core.knows(follower, receipt.incarnation) {
                continue;
            }
            match receipt.outcome {
                AppendOutcome::Matched(index) if index <= last => {
                    progress.note_heard(now);
                    if progress.note_matched(index, last) {
                        more.push(follower);
                    }
                }
                AppendOutcome::Matched(index) => error!(
                    "ignoring {follower}, which claims to hold {index}, beyond our last {last}"
                ),
                AppendOutcome::Refused { previous, hint } => {
                    progress.note_heard(now);
                    let is_known = progress.transfer.is_some();
                    if !is_known && progress.back_off(previous, hint, &core.log) {
                        debug!("{follower} lacks entries from {} on", progress.next);
                        behind.push(follower);
                    }
                }
            }
        }
        self.round_trips.note(now.since(response.sent_at));
        if let Some(attempt) = &mut self.attempt {
            // Somebody has been reached.
            attempt.failures = attempt.failures.saturating_sub(1);
        }
        self.note_progress(core, before);
        let lacks_quorum = self.held_by_quorum(core) < last;
        for follower in behind {
            // What is committed anyway can wait, the next append repairs it; but not what takes several.
            let is_far =
                self.begin_transfer(core, follower) || is_far_behind(core, self.follower(follower));
            if is_far || lacks_quorum || self.wishes.missed.contains(&follower) {
                more.push(follower);
            }
        }
        for follower in more {
            self.send_along(core, &[follower], true);
        }
        self.committed_as_told(core, from, response.commit)
    }

    /// A follower's vote has come too late to count: it has not kept silent in the election.
    pub(crate) fn note_present(&mut self, id: Id) {
        if let Some(progress) = self.followers.find_mut(id) {
            progress.missing = false;
        }
    }

    /// How far the log is committed, as a follower says. It may know more than we do, if the receipts that showed it
    /// got lost on their way to us; but not more than we have sent to a quorum.
    fn committed_as_told<C: Command>(&self, core: &Core<C>, from: Id, told: Index) -> Index {
        if told <= core.log.commit() {
            return Index::ZERO;
        }
        let sent = self.followers.all().map(|progress| progress.sent_through);
        let possible = reached_by(core.members.quorum() - 1, sent);
        if told > possible || core.now < self.commits_from {
            error!(
                "ignoring {from}, which takes {told} for committed; we have sent a quorum {possible}"
            );
            return Index::ZERO;
        }
        told
    }

    /// Notes that a quorum has come to hold more than `before`.
    fn note_progress<C: Command>(&mut self, core: &Core<C>, before: Index) {
        let (now, patience) = (core.now, self.patience(&core.options.timing));
        if self.held_by_quorum(core) <= before {
            return;
        }
        self.progress_at = now;
        let attempt = self.attempt.replace(Attempt::new(now, patience));
        if attempt.is_none_or(|attempt| !attempt.has_failed) {
            let remembered = core.options.tuning.remembered_attempts;
            self.delivery.note(true, remembered);
        }
    }
}
