//! Whether the records of a trace fit together, so that whoever draws them need not doubt them.
//!
//! What a replica tells of itself is checked by the same rules before it gets into a trace.

use std::collections::HashMap;

use super::record::{Fate, Fault, Message, Output, Start, State};
use crate::course::state::LogChange;
use crate::id::Id;

/// The furthest that a snapshot may carry a log: what a picture can still count.
const MAX_INDEX: u64 = 1 << 32;

/// How long the replicas' logs are, by what they told of them.
#[derive(Debug)]
pub struct Logs(HashMap<Id, u64>);

impl Logs {
    /// The empty logs of these replicas.
    pub fn new(replicas: impl IntoIterator<Item = Id>) -> Logs {
        Logs(replicas.into_iter().map(|id| (id, 0)).collect())
    }

    /// Takes a change in.
    ///
    /// # Errors
    ///
    /// What is wrong with it, and what was expected; it is not taken in then.
    pub fn follow(&mut self, state: &State) -> Result<(), String> {
        let Some(length) = self.0.get_mut(&state.replica) else {
            return Err(unknown("replica", state.replica));
        };
        if let Some(LogChange {
            from,
            entries,
            covered,
        }) = &state.change.log
        {
            // What a snapshot covers was not told entry by entry.
            let is_behind_snapshot = covered.is_some() && (1..=MAX_INDEX).contains(from);
            if !is_behind_snapshot && !(1..=*length + 1).contains(from) {
                return Err(format!(
                    "`log` from index {from}, expected 1 to {}, for the log has {length} entries",
                    *length + 1
                ));
            }
            *length = from - 1 + entries.len() as u64;
        }
        Ok(())
    }
}

/// Whether a message is what its fate says.
///
/// # Errors
///
/// What is wrong, and what was expected.
pub fn message(message: &Message) -> Result<(), String> {
    let sent = message.sent_ns.unwrap_or(message.time_ns);
    match (message.fate, message.arrived_ns) {
        (Fate::Delivered, None) => {
            Err("`fate` is `delivered`, expected an `arrived_ns` with it".to_owned())
        }
        (_, Some(arrived)) if arrived < sent => Err(format!(
            "`arrived_ns` {arrived}, expected at least {sent}, when it was sent"
        )),
        _ => Ok(()),
    }
}

/// Whether a fault has what its kind needs, and names replicas of this run only.
///
/// # Errors
///
/// What is wrong, and what was expected.
pub fn fault(fault: &Fault, start: &Start) -> Result<(), String> {
    let known = |id: Id| match start.replicas.contains(&id) {
        true => Ok(()),
        false => Err(unknown("replica", id)),
    };
    let kind = fault.kind.as_str();
    match kind {
        "kill" | "died" | "start" | "pause" | "resume" => match fault.replica {
            Some(replica) => known(replica),
            None => Err(format!("a fault `{kind}`, expected a `replica` with it")),
        },
        "split" => {
            if fault.majority.is_some_and(|side| side >= fault.sides.len()) {
                return Err(format!(
                    "`majority` beyond the {} `sides`",
                    fault.sides.len()
                ));
            }
            fault.sides.iter().flatten().try_for_each(|id| known(*id))
        }
        "cut" => match fault.cut {
            Some((from, to)) => known(from).and(known(to)),
            None => Err("a fault `cut`, expected `cut` with it: [from, to]".to_owned()),
        },
        "heal" => Ok(()),
        _ => {
            let short: String = kind.chars().take(40).collect();
            Err(format!(
                "a fault {short:?}, expected kill, died, start, pause, resume, split, cut or heal"
            ))
        }
    }
}

/// Whether a line of output is a replica's of this run.
///
/// # Errors
///
/// What is wrong, and what was expected.
pub fn output(output: &Output, start: &Start) -> Result<(), String> {
    match start.replicas.contains(&output.replica) {
        true => Ok(()),
        false => Err(unknown("replica", output.replica)),
    }
}

fn unknown(what: &str, id: Id) -> String {
    format!("{what} {id}, expected one of the `replicas` of the event `start`")
}
