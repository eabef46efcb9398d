//! What can happen next.

use std::fmt;
use std::sync::Arc;

use leasekv::id::Id;
use leasekv::replica::Letter;

/// A letter on its way.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Envelope {
    pub(crate) from: Id,
    pub(crate) to: Id,
    pub(crate) letter: Letter,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Put,
    Get,
}

/// One thing that happens.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Action {
    /// A letter arrives.
    Deliver(Arc<Envelope>),
    /// A letter arrives, and will once more.
    Duplicate(Arc<Envelope>),
    /// Letters are lost.
    Lose(Vec<Arc<Envelope>>),
    /// A client asks.
    Ask(Kind, Id),
    /// A replica is called at its deadline: its own clock goes on to there, or the common one has.
    Wake(Id),
    /// A replica was not called for longer than any of its timeouts.
    Oversleep(Id),
    /// The common clock goes on to the next deadline of anybody.
    Elapse,
    /// A whole election, in which a replica reaches just these voters and is elected by them.
    Elect(Id, Vec<Id>),
    /// A replica is cut off, or dies: as long as it is, nothing reaches it, and nothing that it sends leaves.
    Leave(Id),
    /// It is back.
    Return(Id),
    /// A replica starts again without its memory.
    Forget(Id),
    /// All that a replica has handed to its disk is durable, and it hears of that.
    Sync(Id),
    /// A replica is killed and starts again. Of what it has handed to its disk, so many parts have become durable.
    Crash(Id, usize),
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Action::Deliver(envelope) => write!(f, "arrives: {envelope}"),
            Action::Duplicate(envelope) => write!(f, "arrives, not for the last time: {envelope}"),
            Action::Lose(envelopes) => {
                f.write_str("lost:")?;
                let mut envelopes = envelopes.iter();
                envelopes.try_for_each(|envelope| write!(f, " [{envelope}]"))
            }
            Action::Ask(Kind::Put, id) => write!(f, "put to {id}"),
            Action::Ask(Kind::Get, id) => write!(f, "get to {id}"),
            Action::Wake(id) => write!(f, "{id} is called at its deadline"),
            Action::Oversleep(id) => write!(f, "{id} is called after a long time"),
            Action::Elapse => write!(f, "time passes"),
            Action::Elect(id, voters) => {
                write!(f, "{id} is elected by")?;
                voters.iter().try_for_each(|voter| write!(f, " {voter}"))
            }
            Action::Leave(id) => write!(f, "{id} is cut off"),
            Action::Return(id) => write!(f, "{id} is back"),
            Action::Forget(id) => write!(f, "{id} starts again without its memory"),
            Action::Sync(id) => write!(f, "the disk of {id} has stored everything"),
            Action::Crash(id, parts) => {
                write!(
                    f,
                    "{id} crashes and starts again, with {parts} of its last parts stored"
                )
            }
        }
    }
}

impl fmt::Display for Envelope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} -> {} {}", self.from, self.to, self.letter)
    }
}
