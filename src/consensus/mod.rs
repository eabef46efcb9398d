//! Consensus: a modified Raft on commands that mean nothing here, as one deterministic state machine.
//!
//! A [`Consensus`] is fed with `(now, message)` and leaves messages to be sent; it names the moment at which it next
//! wants to be called. What it agrees on is a [`Log`](log::Log) of commands.
//!
//! It must never know what a command does, who asked for it or who is told of it; and it must never touch a socket, read
//! a clock, start a thread, or draw a random number from a generator that it was not handed. So the same
//! compiled code runs on a network, in virtual time and under a model checker, and does the same for the same inputs.
//!
//! | file | what it is about |
//! | --- | --- |
//! | [`node`] | the shell: inputs, outputs, terms, changes of role |
//! | `core` | what a replica has in every role |
//! | [`view`] | what can be seen of it |
//! | [`durable`] | what must be on stable storage, and what waits for that |
//! | [`port`] | handing that over, and starting again with it |
//! | [`image`] | what it leaves on a disk, for simulations and checks |
//! | `role` | follower, candidates, leader: what only that role has and does (Raft §5.2 to §5.4) |
//! | `replication` | how entries travel: routes, retries, receipts (§5.3) |
//! | [`log`], [`spans`] | entries, since when they are held, and how far they are committed |
//! | [`snapshot`], `compaction` | what stands in the place of entries that are gone |
//! | `lease` | committing an entry is the lease |
//! | [`members`] | who belongs to the cluster, and what a quorum is |
//! | [`options`] | every constant, with its unit, reason and relations |
//! | `mistakes` | classic mistakes to build in, for checking the checks |
//! | [`fingerprint`] | what makes two replicas the same for a model checker |
//! | [`entry`], [`message`], [`types`], [`time`] | the nouns |

mod compaction;
mod core;
pub mod durable;
pub mod entry;
pub mod fingerprint;
pub mod image;
mod lease;
pub mod log;
pub mod members;
pub mod message;
pub(crate) mod mistakes;
pub mod node;
pub mod options;
pub mod port;
mod replication;
mod role;
pub mod snapshot;
pub mod spans;
pub mod time;
pub mod types;
pub mod view;

pub use self::core::Envelope;
pub use durable::{HardState, Restored, Write};
pub use entry::{Command, Entry, Payload};
pub use members::Members;
pub use message::{Body, Message};
pub use node::{Consensus, NotLeading};
pub use options::{Options, Plan, Storage};
pub use replication::wishes::Wishes;
pub use time::Time;
pub use types::{Incarnation, Index, LogId, Term};
pub use view::{RoleName, Silence};
