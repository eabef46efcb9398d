//! How log entries, log IDs and receipts are read, however they are written.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;

use super::MAX_NUMBER;
use crate::consensus::message::{AppendOutcome, Receipt};
use crate::consensus::{Entry, Incarnation, Index, LogId, Payload, Term, Time};
use crate::id::Id;
use crate::kv::{Command, Put, TakeOver};

/// `[index, term]`.
pub(super) type WireLogId = (u64, u64);

/// `[term, payload]`.
pub(super) type WireEntry<'a> = (u64, WirePayload<'a>);

/// `[follower, life, outcome]`.
pub(super) type WireReceipt = (Id, u32, WireOutcome);

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum WireOutcome {
    Matched(u64),
    Refused { previous: u64, hint: WireLogId },
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum WirePayload<'a> {
    Noop,
    TakeOver {
        from: Id,
        by: Id,
        after: u64,
    },
    Put {
        #[serde(borrow)]
        key: Cow<'a, str>,
        #[serde(borrow)]
        value: Cow<'a, str>,
        client: Id,
        #[serde(rename = "MID", borrow)]
        mid: Cow<'a, str>,
        answerer: Id,
    },
}

pub(super) fn read_log_id((index, term): WireLogId) -> Option<LogId> {
    Some(LogId {
        term: read_term(term)?,
        index: read_index(index)?,
    })
}

pub(super) fn read_receipt((follower, life, outcome): WireReceipt) -> Option<Receipt> {
    let outcome = match outcome {
        WireOutcome::Matched(index) => AppendOutcome::Matched(read_index(index)?),
        WireOutcome::Refused { previous, hint } => AppendOutcome::Refused {
            previous: read_index(previous)?,
            hint: read_log_id(hint)?,
        },
    };
    Some(Receipt {
        follower,
        incarnation: Incarnation(life),
        outcome,
    })
}

/// Nanoseconds on the sender's clock.
pub(super) fn write_time(time: Time) -> u64 {
    u64::try_from(time.since_epoch().as_nanos()).unwrap_or(u64::MAX)
}

pub(super) fn read_time(nanoseconds: u64) -> Time {
    Time::from_epoch(Duration::from_nanos(nanoseconds))
}

pub(super) fn read_term(term: u64) -> Option<Term> {
    (term <= MAX_NUMBER).then_some(Term(term))
}

pub(super) fn read_index(index: u64) -> Option<Index> {
    (index <= MAX_NUMBER).then_some(Index(index))
}

pub(super) fn read_entry((term, payload): WireEntry<'_>) -> Option<Entry<Command>> {
    let payload = match payload {
        WirePayload::Noop => Payload::Noop,
        WirePayload::TakeOver { from, by, after } => {
            let after = read_index(after)?;
            Payload::Command(Command::TakeOver(TakeOver { from, by, after }))
        }
        WirePayload::Put {
            key,
            value,
            client,
            mid,
            answerer,
        } => Payload::Command(Command::Put(Arc::new(Put {
            key: key.into_owned(),
            value: value.into_owned(),
            client,
            mid: mid.into_owned(),
            answerer,
        }))),
    };
    Some(Entry {
        term: read_term(term)?,
        payload,
    })
}
