//! A follower: it waits for the leader's word, and campaigns when that does not come (Raft §5.2).
//!
//! What it does with entries is in `replication/storing.rs`.

use std::hash::{Hash, Hasher};
use std::time::Duration;

use ::log::info;

use super::transition::Transition;
use super::voter;
use crate::consensus::core::Core;
use crate::consensus::entry::Command;
use crate::consensus::fingerprint::Measure;
use crate::consensus::message::{Body, VoteRequest};
use crate::consensus::mistakes::Mistake;
use crate::consensus::options::Timing;
use crate::consensus::time::Time;
use crate::consensus::types::Term;
use crate::id::Id;

/// A follower's state.
#[derive(Clone, Debug)]
pub(crate) struct Follower {
    /// When the leader of this term was last heard; none if it is suspected or unknown.
    heard_at: Option<Time>,
    /// Whether somebody has found the leader gone, and it has not been heard since.
    suspected: bool,
    /// When to campaign unless a leader is heard before.
    election_at: Time,
}

impl Follower {
    /// A replica at the start of its life.
    pub(crate) fn at_start<C: Command>(core: &mut Core<C>) -> Follower {
        let patience = core.options.timing.first_election_timeout;
        Follower {
            heard_at: None,
            suspected: false,
            election_at: core.now + core.random_duration(patience / 8, patience),
        }
    }

    /// A replica that starts again with its memory. There may be a leader that it heard just before it stopped: it stands by
    /// that as if it had heard it now.
    pub(crate) fn at_restart<C: Command>(core: &mut Core<C>) -> Follower {
        if core.term == Term(0) {
            return Follower::at_start(core);
        }
        Follower {
            heard_at: Some(core.now),
            suspected: false,
            election_at: election_timeout(core),
        }
    }

    /// One that waits for a leader, or for the next election, from now on.
    pub(crate) fn begin<C: Command>(core: &mut Core<C>) -> Follower {
        Follower {
            heard_at: None,
            suspected: false,
            election_at: election_timeout(core),
        }
    }

    /// One that was about to stand, and leaves the election to another. That has the first try: this one tries again after
    /// two to four times `campaign_timeout`. `suspected` is whether somebody has found the leader gone.
    pub(crate) fn yielding<C: Command>(core: &mut Core<C>, suspected: bool) -> Follower {
        let patience = 2 * core.options.timing.campaign_timeout;
        Follower {
            heard_at: None,
            suspected,
            election_at: core.now + core.random_duration(patience, 2 * patience),
        }
    }

    /// Campaigns if it is time to.
    pub(crate) fn advance<C: Command>(&self, core: &Core<C>) -> Option<Transition> {
        if core.now < self.election_at {
            return None;
        }
        match core.leader {
            Some(leader) => info!("nothing heard from leader {leader}: asking for pre-votes"),
            None => info!("no leader in term {}: asking for pre-votes", core.term),
        }
        Some(Transition::AskForPreVotes {
            leader_suspected: self.suspected,
        })
    }

    /// When it must act next.
    pub(crate) fn deadline(&self) -> Time {
        self.election_at
    }

    /// How long ago the leader of this term was heard; none if it is suspected or unknown.
    pub(crate) fn leader_heard_ago(&self, now: Time) -> Option<Duration> {
        self.heard_at.map(|at| now.since(at))
    }

    /// Whether somebody has found the leader gone, and it has not been heard since.
    pub(crate) fn suspects_leader(&self) -> bool {
        self.suspected
    }

    /// The leader has spoken, and has no doubt that it leads.
    pub(crate) fn hear_leader<C: Command>(&mut self, core: &mut Core<C>) {
        *self = Follower {
            heard_at: Some(core.now),
            suspected: false,
            election_at: election_timeout(core),
        };
    }

    /// The term is over. The election timeout goes on: a higher term alone is no sign of a living leader.
    pub(crate) fn forget_leader(&mut self) {
        self.heard_at = None;
        self.suspected = false;
    }

    /// Takes the leader for dead, and campaigns unless it is heard meanwhile. Nothing is lost
    /// by waiting for that until it has been silent for a moment, since its lease lasts longer; and a
    /// leader that only lacks a quorum must not be suspected again and again.
    pub(crate) fn suspect_leader<C: Command>(&mut self, core: &mut Core<C>) {
        let patience = core.options.timing.suspicion_patience * 4u32.pow(core.suspicions.min(1));
        let heard_at = self.heard_at.take().unwrap_or(core.now);
        core.suspicions += 1;
        core.leader = None;
        self.suspected = true;
        let soon = core.now.max(heard_at + patience) + moment(core);
        self.election_at = self.election_at.min(soon);
    }

    /// Somebody waits for a leader.
    pub(crate) fn hurry<C: Command>(&mut self, core: &mut Core<C>) {
        let patience = core.options.timing.leaderless_patience;
        let election_at = core.now + core.random_duration(patience, 2 * patience);
        self.election_at = self.election_at.min(election_at);
    }

    /// Somebody asks whether we would vote for it in the term after ours.
    pub(crate) fn on_pre_vote<C: Command>(
        &mut self,
        core: &mut Core<C>,
        from: Id,
        request: VoteRequest,
    ) {
        let timing = &core.options.timing;
        let loyalty = match request.leader_suspected {
            true => timing.suspected_stickiness,
            false => timing.leader_stickiness,
        };
        let hears_leader = self
            .leader_heard_ago(core.now)
            .is_some_and(|ago| ago < loyalty)
            && !core.options.makes(Mistake::NoPreVoteRefusal);
        let suffices = voter::suffices(core, request.last);
        if !hears_leader && request.last < core.log.last() {
            // It has found the leader silent, and cannot win against us: so we try ourselves.
            self.suspected |= request.leader_suspected;
            self.election_at = self.election_at.min(core.now + moment(core));
        }
        let granted = !hears_leader && suffices;
        if granted {
            // It has the first try.
            let later = core.now + 2 * core.options.timing.campaign_timeout;
            self.election_at = self.election_at.max(later);
        }
        core.send(from, Body::PreVoteResponse(core.vote_response(granted)));
    }

    /// Somebody asks for our vote.
    pub(crate) fn on_vote<C: Command>(
        &mut self,
        core: &mut Core<C>,
        from: Id,
        request: VoteRequest,
    ) {
        let granted = voter::vote(core, from, request);
        if granted {
            self.election_at = election_timeout(core);
        }
        core.send(from, Body::VoteResponse(core.vote_response(granted)));
    }

    /// What a model checker tells followers apart by.
    pub(crate) fn fingerprint(&self, measure: Measure, timing: &Timing, hasher: &mut impl Hasher) {
        let Follower {
            heard_at,
            suspected,
            election_at,
        } = self;
        let limits = [
            timing.suspected_stickiness,
            timing.leader_stickiness,
            timing.suspicion_patience,
            timing.suspicion_patience * 4,
        ];
        heard_at
            .map(|at| limits.map(|limit| measure.until(at + limit)))
            .hash(hasher);
        (suspected, measure.until(*election_at)).hash(hasher);
    }
}

/// When a replica that hears from no leader from now on campaigns.
fn election_timeout<C: Command>(core: &mut Core<C>) -> Time {
    let shortest = core.options.timing.election_timeout;
    let longest = core.options.timing.longest_election_timeout();
    core.now + core.random_duration(shortest, longest)
}

/// Almost no time, drawn so that two that act upon the same event do not collide.
fn moment<C: Command>(core: &mut Core<C>) -> Duration {
    core.random_duration(Duration::ZERO, core.options.timing.campaign_retry_min)
}
