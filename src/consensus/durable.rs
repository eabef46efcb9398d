//! What must be on stable storage: the port between consensus and a disk that it never touches.
//!
//! Whoever drives a replica takes a [`Write`] after each step, if there is one, stores it in the order of the numbers, and
//! says when everything through a number is durable. After a crash it hands back what it finds, as [`Restored`]. What of a
//! write that was not yet durable has reached the disk may be any beginning of it: a replica has promised nothing by then.
//!
//! What waits for a write is kept back here, so that whatever leaves may be sent at once: votes, requests for them, and
//! receipts. A leader's entries need not wait; but nobody counts his own copy of an entry before it is durable.
//!
//! Must never know files, records or how anything is written down; nor roles.

use std::collections::VecDeque;

use super::entry::{Command, Entry};
use super::members::Members;
use super::message::Receipt;
use super::snapshot::Snapshot;
use super::time::Time;
use super::types::{Incarnation, Index, LogId, Term};
use crate::id::Id;

/// What a replica must remember beside its log (Raft, Figure 2), and who it and the others are.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HardState {
    /// The latest term that it has seen.
    pub term: Term,
    /// For whom it has voted in that term.
    pub voted_for: Option<Id>,
    /// Which life of the replica's this is. It stays the same as long as its memory does.
    pub incarnation: Incarnation,
    /// Whether it cannot know yet if it was here before, without this memory.
    pub is_newcomer: bool,
    /// Which lives of its peers it has heard of. It listens to no others.
    pub known: Vec<(Id, Incarnation)>,
}

/// Something to be stored. Its parts are stored in this order: first a snapshot takes the place of all, or entries are cut,
/// then new ones are added, and then the hard state follows. So whatever beginning of it a crash leaves, the hard state claims
/// nothing that is not there.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Write<C> {
    /// The number of this write, from 1, without a gap.
    pub number: u64,
    /// A snapshot that came from the leader: all entries that were handed over before are gone, and the log begins behind it.
    pub snapshot: Option<Snapshot>,
    /// Entries behind this index are gone, if any that were handed over before are.
    pub truncate_after: Option<Index>,
    /// The index of the first of the entries.
    pub first: Index,
    /// New entries, in order.
    pub entries: Vec<Entry<C>>,
    /// The hard state, if it has changed.
    pub hard_state: Option<HardState>,
}

/// What a replica finds when it starts again: all writes that were durable, and any beginning of what came after them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Restored<C> {
    /// The last hard state. Where none was stored, nothing is restored: such a replica has said nothing to anybody.
    pub hard_state: HardState,
    /// What stands in the place of the log's beginning, if anything does.
    pub snapshot: Option<Snapshot>,
    /// The log behind the snapshot, or from index 1 on.
    pub entries: Vec<Entry<C>>,
}

impl<C> Restored<C> {
    /// The last entry that the snapshot covers; zeros without one.
    pub fn base(&self) -> LogId {
        let snapshot = self.snapshot.as_ref();
        snapshot.map_or(LogId::default(), |snapshot| snapshot.last)
    }

    /// The index of the last entry.
    pub fn last_index(&self) -> Index {
        Index(self.base().index.0 + self.entries.len() as u64)
    }
}

impl<C: Command> Restored<C> {
    /// Whether a replica of this cluster can have left that.
    ///
    /// # Errors
    ///
    /// What is wrong, and where.
    pub fn check(&self, members: &Members) -> Result<(), String> {
        let HardState {
            voted_for, known, ..
        } = &self.hard_state;
        if let Some(id) = voted_for.filter(|&id| !members.contains(id)) {
            return Err(format!("the stored vote is for {id}, which is no member"));
        }
        if let Some((id, _)) = known.iter().find(|(id, _)| !members.is_peer(*id)) {
            return Err(format!("the stored peer {id} is no other member"));
        }
        let mut last = self.base();
        for entry in &self.entries {
            let (index, term) = (last.index.next(), entry.term);
            if term < last.term {
                return Err(format!(
                    "the stored entry {index} is of term {term}, behind one of {}",
                    last.term
                ));
            }
            last = LogId { term, index };
            if let Some(command) = entry.command() {
                let checked = command.check(index, members);
                checked.map_err(|problem| format!("the stored entry {index}: {problem}"))?;
            }
        }
        Ok(())
    }
}

/// How far a log is on stable storage.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Extent {
    /// Entries through here have been handed over.
    handed: Index,
    /// Behind which index entries that had been handed over were removed since.
    cut_after: Option<Index>,
    /// Whether a snapshot has taken the place of all that was handed over.
    is_replaced: bool,
    /// The writes that are under way, and through where the log will be durable with each.
    under_way: VecDeque<(u64, Index)>,
    /// Entries through here are durable.
    durable: Index,
}

impl Extent {
    /// Of a log that was read from stable storage.
    pub(super) fn restored(last: Index) -> Extent {
        Extent {
            handed: last,
            durable: last,
            ..Extent::default()
        }
    }

    pub(super) fn durable(&self) -> Index {
        self.durable
    }

    /// What a model checker tells extents apart by: the numbers of writes mean nothing.
    pub(super) fn fingerprint(&self, hasher: &mut impl std::hash::Hasher) {
        use std::hash::Hash;
        let Extent {
            handed,
            cut_after,
            is_replaced,
            under_way,
            durable,
        } = self;
        (handed, cut_after, is_replaced, durable, under_way.len()).hash(hasher);
        for (_, through) in under_way {
            through.hash(hasher);
        }
    }

    /// A snapshot through `base` has taken the place of the log. It is not stored yet, and what was before does not count any
    /// more.
    pub(super) fn replace(&mut self, base: Index) {
        *self = Extent {
            handed: base,
            is_replaced: true,
            ..Extent::default()
        };
    }

    /// Entries after `index` are removed.
    pub(super) fn truncate_after(&mut self, index: Index) {
        if index < self.handed {
            let before = self.cut_after.unwrap_or(index);
            self.cut_after = Some(before.min(index));
            self.handed = index;
        }
        self.durable = self.durable.min(index);
        for (_, through) in &mut self.under_way {
            *through = index.min(*through);
        }
    }

    /// Whether there is anything to hand over of a log that ends at `last`.
    pub(super) fn is_behind(&self, last: Index) -> bool {
        self.is_replaced || self.cut_after.is_some() || self.handed < last
    }

    /// Hands over what is new, up to `last`, in the write of that number.
    pub(super) fn hand_over(&mut self, number: u64, last: Index) -> News {
        let first = self.handed.next();
        self.handed = last;
        self.under_way.push_back((number, last));
        News {
            is_replaced: std::mem::take(&mut self.is_replaced),
            truncate_after: self.cut_after.take(),
            first,
        }
    }

    /// Everything through that write is durable.
    pub(super) fn note_durable(&mut self, number: u64) {
        while let Some((_, through)) = self.under_way.pop_front_if(|(write, _)| *write <= number) {
            self.durable = self.durable.max(through);
        }
    }
}

/// What is new about a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct News {
    /// Whether a snapshot has taken the place of all before.
    pub is_replaced: bool,
    /// Behind which index to cut.
    pub truncate_after: Option<Index>,
    /// The first new entry.
    pub first: Index,
}

/// What a follower says to an append, or to the last part of a snapshot, once what it has stored is durable.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct OwedReceipt {
    /// The write that it waits for.
    pub after: u64,
    /// It is only given in this term.
    pub term: Term,
    /// The leader of that term.
    pub leader: Id,
    /// Through where the log equals the leader's.
    pub matched: Index,
    /// The receipts of those before it, if it is the last on the route: then it answers for all.
    pub receipts: Vec<Receipt>,
    /// Whether what a quorum holds may be taken for committed.
    pub counts: bool,
    /// Whether a response is wanted.
    pub response_wanted: bool,
    /// The append's own.
    pub sent_at: Time,
}

/// The most receipts that may be owed. One more is lost, as the network might lose it.
const MAX_OWED: usize = 16_384;

/// What a replica knows of its writes. In memory there are none.
#[derive(Clone, Debug, Default)]
pub(super) struct Port {
    /// Whether this replica has started with a memory.
    was_here: bool,
    /// The number of the last write that was handed over.
    handed: u64,
    /// All writes through this number are durable.
    durable: u64,
    /// What the hard state was when it was last handed over, but for the incarnation, which never changes.
    written: Option<Changeable>,
    owed: VecDeque<OwedReceipt>,
}

/// What of the hard state can change: the term, the vote, whether it is a newcomer, and how many peers it knows.
pub(super) type Changeable = (Term, Option<Id>, bool, usize);

impl Port {
    /// Of a replica that has been here before.
    pub(super) fn restored(written: Changeable) -> Port {
        Port {
            was_here: true,
            written: Some(written),
            ..Port::default()
        }
    }

    /// Whether it is durable who this replica is. Before, nobody may hear of it.
    pub(super) fn has_identity(&self) -> bool {
        self.was_here || self.durable > 0
    }

    /// Whether the hard state must be written.
    pub(super) fn is_news(&self, present: Changeable) -> bool {
        self.written != Some(present)
    }

    /// The write with which everything is durable, where `is_behind` says whether anything is not handed over; none if all
    /// is durable.
    pub(super) fn last_write(&self, is_behind: bool) -> Option<u64> {
        match is_behind {
            true => Some(self.handed + 1),
            false => Some(self.handed).filter(|_| self.durable < self.handed),
        }
    }

    /// The number of the next write, which is handed over now with that hard state.
    pub(super) fn hand_over(&mut self, present: Changeable) -> u64 {
        self.written = Some(present);
        self.handed += 1;
        self.handed
    }

    /// Everything through that write is durable.
    ///
    /// # Panics
    ///
    /// If it was never handed over: a driver that says so would lose votes.
    pub(super) fn note_durable(&mut self, number: u64) {
        assert!(
            number <= self.handed,
            "write {number} cannot be durable: the last one was {}",
            self.handed
        );
        self.durable = self.durable.max(number);
    }

    pub(super) fn is_durable(&self, number: u64) -> bool {
        number <= self.durable
    }

    /// How many writes must become durable until that one is.
    pub(super) fn distance(&self, number: u64) -> u64 {
        number.saturating_sub(self.durable)
    }

    pub(super) fn owe(&mut self, receipt: OwedReceipt) {
        if self.owed.len() < MAX_OWED {
            self.owed.push_back(receipt);
        }
    }

    /// The next receipt that need not wait any more.
    pub(super) fn take_payable(&mut self) -> Option<OwedReceipt> {
        let durable = self.durable;
        self.owed.pop_front_if(|owed| owed.after <= durable)
    }

    /// What a model checker tells ports apart by: writes count from the last one that is durable.
    pub(super) fn fingerprint(&self, hasher: &mut impl std::hash::Hasher) {
        use std::hash::Hash;
        let Port {
            was_here,
            handed,
            durable,
            written,
            owed,
        } = self;
        let has_identity = *was_here || *durable > 0;
        (handed - durable, has_identity, written, owed.len()).hash(hasher);
        for owed in owed {
            let OwedReceipt {
                after,
                term,
                leader,
                matched,
                receipts,
                counts,
                response_wanted,
                sent_at,
            } = owed;
            (self.distance(*after), term, leader, matched, receipts).hash(hasher);
            (counts, response_wanted, sent_at).hash(hasher);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn news(cut: Option<u64>, first: u64) -> News {
        News {
            is_replaced: false,
            truncate_after: cut.map(Index),
            first: Index(first),
        }
    }

    #[test]
    fn what_is_cut_is_not_durable_any_more_though_its_write_ends_later() {
        let mut extent = Extent::default();
        assert_eq!(extent.hand_over(1, Index(5)), news(None, 1));
        extent.truncate_after(Index(3));
        assert!(extent.is_behind(Index(3)));
        // Four is another one now, and is written by the second write.
        assert_eq!(extent.hand_over(2, Index(4)), news(Some(3), 4));
        extent.note_durable(1);
        assert_eq!(extent.durable(), Index(3));
        extent.note_durable(2);
        assert_eq!(extent.durable(), Index(4));
        extent.truncate_after(Index(1));
        assert_eq!(extent.durable(), Index(1));
    }

    #[test]
    fn what_was_never_handed_over_need_not_be_cut_on_the_disk() {
        let mut extent = Extent::restored(Index(2));
        extent.truncate_after(Index(2));
        assert!(!extent.is_behind(Index(2)));
        assert_eq!(extent.hand_over(1, Index(3)), news(None, 3));
    }

    #[test]
    fn a_snapshot_in_the_place_of_the_log_is_durable_with_its_own_write() {
        let mut extent = Extent::default();
        extent.hand_over(1, Index(5));
        extent.replace(Index(9));
        assert!(extent.is_behind(Index(9)));
        let news = extent.hand_over(2, Index(9));
        assert!(news.is_replaced);
        assert_eq!(news.first, Index(10));
        extent.note_durable(1);
        assert_eq!(extent.durable(), Index::ZERO);
        extent.note_durable(2);
        assert_eq!(extent.durable(), Index(9));
        assert!(!extent.is_behind(Index(9)));
    }
}
