//! The log: entries, when this replica first had each, and how far they are committed.
//!
//! Its first entries may be gone: those through its *base*, which a snapshot covers. Of them it remembers which terms
//! they were of, and since when the last of them is held.
//!
//! It keeps Raft's structural promises (terms never fall along the log, what is committed is never removed, but for
//! what a snapshot covers). It must never know about roles or messages.

use std::collections::VecDeque;
use std::hash::{Hash, Hasher};

use super::durable::Extent;
use super::entry::{Command, Entry};
use super::fingerprint::Measure;
use super::options::{Limits, Options};
use super::snapshot::Snapshot;
use super::spans::Spans;
use super::time::Time;
use super::types::{Index, LogId};

/// The entries of one replica behind its base, all in memory.
#[derive(Clone, Debug)]
pub struct Log<C> {
    base: Base,
    /// Those behind the base.
    entries: VecDeque<Held<C>>,
    /// What these take, as the bound of their encoded size.
    bytes: usize,
    /// What a snapshot has replaced, and is let go of bit by bit.
    replaced: VecDeque<Held<C>>,
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
    /// The bound of its encoded size.
    bytes: usize,
}

/// Where the log begins: everything through here is gone.
#[derive(Clone, Debug, Default)]
struct Base {
    /// The last entry that is gone; zeros if none is.
    id: LogId,
    /// Since when that one is held: the latest of all that are gone. A lease may rest on it.
    held_since: Time,
    /// Which terms they were of.
    spans: Spans,
}

impl<C> Default for Log<C> {
    fn default() -> Self {
        Log {
            base: Base::default(),
            entries: VecDeque::new(),
            bytes: 0,
            replaced: VecDeque::new(),
            commit: Index::ZERO,
            truncated_after: None,
            extent: None,
        }
    }
}

impl<C> Log<C> {
    /// Whether it is kept on stable storage.
    pub fn is_stored(&self) -> bool {
        self.extent.is_some()
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
        Index(self.base.id.index.0 + self.entries.len() as u64)
    }

    /// The last entry that is gone, because a snapshot covers it; zeros if none is.
    pub fn base(&self) -> LogId {
        self.base.id
    }

    /// What the entries that are left take, as the bound of their encoded size in bytes.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Which terms the entries through `last` were of.
    pub(super) fn spans_through(&self, last: Index) -> Spans {
        let mut spans = self.base.spans.clone();
        let mut place = 0;
        while let Some(held) = self.entries.get(place) {
            let index = Index(self.base.id.index.0 + 1 + place as u64);
            if index > last {
                break;
            }
            let term = held.entry.term;
            spans.note(LogId { term, index });
            place = self.entries.partition_point(|held| held.entry.term <= term);
        }
        spans
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

    /// The log ID at `index`; zeros for index 0; none beyond the end, or where it is not remembered any more.
    pub fn id_at(&self, index: Index) -> Option<LogId> {
        if index == Index::ZERO {
            return Some(LogId::default());
        }
        let term = match index <= self.base.id.index {
            true => self.base.spans.term_at(index)?,
            false => self.entry(index)?.term,
        };
        Some(LogId { term, index })
    }

    /// Whether an entry was there, of which nothing is remembered any more.
    pub fn has_forgotten(&self, index: Index) -> bool {
        index <= self.base.id.index && self.id_at(index).is_none()
    }

    /// Whether this log holds just that entry, and so by log matching all before it.
    pub fn holds(&self, id: LogId) -> bool {
        self.id_at(id.index) == Some(id)
    }

    /// When this replica first had the entry at `index`: for one that it created, the moment of
    /// creation; for one that it received, a moment after its creation. For one that is gone, when it first had the last
    /// of those, which is no earlier. None if there is no such entry.
    pub fn held_since(&self, index: Index) -> Option<Time> {
        if index > Index::ZERO && index <= self.base.id.index {
            return Some(self.base.held_since);
        }
        self.held(index).map(|held| held.held_since)
    }

    /// The entries from `start` on.
    ///
    /// # Panics
    ///
    /// If the entry at `start` is gone.
    pub fn from(&self, start: Index) -> impl Iterator<Item = &Entry<C>> {
        let behind = self.base.id.index.next();
        assert!(
            start >= behind,
            "entries from {start} on are wanted, but the log begins at {behind}"
        );
        let skipped = (start.0 - behind.0).min(self.entries.len() as u64) as usize;
        self.entries.range(skipped..).map(|held| &held.entry)
    }

    /// The entries that are left, each with its index.
    pub fn entries(&self) -> impl DoubleEndedIterator<Item = (Index, &Entry<C>)> {
        let first = self.base.id.index.next().0;
        let entries = self.entries.iter().enumerate();
        entries.map(move |(place, held)| (Index(first + place as u64), &held.entry))
    }

    /// Where a leader should try next, given that an append behind `previous` did not fit here: the
    /// last entry at or before it that may match, judged by terms (Raft §5.3's back-off, at one
    /// round trip a term).
    pub fn conflict_hint(&self, previous: LogId) -> LogId {
        let start = previous.index.min(self.last_index()).0;
        (self.base.id.index.0..=start)
            .rev()
            .filter_map(|index| self.id_at(Index(index)))
            .find(|ours| ours.term <= previous.term && *ours != previous)
            .unwrap_or(self.base.id)
    }
}

impl<C: Command> Log<C> {
    /// A log that is kept on stable storage, with nothing in it.
    pub(super) fn stored() -> Log<C> {
        Log {
            extent: Some(Extent::default()),
            ..Log::default()
        }
    }

    /// What was found on stable storage: a snapshot, perhaps, and entries behind it. Nothing is known of their age, so they count
    /// as held since `now`. What the snapshot covers is committed.
    ///
    /// # Panics
    ///
    /// If terms fall along it.
    pub(super) fn restored(
        snapshot: Option<&Snapshot>,
        entries: Vec<Entry<C>>,
        now: Time,
    ) -> Log<C> {
        let mut log = Log::default();
        if let Some(Snapshot { last, spans, .. }) = snapshot {
            log.begin_behind(now, *last, spans.clone());
        }
        for entry in entries {
            log.append(now, entry);
        }
        log.extent = Some(Extent::restored(log.last_index()));
        log
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
        let bytes = entry.size_bound();
        self.bytes += bytes;
        self.entries.push_back(Held {
            entry,
            held_since: now,
            bytes,
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
        while self.last_index() > index
            && let Some(held) = self.entries.pop_back()
        {
            self.bytes -= held.bytes;
        }
        let lowest = self
            .truncated_after
            .map_or(index, |before| before.min(index));
        self.truncated_after = Some(lowest);
        if let Some(extent) = &mut self.extent {
            extent.truncate_after(index);
        }
    }

    /// Lets go of the first entry behind the base, because a snapshot covers it. Since when the last one that is gone is
    /// held stays known.
    ///
    /// # Panics
    ///
    /// If that would remove an entry that is not committed.
    pub fn compact_first(&mut self) {
        let first = self.base.id.index.next();
        assert!(
            first <= self.commit,
            "only what is committed may be compacted: {first}, committed through {}",
            self.commit
        );
        let held = self.entries.pop_front();
        let held = held.expect("what is committed is in the log");
        self.bytes -= held.bytes;
        self.base.id = LogId {
            term: held.entry.term,
            index: first,
        };
        self.base.spans.note(self.base.id);
        // Each is held since later than the one before it, or since the same time.
        self.base.held_since = held.held_since;
    }

    /// Begins behind a snapshot that covers everything through `base`, with nothing in it; what it covers is committed,
    /// and counts as held since `now`.
    ///
    /// # Panics
    ///
    /// If this log holds that entry, or has committed as much: then something newer would be lost.
    pub fn restart_behind(&mut self, now: Time, base: LogId, spans: Spans) {
        assert!(
            base.index > self.commit && !self.holds(base),
            "a snapshot through {base} must not replace a newer log, committed through {}",
            self.commit
        );
        self.restart(now, base, spans);
    }

    /// Begins behind `base`, whatever is there. On stable storage a snapshot has to come first, in the next write.
    pub(super) fn restart(&mut self, now: Time, base: LogId, spans: Spans) {
        let mut replaced = std::mem::take(&mut self.replaced);
        replaced.append(&mut self.entries);
        let mut extent = self.extent.take();
        if let Some(extent) = &mut extent {
            extent.replace(base.index);
        }
        *self = Log {
            replaced,
            extent,
            ..Log::default()
        };
        self.begin_behind(now, base, spans);
    }

    /// An empty log begins behind `base`, which a snapshot covers.
    fn begin_behind(&mut self, now: Time, base: LogId, spans: Spans) {
        self.base = Base {
            id: base,
            held_since: now,
            spans,
        };
        self.commit = base.index;
    }

    /// Frees so many of the entries that a snapshot has replaced: to free a million at once takes long.
    pub(super) fn free_replaced(&mut self, count: usize) {
        self.replaced
            .truncate(self.replaced.len().saturating_sub(count));
    }

    /// Forgets since when the entries that are gone are held: a mistake.
    pub(super) fn forget_base_time(&mut self) {
        self.base.held_since = Time::ZERO;
    }
}

impl<C> Log<C> {
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
        let place = index.0.checked_sub(self.base.id.index.0 + 1)?;
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
            base,
            entries,
            // It follows from the entries.
            bytes: _,
            // It decides nothing.
            replaced: _,
            commit,
            truncated_after,
            extent,
        } = self;
        (commit, truncated_after, entries.len()).hash(hasher);
        if let Some(extent) = extent {
            extent.fingerprint(hasher);
        }
        let timing = &options.timing;
        // For a successor's wait, which is longer than a lease; for doubts; for a retry that is overdue.
        let limit = options.commit_deferral().max(timing.quorum_doubt);
        let limit = limit.max(timing.overdue());
        (base.id, &base.spans).hash(hasher);
        measure.age(base.held_since, limit).hash(hasher);
        let indices = (base.id.index.0 + 1..).map(Index);
        for (index, held) in indices.zip(entries) {
            let Held {
                entry,
                held_since,
                bytes: _,
            } = held;
            // Those before the last committed one are never the last, and the leases that rest on them are the lease's
            // own matter.
            let counts = index >= *commit;
            (entry, counts.then(|| measure.age(*held_since, limit))).hash(hasher);
        }
    }
}
