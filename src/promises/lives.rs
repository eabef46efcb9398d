//! Replicas that stop and start again, with their disks or without.

use super::broken::Checked;
use super::{Known, Promises};
use crate::consensus::snapshot::Snapshot;
use crate::consensus::{Restored, Write};
use crate::id::Id;
use crate::kv::Command;
use crate::replica::View;

impl Promises {
    /// The same for replicas with disks, which are empty.
    ///
    /// # Panics
    ///
    /// As [`new`](Self::new).
    pub fn with_disks(replicas: usize) -> Promises {
        let mut promises = Promises::new(replicas);
        promises.disks.begin(replicas);
        promises
    }

    /// A write of a replica is durable, whether it knows or not.
    pub fn synced(&mut self, id: Id, write: &Write<Command>) {
        self.disks.synced(id, write);
    }

    /// A snapshot that a replica has made of its log is durable, whether it knows or not.
    pub fn snapshot_synced(&mut self, id: Id, snapshot: &Snapshot) {
        self.disks.snapshot_synced(id, snapshot);
    }

    /// A replica has started again with what its disk holds.
    ///
    /// # Errors
    ///
    /// If that lacks what was durable.
    pub fn restarted(&mut self, view: &View<'_>, restored: &Restored<Command>) -> Checked {
        let id = view.id();
        let known = &mut self.replicas[usize::from(id.0)];
        *known = Known {
            term: restored.hard_state.term,
            vote: restored.hard_state.voted_for,
            // Before it stopped it had applied what its snapshot covers.
            applied: restored.base().index,
            answered: known.answered,
            ..Known::default()
        };
        self.follow_log(view)?;
        self.disks.restarted(id, Some(restored))
    }

    /// A replica has started again without its memory.
    pub fn forget(&mut self, id: Id) {
        let known = &mut self.replicas[usize::from(id.0)];
        *known = Known {
            answered: known.answered,
            has_forgotten: true,
            ..Known::default()
        };
        self.answers.forget(id);
        let nothing = self.disks.restarted(id, None);
        nothing.expect("nothing is kept");
    }
}
