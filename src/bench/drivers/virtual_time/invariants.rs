//! Raft's promises (Figure 3 of the paper) and the lease's, checked across all replicas after every
//! step of any, through their read-only views.
//!
//! The checks are incremental: each replica's log is mirrored as the numbers of its beginnings
//! (`chains`), so that a step costs what it changes. Nothing here may influence a run.

use std::collections::BTreeMap;
use std::time::Duration;

use rustc_hash::FxHashMap;

use super::chains::{Chain, Entries};
use crate::bench::verdict::violation::Violation;
use crate::id::Id;
use crate::raft::entry::{Command, Entry};
use crate::raft::view::{RoleName, View};
use crate::raft::{Answer, Body, Index, Message, Outcome, Output, Position, Term};

/// What is known of an attempt.
#[derive(Clone, Copy, Debug, Default)]
struct Attempt {
    /// A bit for each replica that has answered it.
    answered_by: u64,
    is_committed: bool,
    /// Whether it was said to have no effect.
    is_refused: bool,
}

/// What is known of one replica.
#[derive(Debug, Default)]
struct Mirror {
    /// Per entry of its log, its term and the chain up to it.
    log: Vec<(Term, Chain)>,
    commit: Index,
    /// The term that it led at its last step, and how long its log was.
    leading: Option<(Term, Index)>,
    /// When the lease that it had at its last step is over, in the run's time.
    lease_end: Option<Duration>,
}

/// What was known of a replica before its step.
#[derive(Clone, Copy)]
struct Before {
    /// The term that it led, if it did.
    led: Option<Term>,
    commit: Index,
}

/// What is known of a run.
#[derive(Debug)]
pub struct Invariants {
    mirrors: Vec<Mirror>,
    leaders: BTreeMap<Term, Id>,
    entries: Entries,
    /// What is committed, by index, as whoever knew it first had it.
    committed: Vec<(Term, Chain)>,
    /// By their MIDs.
    attempts: FxHashMap<String, Attempt>,
    /// The highest term whose leader has committed anything.
    committing_term: Term,
    violation: Option<Violation>,
}

impl Invariants {
    /// Nothing has happened yet to `replicas` replicas.
    ///
    /// # Panics
    ///
    /// If there are more than 64 of them.
    pub fn new(replicas: usize) -> Invariants {
        assert!(replicas <= 64, "no config has {replicas} replicas");
        Invariants {
            mirrors: (0..replicas).map(|_| Mirror::default()).collect(),
            leaders: BTreeMap::new(),
            entries: Entries::default(),
            committed: Vec::new(),
            attempts: FxHashMap::default(),
            committing_term: Term(0),
            violation: None,
        }
    }

    /// Whether a promise has been broken.
    pub fn is_violated(&self) -> bool {
        self.violation.is_some()
    }

    /// The first broken promise.
    pub fn into_violation(self) -> Option<Violation> {
        self.violation
    }

    /// Checks every promise after a step of the replica with this index. `lease_end` is when the
    /// lease that it has is over, in the run's time and by its own clock.
    pub fn check(
        &mut self,
        time: Duration,
        index: usize,
        view: &View<'_>,
        lease_end: Option<Duration>,
        outputs: &[Output],
    ) {
        // A step may take several inputs in, and end its term in between.
        let mirror = &mut self.mirrors[index];
        let before = Before {
            led: mirror.leading.map(|(term, _)| term),
            commit: mirror.commit,
        };
        mirror.lease_end = lease_end;
        let result = self
            .follow_log(index, view)
            .and_then(|()| self.check_leader(index, view))
            .and_then(|()| self.check_commit(index, view))
            .and_then(|()| self.check_leases(time))
            .and_then(|()| self.check_answers(index, view, before, outputs));
        if let Err((invariant, what)) = result
            && self.violation.is_none()
        {
            self.violation = Some(Violation {
                invariant,
                time,
                what,
            });
        }
    }

    /// Brings the mirror of a log up to date. Log matching: entries with the same index and term
    /// have the same content, and so has everything before them.
    fn follow_log(&mut self, index: usize, view: &View<'_>) -> Checked {
        let mirror = &mut self.mirrors[index];
        let length = view.last().index.0 as usize;
        mirror.log.truncate(length);
        while let Some(&(term, _)) = mirror.log.last()
            && term_at(view, mirror.log.len()) != Some(term)
        {
            mirror.log.pop();
        }
        while mirror.log.len() < length {
            let at = Index(mirror.log.len() as u64 + 1);
            let entry = view.entry(at).expect("an index within the log");
            let before = mirror.log.last().map_or(0, |&(_, chain)| chain);
            let Some(chain) = self.entries.chain(at, before, entry) else {
                let position = Position {
                    term: entry.term,
                    index: at,
                };
                return Err((
                    "log matching",
                    format!(
                        "{}'s log differs from another's at or before {position}",
                        view.id()
                    ),
                ));
            };
            mirror.log.push((entry.term, chain));
        }
        Ok(())
    }

    fn check_leader(&mut self, index: usize, view: &View<'_>) -> Checked {
        let mirror = &mut self.mirrors[index];
        let (id, term) = (view.id(), view.term());
        if view.role() != RoleName::Leader {
            mirror.leading = None;
            return Ok(());
        }
        let length = Index(mirror.log.len() as u64);
        let before = mirror.leading.replace((term, length));
        if let Some((_, shorter)) = before.filter(|&(led, longer)| led == term && length < longer) {
            return Err((
                "leader append-only",
                format!("leader {id} of term {term} had entries through {shorter}, now {length}"),
            ));
        }
        if before.is_some_and(|(led, _)| led == term) {
            return Ok(());
        }
        let other = *self.leaders.entry(term).or_insert(id);
        if other != id {
            return Err((
                "election safety",
                format!("{other} and {id} both lead term {term}"),
            ));
        }
        let lacking = self
            .committed
            .last()
            .is_some_and(|last| mirror.log.get(self.committed.len() - 1) != Some(last));
        if lacking && term > self.committing_term {
            return Err((
                "leader completeness",
                format!(
                    "leader {id} of term {term} lacks what is committed through index {}",
                    self.committed.len()
                ),
            ));
        }
        Ok(())
    }

    /// State machine safety: all replicas commit the same entries. A commit index never falls.
    fn check_commit(&mut self, index: usize, view: &View<'_>) -> Checked {
        let mirror = &mut self.mirrors[index];
        let (id, commit) = (view.id(), view.commit());
        if commit == mirror.commit {
            return Ok(());
        }
        if commit < mirror.commit {
            return Err((
                "commit index monotonic",
                format!(
                    "{id}'s commit index fell from {} to {commit}",
                    mirror.commit
                ),
            ));
        }
        mirror.commit = commit;
        let place = commit.0 as usize - 1;
        if let Some(expected) = self.committed.get(place) {
            if mirror.log[place] != *expected {
                return Err((
                    "state machine safety",
                    format!(
                        "{id} commits an entry of term {} at index {commit}, another had committed \
                         one of term {}, or they differ before",
                        mirror.log[place].0, expected.0
                    ),
                ));
            }
            return Ok(());
        }
        if let (Some(last), Some(ours)) = (
            self.committed.last(),
            self.committed.len().checked_sub(1).map(|at| mirror.log[at]),
        ) && *last != ours
        {
            return Err((
                "state machine safety",
                format!(
                    "{id} commits through {commit}, but its entry {} of term {} is not the one of \
                     term {} that was committed",
                    self.committed.len(),
                    ours.0,
                    last.0
                ),
            ));
        }
        for at in self.committed.len()..=place {
            self.committed.push(mirror.log[at]);
            if let Some(Entry {
                command: Command::Put(put),
                ..
            }) = view.entry(Index(at as u64 + 1))
            {
                let attempt = known(&mut self.attempts, &put.mid);
                if attempt.is_refused {
                    return Err((
                        "no commit after a redirect",
                        format!(
                            "{id} commits {} at {}, whose client was told that it had no effect",
                            put.mid,
                            at + 1
                        ),
                    ));
                }
                attempt.is_committed = true;
            }
        }
        // Whoever is first to know: the last on a route sees a quorum before the leader does.
        self.committing_term = self.committing_term.max(mirror.log[place].0);
        Ok(())
    }

    /// While a leader has a lease by its own clock, no leader of a later term has committed, whether
    /// anybody asks for a value meanwhile or not, and whether the holder acts, stands still or is
    /// dead (no other replica can tell).
    fn check_leases(&self, time: Duration) -> Checked {
        for (index, mirror) in self.mirrors.iter().enumerate() {
            if let (Some((led, _)), Some(end)) = (mirror.leading, mirror.lease_end)
                && led < self.committing_term
                && time < end
            {
                let left = (end - time).as_secs_f64() * 1e3;
                return Err((
                    "lease",
                    format!(
                        "{} has a lease of term {led} for another {left:.3} ms, but {}",
                        Id(index as u16),
                        self.last_commit()
                    ),
                ));
            }
        }
        Ok(())
    }

    /// Who has committed in the highest term, and what was committed last, by its MID if it is a put.
    fn last_commit(&self) -> String {
        let term = self.committing_term;
        let leader = match self.leaders.get(&term) {
            Some(leader) => format!("{leader}, the leader of term {term},"),
            None => format!("a leader of term {term}"),
        };
        let index = self.committed.len();
        let last = self.committed.last();
        let last = last.and_then(|&(_, chain)| self.entries.find(Index(index as u64), chain));
        match last.map(|entry| &entry.command) {
            Some(Command::Put(put)) => {
                let (client, mid) = (put.client, &put.mid);
                format!("{leader} has committed {client}'s put {mid} at index {index}")
            }
            Some(_) => format!("{leader} has committed through index {index}"),
            None => format!("{leader} has committed"),
        }
    }

    fn check_answers(
        &mut self,
        index: usize,
        view: &View<'_>,
        before: Before,
        outputs: &[Output],
    ) -> Checked {
        for output in outputs {
            match output {
                Output::Answer(answer) => self.check_answer(index, view, before, answer)?,
                Output::Send { to, message } => check_loyalty(view, *to, message)?,
            }
        }
        Ok(())
    }

    fn check_answer(
        &mut self,
        index: usize,
        view: &View<'_>,
        before: Before,
        answer: &Answer,
    ) -> Checked {
        let (id, mid) = (view.id(), &answer.mid);
        let attempt = known(&mut self.attempts, mid);
        let bit = 1 << index;
        if attempt.answered_by & bit != 0 {
            return Err((
                "one answer an attempt",
                format!("{id} answers {mid} a second time"),
            ));
        }
        attempt.answered_by |= bit;
        attempt.is_refused |= matches!(answer.outcome, Outcome::Redirect | Outcome::Fail);
        match answer.outcome {
            Outcome::Stored if !attempt.is_committed => Err((
                "no ok before the commit",
                format!("{id} says ok to {mid}, which is not committed"),
            )),
            Outcome::Redirect | Outcome::Fail if attempt.is_committed => Err((
                "no redirect of a committed put",
                format!("{id} says that {mid} had no effect, but it is committed"),
            )),
            Outcome::Value(_) if view.role() != RoleName::Leader && before.led.is_none() => Err((
                "gets from the leader alone",
                format!("{id} answers {mid}, but does not lead"),
            )),
            Outcome::Value(_) => {
                let term = before.led.unwrap_or(view.term());
                // Without a lease a get may still be answered after a round through the log.
                let leased = view.lease_left().is_some() || view.commit() == before.commit;
                if leased && term < self.committing_term {
                    return Err((
                        "lease",
                        format!(
                            "{id} answers {mid} under its lease of term {term}, but {}",
                            self.last_commit()
                        ),
                    ));
                }
                Ok(())
            }
            Outcome::Stored | Outcome::Redirect | Outcome::Fail => Ok(()),
        }
    }
}

/// Pre-votes are for times without a leader: who hears it does not help to depose it.
fn check_loyalty(view: &View<'_>, candidate: Id, message: &Message) -> Checked {
    let heard_ago = view.leader_heard_ago();
    match &message.body {
        Body::PreVoted(voted) if voted.granted && is_loyal(heard_ago, view) => Err((
            "no pre-vote against a leader that is heard",
            format!(
                "{} is for {candidate}, having heard the leader {heard_ago:?} ago",
                view.id()
            ),
        )),
        _ => Ok(()),
    }
}

/// Whether the leader was heard so lately that it must not be helped to depose it. What was heard in
/// this very step may have come after the question.
fn is_loyal(heard_ago: Option<Duration>, view: &View<'_>) -> bool {
    let limit = view.options().suspected_stickiness;
    heard_ago.is_some_and(|ago| !ago.is_zero() && ago < limit)
}

/// Nothing, or the promise that is broken and how.
type Checked = Result<(), (&'static str, String)>;

fn term_at(view: &View<'_>, index: usize) -> Option<Term> {
    view.entry(Index(index as u64)).map(|entry| entry.term)
}

/// What is known of the attempt, to be changed.
fn known<'a>(attempts: &'a mut FxHashMap<String, Attempt>, mid: &str) -> &'a mut Attempt {
    if !attempts.contains_key(mid) {
        attempts.insert(mid.to_owned(), Attempt::default());
    }
    attempts.get_mut(mid).expect("it is there by now")
}
