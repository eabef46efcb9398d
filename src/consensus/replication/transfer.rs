//! A snapshot on its way to one follower, in parts: the next one leaves when the one before is acknowledged.

use std::hash::{Hash, Hasher};
use std::time::Duration;

use crate::consensus::fingerprint::Measure;
use crate::consensus::message::{SnapshotPart, SnapshotResponse};
use crate::consensus::snapshot::Snapshot;
use crate::consensus::time::Time;
use crate::consensus::types::LogId;

/// A snapshot that is being sent. It stays the same one, whatever snapshots are taken meanwhile: so it comes to an end.
#[derive(Clone, Debug)]
pub(crate) struct Transfer {
    snapshot: Snapshot,
    /// How many of its items the follower has.
    have: u64,
    /// When the last part was sent.
    sent_at: Option<Time>,
    /// How often the part behind these items was sent.
    tries: u32,
}

impl Transfer {
    /// Nothing has been sent yet.
    pub(crate) fn new(snapshot: Snapshot) -> Transfer {
        Transfer {
            snapshot,
            have: 0,
            sent_at: None,
            tries: 0,
        }
    }

    /// The last entry that the snapshot covers.
    pub(crate) fn last(&self) -> LogId {
        self.snapshot.last
    }

    /// When to send a part: at once, or again if its answer is late; each time later, but after `longest` at last.
    pub(crate) fn due(&self, patience: impl FnOnce() -> Duration, longest: Duration) -> Time {
        match self.sent_at {
            None => Time::ZERO,
            Some(sent_at) => {
                let times = 2u32.saturating_pow((self.tries - 1).min(20));
                sent_at + (patience() * times).min(longest)
            }
        }
    }

    /// The part behind what the follower has, which is sent now.
    pub(crate) fn next_part(
        &mut self,
        now: Time,
        max_bytes: usize,
        in_doubt: bool,
    ) -> SnapshotPart {
        let Snapshot { last, spans, state } = &self.snapshot;
        let (text, end) = state.part(self.have, max_bytes);
        self.sent_at = Some(now);
        self.tries = self.tries.saturating_add(1);
        SnapshotPart {
            last: *last,
            start: self.have,
            end,
            whole: (end == state.items()).then(|| spans.firsts().to_vec()),
            in_doubt,
            text,
            sent_at: now,
        }
    }

    /// The follower tells what it has. Returns whether the next part is to be sent: not if that answers a part which was
    /// not the last one, or one of another snapshot.
    pub(crate) fn answered(&mut self, response: SnapshotResponse) -> bool {
        let is_latest = self.sent_at == Some(response.sent_at);
        if response.last != self.snapshot.last || !is_latest {
            return false;
        }
        if response.have >= self.snapshot.state.items() {
            return false;
        }
        self.have = response.have;
        self.sent_at = None;
        self.tries = 0;
        true
    }

    /// What a model checker tells transfers apart by.
    pub(crate) fn fingerprint(&self, measure: Measure, limit: Duration, hasher: &mut impl Hasher) {
        let Transfer {
            snapshot,
            have,
            sent_at,
            tries,
        } = self;
        (snapshot, have, tries).hash(hasher);
        sent_at.map(|at| measure.age(at, limit)).hash(hasher);
    }
}
