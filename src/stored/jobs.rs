//! What a disk is to do for a write, in its order.

use super::codec;
use crate::consensus::snapshot::Snapshot;
use crate::consensus::{self, HardState};
use crate::disk::{About, Batch, HardState as StoredState};
use crate::replica::Write;

/// Under which number a directory keeps what a hard state says of this replica's and its peers' lives.
pub(super) const OTHERS: u8 = 1;
/// Under which number a directory keeps through where puts are settled.
pub(super) const SETTLED: u8 = 2;

/// A longer write is cut into several batches. Any beginning of it may be left by a crash.
const MAX_BATCH_BYTES: usize = 4 << 20;
/// About how many bytes a piece of a snapshot has: so few that making one takes less than a millisecond.
const PIECE_BYTES: usize = 128 << 10;

/// Something that a disk is to do.
#[derive(Debug)]
pub enum Job {
    /// Make a batch durable.
    Write(Batch),
    /// Make a snapshot durable, and take it for all that was written before.
    Replace(Snapshot),
}

/// What is to be done for a write. The last of it is always a batch: once that is durable, the write is.
pub fn jobs(write: &Write) -> Vec<Job> {
    let Write { consensus, settled } = write;
    let consensus::Write {
        number: _,
        snapshot,
        truncate_after,
        first,
        entries,
        hard_state,
    } = consensus;
    let mut jobs: Vec<Job> = snapshot.iter().cloned().map(Job::Replace).collect();
    let mut batch = Batch::new();
    if let Some(index) = truncate_after {
        batch.truncate_after(index.0);
    }
    let mut bytes = Vec::new();
    for (entry, index) in entries.iter().zip(first.0..) {
        codec::write_payload(&entry.payload, &mut bytes);
        if batch.bytes() + bytes.len() > MAX_BATCH_BYTES {
            jobs.push(Job::Write(std::mem::take(&mut batch)));
        }
        batch.entry(index, entry.term.0, &bytes);
    }
    if let Some(state) = hard_state {
        batch.hard_state(stored_state(state));
        batch.keep(OTHERS, &codec::write_others(state));
    }
    batch.keep(SETTLED, &codec::write_index(*settled));
    jobs.push(Job::Write(batch));
    jobs
}

fn stored_state(state: &HardState) -> StoredState {
    StoredState {
        term: state.term.0,
        vote: state.voted_for.map(|id| id.0),
        incarnation: state.incarnation.0,
    }
}

/// A snapshot on its way to the disk.
#[derive(Debug)]
pub struct Copying {
    snapshot: Snapshot,
    /// How many of its items are on the way.
    done: u64,
}

impl Copying {
    /// Nothing of it is on the way.
    pub fn of(snapshot: Snapshot) -> Copying {
        Copying { snapshot, done: 0 }
    }

    /// What it is of.
    pub fn about(&self) -> About {
        let last = self.snapshot.last;
        About {
            index: last.index.0,
            term: last.term.0,
            extra: codec::write_spans(&self.snapshot),
        }
    }

    /// The next piece; none at the end.
    pub fn next_piece(&mut self) -> Option<Vec<u8>> {
        let state = &self.snapshot.state;
        if self.done >= state.items() {
            return None;
        }
        let (text, end) = state.part(self.done, PIECE_BYTES);
        self.done = end;
        Some(text.into_bytes())
    }
}
