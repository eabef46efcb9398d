//! Snapshots: what the entries through some index have made, in the place of these entries (Raft §7).
//!
//! What a snapshot says means nothing here. It comes in items, which can be asked for from any of them on, so that it
//! travels in parts; and its text is the same wherever it is made, because replicas that have applied the same entries
//! are in the same state.

use std::fmt::Debug;
use std::hash::{Hash, Hasher};
use std::mem;
use std::sync::Arc;

use super::message::SnapshotPart;
use super::spans::Spans;
use super::time::Time;
use super::types::{LogId, Term};

/// The state at one moment, which changes no more.
pub trait State: Debug + Send + Sync {
    /// How many items it has.
    fn items(&self) -> u64;

    /// As many of its items from the one with that number on (the first has 0) as take at most so many bytes in a
    /// message, but one at least unless there is none; and the number behind the last of them.
    fn part(&self, start: u64, max_bytes: usize) -> (String, u64);
}

/// A state and how much of the log it covers.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// The last entry that it covers.
    pub last: LogId,
    /// Which terms the entries were of that it covers.
    pub spans: Spans,
    /// The state behind that entry.
    pub state: Arc<dyn State>,
}

impl PartialEq for Snapshot {
    fn eq(&self, other: &Snapshot) -> bool {
        // As below.
        self.last == other.last
    }
}

impl Eq for Snapshot {}

impl Hash for Snapshot {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        // What is committed through there is the same everywhere, and so is the state.
        self.last.hash(hasher);
    }
}

/// A snapshot of which a follower has received some parts.
#[derive(Clone, Debug, Hash)]
pub(super) struct Incoming {
    /// The term of the leader that sends it.
    term: Term,
    last: LogId,
    /// How many items have come.
    have: u64,
    /// Whether these are all; and then the terms of what the snapshot covers.
    whole: Option<Spans>,
    /// When the leader sent the part that came last, on its clock.
    sent_at: Time,
    /// What has come and was not taken yet.
    fresh: Vec<String>,
    /// Whether anything was taken.
    is_begun: bool,
}

/// What has come of a snapshot since somebody last asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parts {
    /// The last entry that the snapshot covers.
    pub last: LogId,
    /// Whether these are the first ones of this snapshot.
    pub are_first: bool,
    /// Their texts, in order.
    pub texts: Vec<String>,
    /// Whether nothing is left to come.
    pub are_last: bool,
}

impl Incoming {
    /// Begins with what a leader of this term sends.
    pub(super) fn begin(term: Term, last: LogId) -> Incoming {
        Incoming {
            term,
            last,
            have: 0,
            whole: None,
            sent_at: Time::ZERO,
            fresh: Vec::new(),
            is_begun: false,
        }
    }

    pub(super) fn last(&self) -> LogId {
        self.last
    }

    pub(super) fn have(&self) -> u64 {
        self.have
    }

    pub(super) fn term(&self) -> Term {
        self.term
    }

    pub(super) fn sent_at(&self) -> Time {
        self.sent_at
    }

    pub(super) fn whole(&self) -> Option<&Spans> {
        self.whole.as_ref()
    }

    /// Whether a part of another snapshot ends this one: one that covers more, or one of a later leader, which
    /// has no more of this.
    pub(super) fn gives_way_to(&self, term: Term, last: LogId) -> bool {
        last.index > self.last.index || term > self.term && last != self.last
    }

    /// Takes a part in that begins where the parts before it end; any other changes nothing.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub(super) fn take(&mut self, term: Term, part: &SnapshotPart) -> Result<(), String> {
        self.term = term;
        self.sent_at = part.sent_at;
        if part.start != self.have || self.whole.is_some() {
            return Ok(());
        }
        if part.end < part.start || part.end == part.start && part.whole.is_none() {
            return Err(format!("items {} to {}", part.start, part.end));
        }
        self.whole = match &part.whole {
            Some(firsts) => Some(Spans::new(firsts.clone(), self.last)?),
            None => None,
        };
        self.have = part.end;
        self.fresh.push(part.text.clone());
        Ok(())
    }

    /// What has come since the last call, if anything has.
    pub(super) fn take_parts(&mut self) -> Option<Parts> {
        if self.fresh.is_empty() {
            return None;
        }
        Some(Parts {
            last: self.last,
            are_first: !mem::replace(&mut self.is_begun, true),
            texts: mem::take(&mut self.fresh),
            are_last: self.whole.is_some(),
        })
    }
}
