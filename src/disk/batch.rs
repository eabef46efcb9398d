//! What a user hands over to be made durable together.

use super::item::{HardState, Item};

/// Changes to the hard state and the log, in their order. Either all of them are there after a crash, or none.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// The items, as they are written.
    pub(super) items: Vec<u8>,
    /// The hard state, if it changes.
    pub(super) hard_state: Option<HardState>,
    /// What else is to be kept, by its number.
    pub(super) kept: Vec<(u8, Vec<u8>)>,
    /// The index of the first entry in it.
    pub(super) first_entry: Option<u64>,
    /// The index of the log's last entry behind it, if it changes the log.
    pub(super) last_index: Option<u64>,
}

impl Batch {
    /// The most bytes that a batch may have: a single sync is to take it.
    pub const MAX_BYTES: usize = 32 << 20;
    /// The most bytes that may be kept under one number.
    pub const MAX_KEPT_BYTES: usize = 1 << 12;

    /// One without changes.
    pub fn new() -> Batch {
        Batch::default()
    }

    /// Replaces the hard state.
    pub fn hard_state(&mut self, state: HardState) {
        Item::HardState(state).write(&mut self.items);
        self.hard_state = Some(state);
    }

    /// Replaces what is kept under a number, beside the hard state and the log. It means nothing here.
    ///
    /// # Panics
    ///
    /// If it has more than [`Batch::MAX_KEPT_BYTES`]: each segment of the log has it once.
    pub fn keep(&mut self, number: u8, bytes: &[u8]) {
        assert!(bytes.len() <= Batch::MAX_KEPT_BYTES);
        Item::Kept { number, bytes }.write(&mut self.items);
        self.kept.push((number, bytes.to_vec()));
    }

    /// Removes all entries behind an index.
    pub fn truncate_after(&mut self, index: u64) {
        Item::TruncateAfter(index).write(&mut self.items);
        self.last_index = Some(index);
    }

    /// Adds an entry to the log. One at its index, and all behind that, are removed first.
    ///
    /// # Panics
    ///
    /// If its index is 0, or leaves a gap to what is before it in this batch.
    pub fn entry(&mut self, index: u64, term: u64, bytes: &[u8]) {
        let most = self.last_index.map_or(u64::MAX, |last| last + 1);
        assert!(
            (1..=most).contains(&index),
            "entry {index} cannot follow entry {:?}",
            self.last_index
        );
        Item::Entry { index, term, bytes }.write(&mut self.items);
        self.first_entry.get_or_insert(index);
        self.last_index = Some(index);
    }

    /// How many bytes it takes on the disk, all but a few.
    pub fn bytes(&self) -> usize {
        self.items.len()
    }

    /// Whether it changes nothing.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }
}
