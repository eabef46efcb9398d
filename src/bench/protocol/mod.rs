//! The course's protocol, as the bench speaks it: who takes part, what they say to each other, and
//! how that is written down.
//!
//! | file | what it is about | what it must never know |
//! | --- | --- | --- |
//! | [`roster`] | which IDs are replicas and which are clients | who is alive, who leads |
//! | [`message`] | requests, answers and what passes between replicas, as data | how messages are written |
//! | [`datagram`] | messages as JSON, both ways | what messages mean, where they come from |
//! | `python` | what Python makes of texts | what they are for |
//!
//! This room must never know how replicas agree, what a run is, or any socket.

pub mod datagram;
pub mod message;
mod python;
pub mod roster;
