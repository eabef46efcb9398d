//! The state machine's shell: what goes in, what comes out, and how terms and roles change.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use ::log::{info, warn};
use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt, SeedableRng};

use super::client::{Answer, Operation, Outcome, Request};
use super::fates::Owed;
use super::log::Log;
use super::message::{Appended, Body, Message, Voted};
use super::mistakes::Mistake;
use super::options::Options;
use super::reception::HeldRequest;
use super::role::{Follower, Role};
use super::time::Time;
use super::types::{Index, Term};
use crate::id::Id;

/// One replica's protocol state machine.
///
/// Its driver calls [`receive`](Self::receive) for each input, then [`advance`](Self::advance)
/// once no more input is at hand (so that entries which came together leave together) and whenever
/// [`deadline`](Self::deadline) is reached, and carries out what [`outputs`](Self::outputs) yields.
#[derive(Clone, Debug)]
pub struct Replica {
    pub(super) id: Id,
    /// The other replicas, in ascending order.
    pub(super) peers: Vec<Id>,
    pub(super) options: Options,
    pub(super) rng: Xoshiro256PlusPlus,
    /// The time of the latest call.
    pub(super) now: Time,

    // What Raft keeps on stable storage (Figure 2); for now a replica that stops stays away.
    pub(super) term: Term,
    pub(super) voted_for: Option<Id>,
    pub(super) log: Log,

    /// The key-value store: every committed put, applied in order.
    pub(super) store: BTreeMap<String, String>,
    pub(super) role: Role,
    /// When the leader of this term was last heard; none if it is suspected or unknown.
    pub(super) leader_heard_at: Option<Time>,
    /// When each peer was last heard.
    pub(super) heard_at: BTreeMap<Id, Time>,

    /// Puts in the log whose clients may still wait for this replica's answer.
    pub(super) owed: Owed,
    /// All puts through here have been answered, as far as this replica has heard from a leader.
    pub(super) settled: Index,
    /// Requests that wait for a leader.
    pub(super) held: VecDeque<HeldRequest>,
    /// Each client's last request that was redirected to the present leader, and when.
    pub(super) sent_to_leader: BTreeMap<Id, (Time, Operation)>,
    /// Whether a client has found the present leader gone, and the leader has not been heard since.
    pub(super) leader_suspected: bool,
    /// When a leader was last known here.
    pub(super) led_at: Time,
    /// How often the leader of this term has been suspected.
    pub(super) suspicions: u32,
    /// Counts the clients passed on, to spread them over the peers.
    pub(super) passed_on: usize,
    pub(super) outputs: Vec<Output>,
}

/// What can happen to a replica from outside, besides time passing.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Input {
    /// A message from another replica.
    Message {
        /// The sender.
        from: Id,
        /// What it says.
        message: Message,
    },
    /// A client's request.
    Request(Request),
}

/// What a replica wants to be done.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Output {
    /// Send a message to another replica. It may get lost.
    Send {
        /// The receiver.
        to: Id,
        /// What to say.
        message: Message,
    },
    /// Answer a client. Each attempt is answered at most once by a replica.
    Answer(Answer),
}

impl Replica {
    /// A replica at the start of its life, a follower in term 0 with an empty log.
    ///
    /// `peers` are the other members of the cluster; `seed` seeds its only source of chance, the
    /// election timeouts.
    ///
    /// # Panics
    ///
    /// If the options do not fit together ([`Options::check`]), or `peers` contains `id` or an ID
    /// twice.
    pub fn new(id: Id, peers: &[Id], options: Options, seed: u64, now: Time) -> Replica {
        if let Err(relation) = options.check() {
            panic!("the options do not fit together: {relation}");
        }
        let mut sorted = peers.to_vec();
        sorted.sort_unstable();
        sorted.dedup();
        assert!(
            sorted.len() == peers.len() && !sorted.contains(&id),
            "the members of a cluster must differ: {id} with {peers:?}"
        );
        let mut replica = Replica {
            id,
            peers: sorted,
            options,
            rng: Xoshiro256PlusPlus::seed_from_u64(seed),
            now,
            term: Term(0),
            voted_for: None,
            log: Log::default(),
            store: BTreeMap::new(),
            role: Role::Follower(Follower {
                leader: None,
                election_at: now,
            }),
            leader_heard_at: None,
            heard_at: BTreeMap::new(),
            owed: Owed::default(),
            settled: Index::ZERO,
            held: VecDeque::new(),
            sent_to_leader: BTreeMap::new(),
            leader_suspected: false,
            led_at: now,
            suspicions: 0,
            passed_on: 0,
            outputs: Vec::new(),
        };
        let patience = replica.options.first_election_timeout;
        let election_at = now + replica.random_duration(patience / 8, patience);
        if let Role::Follower(follower) = &mut replica.role {
            follower.election_at = election_at;
        }
        replica
    }

    /// Takes an input that arrived at `now`, which must have been read after it arrived: a lease
    /// is judged by it.
    pub fn receive(&mut self, now: Time, input: Input) {
        self.set_clock(now);
        match input {
            Input::Message { from, message } => self.on_message(from, message),
            Input::Request(request) => self.on_request(request),
        }
        self.assert_invariants();
    }

    /// Does what is due at `now`, and sends what the inputs since the last call have led to.
    pub fn advance(&mut self, now: Time) {
        self.set_clock(now);
        self.advance_election();
        self.advance_leadership();
        self.pass_on_overdue();
        self.assert_invariants();
    }

    /// When [`advance`](Self::advance) must next be called at the latest.
    pub fn deadline(&self) -> Time {
        let mut deadline = match &self.role {
            Role::Follower(follower) => follower.election_at,
            Role::PreCandidate(campaign) if campaign.has_won(self.quorum()) => {
                let next = match self.now < campaign.leader_heard_by {
                    true => campaign.leader_heard_by,
                    false => campaign.stands_at,
                };
                campaign.retry_at.min(next)
            }
            Role::PreCandidate(campaign) => campaign.retry_at,
            Role::Candidate(campaign) => campaign.retry_at.min(campaign.gives_up_at),
            Role::Leader(leader) => self.leadership_deadline(leader),
        };
        if let Some(held) = self.held.front() {
            deadline = deadline.min(held.until);
        }
        deadline
    }

    /// Takes what is to be done, in order.
    pub fn outputs(&mut self) -> std::vec::Drain<'_, Output> {
        self.outputs.drain(..)
    }

    /// The leader of the current term, as far as this replica knows.
    pub fn leader(&self) -> Option<Id> {
        match &self.role {
            Role::Follower(follower) => follower.leader,
            Role::PreCandidate(_) | Role::Candidate(_) => None,
            Role::Leader(_) => Some(self.id),
        }
    }

    /// How many replicas make a quorum: more than half.
    pub fn quorum(&self) -> usize {
        self.peers.len().div_ceil(2) + 1
    }

    fn set_clock(&mut self, now: Time) {
        assert!(
            now >= self.now,
            "time must not go back: {} -> {now}",
            self.now
        );
        self.now = now;
        if self.leader().is_some() {
            self.led_at = now;
        }
    }

    fn on_message(&mut self, from: Id, message: Message) {
        if !self.peers.contains(&from) {
            warn!("ignoring a message from {from}, which is no member: {message}");
            return;
        }
        if message.term.0 > self.term.0.saturating_add(self.options.max_term_jump) {
            warn!("ignoring a message from {from} from an absurd term: {message}");
            return;
        }
        // An append may come through other followers: then its sender names the leader.
        let origin = match message.body {
            Body::Append(_) => message.leader,
            _ => from,
        };
        if !self.peers.contains(&origin) {
            warn!("ignoring a message on behalf of {origin}, which is no other member: {message}");
            return;
        }
        self.heard_at.insert(from, self.now);
        if message.term > self.term {
            self.adopt_term(message.term);
        }
        if message.term < self.term {
            return self.answer_outdated(origin, &message.body);
        }
        match message.body {
            Body::Append(append) => self.on_append(origin, append),
            Body::Appended(appended) => self.on_appended(from, appended),
            Body::PreVote(standing) => self.on_pre_vote(from, standing),
            Body::PreVoted(voted) => self.on_pre_voted(from, voted),
            Body::Vote(standing) => self.on_vote(from, standing),
            Body::Voted(voted) => self.on_voted(from, voted),
        }
    }

    /// A message from a term that is over gets no effect, and its sender is told (Raft §5.1).
    fn answer_outdated(&mut self, from: Id, body: &Body) {
        let is_question = matches!(body, Body::Append(_) | Body::PreVote(_) | Body::Vote(_));
        if is_question && matches!(self.role, Role::Leader(_)) {
            // A word from the leader says more than a refusal.
            return self.send_along(&[from], true);
        }
        let refusal = self.vote(false);
        match body {
            Body::Append(append) => {
                let outdated = Appended {
                    receipts: Vec::new(),
                    answered: self.answered(),
                    sent_at: append.sent_at,
                };
                self.send(from, Body::Appended(outdated));
            }
            Body::PreVote(_) => self.send(from, Body::PreVoted(refusal)),
            Body::Vote(_) => self.send(from, Body::Voted(refusal)),
            Body::Appended(_) | Body::PreVoted(_) | Body::Voted(_) => {}
        }
    }

    /// Enters a later term, as a follower that has not voted (Raft §5.1).
    pub(super) fn adopt_term(&mut self, term: Term) {
        assert!(term > self.term, "a term must not be entered again");
        self.term = term;
        self.voted_for = None;
        self.leader_heard_at = None;
        self.leader_suspected = false;
        self.suspicions = 0;
        match &mut self.role {
            // The election timeout goes on: a higher term alone is no sign of a living leader.
            Role::Follower(follower) => follower.leader = None,
            Role::PreCandidate(_) | Role::Candidate(_) | Role::Leader(_) => {
                self.become_follower(None);
            }
        }
    }

    /// Becomes a follower in the current term, of `leader` if it is known.
    pub(super) fn become_follower(&mut self, leader: Option<Id>) {
        let election_at = self.now + self.election_timeout();
        let follower = Role::Follower(Follower {
            leader,
            election_at,
        });
        let before = std::mem::replace(&mut self.role, follower);
        if let Role::Leader(before) = before {
            info!("stepping down in term {}", self.term);
            self.settled = self.settled.max(before.answering.all_settled());
            if self.options.makes(Mistake::RedirectInLimbo) {
                self.redirect_owed();
            }
            // Nothing of these is in the log: they can be passed on.
            let waiting = before
                .waiting_puts
                .into_iter()
                .chain(before.waiting_gets.into_iter().map(|get| get.held));
            for held in waiting {
                self.on_request(held.request);
            }
        }
        if let Some(leader) = leader {
            info!("following {leader} in term {}", self.term);
            self.sent_to_leader.clear();
            self.redirect_held(leader);
        }
    }

    /// Starts waiting for a leader, or for the next election, anew.
    pub(super) fn await_election(&mut self) {
        let election_at = self.now + self.election_timeout();
        if let Role::Follower(follower) = &mut self.role {
            follower.election_at = election_at;
        }
    }

    fn election_timeout(&mut self) -> Duration {
        let range = self.options.election_timeout_min..self.options.election_timeout_max;
        self.random_duration(range.start, range.end)
    }

    /// A duration between the two, both included.
    pub(super) fn random_duration(&mut self, low: Duration, high: Duration) -> Duration {
        let nanos = self
            .rng
            .random_range(low.as_nanos() as u64..=high.as_nanos() as u64);
        Duration::from_nanos(nanos)
    }

    /// A vote, granted or refused, with what this replica holds.
    pub(super) fn vote(&self, granted: bool) -> Voted {
        Voted {
            granted,
            last: self.log.last(),
            answered: self.answered(),
        }
    }

    pub(super) fn send(&mut self, to: Id, body: Body) {
        let message = Message {
            term: self.term,
            leader: self.leader().unwrap_or(Id::UNKNOWN),
            body,
        };
        self.outputs.push(Output::Send { to, message });
    }

    pub(super) fn answer(&mut self, client: Id, mid: String, leader: Id, outcome: Outcome) {
        self.outputs.push(Output::Answer(Answer {
            client,
            mid,
            leader,
            outcome,
        }));
    }

    /// Answers with what this replica believes to be the leader.
    pub(super) fn answer_here(&mut self, client: Id, mid: String, outcome: Outcome) {
        let leader = self.leader().unwrap_or(Id::UNKNOWN);
        self.answer(client, mid, leader, outcome);
    }

    /// What must hold after every step, whatever came in. A replica that breaks one of these is
    /// wrong, and must stop rather than answer.
    fn assert_invariants(&self) {
        assert!(self.log.commit() <= self.log.last_index());
        assert!(
            self.log.last().term <= self.term,
            "an entry from the future"
        );
        assert!(self.held.len() <= self.options.max_held_requests);
        assert!(
            self.settled <= self.log.last_index() && self.answered() <= self.log.commit(),
            "only what is committed can have been answered"
        );
        match &self.role {
            Role::Follower(follower) => {
                assert_ne!(follower.leader, Some(self.id), "following oneself");
                assert!(
                    follower.leader.is_none() || self.held.is_empty(),
                    "requests are held although there is a leader to send them to"
                );
            }
            Role::PreCandidate(_) => {}
            Role::Candidate(_) => assert_eq!(self.voted_for, Some(self.id)),
            Role::Leader(leader) => {
                assert_eq!(self.voted_for, Some(self.id));
                assert_eq!(
                    self.log.last().term,
                    self.term,
                    "a leader's log ends in its own term"
                );
                assert!(self.held.is_empty(), "a leader holds no requests back");
                for progress in leader.followers.values() {
                    assert!(progress.matched <= self.log.last_index());
                    assert!(progress.next > progress.matched);
                    assert!(progress.next > Index::ZERO);
                }
                leader
                    .answering
                    .assert_fits(self.id, &self.peers, &self.log);
                if leader.lease_from.is_some() {
                    assert_eq!(
                        self.log.position(self.log.commit()).map(|at| at.term),
                        Some(self.term),
                        "a lease rests on a committed entry of the leader's own term"
                    );
                }
            }
        }
    }
}
