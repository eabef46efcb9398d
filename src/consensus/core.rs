//! What a replica has in every role: its term and vote, its log, its clock and its chance, and the messages that
//! it is about to send.
//!
//! Must never know which role it is in: a role is handed this, and answers what it wants to become.

use std::collections::VecDeque;
use std::hash::{Hash, Hasher};
use std::time::Duration;

use ::log::error;
use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt, SeedableRng};

use super::durable::{Changeable, HardState, News, Port, Restored, Write};
use super::entry::{Command, Entry, Payload};
use super::fingerprint::{Measure, hash_order};
use super::log::Log;
use super::members::Members;
use super::message::{Body, Message, VoteResponse};
use super::mistakes::Mistake;
use super::options::{Options, Storage};
use super::snapshot::{Incoming, Snapshot};
use super::time::Time;
use super::types::{Incarnation, Index, LogId, Term};
use crate::id::Id;

/// A message that is about to leave.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Envelope<C> {
    /// The receiver.
    pub to: Id,
    /// What to say.
    pub message: Message<C>,
}

/// What a replica knows of a peer in every role.
#[derive(Clone, Copy, Debug, Default)]
struct Peer {
    /// When it was last heard.
    heard_at: Option<Time>,
    /// Which life of it we have heard of first. We listen to no other.
    incarnation: Option<Incarnation>,
}

/// What a replica has in every role.
#[derive(Clone, Debug)]
pub(super) struct Core<C> {
    pub members: Members,
    pub options: Options,
    chance: Xoshiro256PlusPlus,
    /// The time of the latest call.
    pub now: Time,

    // What Raft keeps on stable storage (Figure 2): the port says how far it is there.
    pub term: Term,
    pub voted_for: Option<Id>,
    pub log: Log<C>,

    /// The leader of this term, if it is known and not suspected.
    pub leader: Option<Id>,
    /// How often the leader of this term has been suspected.
    pub suspicions: u32,
    /// The latest news of how far the leader has committed, and when it sent that, on its own clock.
    leader_commit: (Time, Index),
    incarnation: Incarnation,
    /// What is known of each peer, in their order.
    peers: Vec<Peer>,
    /// Whether we cannot know yet if we were here before: we have no memory, and a log that is not empty is
    /// news to us. So long we help nobody who has such a log into office, for we may have promised otherwise.
    pub is_newcomer: bool,
    /// The snapshot that covers what is gone from the log, and perhaps more; none if nothing is gone.
    pub snapshot: Option<Snapshot>,
    /// Whether that was not yet handed over for storage.
    pub is_snapshot_new: bool,
    /// A snapshot that is being received.
    pub incoming: Option<Incoming>,
    pub outbox: Vec<Envelope<C>>,
    pub port: Port,
    /// What may only leave once the write of that number is durable.
    waiting: VecDeque<(u64, Envelope<C>)>,
}

impl<C: Command> Core<C> {
    pub(super) fn new(members: Members, options: Options, seed: u64, now: Time) -> Core<C> {
        let mut chance = Xoshiro256PlusPlus::seed_from_u64(seed);
        let incarnation = Incarnation(chance.random());
        let peers = vec![Peer::default(); members.peers().len()];
        let log = match options.storage {
            Storage::Memory => Log::default(),
            Storage::Stable => Log::stored(),
        };
        Core {
            members,
            options,
            chance,
            now,
            term: Term(0),
            voted_for: None,
            log,
            leader: None,
            suspicions: 0,
            leader_commit: (Time::ZERO, Index::ZERO),
            incarnation,
            peers,
            is_newcomer: true,
            snapshot: None,
            is_snapshot_new: false,
            incoming: None,
            outbox: Vec::new(),
            port: Port::default(),
            waiting: VecDeque::new(),
        }
    }

    /// What a replica has when it starts again with its memory. Nothing is known to be committed yet.
    pub(super) fn restored(
        members: Members,
        options: Options,
        restored: Restored<C>,
        seed: u64,
        now: Time,
    ) -> Core<C> {
        let mut core = Core::new(members, options, seed, now);
        let Restored {
            hard_state,
            snapshot,
            entries,
        } = restored;
        let held_since = match core.options.makes(Mistake::RestoredTooOld) {
            true => Time::ZERO,
            false => now,
        };
        core.log = Log::restored(snapshot.as_ref(), entries, held_since);
        core.snapshot = snapshot;
        core.term = hard_state.term;
        core.voted_for = hard_state.voted_for;
        core.incarnation = hard_state.incarnation;
        core.is_newcomer = hard_state.is_newcomer;
        for (id, incarnation) in hard_state.known {
            let place = core.members.place(id).expect("who is known is a peer");
            core.peers[place].incarnation = Some(incarnation);
        }
        core.port = Port::restored(core.changeable());
        let last = core.log.last().term;
        if last > core.term {
            // The entries have reached stable storage, and the hard state that came with them has not: so nothing was said in
            // that term.
            core.term = last;
            core.voted_for = None;
        }
        core
    }

    pub(super) fn own(&self) -> Id {
        self.members.own()
    }

    pub(super) fn leads(&self) -> bool {
        self.leader == Some(self.own())
    }

    pub(super) fn incarnation(&self) -> Incarnation {
        self.incarnation
    }

    pub(super) fn set_clock(&mut self, now: Time) {
        assert!(
            now >= self.now,
            "time must not go back: {} -> {now}",
            self.now
        );
        self.now = now;
    }

    /// Enters a later term, in which we have not voted and know of no leader (Raft §5.1).
    pub(super) fn enter_term(&mut self, term: Term) {
        assert!(term > self.term, "a term must not be entered again");
        self.term = term;
        self.voted_for = None;
        self.leader = None;
        // The next leader's clock is another one.
        self.leader_commit.0 = Time::ZERO;
        self.suspicions = 0;
    }

    /// The leader had committed through `commit` when it sent this. What comes late is no news.
    pub(super) fn note_leader_commit(&mut self, sent_at: Time, commit: Index) {
        if sent_at >= self.leader_commit.0 {
            self.leader_commit = (sent_at, commit);
        }
    }

    /// Whether nobody is known to have committed more than we have.
    pub(super) fn is_current(&self) -> bool {
        self.leads() || self.log.commit() >= self.leader_commit.1
    }

    /// Adds an entry of our own term at the end of the log.
    pub(super) fn append(&mut self, payload: Payload<C>) -> LogId {
        let term = self.term;
        self.log.append(self.now, Entry { term, payload })
    }

    /// The term of the entry at an index is ours.
    pub(super) fn is_of_this_term(&self, index: Index) -> bool {
        self.log.id_at(index).map(|id| id.term) == Some(self.term)
    }

    pub(super) fn send(&mut self, to: Id, body: Body<C>) {
        let message = Message {
            term: self.term,
            leader: self.leader.unwrap_or(Id::UNKNOWN),
            incarnation: self.incarnation,
            body,
        };
        let envelope = Envelope { to, message };
        match self.must_wait(&envelope.message.body) {
            None => self.outbox.push(envelope),
            Some(number) => self.waiting.push_back((number, envelope)),
        }
    }

    /// The write that must be durable before that may be said. A vote is a promise, and so is a term that one stands in;
    /// what a receipt says is durable before it is made (`storing.rs`). Nothing else promises anything.
    fn must_wait(&self, body: &Body<C>) -> Option<u64> {
        let is_promise = matches!(body, Body::Vote(_) | Body::VoteResponse(_))
            && !self.options.makes(Mistake::VoteBeforeSync);
        match is_promise || !self.port.has_identity() {
            true => self.awaited_write(),
            false => None,
        }
    }

    /// The write with which all that this replica has noted so far is durable; none if it is durable already.
    pub(super) fn awaited_write(&self) -> Option<u64> {
        match self.options.storage {
            Storage::Memory => None,
            Storage::Stable => {
                let is_news = self.port.is_news(self.changeable());
                self.port.last_write(is_news || self.log.is_unwritten())
            }
        }
    }

    /// What is to be stored and was not handed over yet, if there is anything.
    pub(super) fn take_write(&mut self) -> Option<Write<C>> {
        let present = self.changeable();
        let is_news = self.port.is_news(present);
        if self.options.storage == Storage::Memory || !is_news && !self.log.is_unwritten() {
            return None;
        }
        let number = self.port.hand_over(present);
        let last = self.log.last_index();
        let extent = self.log.extent_mut().expect("it is kept on stable storage");
        let News {
            is_replaced,
            truncate_after,
            first,
        } = extent.hand_over(number, last);
        Some(Write {
            number,
            snapshot: self.snapshot.clone().filter(|_| is_replaced),
            truncate_after,
            first,
            entries: self.log.from(first).cloned().collect(),
            hard_state: is_news.then(|| self.hard_state()),
        })
    }

    /// Everything through that write is durable: what has waited for it leaves.
    pub(super) fn note_durable(&mut self, number: u64) {
        self.port.note_durable(number);
        if let Some(extent) = self.log.extent_mut() {
            extent.note_durable(number);
        }
        while let Some((_, envelope)) = self.waiting.pop_front_if(|(write, _)| *write <= number) {
            self.outbox.push(envelope);
        }
    }

    fn changeable(&self) -> Changeable {
        let known = self.peers.iter().filter(|it| it.incarnation.is_some());
        (self.term, self.voted_for, self.is_newcomer, known.count())
    }

    fn hard_state(&self) -> HardState {
        let peers = self.members.peers().iter().zip(&self.peers);
        HardState {
            term: self.term,
            voted_for: self.voted_for,
            incarnation: self.incarnation,
            is_newcomer: self.is_newcomer,
            known: peers
                .filter_map(|(&id, peer)| Some((id, peer.incarnation?)))
                .collect(),
        }
    }

    pub(super) fn vote_response(&self, granted: bool) -> VoteResponse {
        VoteResponse {
            granted,
            last: self.log.last(),
        }
    }

    /// Whether that is the life of a peer's that we know; the first that we hear of, we shall know.
    pub(super) fn knows(&mut self, peer: Id, incarnation: Incarnation) -> bool {
        let Some(place) = self.members.place(peer) else {
            return false;
        };
        let known = *self.peers[place].incarnation.get_or_insert(incarnation);
        if known != incarnation {
            error!(
                "{peer} was {known} and has come back as {incarnation} without its memory: ignoring it"
            );
        }
        known == incarnation
    }

    /// A peer is heard.
    pub(super) fn note_heard(&mut self, peer: Id) {
        if let Some(place) = self.members.place(peer) {
            self.peers[place].heard_at = Some(self.now);
        }
    }

    /// When a peer was last heard.
    pub(super) fn heard_at(&self, peer: Id) -> Option<Time> {
        self.peers[self.members.place(peer)?].heard_at
    }

    /// A duration between the two, both included.
    pub(super) fn random_duration(&mut self, low: Duration, high: Duration) -> Duration {
        let nanos = self
            .chance
            .random_range(low.as_nanos() as u64..=high.as_nanos() as u64);
        Duration::from_nanos(nanos)
    }

    /// What a model checker tells replicas apart by, whatever their roles.
    pub(super) fn fingerprint(&self, measure: Measure, hasher: &mut impl Hasher) {
        let Core {
            // These never change.
            members: _,
            options,
            // It is started anew before each step.
            chance: _,
            now: _,
            term,
            voted_for,
            log,
            leader,
            suspicions,
            leader_commit,
            incarnation,
            peers,
            is_newcomer,
            snapshot,
            is_snapshot_new,
            incoming,
            outbox,
            port,
            waiting,
        } = self;
        // Only the first suspicion differs from the others.
        (term, voted_for, leader, suspicions.min(&1)).hash(hasher);
        (incarnation, is_newcomer, outbox).hash(hasher);
        port.fingerprint(hasher);
        for (number, envelope) in waiting {
            (port.distance(*number), envelope).hash(hasher);
        }
        (snapshot, is_snapshot_new, incoming).hash(hasher);
        // What the leader has committed matters where we have not. What comes late tells of no more than what came
        // before it, so its time does not matter elsewhere either.
        let news = Some(leader_commit).filter(|(_, index)| *index > log.commit());
        news.hash(hasher);
        log.fingerprint(measure, options, hasher);
        for Peer {
            heard_at,
            incarnation,
        } in peers
        {
            // Whoever has been heard lately counts as within reach.
            let lately = options.timing.campaign_timeout;
            let age = heard_at.map(|at| measure.age(at, lately));
            (age, incarnation).hash(hasher);
        }
        // A new leader asks first who was heard last.
        hash_order(peers.iter().map(|peer| peer.heard_at).zip(0..), hasher);
    }

    /// Starts the source of chance anew; see [`Consensus::reseed`](super::Consensus::reseed).
    pub(super) fn reseed(&mut self, seed: u64) {
        self.chance = Xoshiro256PlusPlus::seed_from_u64(seed);
    }
}
