//! The service: clients are served, redirected, held for a moment, or passed on; the log is applied to the store.
//!
//! It sits on a [`Consensus`], which it is handed at every call, and must never look into its messages.
//!
//! | file | what it is about |
//! | --- | --- |
//! | `service.rs` | who leads; puts |
//! | `applying` | the log, applied to the store |
//! | `reads` | gets |
//! | `compaction` | the store in the place of the log's beginning |
//! | `elsewhere` | clients that are redirected, held, passed on |

mod applying;
mod compaction;
mod elsewhere;
mod reads;

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use ::log::info;

use super::client::{Answer, Operation, Outcome, Request};
use super::command::{Command, Put, text_size_bound};
use super::mistakes::Mistake;
use super::options::Options;
use super::queue::Queue;
use super::redirects::Redirects;
use super::replies::{Note, Replies};
use super::snapshots::Snapshots;
use super::store::Store;
use crate::consensus::fingerprint::Measure;
use crate::consensus::log::Log;
use crate::consensus::{Consensus, Index, Term, Time, Wishes};
use crate::id::Id;

/// What a replica does for clients.
#[derive(Clone, Debug)]
pub struct Service {
    options: Options,
    store: Store,
    snapshots: Snapshots,
    /// The log is applied to the store through here.
    applied: Index,
    /// Whether that was all for one step, and more could be applied at once.
    is_behind: bool,
    /// Of what is committed through here it is known which puts it has overwritten.
    decided: Index,
    replies: Replies,
    /// Requests that have just come.
    asked: Vec<Request>,
    /// Requests that wait: for a leader, or, as puts at a leader, until they may enter the log.
    held: Queue<()>,
    /// Gets that wait at a leader.
    reads: Queue<ReadPoint>,
    redirects: Redirects,
    stance: Stance,
    /// When a leader was last known here.
    led_at: Time,
    /// Counts the clients passed on, to spread them over the peers.
    passed_on: usize,
    answers: Vec<Answer>,
}

/// Who leads, as the service last knew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Stance {
    Leading(Term),
    Following(Id),
    Leaderless,
}

/// What a get that could not be served at once waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct ReadPoint {
    /// The log must be applied through here.
    through: Index,
    /// The first index behind the log's end when the get came. Committing an entry there shows
    /// that we still led after the get came: then it can be served even without a lease.
    barrier: Index,
}

impl Service {
    /// At the start of a replica's life.
    ///
    /// # Panics
    ///
    /// If the options do not fit together ([`Options::check`]).
    pub fn new(id: Id, options: Options, now: Time) -> Service {
        if let Err(relation) = options.check() {
            panic!("the options do not fit together: {relation}");
        }
        Service {
            store: Store::new(options.limits.max_remembered_puts),
            snapshots: Snapshots::default(),
            applied: Index::ZERO,
            is_behind: false,
            decided: Index::ZERO,
            replies: Replies::new(options.replies, id),
            asked: Vec::new(),
            held: Queue::default(),
            reads: Queue::default(),
            redirects: Redirects::default(),
            stance: Stance::Leaderless,
            led_at: now,
            passed_on: 0,
            answers: Vec::new(),
            options,
        }
    }

    /// At the start of a replica that comes back with its memory: `store` is what its snapshot made, and its log goes behind
    /// that through `last`; puts through `settled` were known to be answered.
    ///
    /// # Panics
    ///
    /// As [`new`](Self::new).
    pub fn restore(
        id: Id,
        options: Options,
        store: Store,
        log: &Log<Command>,
        settled: Index,
        now: Time,
    ) -> Service {
        let mut service = Service::new(id, options, now);
        let base = log.base().index;
        service.store = store;
        service.applied = base;
        service.decided = base;
        let policy = service.replies.policy_mut();
        if !service.options.makes(Mistake::AnswerAgain) {
            policy.start_again(log.last_index(), settled);
        }
        if base > Index::ZERO {
            policy.installed(log);
        }
        service
    }

    /// Another replica tells something beside its message.
    pub fn hear(&mut self, from: Id, note: Note) {
        self.replies.policy_mut().hear(from, note);
    }

    /// What to tell the other replicas beside every message.
    pub fn note(&self) -> Option<Note> {
        self.replies.policy().note()
    }

    /// Takes the answers to clients that are to be sent, in order.
    pub fn answers(&mut self) -> std::vec::Drain<'_, Answer> {
        self.answers.drain(..)
    }

    /// A client asks. It is served by the next [`advance`](Self::advance), by what is known then: whoever stood still for
    /// a while must first take in all that has happened.
    pub fn ask(&mut self, request: Request) {
        if self.asked.len() < self.options.limits.max_held_requests {
            return self.asked.push(request);
        }
        self.answer(request.client, request.mid, Id::UNKNOWN, Outcome::Fail);
    }

    /// Serves a client, or sends it elsewhere.
    fn request(&mut self, consensus: &mut Consensus<Command>, request: Request) {
        if self.options.makes(Mistake::FollowerAnswersGets)
            && matches!(request.operation, Operation::Get { .. })
        {
            return self.answer_get(consensus, request);
        }
        match consensus.leader() {
            Some(_) if consensus.leads() => match request.operation {
                Operation::Get { .. } => self.serve_get(consensus, request),
                Operation::Put { .. } => self.serve_put(consensus, request),
            },
            Some(leader) if self.is_back(consensus.now(), &request) => {
                let client = request.client;
                info!("client {client} was sent to leader {leader} and is back: suspecting it");
                consensus.suspect_leader();
                self.follow(consensus);
                self.hold(consensus, request);
            }
            Some(leader) => self.redirect(consensus.now(), request, leader),
            None => self.hold(consensus, request),
        }
    }

    fn is_back(&self, now: Time, request: &Request) -> bool {
        let window = self.options.timing.suspicion_window;
        self.redirects.is_back(now, request, window)
    }

    /// Catches up with what consensus has done: who leads, what is in the log.
    fn follow(&mut self, consensus: &mut Consensus<Command>) {
        let truncated_after = consensus.take_truncation();
        self.replies.policy_mut().follow(consensus, truncated_after);
        let stance = match consensus.leader() {
            Some(_) if consensus.leads() => Stance::Leading(consensus.term()),
            Some(leader) => Stance::Following(leader),
            None => Stance::Leaderless,
        };
        if stance != Stance::Leaderless {
            self.led_at = consensus.now();
        }
        let before = std::mem::replace(&mut self.stance, stance);
        if before == stance {
            return;
        }
        self.redirects.forget();
        match stance {
            Stance::Leading(_) => {
                let opening = consensus.log().last_index();
                self.replies.policy_mut().begin_leading(opening);
                if !self.held.is_empty() {
                    info!("serving {} held requests", self.held.len());
                }
            }
            Stance::Following(leader) if !self.held.is_empty() => {
                info!("redirecting {} held requests to {leader}", self.held.len());
            }
            Stance::Following(_) | Stance::Leaderless => {}
        }
        if matches!(before, Stance::Leading(_)) && self.options.makes(Mistake::RedirectInLimbo) {
            self.redirect_taken(consensus);
        }
        // None of these is in the log: they are as good as new.
        let reads = self.reads.take_all().map(|held| held.request);
        let held = self.held.take_all().map(|held| held.request);
        let waiting: Vec<Request> = held.chain(reads).collect();
        for request in waiting {
            self.request(consensus, request);
        }
    }

    /// A mistake: redirects whatever was taken in.
    fn redirect_taken(&mut self, consensus: &Consensus<Command>) {
        let taken = match &mut self.replies {
            Replies::Last(policy) => policy.forget_all(),
            Replies::Leader(policy) => policy.forget_all(),
        };
        for put in taken {
            let leader = self.next_to_try(consensus);
            self.answer(put.client, put.mid.clone(), leader, Outcome::Redirect);
        }
    }

    /// Does what is due: applies what is committed, serves what has waited, proposes what may enter the log.
    pub fn advance(&mut self, consensus: &mut Consensus<Command>) {
        // Of what was applied in an earlier step: so whoever looks on has seen what is let go.
        self.compact(consensus);
        self.install_snapshot(consensus);
        self.follow(consensus);
        self.apply(consensus);
        self.redirect_overwritten(consensus);
        let mut asked = std::mem::take(&mut self.asked);
        for request in asked.drain(..) {
            self.request(consensus, request);
        }
        self.asked = asked;
        if consensus.leads() {
            self.take_over(consensus);
            self.serve_reads(consensus);
            self.admit_puts(consensus);
            self.follow(consensus);
            let help = self.replies.policy().help(consensus);
            consensus.wish(Wishes {
                awaited: help.awaited,
                missed: help.missed,
                reads: self.reads.len(),
            });
        }
        self.assert_invariants(consensus);
    }

    fn serve_put(&mut self, consensus: &mut Consensus<Command>, request: Request) {
        let Operation::Put { key, value } = &request.operation else {
            unreachable!("a put is served as a put");
        };
        if text_size_bound([key, value, &request.mid]) > self.options.limits.max_put_bytes {
            return self.answer_here(consensus, request, Outcome::Fail);
        }
        if self.takes_puts(consensus) {
            return self.propose(consensus, request);
        }
        let held = self.held_from_now(consensus.now(), request, ());
        if let Err(request) = self.held.push(held, &self.options.limits) {
            self.answer_here(consensus, *request, Outcome::Fail);
        }
    }

    /// Whether a put may enter the log now. Once there it can no longer be passed on, so a leader
    /// that has reason to doubt its quorum keeps it outside.
    fn takes_puts(&self, consensus: &Consensus<Command>) -> bool {
        let open = self.replies.policy().count_open(consensus.log());
        !consensus.doubts_quorum() && open < self.options.limits.max_unsettled
    }

    /// Puts that have waited enter the log, in the order in which they came.
    fn admit_puts(&mut self, consensus: &mut Consensus<Command>) {
        while !self.held.is_empty() && self.takes_puts(consensus) {
            if let Some(held) = self.held.pop_first() {
                self.propose(consensus, held.request);
            }
        }
    }

    fn propose(&mut self, consensus: &mut Consensus<Command>, request: Request) {
        let Request {
            client,
            mid,
            operation: Operation::Put { key, value },
        } = request
        else {
            unreachable!("only puts enter the log");
        };
        let answerer = self.replies.policy().answerer(consensus);
        let mut put = None;
        let at = consensus
            .propose(|last_on_route| {
                let new = Arc::new(Put {
                    key,
                    value,
                    client,
                    mid,
                    answerer: answerer.unwrap_or(last_on_route),
                });
                put = Some(Arc::clone(&new));
                Command::Put(new)
            })
            .expect("only a leader takes puts in");
        let put = put.expect("it was made just now");
        let policy = self.replies.policy_mut();
        policy.follow(consensus, None);
        if self.options.makes(Mistake::AnswerBeforeQuorum) {
            return self.answer_put(consensus, &put);
        }
        policy.took_in(at, &put);
    }

    /// Answers in the place of who is gone, if that is due: says so in the log, and does it when it is committed.
    fn take_over(&mut self, consensus: &mut Consensus<Command>) {
        let policy = self.replies.policy_mut();
        while let Some(take_over) = policy.take_over(consensus, &self.options) {
            consensus
                .propose(|_| Command::TakeOver(take_over))
                .expect("only a leader takes over");
            policy.follow(consensus, None);
        }
    }

    /// When the service must next be called, if that is certain.
    pub fn deadline(&self, consensus: &Consensus<Command>) -> Option<Time> {
        if self.is_behind {
            return Some(consensus.now());
        }
        let ends = [self.held.first_end(), self.reads.first_end()];
        let first_end = ends.into_iter().flatten().min();
        if !consensus.leads() {
            return first_end;
        }
        let passes_on_at = first_end.and_then(|end| Some(end.max(consensus.doubts_from()?)));
        let takes_over_at = self.replies.policy().take_over_at(consensus, &self.options);
        [passes_on_at, takes_over_at].into_iter().flatten().min()
    }

    fn answer_put(&mut self, consensus: &Consensus<Command>, put: &Put) {
        let leader = consensus.leader().unwrap_or(Id::UNKNOWN);
        self.answer(put.client, put.mid.clone(), leader, Outcome::Stored);
    }

    /// Answers with what this replica believes to be the leader.
    fn answer_here(&mut self, consensus: &Consensus<Command>, request: Request, outcome: Outcome) {
        let leader = consensus.leader().unwrap_or(Id::UNKNOWN);
        self.answer(request.client, request.mid, leader, outcome);
    }

    fn answer(&mut self, client: Id, mid: String, leader: Id, outcome: Outcome) {
        self.answers.push(Answer {
            client,
            mid,
            leader,
            outcome,
        });
    }

    fn assert_invariants(&self, consensus: &Consensus<Command>) {
        assert!(self.applied <= consensus.log().commit());
        match self.stance {
            Stance::Leading(_) => {}
            Stance::Following(_) => assert!(
                self.held.is_empty() && self.reads.is_empty(),
                "requests are held although there is a leader to send them to"
            ),
            Stance::Leaderless => assert!(self.reads.is_empty(), "gets wait at leaders only"),
        }
    }
}

/// What can be seen of a service.
impl Service {
    /// The store.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The log is applied to the store through here.
    pub fn applied(&self) -> Index {
        self.applied
    }

    /// How many puts in the log it may still owe an answer.
    pub fn owed(&self) -> usize {
        self.replies.policy().owed()
    }

    /// How many requests wait outside of the log: for want of a leader, or, at a leader, of a
    /// quorum or a lease.
    pub fn waiting(&self) -> usize {
        self.held.len() + self.reads.len()
    }

    /// The constants.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// Feeds `hasher` with all that decides how the service will behave, except that it may name different replicas to
    /// clients that it passes on for want of a leader.
    pub fn fingerprint(&self, measure: Measure, hasher: &mut impl Hasher) {
        let Service {
            options,
            store,
            snapshots,
            applied,
            is_behind,
            decided,
            replies,
            asked,
            held,
            reads,
            redirects,
            stance,
            led_at,
            // It only chooses whom a client is passed on to.
            passed_on: _,
            answers,
        } = self;
        (applied, is_behind, decided, stance, asked, answers).hash(hasher);
        store.fingerprint(hasher);
        snapshots.fingerprint(hasher);
        replies.fingerprint(matches!(stance, Stance::Leading(_)), hasher);
        let timing = &options.timing;
        held.fingerprint(measure, timing, hasher);
        reads.fingerprint(measure, timing, hasher);
        redirects.fingerprint(measure, timing.suspicion_window, hasher);
        // It lengthens holds, where they may differ in length.
        if timing.client_hold < timing.client_hold_max {
            let leaderless = measure.age(*led_at, 8 * timing.client_hold_max);
            leaderless.hash(hasher);
        }
    }
}
