//! A leader's office: taking requests in, commit and the lease (Raft §5.3, §5.4.2).
//!
//! Departures from Raft, both argued in NOTES.md: a new leader commits nothing until its
//! predecessors' entries are older than the lease; committing an entry is the lease.

use std::time::Duration;

use ::log::info;

use super::client::{Operation, Outcome, Request};
use super::entry::{Command, Entry, Put};
use super::mistakes::Mistake;
use super::reception::HeldRequest;
use super::replica::Replica;
use super::role::{Leader, Role, WaitingGet};
use super::time::Time;
use super::types::Index;
use crate::id::Id;

impl Replica {
    /// Does what a leader has to do by now: commit, take puts in, send, send again.
    pub(super) fn advance_leadership(&mut self) {
        self.try_commit();
        self.take_over_left();
        self.admit_waiting_puts();
        self.dispatch();
        self.retry();
        // After these, since a further attempt may be what makes the leader doubt.
        self.pass_on_waiting();
        self.send_heartbeats();
    }

    /// Serves a request as the leader.
    pub(super) fn serve(&mut self, request: Request) {
        match &request.operation {
            Operation::Get { .. } => self.serve_get(request),
            Operation::Put { .. } => self.serve_put(request),
        }
    }

    fn serve_get(&mut self, request: Request) {
        let Operation::Get { key } = &request.operation else {
            unreachable!("a get is served as a get");
        };
        let leased = self.lease_left().is_some();
        let put = self.put_in_limbo(key);
        if leased && put == Index::ZERO && !self.has_unsettled_put(request.client, key) {
            return self.answer_get(request);
        }
        let barrier = self.log.last_index().next();
        let limit = self.options.max_held_requests;
        let held = self.held_from_now(request);
        let Role::Leader(leader) = &mut self.role else {
            unreachable!("only a leader serves");
        };
        if leader.waiting_gets.len() >= limit {
            let Request { client, mid, .. } = held.request;
            return self.answer_here(client, mid, Outcome::Fail);
        }
        let waiting = WaitingGet { held, put, barrier };
        leader.waiting_gets.push_back(waiting);
        if !leased {
            self.seek_lease();
        }
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
            answerer: Id::UNKNOWN,
        };
        if put.text_size_bound() > self.options.max_put_bytes {
            return self.answer_here(put.client, put.mid, Outcome::Fail);
        }
        if self.takes_puts() {
            return self.propose_put(put);
        }
        let held = self.held_from_now(put.into_request());
        let limit = self.options.max_held_requests;
        let Role::Leader(leader) = &mut self.role else {
            unreachable!("only a leader serves");
        };
        if leader.waiting_puts.len() >= limit {
            let Request { client, mid, .. } = held.request;
            return self.answer_here(client, mid, Outcome::Fail);
        }
        leader.waiting_puts.push_back(held);
    }

    /// Whether a put may enter the log now. Once there it can no longer be passed on, so a leader
    /// that has reason to doubt its quorum keeps it outside.
    fn takes_puts(&self) -> bool {
        let Role::Leader(leader) = &self.role else {
            return false;
        };
        let uncommitted = self.log.last_index().0 - self.log.commit().0;
        !self.doubts_quorum(leader) && uncommitted < self.options.max_uncommitted as u64
    }

    /// Whether the leader has reason to think that it cannot reach a quorum: several attempts in a row
    /// have failed.
    pub(super) fn doubts_quorum(&self, leader: &Leader) -> bool {
        leader.seems_cut_off()
            && self
                .stalled_since(leader)
                .is_some_and(|since| self.now.since(since) >= self.options.quorum_doubt)
    }

    /// When a leader that doubts its quorum must next pass a client on.
    pub(super) fn passes_on_at(&self, leader: &Leader) -> Option<Time> {
        let since = self.stalled_since(leader)?;
        let doubts = leader.seems_cut_off();
        let put = leader.waiting_puts.front();
        let get = leader.waiting_gets.front().map(|get| &get.held);
        let first = [put, get]
            .into_iter()
            .flatten()
            .map(|held| held.until)
            .min()?;
        doubts.then(|| first.max(since + self.options.quorum_doubt))
    }

    /// Passes on the clients that have waited long enough for a leader that doubts its quorum. None of
    /// these requests is in the log.
    fn pass_on_waiting(&mut self) {
        let now = self.now;
        loop {
            let Role::Leader(leader) = &self.role else {
                return;
            };
            if self.passes_on_at(leader).is_none_or(|at| now < at) {
                return;
            }
            let Role::Leader(leader) = &mut self.role else {
                return;
            };
            let put = leader.waiting_puts.pop_front_if(|held| held.until <= now);
            let held = put.or_else(|| {
                let get = leader
                    .waiting_gets
                    .pop_front_if(|get| get.held.until <= now);
                get.map(|get| get.held)
            });
            let Some(held) = held else {
                return;
            };
            self.pass_on(held.request);
        }
    }

    fn admit_waiting_puts(&mut self) {
        while self.takes_puts() {
            let Role::Leader(leader) = &mut self.role else {
                return;
            };
            let Some(HeldRequest { request, .. }) = leader.waiting_puts.pop_front() else {
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
                answerer: Id::UNKNOWN,
            });
        }
    }

    fn propose_put(&mut self, mut put: Put) {
        put.answerer = self.choose_answerer();
        let put = std::sync::Arc::new(put);
        let index = self.propose(Command::Put(put.clone()));
        if let Role::Leader(leader) = &mut self.role {
            leader.answering.last_put = index;
        }
        if self.options.makes(Mistake::AnswerBeforeQuorum) {
            return self.answer_here(put.client, put.mid.clone(), Outcome::Stored);
        }
        self.owed.take_in(index, self.term, put);
    }

    pub(super) fn propose(&mut self, command: Command) -> Index {
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
    /// entry which is committed now (its quorum shows that we still led after they came). Those to whose
    /// key a put is in limbo wait for that as well.
    pub(super) fn answer_waiting_gets(&mut self) {
        let leased = self.lease_left().is_some();
        let commit = self.log.commit();
        let Role::Leader(leader) = &mut self.role else {
            return;
        };
        for get in std::mem::take(&mut leader.waiting_gets) {
            let Operation::Get { key } = &get.held.request.operation else {
                unreachable!("only gets wait here");
            };
            let shows_leadership = leased || get.barrier <= commit;
            if shows_leadership
                && get.put <= commit
                && !self.has_unsettled_put(get.held.request.client, key)
            {
                self.answer_get(get.held.request);
            } else if let Role::Leader(leader) = &mut self.role {
                leader.waiting_gets.push_back(get);
            }
        }
        if let Role::Leader(leader) = &self.role
            && !leader.waiting_gets.is_empty()
            && !leased
        {
            self.seek_lease();
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
        let known = leader.answering.committed.min(self.log.last_index());
        let matched = self.quorum_matched(leader).max(known);
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
        self.settle_commit();
        if !had_lease {
            info!(
                "first commit of term {}: through {matched}, lease held",
                self.term
            );
        }
        self.answer_waiting_gets();
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
