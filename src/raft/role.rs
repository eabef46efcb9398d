//! What a replica is at the moment, with the state that only that role has: it is made when the
//! role begins and gone when it ends, so it cannot be stale.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use super::followers::Followers;
use super::message::Voted;
use super::pacing::{HARDLY, RetryBudget, RoundTrips, SuccessRate};
use super::progress::Progress;
use super::reception::HeldRequest;
use super::time::Time;
use super::types::{Index, Position};
use crate::id::Id;

/// A replica's role.
#[derive(Clone, Debug)]
pub(super) enum Role {
    Follower(Follower),
    /// Asks whether an election would succeed, without starting a term.
    PreCandidate(Campaign),
    /// Stands for election in the current term.
    Candidate(Campaign),
    Leader(Leader),
}

#[derive(Clone, Debug)]
pub(super) struct Follower {
    /// The leader of the current term, if it has spoken up.
    pub leader: Option<Id>,
    /// When to stand for election unless a leader is heard before.
    pub election_at: Time,
}

/// A candidate's campaign, first for pre-votes and then for votes.
#[derive(Clone, Debug)]
pub(super) struct Campaign {
    /// Who is for us, ourselves included, in the present round.
    pub supporters: Vec<Id>,
    /// Everybody who has answered in the present round.
    pub answered: Vec<Id>,
    /// What the others hold and have answered, as they last said, in this round or the one before.
    pub known: BTreeMap<Id, Holding>,
    /// When to ask again those who have not answered.
    pub retry_at: Time,
    /// How long to wait after that.
    pub retry_delay: Duration,
    /// Whether somebody who has answered in the present round holds more than we do.
    pub outdone: bool,
    /// By when a living leader's word should have come.
    pub leader_heard_by: Time,
    /// When to stand for election at the earliest, if not everybody has answered (pre-candidates only).
    pub stands_at: Time,
    /// When to give the term up (candidates only).
    pub gives_up_at: Time,
}

/// How far a replica's log goes, and through where it has answered all puts that it is to answer.
#[derive(Clone, Copy, Debug, Hash)]
pub(super) struct Holding {
    pub last: Position,
    pub answered: Index,
}

impl From<Voted> for Holding {
    fn from(voted: Voted) -> Holding {
        Holding {
            last: voted.last,
            answered: voted.answered,
        }
    }
}

#[derive(Clone, Debug)]
pub(super) struct Leader {
    /// What is known of each follower.
    pub followers: Followers,
    /// When a quorum last came to hold more than before; at first, when the term began.
    pub progress_at: Time,
    /// Nothing may be committed before: until then a deposed leader may hold a lease.
    pub commits_from: Time,
    /// When the latest committed entry of this term was created: the lease runs from there.
    pub lease_from: Option<Time>,
    /// Who answers for what.
    pub answering: Answering,
    /// How long answers to appends take.
    pub round_trips: RoundTrips,
    /// The last entry that has been sent to enough followers for a quorum.
    pub dispatched: Index,
    /// When to send again what lacks a quorum.
    pub retry_at: Option<Time>,
    /// How long to wait after that.
    pub retry_delay: Duration,
    /// How often what lacks a quorum has been sent in vain, wanting an answer, since a quorum last came to hold
    /// more: each answer takes one off.
    pub attempts: u32,
    /// In how many copies the latest entry has been sent, whether they want an answer or not.
    pub copies: u32,
    /// Whether the first attempt at what lacks a quorum has failed.
    pub first_failed: bool,
    /// What may be spent on sending again.
    pub budget: RetryBudget,
    /// How often an entry needs no more than one attempt.
    pub first_attempts: SuccessRate,
    /// Puts that are not in the log, because the leader doubts its quorum or has too many there.
    pub waiting_puts: VecDeque<HeldRequest>,
    /// Gets that wait for a lease, or for a put to the same key.
    pub waiting_gets: VecDeque<WaitingGet>,
}

impl Leader {
    /// Whether something waits that no budget should hold up: a get, which perishes with its leader whatever
    /// is sent, or puts whose answerer seems to be gone. Both are rare.
    pub(super) fn is_urgent(&self) -> bool {
        let is_awaited = self.awaited_answerer().is_some();
        !self.waiting_gets.is_empty() || is_awaited && self.route_end().is_none()
    }

    /// Where a route should end: at the answerer of what is not settled, unless that has been silent for
    /// too long.
    pub(super) fn route_end(&self) -> Option<Id> {
        let (answerer, progress) = self.awaited_answerer()?;
        let seems_gone = progress.seems_gone(&self.first_attempts);
        (!seems_gone).then_some(answerer)
    }

    /// The follower that is to answer what is not settled; none if there is nothing, or if this leader itself
    /// answers it.
    pub(super) fn awaited_answerer(&self) -> Option<(Id, &Progress)> {
        let Answering { answerer, .. } = self.answering;
        let progress = self.followers.get(&answerer)?;
        (!self.answering.is_settled()).then_some((answerer, progress))
    }

    /// Whether attempts to reach a quorum have failed too often for bad luck.
    pub(super) fn seems_cut_off(&self) -> bool {
        self.first_attempts.chance_of_failures(self.attempts) < HARDLY
    }
}

/// What a leader knows of the answers that clients get for their puts from other replicas.
#[derive(Clone, Debug)]
pub(super) struct Answering {
    /// Who answers the puts that are not settled, and new ones until all are.
    pub answerer: Id,
    /// All puts through here have been answered, or are `left`.
    pub settled: Index,
    /// Inherited puts that are left to an answerer who is away.
    pub left: Option<Left>,
    /// Through where a follower has answered, and so knows that it is committed.
    pub committed: Index,
    /// The last put in the log, or where the last one may have been.
    pub last_put: Index,
    /// The commit index of which the answerer has been told.
    pub told: Index,
    /// The first entry of the leader's term.
    pub opening: Index,
}

/// Inherited puts whose answerer is away.
#[derive(Clone, Debug)]
pub(super) struct Left {
    pub answerer: Id,
    /// They stand behind this index,
    pub after: Index,
    /// up to this one.
    pub through: Index,
    /// When the leader takes them over after all; none if it has.
    pub until: Option<Time>,
    /// Where the take-over stands.
    pub taken_over_at: Option<Index>,
}

/// A get that could not be answered at once.
#[derive(Clone, Debug)]
pub(super) struct WaitingGet {
    pub held: HeldRequest,
    /// The last put to its key when the get came, if that was not settled: its client may have been told
    /// that it took effect.
    pub put: Index,
    /// The first index behind the log's end when the get came. Committing an entry there proves
    /// that we still led after the get came: then it can be answered even without a lease.
    pub barrier: Index,
}

impl Campaign {
    /// The replica's own supporters at the start of a round.
    pub(super) fn begin_round(&mut self, own: Id) {
        self.supporters.clear();
        self.supporters.push(own);
        self.answered.clear();
    }

    /// Whether a quorum is for us, and nobody holds more.
    pub(super) fn has_won(&self, quorum: usize) -> bool {
        self.supporters.len() >= quorum && !self.outdone
    }

    /// Whether nobody is left to wait for who might hold more, or lead. A suspected leader is not waited for
    /// as long as others.
    pub(super) fn is_heard_out(&self, now: Time, peers: usize, leader_suspected: bool) -> bool {
        let all_others = self.answered.len() + 1 >= peers;
        self.answered.len() >= peers
            || now >= self.stands_at
            || leader_suspected && all_others && now >= self.leader_heard_by
    }

    /// Notes an answer.
    pub(super) fn record(&mut self, from: Id, voted: Voted) {
        self.known.insert(from, voted.into());
        if !self.answered.contains(&from) {
            self.answered.push(from);
        }
        if voted.granted && !self.supporters.contains(&from) {
            self.supporters.push(from);
        }
    }
}
