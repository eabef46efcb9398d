//! Who answers a put that is in the log.
//!
//! A put in the log may commit under this leader or a later one, or never. Its client must be
//! answered once in the whole cluster, and nobody can tell from the outside whether a dead replica has
//! answered. So the entry itself names its *answerer*, the last follower on its route: the first to
//! see that a quorum holds the put, and not the one whose death starts an election.
//!
//! - The answerer says `ok` when it learns that the put is committed: from the receipts on the
//!   append, or from a leader, this one or any later. A new leader need not guess what was answered.
//! - It tells the leader through where it has answered. Until the leader knows that, a put is not
//!   *settled*, new puts get the same answerer (so that answers leave in the order in which they
//!   take effect), and gets of such a key wait.
//! - If the answerer of a leader's own puts does not speak for so long that it cannot be chance, the leader
//!   says in the log that it answers in its place ([`TakeOver`]); once that is committed, the
//!   answerer keeps quiet, should it return. It may have answered just before it went: that is the one
//!   way to a second answer. What a leader has inherited it leaves to the answerer: there that is likelier
//!   to have answered than not.
//! - The leader that took a put in redirects its client, but only when another entry is
//!   *committed* in the put's place: until then the put may still come back with a later leader
//!   (Raft's Figure 8).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ::log::{info, warn};

use super::client::Outcome;
use super::entry::{Command, Put, TakeOver};
use super::log::Log;
use super::mistakes::Mistake;
use super::replica::Replica;
use super::role::{Answering, Holding, Left, Role};
use super::types::{Index, Position, Term};
use crate::id::Id;

/// What this replica owes clients for puts in the log.
#[derive(Clone, Debug, Default, Hash)]
pub(super) struct Owed {
    /// The puts that it took in as a leader and that are not known to be committed, by their places: it
    /// redirects their clients if they never will be.
    taken: BTreeMap<(Index, Term), Arc<Put>>,
    /// Committed puts that it is to answer as soon as it is certain that nobody has taken them over.
    due: BTreeSet<Index>,
    /// Committed puts that it was to answer, and that others have taken over before it did.
    given_up: BTreeSet<Index>,
}

impl Owed {
    /// A put that this replica has just taken into its log as the leader of `term`.
    pub(super) fn take_in(&mut self, index: Index, term: Term, put: Arc<Put>) {
        let before = self.taken.insert((index, term), put);
        assert!(before.is_none(), "a place in the log is taken once a term");
    }

    /// A put is committed that this replica is to answer.
    pub(super) fn add_due(&mut self, index: Index) {
        let is_new = self.due.insert(index);
        assert!(is_new, "an entry is committed once");
    }

    /// A take-over is committed.
    pub(super) fn take_over(&mut self, own: Id, take_over: TakeOver, log: &Log) {
        let TakeOver { by, after, through } = take_over;
        if by != own {
            let given_up = self.due.extract_if(after.next()..=through, |_| true);
            self.given_up.extend(given_up);
            return;
        }
        for (place, entry) in (after.next().0..=through.0).zip(log.from(after.next())) {
            if let Command::Put(put) = &entry.command {
                // What it has given up comes back to it if those who took it over are gone as well.
                if self.given_up.remove(&Index(place)) || put.answerer != own {
                    self.add_due(Index(place));
                }
            }
        }
    }

    /// How many clients may be owed something.
    pub(super) fn len(&self) -> usize {
        self.taken.len() + self.due.len()
    }
}

impl Replica {
    /// Settles what the latest commit has decided, in the order of the log: answers must leave in
    /// the order in which they took effect. `up_to_date` is whether this replica's commit index is
    /// the leader's: only then does it know what came after a put.
    pub(super) fn settle_owed(&mut self, up_to_date: bool) {
        self.redirect_overwritten();
        if !up_to_date {
            return;
        }
        while let Some(&index) = self.owed.due.first()
            && !self.may_be_taken_over(index)
        {
            self.owed.due.pop_first();
            let Some(put) = self.log.get(index).and_then(|entry| entry.command.put()) else {
                unreachable!("only puts are owed an answer, and they are committed");
            };
            let put = put.clone();
            if self.is_superseded(index, &put) {
                // A client that hears of its puts in another order than they took effect would
                // take the older value for the current one.
                warn!("put {} was superseded before it could be answered", put.mid);
                continue;
            }
            self.answer_here(put.client, put.mid.clone(), Outcome::Stored);
        }
    }

    /// Whether the log says that somebody else answers the put, and that is not decided: the leader's commit
    /// index lags behind what is committed.
    fn may_be_taken_over(&self, index: Index) -> bool {
        self.undecided_take_overs()
            .any(|other| other.by != self.id && other.after < index && index <= other.through)
    }

    fn undecided_take_overs(&self) -> impl Iterator<Item = TakeOver> {
        let undecided = self.log.from(self.log.commit().next());
        undecided.filter_map(|entry| match entry.command {
            Command::TakeOver(take_over) => Some(take_over),
            _ => None,
        })
    }

    /// Redirects the clients of puts that this replica took in and that never take effect.
    fn redirect_overwritten(&mut self) {
        let commit = self.log.commit();
        let Some(Position { term, .. }) = self.log.position(commit) else {
            unreachable!("what is committed is in the log");
        };
        // Every later leader's log holds the entry at the commit index and has no older terms behind
        // it: that decides the fate of older terms' puts wherever they stand.
        let log = &self.log;
        let decided = self
            .owed
            .taken
            .extract_if(.., |&(index, created), _| index <= commit || created < term);
        let overwritten: Vec<_> = decided
            .filter(|&((index, term), _)| !log.matches(Position { term, index }))
            .collect();
        for ((index, _), put) in overwritten {
            let (client, mid) = (put.client, put.mid.clone());
            info!("put {mid} of {client} at {index} was overwritten: redirecting");
            let leader = self.leader().unwrap_or_else(|| self.next_to_try());
            self.answer(client, mid, leader, Outcome::Redirect);
        }
    }

    /// A mistake ([`Mistake::RedirectInLimbo`](super::mistakes::Mistake)): redirects whatever was taken in.
    pub(super) fn redirect_owed(&mut self) {
        for put in std::mem::take(&mut self.owed.taken).into_values() {
            let leader = self.next_to_try();
            self.answer(put.client, put.mid.clone(), leader, Outcome::Redirect);
        }
    }

    /// Whether a later put of the same client to the same key is committed that somebody else answers, or
    /// that has been answered.
    fn is_superseded(&self, index: Index, put: &Put) -> bool {
        let behind = index.next().0..=self.log.commit().0;
        behind
            .zip(self.log.from(index.next()))
            .any(|(place, entry)| {
                entry.command.put().is_some_and(|later| {
                    later.key == put.key
                        && later.client == put.client
                        && !self.owed.due.contains(&Index(place))
                })
            })
    }

    /// Through which index this replica has answered all puts that it is to answer, and knows that it is.
    pub(super) fn answered(&self) -> Index {
        let first_due = self.owed.due.first();
        let answered = first_due.map_or(self.log.commit(), |index| index.previous());
        // What it has taken over it answers when that is committed.
        self.undecided_take_overs()
            .filter(|take_over| take_over.by == self.id)
            .map(|take_over| take_over.after)
            .fold(answered, Index::min)
    }
}

impl Answering {
    /// What must hold after every step of the leader `own`.
    pub(super) fn assert_fits(&self, own: Id, peers: &[Id], log: &Log) {
        assert!(
            self.is_settled() || self.answerer == own || peers.contains(&self.answerer),
            "puts that are not settled wait for the answer of a member"
        );
        assert!(self.last_put <= log.last_index() && self.opening <= log.last_index());
        assert!(
            self.told <= log.commit(),
            "the answerer is only told what is committed"
        );
        if let Some(left) = &self.left {
            assert!(
                left.answerer != own && left.after < left.through && left.through <= self.settled,
                "what is left to others is no longer waited for"
            );
        }
    }

    /// All puts through here have been answered.
    pub(super) fn all_settled(&self) -> Index {
        let left = self.left.as_ref().map(|left| left.after);
        left.map_or(self.settled, |left| left.min(self.settled))
    }

    /// Whether all puts in the log are settled.
    pub(super) fn is_settled(&self) -> bool {
        self.settled >= self.last_put
    }

    /// Notes through where a follower has answered.
    pub(super) fn note(&mut self, follower: Id, answered: Index) {
        self.committed = self.committed.max(answered);
        if follower == self.answerer {
            self.settled = self.settled.max(answered);
        }
        self.left
            .take_if(|left| left.answerer == follower && left.through <= answered);
    }
}

impl Replica {
    /// What a new leader knows of answers: its predecessors chose another answerer only when all puts before
    /// were settled, or left to somebody.
    pub(super) fn inherit_answering(&self, known: &BTreeMap<Id, Holding>) -> Answering {
        let answered = |by: Id| match by == self.id {
            true => self.answered(),
            false => known
                .get(&by)
                .map_or(Index::ZERO, |holding| holding.answered),
        };
        let inherited = self.log.last_index();
        let stretch = self.log.last_answerer(inherited);
        let answerer = stretch.map_or(self.id, |stretch| stretch.answerer);
        let before = stretch.map_or(inherited, |stretch| stretch.before);
        // Who sent the first put of another answerer said through where all were settled: if not through its
        // own term's opening, it had left what it had inherited.
        let last_put = stretch.map_or(Index::ZERO, |stretch| stretch.last_put);
        let left = self
            .log
            .opening_behind_put(self.settled)
            .filter(|&opening| self.settled < before && opening < last_put)
            .map(|opening| opening.min(before))
            .and_then(|through| Some((through, self.log.last_answerer(through)?.answerer)))
            .filter(|&(through, by)| by != self.id && answered(by) < through);
        Answering {
            answerer,
            settled: self
                .settled
                .max(before)
                .max(answered(answerer).min(inherited)),
            last_put,
            left: left.map(|(through, by)| Left {
                answerer: by,
                after: self.settled,
                through,
                until: Some(self.now + self.options.answerer_return),
                taken_over_at: None,
            }),
            committed: Index::ZERO,
            told: Index::ZERO,
            opening: inherited.next(),
        }
    }

    /// Who is to answer the put that is about to enter the log: while others are not settled, who answers
    /// those; else the last on the route that it will take.
    pub(super) fn choose_answerer(&mut self) -> Id {
        let (own, now) = (self.id, self.now);
        let count = self.quorum() - 1;
        let Role::Leader(leader) = &mut self.role else {
            unreachable!("only a leader takes puts in");
        };
        if leader.answering.is_settled() {
            let route = leader
                .followers
                .route(count, None, now, &leader.first_attempts);
            leader.answering.answerer = route.last().copied().unwrap_or(own);
        }
        leader.answering.answerer
    }

    /// The last put to `key` that this leader has not committed; 0 if there is none. Its answerer may have
    /// told its client that it took effect.
    pub(super) fn put_in_limbo(&self, key: &str) -> Index {
        if self.options.makes(Mistake::GetOverlooksLimbo) {
            return Index::ZERO;
        }
        self.last_put(self.log.commit(), self.log.last_index(), |put| {
            put.key == key
        })
    }

    /// Whether the client has put to that key and may not have been told yet that it took effect, or this
    /// leader may not know yet that it was: an answer to its get must show no more than it has been told,
    /// and no less.
    pub(super) fn has_unsettled_put(&self, client: Id, key: &str) -> bool {
        let Role::Leader(leader) = &self.role else {
            return false;
        };
        let own = |put: &Put| put.client == client && put.key == key;
        let answering = &leader.answering;
        let known = answering.settled.min(self.log.commit());
        let last = self.log.last_index();
        let is_left = |left: &Left| self.last_put(left.after, left.through, own) > Index::ZERO;
        self.last_put(known, last, own) > Index::ZERO
            || answering.left.as_ref().is_some_and(is_left)
    }

    /// The last put behind `after` up to `through` that is wanted; 0 if there is none.
    fn last_put(&self, after: Index, through: Index, wanted: impl Fn(&Put) -> bool) -> Index {
        let places = after.next().0..=through.0;
        places
            .zip(self.log.from(after.next()))
            .filter(|(_, entry)| entry.command.put().is_some_and(|put| wanted(put)))
            .last()
            .map_or(Index::ZERO, |(place, _)| Index(place))
    }

    /// Notes what this leader itself has answered, and tells the answerer what is committed if it cannot
    /// know.
    pub(super) fn settle_commit(&mut self) {
        let (own, answered, commit) = (self.id, self.answered(), self.log.commit());
        let patience = self.patience();
        let retry_at = self.now + patience;
        let Role::Leader(leader) = &mut self.role else {
            return;
        };
        let answering = &mut leader.answering;
        answering.note(own, answered);
        answering
            .left
            .take_if(|left| left.taken_over_at.is_some_and(|index| index <= commit));
        if answering.settled.max(answering.told) >= commit {
            return;
        }
        let Some((answerer, _)) = leader.awaited_answerer() else {
            return;
        };
        leader.answering.told = commit;
        leader.retry_delay = patience;
        leader.retry_at = Some(retry_at);
        self.send_along(&[answerer], true);
    }

    /// Whether the answerer has been silent for so long that it cannot be chance.
    pub(super) fn answerer_is_gone(&self) -> bool {
        let Role::Leader(leader) = &self.role else {
            return false;
        };
        let Some((_, progress)) = leader.awaited_answerer() else {
            return false;
        };
        let is_late = progress.is_silent(self.now, self.options.answerer_patience);
        is_late
            && leader
                .first_attempts
                .chance_of_failures(progress.unanswered)
                < BY_CHANCE
    }

    /// A new leader leaves the inherited puts to an answerer that has not spoken during the election: others
    /// answer new ones.
    pub(super) fn leave_absent_answerer(&mut self, spoke: &BTreeMap<Id, Holding>) {
        let Role::Leader(leader) = &self.role else {
            return;
        };
        let awaited = leader.awaited_answerer();
        if awaited.is_some_and(|(answerer, _)| !spoke.contains_key(&answerer)) {
            self.replace_answerer();
        }
    }

    /// The answerer is gone: leaves what was inherited to it for a while, and takes over what is of this
    /// term.
    pub(super) fn replace_answerer(&mut self) {
        let (by, through) = (self.id, self.log.last_index());
        let until = self.now + self.options.answerer_return;
        let Role::Leader(leader) = &mut self.role else {
            return;
        };
        // What follows is sent as if for the first time.
        leader.retry_at = None;
        let answering = &mut leader.answering;
        let gone = std::mem::replace(&mut answering.answerer, by);
        if answering.settled < answering.opening {
            info!("{gone} is gone: leaving the answers to inherited puts to it");
            let before = answering.left.take();
            answering.left = Some(Left {
                answerer: gone,
                after: before.map_or(answering.settled, |before| before.after),
                through: answering.opening,
                until: Some(until),
                taken_over_at: None,
            });
            answering.settled = answering.opening;
        }
        if answering.is_settled() {
            return;
        }
        let after = answering.settled;
        info!("{gone} is gone: taking over its answers after {after}");
        self.propose(Command::TakeOver(TakeOver { by, after, through }));
    }

    /// Takes over what was left to an answerer, if that has not returned in time.
    pub(super) fn take_over_left(&mut self) {
        let (by, now) = (self.id, self.now);
        let Role::Leader(leader) = &mut self.role else {
            return;
        };
        let Some(left) = &mut leader.answering.left else {
            return;
        };
        if left.until.take_if(|until| *until <= now).is_none() {
            return;
        }
        let (after, through) = (left.after, left.through);
        info!(
            "{} does not return: taking over its answers after {after}",
            left.answerer
        );
        let index = self.propose(Command::TakeOver(TakeOver { by, after, through }));
        if let Role::Leader(leader) = &mut self.role
            && let Some(left) = &mut leader.answering.left
        {
            left.taken_over_at = Some(index);
        }
    }
}

/// Silence that is less likely than this is no chance.
const BY_CHANCE: f64 = 1e-4;
