//! What writes leave behind, as a disk would hold it: for simulated disks, and for checks of what is claimed to be durable.
//!
//! Must never know when anything is synced: its user says what has reached it.

use super::durable::{HardState, Restored, Write};
use super::entry::Entry;
use super::snapshot::Snapshot;
use super::types::{Index, LogId};

/// What stable storage holds of a replica's writes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Image<C> {
    hard_state: Option<HardState>,
    snapshot: Option<Snapshot>,
    /// Those behind the snapshot.
    entries: Vec<Entry<C>>,
}

impl<C> Default for Image<C> {
    fn default() -> Self {
        Image {
            hard_state: None,
            snapshot: None,
            entries: Vec::new(),
        }
    }
}

impl<C: Clone> Image<C> {
    /// Of how many parts a write consists, any number of which may have reached stable storage in their order before it is
    /// durable.
    pub fn parts(write: &Write<C>) -> usize {
        usize::from(write.snapshot.is_some())
            + usize::from(write.truncate_after.is_some())
            + write.entries.len()
            + usize::from(write.hard_state.is_some())
    }

    /// A write has reached stable storage.
    ///
    /// # Panics
    ///
    /// If it leaves a gap in the log.
    pub fn store(&mut self, write: &Write<C>) {
        self.store_parts(write, usize::MAX);
    }

    /// The first parts of a write have reached stable storage.
    ///
    /// # Panics
    ///
    /// If it leaves a gap in the log.
    pub fn store_parts(&mut self, write: &Write<C>, parts: usize) {
        let mut left = parts;
        let mut take = || {
            let is_left = left > 0;
            left = left.saturating_sub(1);
            is_left
        };
        if let Some(snapshot) = &write.snapshot {
            if !take() {
                return;
            }
            self.entries.clear();
            self.snapshot = Some(snapshot.clone());
        }
        let base = self.base();
        if let Some(index) = write.truncate_after {
            if !take() {
                return;
            }
            self.entries
                .truncate(index.0.saturating_sub(base.0) as usize);
        }
        for (entry, index) in write.entries.iter().zip(write.first.0..) {
            if !take() {
                return;
            }
            if Index(index) <= base {
                // A snapshot that was stored beside the log covers it.
                continue;
            }
            let last = self.last_index();
            assert!(
                Index(index) == last.next(),
                "write {} has an entry {index}, and the stored log ends at {last}",
                write.number,
            );
            self.entries.push(entry.clone());
        }
        if let Some(hard_state) = &write.hard_state
            && take()
        {
            self.hard_state = Some(hard_state.clone());
        }
    }

    /// A snapshot that was made of this log has reached stable storage. What it covers is gone.
    pub fn store_snapshot(&mut self, snapshot: &Snapshot) {
        let covered = snapshot.last.index.0.saturating_sub(self.base().0) as usize;
        self.entries.drain(..covered.min(self.entries.len()));
        self.snapshot = Some(snapshot.clone());
    }

    /// What a replica finds that starts with it; none if it has never been here.
    pub fn restored(&self) -> Option<Restored<C>> {
        Some(Restored {
            hard_state: self.hard_state.clone()?,
            snapshot: self.snapshot.clone(),
            entries: self.entries.clone(),
        })
    }
}

impl<C> Image<C> {
    /// The hard state, if one was stored.
    pub fn hard_state(&self) -> Option<&HardState> {
        self.hard_state.as_ref()
    }

    /// The index of the last entry.
    pub fn last_index(&self) -> Index {
        Index(self.base().0 + self.entries.len() as u64)
    }

    /// The index of the last entry that a snapshot covers.
    pub fn base(&self) -> Index {
        let snapshot = self.snapshot.as_ref();
        snapshot.map_or(Index::ZERO, |snapshot| snapshot.last.index)
    }

    /// The log ID at an index; zeros for index 0; none beyond the end, or where it is not remembered any more.
    pub fn id_at(&self, index: Index) -> Option<LogId> {
        if index == Index::ZERO {
            return Some(LogId::default());
        }
        let term = match index.0.checked_sub(self.base().0 + 1) {
            Some(place) => self.entries.get(place as usize)?.term,
            None => self.snapshot.as_ref()?.spans.term_at(index)?,
        };
        Some(LogId { term, index })
    }
}

impl<C> From<Restored<C>> for Image<C> {
    fn from(restored: Restored<C>) -> Self {
        let Restored {
            hard_state,
            snapshot,
            entries,
        } = restored;
        Image {
            hard_state: Some(hard_state),
            snapshot,
            entries,
        }
    }
}
