//! What the log holds: commands that mean nothing here.

use std::fmt::Debug;
use std::hash::Hash;

use super::members::Members;
use super::types::{Index, Term};

/// A command of whatever is replicated. Consensus only stores, sends and compares it.
pub trait Command: Clone + Debug + PartialEq + Eq + Hash {
    /// An upper bound of the bytes that the command takes in a message, so that appends can be limited
    /// without knowing how they are written.
    fn size_bound(&self) -> usize;

    /// Whether an honest leader can have this at `index` of its log. Asked of what comes from others.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    fn check(&self, index: Index, members: &Members) -> Result<(), String>;
}

/// One entry of the replicated log.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Entry<C> {
    /// The term of the leader that created it.
    pub term: Term,
    /// What it does when it is applied.
    pub payload: Payload<C>,
}

/// What an entry is for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Payload<C> {
    /// Nothing. It is the first entry of each leader's term, for committing it commits what the leader has
    /// inherited (Raft §5.4.2, §8), and it renews a lease.
    Noop,
    /// A command.
    Command(C),
}

impl<C> Entry<C> {
    /// The command, if it is one.
    pub fn command(&self) -> Option<&C> {
        match &self.payload {
            Payload::Noop => None,
            Payload::Command(command) => Some(command),
        }
    }
}

impl<C: Command> Entry<C> {
    /// An upper bound of the bytes that this entry takes in a message.
    pub fn size_bound(&self) -> usize {
        /// Its term, names and separators.
        const FRAME: usize = 50;
        FRAME + self.command().map_or(0, C::size_bound)
    }
}
