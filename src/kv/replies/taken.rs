//! The puts that a replica took in as a leader and whose fate is open.
//!
//! Their clients are redirected, but only when another entry is *committed* in a put's place: until then the put may
//! still come back with a later leader (Raft's Figure 8).

use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use ::log::info;

use crate::consensus::log::Log;
use crate::consensus::{Index, LogId, Term};
use crate::kv::command::{Command, Put};

/// By the places that they were given.
#[derive(Clone, Debug, Default)]
pub(super) struct Taken(BTreeMap<(Index, Term), Arc<Put>>);

impl Taken {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// A put has just got that place in the log.
    pub(super) fn add(&mut self, at: LogId, put: &Arc<Put>) {
        let before = self.0.insert((at.index, at.term), Arc::clone(put));
        assert!(before.is_none(), "a place in the log is taken once a term");
    }

    /// The put at that place is committed: takes it out, if this replica took it in.
    pub(super) fn take_committed(&mut self, at: LogId) -> Option<Arc<Put>> {
        self.0.remove(&(at.index, at.term))
    }

    /// Takes out those that a snapshot covers, and returns them; and forgets those of which cannot be known any more
    /// whether it does.
    pub(super) fn take_covered(&mut self, log: &Log<Command>) -> Vec<Arc<Put>> {
        self.0.retain(|(index, _), _| !log.has_forgotten(*index));
        let base = log.base().index;
        let is_covered = |&(index, term): &(Index, Term), _: &mut Arc<Put>| {
            index <= base && log.holds(LogId { term, index })
        };
        let covered = self.0.extract_if(.., is_covered);
        covered.map(|(_, put)| put).collect()
    }

    /// Takes out those of which it is decided that they never take effect.
    pub(super) fn take_overwritten(&mut self, log: &Log<Command>) -> Vec<Arc<Put>> {
        let commit = log.commit();
        let last = log.id_at(commit).expect("what is committed is in the log");
        // Every later leader's log holds the entry at the commit index and has no older terms behind
        // it: that decides the fate of older terms' puts wherever they stand.
        let decided = |&(index, term): &(Index, Term), _: &mut Arc<Put>| {
            (index <= commit || term < last.term) && !log.holds(LogId { term, index })
        };
        let overwritten = self.0.extract_if(.., decided);
        overwritten
            .map(|((index, _), put)| {
                let (client, mid) = (put.client, &put.mid);
                info!("put {mid} of {client} at {index} was overwritten: redirecting");
                put
            })
            .collect()
    }

    /// Takes all out: what they must never be.
    pub(super) fn take_all(&mut self) -> Vec<Arc<Put>> {
        std::mem::take(&mut self.0).into_values().collect()
    }

    /// What a model checker tells them apart by.
    pub(super) fn fingerprint(&self, hasher: &mut impl Hasher) {
        self.0.hash(hasher);
    }
}
