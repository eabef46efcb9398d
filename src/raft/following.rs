//! A follower's part in replication: storing what the leader sends, committing what the receipts on it show
//! to be held by a quorum, passing it on along its route, and answering (Raft §5.3).
//!
//! It must never count towards a quorum but by the leader's own rule and with the leader's leave: entries of
//! the present term alone, each follower once, and nothing that is deferred.

use ::log::{error, info};

use super::entry::{Command, Entry};
use super::message::{Append, Appended, Body, Receipt, Reception};
use super::mistakes::Mistake;
use super::replica::Replica;
use super::role::Role;
use super::types::{Index, Position};
use crate::id::Id;

impl Replica {
    /// The leader of the current term sends entries, or just word that it lives, itself or through
    /// others on the route.
    pub(super) fn on_append(&mut self, leader: Id, append: Append) {
        match &self.role {
            Role::Leader(_) => {
                error!("{leader} also claims to lead term {}", self.term);
                return;
            }
            Role::Follower(follower) if follower.leader == Some(leader) => {}
            Role::Follower(follower) if follower.leader.is_some() => {
                error!(
                    "{leader} claims to lead term {}, but {:?} does",
                    self.term, follower.leader
                );
                return;
            }
            Role::Follower(_) | Role::PreCandidate(_) | Role::Candidate(_) => {
                self.become_follower(Some(leader));
            }
        }
        self.leader_heard_at = Some(self.now);
        self.leader_suspected = false;
        self.await_election();
        let reception = if self.log.matches(append.previous) {
            let Some(matched) = self.store_entries(append.previous, &append.entries) else {
                error!("ignoring entries from {leader} that no leader can have sent");
                return;
            };
            self.learn_commit(append.commit, matched);
            self.settled = self.settled.max(append.settled.min(matched));
            self.commit_on_route(&append, matched);
            Reception::Matched(matched)
        } else {
            Reception::Refused {
                previous: append.previous.index,
                hint: self.log.conflict_hint(append.previous),
            }
        };
        if append.answer_wanted || matches!(reception, Reception::Refused { .. }) {
            self.pass_on_append(leader, reception, append);
        }
    }

    /// Sends an append on to the next on its route, with this replica's receipt; the last on the route
    /// answers the leader. What others lack is no reason to keep it from the next.
    fn pass_on_append(&mut self, leader: Id, reception: Reception, mut append: Append) {
        // What we pass on or answer bears our term and our leader's name: a receipt is only ever given,
        // and counted, in the term of the leader that the append is from.
        assert_eq!(
            self.leader(),
            Some(leader),
            "an append is answered by followers of its leader alone"
        );
        append.receipts.push(Receipt {
            follower: self.id,
            reception,
        });
        if append.route.is_empty() {
            let appended = Appended {
                receipts: append.receipts,
                answered: self.answered(),
                sent_at: append.sent_at,
            };
            return self.send(leader, Body::Appended(appended));
        }
        let next = append.route.remove(0);
        if next == leader || !self.peers.contains(&next) {
            error!("ignoring an append from {leader} by way of {next}, which is no follower");
            return;
        }
        self.send(next, Body::Append(append));
    }

    /// Makes the log equal to the leader's behind `previous`. Returns the last index at which it
    /// now is; none if the entries contradict what is committed or each other.
    fn store_entries(&mut self, previous: Position, entries: &[Entry]) -> Option<Index> {
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
                self.log.append(self.now, entry.clone());
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

    /// Commits what a quorum holds, as the receipts on the append show: ours, those of the followers before us
    /// on the route, and the leader's, who made the entries. The leader would conclude the same from them
    /// (Raft §5.4.2, also that only entries of its own term count), one hop later.
    fn commit_on_route(&mut self, append: &Append, matched: Index) {
        if !append.may_commit {
            return;
        }
        let receipts = &append.receipts;
        let mut held = vec![matched];
        for (place, receipt) in receipts.iter().enumerate() {
            let is_repeated = receipts[..place]
                .iter()
                .any(|other| other.follower == receipt.follower);
            let is_follower =
                self.peers.contains(&receipt.follower) && self.leader() != Some(receipt.follower);
            if let Reception::Matched(index) = receipt.reception
                && is_follower
                && !is_repeated
            {
                held.push(index);
            }
        }
        let needed = match self.options.makes(Mistake::RouteIsNoQuorum) {
            true => 1,
            false => self.quorum() - 1,
        };
        held.sort_unstable_by(|a, b| b.cmp(a));
        let Some(&by_quorum) = held.get(needed - 1) else {
            return;
        };
        let commit = by_quorum.min(matched);
        let of_this_term = self.log.position(commit).map(|at| at.term) == Some(self.term);
        if of_this_term && commit > self.log.commit() {
            self.commit_through(commit, append.commit <= matched);
        }
    }

    /// Commits through `commit`, applies it, and settles whatever was owed for it. `up_to_date` is
    /// whether the leader has not committed more than that.
    pub(super) fn commit_through(&mut self, commit: Index, up_to_date: bool) {
        let applied = self.log.commit();
        self.log.commit_through(commit);
        let count = (commit.0 - applied.0) as usize;
        let places = applied.next().0..;
        for (place, entry) in places.zip(self.log.from(applied.next()).take(count)) {
            match &entry.command {
                Command::Put(put) => {
                    match self.store.get_mut(&put.key) {
                        Some(value) => value.clone_from(&put.value),
                        None => {
                            self.store.insert(put.key.clone(), put.value.clone());
                        }
                    }
                    if put.answerer == self.id {
                        self.owed.add_due(Index(place));
                    }
                }
                Command::TakeOver(take_over) => self.owed.take_over(self.id, *take_over, &self.log),
                Command::Lead(_) | Command::Renew => {}
            }
        }
        self.settle_owed(up_to_date);
    }
}
