//! What a replica has of snapshots: one that it takes, one that it keeps, one that it receives.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use super::frozen::Frozen;
use super::store::Store;
use crate::consensus::Index;

/// Snapshots that are made, kept and received.
#[derive(Clone, Debug, Default)]
pub(super) struct Snapshots {
    /// The store as it was when the log was applied through there; it waits until all that it covers is settled.
    pub taken: Option<(Index, Arc<Frozen>)>,
    /// What consensus keeps.
    kept: Option<Arc<Frozen>>,
    /// What is of no use any more, and let go of bit by bit.
    retired: Vec<Arc<Frozen>>,
    /// What is being received.
    pub received: Option<Store>,
}

impl Snapshots {
    pub(super) fn keep(&mut self, frozen: Arc<Frozen>) {
        self.retired.extend(self.kept.replace(frozen));
    }

    /// Takes what a snapshot has made useless.
    pub(super) fn retire(&mut self, store: &Store) {
        self.retired.push(Arc::new(store.freeze()));
        let taken = self.taken.take();
        self.retired.extend(taken.map(|(_, frozen)| frozen));
    }

    /// Lets go of a bit of what nobody uses any more.
    pub(super) fn clear_away(&mut self) {
        let unused = self.retired.iter_mut().enumerate();
        let mut unused = unused.filter_map(|(at, frozen)| Some((at, Arc::get_mut(frozen)?)));
        if let Some((at, frozen)) = unused.next()
            && !frozen.dismantle()
        {
            self.retired.swap_remove(at);
        }
    }

    /// What a model checker tells them apart by.
    pub(super) fn fingerprint(&self, hasher: &mut impl Hasher) {
        let Snapshots {
            taken,
            // Consensus has it.
            kept: _,
            // It decides nothing.
            retired: _,
            received,
        } = self;
        taken.as_ref().map(|(through, _)| through).hash(hasher);
        received.is_some().hash(hasher);
        if let Some(received) = received {
            received.fingerprint(hasher);
        }
    }
}
