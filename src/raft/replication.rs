//! How a leader replicates: along which routes an entry travels, when it is sent again, and what the
//! followers' receipts make (Raft §5.3).
//!
//! There is one mechanism, an append with a *route*: its receiver stores it and passes it on to the
//! next on the route, and the last one answers the clients and then the leader. A plan is a list of routes. Usually that is one
//! route over just enough followers for a quorum: with n replicas ⌊n/2⌋ + 1 messages a put, where asking
//! each one alone takes about n. What keeps failing goes to everybody, each on a route of its own.
//! Why that is safe is in NOTES.md: Raft commits by who holds an entry, and never asks how it got there.

use std::time::Duration;

use ::log::{debug, error};

use super::log::Log;
use super::message::{Append, Appended, Body, Reception};
use super::options::Options;
use super::pacing::RARELY;
use super::progress::Progress;
use super::replica::Replica;
use super::role::{Leader, Role};
use super::time::Time;
use super::types::Index;
use crate::id::Id;

impl Replica {
    /// When the leader must next act.
    pub(super) fn leadership_deadline(&self, leader: &Leader) -> Time {
        let followers = leader.followers.iter();
        let heartbeat = followers
            .map(|(&id, progress)| self.heartbeat_at(leader, id, progress))
            .min();
        let waits_for_old_leases =
            self.now < leader.commits_from && self.log.commit() < self.log.last_index();
        [
            heartbeat,
            leader.retry_at,
            self.passes_on_at(leader),
            leader.answering.left.as_ref().and_then(|left| left.until),
            waits_for_old_leases.then_some(leader.commits_from),
        ]
        .into_iter()
        .flatten()
        .min()
        .unwrap_or(self.now + self.options.heartbeat_interval)
    }

    /// The last index that a quorum holds.
    pub(super) fn quorum_matched(&self, leader: &Leader) -> Index {
        let own = self.log.last_index();
        let quorum = self.quorum();
        let matched = || leader.followers.values().map(|follower| follower.matched);
        let holders = |index| 1 + matched().filter(|&other| other >= index).count();
        // No list to be sorted: a leader asks this several times a step.
        let mut most = Index::ZERO;
        for index in matched().chain([own]) {
            if index > most && holders(index) >= quorum {
                most = index;
            }
        }
        most
    }

    /// Since when entries have lacked a quorum without any progress towards one.
    pub(super) fn stalled_since(&self, leader: &Leader) -> Option<Time> {
        let first_lacking = self.quorum_matched(leader).next();
        let created_at = self.log.held_since(first_lacking)?;
        Some(created_at.max(leader.progress_at))
    }

    /// Sends new entries along one route over enough followers for a quorum.
    pub(super) fn dispatch(&mut self) {
        let last = self.log.last_index();
        let Role::Leader(leader) = &mut self.role else {
            return;
        };
        if leader.dispatched < last {
            leader.dispatched = last;
            leader.copies = 0;
            leader.budget.note_entry(&self.options);
            self.attempt(false);
        }
    }

    /// Sends the opening of a term: along a route as any entry, and to everybody else at once, because
    /// they should hear who leads. Of those no answer is wanted.
    pub(super) fn announce(&mut self) {
        self.dispatch();
        let now = self.now;
        let Role::Leader(leader) = &self.role else {
            return;
        };
        let others: Vec<Id> = leader
            .followers
            .iter()
            .filter(|(_, progress)| progress.awaiting != Some(now))
            .map(|(&id, _)| id)
            .collect();
        for id in others {
            self.send_along(&[id], false);
        }
    }

    /// Sends what lacks a quorum: along one route over those who are likeliest to answer, or
    /// (`widely`) to everybody who lacks it, each on a route of its own.
    fn attempt(&mut self, widely: bool) {
        let now = self.now;
        let patience = self.patience();
        let count = self.quorum() - 1;
        let Role::Leader(leader) = &self.role else {
            return;
        };
        let end = leader.route_end();
        let overdue = self
            .stalled_since(leader)
            .is_some_and(|since| now.since(since) >= self.options.append_retry_max);
        let Role::Leader(leader) = &mut self.role else {
            return;
        };
        leader.attempts = leader.attempts.saturating_add(1);
        leader.copies = leader.copies.saturating_add(1);
        if widely {
            let last = self.log.last_index();
            let lacking = leader
                .followers
                .lacking(last, count, &leader.first_attempts);
            for id in lacking {
                self.send_along(&[id], true);
            }
            return;
        }
        leader.retry_delay = patience;
        let retry_at = now + patience;
        // A new entry's append is a retry of all before it, too; but no stream of them may put it off for ever.
        leader.retry_at = match leader.retry_at {
            Some(at) if overdue => Some(at.min(retry_at)),
            _ => Some(retry_at),
        };
        let route = leader
            .followers
            .route(count, end, now, &leader.first_attempts);
        self.send_along(&route, true);
    }

    /// Sends what lacks a quorum to one more follower. Should this leader die, its successor will know
    /// of these puts and answer them. No answer is wanted, unless routes have failed one after the other:
    /// then somebody on them is cut off, and the leader must find out who is not.
    fn insure(&mut self) {
        let Role::Leader(leader) = &mut self.role else {
            return;
        };
        leader.copies = leader.copies.saturating_add(1);
        let answer_wanted = leader.attempts >= 2;
        leader.attempts += u32::from(answer_wanted);
        if let Some(id) = leader.followers.next_in_turn(&leader.first_attempts) {
            self.send_along(&[id], answer_wanted);
        }
    }

    /// How long the leader waits for an answer before it takes an append for lost.
    pub(super) fn patience(&self) -> Duration {
        let shortest = self.options.append_retry_min;
        match &self.role {
            Role::Leader(leader) => leader
                .round_trips
                .timeout()
                .clamp(shortest, self.options.append_retry_max),
            _ => shortest,
        }
    }

    /// Sends again what has lacked a quorum for too long, as far as the budget for that goes. What the
    /// budget leaves out is repaired by the next entry's append, or, if none comes, in the end here.
    pub(super) fn retry(&mut self) {
        let Role::Leader(leader) = &self.role else {
            return;
        };
        let quorum_matched = self.quorum_matched(leader);
        let doubtful = self.doubts_quorum(leader);
        let now = self.now;
        let last = self.log.last_index();
        let quorum = self.quorum();
        let Role::Leader(leader) = &mut self.role else {
            return;
        };
        let quorum_lacks = quorum_matched < last;
        // Before that the answerer cannot know either.
        let answer_lacks = leader.awaited_answerer().is_some() && now >= leader.commits_from;
        if !quorum_lacks && !answer_lacks {
            leader.retry_at = None;
            return;
        }
        if leader.retry_at.is_none_or(|at| now < at) {
            return;
        }
        let has_quorum = quorum_matched > leader.answering.settled;
        if answer_lacks && has_quorum && self.answerer_is_gone() {
            self.replace_answerer();
            // A take-over must not wait until something else is due.
            return self.dispatch();
        }
        if !quorum_lacks {
            return self.ask_answerer();
        }
        let Role::Leader(leader) = &mut self.role else {
            return;
        };
        let widely = leader.seems_cut_off();
        let urgent = leader.is_urgent();
        let unlucky = leader.first_attempts.chance_of_failures(leader.attempts) >= RARELY;
        let doubled = 2 * leader.retry_delay;
        let overdue = doubled > self.options.append_retry_max;
        let messages = if widely {
            2 * leader.followers.len()
        } else {
            quorum
        };
        if !leader.first_failed {
            leader.first_failed = true;
            leader
                .first_attempts
                .note(false, self.options.remembered_attempts);
        }
        let affordable = leader
            .budget
            .spend(now, messages, &leader.first_attempts, &self.options);
        let may_perish = leader.first_attempts.chance_of_loss(leader.copies);
        let mut delay = doubled;
        if overdue || urgent || affordable || doubtful {
            self.attempt(widely);
            delay = match (widely, urgent || unlucky) {
                (true, _) => 2 * doubled,
                (false, true) => doubled / 2,
                (false, false) => doubled,
            };
        } else if may_perish > self.options.perish {
            self.insure();
            delay = doubled / 2;
        }
        if let Role::Leader(leader) = &mut self.role {
            leader.retry_delay = delay.min(self.options.follower_timeout);
            leader.retry_at = Some(now + leader.retry_delay);
        }
    }

    /// A quorum holds all there is, but the answerer has not said that it has answered.
    fn ask_answerer(&mut self) {
        let now = self.now;
        let Role::Leader(leader) = &mut self.role else {
            return;
        };
        let answerer = leader.answering.answerer;
        let overdue = 2 * leader.retry_delay > self.options.append_retry_max;
        let urgent = leader.is_urgent();
        let affordable = leader
            .budget
            .spend(now, 2, &leader.first_attempts, &self.options);
        leader.retry_delay = (2 * leader.retry_delay).min(self.options.answerer_patience);
        leader.retry_at = Some(now + leader.retry_delay);
        if overdue || urgent || affordable {
            self.send_along(&[answerer], true);
        }
    }

    /// When a follower gets a heartbeat unless anything else is sent before. The silent ones get them more
    /// rarely, but not one on whose answers clients may wait.
    fn heartbeat_at(&self, leader: &Leader, id: Id, progress: &Progress) -> Time {
        let interval = self.options.heartbeat_interval;
        let left = leader.answering.left.as_ref().map(|left| left.answerer);
        let longest = if left == Some(id) { 1 } else { 2 } * interval;
        progress.heartbeat_at(interval, longest)
    }

    /// Sends an append to each follower to which nothing was sent for a heartbeat interval, or for two if it
    /// is silent. One that answers, and lacks no more than fits into an append, need
    /// not answer this one.
    pub(super) fn send_heartbeats(&mut self) {
        let now = self.now;
        let Role::Leader(leader) = &self.role else {
            return;
        };
        let due: Vec<(Id, bool)> = leader
            .followers
            .iter()
            .filter(|&(&id, progress)| now >= self.heartbeat_at(leader, id, progress))
            .map(|(&id, progress)| (id, progress.owes_answer()))
            .collect();
        for (id, answer_wanted) in due {
            self.send_along(&[id], answer_wanted);
        }
    }

    /// Sends everything that any follower on `route` lacks, as far as we know, or a heartbeat if none
    /// lacks anything.
    pub(super) fn send_along(&mut self, route: &[Id], answer_wanted: bool) {
        let Some((&first, rest)) = route.split_first() else {
            return;
        };
        assert!(
            answer_wanted || rest.is_empty(),
            "only what wants an answer is passed on"
        );
        let now = self.now;
        let commit = self.log.commit();
        let patience = self.patience();
        let log = &self.log;
        let Role::Leader(leader) = &mut self.role else {
            unreachable!("only a leader sends appends");
        };
        let start = route
            .iter()
            .map(|id| leader.followers.of(*id).start(now, patience))
            .min()
            .expect("a route is not empty");
        let entries = batch(log, start, &self.options);
        let previous = log
            .position(start.previous())
            .expect("a follower is not sent what the leader lacks");
        let behind = Index(previous.index.0 + entries.len() as u64);
        for id in route {
            leader
                .followers
                .of(*id)
                .note_sent(now, behind, log.last_index(), answer_wanted);
        }
        let append = Append {
            previous,
            entries,
            commit,
            answer_wanted,
            settled: leader.answering.all_settled(),
            may_commit: now >= leader.commits_from,
            route: rest.to_vec(),
            receipts: Vec::new(),
            sent_at: now,
        };
        self.send(first, Body::Append(append));
    }

    /// The followers on a route answer.
    pub(super) fn on_appended(&mut self, from: Id, appended: Appended) {
        let now = self.now;
        let last = self.log.last_index();
        let Role::Leader(leader) = &self.role else {
            return;
        };
        let before = self.quorum_matched(leader);
        let mut behind = Vec::new();
        let mut more = Vec::new();
        for receipt in &appended.receipts {
            let follower = receipt.follower;
            let Role::Leader(leader) = &mut self.role else {
                return;
            };
            let Some(progress) = leader.followers.get_mut(&follower) else {
                error!("ignoring a receipt from {from} for {follower}, which is no member");
                continue;
            };
            match receipt.reception {
                Reception::Matched(index) if index <= last => {
                    progress.note_answer(now);
                    progress.confirmed = true;
                    progress.matched = progress.matched.max(index);
                    progress.next = progress.next.max(index.next());
                    if std::mem::take(&mut progress.backlog) && progress.next <= last {
                        more.push(follower);
                    }
                }
                Reception::Matched(index) => {
                    error!(
                        "ignoring {follower}, which claims to hold {index}, beyond our last {last}"
                    );
                }
                Reception::Refused { previous, hint } => {
                    progress.note_answer(now);
                    if progress.back_off(previous, hint, &self.log) {
                        debug!("{follower} lacks entries from {} on", progress.next);
                        behind.push(follower);
                    }
                }
            }
        }
        if let Role::Leader(leader) = &mut self.role
            && !appended.receipts.is_empty()
        {
            leader.round_trips.note(now.since(appended.sent_at));
            leader.answering.note(from, appended.answered.min(last));
            // Somebody has been reached.
            leader.attempts = leader.attempts.saturating_sub(1);
        }
        self.note_progress(before);
        self.try_commit();
        self.settle_commit();
        self.answer_waiting_gets();
        // What is committed anyway can wait: the next append repairs it. Not so where clients wait for its answers.
        if let Role::Leader(leader) = &self.role {
            let lacks = self.quorum_matched(leader) < last;
            let left = leader.answering.left.as_ref().map(|left| left.answerer);
            behind.retain(|&follower| lacks || left == Some(follower));
            more.append(&mut behind);
        }
        for follower in more {
            self.send_along(&[follower], true);
        }
    }

    /// Notes that a quorum has come to hold more than `before`.
    fn note_progress(&mut self, before: Index) {
        let now = self.now;
        let patience = self.patience();
        let last = self.log.last_index();
        let Role::Leader(leader) = &self.role else {
            return;
        };
        let matched = self.quorum_matched(leader);
        if matched <= before {
            return;
        }
        if let Role::Leader(leader) = &mut self.role {
            if !std::mem::take(&mut leader.first_failed) {
                leader
                    .first_attempts
                    .note(true, self.options.remembered_attempts);
            }
            leader.progress_at = now;
            leader.attempts = 0;
            leader.copies = 0;
            leader.retry_delay = patience;
            let lacks = matched < last || !leader.answering.is_settled();
            leader.retry_at = lacks.then_some(now + patience);
        }
    }
}

/// As many entries from `start` on as fit into one append.
fn batch(log: &Log, start: Index, options: &Options) -> Vec<super::entry::Entry> {
    let mut bytes = 0;
    log.from(start)
        .take(options.max_append_entries)
        .enumerate()
        .take_while(|(place, entry)| {
            bytes += entry.size_bound();
            *place == 0 || bytes <= options.max_append_bytes
        })
        .map(|(_, entry)| entry.clone())
        .collect()
}
