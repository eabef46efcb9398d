//! What a driver tells the simulation, and what the simulation wants done below.
//!
//! A run goes in turns, as the course's program does. While nothing can be heard, the driver waits; it
//! waits no longer than [`Simulation::next_deadline`] says. Then it takes one datagram from each replica
//! that can be heard, by index, and tells the simulation of each. Then it calls [`Simulation::fire`]
//! until that says that the turn is over. After each of these calls it carries out what is asked for.
//!
//! [`Simulation::next_deadline`]: super::simulation::Simulation::next_deadline
//! [`Simulation::fire`]: super::simulation::Simulation::fire

use std::time::Duration;

use crate::bench::protocol::message::{ClientRequest, Envelope};

/// Something that happened below.
#[derive(Clone, Debug)]
pub enum Input<'a, P> {
    /// A message came from the replica with this index.
    Message(usize, Envelope<'a, P>),
    /// Something that is no proper message came from the replica with this index: why it is none.
    Malformed(usize, String),
    /// A datagram that is no text at all came from the replica with this index: why not. The course's
    /// program closes such a replica.
    Unreadable(usize, String),
    /// The replica with this index has ended by itself: how. It counts even if the driver learns of
    /// it only after the run's end, or after an event has hit the dead replica.
    Died(usize, String),
    /// The last lines on stderr of the replica with this index, which [`Input::Died`] before.
    LastWords(usize, Vec<String>),
}

/// Something to do below.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action<P> {
    /// Hand a replica another replica's message.
    Deliver {
        /// The index of the receiver.
        to: usize,
        /// The message.
        payload: P,
        /// By how much later than at once. Messages overtake others that are delayed.
        after: Duration,
    },
    /// Hand a replica a client's request.
    Request {
        /// The index of the receiver.
        to: usize,
        /// The request.
        request: ClientRequest,
    },
    /// Crash the replica with this index for good, and hear no more of it from this moment on: what it
    /// has sent and nobody has taken yet is lost.
    Kill(usize),
    /// Ask the replica with this index to end, which it does after what it has stored and sent.
    Stop(usize),
    /// Start the replica with this index again, which was killed or stopped: with its directory, or without.
    Start {
        /// Its index.
        replica: usize,
        /// Whether its directory is empty.
        wiped: bool,
    },
    /// Let the replica with this index stand still: what is sent to it waits.
    Pause(usize),
    /// Let the replica with this index, which was paused, go on.
    Resume(usize),
    /// Tell the user.
    Note(String),
}
