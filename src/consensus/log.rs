//! The log: entries, when this replica first had each, and how far they are committed.
//!
//! It keeps Raft's structural promises (terms never fall along the log, a committed entry is never
//! removed). It must never know about roles or messages.

use std::hash::{Hash, Hasher};

use super::durable::Extent;
use super::entry::{Command, Entry};
use super::fingerprint::Measure;
use super::options::{Limits, Options};
use super::time::Time;
use super::types::{Index, LogId};

/// The entries of one replica. All in memory; it grows with every command.
#[derive(Clone, Debug)]
pub struct Log<C> {
    entries: Vec<Held<C>>,
    commit: Index,
    /// The last entry that was never removed since somebody asked; see [`Log::take_truncation`].
    truncated_after: Option<Index>,
    /// How far it is on stable storage; none if it is kept in memory alone.
    extent: Option<Extent>,
}

/// An entry and when this replica first had it.
#[derive(Clone, Debug)]
struct Held<C> {
    entry: Entry<C>,
    held_since: Time,
}

impl<C> Default for Log<C> {
    fn default() -> Self {
        Log {
            entries: Vec::new(),
            commit: Index::ZERO,
            truncated_after: None,
            extent: None,
        }
    }
}

impl<C> Log<C> {
    /// A log that is kept on stable storage, with nothing in it.
    pub(super) fn stored() -> Log<C> {
        Log {
            extent: Some(Extent::default()),
            ..Log::default()
        }
    }

    /// What was found on stable storage. Nothing is known of its age, so it counts as held since `now`.
    ///
    /// # Panics
    ///
    /// If terms fall along it.
    pub(super) fn restored(entries: Vec<Entry<C>>, now: Time) -> Log<C> {
        let mut log = Log::default();
        for entry in entries {
            log.append(now, entry);
        }
        log.extent = Some(Extent::restored(log.last_index()));
        log
    }

    /// The index through which entries will be there after a crash. In memory that counts as all of them.
    pub fn durable(&self) -> Index {
        let extent = self.extent.as_ref();
        extent.map_or(self.last_index(), Extent::durable)
    }

    /// How far it is on stable storage, to be changed; none if it is kept in memory alone.
    pub(super) fn extent_mut(&mut self) -> Option<&mut Extent> {
        self.extent.as_mut()
    }

    /// Whether anything of it is to be handed over for storage.
    pub(super) fn is_unwritten(&self) -> bool {
        let extent = self.extent.as_ref();
        extent.is_some_and(|it| it.is_behind(self.last_index()))
    }

    /// The log ID of the last entry; zeros if there is none.
    pub fn last(&self) -> LogId {
        self.id_at(self.last_index())
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

    /// As many entries from `start` on as fit into one append.
    pub(super) fn batch(&self, start: Index, limits: &Limits) -> Vec<Entry<C>>
    where
        C: Command,
    {
        let mut bytes = 0;
        self.from(start)
            .take(limits.max_append_entries)
            .enumerate()
            .take_while(|(place, entry)| {
                bytes += entry.size_bound();
                *place == 0 || bytes <= limits.max_append_bytes
            })
            .map(|(_, entry)| entry.clone())
            .collect()
    }

    /// The entry at `index`, if there is one.
    pub fn entry(&self, index: Index) -> Option<&Entry<C>> {
        self.held(index).map(|held| &held.entry)
    }

    /// The log ID at `index`; zeros for index 0; none beyond the end.
    pub fn id_at(&self, index: Index) -> Option<LogId> {
        if index == Index::ZERO {
            return Some(LogId::default());
        }
        let term = self.entry(index)?.term;
        Some(LogId { term, index })
    }

    /// Whether this log holds just that entry, and so by log matching all before it.
    pub fn holds(&self, id: LogId) -> bool {
        self.id_at(id.index) == Some(id)
    }

    /// When this replica first had the entry at `index`: for one that it created, the moment of
    /// creation; for one that it received, a moment after its creation. None if there is no such entry.
    pub fn held_since(&self, index: Index) -> Option<Time> {
        self.held(index).map(|held| held.held_since)
    }

    /// The entries from `start` on.
    pub fn from(&self, start: Index) -> impl Iterator<Item = &Entry<C>> {
        let skipped = (start.0.max(1) - 1).min(self.entries.len() as u64) as usize;
        self.entries[skipped..].iter().map(|held| &held.entry)
    }

    /// Where a leader should try next, given that an append behind `previous` did not fit here: the
    /// last entry at or before it that may match, judged by terms (Raft §5.3's back-off, at one
    /// round trip a term).
    pub fn conflict_hint(&self, previous: LogId) -> LogId {
        let start = previous.index.min(self.last_index()).0;
        (0..=start)
            .rev()
            .filter_map(|index| self.id_at(Index(index)))
            .find(|ours| ours.term <= previous.term && *ours != previous)
            .unwrap_or_default()
    }

    /// Adds an entry at the end and returns its log ID.
    ///
    /// # Panics
    ///
    /// If its term is lower than that of the entry before it.
    pub fn append(&mut self, now: Time, entry: Entry<C>) -> LogId {
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
        self.last()
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
        let lowest = self
            .truncated_after
            .map_or(index, |before| before.min(index));
        self.truncated_after = Some(lowest);
        if let Some(extent) = &mut self.extent {
            extent.truncate_after(index);
        }
    }

    /// The index behind which entries have been removed since the last call, if any have; others may have
    /// been added there since.
    pub fn take_truncation(&mut self) -> Option<Index> {
        self.truncated_after.take()
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

    fn held(&self, index: Index) -> Option<&Held<C>> {
        let place = index.0.checked_sub(1)?;
        self.entries.get(usize::try_from(place).ok()?)
    }
}

impl<C: Hash> Log<C> {
    /// What a model checker tells logs apart by.
    pub(super) fn fingerprint(
        &self,
        measure: Measure,
        options: &Options,
        hasher: &mut impl Hasher,
    ) {
        let Log {
            entries,
            commit,
            truncated_after,
            // The numbers of its writes mean nothing.
            extent,
        } = self;
        (commit, truncated_after, entries.len()).hash(hasher);
        extent.as_ref().map(Extent::durable).hash(hasher);
        let timing = &options.timing;
        // For a successor's wait, which is longer than a lease; for doubts; for a retry that is overdue.
        let limit = options.commit_deferral().max(timing.quorum_doubt);
        let limit = limit.max(timing.overdue());
        for (index, Held { entry, held_since }) in (1..).map(Index).zip(entries) {
            // Those before the last committed one are never the last, and the leases that rest on them are the lease's
            // own matter.
            let counts = index >= *commit;
            (entry, counts.then(|| measure.age(*held_since, limit))).hash(hasher);
        }
    }
}
