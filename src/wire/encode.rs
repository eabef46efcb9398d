//! From the core's outputs to datagrams.

use serde::Serialize;
use serde::ser::Serializer;

use super::entry::{WirePosition, write_entry, write_position, write_receipt, write_time};
use crate::id::Id;
use crate::raft::entry::Entry;
use crate::raft::message::Receipt;
use crate::raft::{Answer, Body, Message, Outcome};

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
    previous: Option<WirePosition>,
    #[serde(skip_serializing_if = "Option::is_none")]
    commit: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    answer: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sent_ns: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    deferred: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    answered: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    settled: Option<u64>,
    #[serde(skip_serializing_if = "<[Id]>::is_empty")]
    route: &'a [Id],
    #[serde(skip_serializing_if = "Option::is_none")]
    receipts: Option<Receipts<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last: Option<WirePosition>,
    #[serde(skip_serializing_if = "Option::is_none")]
    suspicion: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    granted: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    entries: Option<Entries<'a>>,
}

struct Entries<'a>(&'a [Entry]);

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

/// Writes a message from the replica `src` to the replica `dst` into `buffer`, in place of what
/// was there.
pub fn encode_message(buffer: &mut Vec<u8>, src: Id, dst: Id, message: &Message) {
    let frame = Datagram {
        src: Some(src),
        dst: Some(dst),
        leader: Some(message.leader),
        r#type: message.body.name(),
        term: Some(message.term.0),
        ..Datagram::default()
    };
    let body = match &message.body {
        Body::Append(append) => Datagram {
            previous: Some(write_position(append.previous)),
            commit: Some(append.commit.0),
            settled: Some(append.settled.0),
            answer: Some(append.answer_wanted),
            sent_ns: Some(write_time(append.sent_at)),
            deferred: (!append.may_commit).then_some(true),
            route: &append.route,
            receipts: Receipts::unless_empty(&append.receipts),
            entries: Some(Entries(&append.entries)),
            ..frame
        },
        Body::Appended(appended) => Datagram {
            receipts: Receipts::unless_empty(&appended.receipts),
            answered: Some(appended.answered.0),
            sent_ns: Some(write_time(appended.sent_at)),
            ..frame
        },
        Body::PreVote(standing) | Body::Vote(standing) => Datagram {
            last: Some(write_position(standing.last)),
            suspicion: Some(standing.leader_suspected),
            ..frame
        },
        Body::PreVoted(voted) | Body::Voted(voted) => Datagram {
            granted: Some(voted.granted),
            last: Some(write_position(voted.last)),
            answered: Some(voted.answered.0),
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
