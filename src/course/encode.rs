//! From a replica's outputs to datagrams.
//!
//! Written out by hand: every message takes several, and a general serialiser takes four times as long. The keys stand
//! in the order in which `quick.rs` reads them.

use super::wire::write_time;
use crate::consensus::message::{AppendOutcome, Receipt};
use crate::consensus::{Body, Entry, LogId, Payload};
use crate::id::Id;
use crate::kv::{Answer, Command, Outcome};
use crate::replica::Letter;

/// Writes the `hello` of the replica `src` into `buffer`, in place of what was there.
pub fn encode_hello(buffer: &mut Vec<u8>, src: Id) {
    let mut object = Object::new(buffer, src, Id::BROADCAST, Id::UNKNOWN, "hello");
    object.end();
}

/// Writes the answer of the replica `src` to a client into `buffer`, in place of what was there.
pub fn encode_answer(buffer: &mut Vec<u8>, src: Id, answer: &Answer) {
    let (kind, value) = match &answer.outcome {
        Outcome::Stored => ("ok", None),
        Outcome::Value(value) => ("ok", Some(value)),
        Outcome::Redirect => ("redirect", None),
        Outcome::Fail => ("fail", None),
    };
    let mut object = Object::new(buffer, src, answer.client, answer.leader, kind);
    object.text("MID", &answer.mid);
    if let Some(value) = value {
        object.text("value", value);
    }
    object.end();
}

/// Writes a letter from the replica `src` to the replica `dst` into `buffer`, in place of what
/// was there.
pub fn encode_letter(buffer: &mut Vec<u8>, src: Id, dst: Id, letter: &Letter) {
    let message = &letter.message;
    let mut object = Object::new(buffer, src, dst, message.leader, message.body.name());
    object.number("term", message.term.0);
    object.number("life", message.incarnation.0.into());
    if let Some(note) = letter.note {
        object.number("applied", note.applied.0);
        object.number("settled", note.settled.0);
        if note.forgotten.0 > 0 {
            object.number("forgotten", note.forgotten.0);
        }
    }
    match &message.body {
        Body::Append(append) => {
            object.log_id("previous", append.previous);
            object.number("commit", append.commit.0);
            object.flag("response", append.response_wanted);
            object.number("sent_ns", write_time(append.sent_at));
            if append.deferred {
                object.flag("deferred", true);
            }
            if append.in_doubt {
                object.flag("in_doubt", true);
            }
            if !append.route.is_empty() {
                object.list("route", &append.route, |buffer, id| write_id(buffer, *id));
            }
            object.receipts(&append.receipts);
            object.list("entries", &append.entries, write_entry);
        }
        Body::AppendResponse(response) => {
            object.number("commit", response.commit.0);
            object.number("sent_ns", write_time(response.sent_at));
            object.receipts(&response.receipts);
        }
        Body::Snapshot(part) => {
            object.log_id("last", part.last);
            object.number("start", part.start);
            object.number("end", part.end);
            if let Some(firsts) = &part.whole {
                object.list("whole", firsts, |buffer, id| write_log_id(buffer, *id));
            }
            object.number("sent_ns", write_time(part.sent_at));
            if part.in_doubt {
                object.flag("in_doubt", true);
            }
            object.text("text", &part.text);
        }
        Body::SnapshotResponse(response) => {
            object.log_id("last", response.last);
            object.number("have", response.have);
            object.number("sent_ns", write_time(response.sent_at));
        }
        Body::PreVote(request) | Body::Vote(request) => {
            object.log_id("last", request.last);
            object.flag("suspicion", request.leader_suspected);
        }
        Body::PreVoteResponse(response) | Body::VoteResponse(response) => {
            object.flag("granted", response.granted);
            object.log_id("last", response.last);
        }
    }
    object.end();
}

/// A JSON object that is being written.
struct Object<'a>(&'a mut Vec<u8>);

impl<'a> Object<'a> {
    fn new(buffer: &'a mut Vec<u8>, src: Id, dst: Id, leader: Id, kind: &str) -> Object<'a> {
        buffer.clear();
        buffer.extend_from_slice(b"{\"src\":");
        write_id(buffer, src);
        buffer.extend_from_slice(b",\"dst\":");
        write_id(buffer, dst);
        buffer.extend_from_slice(b",\"leader\":");
        write_id(buffer, leader);
        let mut object = Object(buffer);
        object.text("type", kind);
        object
    }

    fn end(&mut self) {
        self.0.push(b'}');
    }

    fn key(&mut self, key: &str) -> &mut Vec<u8> {
        self.0.extend_from_slice(b",\"");
        self.0.extend_from_slice(key.as_bytes());
        self.0.extend_from_slice(b"\":");
        self.0
    }

    fn number(&mut self, key: &str, number: u64) {
        write_number(self.key(key), number);
    }

    fn flag(&mut self, key: &str, flag: bool) {
        let text: &[u8] = if flag { b"true" } else { b"false" };
        self.key(key).extend_from_slice(text);
    }

    fn text(&mut self, key: &str, text: &str) {
        write_text(self.key(key), text);
    }

    fn log_id(&mut self, key: &str, id: LogId) {
        write_log_id(self.key(key), id);
    }

    fn receipts(&mut self, receipts: &[Receipt]) {
        if !receipts.is_empty() {
            self.list("receipts", receipts, write_receipt);
        }
    }

    fn list<T>(&mut self, key: &str, all: &[T], write: impl Fn(&mut Vec<u8>, &T)) {
        let buffer = self.key(key);
        buffer.push(b'[');
        for (place, one) in all.iter().enumerate() {
            if place > 0 {
                buffer.push(b',');
            }
            write(buffer, one);
        }
        buffer.push(b']');
    }
}

fn write_entry(buffer: &mut Vec<u8>, entry: &Entry<Command>) {
    buffer.push(b'[');
    write_number(buffer, entry.term.0);
    match &entry.payload {
        Payload::Noop => buffer.extend_from_slice(b",\"noop\"]"),
        Payload::Command(Command::Put(put)) => {
            buffer.extend_from_slice(b",{\"put\":{\"key\":");
            write_text(buffer, &put.key);
            buffer.extend_from_slice(b",\"value\":");
            write_text(buffer, &put.value);
            buffer.extend_from_slice(b",\"client\":");
            write_id(buffer, put.client);
            buffer.extend_from_slice(b",\"MID\":");
            write_text(buffer, &put.mid);
            buffer.extend_from_slice(b",\"answerer\":");
            write_id(buffer, put.answerer);
            buffer.extend_from_slice(b"}}]");
        }
        Payload::Command(Command::TakeOver(take_over)) => {
            buffer.extend_from_slice(b",{\"take_over\":{\"from\":");
            write_id(buffer, take_over.from);
            buffer.extend_from_slice(b",\"by\":");
            write_id(buffer, take_over.by);
            buffer.extend_from_slice(b",\"after\":");
            write_number(buffer, take_over.after.0);
            buffer.extend_from_slice(b"}}]");
        }
    }
}

fn write_receipt(buffer: &mut Vec<u8>, receipt: &Receipt) {
    buffer.push(b'[');
    write_id(buffer, receipt.follower);
    buffer.push(b',');
    write_number(buffer, receipt.incarnation.0.into());
    match receipt.outcome {
        AppendOutcome::Matched(index) => {
            buffer.extend_from_slice(b",{\"matched\":");
            write_number(buffer, index.0);
            buffer.extend_from_slice(b"}]");
        }
        AppendOutcome::Refused { previous, hint } => {
            buffer.extend_from_slice(b",{\"refused\":{\"previous\":");
            write_number(buffer, previous.0);
            buffer.extend_from_slice(b",\"hint\":");
            write_log_id(buffer, hint);
            buffer.extend_from_slice(b"}}]");
        }
    }
}

fn write_log_id(buffer: &mut Vec<u8>, id: LogId) {
    buffer.push(b'[');
    write_number(buffer, id.index.0);
    buffer.push(b',');
    write_number(buffer, id.term.0);
    buffer.push(b']');
}

fn write_id(buffer: &mut Vec<u8>, id: Id) {
    buffer.push(b'"');
    buffer.extend_from_slice(&id.digits());
    buffer.push(b'"');
}

fn write_number(buffer: &mut Vec<u8>, number: u64) {
    let mut digits = [0; 20];
    let (mut rest, mut start) = (number, digits.len());
    loop {
        start -= 1;
        digits[start] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    buffer.extend_from_slice(&digits[start..]);
}

fn write_text(buffer: &mut Vec<u8>, text: &str) {
    if super::quick::is_plain(text.as_bytes()) {
        buffer.push(b'"');
        buffer.extend_from_slice(text.as_bytes());
        return buffer.push(b'"');
    }
    serde_json::to_writer(buffer, text).expect("a text can be written to memory as JSON");
}
