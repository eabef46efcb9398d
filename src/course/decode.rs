//! From datagrams to what a replica takes in. Takes any bytes whatever, and never panics.

use std::borrow::Cow;
use std::fmt;
use std::str::Utf8Error;

use serde::Deserialize;

pub use super::incoming::Incoming;
use super::quick;
use super::wire::{
    WireEntry, WireLogId, WireReceipt, read_entry, read_index, read_log_id, read_receipt,
    read_term, read_time,
};
use crate::consensus::message::{
    Append, AppendResponse, Receipt, SnapshotPart, SnapshotResponse, VoteRequest, VoteResponse,
};
use crate::consensus::{Body, Incarnation, Index, LogId, Message};
use crate::id::Id;
use crate::kv::{Command, Note, Operation, Request};
use crate::replica::Letter;

/// Why a datagram cannot be read.
#[derive(Debug)]
pub enum Unreadable {
    /// It is not UTF-8.
    Text(Utf8Error),
    /// It is not a JSON object of the right shape; the parser's words.
    Json(serde_json::Error),
    /// A message of this type needs this key.
    Missing {
        /// The type.
        of: &'static str,
        /// The key.
        key: &'static str,
    },
    /// A number is beyond [`MAX_NUMBER`](super::MAX_NUMBER).
    Number,
    /// A client's name for its attempt is longer than [`MAX_MID_BYTES`](super::MAX_MID_BYTES).
    Mid(usize),
    /// No message to a replica has this type.
    Type(String),
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unreadable::Text(error) => write!(f, "not a message: {error}"),
            Unreadable::Json(error) => write!(f, "not a message: {error}"),
            Unreadable::Missing { of, key } => write!(f, "a message of type {of} needs {key:?}"),
            Unreadable::Number => write!(f, "a term or an index is beyond {}", super::MAX_NUMBER),
            Unreadable::Mid(length) => {
                let limit = super::MAX_MID_BYTES;
                write!(f, "an MID of {length} bytes; at most {limit} are allowed")
            }
            Unreadable::Type(found) => write!(f, "unknown type {:?}", shortened(found)),
        }
    }
}

impl std::error::Error for Unreadable {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Unreadable::Text(error) => Some(error),
            Unreadable::Json(error) => Some(error),
            _ => None,
        }
    }
}

/// The first characters of a text from outside, few enough for a log line.
fn shortened(text: &str) -> String {
    text.chars().take(40).collect()
}

/// Every key that any message to a replica has. Unknown keys are ignored: other simulators may add
/// some.
#[derive(Deserialize)]
struct Datagram<'a> {
    src: Id,
    dst: Id,
    leader: Option<Id>,
    #[serde(borrow)]
    r#type: Cow<'a, str>,
    #[serde(rename = "MID")]
    mid: Option<String>,
    key: Option<String>,
    value: Option<String>,
    term: Option<u64>,
    life: Option<u32>,
    applied: Option<u64>,
    settled: Option<u64>,
    forgotten: Option<u64>,
    previous: Option<WireLogId>,
    #[serde(borrow)]
    entries: Option<Vec<WireEntry<'a>>>,
    commit: Option<u64>,
    response: Option<bool>,
    sent_ns: Option<u64>,
    deferred: Option<bool>,
    in_doubt: Option<bool>,
    route: Option<Vec<Id>>,
    receipts: Option<Vec<WireReceipt>>,
    last: Option<WireLogId>,
    suspicion: Option<bool>,
    granted: Option<bool>,
    start: Option<u64>,
    end: Option<u64>,
    whole: Option<Vec<WireLogId>>,
    text: Option<String>,
    have: Option<u64>,
}

/// Reads a datagram.
///
/// # Errors
///
/// [`Unreadable`], with the reason, for anything that is not a message to a replica.
pub fn decode(bytes: &[u8]) -> Result<Incoming, Unreadable> {
    // Checked as a whole, because serde_json would check every text in it alone, at thrice the cost.
    let text = std::str::from_utf8(bytes).map_err(Unreadable::Text)?;
    if let Some(incoming) = quick::read(text) {
        return Ok(incoming);
    }
    decode_any(text)
}

/// Reads a datagram, however it is written.
///
/// # Errors
///
/// As [`decode`].
pub fn decode_any(text: &str) -> Result<Incoming, Unreadable> {
    let datagram: Datagram<'_> = serde_json::from_str(text).map_err(Unreadable::Json)?;
    match &*datagram.r#type {
        "get" => datagram.request("get", |datagram| {
            let key = needed(datagram.key.take(), "get", "key")?;
            Ok(Operation::Get { key })
        }),
        "put" => datagram.request("put", |datagram| {
            let key = needed(datagram.key.take(), "put", "key")?;
            let value = needed(datagram.value.take(), "put", "value")?;
            Ok(Operation::Put { key, value })
        }),
        "append" => datagram.letter("append", |datagram| {
            let entries = needed(datagram.entries.take(), "append", "entries")?;
            Ok(Body::Append(Append {
                previous: datagram.log_id(datagram.previous, "append", "previous")?,
                entries: entries
                    .into_iter()
                    .map(read_entry)
                    .collect::<Option<_>>()
                    .ok_or(Unreadable::Number)?,
                commit: datagram.index(datagram.commit, "append", "commit")?,
                response_wanted: datagram.response.unwrap_or(true),
                deferred: datagram.deferred.unwrap_or(false),
                in_doubt: datagram.in_doubt.unwrap_or(false),
                route: datagram.route.take().unwrap_or_default(),
                receipts: datagram.receipts()?,
                sent_at: read_time(needed(datagram.sent_ns, "append", "sent_ns")?),
            }))
        }),
        "append_response" => datagram.letter("append_response", |datagram| {
            Ok(Body::AppendResponse(AppendResponse {
                receipts: datagram.receipts()?,
                commit: datagram.index(datagram.commit, "append_response", "commit")?,
                sent_at: read_time(needed(datagram.sent_ns, "append_response", "sent_ns")?),
            }))
        }),
        "snapshot" => datagram.letter("snapshot", |datagram| {
            let firsts = datagram.whole.take();
            let read = |firsts: Vec<WireLogId>| firsts.into_iter().map(read_log_id).collect();
            let whole = match firsts.map(read) {
                None => None,
                Some(read) => Some(Option::ok_or(read, Unreadable::Number)?),
            };
            Ok(Body::Snapshot(SnapshotPart {
                last: datagram.log_id(datagram.last, "snapshot", "last")?,
                start: datagram.index(datagram.start, "snapshot", "start")?.0,
                end: datagram.index(datagram.end, "snapshot", "end")?.0,
                whole,
                in_doubt: datagram.in_doubt.unwrap_or(false),
                text: needed(datagram.text.take(), "snapshot", "text")?,
                sent_at: read_time(needed(datagram.sent_ns, "snapshot", "sent_ns")?),
            }))
        }),
        "snapshot_response" => datagram.letter("snapshot_response", |datagram| {
            let of = "snapshot_response";
            Ok(Body::SnapshotResponse(SnapshotResponse {
                last: datagram.log_id(datagram.last, of, "last")?,
                have: datagram.index(datagram.have, of, "have")?.0,
                sent_at: read_time(needed(datagram.sent_ns, of, "sent_ns")?),
            }))
        }),
        "pre_vote" => datagram.letter("pre_vote", |datagram| {
            Ok(Body::PreVote(datagram.vote_request("pre_vote")?))
        }),
        "vote" => datagram.letter("vote", |datagram| {
            Ok(Body::Vote(datagram.vote_request("vote")?))
        }),
        "pre_vote_response" => datagram.letter("pre_vote_response", |datagram| {
            let response = datagram.vote_response("pre_vote_response")?;
            Ok(Body::PreVoteResponse(response))
        }),
        "vote_response" => datagram.letter("vote_response", |datagram| {
            Ok(Body::VoteResponse(datagram.vote_response("vote_response")?))
        }),
        unknown => Err(Unreadable::Type(unknown.to_owned())),
    }
}

fn needed<T>(field: Option<T>, of: &'static str, key: &'static str) -> Result<T, Unreadable> {
    field.ok_or(Unreadable::Missing { of, key })
}

impl Datagram<'_> {
    fn request(
        mut self,
        of: &'static str,
        operation: impl FnOnce(&mut Self) -> Result<Operation, Unreadable>,
    ) -> Result<Incoming, Unreadable> {
        let mid = needed(self.mid.take(), of, "MID")?;
        if mid.len() > super::MAX_MID_BYTES {
            return Err(Unreadable::Mid(mid.len()));
        }
        let operation = operation(&mut self)?;
        Ok(Incoming::Request {
            to: self.dst,
            request: Request {
                client: self.src,
                mid,
                operation,
            },
        })
    }

    fn letter(
        mut self,
        of: &'static str,
        body: impl FnOnce(&mut Self) -> Result<Body<Command>, Unreadable>,
    ) -> Result<Incoming, Unreadable> {
        let term = needed(self.term, of, "term")?;
        let term = read_term(term).ok_or(Unreadable::Number)?;
        let life = needed(self.life, of, "life")?;
        let note = match (self.applied, self.settled) {
            (None, None) => None,
            (applied, settled) => Some(Note {
                applied: self.index(applied, of, "applied")?,
                settled: self.index(settled, of, "settled")?,
                forgotten: self.index(self.forgotten.or(Some(0)), of, "forgotten")?,
            }),
        };
        let body = body(&mut self)?;
        let message = Message {
            term,
            leader: self.leader.unwrap_or(Id::UNKNOWN),
            incarnation: Incarnation(life),
            body,
        };
        Ok(Incoming::Letter {
            from: self.src,
            to: self.dst,
            letter: Letter { message, note },
        })
    }

    fn index(
        &self,
        field: Option<u64>,
        of: &'static str,
        key: &'static str,
    ) -> Result<Index, Unreadable> {
        read_index(needed(field, of, key)?).ok_or(Unreadable::Number)
    }

    fn log_id(
        &self,
        field: Option<WireLogId>,
        of: &'static str,
        key: &'static str,
    ) -> Result<LogId, Unreadable> {
        read_log_id(needed(field, of, key)?).ok_or(Unreadable::Number)
    }

    fn receipts(&mut self) -> Result<Vec<Receipt>, Unreadable> {
        let receipts = self.receipts.take().unwrap_or_default();
        receipts
            .into_iter()
            .map(read_receipt)
            .collect::<Option<_>>()
            .ok_or(Unreadable::Number)
    }

    fn vote_request(&self, of: &'static str) -> Result<VoteRequest, Unreadable> {
        Ok(VoteRequest {
            last: self.log_id(self.last, of, "last")?,
            leader_suspected: self.suspicion.unwrap_or(false),
        })
    }

    fn vote_response(&self, of: &'static str) -> Result<VoteResponse, Unreadable> {
        Ok(VoteResponse {
            granted: needed(self.granted, of, "granted")?,
            last: self.log_id(self.last, of, "last")?,
        })
    }
}
