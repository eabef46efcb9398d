//! What crosses the border between the simulation and the replicas below it.
//!
//! A replica-to-replica message is an opaque payload `P` (the raw datagram in real time); nothing
//! here may look into it, and nothing here knows how messages are written down.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use serde::{Serialize, Serializer};

use crate::id::Id;

/// A message from a replica that kept the rules for every message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope<'a, P> {
    /// Who says to have sent it.
    pub src: Id,
    /// Whom the sender believes to be the leader; [`Id::UNKNOWN`] if it knows of none.
    pub leader: Id,
    /// The message's `type`, as the sender wrote it.
    pub kind: Cow<'a, str>,
    /// Where it goes and what is in it.
    pub body: Body<'a, P>,
}

/// Where a replica's message goes and what is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body<'a, P> {
    /// The replica has started.
    Hello,
    /// To the replica with this index.
    Unicast(usize, P),
    /// To every replica but the sender.
    Broadcast(P),
    /// To a client.
    Answer(Answer<'a>),
    /// To nobody there is, or to a client and no answer: what is wrong with it.
    Wrong(String),
}

/// A replica's answer to a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer<'a> {
    /// The index of the client.
    pub client: usize,
    /// What the answer says.
    pub kind: AnswerKind,
    /// Which attempt it answers.
    pub mid: Cow<'a, str>,
    /// The value, if the answer has one that is a text.
    pub value: Option<Cow<'a, str>>,
}

/// What an answer says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnswerKind {
    /// Done.
    Ok,
    /// Ask the leader.
    Redirect,
    /// Not done, try again.
    Fail,
}

/// What a client wants done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Op {
    /// Read a key.
    Get,
    /// Write a key.
    Put,
}

impl Op {
    /// The `type` of a request for it.
    pub fn name(self) -> &'static str {
        match self {
            Op::Get => "get",
            Op::Put => "put",
        }
    }
}

/// The name of one attempt: 16 random letters and digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Mid(pub [u8; 16]);

impl Mid {
    /// The name that `text` is, if it has the right length.
    pub fn read(text: &str) -> Option<Self> {
        text.as_bytes().try_into().ok().map(Mid)
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        // Only letters and digits are ever put in by a client.
        std::str::from_utf8(&self.0).unwrap_or("")
    }
}

impl fmt::Display for Mid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Mid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Mid {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// A client's request, on its way to a replica.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientRequest {
    /// The client.
    pub client: Id,
    /// Whom the client believes to be the leader.
    pub leader: Id,
    /// The name of this attempt.
    pub mid: Mid,
    /// What to do.
    pub op: Op,
    /// With which key.
    pub key: Arc<str>,
    /// The new value, for a put.
    pub value: Option<Arc<str>>,
}
