//! What the log's commands mean.

use std::sync::Arc;

use crate::consensus::{self, Index, Members};
use crate::id::Id;

/// What an entry of the log does.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Command {
    /// A client's put.
    Put(Arc<Put>),
    /// Changes nothing in the store, but who answers for puts before it.
    TakeOver(TakeOver),
}

/// A client's put, with what is needed to answer it from any replica.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Put {
    /// The key to set.
    pub key: String,
    /// Its new value.
    pub value: String,
    /// Who asked.
    pub client: Id,
    /// The client's name for this attempt.
    pub mid: String,
    /// Who answers the client when the put is committed.
    pub answerer: Id,
}

/// Another replica answers puts in the place of one that is gone. See `replies/last.rs`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TakeOver {
    /// Who was to answer them.
    pub from: Id,
    /// Who answers them now: the leader of the entry's term.
    pub by: Id,
    /// What `from` has become answerable for through this index, it has answered; it is about the rest, up to this
    /// entry.
    pub after: Index,
}

impl Command {
    /// The put, if it is one.
    pub fn put(&self) -> Option<&Arc<Put>> {
        match self {
            Command::Put(put) => Some(put),
            Command::TakeOver(_) => None,
        }
    }
}

impl consensus::Command for Command {
    fn size_bound(&self) -> usize {
        /// Names, two IDs and separators.
        const FRAME: usize = 100;
        FRAME + self.put().map_or(0, |put| put.text_size_bound())
    }

    fn check(&self, index: Index, members: &Members) -> Result<(), String> {
        let member = |id: Id| match members.contains(id) {
            true => Ok(()),
            false => Err(format!("{id} is no member")),
        };
        match self {
            Command::Put(put) => member(put.answerer),
            Command::TakeOver(TakeOver { from, by, after }) => {
                member(*from)?;
                member(*by)?;
                if from == by || *after >= index {
                    return Err(format!("{by} cannot take over from {from} after {after}"));
                }
                Ok(())
            }
        }
    }
}

impl Put {
    /// What is left of a put in a snapshot. Whoever asked for it has long been answered.
    pub(super) fn restored(key: &str, value: &str) -> Arc<Put> {
        Arc::new(Put {
            key: key.to_owned(),
            value: value.to_owned(),
            client: Id::UNKNOWN,
            mid: String::new(),
            answerer: Id::UNKNOWN,
        })
    }

    /// An upper bound of the bytes that the put's texts take in a datagram.
    pub fn text_size_bound(&self) -> usize {
        text_size_bound([&self.key, &self.value, &self.mid])
    }
}

/// An upper bound of the bytes that texts take in a datagram: they count at their length in
/// UTF-8, with room for an escape sequence for each character that text formats commonly escape.
pub(super) fn text_size_bound(texts: [&str; 3]) -> usize {
    texts.into_iter().map(escaped_size_bound).sum()
}

/// An upper bound of the bytes that `text` takes when quoted.
pub(super) fn escaped_size_bound(text: &str) -> usize {
    // Most texts need no escapes. Without a way out of the loop, many bytes are looked at together.
    let is_plain = |byte| (byte >= 0x20) & (byte != b'"') & (byte != b'\\');
    if text.bytes().fold(true, |all, byte| all & is_plain(byte)) {
        return text.len();
    }
    text.bytes()
        .map(|byte| match byte {
            b'"' | b'\\' | b'\n' | b'\r' | b'\t' | 0x08 | 0x0C => 2,
            0..0x20 => 6,
            _ => 1,
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_counted_for_each_escape_sequence() {
        assert_eq!(text_size_bound(["key", "größe", ""]), 3 + 7);
        assert_eq!(
            text_size_bound(["\"", "\\\n\r\t\u{8}\u{c}", "\u{1}"]),
            2 + 12 + 6
        );
    }
}
