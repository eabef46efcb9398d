//! Entries, and what else a replica keeps, as bytes: postcard, a compact binary format of serde's.
//!
//! The types here mirror the protocol's. So the format of the disk changes only if somebody changes it here.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::consensus::snapshot::Snapshot;
use crate::consensus::spans::Spans;
use crate::consensus::{HardState, Incarnation, Index, LogId, Payload, Term};
use crate::id::Id;
use crate::kv::{Command, Put, TakeOver};

/// What an entry of the log does. New kinds are added at the end.
#[derive(Debug, Serialize, Deserialize)]
enum Stored<'a> {
    Noop,
    Put {
        key: &'a str,
        value: &'a str,
        client: u16,
        mid: &'a str,
        answerer: u16,
    },
    TakeOver {
        from: u16,
        by: u16,
        after: u64,
    },
}

/// What the disk's hard state has no room for.
#[derive(Debug, Serialize, Deserialize)]
struct Others {
    is_newcomer: bool,
    /// Each peer's ID and incarnation.
    known: Vec<(u16, u32)>,
}

/// What an entry does, as bytes, in the place of what is in `to`.
pub fn write_payload(payload: &Payload<Command>, to: &mut Vec<u8>) {
    let stored = match payload {
        Payload::Noop => Stored::Noop,
        Payload::Command(Command::Put(put)) => Stored::Put {
            key: &put.key,
            value: &put.value,
            client: put.client.0,
            mid: &put.mid,
            answerer: put.answerer.0,
        },
        Payload::Command(Command::TakeOver(TakeOver { from, by, after })) => Stored::TakeOver {
            from: from.0,
            by: by.0,
            after: after.0,
        },
    };
    to.clear();
    write(&stored, to);
}

/// What an entry does, of these bytes.
///
/// # Errors
///
/// If they are no such thing.
pub fn read_payload(bytes: &[u8]) -> Result<Payload<Command>, String> {
    Ok(match read(bytes)? {
        Stored::Noop => Payload::Noop,
        Stored::Put {
            key,
            value,
            client,
            mid,
            answerer,
        } => Payload::Command(Command::Put(Arc::new(Put {
            key: key.to_owned(),
            value: value.to_owned(),
            client: Id(client),
            mid: mid.to_owned(),
            answerer: Id(answerer),
        }))),
        Stored::TakeOver { from, by, after } => Payload::Command(Command::TakeOver(TakeOver {
            from: Id(from),
            by: Id(by),
            after: Index(after),
        })),
    })
}

/// What a hard state says of this replica's and its peers' lives, but for its incarnation.
pub fn write_others(state: &HardState) -> Vec<u8> {
    let known = state.known.iter();
    let mut bytes = Vec::new();
    let others = Others {
        is_newcomer: state.is_newcomer,
        known: known
            .map(|(id, incarnation)| (id.0, incarnation.0))
            .collect(),
    };
    write(&others, &mut bytes);
    bytes
}

/// Whether the replica is a newcomer, and which lives of its peers it knows.
///
/// # Errors
///
/// If the bytes are no such thing.
pub fn read_others(bytes: &[u8]) -> Result<(bool, Vec<(Id, Incarnation)>), String> {
    let Others { is_newcomer, known } = read(bytes)?;
    let known = known.into_iter();
    let known = known.map(|(id, incarnation)| (Id(id), Incarnation(incarnation)));
    Ok((is_newcomer, known.collect()))
}

/// An index.
pub fn write_index(index: Index) -> Vec<u8> {
    let mut bytes = Vec::new();
    write(&index.0, &mut bytes);
    bytes
}

/// An index.
///
/// # Errors
///
/// If the bytes are no such thing.
pub fn read_index(bytes: &[u8]) -> Result<Index, String> {
    read(bytes).map(Index)
}

/// Of which terms the entries are that a snapshot covers.
pub fn write_spans(snapshot: &Snapshot) -> Vec<u8> {
    let firsts = snapshot.spans.firsts().iter();
    let firsts: Vec<(u64, u64)> = firsts.map(|id| (id.term.0, id.index.0)).collect();
    let mut bytes = Vec::new();
    write(&firsts, &mut bytes);
    bytes
}

/// Of which terms the entries are that a snapshot through `last` covers.
///
/// # Errors
///
/// If the bytes are no such thing.
pub fn read_spans(bytes: &[u8], last: LogId) -> Result<Spans, String> {
    let firsts: Vec<(u64, u64)> = read(bytes)?;
    let firsts = firsts.into_iter().map(|(term, index)| LogId {
        term: Term(term),
        index: Index(index),
    });
    Spans::new(firsts.collect(), last)
}

fn write(what: &impl Serialize, to: &mut Vec<u8>) {
    let empty = std::mem::take(to);
    *to = postcard::to_extend(what, empty).expect("memory takes anything");
}

fn read<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, String> {
    let problem = |error| format!("{} bytes that cannot be read: {error}", bytes.len());
    let (what, rest) = postcard::take_from_bytes(bytes).map_err(problem)?;
    match rest.len() {
        0 => Ok(what),
        more => Err(format!("{} bytes, {more} of them too many", bytes.len())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn payloads() -> Vec<Payload<Command>> {
        let put = Put {
            key: "key \u{1} größe".to_owned(),
            value: String::new(),
            client: Id(0xABCD),
            mid: "m1".to_owned(),
            answerer: Id(2),
        };
        let take_over = TakeOver {
            from: Id(1),
            by: Id(0),
            after: Index(u64::MAX),
        };
        vec![
            Payload::Noop,
            Payload::Command(Command::Put(Arc::new(put))),
            Payload::Command(Command::TakeOver(take_over)),
        ]
    }

    #[test]
    fn what_entries_do_is_read_back() {
        let mut bytes = vec![1, 2, 3];
        for payload in payloads() {
            write_payload(&payload, &mut bytes);
            assert_eq!(read_payload(&bytes), Ok(payload));
        }
    }

    /// Entries on disks are read by later versions, too.
    #[test]
    fn the_bytes_stay_as_they_are() {
        let mut bytes = Vec::new();
        let written = payloads().into_iter().map(|payload| {
            write_payload(&payload, &mut bytes);
            bytes.clone()
        });
        let expected: [&[u8]; 3] = [
            &[0],
            b"\x01\x0dkey \x01 gr\xc3\xb6\xc3\x9fe\x00\xcd\xd7\x02\x02m1\x02",
            b"\x02\x01\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
        ];
        assert_eq!(written.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn bytes_that_are_no_entry_are_refused() {
        let mut bytes = Vec::new();
        for payload in payloads() {
            write_payload(&payload, &mut bytes);
            assert!((0..bytes.len()).all(|end| read_payload(&bytes[..end]).is_err()));
            bytes.push(0);
            let problem = read_payload(&bytes).expect_err("one too many");
            assert!(problem.contains("1 of them too many"), "{problem}");
        }
        for bad in [&b"\x03"[..], b"\x01\x02\xff\xff\x00\x01\x00\x02", b""] {
            assert!(read_payload(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn the_lives_of_others_are_read_back() {
        let state = HardState {
            term: Term(4),
            voted_for: None,
            incarnation: Incarnation(9),
            is_newcomer: true,
            known: vec![(Id(7), Incarnation(u32::MAX)), (Id(8), Incarnation(0))],
        };
        let read = read_others(&write_others(&state));
        assert_eq!(read, Ok((true, state.known)));
        assert_eq!(read_index(&write_index(Index(300))), Ok(Index(300)));
    }
}
