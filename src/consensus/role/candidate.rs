//! Campaigns: first for pre-votes, which change nobody's term, then for votes (Raft §5.2; thesis §9.6).
//!
//! A departure from Raft: a pre-candidate with a quorum waits for a moment for the others. One of them may be the
//! leader, or hold more than it; then it leaves the election to that one. Routes leave some followers behind, and what
//! only one of them holds should not be lost. This is no matter of safety: what is committed is on a quorum, and nobody
//! wins against that.
//!
//! Another departure: of two pre-candidates that hear of each other one yields, and is a follower again. So they do not
//! take each other's votes.

use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};
use std::time::Duration;

use ::log::info;

use super::transition::Transition;
use super::voter;
use crate::consensus::core::Core;
use crate::consensus::entry::Command;
use crate::consensus::fingerprint::Measure;
use crate::consensus::message::{Body, VoteRequest, VoteResponse};
use crate::consensus::mistakes::Mistake;
use crate::consensus::time::Time;
use crate::consensus::types::LogId;
use crate::id::Id;

/// What pre-candidates and candidates have in common: a round of questions.
#[derive(Clone, Debug)]
struct Campaign {
    /// Who is for us: ourselves, unless we may have promised otherwise before we forgot, and others.
    supporters: Vec<Id>,
    /// Everybody who has answered.
    answered: Vec<Id>,
    /// Where the logs of the others end, as they last said, in this round or the one before.
    known: BTreeMap<Id, LogId>,
    /// Whether somebody has found the leader gone.
    leader_suspected: bool,
    /// When to ask again those who have not answered.
    retry_at: Time,
    /// How long to wait after that.
    retry_delay: Duration,
}

impl Campaign {
    fn begin<C: Command>(
        core: &Core<C>,
        known: BTreeMap<Id, LogId>,
        leader_suspected: bool,
    ) -> Campaign {
        let own = Some(core.own()).filter(|_| voter::suffices(core, core.log.last()));
        Campaign {
            supporters: own.into_iter().collect(),
            answered: Vec::new(),
            known,
            leader_suspected,
            retry_at: core.now,
            retry_delay: core.options.timing.campaign_retry_min,
        }
    }

    /// Asks those of `whom` who have not answered.
    fn ask<C: Command>(
        &mut self,
        core: &mut Core<C>,
        whom: &[Id],
        question: fn(VoteRequest) -> Body<C>,
    ) {
        let shortest = core.options.timing.campaign_retry_min;
        let jitter = core.random_duration(Duration::ZERO, shortest);
        self.retry_at = core.now + self.retry_delay + jitter;
        self.slow_down(core);
        let request = VoteRequest {
            last: core.log.last(),
            leader_suspected: self.leader_suspected,
        };
        let is_silent = |id: &&Id| !self.supporters.contains(id) && !self.answered.contains(id);
        for &id in whom.iter().filter(is_silent) {
            core.send(id, question(request));
        }
    }

    fn slow_down<C: Command>(&mut self, core: &Core<C>) {
        let longest = core.options.timing.campaign_retry_max;
        self.retry_delay = (4 * self.retry_delay).min(longest);
    }

    fn has_quorum<C: Command>(&self, core: &Core<C>) -> bool {
        self.supporters.len() >= core.members.quorum()
    }

    fn record(&mut self, from: Id, response: VoteResponse) {
        self.known.insert(from, response.last);
        if !self.answered.contains(&from) {
            self.answered.push(from);
        }
        if response.granted && !self.supporters.contains(&from) {
            self.supporters.push(from);
        }
    }

    fn fingerprint(&self, measure: Measure, hasher: &mut impl Hasher) {
        let Campaign {
            supporters,
            answered,
            known,
            leader_suspected,
            retry_at,
            retry_delay,
        } = self;
        hash_set(supporters, hasher);
        hash_set(answered, hasher);
        (known, leader_suspected, retry_delay).hash(hasher);
        measure.until(*retry_at).hash(hasher);
    }
}

/// Asks whether an election would succeed. Nobody's term changes by that: a replica that was
/// cut off does not depose a leader when it returns.
#[derive(Clone, Debug)]
pub(crate) struct PreCandidate {
    campaign: Campaign,
    /// Whether somebody who has answered in the present round holds more than we do.
    outdone: bool,
    /// By when a living leader's word should have come.
    leader_heard_by: Time,
    /// When to stand for election at the earliest, if not everybody has answered.
    stands_at: Time,
}

impl PreCandidate {
    pub(crate) fn begin<C: Command>(core: &mut Core<C>, leader_suspected: bool) -> PreCandidate {
        let patience = core.options.timing.objection_time;
        let mut own = PreCandidate {
            campaign: Campaign::begin(core, BTreeMap::new(), leader_suspected),
            outdone: false,
            leader_heard_by: core.now + patience / 8,
            stands_at: core.now + patience,
        };
        own.ask(core);
        own
    }

    fn ask<C: Command>(&mut self, core: &mut Core<C>) {
        let peers = core.members.peers().to_vec();
        self.campaign.ask(core, &peers, Body::PreVote);
    }

    pub(crate) fn advance<C: Command>(&mut self, core: &mut Core<C>) -> Option<Transition> {
        let has_quorum = self.campaign.has_quorum(core) && !self.outdone;
        if core.now >= self.campaign.retry_at && !has_quorum {
            // Who hears hardly anybody is cut off, and asking would only cost messages.
            if self.campaign.answered.len() + 1 < core.members.quorum() {
                self.campaign.slow_down(core);
            }
            // Another round. Who holds more has had its chance to campaign.
            self.campaign.answered.clear();
            self.outdone = false;
            self.ask(core);
        }
        self.stand_if_heard_out(core)
    }

    pub(crate) fn on_response<C: Command>(
        &mut self,
        core: &Core<C>,
        from: Id,
        response: VoteResponse,
    ) -> Option<Transition> {
        self.campaign.record(from, response);
        // Who holds more has been asked for its pre-vote, so it knows that the leader is silent and campaigns itself.
        self.outdone |= response.last > core.log.last();
        self.stand_if_heard_out(core)
    }

    /// Whether somebody has found the leader gone.
    pub(crate) fn suspects_leader(&self) -> bool {
        self.campaign.leader_suspected
    }

    /// Whether to leave the election to another who asks for pre-votes. Of two one must, or they take each other's
    /// votes: who holds more goes on, or the one with the higher ID.
    pub(crate) fn yields_to<C: Command>(
        &self,
        core: &Core<C>,
        other: Id,
        request: VoteRequest,
    ) -> bool {
        let is_ahead = (request.last, other) > (core.log.last(), core.own());
        is_ahead && voter::suffices(core, request.last)
    }

    /// Stands for election if a quorum is for it, nobody holds more, and nobody is left to wait for.
    pub(crate) fn stand_if_heard_out<C: Command>(&mut self, core: &Core<C>) -> Option<Transition> {
        if !self.campaign.has_quorum(core) || self.outdone || !self.has_heard_all(core) {
            return None;
        }
        Some(Transition::Stand {
            leader_suspected: self.campaign.leader_suspected,
            voters: std::mem::take(&mut self.campaign.supporters),
            known: std::mem::take(&mut self.campaign.known),
        })
    }

    /// Whether nobody is left to wait for who might hold more, or lead. A suspected leader is not waited for
    /// as long as others.
    fn has_heard_all<C: Command>(&self, core: &Core<C>) -> bool {
        let peers = core.members.peers().len();
        let answered = self.campaign.answered.len();
        answered >= peers
            || core.now >= self.stands_at
            || self.campaign.leader_suspected
                && answered + 1 >= peers
                && core.now >= self.leader_heard_by
    }

    pub(crate) fn deadline<C: Command>(&self, core: &Core<C>) -> Time {
        if !self.campaign.has_quorum(core) || self.outdone {
            return self.campaign.retry_at;
        }
        match core.now < self.leader_heard_by {
            true => self.leader_heard_by,
            false => self.stands_at,
        }
    }

    /// What a model checker tells pre-candidates apart by.
    pub(crate) fn fingerprint(&self, measure: Measure, hasher: &mut impl Hasher) {
        let PreCandidate {
            campaign,
            outdone,
            leader_heard_by,
            stands_at,
        } = self;
        campaign.fingerprint(measure, hasher);
        outdone.hash(hasher);
        (measure.until(*leader_heard_by), measure.until(*stands_at)).hash(hasher);
    }
}

/// Stands for election in the current term.
#[derive(Clone, Debug)]
pub(crate) struct Candidate {
    campaign: Campaign,
    /// Whom it asks: those that were not for us just now are asked in the next round, if it comes to that.
    voters: Vec<Id>,
    /// The write with which our own vote is durable, and counts.
    own_vote_after: Option<u64>,
    /// When to give the term up.
    gives_up_at: Time,
}

impl Candidate {
    /// Begins, in a term that has just been entered, with our own vote.
    pub(crate) fn begin<C: Command>(
        core: &mut Core<C>,
        leader_suspected: bool,
        voters: Vec<Id>,
        known: BTreeMap<Id, LogId>,
    ) -> Candidate {
        core.voted_for = Some(core.own());
        core.is_newcomer &= core.log.last() != LogId::default();
        info!("standing for election in term {}", core.term);
        // Candidates that collide must not collide again: the time to give up is drawn.
        let patience = core.options.timing.campaign_timeout;
        let gives_up_at = core.now + core.random_duration(patience, 2 * patience);
        let mut own = Candidate {
            campaign: Campaign::begin(core, known, leader_suspected),
            voters,
            own_vote_after: core.awaited_write(),
            gives_up_at,
        };
        if own.own_vote_after.is_some() && !core.options.makes(Mistake::VoteBeforeSync) {
            own.campaign.supporters.clear();
        }
        own.campaign.ask(core, &own.voters, Body::Vote);
        own
    }

    pub(crate) fn advance<C: Command>(&mut self, core: &mut Core<C>) -> Option<Transition> {
        if core.now >= self.gives_up_at {
            info!("not elected in term {}: asking for pre-votes", core.term);
            return Some(Transition::AskForPreVotes {
                leader_suspected: self.campaign.leader_suspected,
            });
        }
        if core.now >= self.campaign.retry_at {
            self.campaign.ask(core, &self.voters, Body::Vote);
        }
        None
    }

    pub(crate) fn on_response<C: Command>(
        &mut self,
        core: &Core<C>,
        from: Id,
        response: VoteResponse,
    ) -> Option<Transition> {
        self.campaign.record(from, response);
        self.lead_with_quorum(core)
    }

    /// The answer to a pre-vote: too late to count, but not to know where the voter's log ends.
    pub(crate) fn on_pre_vote_response(&mut self, from: Id, response: VoteResponse) {
        let known = &mut self.campaign.known;
        known.entry(from).or_insert(response.last);
    }

    /// More is durable: our own vote counts once it is.
    pub(crate) fn count_own_vote<C: Command>(&mut self, core: &Core<C>) -> Option<Transition> {
        self.own_vote_after
            .take_if(|number| core.port.is_durable(*number))?;
        let own = core.own();
        if voter::suffices(core, core.log.last()) && !self.campaign.supporters.contains(&own) {
            self.campaign.supporters.push(own);
        }
        self.lead_with_quorum(core)
    }

    pub(crate) fn lead_with_quorum<C: Command>(&mut self, core: &Core<C>) -> Option<Transition> {
        self.campaign.has_quorum(core).then(|| Transition::Lead {
            known: std::mem::take(&mut self.campaign.known),
        })
    }

    pub(crate) fn deadline(&self) -> Time {
        self.campaign.retry_at.min(self.gives_up_at)
    }

    /// What a model checker tells candidates apart by.
    pub(crate) fn fingerprint(&self, measure: Measure, hasher: &mut impl Hasher) {
        let Candidate {
            campaign,
            voters,
            // Whether it counts already can be seen of the supporters.
            own_vote_after: _,
            gives_up_at,
        } = self;
        campaign.fingerprint(measure, hasher);
        hash_set(voters, hasher);
        measure.until(*gives_up_at).hash(hasher);
    }
}

/// The order in which they answered makes no difference.
fn hash_set(ids: &[Id], hasher: &mut impl Hasher) {
    let mut sorted = ids.to_vec();
    sorted.sort_unstable();
    sorted.hash(hasher);
}
