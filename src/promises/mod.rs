//! What a cluster promises, checked across all replicas after every step of any, through their read-only
//! views: Raft's promises (Figure 3 of the paper), the lease's, and those to clients.
//!
//! Written once, for sweeps in virtual time, for the tests with random steps and for the model check. Nothing
//! here may influence a run. The checks are incremental: a step costs what it changes.
//!
//! | file | what it is about |
//! | --- | --- |
//! | `mod.rs` | votes, leaders, commits and leases |
//! | `broken` | a broken promise |
//! | `logs` | logs as numbers: equal for equal beginnings |
//! | `snapshots` | what may stand in the place of a log |
//! | `answers` | what clients are told |
//! | `lives` | replicas that stop and start again |
//! | `disks` | what replicas may claim to have on stable storage |

mod answers;
mod broken;
mod disks;
mod lives;
mod logs;
mod snapshots;

use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};
use std::time::Duration;

use crate::consensus::{Body, Index, LogId, RoleName, Term};
use crate::id::Id;
use crate::kv::{Command, Outcome};
use crate::replica::{Letter, Output, View};

use answers::Answers;
pub use broken::Broken;
use broken::{Checked, broken};
use disks::Disks;
use logs::{Chain, Entries, Mirror};

/// A step of a replica.
#[derive(Clone, Copy, Debug)]
pub struct Step<'a> {
    /// When it was taken, on a clock that all share.
    pub time: Duration,
    /// What can be seen of the replica after it.
    pub view: View<'a>,
    /// When the lease that it has is over, by its own clock, on the clock that all share.
    pub lease_end: Option<Duration>,
    /// What it wants to be done.
    pub outputs: &'a [Output],
}

/// What is known of a replica beside its log, as of its last step.
#[derive(Clone, Debug, Default)]
struct Known {
    mirror: Mirror,
    term: Term,
    vote: Option<Id>,
    base: Index,
    commit: Index,
    applied: Index,
    /// Through where any life of it has applied the log, and so answered what it was to answer.
    answered: Index,
    /// The term that it led, and how long its log was.
    leading: Option<(Term, Index)>,
    /// When the lease that it had is over.
    lease_end: Option<Duration>,
    /// Whether it has started again without its memory.
    has_forgotten: bool,
}

/// When a step was taken, and what was known of the replica before it.
#[derive(Clone, Copy, Debug)]
struct Before {
    /// The term that it led, if it did.
    led: Option<Term>,
    commit: Index,
    time: Duration,
}

/// What is known of a run.
#[derive(Clone, Debug)]
pub struct Promises {
    replicas: Vec<Known>,
    leaders: BTreeMap<Term, Id>,
    entries: Entries,
    /// What is committed, by index, as whoever knew it first had it.
    committed: Vec<(Term, Chain)>,
    answers: Answers,
    /// The highest term whose leader has committed anything.
    committing_term: Term,
    disks: Disks,
    /// How often a log has let go of entries, and how many snapshots have been installed.
    compactions: u64,
    installs: u64,
}

impl Promises {
    /// Nothing has happened yet to the replicas `0000` to the one before `replicas`.
    ///
    /// # Panics
    ///
    /// If there are more than 64 of them.
    pub fn new(replicas: usize) -> Promises {
        assert!(replicas <= 64, "no cluster has {replicas} replicas");
        Promises {
            replicas: vec![Known::default(); replicas],
            leaders: BTreeMap::new(),
            entries: Entries::default(),
            committed: Vec::new(),
            answers: Answers::default(),
            committing_term: Term(0),
            disks: Disks::default(),
            compactions: 0,
            installs: 0,
        }
    }

    /// Through where the log is known to be committed.
    pub fn committed(&self) -> Index {
        Index(self.committed.len() as u64)
    }

    /// Checks every promise after a step.
    ///
    /// # Errors
    ///
    /// The first promise that is broken.
    pub fn check(&mut self, step: &Step<'_>) -> Checked {
        let view = &step.view;
        let known = &mut self.replicas[usize::from(view.id().0)];
        // A step may take several inputs in, and end its term in between.
        let before = Before {
            led: known.leading.map(|(term, _)| term),
            commit: known.commit,
            time: step.time,
        };
        known.lease_end = step.lease_end;
        let committing = self.committing_term;
        self.check_vote(view)?;
        self.follow_log(view)?;
        self.check_leader(view)?;
        self.check_commit(view)?;
        // Else nothing can have come between a lease and its holder.
        if view.lease_left().is_some() || self.committing_term > committing {
            self.check_leases(step.time)?;
        }
        for output in step.outputs {
            match output {
                Output::Answer(answer) => {
                    self.answers.check(view.id(), answer)?;
                    if let Outcome::Value(_) = answer.outcome {
                        self.check_get(view, &answer.mid, before)?;
                    }
                }
                Output::Send { to, letter } => {
                    check_loyalty(view, *to, letter)?;
                    self.disks.check_claims(view, *to, letter)?;
                }
            }
        }
        Ok(())
    }

    fn known(&mut self, view: &View<'_>) -> &mut Known {
        &mut self.replicas[usize::from(view.id().0)]
    }

    /// One vote a term. Terms never fall.
    fn check_vote(&mut self, view: &View<'_>) -> Checked {
        let (id, term, vote) = (view.id(), view.term(), view.consensus().voted_for());
        let known = self.known(view);
        let (before, voted) = (known.term, known.vote);
        (known.term, known.vote) = (term, vote);
        if term < before {
            return broken(
                "terms rise",
                format!("{id} went from term {before} back to {term}"),
            );
        }
        match voted {
            Some(other) if term == before && vote != voted => broken(
                "one vote a term",
                format!("{id} has voted for {other} in term {term}, and then for {vote:?}"),
            ),
            _ => Ok(()),
        }
    }

    /// Brings the mirror of a log up to date. Log matching: entries with the same index and term
    /// have the same content, and so has everything before them.
    fn follow_log(&mut self, view: &View<'_>) -> Checked {
        let base = view.log().base().index;
        let known = &mut self.replicas[usize::from(view.id().0)];
        self.compactions += u64::from(std::mem::replace(&mut known.base, base) < base);
        if !known.mirror.holds_base(view.log()) {
            self.check_installed(view)?;
        }
        let known = &mut self.replicas[usize::from(view.id().0)];
        let followed = known.mirror.follow(view.log(), &mut self.entries);
        followed.or_else(|id| {
            let what = format!(
                "{}'s log differs from another's at or before {id}",
                view.id()
            );
            broken("log matching", what)
        })
    }

    fn check_leader(&mut self, view: &View<'_>) -> Checked {
        let (id, term) = (view.id(), view.term());
        if view.role() != RoleName::Leader {
            self.known(view).leading = None;
            return Ok(());
        }
        self.check_receipts(view)?;
        let known = self.known(view);
        let length = known.mirror.last();
        let before = known.leading.replace((term, length));
        if let Some((_, shorter)) = before.filter(|&(led, longer)| led == term && length < longer) {
            return broken(
                "leader append-only",
                format!("leader {id} of term {term} had entries through {shorter}, now {length}"),
            );
        }
        if before.is_some_and(|(led, _)| led == term) {
            return Ok(());
        }
        let other = *self.leaders.entry(term).or_insert(id);
        if other != id {
            return broken(
                "election safety",
                format!("{other} and {id} both lead term {term}"),
            );
        }
        let committed = self.committed.last().copied();
        let through = Index(self.committed.len() as u64);
        let lacking = committed.is_some() && self.known(view).mirror.at(through) != committed;
        if lacking && term > self.committing_term {
            return broken(
                "leader completeness",
                format!(
                    "leader {id} of term {term} lacks what is committed through index {through}"
                ),
            );
        }
        Ok(())
    }

    /// What a leader believes of a follower is true as long as that follower is in the leader's term,
    /// whoever passed the word on. (In a later term it was true before, and that is all a commit needs. Of one that has
    /// forgotten it was true as well.)
    fn check_receipts(&self, leader: &View<'_>) -> Checked {
        let own = &self.replicas[usize::from(leader.id().0)].mirror;
        for (peer, matched) in leader.consensus().matched() {
            let follower = &self.replicas[usize::from(peer.0)];
            let is_wrong = match follower.term.cmp(&leader.term()) {
                std::cmp::Ordering::Less => true,
                std::cmp::Ordering::Equal => follower.mirror.at(matched) != own.at(matched),
                std::cmp::Ordering::Greater => false,
            };
            if is_wrong && matched > Index::ZERO && !follower.has_forgotten {
                let id = leader.id();
                return broken(
                    "receipts are true",
                    format!("{id} takes {peer} to hold its log through {matched}, but it does not"),
                );
            }
        }
        Ok(())
    }

    /// State machine safety: all replicas commit the same entries. A commit index never falls, and nothing is
    /// applied that is not committed.
    fn check_commit(&mut self, view: &View<'_>) -> Checked {
        let (id, commit, applied) = (view.id(), view.commit(), view.service().applied());
        let known = &mut self.replicas[usize::from(id.0)];
        if commit < known.commit || applied < known.applied || applied > commit {
            return broken(
                "commit index monotonic",
                format!(
                    "{id} had committed {} and applied {}, and now {commit} and {applied}",
                    known.commit, known.applied
                ),
            );
        }
        known.applied = applied;
        known.answered = known.answered.max(applied);
        if commit == known.commit {
            return Ok(());
        }
        known.commit = commit;
        let own = known
            .mirror
            .at(commit)
            .expect("what is committed is in the log");
        let through = Index(self.committed.len() as u64);
        // Whoever knows of more must have the same before it; whoever knows of less the same there.
        let both = commit.min(through);
        let expected = match both {
            Index::ZERO => None,
            _ => self.committed.get(both.0 as usize - 1).copied(),
        };
        if expected != known.mirror.at(both) {
            let term = |it: Option<(Term, Chain)>| it.map_or(Term(0), |(term, _)| term);
            return broken(
                "state machine safety",
                format!(
                    "{id} commits through {commit} with an entry of term {} at {both}, where one of term {} \
                     was committed, or they differ before",
                    term(known.mirror.at(both)),
                    term(expected)
                ),
            );
        }
        let at = LogId {
            term: own.0,
            index: commit,
        };
        let holders = self.disks.count(at);
        let quorum = view.consensus().members().quorum();
        if commit > through && holders.is_some_and(|holders| holders < quorum) {
            return broken(
                "a quorum holds what is committed",
                format!("{id} commits {at}, which is on {holders:?} disks"),
            );
        }
        for index in (through.next().0..=commit.0).map(Index) {
            let entry = known
                .mirror
                .at(index)
                .expect("what is committed is in the log");
            self.committed.push(entry);
            match view.entry(index).and_then(|entry| entry.command()) {
                Some(Command::Put(put)) => self.answers.committed(id, index, &put.mid)?,
                Some(Command::TakeOver(_)) => self.answers.taken_over(index),
                None => {}
            }
        }
        // Whoever is first to know: the last on a route sees a quorum before the leader does.
        self.committing_term = self.committing_term.max(own.0);
        Ok(())
    }

    /// While a leader has a lease by its own clock, no leader of a later term has committed, whether
    /// anybody asks for anything meanwhile or not, and whether the holder acts, stands still or is
    /// dead (no other replica can tell).
    fn check_leases(&self, time: Duration) -> Checked {
        for (number, known) in self.replicas.iter().enumerate() {
            if let (Some((led, _)), Some(end)) = (known.leading, known.lease_end)
                && led < self.committing_term
                && time < end
            {
                let left = (end - time).as_secs_f64() * 1e3;
                let id = Id(number as u16);
                return broken(
                    "lease",
                    format!(
                        "{id} has a lease of term {led} for another {left:.3} ms, but {}",
                        self.last_commit()
                    ),
                );
            }
        }
        Ok(())
    }

    /// Gets are answered by leaders alone, and under a lease by none while a later term commits.
    fn check_get(&self, view: &View<'_>, mid: &str, before: Before) -> Checked {
        let id = view.id();
        if view.role() != RoleName::Leader && before.led.is_none() {
            let what = format!("{id} answers {mid}, but does not lead");
            return broken("gets from the leader alone", what);
        }
        let lease_end = self.replicas[usize::from(id.0)].lease_end;
        if let Some(end) = lease_end.filter(|end| *end <= before.time) {
            let over = (before.time - end).as_secs_f64() * 1e3;
            let what =
                format!("{id} answers {mid} under a lease that has been over for {over:.3} ms");
            return broken("lease", what);
        }
        let term = before.led.unwrap_or(view.term());
        // Without a lease a get may still be answered after a round through the log.
        let is_leased = view.lease_left().is_some() || view.commit() == before.commit;
        match is_leased && term < self.committing_term {
            true => broken(
                "lease",
                format!(
                    "{id} answers {mid} under its lease of term {term}, but {}",
                    self.last_commit()
                ),
            ),
            false => Ok(()),
        }
    }

    /// Who has committed in the highest term, and what was committed last, by its MID if it is a put.
    fn last_commit(&self) -> String {
        let term = self.committing_term;
        let leader = match self.leaders.get(&term) {
            Some(leader) => format!("{leader}, the leader of term {term},"),
            None => format!("a leader of term {term}"),
        };
        let index = self.committed.len();
        let Some(&(_, chain)) = self.committed.last() else {
            return format!("{leader} has committed");
        };
        let last = self.entries.find(Index(index as u64), chain);
        match last.and_then(|entry| entry.command()) {
            Some(Command::Put(put)) => {
                let (client, mid) = (put.client, &put.mid);
                format!("{leader} has committed {client}'s put {mid} at index {index}")
            }
            _ => format!("{leader} has committed through index {index}"),
        }
    }

    /// What a model checker tells pasts apart by: what can still break a promise, and does not follow from the replicas.
    ///
    /// An entry that no log holds any more says nothing of what may come: only the leader of its term could bring
    /// another one like it, and either it has it still, or another promise is broken first.
    pub fn fingerprint(&self, hasher: &mut impl Hasher) {
        let Promises {
            // What is known of each, as of its last step, can be seen of it.
            replicas: _,
            leaders,
            // Their numbers are given in the order in which they come, and mean nothing.
            entries: _,
            committed,
            answers,
            committing_term,
            disks,
            // They only count.
            compactions: _,
            installs: _,
        } = self;
        disks.fingerprint(hasher);
        (leaders, committing_term, committed.len()).hash(hasher);
        // A place and a term have one entry.
        for (term, _) in committed {
            term.hash(hasher);
        }
        answers.fingerprint(hasher);
    }
}

/// Pre-votes are for times without a leader: who hears it does not help to depose it.
fn check_loyalty(view: &View<'_>, candidate: Id, letter: &Letter) -> Checked {
    let heard_ago = view.consensus().leader_heard_ago();
    let limit = view.consensus().options().timing.suspected_stickiness;
    // What was heard in this very step may have come after the question.
    let is_loyal = heard_ago.is_some_and(|ago| !ago.is_zero() && ago < limit);
    match &letter.message.body {
        Body::PreVoteResponse(response) if response.granted && is_loyal => broken(
            "no pre-vote against a leader that is heard",
            format!(
                "{} is for {candidate}, having heard the leader {heard_ago:?} ago",
                view.id()
            ),
        ),
        _ => Ok(()),
    }
}
