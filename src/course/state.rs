//! What can be seen of a replica from outside, as changes: for traces and pictures of a run.
//!
//! A change names only what is new. It reads the core's view and must never influence it, and it
//! leaves out what is in the messages anyway: keys and values of puts.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::consensus::{Entry, Index, LogId, RoleName};
use crate::id::Id;
use crate::kv::Command;
use crate::replica::View;

/// The environment variable that makes a replica tell of its state on stderr, a line of
/// [`LINE_START`] and JSON for each change.
pub const VARIABLE: &str = "LEASEKV_STATE";
/// What such a line begins with.
pub const LINE_START: &str = "@leasekv-state ";

/// How many entries a change has at most; the rest comes with the next one. So that a line stays
/// below 4 KiB, which is as much as the simulator reads of one.
const MAX_ENTRIES: usize = 25;
/// How much of a MID is told, in characters; the course's have 16.
const MAX_MID_CHARACTERS: usize = 32;

/// What has changed since the change before. A field that is none is as it was; the first change of
/// a replica has them all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct StateChange {
    /// `follower`, `pre-candidate`, `candidate` or `leader`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// The term.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub term: Option<u64>,
    /// For whom it has voted in its term, or [`Id::UNKNOWN`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vote: Option<Id>,
    /// Whom it takes for the leader of its term, or [`Id::UNKNOWN`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub leader: Option<Id>,
    /// The index of the last committed entry.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit: Option<u64>,
    /// Until when it may answer gets alone, in nanoseconds; 0 if it may not. On the replica's own
    /// clock in what it tells, on the run's in a trace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lease_until_ns: Option<u64>,
    /// How many requests it holds outside of its log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waiting: Option<usize>,
    /// How many puts in its log it still owes an answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owed: Option<usize>,
    /// What has changed in its log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log: Option<LogChange>,
}

/// From an index on, a log has these entries and no others.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogChange {
    /// The index of the first of the entries.
    pub from: u64,
    /// The entries; perhaps none, if the log only became shorter.
    pub entries: Vec<EntryNote>,
    /// If a snapshot has taken the place of what is before: the term of the last entry that it covers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub covered: Option<u64>,
}

/// A log entry in short, written `[term, kind, who, MID]`: its term, `noop`, `put` or `take_over`, the
/// client or replica that it names (or [`Id::UNKNOWN`]), and a put's MID (else `""`).
pub type EntryNote = (u64, String, Id, String);

/// The state as it was told last.
#[derive(Clone, Debug, Default)]
pub struct StateWatch {
    told: Option<Told>,
    /// The last entry of those that are gone from the log.
    base: LogId,
    /// The entries behind it, as they were told.
    log: VecDeque<Entry<Command>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Told {
    role: RoleName,
    term: u64,
    vote: Id,
    leader: Id,
    commit: u64,
    lease_until_ns: u64,
    waiting: usize,
    owed: usize,
}

impl Told {
    fn of(view: &View<'_>) -> Told {
        Told {
            role: view.role(),
            term: view.term().0,
            vote: view.consensus().voted_for().unwrap_or(Id::UNKNOWN),
            leader: view.leader().unwrap_or(Id::UNKNOWN),
            commit: view.commit().0,
            lease_until_ns: view.lease_left().map_or(0, |left| {
                let until = view.now().since_epoch() + left;
                u64::try_from(until.as_nanos()).unwrap_or(u64::MAX)
            }),
            waiting: view.service().waiting(),
            owed: view.service().owed(),
        }
    }
}

impl StateWatch {
    /// What has changed since the last call; to be called until nothing has.
    pub fn change(&mut self, view: &View<'_>) -> Option<StateChange> {
        let now = Told::of(view);
        let log = self.log_change(view);
        let before = self.told.as_ref();
        if before == Some(&now) && log.is_none() {
            return None;
        }
        let change = StateChange {
            role: new(before, &now, |told| told.role).map(|role| name(role).to_owned()),
            term: new(before, &now, |told| told.term),
            vote: new(before, &now, |told| told.vote),
            leader: new(before, &now, |told| told.leader),
            commit: new(before, &now, |told| told.commit),
            lease_until_ns: new(before, &now, |told| told.lease_until_ns),
            waiting: new(before, &now, |told| told.waiting),
            owed: new(before, &now, |told| told.owed),
            log,
        };
        self.told = Some(now);
        Some(change)
    }

    /// How many entries it remembers as they were told.
    pub fn remembered(&self) -> usize {
        self.log.len()
    }

    fn log_change(&mut self, view: &View<'_>) -> Option<LogChange> {
        let covered = self.follow_base(view.log().base());
        let first = self.base.index.0 + 1;
        let length = usize::try_from(view.last().index.0 + 1 - first).unwrap_or(usize::MAX);
        let before = self.log.len();
        let at = |place: usize| view.entry(Index(first + place as u64));
        self.log.truncate(length);
        // Whoever has the same last entry has the same before it (log matching).
        while let Some(last) = self.log.back()
            && at(self.log.len() - 1) != Some(last)
        {
            self.log.pop_back();
        }
        let kept = self.log.len();
        let more = (kept..length).filter_map(at).take(MAX_ENTRIES);
        self.log.extend(more.cloned());
        if self.log.len() == kept && kept == before && covered.is_none() {
            return None;
        }
        Some(LogChange {
            from: first + kept as u64,
            entries: self.log.range(kept..).map(note).collect(),
            covered,
        })
    }

    /// Lets go of what is gone from the log. Returns the term of the last such entry, if that is another one than was told.
    fn follow_base(&mut self, base: LogId) -> Option<u64> {
        let mut last = self.base;
        while last.index < base.index
            && let Some(entry) = self.log.pop_front()
        {
            last = LogId {
                term: entry.term,
                index: last.index.next(),
            };
        }
        self.base = base;
        if last == base {
            return None;
        }
        self.log.clear();
        Some(base.term.0)
    }
}

fn new<T: PartialEq>(before: Option<&Told>, now: &Told, field: impl Fn(&Told) -> T) -> Option<T> {
    let value = field(now);
    (before.map(field).as_ref() != Some(&value)).then_some(value)
}

fn name(role: RoleName) -> &'static str {
    match role {
        RoleName::Follower => "follower",
        RoleName::PreCandidate => "pre-candidate",
        RoleName::Candidate => "candidate",
        RoleName::Leader => "leader",
    }
}

fn note(entry: &Entry<Command>) -> EntryNote {
    let (kind, who, mid) = match entry.command() {
        None => ("noop", Id::UNKNOWN, String::new()),
        Some(Command::TakeOver(take_over)) => ("take_over", take_over.by, String::new()),
        Some(Command::Put(put)) => {
            let mid = put.mid.chars().take(MAX_MID_CHARACTERS).collect();
            ("put", put.client, mid)
        }
    };
    (entry.term.0, kind.to_owned(), who, mid)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consensus::Time;
    use crate::kv::{Operation, Request};
    use crate::replica::{Input, Options, Replica};
    use std::time::Duration;

    #[test]
    fn only_what_is_new_is_told_and_the_log_in_pieces() {
        let start = Time::from_epoch(Duration::ZERO);
        let mut replica = Replica::new(Id(0), &[Id(1), Id(2)], Options::default(), 1, start);
        let mut watch = StateWatch::default();
        let first = watch.change(&replica.view()).expect("everything is new");
        assert_eq!(first.role.as_deref(), Some("follower"));
        assert_eq!((first.term, first.commit), (Some(0), Some(0)));
        assert_eq!(watch.change(&replica.view()), None);

        let request = Request {
            client: Id(0x15),
            mid: "m".repeat(100),
            operation: Operation::Get { key: "k".into() },
        };
        replica.receive(start, Input::Request(request));
        replica.advance(start);
        let change = watch.change(&replica.view()).expect("a request waits");
        assert_eq!(change.waiting, Some(1));
        assert_eq!((change.role, change.log), (None, None));
    }
}
