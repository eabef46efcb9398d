//! What the checks must know of the past that neither a replica nor the promises know: as little as
//! possible, since it tells states apart.

use leasekv::consensus::{Entry, Index};
use leasekv::id::Id;
use leasekv::kv::{Answer, Command, Outcome};
use leasekv::promises::Broken;
use leasekv::replica::View;

use super::state::{number, puts};

/// What clients have asked and learnt. An attempt's number is its place here.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Past {
    attempts: Vec<Attempt>,
    /// The furthest place in the log that any client knows to have taken effect.
    known: Index,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Attempt {
    Put {
        /// Whether somebody has said that it took effect.
        is_stored: bool,
    },
    Get {
        /// What it must not be older than, as long as nobody has answered it.
        at_least: Option<Index>,
    },
}

impl Past {
    /// A client puts. Returns the attempt's number.
    pub(crate) fn put(&mut self) -> usize {
        self.attempts.push(Attempt::Put { is_stored: false });
        self.attempts.len() - 1
    }

    /// A client gets: no less than what anybody knew by now.
    pub(crate) fn get(&mut self) -> usize {
        let at_least = Some(self.known);
        self.attempts.push(Attempt::Get { at_least });
        self.attempts.len() - 1
    }

    /// Whether somebody has said that a put took effect.
    pub(crate) fn is_stored(&self, number: usize) -> bool {
        self.attempts.get(number) == Some(&Attempt::Put { is_stored: true })
    }

    /// No get is older than what was acknowledged or read before it was asked.
    pub(crate) fn answered(&mut self, view: &View<'_>, answer: &Answer) -> Result<(), Broken> {
        let attempt = &mut self.attempts[number(&answer.mid)];
        let shown = match (attempt, &answer.outcome) {
            (Attempt::Put { is_stored }, Outcome::Stored) => {
                *is_stored = true;
                place(view, &answer.mid)
            }
            (Attempt::Get { at_least }, Outcome::Value(value)) => {
                let shown = place(view, value);
                if at_least.take().is_some_and(|least| shown < least) {
                    return Err(Broken {
                        promise: "no get is stale",
                        what: format!("{} answers {} with {value:?}", view.id(), answer.mid),
                    });
                }
                shown
            }
            (Attempt::Get { at_least }, _) => {
                *at_least = None;
                return Ok(());
            }
            _ => return Ok(()),
        };
        self.known = self.known.max(shown);
        Ok(())
    }

    /// What a replica tells others to be settled, somebody has answered: else nobody ever would. Except what was to be
    /// answered by one of `excused`, by the put or by a take-over.
    pub(crate) fn settled(&self, view: &View<'_>, excused: &[Id]) -> Result<(), Broken> {
        let settled = view.service().note().map_or(Index::ZERO, |it| it.settled);
        let took_over = |entry: &Entry<Command>| match entry.command() {
            Some(Command::TakeOver(it)) => excused.contains(&it.by),
            Some(Command::Put(_)) | None => false,
        };
        if !excused.is_empty() && view.entries().any(took_over) {
            return Ok(());
        }
        for (index, put) in puts(view).filter(|(index, _)| *index <= settled) {
            if excused.contains(&put.answerer) {
                continue;
            }
            let attempt = &self.attempts[number(&put.mid)];
            if *attempt == (Attempt::Put { is_stored: false }) {
                return Err(Broken {
                    promise: "what is settled has been answered",
                    what: format!(
                        "{} takes {} at {index} for settled, and nobody has answered it",
                        view.id(),
                        put.mid
                    ),
                });
            }
        }
        Ok(())
    }
}

/// The place of a put in a replica's log; a value is the name of the put that it is from.
fn place(view: &View<'_>, mid: &str) -> Index {
    let mut puts = puts(view);
    let found = puts.find(|(_, put)| put.mid == mid);
    found.map_or(Index::ZERO, |(index, _)| index)
}
