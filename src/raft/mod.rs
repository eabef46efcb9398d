//! The protocol core: a modified Raft as one deterministic state machine.
//!
//! A [`Replica`] is fed with `(now, input)` and leaves [`Output`]s to be carried out; it names the
//! moment at which it next wants to be called. It must never touch a socket, a clock, a thread,
//! JSON or a generator of random numbers that was not handed in, so that the same compiled code
//! runs on a network, in virtual time and under a model checker, and does the same for the same
//! inputs.
//!
//! | file | what it is about |
//! | --- | --- |
//! | [`replica`] | the state machine's shell: inputs, outputs, terms, changes of role |
//! | `election` | pre-votes, votes, how a leader begins (Raft §5.2, §5.4.1; thesis §9.6) |
//! | `following` | a follower's part: storing appends, passing them on, answering (Raft §5.3) |
//! | `leading` | a leader's office: taking requests in, commit, lease (Raft §5.4.2) |
//! | `replication` | the routes along which entries travel, retries, heartbeats, receipts |
//! | `progress` | what a leader knows of a follower |
//! | `followers` | that of all followers |
//! | `pacing` | how fast a leader sends again: how long answers take, what that may cost |
//! | `reception` | clients: serve, redirect, hold, pass on; how they give a dead leader away |
//! | `fates` | who answers a put that an election caught in the log |
//! | `role` | the state that only a follower, a candidate or a leader has |
//! | [`log`] | entries, since when they are held, and how far they are committed |
//! | [`options`] | every constant, with its reason and relations |
//! | `settings` | the options as text |
//! | `mistakes` | classic mistakes to build in, for checking the checks |
//! | [`view`] | a read-only look inside, for invariant checks and tests |
//! | `fingerprint` | what makes two replicas the same for a model checker |
//! | [`client`], [`entry`], [`message`], [`types`], [`time`] | the nouns |

pub mod client;
mod election;
pub mod entry;
mod fates;
mod fingerprint;
mod followers;
mod following;
mod leading;
pub mod log;
pub mod message;
pub(crate) mod mistakes;
pub mod options;
mod pacing;
mod progress;
mod reception;
pub mod replica;
mod replication;
mod role;
mod settings;
pub mod time;
pub mod types;
pub mod view;

pub use client::{Answer, Operation, Outcome, Request};
pub use message::{Body, Message};
pub use options::Options;
pub use replica::{Input, Output, Replica};
pub use time::Time;
pub use types::{Index, Position, Term};
