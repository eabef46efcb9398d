//! A store as it was at one moment: what a snapshot says, as text.
//!
//! Its items, in order: the last attempts, `a` with 16 hexadecimal digits each, in the order in which they were applied;
//! then each key with its value, `p`, their lengths in bytes with a colon behind each, the key and the value, in the order
//! of the keys. The text is the same wherever it is made.

use std::fmt::Write;
use std::sync::Arc;

use super::chunks::{Chunk, Chunks};
use super::command::{Put, escaped_size_bound};
use crate::consensus::snapshot::State;

/// How many chunks are let go of in one step: it must be short.
const DISMANTLED_AT_ONCE: usize = 4;

/// A store as it was.
#[derive(Debug)]
pub(super) struct Frozen {
    attempts: Vec<u64>,
    chunks: Vec<Arc<Chunk>>,
    puts: usize,
}

/// An item.
#[derive(Debug)]
pub(super) enum Item<'a> {
    /// One of the last attempts, by its hash.
    Attempt(u64),
    /// A key and its value.
    Pair(&'a str, &'a str),
}

impl Frozen {
    pub(super) fn new(latest: &Chunks, attempts: impl Iterator<Item = u64>) -> Frozen {
        Frozen {
            attempts: attempts.collect(),
            chunks: latest.chunks().to_vec(),
            puts: latest.len(),
        }
    }

    /// Lets go of a bit of it, since to let go of a million puts at once takes long. Returns whether anything is left.
    pub(super) fn dismantle(&mut self) -> bool {
        let left = self.chunks.len().saturating_sub(DISMANTLED_AT_ONCE);
        self.chunks.truncate(left);
        left > 0
    }

    fn puts_from(&self, start: usize) -> impl Iterator<Item = &Arc<Put>> {
        let mut skipped = 0;
        let first = self.chunks.iter().position(|chunk| {
            let is_behind = skipped + chunk.len() > start;
            skipped += if is_behind { 0 } else { chunk.len() };
            is_behind
        });
        let chunks = &self.chunks[first.unwrap_or(self.chunks.len())..];
        let puts = chunks.iter().flat_map(|chunk| chunk.iter());
        puts.skip(start - skipped.min(start))
    }
}

impl State for Frozen {
    fn items(&self) -> u64 {
        (self.attempts.len() + self.puts) as u64
    }

    fn part(&self, start: u64, max_bytes: usize) -> (String, u64) {
        let start = usize::try_from(start).unwrap_or(usize::MAX);
        let mut part = Part {
            text: String::new(),
            bytes: 0,
            max_bytes,
        };
        let mut end = start;
        let mut item = String::new();
        let attempts = self.attempts.iter().skip(start);
        for attempt in attempts {
            item.clear();
            write!(item, "a{attempt:016x}").expect("texts take anything");
            if !part.add(&item) {
                return (part.text, end as u64);
            }
            end += 1;
        }
        for put in self.puts_from(end.saturating_sub(self.attempts.len())) {
            let Put { key, value, .. } = &**put;
            item.clear();
            write!(item, "p{}:{}:{key}{value}", key.len(), value.len())
                .expect("texts take anything");
            if !part.add(&item) {
                break;
            }
            end += 1;
        }
        (part.text, end as u64)
    }
}

/// A part that is being written.
struct Part {
    text: String,
    bytes: usize,
    max_bytes: usize,
}

impl Part {
    /// Adds an item if there is room. There is for the first one.
    fn add(&mut self, item: &str) -> bool {
        let bytes = escaped_size_bound(item);
        let has_room = self.text.is_empty() || self.bytes + bytes <= self.max_bytes;
        if has_room {
            self.text.push_str(item);
            self.bytes += bytes;
        }
        has_room
    }
}

/// The items of a text, up to the first thing that is none.
pub(super) fn items(text: &str) -> impl Iterator<Item = Result<Item<'_>, String>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let Some((item, behind)) = item(rest) else {
            let what: String = rest.chars().take(40).collect();
            rest = "";
            return Some(Err(format!("no item of a snapshot: {what:?}")));
        };
        rest = behind;
        Some(Ok(item))
    })
}

/// The first item, and what comes behind it.
fn item(text: &str) -> Option<(Item<'_>, &str)> {
    if let Some(rest) = text.strip_prefix('a') {
        let (digits, rest) = rest.split_at_checked(16)?;
        let attempt = u64::from_str_radix(digits, 16).ok()?;
        return Some((Item::Attempt(attempt), rest));
    }
    let rest = text.strip_prefix('p')?;
    let (key_bytes, rest) = rest.split_once(':')?;
    let (value_bytes, rest) = rest.split_once(':')?;
    let (key, rest) = rest.split_at_checked(key_bytes.parse().ok()?)?;
    let (value, rest) = rest.split_at_checked(value_bytes.parse().ok()?)?;
    Some((Item::Pair(key, value), rest))
}
