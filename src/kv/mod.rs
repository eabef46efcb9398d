//! What the log means: a key-value store and its clients.
//!
//! It stands on [`consensus`](crate::consensus) and gives its commands a meaning. It must never know how replicas agree
//! (terms, votes, routes), and, like consensus, never touch a socket, a clock or a thread.
//!
//! | file | what it is about |
//! | --- | --- |
//! | [`client`] | the nouns: what clients ask and what they are answered |
//! | [`command`] | what the log's commands mean |
//! | [`store`], `chunks` | what the committed puts make |
//! | `frozen`, `snapshots` | the store as it was, and which of these a replica has |
//! | [`service`] | requests: serve, hold, redirect, pass on; applying the log |
//! | `queue` | requests that wait |
//! | `redirects` | which clients come back because they have not found the leader |
//! | [`replies`] | who tells a client what became of its put |
//! | [`options`] | every constant, with its unit, reason and relations |
//! | `mistakes` | classic mistakes to build in, for checking the checks |

mod chunks;
pub mod client;
pub mod command;
mod frozen;
pub(crate) mod mistakes;
pub mod options;
mod queue;
mod redirects;
pub mod replies;
pub mod service;
mod snapshots;
pub mod store;

pub use client::{Answer, Operation, Outcome, Request};
pub use command::{Command, Put, TakeOver};
pub use options::Options;
pub use replies::Note;
pub use service::Service;
