//! What the log holds.

use std::sync::Arc;

use super::types::{Index, Term};
use crate::id::Id;

/// One entry of the replicated log.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Entry {
    /// The term of the leader that created it.
    pub term: Term,
    /// What it does when it is applied.
    pub command: Command,
}

/// What an entry does.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Command {
    /// The first entry of a leader's term, with its leader. It changes nothing in the store; committing
    /// it commits what the leader inherited (Raft §5.4.2).
    Lead(Id),
    /// Changes nothing in the store, but who answers for puts before it.
    TakeOver(TakeOver),
    /// Changes nothing; committing it renews the leader's lease.
    Renew,
    /// A client's put.
    Put(Arc<Put>),
}

/// A leader answers puts in place of the replica that they name, because that is gone. Once this is
/// committed, whoever still owes those answers keeps quiet. See `fates.rs`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TakeOver {
    /// The leader of the entry's term.
    pub by: Id,
    /// It answers the puts behind this index,
    pub after: Index,
    /// up to and including this one.
    pub through: Index,
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

impl Command {
    /// The put, if it is one.
    pub fn put(&self) -> Option<&Arc<Put>> {
        match self {
            Command::Put(put) => Some(put),
            Command::Lead(_) | Command::TakeOver(_) | Command::Renew => None,
        }
    }
}

impl Entry {
    /// An upper bound of the bytes that this entry takes in a datagram, so that batches can be
    /// limited without knowing the encoding: text counts at its length in UTF-8, with room for an
    /// escape sequence for each character that text formats commonly escape.
    pub fn size_bound(&self) -> usize {
        /// Braces, names, the term, two IDs and separators.
        const FRAME: usize = 140;
        FRAME
            + match &self.command {
                Command::Lead(_) | Command::TakeOver(_) | Command::Renew => 0,
                Command::Put(put) => put.text_size_bound(),
            }
    }
}

impl Put {
    /// An upper bound of the bytes that the put's texts take in a datagram.
    pub fn text_size_bound(&self) -> usize {
        [&self.key, &self.value, &self.mid]
            .into_iter()
            .map(|text| escaped_size_bound(text))
            .sum()
    }
}

/// An upper bound of the bytes that `text` takes when quoted.
fn escaped_size_bound(text: &str) -> usize {
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
