//! Snapshots: the store takes the place of the log's beginning, here and at followers that need what is gone.
//!
//! A snapshot must never cover a put that is not settled. Whoever has applied the log through a put that it is to answer
//! has answered it: so a replica that a snapshot carries past such a put would be taken to have answered it, and never do.

use std::sync::Arc;

use ::log::{debug, error};

use super::Service;
use crate::consensus::{Consensus, Index};
use crate::kv::command::Command;
use crate::kv::frozen::Frozen;
use crate::kv::mistakes::Mistake;
use crate::kv::store::Store;

impl Service {
    /// Takes a snapshot if the log has grown too long behind the last one, and lets go of what the last one covers. Each
    /// step of this is short, however large the store is.
    pub(super) fn compact(&mut self, consensus: &mut Consensus<Command>) {
        let limits = &self.options.limits;
        let share = u64::from(limits.log_percent) * self.store.bytes() as u64 / 100;
        let limit = limits
            .log_floor
            .max(usize::try_from(share).unwrap_or(usize::MAX));
        let log = consensus.log();
        let last = consensus.snapshot_last().index;
        // As much as the limit stays behind the base when a snapshot is taken: so half of the log is new by then.
        let is_old = (last.0 - log.base().index.0).saturating_mul(2)
            <= log.last_index().0 - log.base().index.0;
        let is_long = log.bytes() > limit.saturating_mul(2) && is_old;
        if is_long && self.applied > last && self.snapshots.taken.is_none() {
            let frozen = Arc::new(self.store.freeze());
            self.snapshots.taken = Some((self.applied, frozen));
        }
        let settled = self.replies.policy().settled();
        let may_cover =
            |through: Index| through <= settled || self.options.makes(Mistake::SnapshotOfUnsettled);
        let taken = &mut self.snapshots.taken;
        if let Some((through, frozen)) = taken.take_if(|(through, _)| may_cover(*through)) {
            debug!("a snapshot through {through}: {} keys", self.store.len());
            consensus.keep_snapshot(through, Arc::<Frozen>::clone(&frozen));
            self.snapshots.keep(frozen);
        }
        consensus.compact(limit);
        self.snapshots.clear_away();
    }

    /// Takes in what has come of a snapshot, and puts it in the place of the store once it is whole.
    pub(super) fn install_snapshot(&mut self, consensus: &mut Consensus<Command>) {
        let Some(parts) = consensus.take_parts() else {
            return;
        };
        let limit = self.options.limits.max_remembered_puts;
        let mut store = match self.snapshots.received.take() {
            Some(store) if !parts.are_first => store,
            _ => Store::new(limit),
        };
        let taken_in = parts.texts.iter().try_for_each(|text| store.take_in(text));
        if let Err(problem) = taken_in {
            error!("refusing a snapshot through {}: {problem}", parts.last);
            return consensus.refuse_parts();
        }
        if !parts.are_last {
            self.snapshots.received = Some(store);
            return;
        }
        let frozen = Arc::new(store.freeze());
        if !consensus.install(Arc::<Frozen>::clone(&frozen)) {
            return;
        }
        let before = std::mem::replace(&mut self.store, store);
        self.snapshots.retire(&before);
        self.snapshots.keep(frozen);
        self.applied = parts.last.index;
        for put in self.replies.policy_mut().installed(consensus.log()) {
            self.answer_put(consensus, &put);
        }
    }
}
