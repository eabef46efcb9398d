//! The latest put to each key, in chunks of keys that lie side by side.
//!
//! A copy shares the chunks, so it costs little, however many keys there are. Whoever changes a chunk that is shared
//! changes a copy of it, which has few keys.

use std::sync::Arc;

use super::command::Put;

/// How many keys a chunk has at most. So few that copying one takes some microseconds, so many that a copy of all, which
/// touches each chunk, takes about a millisecond for a million keys.
const MAX_KEYS: usize = 128;

/// What a put takes beside its key and value, about, in bytes.
const FRAME: usize = 150;

/// Some puts in the order of their keys; never empty.
pub(super) type Chunk = Vec<Arc<Put>>;

/// The latest put to each key.
#[derive(Clone, Debug, Default)]
pub(super) struct Chunks {
    /// In the order of their keys.
    chunks: Vec<Arc<Chunk>>,
    len: usize,
    bytes: usize,
}

impl Chunks {
    pub(super) fn get(&self, key: &str) -> Option<&Arc<Put>> {
        let chunk = &self.chunks[self.place(key)?];
        let place = find(chunk, key).ok()?;
        Some(&chunk[place])
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// About what they take.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn chunks(&self) -> &[Arc<Chunk>] {
        &self.chunks
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Arc<Put>> {
        self.chunks.iter().flat_map(|chunk| chunk.iter())
    }

    /// The chunk where a key is, or belongs; none if there are none.
    fn place(&self, key: &str) -> Option<usize> {
        let behind = self.chunks.partition_point(|chunk| *chunk[0].key <= *key);
        (!self.chunks.is_empty()).then(|| behind.saturating_sub(1))
    }

    /// Puts a put in the place of the one to its key.
    pub(super) fn replace(&mut self, put: &Arc<Put>) {
        self.bytes += bytes(put);
        let Some(at) = self.place(&put.key) else {
            return self.add_chunk(put);
        };
        let chunk = Arc::make_mut(&mut self.chunks[at]);
        match find(chunk, &put.key) {
            Ok(place) => {
                let before = std::mem::replace(&mut chunk[place], Arc::clone(put));
                self.bytes -= bytes(&before);
            }
            Err(place) => {
                chunk.insert(place, Arc::clone(put));
                self.len += 1;
                if chunk.len() > MAX_KEYS {
                    let upper = chunk.split_off(MAX_KEYS / 2);
                    self.chunks.insert(at + 1, Arc::new(upper));
                }
            }
        }
    }

    /// Adds a put whose key comes behind all others.
    ///
    /// # Errors
    ///
    /// What is wrong with its key.
    pub(super) fn push_last(&mut self, put: Arc<Put>) -> Result<(), String> {
        let last = self.chunks.last_mut();
        if let Some(before) = last.as_ref().and_then(|chunk| chunk.last())
            && before.key >= put.key
        {
            return Err(format!("key {:?} behind {:?}", put.key, before.key));
        }
        match last {
            Some(chunk) if chunk.len() < MAX_KEYS / 2 => {
                self.bytes += bytes(&put);
                self.len += 1;
                Arc::make_mut(chunk).push(put);
            }
            _ => {
                self.bytes += bytes(&put);
                self.add_chunk(&put);
            }
        }
        Ok(())
    }

    fn add_chunk(&mut self, put: &Arc<Put>) {
        self.len += 1;
        self.chunks.push(Arc::new(vec![Arc::clone(put)]));
    }
}

fn find(chunk: &Chunk, key: &str) -> Result<usize, usize> {
    chunk.binary_search_by(|put| (*put.key).cmp(key))
}

fn bytes(put: &Put) -> usize {
    FRAME + put.key.len() + put.value.len()
}
