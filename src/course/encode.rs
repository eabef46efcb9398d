//! From a replica's outputs to datagrams.

use serde::Serialize;
use serde::ser::Serializer;

use super::wire::{WireLogId, write_entry, write_log_id, write_receipt, write_time};
use crate::consensus::message::Receipt;
use crate::consensus::{Body, Entry};
use crate::id::Id;
use crate::kv::{Answer, Command, Outcome};
use crate::replica::Letter;

/// Every datagram that a replica sends. A field that is none is left out.
#[derive(Default, Serialize)]
struct Datagram<'a> {
    src: Option<Id>,
    dst: Option<Id>,
    leader: Option<Id>,
    r#type: &'static str,
    #[serde(rename = "MID", skip_serializing_if = "Option::is_none")]
    mid: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    term: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    life: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    previous: Option<WireLogId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    commit: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sent_ns: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    deferred: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    in_doubt: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    applied: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    settled: Option<u64>,
    #[serde(skip_serializing_if = "<[Id]>::is_empty")]
    route: &'a [Id],
    #[serde(skip_serializing_if = "Option::is_none")]
    receipts: Option<Receipts<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last: Option<WireLogId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    suspicion: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    granted: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    entries: Option<Entries<'a>>,
}

struct Entries<'a>(&'a [Entry<Command>]);

struct Receipts<'a>(&'a [Receipt]);

impl<'a> Receipts<'a> {
    fn unless_empty(receipts: &'a [Receipt]) -> Option<Receipts<'a>> {
        (!receipts.is_empty()).then_some(Receipts(receipts))
    }
}

impl Serialize for Receipts<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|receipt| write_receipt(*receipt)))
    }
}

impl Serialize for Entries<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(write_entry))
    }
}

/// Writes the `hello` of the replica `src` into `buffer`, in place of what was there.
pub fn encode_hello(buffer: &mut Vec<u8>, src: Id) {
    write(
        buffer,
        &Datagram {
            src: Some(src),
            dst: Some(Id::BROADCAST),
            leader: Some(Id::UNKNOWN),
            r#type: "hello",
            ..Datagram::default()
        },
    );
}

/// Writes the answer of the replica `src` to a client into `buffer`, in place of what was there.
pub fn encode_answer(buffer: &mut Vec<u8>, src: Id, answer: &Answer) {
    let (r#type, value) = match &answer.outcome {
        Outcome::Stored => ("ok", None),
        Outcome::Value(value) => ("ok", Some(value.as_str())),
        Outcome::Redirect => ("redirect", None),
        Outcome::Fail => ("fail", None),
    };
    write(
        buffer,
        &Datagram {
            src: Some(src),
            dst: Some(answer.client),
            leader: Some(answer.leader),
            r#type,
            mid: Some(&answer.mid),
            value,
            ..Datagram::default()
        },
    );
}

/// Writes a letter from the replica `src` to the replica `dst` into `buffer`, in place of what
/// was there.
pub fn encode_letter(buffer: &mut Vec<u8>, src: Id, dst: Id, letter: &Letter) {
    let message = &letter.message;
    let frame = Datagram {
        src: Some(src),
        dst: Some(dst),
        leader: Some(message.leader),
        r#type: message.body.name(),
        term: Some(message.term.0),
        life: Some(message.incarnation.0),
        applied: letter.note.map(|note| note.applied.0),
        settled: letter.note.map(|note| note.settled.0),
        ..Datagram::default()
    };
    let body = match &message.body {
        Body::Append(append) => Datagram {
            previous: Some(write_log_id(append.previous)),
            commit: Some(append.commit.0),
            response: Some(append.response_wanted),
            sent_ns: Some(write_time(append.sent_at)),
            deferred: append.deferred.then_some(true),
            in_doubt: append.in_doubt.then_some(true),
            route: &append.route,
            receipts: Receipts::unless_empty(&append.receipts),
            entries: Some(Entries(&append.entries)),
            ..frame
        },
        Body::AppendResponse(response) => Datagram {
            receipts: Receipts::unless_empty(&response.receipts),
            commit: Some(response.commit.0),
            sent_ns: Some(write_time(response.sent_at)),
            ..frame
        },
        Body::PreVote(request) | Body::Vote(request) => Datagram {
            last: Some(write_log_id(request.last)),
            suspicion: Some(request.leader_suspected),
            ..frame
        },
        Body::PreVoteResponse(response) | Body::VoteResponse(response) => Datagram {
            granted: Some(response.granted),
            last: Some(write_log_id(response.last)),
            ..frame
        },
    };
    write(buffer, &body);
}

fn write(buffer: &mut Vec<u8>, datagram: &Datagram<'_>) {
    buffer.clear();
    serde_json::to_writer(buffer, datagram)
        .expect("plain structures can be written to memory as JSON");
}
