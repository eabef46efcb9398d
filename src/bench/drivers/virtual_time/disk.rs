//! A simulated disk of an embedded replica: a write becomes durable some time after it was handed over, and a crash loses
//! what is not durable, but for any beginning of it.
//!
//! One sync is under way at a time; what comes meanwhile waits for the next, and shares it. Must never know what it stores.

use std::time::Duration;

use rand::RngExt;

use crate::bench::world::random::StreamRng;
use crate::consensus::Index;
use crate::consensus::image::Image;
use crate::kv::Command;
use crate::replica::{Options, Restored, Write};

/// How long a sync mostly takes, at least and at most: a solid-state disk.
const SYNC: std::ops::RangeInclusive<Duration> =
    Duration::from_micros(100)..=Duration::from_micros(1_000);
/// How long one takes that is slow, at least and at most.
const SLOW_SYNC: std::ops::RangeInclusive<Duration> =
    Duration::from_millis(5)..=Duration::from_millis(60);
/// How often one is slow.
const SLOW: f64 = 0.02;

/// A simulated disk.
#[derive(Debug, Default)]
pub(super) struct Disk {
    image: Image<Command>,
    settled: Index,
    /// What is being synced, and when it will be durable.
    under_way: Option<(Duration, Vec<Write>)>,
    waiting: Vec<Write>,
}

impl Disk {
    /// Takes a write.
    pub(super) fn hand(&mut self, now: Duration, write: Write, rng: &mut StreamRng) {
        self.waiting.push(write);
        self.sync(now, rng);
    }

    fn sync(&mut self, now: Duration, rng: &mut StreamRng) {
        if self.under_way.is_some() || self.waiting.is_empty() {
            return;
        }
        let takes = match rng.random_bool(SLOW) {
            true => rng.random_range(SLOW_SYNC),
            false => rng.random_range(SYNC),
        };
        self.under_way = Some((now + takes, std::mem::take(&mut self.waiting)));
    }

    /// When the sync that is under way ends; never, if none is.
    pub(super) fn next_at(&self) -> Duration {
        self.under_way.as_ref().map_or(Duration::MAX, |(at, _)| *at)
    }

    /// The sync is over: what is durable now.
    pub(super) fn end_sync(&mut self, now: Duration, rng: &mut StreamRng) -> Vec<Write> {
        let (_, writes) = self.under_way.take().unwrap_or_default();
        for write in &writes {
            self.image.store(&write.consensus);
            self.settled = write.settled;
        }
        self.sync(now, rng);
        writes
    }

    /// The replica ends in an orderly way: all that it has written becomes durable. Returns what that is.
    pub(super) fn end_all(&mut self) -> Vec<Write> {
        let (_, mut writes) = self.under_way.take().unwrap_or_default();
        writes.append(&mut self.waiting);
        for write in &writes {
            self.image.store(&write.consensus);
            self.settled = write.settled;
        }
        writes
    }

    /// The replica crashes: of what was not durable any beginning is left.
    pub(super) fn crash(&mut self, rng: &mut StreamRng) {
        let (_, mut writes) = self.under_way.take().unwrap_or_default();
        writes.append(&mut self.waiting);
        let parts = |write: &Write| Image::parts(&write.consensus);
        let all: usize = writes.iter().map(parts).sum();
        let mut left = rng.random_range(0..=all);
        for write in &writes {
            let here = parts(write).min(left);
            self.image.store_parts(&write.consensus, here);
            left -= here;
            if here < parts(write) {
                return;
            }
            self.settled = write.settled;
        }
    }

    /// Its directory is emptied.
    pub(super) fn wipe(&mut self) {
        *self = Disk::default();
    }

    /// What a replica finds when it starts; none if it has never been here.
    ///
    /// # Panics
    ///
    /// If a snapshot makes no store.
    pub(super) fn restored(&self, options: &Options) -> Option<Restored> {
        let restored = Restored::with_state(self.image.restored()?, self.settled, options);
        Some(restored.expect("a replica's own snapshot makes a store"))
    }
}
