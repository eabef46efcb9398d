//! What writes leave behind, as a disk would hold it: for simulated disks, and for checks of what is claimed to be durable.
//!
//! Must never know when anything is synced: its user says what has reached it.

use super::durable::{HardState, Restored, Write};
use super::entry::Entry;
use super::types::{Index, LogId};

/// What stable storage holds of a replica's writes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Image<C> {
    hard_state: Option<HardState>,
    entries: Vec<Entry<C>>,
}

impl<C> Default for Image<C> {
    fn default() -> Self {
        Image {
            hard_state: None,
            entries: Vec::new(),
        }
    }
}

impl<C: Clone> Image<C> {
    /// Of how many parts a write consists, any number of which may have reached stable storage in their order before it is
    /// durable.
    pub fn parts(write: &Write<C>) -> usize {
        usize::from(write.truncate_after.is_some())
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
        if let Some(index) = write.truncate_after {
            if !take() {
                return;
            }
            self.entries.truncate(index.0 as usize);
        }
        for (entry, index) in write.entries.iter().zip(write.first.0..) {
            if !take() {
                return;
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

    /// What a replica finds that starts with it; none if it has never been here.
    pub fn restored(&self) -> Option<Restored<C>> {
        let hard_state = self.hard_state.clone()?;
        let entries = self.entries.clone();
        Some(Restored {
            hard_state,
            entries,
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
        Index(self.entries.len() as u64)
    }

    /// The log ID at an index; zeros for index 0; none beyond the end.
    pub fn id_at(&self, index: Index) -> Option<LogId> {
        let Some(place) = index.0.checked_sub(1) else {
            return Some(LogId::default());
        };
        let term = self.entries.get(place as usize)?.term;
        Some(LogId { term, index })
    }
}

impl<C> From<Restored<C>> for Image<C> {
    fn from(restored: Restored<C>) -> Self {
        let Restored {
            hard_state,
            entries,
        } = restored;
        Image {
            hard_state: Some(hard_state),
            entries,
        }
    }
}
