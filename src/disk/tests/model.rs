//! What a directory must hold, written down as simply as possible.

use std::collections::BTreeMap;

use crate::disk::batch::Batch;
use crate::disk::directory::{Beside, Recovered};
use crate::disk::header::Whose;
use crate::disk::item::HardState;
use crate::disk::snapshot::About;
use crate::id::Id;

/// Whose the directories in these tests are.
pub(super) const WHOSE: Whose = Whose {
    cluster: 0xC1,
    replica: Id(2),
};

/// A change to the hard state or the log.
#[derive(Clone, Debug)]
pub(super) enum Change {
    HardState(HardState),
    Keep(u8, Vec<u8>),
    TruncateAfter(u64),
    Entry(u64, u64, Vec<u8>),
}

/// All that a user gets back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct State {
    pub(super) hard_state: Option<HardState>,
    pub(super) kept: BTreeMap<u8, Vec<u8>>,
    pub(super) snapshot: Option<(About, Vec<u8>)>,
    /// The entries behind the snapshot: their terms and bytes, by index.
    pub(super) log: BTreeMap<u64, (u64, Vec<u8>)>,
}

impl State {
    /// What came back.
    pub(super) fn of(recovered: &Recovered) -> State {
        let snapshot = recovered.snapshot.as_ref().map(|it| {
            let pieces: Vec<&[u8]> = it.pieces().collect();
            (it.about.clone(), pieces.concat())
        });
        let entries = recovered.entries.iter();
        State {
            hard_state: recovered.hard_state,
            kept: recovered.kept.clone(),
            snapshot,
            log: entries
                .map(|it| (it.index, (it.term, it.bytes.to_vec())))
                .collect(),
        }
    }

    /// The index of the last entry in the snapshot.
    pub(super) fn through(&self) -> u64 {
        self.snapshot.as_ref().map_or(0, |(about, _)| about.index)
    }

    /// The index of the last entry.
    pub(super) fn last_index(&self) -> u64 {
        let last = self.log.last_key_value();
        last.map_or(self.through(), |(&index, _)| index)
    }

    pub(super) fn change(&mut self, change: &Change) {
        match change {
            Change::HardState(state) => self.hard_state = Some(*state),
            Change::Keep(number, bytes) => drop(self.kept.insert(*number, bytes.clone())),
            Change::TruncateAfter(index) => drop(self.log.split_off(&(index + 1))),
            Change::Entry(index, term, bytes) => {
                drop(self.log.split_off(index));
                self.log.insert(*index, (*term, bytes.clone()));
            }
        }
    }

    pub(super) fn snapshot(&mut self, about: About, bytes: Vec<u8>, beside: Beside) {
        self.log = match beside {
            Beside::EntriesBehind => self.log.split_off(&(about.index + 1)),
            Beside::Nothing => BTreeMap::new(),
        };
        self.snapshot = Some((about, bytes));
    }
}

/// A batch of changes.
pub(super) fn batch(changes: &[Change]) -> Batch {
    let mut batch = Batch::new();
    for change in changes {
        match change {
            Change::HardState(state) => batch.hard_state(*state),
            Change::Keep(number, bytes) => batch.keep(*number, bytes),
            Change::TruncateAfter(index) => batch.truncate_after(*index),
            Change::Entry(index, term, bytes) => batch.entry(*index, *term, bytes),
        }
    }
    batch
}
