//! Where the simulator and the checker of histories meet: what clients saw becomes operations.
//!
//! The verdict is [`linearizability`](crate::linearizability)'s; here it is only told.

use std::sync::Arc;
use std::time::Duration;

use rustc_hash::{FxBuildHasher, FxHashMap};

use crate::bench::protocol::message::{Mid, Op};
use crate::bench::record::history::{HistoryEvent, HistoryKind};
use crate::linearizability::{Kind, Operation, Outcome, check};

/// What took effect or may have, of the history of a run.
pub fn operations(history: &[HistoryEvent]) -> Vec<Operation> {
    let nanoseconds = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
    let mut under_way: FxHashMap<Mid, usize> =
        FxHashMap::with_capacity_and_hasher(history.len() / 2 + 1, FxBuildHasher);
    let mut operations: Vec<Operation> = Vec::with_capacity(history.len() / 2 + 1);
    // Whether each counts: not if it is closed without effect, nor if it is a get under way.
    let mut counts: Vec<bool> = Vec::with_capacity(history.len() / 2 + 1);
    for event in history {
        if event.event == HistoryKind::Invoke {
            under_way.insert(event.mid, operations.len());
            counts.push(event.op == Op::Put);
            operations.push(Operation {
                client: event.client,
                request: event.request,
                kind: match event.op {
                    Op::Get => Kind::Get,
                    Op::Put => Kind::Put,
                },
                key: Arc::clone(&event.key),
                value: event.value.clone().flatten().unwrap_or_default(),
                invoked_ns: nanoseconds(event.time),
                returned_ns: None,
            });
        } else if let Some(index) = under_way.remove(&event.mid) {
            counts[index] = event.event == HistoryKind::Ok;
            operations[index].returned_ns = Some(nanoseconds(event.time));
            if event.op == Op::Get {
                operations[index].value = event.value.clone().flatten().unwrap_or_default();
            }
        }
    }
    let mut counts = counts.into_iter();
    operations.retain(|_| counts.next() == Some(true));
    operations
}

/// Whether the history of a run can be explained by one copy of the data.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Linearizability {
    /// Nobody looked: no history was kept, or the run did not come to its end.
    #[default]
    Unchecked,
    /// It can be.
    Holds,
    /// A key was too hard to decide, and no other is violated.
    Undecided,
    /// It cannot be: the operations that prove it as a picture, and a sentence.
    Violated(String),
}

impl Linearizability {
    /// Checks the history of a run. A put that was closed by `redirect` or `fail` counts as without
    /// effect: its client makes it again at once.
    pub fn of(history: &[HistoryEvent]) -> Linearizability {
        match check(&operations(history)) {
            Outcome::Linearizable { .. } => Linearizability::Holds,
            Outcome::GaveUp { .. } => Linearizability::Undecided,
            Outcome::Violation(violation) => Linearizability::Violated(violation.to_string()),
        }
    }

    /// Whether it holds, if that is known.
    pub fn known(&self) -> Option<bool> {
        match self {
            Linearizability::Unchecked | Linearizability::Undecided => None,
            Linearizability::Holds => Some(true),
            Linearizability::Violated(_) => Some(false),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::record::history;
    use crate::id::Id;
    use crate::linearizability::history::History;

    fn event(time_ns: u64, event: HistoryKind, op: Op, mid: u8, value: &str) -> HistoryEvent {
        HistoryEvent {
            time: Duration::from_nanos(time_ns),
            event,
            op,
            client: Id(0x15),
            mid: Mid([mid; 16]),
            request: u32::from(mid),
            key: "k".into(),
            value: (!value.is_empty()).then(|| Some(value.into())),
        }
    }

    #[test]
    fn a_history_in_memory_and_the_same_from_a_file_are_the_same_operations() {
        use HistoryKind::{Fail, Invoke, Ok, Redirect};
        let events = [
            event(1, Invoke, Op::Put, b'a', "v"),
            event(2, Invoke, Op::Get, b'b', ""),
            event(3, Invoke, Op::Put, b'c', "w"),
            event(4, Ok, Op::Put, b'a', ""),
            event(5, Redirect, Op::Put, b'c', ""),
            event(6, Ok, Op::Get, b'b', "v"),
            event(7, Invoke, Op::Get, b'd', ""),
            event(8, Invoke, Op::Get, b'e', ""),
            event(9, Fail, Op::Get, b'e', ""),
            event(10, Invoke, Op::Put, b'f', "x"),
            event(11, Invoke, Op::Get, b'g', ""),
            // An answer without a value.
            HistoryEvent {
                value: Some(None),
                ..event(12, Ok, Op::Get, b'g', "")
            },
        ];
        let mut file = Vec::new();
        history::write(&events, &mut file).unwrap();
        let read = History::read(&file[..]).unwrap().operations;
        assert_eq!(operations(&events), read);
        let seen: Vec<_> = read.iter().map(|o| (o.request as u8, &*o.value)).collect();
        assert_eq!(seen, [(b'a', "v"), (b'b', "v"), (b'f', "x"), (b'g', "")]);
    }
}
