//! The state machine's shell: what goes in, what comes out, and how terms and roles change.

use std::hash::{Hash, Hasher};

use ::log::{error, info, warn};

use super::core::{Core, Envelope};
use super::entry::{Command, Payload};
use super::fingerprint::Measure;
use super::members::Members;
use super::message::{Append, AppendResponse, Body, Message, SnapshotPart, VoteRequest};
use super::options::Options;
use super::replication::wishes::Wishes;
use super::replication::{installing, storing};
use super::role::candidate::{Candidate, PreCandidate};
use super::role::follower::Follower;
use super::role::leader::Leader;
use super::role::transition::Transition;
use super::role::{Role, voter};
use super::time::Time;
use super::types::{Index, LogId, Term};
use crate::id::Id;

/// One replica's part in agreeing on a log of commands.
///
/// Its user calls [`receive`](Self::receive) for each message, then [`advance`](Self::advance) once no more is at hand
/// (so that entries which came together leave together) and whenever [`deadline`](Self::deadline) is reached;
/// [proposes](Self::propose) commands if it leads; then calls [`flush`](Self::flush), and sends what is in the
/// [`outbox`](Self::outbox). What is committed stands in the [`log`](Self::log).
#[derive(Clone, Debug)]
pub struct Consensus<C> {
    pub(super) core: Core<C>,
    pub(super) role: Role,
}

/// A command was proposed to a replica that does not lead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotLeading;

impl<C: Command> Consensus<C> {
    /// A replica at the start of its life: a follower in term 0 with an empty log.
    ///
    /// `peers` are the other members of the cluster; `seed` seeds its only source of chance: election timeouts, and which
    /// life of the replica's this is.
    ///
    /// # Panics
    ///
    /// If the options do not fit together ([`Options::check`]), `peers` contains `id` or an ID
    /// twice, or there are too many.
    pub fn new(id: Id, peers: &[Id], options: Options, seed: u64, now: Time) -> Consensus<C> {
        if let Err(relation) = options.check() {
            panic!("the options do not fit together: {relation}");
        }
        let mut core = Core::new(Members::new(id, peers), options, seed, now);
        let role = Role::Follower(Follower::at_start(&mut core));
        Consensus { core, role }
    }

    /// Takes a message that arrived at `now`, which must have been read after it arrived: a lease
    /// is judged by it. Returns whether the sender is to be listened to at all.
    pub fn receive(&mut self, now: Time, from: Id, message: Message<C>) -> bool {
        self.core.set_clock(now);
        let is_welcome = self.welcomes(from, &message);
        if is_welcome {
            self.on_message(from, message);
            self.assert_invariants();
        }
        is_welcome
    }

    /// It is `now`: nothing else has happened.
    pub fn set_clock(&mut self, now: Time) {
        self.core.set_clock(now);
    }

    /// Does what is due at `now`, but for what [`flush`](Self::flush) sends.
    pub fn advance(&mut self, now: Time) {
        self.core.set_clock(now);
        let transition = match &mut self.role {
            Role::Follower(follower) => follower.advance(&self.core),
            Role::PreCandidate(candidate) => candidate.advance(&mut self.core),
            Role::Candidate(candidate) => candidate.advance(&mut self.core),
            Role::Leader(leader) => {
                leader.advance(&mut self.core);
                None
            }
        };
        self.change(transition);
        self.assert_invariants();
    }

    /// Adds a command to the log, if this replica leads. `command` is made for whoever will be last on its route: the first
    /// to see that it is committed.
    ///
    /// # Errors
    ///
    /// If this replica does not lead.
    pub fn propose(&mut self, command: impl FnOnce(Id) -> C) -> Result<LogId, NotLeading> {
        let Role::Leader(leader) = &mut self.role else {
            return Err(NotLeading);
        };
        let last = leader.replicator.end_of_next_route(&self.core);
        Ok(self.core.append(Payload::Command(command(last))))
    }

    /// Makes sure that an entry is on its way whose commit will show that this replica still leads, and renew its lease.
    ///
    /// # Errors
    ///
    /// If this replica does not lead.
    pub fn seek_lease(&mut self) -> Result<(), NotLeading> {
        if !self.leads() {
            return Err(NotLeading);
        }
        if self.core.log.commit() == self.core.log.last_index() {
            info!("the lease is over: renewing it");
            self.core.append(Payload::Noop);
        }
        Ok(())
    }

    /// Sends what the inputs since the last call, time, and proposals have led to.
    pub fn flush(&mut self, now: Time) {
        self.core.set_clock(now);
        if let Role::Leader(leader) = &mut self.role {
            let core = &mut self.core;
            leader.replicator.tell_awaited(core);
            leader.replicator.dispatch(core);
            leader.replicator.retry(core);
            leader.replicator.send_heartbeats(core);
        }
        self.assert_invariants();
    }

    /// Takes the messages that are to be sent, in order. Any may be lost.
    pub fn outbox(&mut self) -> std::vec::Drain<'_, Envelope<C>> {
        self.core.outbox.drain(..)
    }

    /// When [`advance`](Self::advance) must next be called at the latest.
    pub fn deadline(&self) -> Time {
        match &self.role {
            Role::Follower(follower) => follower.deadline(),
            Role::PreCandidate(candidate) => candidate.deadline(&self.core),
            Role::Candidate(candidate) => candidate.deadline(),
            Role::Leader(leader) => leader.deadline(&self.core),
        }
    }

    /// Somebody has found the leader gone: it is no leader any more until it is heard again.
    pub fn suspect_leader(&mut self) {
        if let Role::Follower(follower) = &mut self.role {
            follower.suspect_leader(&mut self.core);
        }
    }

    /// Somebody waits for a leader.
    pub fn hurry_election(&mut self) {
        if let Role::Follower(follower) = &mut self.role {
            follower.hurry(&mut self.core);
        }
    }

    /// What the leader is to take into account when it sends; it stays so until the next call.
    pub fn wish(&mut self, wishes: Wishes) {
        if let Role::Leader(leader) = &mut self.role {
            leader.replicator.wish(wishes, &self.core.options.timing);
        }
    }

    /// The index behind which entries of the log have been removed since the last call, if any have.
    pub fn take_truncation(&mut self) -> Option<Index> {
        self.core.log.take_truncation()
    }

    /// Whether a message is from a peer, of the life of it that we know, and of a term that can be.
    fn welcomes(&mut self, from: Id, message: &Message<C>) -> bool {
        let core = &mut self.core;
        if !core.members.is_peer(from) {
            warn!("ignoring a message from {from}, which is no member: {message}");
            return false;
        }
        let furthest = core
            .term
            .0
            .saturating_add(core.options.limits.max_term_jump);
        if message.term.0 > furthest {
            warn!("ignoring a message from {from} from an absurd term: {message}");
            return false;
        }
        let origin = origin(from, message);
        if !core.members.is_peer(origin) {
            warn!("ignoring a message on behalf of {origin}, which is no other member: {message}");
            return false;
        }
        core.knows(from, message.incarnation)
    }

    fn on_message(&mut self, from: Id, message: Message<C>) {
        let origin = origin(from, &message);
        let core = &mut self.core;
        core.note_heard(from);
        if message.term > core.term {
            self.enter_term(message.term);
        }
        if message.term < self.core.term {
            return self.answer_outdated(origin, &message.body);
        }
        match message.body {
            Body::Append(append) => self.on_append(origin, append),
            Body::AppendResponse(response) => {
                if let Role::Leader(leader) = &mut self.role {
                    leader.on_response(&mut self.core, from, &response);
                }
            }
            Body::Snapshot(part) => {
                if self.hears_leader(from, part.in_doubt) {
                    installing::take_part(&mut self.core, from, &part);
                }
            }
            Body::SnapshotResponse(response) => {
                if let Role::Leader(leader) = &mut self.role {
                    leader
                        .replicator
                        .on_part_response(&mut self.core, from, response);
                }
            }
            Body::PreVote(request) => self.on_pre_vote(from, request),
            Body::Vote(request) => self.on_vote(from, request),
            Body::PreVoteResponse(response) => {
                let transition = match &mut self.role {
                    Role::PreCandidate(own) => own.on_response(&self.core, from, response),
                    Role::Candidate(own) => {
                        own.on_pre_vote_response(from, response);
                        None
                    }
                    Role::Follower(_) | Role::Leader(_) => None,
                };
                self.change(transition);
            }
            Body::VoteResponse(response) => match &mut self.role {
                Role::Candidate(own) => {
                    let transition = own.on_response(&self.core, from, response);
                    self.change(transition);
                }
                // Its vote is not needed any more, but it lives.
                Role::Leader(leader) => leader.replicator.note_present(from),
                Role::Follower(_) | Role::PreCandidate(_) => {}
            },
        }
    }

    /// A message from a term that is over has no effect, and its sender is told (Raft §5.1).
    fn answer_outdated(&mut self, from: Id, body: &Body<C>) {
        let core = &mut self.core;
        let is_question = matches!(
            body,
            Body::Append(_) | Body::Snapshot(_) | Body::PreVote(_) | Body::Vote(_)
        );
        if is_question && let Role::Leader(leader) = &mut self.role {
            // A word from the leader says more than a refusal.
            return leader.replicator.send_along(core, &[from], true);
        }
        let refusal = core.vote_response(false);
        match body {
            Body::Append(Append { sent_at, .. }) | Body::Snapshot(SnapshotPart { sent_at, .. }) => {
                let outdated = AppendResponse {
                    receipts: Vec::new(),
                    commit: core.log.commit(),
                    sent_at: *sent_at,
                };
                core.send(from, Body::AppendResponse(outdated));
            }
            Body::PreVote(_) => core.send(from, Body::PreVoteResponse(refusal)),
            Body::Vote(_) => core.send(from, Body::VoteResponse(refusal)),
            Body::AppendResponse(_)
            | Body::SnapshotResponse(_)
            | Body::PreVoteResponse(_)
            | Body::VoteResponse(_) => {}
        }
    }

    /// The leader of our term sends entries, or just word that it lives, itself or through
    /// others on the route.
    fn on_append(&mut self, leader: Id, append: Append<C>) {
        // Who campaigns, or is about to, goes on with that while the leader is in doubt itself.
        if self.core.leader.is_none() && append.in_doubt && self.seeks_leader() {
            self.core.leader = Some(leader);
            storing::take_append(&mut self.core, leader, append);
            self.core.leader = None;
        } else if self.hears_leader(leader, append.in_doubt) {
            storing::take_append(&mut self.core, leader, append);
        }
    }

    /// Somebody speaks as the leader of our term. Returns whether it is that.
    fn hears_leader(&mut self, leader: Id, in_doubt: bool) -> bool {
        let term = self.core.term;
        match self.core.leader {
            Some(other) if other != leader => {
                error!("{leader} claims to lead term {term}, but {other} does");
                return false;
            }
            Some(_) => {}
            None => {
                info!("following {leader} in term {term}");
                if !matches!(self.role, Role::Follower(_)) {
                    self.step_back();
                }
                self.core.leader = Some(leader);
            }
        }
        if let Role::Follower(follower) = &mut self.role
            && !in_doubt
        {
            follower.hear_leader(&mut self.core);
        }
        true
    }

    /// Whether it has reason to look for another leader in a later term.
    fn seeks_leader(&self) -> bool {
        match &self.role {
            Role::Follower(follower) => follower.suspects_leader(),
            Role::PreCandidate(_) => true,
            Role::Candidate(_) | Role::Leader(_) => false,
        }
    }

    fn on_pre_vote(&mut self, from: Id, request: VoteRequest) {
        let core = &mut self.core;
        if let Role::PreCandidate(own) = &self.role
            && own.yields_to(core, from, request)
        {
            self.role = Role::Follower(Follower::yielding(core, own.suspects_leader()));
        }
        match &mut self.role {
            Role::Follower(follower) => follower.on_pre_vote(core, from, request),
            Role::PreCandidate(_) | Role::Candidate(_) => {
                let granted = voter::suffices(core, request.last);
                core.send(from, Body::PreVoteResponse(core.vote_response(granted)));
            }
            // A word from the leader says more than a refusal: the candidate hears that it lives.
            Role::Leader(leader) => leader.replicator.send_along(core, &[from], true),
        }
    }

    fn on_vote(&mut self, from: Id, request: VoteRequest) {
        let core = &mut self.core;
        if let Role::Follower(follower) = &mut self.role {
            return follower.on_vote(core, from, request);
        }
        let granted = voter::vote(core, from, request);
        core.send(from, Body::VoteResponse(core.vote_response(granted)));
        if granted {
            assert!(
                matches!(self.role, Role::PreCandidate(_)),
                "a candidate has voted for itself"
            );
            self.step_back();
        }
    }

    /// Enters a later term, as a follower that has not voted (Raft §5.1).
    fn enter_term(&mut self, term: Term) {
        self.core.enter_term(term);
        match &mut self.role {
            Role::Follower(follower) => follower.forget_leader(),
            Role::PreCandidate(_) | Role::Candidate(_) | Role::Leader(_) => self.step_back(),
        }
    }

    fn step_back(&mut self) {
        self.change(Some(Transition::StepBack));
    }

    /// Makes the changes of role that a role asks for, one after the other.
    pub(super) fn change(&mut self, transition: Option<Transition>) {
        let mut next = transition;
        while let Some(transition) = next {
            next = self.become_what(transition);
        }
    }

    fn become_what(&mut self, transition: Transition) -> Option<Transition> {
        let core = &mut self.core;
        match transition {
            Transition::StepBack => {
                if matches!(self.role, Role::Leader(_)) {
                    info!("stepping down in term {}", core.term);
                }
                self.role = Role::Follower(Follower::begin(core));
                None
            }
            // Nobody has led yet, so there is no leader to be spared.
            Transition::AskForPreVotes { leader_suspected } if core.term == Term(0) => {
                Some(Transition::Stand {
                    leader_suspected,
                    voters: core.members.peers().to_vec(),
                    known: Default::default(),
                })
            }
            Transition::AskForPreVotes { leader_suspected } => {
                core.leader = None;
                let mut own = PreCandidate::begin(core, leader_suspected);
                let next = own.stand_if_heard_out(core);
                self.role = Role::PreCandidate(own);
                next
            }
            Transition::Stand {
                leader_suspected,
                voters,
                known,
            } => {
                let Some(term) = core.term.0.checked_add(1).map(Term) else {
                    warn!("the terms are used up: no further election is possible");
                    return None;
                };
                core.enter_term(term);
                let mut own = Candidate::begin(core, leader_suspected, voters, known);
                let next = own.lead_with_quorum(core);
                self.role = Role::Candidate(own);
                next
            }
            Transition::Lead { known } => {
                self.role = Role::Leader(Box::new(Leader::begin(core, &known)));
                None
            }
        }
    }

    /// Feeds `hasher` with all that decides how this replica will behave from now on, so that
    /// replicas with equal fingerprints (and options, and a fresh [`reseed`](Self::reseed)) do the
    /// same for the same inputs.
    pub fn fingerprint(&self, measure: Measure, hasher: &mut impl Hasher) {
        let Consensus { core, role } = self;
        core.fingerprint(measure, hasher);
        std::mem::discriminant(role).hash(hasher);
        let options = &core.options;
        match role {
            Role::Follower(follower) => follower.fingerprint(measure, &options.timing, hasher),
            Role::PreCandidate(candidate) => candidate.fingerprint(measure, hasher),
            Role::Candidate(candidate) => candidate.fingerprint(measure, hasher),
            Role::Leader(leader) => leader.fingerprint(measure, options, hasher),
        }
    }

    /// Starts the source of chance anew, so that a model checker sees the same for the same input
    /// in the same state, whatever was drawn on the way there.
    pub fn reseed(&mut self, seed: u64) {
        self.core.reseed(seed);
    }

    /// What must hold after every step, whatever came in. A replica that breaks one of these is
    /// wrong, and must stop rather than answer.
    pub(super) fn assert_invariants(&self) {
        let core = &self.core;
        assert!(core.log.commit() <= core.log.last_index());
        assert!(
            core.log.last().term <= core.term,
            "an entry from the future"
        );
        match &self.role {
            Role::Follower(_) => assert!(!core.leads(), "following oneself"),
            Role::PreCandidate(_) => assert_eq!(core.leader, None),
            Role::Candidate(_) => {
                assert_eq!((core.voted_for, core.leader), (Some(core.own()), None));
            }
            Role::Leader(leader) => {
                assert!(core.leads());
                leader.assert_invariants(core);
            }
        }
    }
}

/// Whom a message is from: an append may come through other followers, and then its sender names the leader.
fn origin<C>(from: Id, message: &Message<C>) -> Id {
    match message.body {
        Body::Append(_) => message.leader,
        _ => from,
    }
}
