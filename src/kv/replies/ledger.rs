//! Who is to answer which put: what the log says of all puts behind those that are settled, so that nobody has to
//! search it.
//!
//! It follows the log, committed or not, and must never say more than the log does.

use std::borrow::Borrow;
use std::collections::{BTreeMap, BTreeSet, HashMap};
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
    is_settled: bool,
}

impl Item {
    /// Whose it is, by all that is in the log.
    pub(super) fn duty(&self) -> Duty {
        *self.taken_over.last().unwrap_or(&self.first)
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
    items: BTreeMap<Index, Item>,
    /// Entries through here are in it, but for the settled ones.
    seen: Index,
    /// Where the puts are that are not settled.
    open: BTreeSet<Index>,
    /// How many of those are whose, by all that is in the log.
    holders: BTreeMap<Id, usize>,
    /// Where the puts to each key are.
    by_key: HashMap<ByKey, Vec<Index>>,
}

impl Ledger {
    pub(super) fn get(&self, index: Index) -> Option<&Item> {
        self.items.get(&index)
    }

    pub(super) fn get_mut(&mut self, index: Index) -> Option<&mut Item> {
        self.items.get_mut(&index)
    }

    pub(super) fn first(&self) -> Option<(Index, &Item)> {
        self.items.first_key_value().map(|(index, item)| (*index, item))
    }

    pub(super) fn len(&self) -> usize {
        self.items.len()
    }

    /// Those that are not settled, up to `index`, in the order of the log.
    pub(super) fn open_through(
        &self,
        index: Index,
    ) -> impl DoubleEndedIterator<Item = (Index, &Item)> {
        let open = self.open.range(..=index);
        open.map(|index| (*index, &self.items[index]))
    }

    /// The last one that is not settled.
    pub(super) fn last_open(&self) -> Option<&Item> {
        Some(&self.items[self.open.last()?])
    }

    /// Whether that one is not settled.
    pub(super) fn is_open(&self, index: Index) -> bool {
        self.open.contains(&index)
    }

    /// How many are not settled.
    pub(super) fn count_open(&self) -> usize {
        self.open.len()
    }

    /// Everybody who is to answer something that is not settled.
    pub(super) fn holders(&self) -> impl Iterator<Item = Id> {
        self.holders.keys().copied()
    }

    /// The puts to a key.
    pub(super) fn of_key(&self, key: &str) -> impl DoubleEndedIterator<Item = (Index, &Item)> {
        let places = self.by_key.get(key).map_or(&[][..], Vec::as_slice);
        places.iter().map(|index| (*index, &self.items[index]))
    }

    /// Looks at what is new in the log.
    pub(super) fn follow(&mut self, log: &Log<Command>, truncated_after: Option<Index>) {
        if let Some(kept) = truncated_after.filter(|kept| *kept < self.seen) {
            self.truncate_after(kept);
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
        if let Some(item) = self.items.get_mut(&index)
            && self.open.remove(&index)
        {
            item.is_settled = true;
            take_one(&mut self.holders, item.duty().whose);
        }
        while let Some(first) = self.items.first_entry()
            && first.get().is_settled
        {
            let (index, item) = first.remove_entry();
            self.forget(index, &item);
        }
    }

    fn add(&mut self, index: Index, put: &Arc<Put>) {
        let first = Duty {
            whose: put.answerer,
            since: index,
        };
        *self.holders.entry(first.whose).or_default() += 1;
        self.open.insert(index);
        let places = self.by_key.entry(ByKey(Arc::clone(put))).or_default();
        places.push(index);
        let item = Item {
            put: Arc::clone(put),
            first,
            taken_over: Vec::new(),
            is_answered: false,
            is_settled: false,
        };
        self.items.insert(index, item);
    }

    fn take_over(&mut self, since: Index, take_over: TakeOver) {
        let TakeOver { from, by, after } = take_over;
        for index in &self.open {
            let Some(item) = self.items.get_mut(index) else {
                continue;
            };
            let duty = item.duty();
            if duty.whose == from && duty.since > after {
                item.taken_over.push(Duty { whose: by, since });
                move_one(&mut self.holders, from, by);
            }
        }
    }

    fn truncate_after(&mut self, kept: Index) {
        self.seen = kept;
        for (index, item) in self.items.split_off(&kept.next()) {
            if self.open.remove(&index) {
                take_one(&mut self.holders, item.duty().whose);
            }
            self.forget(index, &item);
        }
        for index in &self.open {
            let Some(item) = self.items.get_mut(index) else {
                continue;
            };
            let before = item.duty().whose;
            item.taken_over.retain(|duty| duty.since <= kept);
            move_one(&mut self.holders, before, item.duty().whose);
        }
    }

    fn forget(&mut self, index: Index, item: &Item) {
        let key = item.put.key.as_str();
        if let Some(places) = self.by_key.get_mut(key) {
            places.retain(|place| *place != index);
            if places.is_empty() {
                self.by_key.remove(key);
            }
        }
    }

    /// What a model checker tells ledgers apart by.
    pub(super) fn fingerprint(&self, hasher: &mut impl Hasher) {
        let Ledger {
            items,
            seen,
            // These follow from the items.
            open: _,
            holders: _,
            by_key: _,
        } = self;
        (items, seen).hash(hasher);
    }
}

fn move_one(holders: &mut BTreeMap<Id, usize>, from: Id, to: Id) {
    if from != to {
        take_one(holders, from);
        *holders.entry(to).or_default() += 1;
    }
}

fn take_one(holders: &mut BTreeMap<Id, usize>, from: Id) {
    if let Some(count) = holders.get_mut(&from) {
        *count -= 1;
        if *count == 0 {
            holders.remove(&from);
        }
    }
}

/// A put that stands for its key.
#[derive(Clone, Debug)]
struct ByKey(Arc<Put>);

impl Borrow<str> for ByKey {
    fn borrow(&self) -> &str {
        &self.0.key
    }
}

impl Hash for ByKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.key.as_str().hash(state);
    }
}

impl PartialEq for ByKey {
    fn eq(&self, other: &Self) -> bool {
        self.0.key == other.0.key
    }
}

impl Eq for ByKey {}
