//! A leader's office: what is committed, and the lease (Raft §5.3, §5.4.2).
//!
//! Departures from Raft: a new leader commits nothing until its predecessors' entries are older than the lease, and
//! committing an entry is the lease (`lease.rs`). A leader that cannot reach a quorum does not step down, which would help
//! nobody; it says so in its appends, and nobody stands by it for them (compare check-quorum, thesis §6.2).

use std::collections::BTreeMap;
use std::hash::Hasher;
use std::time::Duration;

use ::log::info;

use crate::consensus::core::Core;
use crate::consensus::entry::{Command, Payload};
use crate::consensus::fingerprint::Measure;
use crate::consensus::lease::{self, Lease};
use crate::consensus::message::AppendResponse;
use crate::consensus::mistakes::Mistake;
use crate::consensus::options::Options;
use crate::consensus::replication::replicator::Replicator;
use crate::consensus::time::Time;
use crate::consensus::types::{Index, LogId};
use crate::id::Id;

/// A leader's state.
#[derive(Clone, Debug)]
pub(crate) struct Leader {
    pub replicator: Replicator,
    lease: Lease,
}

impl Leader {
    /// Begins to lead the term in which a quorum has voted for us.
    pub(crate) fn begin<C: Command>(core: &mut Core<C>, known: &BTreeMap<Id, LogId>) -> Leader {
        core.leader = Some(core.own());
        core.is_newcomer = false;
        let commits_from = match core.options.makes(Mistake::NoDeferral) {
            true => core.now,
            false => lease::commits_from(&core.log, core.now, &core.options),
        };
        let replicator = Replicator::new(core, known, commits_from);
        info!(
            "leading term {} from {} on, commit {}, commits after {} ms",
            core.term,
            core.log.last(),
            core.log.commit(),
            commits_from.since(core.now).as_millis()
        );
        core.append(Payload::Noop);
        let mut own = Leader {
            replicator,
            lease: Lease::default(),
        };
        own.commit(core, Index::ZERO);
        own
    }

    /// A mistake: goes on after a restart as if nothing had happened.
    pub(crate) fn resume<C: Command>(core: &mut Core<C>) -> Leader {
        core.log.commit_through(core.log.last_index());
        let mut own = Leader::begin(core, &BTreeMap::new());
        own.lease.renew(core.now);
        own
    }

    /// Commits what has become possible by time alone.
    pub(crate) fn advance<C: Command>(&mut self, core: &mut Core<C>) {
        self.commit(core, Index::ZERO);
    }

    /// Followers answer.
    pub(crate) fn on_response<C: Command>(
        &mut self,
        core: &mut Core<C>,
        from: Id,
        response: &AppendResponse,
    ) {
        let told = self.replicator.on_response(core, from, response);
        self.commit(core, told);
    }

    /// Commits what a quorum holds, or a follower knows to be committed, if it is of this term (Raft §5.4.2) and no
    /// deposed leader can still have a lease.
    fn commit<C: Command>(&mut self, core: &mut Core<C>, told: Index) {
        let held = self.replicator.durable_on_quorum(core).max(told);
        let may_count = core.is_of_this_term(held) || core.options.makes(Mistake::CommitOlderTerms);
        if core.now < self.replicator.commits_from() || held <= core.log.commit() || !may_count {
            return;
        }
        let created_at = match core.options.makes(Mistake::LeaseFromAnswer) {
            true => core.now,
            false => core.log.held_since(held).expect("it is in the log"),
        };
        if !self.lease.was_held() {
            info!("first commit of term {}: through {held}", core.term);
        }
        self.lease.renew(created_at);
        core.log.commit_through(held);
    }

    /// How much longer reads may be served alone, if at all.
    pub(crate) fn lease_left<C: Command>(&self, core: &Core<C>) -> Option<Duration> {
        self.lease.left(core.now, &core.options)
    }

    /// When it must act next.
    pub(crate) fn deadline<C: Command>(&self, core: &Core<C>) -> Time {
        let next = self.replicator.deadline();
        let commits_from = self.replicator.commits_from();
        let waits_for_old_leases =
            core.now < commits_from && core.log.commit() < core.log.last_index();
        match waits_for_old_leases {
            true => next.min(commits_from),
            false => next,
        }
    }

    /// What must hold after every step.
    pub(crate) fn assert_invariants<C: Command>(&self, core: &Core<C>) {
        assert_eq!(core.voted_for, Some(core.own()));
        assert!(
            core.is_of_this_term(core.log.last_index()),
            "a leader's log ends in its own term"
        );
        assert!(
            !self.lease.was_held() || core.is_of_this_term(core.log.commit()),
            "a lease rests on a committed entry of the leader's own term"
        );
        self.replicator.assert_invariants(core);
    }

    /// What a model checker tells leaders apart by.
    pub(crate) fn fingerprint(
        &self,
        measure: Measure,
        options: &Options,
        hasher: &mut impl Hasher,
    ) {
        let Leader { replicator, lease } = self;
        replicator.fingerprint(measure, options, hasher);
        lease.fingerprint(measure, options, hasher);
    }
}
