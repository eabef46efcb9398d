//! Reads at once what looks as this program writes it, or as the course's clients do: the keys in their order, at most
//! one space behind a colon or a comma, no escapes. Nearly every datagram does, and it is read six times as fast so.
//!
//! It gives up at anything else, and `decode.rs` reads it then. So it must never accept what that refuses, or
//! read it differently; `tests/wire` holds the two against each other.

use std::sync::Arc;

use super::incoming::Incoming;
use super::wire::{read_index, read_term, read_time};
use crate::consensus::message::{
    Append, AppendOutcome, AppendResponse, Receipt, VoteRequest, VoteResponse,
};
use crate::consensus::{Body, Entry, Incarnation, Index, LogId, Message, Payload};
use crate::id::Id;
use crate::kv::{Command, Note, Operation, Put, Request, TakeOver};
use crate::replica::Letter;

/// Whether a text can stand between quotation marks as it is.
pub(super) fn is_plain(text: &[u8]) -> bool {
    plain_length(text) == text.len()
}

/// How many bytes at the beginning of a text can stand between quotation marks as they are.
fn plain_length(text: &[u8]) -> usize {
    // Eight at a time. A byte that is special has its highest bit set in the sum: one below 0x20, a quotation mark, a
    // backslash. (One that is not ASCII may have it, too; the rest looks at each byte anyway.)
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    const HIGH: u64 = ONES << 7;
    let below = |word: u64, limit: u64| word.wrapping_sub(ONES * limit) & !word;
    let is_zero = |word: u64| word.wrapping_sub(ONES) & !word;
    let mut length = 0;
    while let Some(chunk) = text[length..].first_chunk::<8>() {
        let word = u64::from_ne_bytes(*chunk);
        let quote = is_zero(word ^ (ONES * u64::from(b'"')));
        let backslash = is_zero(word ^ (ONES * u64::from(b'\\')));
        if (below(word, 0x20) | quote | backslash) & HIGH != 0 {
            break;
        }
        length += 8;
    }
    let is_special = |&byte: &u8| byte < 0x20 || byte == b'"' || byte == b'\\';
    let rest = &text[length..];
    length + rest.iter().position(is_special).unwrap_or(rest.len())
}

/// Reads a datagram; none if it does not look as usual.
pub(super) fn read(text: &str) -> Option<Incoming> {
    let mut reader = Reader { text, at: 0 };
    reader.skip("{\"src\":")?;
    let from = reader.id()?;
    let to = reader.field("dst", Reader::id)?;
    let leader = reader.field("leader", Reader::id)?;
    let kind = reader.field("type", Reader::text)?;
    let incoming = match kind {
        "get" | "put" => Incoming::Request {
            to,
            request: reader.request(from, kind)?,
        },
        _ => Incoming::Letter {
            from,
            to,
            letter: reader.letter(leader, kind)?,
        },
    };
    reader.skip("}")?;
    (reader.at == text.len()).then_some(incoming)
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a [u8] {
        &self.text.as_bytes()[self.at..]
    }

    /// Goes behind just that text.
    fn skip(&mut self, text: &str) -> Option<()> {
        let found = self.rest().starts_with(text.as_bytes());
        self.at += if found { text.len() } else { 0 };
        self.skip_space();
        found.then_some(())
    }

    fn skip_space(&mut self) {
        self.at += usize::from(self.rest().first() == Some(&b' '));
    }

    /// What stands at a key, if that comes next in an object; else it goes no further.
    fn field<T>(&mut self, key: &str, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        let start = self.at;
        let found = self.skip(",").and_then(|()| self.first_field(key, read));
        if found.is_none() {
            self.at = start;
        }
        found
    }

    /// What stands at the first key of an object.
    fn first_field<T>(
        &mut self,
        key: &str,
        read: impl FnOnce(&mut Self) -> Option<T>,
    ) -> Option<T> {
        let rest = self.rest().strip_prefix(b"\"")?;
        let rest = rest.strip_prefix(key.as_bytes())?;
        rest.strip_prefix(b"\":")?;
        self.at += key.len() + 3;
        self.skip_space();
        read(self)
    }

    fn text(&mut self) -> Option<&'a str> {
        let rest = self.rest().strip_prefix(b"\"")?;
        let length = plain_length(rest);
        if rest.get(length) != Some(&b'"') {
            return None;
        }
        let start = self.at + 1;
        self.at = start + length + 1;
        Some(&self.text[start..start + length])
    }

    fn id(&mut self) -> Option<Id> {
        let [b'"', digits @ .., b'"'] = self.rest().first_chunk::<6>()? else {
            return None;
        };
        self.at += 6;
        Id::from_digits(digits)
    }

    fn number(&mut self) -> Option<u64> {
        let digits = self.rest();
        let mut number: u64 = 0;
        let mut length = 0;
        while let Some(digit) = digits.get(length).filter(|byte| byte.is_ascii_digit()) {
            number = number
                .checked_mul(10)?
                .checked_add(u64::from(digit - b'0'))?;
            length += 1;
        }
        let is_written_so = length == 1 || length > 1 && digits[0] != b'0';
        self.at += length;
        is_written_so.then_some(number)
    }

    fn index(&mut self) -> Option<Index> {
        read_index(self.number()?)
    }

    fn incarnation(&mut self) -> Option<Incarnation> {
        self.number()?.try_into().ok().map(Incarnation)
    }

    fn flag(&mut self) -> Option<bool> {
        match self.rest().first()? {
            b't' => self.skip_word("true").map(|()| true),
            _ => self.skip_word("false").map(|()| false),
        }
    }

    fn skip_word(&mut self, word: &str) -> Option<()> {
        let found = self.rest().starts_with(word.as_bytes());
        self.at += if found { word.len() } else { 0 };
        found.then_some(())
    }

    fn log_id(&mut self) -> Option<LogId> {
        self.skip("[")?;
        let index = self.index()?;
        self.skip(",")?;
        let term = read_term(self.number()?)?;
        self.skip_word("]")?;
        Some(LogId { term, index })
    }

    fn list<T>(&mut self, mut read: impl FnMut(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        self.skip("[")?;
        let mut all = Vec::new();
        if self.skip_word("]").is_some() {
            return Some(all);
        }
        loop {
            all.push(read(self)?);
            if self.skip_word("]").is_some() {
                return Some(all);
            }
            self.skip(",")?;
        }
    }

    fn request(&mut self, client: Id, kind: &str) -> Option<Request> {
        let mid = self.field("MID", Reader::text)?;
        let key = self.field("key", Reader::text)?.to_owned();
        let operation = match kind {
            "get" => Operation::Get { key },
            _ => Operation::Put {
                key,
                value: self.field("value", Reader::text)?.to_owned(),
            },
        };
        (mid.len() <= super::MAX_MID_BYTES).then(|| Request {
            client,
            mid: mid.to_owned(),
            operation,
        })
    }

    fn letter(&mut self, leader: Id, kind: &str) -> Option<Letter> {
        let term = read_term(self.field("term", Reader::number)?)?;
        let incarnation = self.field("life", Reader::incarnation)?;
        let note = match self.field("applied", Reader::index) {
            None => None,
            Some(applied) => Some(Note {
                applied,
                settled: self.field("settled", Reader::index)?,
                forgotten: self.field("forgotten", Reader::index).unwrap_or_default(),
            }),
        };
        let body = match kind {
            "append" => Body::Append(self.append()?),
            "append_response" => Body::AppendResponse(self.append_response()?),
            "pre_vote" => Body::PreVote(self.vote_request()?),
            "vote" => Body::Vote(self.vote_request()?),
            "pre_vote_response" => Body::PreVoteResponse(self.vote_response()?),
            "vote_response" => Body::VoteResponse(self.vote_response()?),
            _ => return None,
        };
        let message = Message {
            term,
            leader,
            incarnation,
            body,
        };
        Some(Letter { message, note })
    }

    fn append(&mut self) -> Option<Append<Command>> {
        Some(Append {
            previous: self.field("previous", Reader::log_id)?,
            commit: self.field("commit", Reader::index)?,
            response_wanted: self.field("response", Reader::flag)?,
            sent_at: read_time(self.field("sent_ns", Reader::number)?),
            deferred: self.field("deferred", Reader::flag).unwrap_or(false),
            in_doubt: self.field("in_doubt", Reader::flag).unwrap_or(false),
            route: self
                .field("route", |reader| reader.list(Reader::id))
                .unwrap_or_default(),
            receipts: self.receipts(),
            entries: self.field("entries", |reader| reader.list(Reader::entry))?,
        })
    }

    fn append_response(&mut self) -> Option<AppendResponse> {
        Some(AppendResponse {
            commit: self.field("commit", Reader::index)?,
            sent_at: read_time(self.field("sent_ns", Reader::number)?),
            receipts: self.receipts(),
        })
    }

    fn vote_request(&mut self) -> Option<VoteRequest> {
        Some(VoteRequest {
            last: self.field("last", Reader::log_id)?,
            leader_suspected: self.field("suspicion", Reader::flag)?,
        })
    }

    fn vote_response(&mut self) -> Option<VoteResponse> {
        Some(VoteResponse {
            granted: self.field("granted", Reader::flag)?,
            last: self.field("last", Reader::log_id)?,
        })
    }

    fn receipts(&mut self) -> Vec<Receipt> {
        let receipts = self.field("receipts", |reader| reader.list(Reader::receipt));
        receipts.unwrap_or_default()
    }

    fn receipt(&mut self) -> Option<Receipt> {
        self.skip("[")?;
        let follower = self.id()?;
        self.skip(",")?;
        let incarnation = self.incarnation()?;
        self.skip(",")?;
        self.skip("{")?;
        let outcome = match self.first_field("matched", Reader::index) {
            Some(index) => AppendOutcome::Matched(index),
            None => self.first_field("refused", |reader| {
                reader.skip("{")?;
                let previous = reader.first_field("previous", Reader::index)?;
                let hint = reader.field("hint", Reader::log_id)?;
                reader.skip_word("}")?;
                Some(AppendOutcome::Refused { previous, hint })
            })?,
        };
        self.skip_word("}]")?;
        Some(Receipt {
            follower,
            incarnation,
            outcome,
        })
    }

    fn entry(&mut self) -> Option<Entry<Command>> {
        self.skip("[")?;
        let term = read_term(self.number()?)?;
        self.skip(",")?;
        if self.skip_word("\"noop\"]").is_some() {
            let payload = Payload::Noop;
            return Some(Entry { term, payload });
        }
        self.skip("{")?;
        let command = match self.first_field("put", Reader::put) {
            Some(put) => Command::Put(Arc::new(put)),
            None => Command::TakeOver(self.first_field("take_over", Reader::take_over)?),
        };
        self.skip_word("}}]")?;
        let payload = Payload::Command(command);
        Some(Entry { term, payload })
    }

    fn put(&mut self) -> Option<Put> {
        self.skip("{")?;
        Some(Put {
            key: self.first_field("key", Reader::text)?.to_owned(),
            value: self.field("value", Reader::text)?.to_owned(),
            client: self.field("client", Reader::id)?,
            mid: self.field("MID", Reader::text)?.to_owned(),
            answerer: self.field("answerer", Reader::id)?,
        })
    }

    fn take_over(&mut self) -> Option<TakeOver> {
        self.skip("{")?;
        Some(TakeOver {
            from: self.first_field("from", Reader::id)?,
            by: self.field("by", Reader::id)?,
            after: self.field("after", Reader::index)?,
        })
    }
}
