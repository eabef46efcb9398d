//! Who is to answer which put: what the log says of all puts behind those that are settled, so that nobody has to
//! search it.
//!
//! It follows the log, committed or not, and must never say more than the log does.

use std::collections::VecDeque;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use crate::consensus::Index;
use crate::consensus::log::Log;
use crate::id::Id;
use crate::kv::command::{Command, Put, TakeOver};

/// Whose a put's answer is, and since when: the index of the put, or of the take-over that made it so. Who has applied
/// the log through there has answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Duty {
    pub whose: Id,
    pub since: Index,
}

/// A put behind those that are settled.
#[derive(Clone, Debug, Hash)]
pub(super) struct Item {
    pub put: Arc<Put>,
    first: Duty,
    /// The take-overs of its answer, in the order of the log.
    taken_over: Vec<Duty>,
    /// Whether this replica has answered it.
    pub is_answered: bool,
    /// Whether it is known to be answered, though one before it is not.
    pub is_settled: bool,
}

impl Item {
    /// Whose it is, by all that is in the log.
    pub(super) fn duty(&self) -> Duty {
        *self.taken_over.last().unwrap_or(&self.first)
    }

    /// Whether it has ever been that replica's, by an entry through `index`.
    pub(super) fn was_ever(&self, whose: Id, index: Index) -> bool {
        let mut duties = self.taken_over.iter().chain([&self.first]);
        duties.any(|duty| duty.whose == whose && duty.since <= index)
    }

    /// Whose it is, by what is committed.
    pub(super) fn duty_as_of(&self, commit: Index) -> Duty {
        let decided = |duty: &&Duty| duty.since <= commit;
        *self.taken_over.iter().rfind(decided).unwrap_or(&self.first)
    }
}

/// All puts behind an index through which they are settled, with those between that are settled as well.
#[derive(Clone, Debug, Default)]
pub(super) struct Ledger {
    /// In the order of the log.
    items: VecDeque<(Index, Item)>,
    /// Entries through here are in it, but for the settled ones.
    seen: Index,
    /// What the keys of the items end with, side by side: many are looked through in no time.
    ends: VecDeque<u64>,
    /// How many that are not settled are whose, by all that is in the log.
    holders: Vec<(Id, usize)>,
}

impl Ledger {
    pub(super) fn get(&self, index: Index) -> Option<&Item> {
        Some(&self.items[self.place(index)?].1)
    }

    pub(super) fn get_mut(&mut self, index: Index) -> Option<&mut Item> {
        let place = self.place(index)?;
        Some(&mut self.items[place].1)
    }

    fn place(&self, index: Index) -> Option<usize> {
        self.items.binary_search_by_key(&index, |(at, _)| *at).ok()
    }

    /// The first one, which is not settled.
    pub(super) fn first(&self) -> Option<Index> {
        self.items.front().map(|(index, _)| *index)
    }

    pub(super) fn len(&self) -> usize {
        self.items.len()
    }

    /// Those that are not settled, up to `index`, in the order of the log.
    pub(super) fn open_through(&self, index: Index) -> impl Iterator<Item = (Index, &Item)> {
        self.items
            .iter()
            .take_while(move |(at, _)| *at <= index)
            .filter(|(_, item)| !item.is_settled)
            .map(|(at, item)| (*at, item))
    }

    /// The last one that is not settled.
    pub(super) fn last_open(&self) -> Option<&Item> {
        let mut items = self.items.iter().rev().map(|(_, item)| item);
        items.find(|item| !item.is_settled)
    }

    /// How many are not settled.
    pub(super) fn count_open(&self) -> usize {
        self.holders.iter().map(|(_, count)| count).sum()
    }

    /// Everybody who is to answer something that is not settled.
    pub(super) fn holders(&self) -> impl Iterator<Item = Id> {
        self.holders.iter().map(|(id, _)| *id)
    }

    /// The puts to a key.
    pub(super) fn of_key(&self, key: &str) -> impl DoubleEndedIterator<Item = (Index, &Item)> {
        let wanted = end_of(key);
        let places = self.ends.iter().enumerate();
        places
            .filter(move |(_, end)| **end == wanted)
            .map(|(place, _)| (self.items[place].0, &self.items[place].1))
            .filter(move |(_, item)| item.put.key == key)
    }

    /// Looks at what is new in the log.
    pub(super) fn follow(&mut self, log: &Log<Command>, truncated_after: Option<Index>) {
        if let Some(kept) = truncated_after.filter(|kept| *kept < self.seen) {
            self.truncate_after(kept);
        }
        if self.seen == log.last_index() {
            return;
        }
        for entry in log.from(self.seen.next()) {
            self.seen = self.seen.next();
            match entry.command() {
                Some(Command::Put(put)) => self.add(self.seen, put),
                Some(Command::TakeOver(take_over)) => self.take_over(self.seen, *take_over),
                None => {}
            }
        }
    }

    /// A put is settled. It stays as long as one before it is not: what comes after a put matters to its answer.
    pub(super) fn settle(&mut self, index: Index) {
        if let Some(item) = self.get_mut(index)
            && !std::mem::replace(&mut item.is_settled, true)
        {
            let whose = item.duty().whose;
            take_one(&mut self.holders, whose);
        }
        while self
            .items
            .pop_front_if(|(_, item)| item.is_settled)
            .is_some()
        {
            self.ends.pop_front();
        }
    }

    fn add(&mut self, index: Index, put: &Arc<Put>) {
        let first = Duty {
            whose: put.answerer,
            since: index,
        };
        add_one(&mut self.holders, first.whose);
        self.ends.push_back(end_of(&put.key));
        let item = Item {
            put: Arc::clone(put),
            first,
            taken_over: Vec::new(),
            is_answered: false,
            is_settled: false,
        };
        self.items.push_back((index, item));
    }

    fn take_over(&mut self, since: Index, take_over: TakeOver) {
        let TakeOver { from, by, after } = take_over;
        for (_, item) in self.items.iter_mut().filter(|(_, item)| !item.is_settled) {
            let duty = item.duty();
            if duty.whose == from && duty.since > after {
                item.taken_over.push(Duty { whose: by, since });
                move_one(&mut self.holders, from, by);
            }
        }
    }

    fn truncate_after(&mut self, kept: Index) {
        self.seen = kept;
        while let Some((_, item)) = self.items.pop_back_if(|(index, _)| *index > kept) {
            self.ends.pop_back();
            if !item.is_settled {
                take_one(&mut self.holders, item.duty().whose);
            }
        }
        for (_, item) in self.items.iter_mut().filter(|(_, item)| !item.is_settled) {
            let before = item.duty().whose;
            item.taken_over.retain(|duty| duty.since <= kept);
            move_one(&mut self.holders, before, item.duty().whose);
        }
    }

    /// A snapshot covers everything through `base`, and nothing is behind it.
    pub(super) fn restart_behind(&mut self, base: Index) {
        *self = Ledger {
            seen: base,
            ..Ledger::default()
        };
    }

    /// What a model checker tells ledgers apart by.
    pub(super) fn fingerprint(&self, hasher: &mut impl Hasher) {
        let Ledger {
            items,
            seen,
            // These follow from the items.
            ends: _,
            // Their order does not: whose answers a leader takes over first.
            holders,
        } = self;
        (items, seen, holders).hash(hasher);
    }
}

/// The last eight bytes of a key, as a number: different for most keys that are in use together.
fn end_of(key: &str) -> u64 {
    let end = key.as_bytes().last_chunk::<8>();
    end.map_or(key.len() as u64, |end| u64::from_ne_bytes(*end))
}

fn move_one(holders: &mut Vec<(Id, usize)>, from: Id, to: Id) {
    if from != to {
        take_one(holders, from);
        add_one(holders, to);
    }
}

fn add_one(holders: &mut Vec<(Id, usize)>, whose: Id) {
    match holders.iter_mut().find(|(id, _)| *id == whose) {
        Some((_, count)) => *count += 1,
        None => holders.push((whose, 1)),
    }
}

fn take_one(holders: &mut Vec<(Id, usize)>, whose: Id) {
    holders.retain_mut(|(id, count)| {
        *count -= usize::from(*id == whose);
        *count > 0
    });
}
