//! The key-value store: what the committed puts, applied in their order, make.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::collections::{BTreeSet, HashSet, VecDeque};
use std::hash::{BuildHasherDefault, Hash, Hasher};
use std::sync::Arc;

use super::command::Put;
use crate::id::Id;

/// The store. Replicas that have applied the same entries have the same one.
#[derive(Clone, Debug)]
pub struct Store {
    /// The latest put to each key, shared with the log.
    latest: BTreeSet<ByKey>,
    recent: Recent,
}

impl Store {
    /// An empty one, that will remember so many puts.
    pub fn new(max_remembered_puts: usize) -> Store {
        Store {
            latest: BTreeSet::new(),
            recent: Recent::new(max_remembered_puts),
        }
    }

    /// The value of a key, if it was ever put.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.latest.get(key).map(|ByKey(put)| put.value.as_str())
    }

    /// Applies a put. Returns whether it took effect: not if it is one of the last that were applied, delivered again.
    pub fn apply(&mut self, put: &Arc<Put>) -> bool {
        if !self.recent.add(put.client, &put.mid) {
            return false;
        }
        self.latest.replace(ByKey(Arc::clone(put)));
        true
    }

    /// What a model checker tells stores apart by.
    pub(super) fn fingerprint(&self, hasher: &mut impl Hasher) {
        let Store { latest, recent } = self;
        for ByKey(put) in latest {
            (&put.key, &put.value).hash(hasher);
        }
        (latest.len(), &recent.order).hash(hasher);
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

impl Ord for ByKey {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.key.cmp(&other.0.key)
    }
}

impl PartialOrd for ByKey {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for ByKey {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for ByKey {}

/// The last attempts whose puts were applied. All replicas remember the same ones.
#[derive(Clone, Debug)]
struct Recent {
    limit: usize,
    /// By their hashes, in the order in which they were applied.
    order: VecDeque<u64>,
    known: HashSet<u64, BuildHasherDefault<AsItIs>>,
}

impl Recent {
    fn new(limit: usize) -> Recent {
        Recent {
            limit,
            order: VecDeque::new(),
            known: HashSet::default(),
        }
    }

    /// Notes an attempt; returns whether it is new.
    fn add(&mut self, client: Id, mid: &str) -> bool {
        let attempt = client.0.to_be_bytes().into_iter().chain(mid.bytes());
        let attempt = fnv_1a(attempt);
        if !self.known.insert(attempt) {
            return false;
        }
        self.order.push_back(attempt);
        if self.order.len() > self.limit
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
        true
    }
}

/// A number for a text, the same on all replicas whatever they were built with. That two of a thousand attempts share one
/// is less likely than one in 10^13.
fn fnv_1a(bytes: impl Iterator<Item = u8>) -> u64 {
    const START: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0000_0100_0000_01b3;
    bytes.fold(START, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(PRIME)
    })
}

/// Takes numbers that are hashes already.
#[derive(Clone, Copy, Debug, Default)]
struct AsItIs(u64);

impl Hasher for AsItIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _: &[u8]) {
        unreachable!("only numbers are hashed");
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = number;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(mid: &str, value: &str) -> Arc<Put> {
        Arc::new(Put {
            key: "k".to_owned(),
            value: value.to_owned(),
            client: Id(0x15),
            mid: mid.to_owned(),
            answerer: Id(0),
        })
    }

    #[test]
    fn a_put_that_comes_again_brings_no_old_value_back() {
        let mut store = Store::new(2);
        assert!(store.apply(&put("a", "1")) && store.apply(&put("b", "2")));
        assert!(!store.apply(&put("a", "1")));
        assert_eq!(store.get("k"), Some("2"));
        // Only the last ones are remembered.
        assert!(store.apply(&put("c", "3")) && store.apply(&put("a", "1")));
    }
}
