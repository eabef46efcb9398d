//! What clients ask and what they are answered.

use crate::id::Id;

/// A client's request.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Request {
    /// Who asks.
    pub client: Id,
    /// The client's name for this attempt; an answer repeats it.
    pub mid: String,
    /// What is asked.
    pub operation: Operation,
}

/// What a client asks for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// The value of a key.
    Get {
        /// The key to read.
        key: String,
    },
    /// A new value for a key.
    Put {
        /// The key to set.
        key: String,
        /// Its new value.
        value: String,
    },
}

/// The answer to one attempt of a client's.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Answer {
    /// Who asked.
    pub client: Id,
    /// The attempt that this answers.
    pub mid: String,
    /// Whom the client should turn to from now on; [`Id::UNKNOWN`] for anybody.
    pub leader: Id,
    /// What became of the request.
    pub outcome: Outcome,
}

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The put took effect.
    Stored,
    /// The value that the get asked for; empty for a key never put.
    Value(String),
    /// It had no effect; the client should ask the answer's `leader`.
    Redirect,
    /// It had no effect, and this replica can take no more for now.
    Fail,
}
