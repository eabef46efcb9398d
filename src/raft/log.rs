//! The log: entries, when this replica first had each, and how far they are committed.
//!
//! It keeps Raft's structural promises (terms never fall along the log, a committed entry is never
//! removed) and knows nothing of roles, messages or clients.

use std::hash::{Hash, Hasher};

use super::entry::{Command, Entry, TakeOver};
use super::fingerprint::Measure;
use super::time::Time;
use super::types::{Index, Position};
use crate::id::Id;

/// The entries of one replica. All in memory; it grows with every put.
#[derive(Clone, Debug, Default)]
pub struct Log {
    entries: Vec<Held>,
    commit: Index,
}

/// An entry and when this replica first had it.
#[derive(Clone, Debug)]
struct Held {
    entry: Entry,
    held_since: Time,
}

/// The puts at the end of a log that the same replica answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// Who answers them.
    pub answerer: Id,
    /// The last put that somebody else answers; 0 if there is none.
    pub before: Index,
    /// The last put.
    pub last_put: Index,
}

impl Log {
    /// The index and term of the last entry; zeros if there is none.
    pub fn last(&self) -> Position {
        self.position(self.last_index())
            .expect("the last entry is in the log")
    }

    /// The index of the last entry; 0 if there is none.
    pub fn last_index(&self) -> Index {
        Index(self.entries.len() as u64)
    }

    /// The index through which entries are known to be committed.
    pub fn commit(&self) -> Index {
        self.commit
    }

    /// The entry at `index`, if there is one.
    pub fn get(&self, index: Index) -> Option<&Entry> {
        self.held(index).map(|held| &held.entry)
    }

    /// The position at `index`: its term there; zeros for index 0; none beyond the end.
    pub fn position(&self, index: Index) -> Option<Position> {
        if index == Index::ZERO {
            return Some(Position::default());
        }
        let term = self.get(index)?.term;
        Some(Position { term, index })
    }

    /// Whether this log holds just that position, and so by log matching all before it.
    pub fn matches(&self, position: Position) -> bool {
        self.position(position.index) == Some(position)
    }

    /// When this replica first had the entry at `index`: for one that it created, the moment of
    /// creation; for one that it received, a moment after its creation.
    pub fn held_since(&self, index: Index) -> Option<Time> {
        self.held(index).map(|held| held.held_since)
    }

    /// The entries from `start` on.
    pub fn from(&self, start: Index) -> impl Iterator<Item = &Entry> {
        let skipped = (start.0.max(1) - 1).min(self.entries.len() as u64) as usize;
        self.entries[skipped..].iter().map(|held| &held.entry)
    }

    /// The last puts up to and including `through` that the same replica answers; none if there are no puts.
    pub fn last_answerer(&self, through: Index) -> Option<Stretch> {
        let mut stretch: Option<Stretch> = None;
        let mut last_put = None;
        let mut taken_over: Vec<TakeOver> = Vec::new();
        for index in (1..=self.last_index().0).rev().map(Index) {
            let answerer = match self.get(index).map(|entry| &entry.command) {
                Some(Command::TakeOver(take_over)) => {
                    taken_over.push(*take_over);
                    continue;
                }
                Some(Command::Put(put)) if index <= through => {
                    last_put = last_put.or(Some(index));
                    let covers = |other: &&TakeOver| other.after < index && index <= other.through;
                    taken_over
                        .iter()
                        .find(covers)
                        .map_or(put.answerer, |other| other.by)
                }
                _ => continue,
            };
            let known = stretch.get_or_insert(Stretch {
                answerer,
                before: Index::ZERO,
                last_put: Index::ZERO,
            });
            if known.answerer != answerer {
                known.before = index;
                break;
            }
        }
        stretch.zip(last_put).map(|(stretch, last_put)| Stretch {
            last_put,
            ..stretch
        })
    }

    /// The first opening of a term that has a put before it, of all entries behind `index`.
    pub fn opening_behind_put(&self, index: Index) -> Option<Index> {
        (index.next().0..)
            .zip(self.from(index.next()))
            .skip_while(|(_, entry)| entry.command.put().is_none())
            .find(|(_, entry)| matches!(entry.command, Command::Lead(_)))
            .map(|(place, _)| Index(place))
    }

    /// Where a leader should try next, given that an append after `position` did not fit here: the
    /// last place at or before it that may match, judged by terms (Raft §5.3's back-off, at one
    /// round trip a term).
    pub fn conflict_hint(&self, position: Position) -> Position {
        let start = position.index.min(self.last_index()).0;
        (0..=start)
            .rev()
            .filter_map(|index| self.position(Index(index)))
            .find(|ours| ours.term <= position.term && *ours != position)
            .unwrap_or_default()
    }

    /// Adds an entry at the end and returns its index.
    ///
    /// # Panics
    ///
    /// If its term is lower than that of the entry before it.
    pub fn append(&mut self, now: Time, entry: Entry) -> Index {
        assert!(
            entry.term >= self.last().term,
            "terms must not fall along the log: {} after {}",
            entry.term,
            self.last()
        );
        self.entries.push(Held {
            entry,
            held_since: now,
        });
        self.last_index()
    }

    /// Removes every entry after `index`.
    ///
    /// # Panics
    ///
    /// If that would remove a committed entry.
    pub fn truncate_after(&mut self, index: Index) {
        assert!(
            index >= self.commit,
            "a committed entry must never be removed: truncating after {index}, committed through {}",
            self.commit
        );
        self.entries.truncate(index.0 as usize);
    }

    /// Notes that entries through `index` are committed.
    ///
    /// # Panics
    ///
    /// If the commit index would fall, or go beyond the last entry.
    pub fn commit_through(&mut self, index: Index) {
        assert!(
            index >= self.commit && index <= self.last_index(),
            "the commit index must rise and stay within the log: {} -> {index}, last {}",
            self.commit,
            self.last_index()
        );
        self.commit = index;
    }

    /// What a model checker tells logs apart by; see `fingerprint.rs`.
    pub(super) fn fingerprint(&self, measure: Measure, hasher: &mut impl Hasher) {
        let Log { entries, commit } = self;
        (commit, entries.len()).hash(hasher);
        for Held { entry, held_since } in entries {
            (entry, measure.age(*held_since)).hash(hasher);
        }
    }

    fn held(&self, index: Index) -> Option<&Held> {
        let place = index.0.checked_sub(1)?;
        self.entries.get(usize::try_from(place).ok()?)
    }
}
