//! A read-only look inside, for whoever uses consensus, and for checks and displays.

use std::time::Duration;

use super::entry::Command;
use super::log::Log;
use super::members::Members;
use super::node::Consensus;
use super::options::Options;
use super::role::Role;
use super::time::Time;
use super::types::{Incarnation, Index, Term};
use crate::id::Id;

/// How a follower has been silent towards its leader.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Silence {
    /// Since when a response of its has been due; none if none is.
    pub since: Option<Time>,
    /// Whether so much silence cannot be chance.
    pub is_no_chance: bool,
    /// Whether it kept silent in the election already.
    pub is_missing: bool,
    /// Whether so much was lost when its silence began that it may well have got what it was sent, and only its word be lost.
    /// (Later its silence itself would count as loss.)
    pub may_have_heard: bool,
}

/// What can be seen of a replica by whoever uses it.
impl<C: Command> Consensus<C> {
    /// The time of the latest call.
    pub fn now(&self) -> Time {
        self.core.now
    }

    /// Who belongs to the cluster.
    pub fn members(&self) -> &Members {
        &self.core.members
    }

    /// Which life of the replica's this is.
    pub fn incarnation(&self) -> Incarnation {
        self.core.incarnation()
    }

    /// The current term.
    pub fn term(&self) -> Term {
        self.core.term
    }

    /// For whom this replica has voted in its term.
    pub fn voted_for(&self) -> Option<Id> {
        self.core.voted_for
    }

    /// The leader of the current term, as far as this replica knows.
    pub fn leader(&self) -> Option<Id> {
        self.core.leader
    }

    /// Whether this replica leads.
    pub fn leads(&self) -> bool {
        self.core.leads()
    }

    /// The log.
    pub fn log(&self) -> &Log<C> {
        &self.core.log
    }

    /// Whether nobody is known to have committed more than this replica has.
    pub fn is_current(&self) -> bool {
        self.core.is_current()
    }

    /// The constants.
    pub fn options(&self) -> &Options {
        &self.core.options
    }

    /// How much longer reads may be served here without asking anybody, if at all.
    pub fn lease_left(&self) -> Option<Duration> {
        match &self.role {
            Role::Leader(leader) => leader.lease_left(&self.core),
            _ => None,
        }
    }

    /// As a leader with reason to think that it cannot reach a quorum: from when on it doubts that.
    pub fn doubts_from(&self) -> Option<Time> {
        match &self.role {
            Role::Leader(leader) => leader.replicator.doubts_from(&self.core),
            _ => None,
        }
    }

    /// As a leader: whether it doubts that it can reach a quorum.
    pub fn doubts_quorum(&self) -> bool {
        self.doubts_from().is_some_and(|from| self.core.now >= from)
    }

    /// When a peer was last heard.
    pub fn heard_at(&self, peer: Id) -> Option<Time> {
        self.core.heard_at(peer)
    }

    /// As a leader: how a follower has been silent. None for who is no follower, and in any other role.
    pub fn silence(&self, follower: Id) -> Option<Silence> {
        let Role::Leader(leader) = &self.role else {
            return None;
        };
        let delivery = leader.replicator.delivery();
        let progress = leader.replicator.followers().find(follower)?;
        Some(Silence {
            since: progress.awaiting,
            is_no_chance: delivery.is_no_chance(progress.unanswered),
            is_missing: progress.missing,
            may_have_heard: progress.awaiting_in_loss,
        })
    }

    /// As a leader: through which index it takes each follower's log to equal its own. Nothing in any other role.
    pub fn matched(&self) -> impl Iterator<Item = (Id, Index)> {
        let leader = match &self.role {
            Role::Leader(leader) => Some(leader),
            _ => None,
        };
        let followers = leader
            .into_iter()
            .flat_map(|it| it.replicator.followers().iter());
        followers.map(|(id, progress)| (id, progress.matched))
    }

    /// How long ago it heard the leader of its term; none if it has not, or suspects it.
    pub fn leader_heard_ago(&self) -> Option<Duration> {
        match &self.role {
            Role::Follower(follower) => follower.leader_heard_ago(self.core.now),
            _ => None,
        }
    }

    /// The role.
    pub fn role(&self) -> RoleName {
        match self.role {
            Role::Follower(_) => RoleName::Follower,
            Role::PreCandidate(_) => RoleName::PreCandidate,
            Role::Candidate(_) => RoleName::Candidate,
            Role::Leader(_) => RoleName::Leader,
        }
    }
}

/// A replica's role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RoleName {
    /// It follows a leader, or waits for one.
    Follower,
    /// It asks for pre-votes.
    PreCandidate,
    /// It asks for votes in its term.
    Candidate,
    /// It leads its term.
    Leader,
}
