//! Compaction: entries that a snapshot covers are let go (Raft §7).
//!
//! Consensus never makes a snapshot, for it does not know what the entries do: whoever applies them hands one over.
//! Nothing is let go that is not committed, that the snapshot does not cover, or, within a limit, that a living follower
//! lacks.

use std::sync::Arc;

use super::entry::Command;
use super::mistakes::Mistake;
use super::node::Consensus;
use super::replication::installing;
use super::role::Role;
use super::snapshot::{Parts, Snapshot, State};
use super::types::{Index, LogId};

/// How many entries are let go in one step, at most: it must be short, but no fewer than an append brings.
const MAX_AT_ONCE: usize = 512;

/// How many times the limit the log may take for the sake of followers that lack entries.
const FOR_FOLLOWERS: usize = 3;

impl<C: Command> Consensus<C> {
    /// The last entry that a snapshot covers; zeros without one.
    pub fn snapshot_last(&self) -> LogId {
        let snapshot = self.core.snapshot.as_ref();
        snapshot.map_or(LogId::default(), |snapshot| snapshot.last)
    }

    /// Takes the state that the entries through `last` have made, in the place of the snapshot before it.
    ///
    /// # Panics
    ///
    /// If the entry is not committed, or the snapshot before it covers as much.
    pub fn keep_snapshot(&mut self, last: Index, state: Arc<dyn State>) {
        let log = &self.core.log;
        assert!(
            last <= log.commit() && last > self.snapshot_last().index,
            "a snapshot through {last} is of no use, committed through {}",
            log.commit()
        );
        self.core.snapshot = Some(Snapshot {
            last: log.id_at(last).expect("what is committed is in the log"),
            spans: log.spans_through(last),
            state,
        });
        self.core.is_snapshot_new = self.core.log.is_stored();
    }

    /// Hands over the newest snapshot, to be stored beside the log, if it is newer than the one before; to be asked when there
    /// is time to store one. Nothing waits for it: until it is durable, the stored log still has what it covers.
    pub fn snapshot_to_store(&mut self) -> Option<Snapshot> {
        let is_new = std::mem::take(&mut self.core.is_snapshot_new);
        self.core.snapshot.clone().filter(|_| is_new)
    }

    /// Lets go of some of what the snapshot covers, as long as the log takes more than `limit` bytes; three times as
    /// many, if a living follower lacks it.
    pub fn compact(&mut self, limit: usize) {
        let through = self.snapshot_last().index;
        let needed_by_none = match &self.role {
            Role::Leader(leader) => leader.replicator.needed_by_none(),
            _ => Index(u64::MAX),
        };
        let log = &mut self.core.log;
        log.free_replaced(MAX_AT_ONCE);
        for _ in 0..MAX_AT_ONCE {
            let first = log.base().index.next();
            let limit = match first <= needed_by_none {
                true => limit,
                false => limit.saturating_mul(FOR_FOLLOWERS),
            };
            if first > through || log.bytes() <= limit {
                break;
            }
            log.compact_first();
            if self.core.options.makes(Mistake::HeldSinceLost) {
                log.forget_base_time();
            }
        }
    }

    /// What has come of a snapshot since the last call, if anything has.
    pub fn take_parts(&mut self) -> Option<Parts> {
        self.core.incoming.as_mut()?.take_parts()
    }

    /// Nothing can be made of what has come of a snapshot: it must come again.
    pub fn refuse_parts(&mut self) {
        self.core.incoming = None;
    }

    /// Sets the snapshot whose last part was taken in the place of the log; `state` is what it makes. Returns whether that
    /// was done: not if the log has got further meanwhile.
    pub fn install(&mut self, state: Arc<dyn State>) -> bool {
        installing::install(&mut self.core, state)
    }
}
