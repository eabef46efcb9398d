//! A disk for scripts and for the model: each write takes as long as the script says, one after the other, or as the model
//! pleases.

use std::collections::VecDeque;
use std::hash::{Hash, Hasher};
use std::time::Duration;

use leasekv::consensus::image::Image;
use leasekv::consensus::snapshot::Snapshot;
use leasekv::consensus::{Command, Index, Restored, Write};

/// How long a write takes, if a script says nothing else.
const SYNC: Duration = Duration::from_millis(1);

/// A machine's disk.
#[derive(Clone)]
pub(crate) struct Disk<C> {
    image: Image<C>,
    settled: Index,
    under_way: VecDeque<(Write<C>, Index)>,
    /// When the last of those will be durable.
    done_at: Duration,
    /// How long a write takes.
    pub(crate) takes: Duration,
}

impl<C: Command> Default for Disk<C> {
    fn default() -> Self {
        Disk {
            image: Image::default(),
            settled: Index::ZERO,
            under_way: VecDeque::new(),
            done_at: Duration::ZERO,
            takes: SYNC,
        }
    }
}

impl<C: Command> Disk<C> {
    /// Takes a write, and says after how long it will be durable.
    pub(crate) fn hand(&mut self, now: Duration, write: (Write<C>, Index)) -> Duration {
        self.under_way.push_back(write);
        self.done_at = self.done_at.max(now) + self.takes;
        self.done_at - now
    }

    /// A snapshot is durable at once.
    pub(crate) fn store_snapshot(&mut self, snapshot: &Snapshot) {
        self.image.store_snapshot(snapshot);
    }

    /// The first write that is under way is durable: returns its number.
    pub(crate) fn end_sync(&mut self) -> u64 {
        let (write, settled) = self.under_way.pop_front().expect("it is under way");
        self.image.store(&write);
        self.settled = settled;
        write.number
    }

    /// The writes that are not durable yet.
    pub(crate) fn under_way(&self) -> impl ExactSizeIterator<Item = &Write<C>> {
        self.under_way.iter().map(|(write, _)| write)
    }

    /// What a model checker tells disks apart by: the numbers of writes mean nothing to a disk, nor do times.
    pub(crate) fn fingerprint(&self, hasher: &mut impl Hasher) {
        let Disk {
            image,
            settled,
            under_way,
            done_at: _,
            takes: _,
        } = self;
        (image, settled, under_way.len()).hash(hasher);
        for (write, settled) in under_way {
            let Write {
                number: _,
                snapshot,
                truncate_after,
                first,
                entries,
                hard_state,
            } = write;
            (
                snapshot,
                truncate_after,
                first,
                entries,
                hard_state,
                settled,
            )
                .hash(hasher);
        }
    }

    /// So many parts of what is under way have reached the disk; the rest is lost.
    pub(crate) fn crash(&mut self, parts: usize) {
        let mut left = parts;
        for (write, _) in std::mem::take(&mut self.under_way) {
            let here = Image::parts(&write).min(left);
            self.image.store_parts(&write, here);
            left -= here;
            if left == 0 {
                break;
            }
        }
        self.done_at = Duration::ZERO;
    }

    /// What is there; nothing, if nothing ever was.
    pub(crate) fn restored(&self) -> Option<(Restored<C>, Index)> {
        Some((self.image.restored()?, self.settled))
    }
}
