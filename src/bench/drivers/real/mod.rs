//! The driver for real processes in real time.
//!
//! | file | what it is about |
//! | --- | --- |
//! | [`processes`] | a run: the loop, the clock, routing |
//! | `sockets` | a socket for each replica, and the wait for them |
//! | [`children`] | starting, crashing and ending replicas, and what they print |
//! | [`guard`] | what a replica's process does before it becomes the replica's program |
//! | [`strays`] | finding what left a replica's process group |
//! | [`watchdog`] | a second process that ends the replicas if the simulator was killed |
//! | `printed` | what replicas print |
//! | [`signals`] | requests to stop and deaths, as something to wait for |
//! | [`delayed`] | datagrams that the network holds back |
//! | `watching` | what may hold a run up |
//! | `state_lines` | what replicas tell of themselves |
//!
//! This room runs any program that speaks the course's protocol, so it must never know this project's
//! replica; only what a replica may tell of itself ([`course::state`](crate::course::state)), which others
//! need not tell. It must never leave a process behind.

pub mod children;
pub mod delayed;
pub mod guard;
mod printed;
pub mod processes;
pub mod signals;
mod sockets;
mod state_lines;
pub mod strays;
pub mod watchdog;
mod watching;
