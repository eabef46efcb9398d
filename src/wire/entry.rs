//! How log entries and positions are written.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::MAX_NUMBER;
use crate::id::Id;
use crate::raft::entry::{Command, Entry, Put, TakeOver};
use crate::raft::message::{Receipt, Reception};
use crate::raft::{Index, Position, Term, Time};

/// `[index, term]`.
pub(super) type WirePosition = (u64, u64);

/// `[term, command]`.
pub(super) type WireEntry<'a> = (u64, WireCommand<'a>);

/// `[follower, reception]`.
pub(super) type WireReceipt = (Id, WireReception);

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum WireReception {
    Matched(u64),
    Refused { previous: u64, hint: WirePosition },
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum WireCommand<'a> {
    Renew,
    Lead {
        leader: Id,
    },
    TakeOver {
        by: Id,
        after: u64,
        through: u64,
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

pub(super) fn write_position(position: Position) -> WirePosition {
    (position.index.0, position.term.0)
}

pub(super) fn read_position((index, term): WirePosition) -> Option<Position> {
    Some(Position {
        term: read_term(term)?,
        index: read_index(index)?,
    })
}

pub(super) fn write_receipt(receipt: Receipt) -> WireReceipt {
    let reception = match receipt.reception {
        Reception::Matched(index) => WireReception::Matched(index.0),
        Reception::Refused { previous, hint } => WireReception::Refused {
            previous: previous.0,
            hint: write_position(hint),
        },
    };
    (receipt.follower, reception)
}

pub(super) fn read_receipt((follower, reception): WireReceipt) -> Option<Receipt> {
    let reception = match reception {
        WireReception::Matched(index) => Reception::Matched(read_index(index)?),
        WireReception::Refused { previous, hint } => Reception::Refused {
            previous: read_index(previous)?,
            hint: read_position(hint)?,
        },
    };
    Some(Receipt {
        follower,
        reception,
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

pub(super) fn write_entry(entry: &Entry) -> WireEntry<'_> {
    let command = match &entry.command {
        Command::Renew => WireCommand::Renew,
        Command::Lead(leader) => WireCommand::Lead { leader: *leader },
        Command::TakeOver(TakeOver { by, after, through }) => WireCommand::TakeOver {
            by: *by,
            after: after.0,
            through: through.0,
        },
        Command::Put(put) => WireCommand::Put {
            key: Cow::Borrowed(&put.key),
            value: Cow::Borrowed(&put.value),
            client: put.client,
            mid: Cow::Borrowed(&put.mid),
            answerer: put.answerer,
        },
    };
    (entry.term.0, command)
}

pub(super) fn read_entry((term, command): WireEntry<'_>) -> Option<Entry> {
    let command = match command {
        WireCommand::Renew => Command::Renew,
        WireCommand::Lead { leader } => Command::Lead(leader),
        WireCommand::TakeOver { by, after, through } => Command::TakeOver(TakeOver {
            by,
            after: read_index(after)?,
            through: read_index(through)?,
        }),
        WireCommand::Put {
            key,
            value,
            client,
            mid,
            answerer,
        } => Command::Put(Arc::new(Put {
            key: key.into_owned(),
            value: value.into_owned(),
            client,
            mid: mid.into_owned(),
            answerer,
        })),
    };
    Some(Entry {
        term: read_term(term)?,
        command,
    })
}
