//! Elections: pre-votes, votes, and how a leader begins its term.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use ::log::{info, warn};

use super::entry::{Command, Entry};
use super::message::{Body, Standing, Voted};
use super::mistakes::Mistake;
use super::pacing::{RetryBudget, RoundTrips, SuccessRate};
use super::progress::Progress;
use super::replica::Replica;
use super::role::{Campaign, Holding, Leader, Role};
use super::time::Time;
use super::types::{Index, Term};
use crate::id::Id;

impl Replica {
    /// Campaigns if it is time to.
    pub(super) fn advance_election(&mut self) {
        let now = self.now;
        match &self.role {
            Role::Follower(follower) if now >= follower.election_at => {
                match follower.leader {
                    Some(leader) => {
                        info!("nothing heard from leader {leader}: asking for pre-votes")
                    }
                    None => info!("no leader in term {}: asking for pre-votes", self.term),
                }
                self.start_pre_vote();
            }
            Role::Candidate(campaign) if now >= campaign.gives_up_at => {
                info!("not elected in term {}: asking for pre-votes", self.term);
                self.start_pre_vote();
            }
            Role::PreCandidate(campaign) | Role::Candidate(campaign)
                if now >= campaign.retry_at =>
            {
                self.ask_again();
            }
            Role::PreCandidate(_) => self.win_with_quorum(),
            _ => {}
        }
    }

    /// Asks whether an election would succeed. Nobody's term changes by that: a replica that was
    /// cut off does not depose a leader when it returns (thesis §9.6).
    fn start_pre_vote(&mut self) {
        let campaign = self.new_campaign(BTreeMap::new());
        // Who was sent to the last leader is of no interest any more.
        self.sent_to_leader.clear();
        self.leader_heard_at = None;
        self.role = Role::PreCandidate(campaign);
        if self.term == Term(0) {
            // Nobody has led yet, so there is no leader to be spared.
            return self.start_election(BTreeMap::new(), &self.peers.clone());
        }
        self.ask(self.peers.clone());
        self.win_with_quorum();
    }

    /// Stands for election in a new term (Raft §5.2).
    fn start_election(&mut self, known: BTreeMap<Id, Holding>, voters: &[Id]) {
        let Some(term) = self.term.0.checked_add(1).map(Term) else {
            warn!("the terms are used up: no further election is possible");
            return;
        };
        self.term = term;
        self.voted_for = Some(self.id);
        info!("standing for election in term {term}");
        let campaign = self.new_campaign(known);
        self.role = Role::Candidate(campaign);
        // Those that were not for us just now are asked in the next round, if it comes to that.
        let others = self.peers.iter().filter(|peer| voters.contains(peer));
        self.ask(others.copied().collect());
        self.win_with_quorum();
    }

    fn new_campaign(&mut self, known: BTreeMap<Id, Holding>) -> Campaign {
        // Candidates that collide must not collide again: the time to give up is drawn.
        let patience = self.options.campaign_timeout;
        let gives_up_at = self.now + self.random_duration(patience, 2 * patience);
        let mut campaign = Campaign {
            supporters: Vec::new(),
            answered: Vec::new(),
            known,
            retry_at: self.now,
            retry_delay: self.options.campaign_retry_min,
            leader_heard_by: self.now + self.options.objection_time / 8,
            stands_at: self.now + self.options.objection_time,
            outdone: false,
            gives_up_at,
        };
        campaign.begin_round(self.id);
        campaign
    }

    /// Asks those who have not answered; if the pre-votes have failed, everybody who is not for us.
    fn ask_again(&mut self) {
        let longest = self.options.campaign_retry_max;
        let quorum = self.quorum();
        if let Role::PreCandidate(campaign) = &mut self.role
            && !campaign.has_won(quorum)
        {
            // Who hears hardly anybody is cut off, and asking would only cost messages.
            if campaign.answered.len() + 1 < quorum {
                campaign.retry_delay = (4 * campaign.retry_delay).min(longest);
            }
            // Who holds more has had its chance to campaign.
            campaign.answered.clear();
            campaign.outdone = false;
        }
        let (Role::PreCandidate(campaign) | Role::Candidate(campaign)) = &self.role else {
            return;
        };
        let is_silent =
            |peer: &&Id| !campaign.supporters.contains(peer) && !campaign.answered.contains(peer);
        self.ask(self.peers.iter().filter(is_silent).copied().collect());
        self.win_with_quorum();
    }

    /// Asks for (pre-)votes.
    fn ask(&mut self, whom: Vec<Id>) {
        let jitter = self.random_duration(Duration::ZERO, self.options.campaign_retry_min);
        let standing = Standing {
            last: self.log.last(),
            leader_suspected: self.leader_suspected,
        };
        let (campaign, body) = match &mut self.role {
            Role::PreCandidate(campaign) => (campaign, Body::PreVote(standing)),
            Role::Candidate(campaign) => (campaign, Body::Vote(standing)),
            Role::Follower(_) | Role::Leader(_) => return,
        };
        campaign.retry_at = self.now + campaign.retry_delay + jitter;
        campaign.retry_delay = (4 * campaign.retry_delay).min(self.options.campaign_retry_max);
        for peer in whom {
            self.send(peer, body.clone());
        }
    }

    /// Somebody asks whether we would vote for it in the term after ours.
    pub(super) fn on_pre_vote(&mut self, from: Id, standing: Standing) {
        if matches!(self.role, Role::Leader(_)) {
            // A word from the leader says more than a refusal: the candidate hears that it lives.
            return self.send_along(&[from], true);
        }
        let loyalty = if standing.leader_suspected {
            self.options.suspected_stickiness
        } else {
            self.options.leader_stickiness
        };
        let hears_leader = self
            .leader_heard_at
            .is_some_and(|at| self.now.since(at) < loyalty);
        let hears_leader = hears_leader && !self.options.makes(Mistake::NoPreVoteRefusal);
        let holds_enough =
            standing.last >= self.log.last() || self.options.makes(Mistake::NoUpToDateCheck);
        if !hears_leader && !holds_enough {
            // It has found the leader silent, and cannot win against us: so we try ourselves.
            self.leader_suspected |= standing.leader_suspected;
            self.campaign_soon();
        }
        let granted = !hears_leader && holds_enough;
        if granted && let Role::Follower(follower) = &mut self.role {
            // It has the first try.
            let later = self.now + 2 * self.options.campaign_timeout;
            follower.election_at = follower.election_at.max(later);
        }
        let vote = self.vote(granted);
        self.send(from, Body::PreVoted(vote));
    }

    /// Brings the next campaign forward to almost now.
    pub(super) fn campaign_soon(&mut self) {
        let moment = self.random_duration(Duration::ZERO, self.options.campaign_retry_min);
        let soon = self.now + moment;
        if let Role::Follower(follower) = &mut self.role {
            follower.election_at = follower.election_at.min(soon);
        }
    }

    /// Somebody asks for our vote: one a term, and only for a log that holds all that ours may
    /// have committed (Raft §5.2, §5.4.1).
    pub(super) fn on_vote(&mut self, from: Id, standing: Standing) {
        let free = self.voted_for.is_none_or(|candidate| candidate == from)
            || self.options.makes(Mistake::VoteTwice);
        let holds_enough =
            standing.last >= self.log.last() || self.options.makes(Mistake::NoUpToDateCheck);
        let granted = free && holds_enough;
        if granted {
            assert!(
                !matches!(self.role, Role::Leader(_) | Role::Candidate(_)),
                "a candidate has voted for itself"
            );
            info!("voting for {from} in term {}", self.term);
            self.voted_for = Some(from);
            if matches!(self.role, Role::PreCandidate(_)) {
                self.become_follower(None);
            }
            self.await_election();
        }
        let vote = self.vote(granted);
        self.send(from, Body::Voted(vote));
    }

    pub(super) fn on_pre_voted(&mut self, from: Id, voted: Voted) {
        match &mut self.role {
            Role::PreCandidate(campaign) => {
                campaign.record(from, voted);
                // Who holds more has been asked for its pre-vote, so it knows that the leader is silent and
                // campaigns itself. If we won without it, the puts that only it holds would be lost,
                // and their clients never answered.
                campaign.outdone |= voted.last > self.log.last();
                self.win_with_quorum();
            }
            // Too late to count, but not to know what the voter has answered.
            Role::Candidate(campaign) => {
                campaign.known.entry(from).or_insert(voted.into());
            }
            Role::Follower(_) | Role::Leader(_) => {}
        }
    }

    pub(super) fn on_voted(&mut self, from: Id, voted: Voted) {
        match &mut self.role {
            Role::Candidate(campaign) => {
                campaign.record(from, voted);
                self.win_with_quorum();
            }
            Role::Follower(_) | Role::PreCandidate(_) | Role::Leader(_) => {}
        }
    }

    /// Goes on to the next step if a quorum is for us.
    fn win_with_quorum(&mut self) {
        let quorum = self.quorum();
        let peers = self.peers.len();
        let (now, suspected) = (self.now, self.leader_suspected);
        match &mut self.role {
            Role::PreCandidate(campaign)
                if campaign.has_won(quorum) && campaign.is_heard_out(now, peers, suspected) =>
            {
                let known = std::mem::take(&mut campaign.known);
                let voters = std::mem::take(&mut campaign.supporters);
                self.start_election(known, &voters);
            }
            Role::Candidate(campaign) if campaign.supporters.len() >= quorum => {
                let known = std::mem::take(&mut campaign.known);
                self.become_leader(&known);
            }
            _ => {}
        }
    }

    /// Begins to lead the term in which a quorum has voted for us.
    fn become_leader(&mut self, known: &BTreeMap<Id, Holding>) {
        let inherited = self.log.last_index();
        // Every entry that a deposed leader may have committed is in our log (leader completeness),
        // and it was created before we had it: once the last of them is older here than the lease,
        // no other leader holds one. See NOTES.md, "The log is the lease".
        let commits_from = self
            .log
            .held_since(inherited)
            .filter(|_| !self.options.makes(Mistake::NoDeferral))
            .map_or(self.now, |since| since + self.options.commit_deferral());
        let answering = self.inherit_answering(known);
        let followers = self
            .peers
            .iter()
            .map(|&peer| {
                let heard_at = self.heard_at.get(&peer).copied().unwrap_or(Time::ZERO);
                let holding = known.get(&peer);
                let last = holding.map_or(inherited, |holding| holding.last.index.min(inherited));
                (peer, Progress::new(self.now, last, heard_at))
            })
            .collect();
        info!(
            "leading term {} from {} on, commit {}, puts settled through {} of {}, commits after {} ms",
            self.term,
            self.log.last(),
            self.log.commit(),
            answering.settled,
            answering.last_put,
            commits_from.since(self.now).as_millis()
        );
        self.role = Role::Leader(Leader {
            followers,
            progress_at: self.now,
            commits_from,
            lease_from: None,
            answering,
            round_trips: RoundTrips::default(),
            dispatched: inherited,
            retry_at: None,
            retry_delay: self.options.append_retry_min,
            attempts: 0,
            copies: 0,
            first_failed: false,
            budget: RetryBudget::new(),
            first_attempts: SuccessRate::unknown(self.options.remembered_attempts),
            waiting_puts: VecDeque::new(),
            waiting_gets: VecDeque::new(),
        });
        self.leader_heard_at = None;
        self.sent_to_leader.clear();
        let opening = self.log.append(
            self.now,
            Entry {
                term: self.term,
                command: Command::Lead(self.id),
            },
        );
        assert_eq!(opening, inherited.next());
        self.leave_absent_answerer(known);
        self.serve_held();
        // Everybody is to know at once, together with the puts that have waited.
        self.announce();
        self.try_commit();
    }

    /// The last index that may stand in a message from an honest peer.
    pub(super) fn is_known(&self, index: Index) -> bool {
        index <= self.log.last_index()
    }
}
