//! A read-only look inside a replica, for invariant checks, tests and displays.

use std::time::Duration;

use super::entry::Entry;
use super::options::Options;
use super::replica::Replica;
use super::role::Role;
use super::time::Time;
use super::types::{Index, Position, Term};
use crate::id::Id;

/// What can be seen of a replica at one moment.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    replica: &'a Replica,
}

/// A replica's role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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

impl Replica {
    /// A read-only look at this replica.
    pub fn view(&self) -> View<'_> {
        View { replica: self }
    }
}

impl<'a> View<'a> {
    /// The replica's ID.
    pub fn id(&self) -> Id {
        self.replica.id
    }

    /// The time of its latest call, on its own clock.
    pub fn now(&self) -> Time {
        self.replica.now
    }

    /// Its role.
    pub fn role(&self) -> RoleName {
        match self.replica.role {
            Role::Follower(_) => RoleName::Follower,
            Role::PreCandidate(_) => RoleName::PreCandidate,
            Role::Candidate(_) => RoleName::Candidate,
            Role::Leader(_) => RoleName::Leader,
        }
    }

    /// Its term.
    pub fn term(&self) -> Term {
        self.replica.term
    }

    /// For whom it has voted in its term.
    pub fn voted_for(&self) -> Option<Id> {
        self.replica.voted_for
    }

    /// The leader of its term, as far as it knows.
    pub fn leader(&self) -> Option<Id> {
        self.replica.leader()
    }

    /// Its commit index.
    pub fn commit(&self) -> Index {
        self.replica.log.commit()
    }

    /// The last entry of its log.
    pub fn last(&self) -> Position {
        self.replica.log.last()
    }

    /// The entry at an index of its log.
    pub fn entry(&self, index: Index) -> Option<&'a Entry> {
        self.replica.log.get(index)
    }

    /// Its log.
    pub fn entries(&self) -> impl Iterator<Item = &'a Entry> + use<'a> {
        self.replica.log.from(Index(1))
    }

    /// As a leader: through which index it takes a follower's log to equal its own. None for who is no
    /// follower, and from any other role.
    pub fn matched(&self, follower: Id) -> Option<Index> {
        let Role::Leader(leader) = &self.replica.role else {
            return None;
        };
        let mut followers = leader.followers.iter();
        let (_, progress) = followers.find(|(id, _)| **id == follower)?;
        Some(progress.matched)
    }

    /// As a leader: whether it doubts that it can reach a quorum.
    pub fn doubts_quorum(&self) -> bool {
        match &self.replica.role {
            Role::Leader(leader) => self.replica.doubts_quorum(leader),
            _ => false,
        }
    }

    /// The value of a key in its store.
    pub fn value(&self, key: &str) -> Option<&'a str> {
        self.replica.store.get(key).map(String::as_str)
    }

    /// For how much longer, as of its latest step, it may answer gets alone.
    pub fn lease_left(&self) -> Option<Duration> {
        self.replica.lease_left()
    }

    /// How long ago, as of its latest step, it heard the leader of its term; none if it has not, or
    /// suspects it.
    pub fn leader_heard_ago(&self) -> Option<Duration> {
        let heard_at = self.replica.leader_heard_at?;
        Some(self.replica.now.since(heard_at))
    }

    /// The constants it runs with.
    pub fn options(&self) -> &'a Options {
        &self.replica.options
    }

    /// How many puts in the log it still owes an answer.
    pub fn owed(&self) -> usize {
        self.replica.owed.len()
    }

    /// How many requests it holds outside of the log: for want of a leader, or, as a leader, of a
    /// quorum or a lease.
    pub fn waiting(&self) -> usize {
        match &self.replica.role {
            Role::Leader(leader) => leader.waiting_puts.len() + leader.waiting_gets.len(),
            _ => self.replica.held.len(),
        }
    }
}
