//! Appends, repair, acknowledgements, commit and the lease (Raft §5.3, §5.4.2).
//!
//! Departures from Raft, each argued in NOTES.md: an entry is first sent to just enough followers
//! for a quorum and the others get it with a later one; a new leader commits nothing until its
//! predecessors' entries are older than the lease; committing an entry is the lease.

use std::time::Duration;

use ::log::{debug, error, info};

use super::client::{Operation, Outcome, Request};
use super::entry::{Command, Entry, Put};
use super::message::{Append, Appended, Body};
use super::mistakes::Mistake;
use super::replica::Replica;
use super::role::{Leader, Role, WaitingGet};
use super::time::Time;
use super::types::{Index, Position};
use crate::id::Id;

impl Replica {
    // ---- The follower's side ----

    /// The leader of the current term sends entries, or just word that it lives.
    pub(super) fn on_append(&mut self, from: Id, append: Append) {
        match &self.role {
            Role::Leader(_) => {
                error!("{from} also claims to lead term {}", self.term);
                return;
            }
            Role::Follower(follower) if follower.leader == Some(from) => {}
            Role::Follower(follower) if follower.leader.is_some() => {
                error!(
                    "{from} claims to lead term {}, but {:?} does",
                    self.term, follower.leader
                );
                return;
            }
            Role::Follower(_) | Role::PreCandidate(_) | Role::Candidate(_) => {
                self.become_follower(Some(from));
            }
        }
        self.leader_heard_at = Some(self.now);
        self.leader_suspected = false;
        self.await_election();
        if !self.log.matches(append.previous) {
            let refused = Appended::Refused {
                previous: append.previous.index,
                hint: self.log.conflict_hint(append.previous),
            };
            return self.send(from, Body::Appended(refused));
        }
        let answer_wanted = append.answer_wanted || !append.entries.is_empty();
        let Some(matched) = self.store_entries(append.previous, append.entries) else {
            error!("ignoring entries from {from} that no leader can have sent");
            return;
        };
        self.learn_commit(append.commit, matched);
        if answer_wanted {
            let answer = Appended::Matched {
                index: matched,
                sent_at: append.sent_at,
            };
            self.send(from, Body::Appended(answer));
        }
    }

    /// Makes the log equal to the leader's behind `previous`. Returns the last index at which it
    /// now is; none if the entries contradict what is committed or each other.
    fn store_entries(&mut self, previous: Position, entries: Vec<Entry>) -> Option<Index> {
        let mut last = previous;
        for entry in entries {
            let position = Position {
                term: entry.term,
                index: last.index.next(),
            };
            if position.term < last.term || position.term > self.term {
                return None;
            }
            // An entry that is there already stays: what follows it may be newer than this append.
            if !self.log.matches(position) {
                if position.index <= self.log.commit() {
                    return None;
                }
                if self.is_known(position.index) {
                    info!(
                        "replacing entries from {} on by those of term {}",
                        position.index, self.term
                    );
                    self.log.truncate_after(last.index);
                }
                self.log.append(self.now, entry);
            }
            last = position;
        }
        if self.options.makes(Mistake::TruncateMatching) {
            self.log.truncate_after(last.index.max(self.log.commit()));
        }
        Some(last.index)
    }

    /// The leader has committed through `commit`, and our log equals its log through `matched`.
    fn learn_commit(&mut self, commit: Index, matched: Index) {
        if commit.min(matched) > self.log.commit() {
            self.commit_through(commit.min(matched), commit <= matched);
        }
    }

    // ---- The leader's side ----

    /// Does what a leader has to do by now: step down, commit, take puts in, send, send again.
    pub(super) fn advance_leadership(&mut self) {
        let now = self.now;
        let Role::Leader(leader) = &self.role else {
            return;
        };
        if let Some(since) = self.stalled_since(leader)
            && now.since(since) >= self.options.quorum_timeout
        {
            info!("no quorum for {} ms", now.since(since).as_millis());
            self.become_follower(None);
            // They have waited long enough.
            for held in &mut self.held {
                held.until = now;
            }
            return;
        }
        self.try_commit();
        self.admit_waiting_puts();
        self.dispatch();
        self.retry();
        self.send_heartbeats();
    }

    /// When the leader must next act.
    pub(super) fn leadership_deadline(&self, leader: &Leader) -> Time {
        let quietest = leader
            .followers
            .values()
            .map(|follower| follower.sent_at)
            .min();
        let stalled = self.stalled_since(leader);
        let waits_for_old_leases =
            self.now < leader.commits_from && self.log.commit() < self.log.last_index();
        [
            quietest.map(|at| at + self.options.heartbeat_interval),
            stalled.map(|since| since + self.options.quorum_timeout),
            leader.retry_at,
            waits_for_old_leases.then_some(leader.commits_from),
        ]
        .into_iter()
        .flatten()
        .min()
        .unwrap_or(self.now + self.options.heartbeat_interval)
    }

    /// Serves a request as the leader.
    pub(super) fn serve(&mut self, request: Request) {
        match &request.operation {
            Operation::Get { .. } => self.serve_get(request),
            Operation::Put { .. } => self.serve_put(request),
        }
    }

    fn serve_get(&mut self, request: Request) {
        if self.lease_left().is_some() {
            return self.answer_get(request);
        }
        let barrier = self.log.last_index().next();
        let limit = self.options.max_held_requests;
        let Role::Leader(leader) = &mut self.role else {
            unreachable!("only a leader serves");
        };
        if leader.waiting_gets.len() >= limit {
            return self.answer_here(request.client, request.mid, Outcome::Fail);
        }
        leader
            .waiting_gets
            .push_back(WaitingGet { request, barrier });
        self.seek_lease();
    }

    fn serve_put(&mut self, request: Request) {
        let Operation::Put { key, value } = request.operation else {
            unreachable!("a put is served as a put");
        };
        let put = Put {
            key,
            value,
            client: request.client,
            mid: request.mid,
        };
        if put.text_size_bound() > self.options.max_put_bytes {
            return self.answer_here(put.client, put.mid, Outcome::Fail);
        }
        if self.takes_puts() {
            return self.propose_put(put);
        }
        let limit = self.options.max_held_requests;
        let Role::Leader(leader) = &mut self.role else {
            unreachable!("only a leader serves");
        };
        if leader.waiting_puts.len() >= limit {
            return self.answer_here(put.client, put.mid, Outcome::Fail);
        }
        leader.waiting_puts.push_back(put.into_request());
    }

    /// Whether a put may enter the log now. Once there it can no longer be passed on, so a leader
    /// that has reason to doubt its quorum keeps it outside.
    fn takes_puts(&self) -> bool {
        let Role::Leader(leader) = &self.role else {
            return false;
        };
        let uncommitted = self.log.last_index().0 - self.log.commit().0;
        let doubtful = self
            .stalled_since(leader)
            .is_some_and(|since| self.now.since(since) >= self.options.quorum_doubt);
        !doubtful && uncommitted < self.options.max_uncommitted as u64
    }

    fn admit_waiting_puts(&mut self) {
        while self.takes_puts() {
            let Role::Leader(leader) = &mut self.role else {
                return;
            };
            let Some(request) = leader.waiting_puts.pop_front() else {
                return;
            };
            let Operation::Put { key, value } = request.operation else {
                unreachable!("only puts wait here");
            };
            self.propose_put(Put {
                key,
                value,
                client: request.client,
                mid: request.mid,
            });
        }
    }

    fn propose_put(&mut self, put: Put) {
        let put = std::sync::Arc::new(put);
        let index = self.propose(Command::Put(put.clone()));
        if self.options.makes(Mistake::AnswerBeforeQuorum) {
            return self.answer_here(put.client, put.mid.clone(), Outcome::Stored);
        }
        self.owed.add_own(index, self.term, put);
    }

    fn propose(&mut self, command: Command) -> Index {
        let term = self.term;
        self.log.append(self.now, Entry { term, command })
    }

    /// How much longer gets may be answered from the store alone, if at all.
    pub(super) fn lease_left(&self) -> Option<Duration> {
        let Role::Leader(leader) = &self.role else {
            return None;
        };
        let until = leader.lease_from? + self.options.lease;
        (self.now < until).then(|| until.since(self.now))
    }

    /// Gets wait for a lease: if no entry is on its way whose commit would bring one, send one.
    fn seek_lease(&mut self) {
        if self.log.commit() == self.log.last_index() {
            info!("the lease is over: renewing it for a get");
            self.propose(Command::Renew);
        }
    }

    /// Answers the gets that can be: all of them under a lease, else those that came before an
    /// entry which is committed now (its quorum shows that we still led after they came).
    fn answer_waiting_gets(&mut self) {
        let leased = self.lease_left().is_some();
        let commit = self.log.commit();
        loop {
            let Role::Leader(leader) = &mut self.role else {
                return;
            };
            let ready = leader
                .waiting_gets
                .pop_front_if(|get| leased || get.barrier <= commit);
            match ready {
                Some(get) => self.answer_get(get.request),
                None if leader.waiting_gets.is_empty() => return,
                None => return self.seek_lease(),
            }
        }
    }

    pub(super) fn answer_get(&mut self, request: Request) {
        let Operation::Get { key } = &request.operation else {
            unreachable!("only gets are answered from the store");
        };
        let value = self.store.get(key).cloned().unwrap_or_default();
        self.answer_here(request.client, request.mid, Outcome::Value(value));
    }

    /// Commits what a quorum holds, if it is of this term (Raft §5.4.2) and no deposed leader can
    /// still have a lease.
    pub(super) fn try_commit(&mut self) {
        let Role::Leader(leader) = &self.role else {
            return;
        };
        let matched = self.quorum_matched(leader);
        let of_this_term = self
            .log
            .position(matched)
            .is_some_and(|at| at.term == self.term)
            || self.options.makes(Mistake::CommitOlderTerms);
        if self.now < leader.commits_from || matched <= self.log.commit() || !of_this_term {
            return;
        }
        let had_lease = self.lease_left().is_some();
        let mut created_at = self.log.held_since(matched);
        if self.options.makes(Mistake::LeaseFromAnswer) {
            created_at = Some(self.now);
        }
        if let Role::Leader(leader) = &mut self.role {
            leader.lease_from = created_at;
        }
        self.commit_through(matched, true);
        if !had_lease {
            info!(
                "first commit of term {}: through {matched}, lease held",
                self.term
            );
        }
        self.answer_waiting_gets();
    }

    /// Notes when a quorum has come to hold more than `before`.
    fn note_progress(&mut self, before: Index) {
        let now = self.now;
        if let Role::Leader(leader) = &self.role
            && self.quorum_matched(leader) > before
            && let Role::Leader(leader) = &mut self.role
        {
            leader.progress_at = now;
        }
    }

    /// The last index that a quorum holds.
    fn quorum_matched(&self, leader: &Leader) -> Index {
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
    fn stalled_since(&self, leader: &Leader) -> Option<Time> {
        let first_lacking = self.quorum_matched(leader).next();
        let created_at = self.log.held_since(first_lacking)?;
        Some(created_at.max(leader.progress_at))
    }

    /// Sends new entries to just enough followers for a quorum.
    fn dispatch(&mut self) {
        if let Role::Leader(leader) = &self.role
            && leader.dispatched < self.log.last_index()
        {
            self.dispatch_to(self.quorum() - 1);
        }
    }

    /// Sends new entries to `count` followers: to those that answer, and among them to whom
    /// nothing was sent for the longest time, so that everybody is heard from every few puts.
    pub(super) fn dispatch_to(&mut self, count: usize) {
        let now = self.now;
        let last = self.log.last_index();
        let patience = self.patience();
        let Role::Leader(leader) = &mut self.role else {
            return;
        };
        let mut order: Vec<(bool, bool, Time, Id)> = leader
            .followers
            .iter()
            .map(|(&id, progress)| {
                let silent = progress.is_silent(now, patience);
                (silent, !progress.confirmed, progress.sent_at, id)
            })
            .collect();
        order.sort_unstable();
        leader.dispatched = last;
        if leader.retry_at.is_none() {
            leader.retry_delay = patience;
            leader.retry_at = Some(now + patience);
        }
        for (.., id) in order.into_iter().take(count) {
            self.send_append(id, true);
        }
    }

    /// How long the leader waits for an answer before it takes an append for lost.
    fn patience(&self) -> Duration {
        let shortest = self.options.append_retry_min;
        match &self.role {
            Role::Leader(leader) => leader
                .round_trips
                .timeout()
                .clamp(shortest, self.options.append_retry_max),
            _ => shortest,
        }
    }

    /// Sends what has lacked a quorum for too long to everybody who lacks it.
    fn retry(&mut self) {
        let Role::Leader(leader) = &self.role else {
            return;
        };
        let quorum_matched = self.quorum_matched(leader);
        let now = self.now;
        let last = self.log.last_index();
        let longest = self.options.append_retry_max;
        let Role::Leader(leader) = &mut self.role else {
            return;
        };
        if quorum_matched == last {
            leader.retry_at = None;
            return;
        }
        if leader.retry_at.is_none_or(|at| now < at) {
            return;
        }
        leader.retry_delay = (2 * leader.retry_delay).min(longest);
        leader.retry_at = Some(now + leader.retry_delay);
        let lacking: Vec<Id> = leader
            .followers
            .iter_mut()
            .filter(|(_, progress)| progress.matched < last)
            .map(|(&id, progress)| {
                progress.send_again();
                id
            })
            .collect();
        for id in lacking {
            self.send_append(id, true);
        }
    }

    /// Sends an append to each follower to which nothing was sent for a heartbeat interval. If it
    /// holds everything and answers, it need not answer this one.
    fn send_heartbeats(&mut self) {
        let now = self.now;
        let interval = self.options.heartbeat_interval;
        let Role::Leader(leader) = &self.role else {
            return;
        };
        let due: Vec<(Id, bool)> = leader
            .followers
            .iter()
            .filter(|(_, progress)| now.since(progress.sent_at) >= interval)
            .map(|(&id, progress)| (id, progress.awaiting.is_some() || !progress.confirmed))
            .collect();
        for (id, answer_wanted) in due {
            self.send_append(id, answer_wanted);
        }
    }

    /// Sends a follower what it lacks, as far as we know, or a heartbeat if it lacks nothing.
    pub(super) fn send_append(&mut self, to: Id, answer_wanted: bool) {
        let now = self.now;
        let commit = self.log.commit();
        let patience = self.patience();
        let Role::Leader(leader) = &mut self.role else {
            unreachable!("only a leader sends appends");
        };
        let progress = leader
            .followers
            .get_mut(&to)
            .expect("every peer of a leader is a follower");
        let append = progress.next_append(
            now,
            &self.log,
            commit,
            answer_wanted,
            patience,
            &self.options,
        );
        self.send(to, Body::Append(append));
    }

    /// A follower answers an append.
    pub(super) fn on_appended(&mut self, from: Id, appended: Appended) {
        let now = self.now;
        let last = self.log.last_index();
        let Role::Leader(leader) = &self.role else {
            return;
        };
        let quorum_matched = self.quorum_matched(leader);
        let Role::Leader(leader) = &mut self.role else {
            return;
        };
        match appended {
            Appended::Matched { index, sent_at } if index <= last => {
                leader.round_trips.note(now.since(sent_at));
                let progress = leader
                    .followers
                    .get_mut(&from)
                    .expect("every peer of a leader is a follower");
                progress.awaiting = None;
                progress.confirmed = true;
                progress.matched = progress.matched.max(index);
                progress.next = progress.next.max(index.next());
                let more = std::mem::take(&mut progress.backlog) && progress.next <= last;
                self.note_progress(quorum_matched);
                self.try_commit();
                if more {
                    self.send_append(from, true);
                }
            }
            Appended::Refused { previous, hint } => {
                let progress = leader
                    .followers
                    .get_mut(&from)
                    .expect("every peer of a leader is a follower");
                progress.awaiting = None;
                if progress.back_off(previous, hint, &self.log) {
                    debug!("{from} lacks entries from {} on at {now}", progress.next);
                    self.send_append(from, true);
                }
            }
            Appended::Matched { index, .. } => {
                error!("ignoring {from}, which claims to hold {index}, beyond our last {last}");
            }
            Appended::Outdated => {}
        }
    }

    // ---- Both sides ----

    /// Commits through `commit`, applies it, and settles whatever was owed for it. `up_to_date` is
    /// whether the leader has not committed more than that.
    fn commit_through(&mut self, commit: Index, up_to_date: bool) {
        let applied = self.log.commit();
        self.log.commit_through(commit);
        let count = (commit.0 - applied.0) as usize;
        for entry in self.log.from(applied.next()).take(count) {
            if let Command::Put(put) = &entry.command {
                match self.store.get_mut(&put.key) {
                    Some(value) => value.clone_from(&put.value),
                    None => {
                        self.store.insert(put.key.clone(), put.value.clone());
                    }
                }
            }
        }
        self.settle_owed(up_to_date);
    }
}

impl Put {
    fn into_request(self) -> Request {
        Request {
            client: self.client,
            mid: self.mid,
            operation: Operation::Put {
                key: self.key,
                value: self.value,
            },
        }
    }
}
