//! The key-value store: what the committed puts, applied in their order, make.

use std::collections::{HashSet, VecDeque};
use std::hash::{BuildHasherDefault, Hash, Hasher};
use std::sync::Arc;

use super::chunks::Chunks;
use super::command::Put;
use super::frozen::{Frozen, Item, items};
use crate::consensus::snapshot::State;
use crate::id::Id;

/// The store. Replicas that have applied the same entries have the same one.
#[derive(Clone, Debug)]
pub struct Store {
    /// The latest put to each key, shared with the log.
    latest: Chunks,
    recent: Recent,
}

impl Store {
    /// An empty one, that will remember so many puts.
    pub fn new(max_remembered_puts: usize) -> Store {
        Store {
            latest: Chunks::default(),
            recent: Recent::new(max_remembered_puts),
        }
    }

    /// The value of a key, if it was ever put.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.latest.get(key).map(|put| put.value.as_str())
    }

    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.latest.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// About what it takes, in bytes.
    pub fn bytes(&self) -> usize {
        self.latest.bytes()
    }

    /// Applies a put. Returns whether it took effect: not if it is one of the last that were applied, delivered again.
    pub fn apply(&mut self, put: &Arc<Put>) -> bool {
        if !self.recent.add(hash_of(put.client, &put.mid)) {
            return false;
        }
        self.latest.replace(put);
        true
    }

    /// What it is now, to be kept whatever becomes of it. That takes no more time than there are chunks of keys.
    pub(super) fn freeze(&self) -> Frozen {
        Frozen::new(&self.latest, self.recent.order.iter().copied())
    }

    /// The state that a snapshot holds, to be kept whatever becomes of this store.
    pub fn state(&self) -> Arc<dyn State> {
        Arc::new(self.freeze())
    }

    /// The store that a snapshot's state makes, if that is a store's.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub fn of(state: &dyn State, max_remembered_puts: usize) -> Result<Store, String> {
        /// Any number will do.
        const PART_BYTES: usize = 1 << 16;
        let mut store = Store::new(max_remembered_puts);
        let mut start = 0;
        while start < state.items() {
            let (text, end) = state.part(start, PART_BYTES);
            store.take_in(&text)?;
            start = end;
        }
        Ok(store)
    }

    /// Takes in the next items of a frozen one, from its first one on.
    ///
    /// # Errors
    ///
    /// What is wrong with them.
    pub fn take_in(&mut self, text: &str) -> Result<(), String> {
        for item in items(text) {
            match item? {
                Item::Attempt(attempt) => {
                    self.recent.add(attempt);
                }
                Item::Pair(key, value) => self.latest.push_last(Put::restored(key, value))?,
            }
        }
        Ok(())
    }

    /// What a model checker, or a promise, tells stores apart by.
    pub fn fingerprint(&self, hasher: &mut impl Hasher) {
        let Store { latest, recent } = self;
        for put in latest.iter() {
            (&put.key, &put.value).hash(hasher);
        }
        (latest.len(), &recent.order).hash(hasher);
    }
}

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
    fn add(&mut self, attempt: u64) -> bool {
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

fn hash_of(client: Id, mid: &str) -> u64 {
    fnv_1a(client.0.to_be_bytes().into_iter().chain(mid.bytes()))
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
    use crate::kv::command::escaped_size_bound;

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

    #[test]
    fn a_frozen_store_stays_as_it_is_and_makes_the_same_one_elsewhere() {
        let mut store = Store::new(3);
        let mut all = Vec::new();
        for number in 0..1_000 {
            let text = format!("key \u{1} größe {}", number * 7_919 % 1_000);
            all.push(text.clone());
            store.apply(&Arc::new(Put {
                key: text,
                ..(*put(&number.to_string(), "\"one\"")).clone()
            }));
        }
        let frozen = store.freeze();
        for key in &all {
            let value = Arc::new(Put {
                key: key.clone(),
                ..(*put(key, "two")).clone()
            });
            store.apply(&value);
        }
        let mut copy = Store::new(3);
        let mut start = 0;
        let mut parts = 0;
        while start < frozen.items() {
            let (text, end) = frozen.part(start, 5_000);
            assert!(escaped_size_bound(&text) <= 5_000);
            copy.take_in(&text).expect("well-formed");
            (start, parts) = (end, parts + 1);
        }
        assert!(parts > 5);
        assert_eq!(copy.len(), 1_000);
        assert!(all.iter().all(|key| copy.get(key) == Some("\"one\"")));
        assert!(all.iter().all(|key| store.get(key) == Some("two")));
        // The last puts are known again.
        assert!(!copy.apply(&put("999", "three")) && copy.apply(&put("996", "three")));
    }

    #[test]
    fn what_is_no_item_is_refused() {
        let good = ["a0123456789abcdef", "p1:1:kv", "p2:0:kk"].concat();
        assert_eq!(Store::new(9).take_in(&good), Ok(()));
        for bad in [
            "x",
            "a12",
            "p",
            "p1:",
            "p1:1:k",
            "p9999999999999999999999:1:kv",
            "p1:1:ö",
            "p1:1:kvp1:1:kv",
            "p1:1:kvp1:1:jv",
            "a00000000000000ö",
        ] {
            assert!(Store::new(9).take_in(bad).is_err(), "{bad}");
        }
    }
}
