//! The leader that took a put in answers it, for clients that hang on a connection to it.
//!
//! A leader that is deposed goes on with that as a follower: it says `ok` when it learns that the put is committed. If it
//! dies, its connections die with it, and nobody answers: a client that comes back cannot know whether its put took
//! effect.

use std::hash::Hasher;
use std::sync::Arc;

use super::policy::Policy;
use super::taken::Taken;
use crate::consensus::log::Log;
use crate::consensus::{Consensus, Index, LogId};
use crate::id::Id;
use crate::kv::command::{Command, Put};

/// The policy.
#[derive(Clone, Debug, Default)]
pub(crate) struct LeaderAnswers {
    taken: Taken,
}

impl Policy for LeaderAnswers {
    fn answerer(&self, consensus: &Consensus<Command>) -> Option<Id> {
        Some(consensus.members().own())
    }

    fn took_in(&mut self, at: LogId, put: &Arc<Put>) {
        self.taken.add(at, put);
    }

    fn applied(&mut self, log: &Log<Command>, index: Index) -> Vec<Arc<Put>> {
        let at = log.id_at(index).expect("what is applied is in the log");
        self.taken.take_committed(at).into_iter().collect()
    }

    fn installed(&mut self, log: &Log<Command>) -> Vec<Arc<Put>> {
        self.taken.take_covered(log)
    }

    fn overwritten(&mut self, log: &Log<Command>) -> Vec<Arc<Put>> {
        self.taken.take_overwritten(log)
    }

    fn owed(&self) -> usize {
        self.taken.len()
    }
}

impl LeaderAnswers {
    /// Takes out all that it took in, whatever becomes of it: a mistake.
    pub(crate) fn forget_all(&mut self) -> Vec<Arc<Put>> {
        self.taken.take_all()
    }

    /// What a model checker tells policies apart by.
    pub(crate) fn fingerprint(&self, hasher: &mut impl Hasher) {
        self.taken.fingerprint(hasher);
    }
}
