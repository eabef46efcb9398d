//! The driver for this project's cores in virtual time: thousands of runs in the time of one, the same
//! every time, with every step checked.
//!
//! | file | what it is about |
//! | --- | --- |
//! | [`run`] | one run: cores instead of processes, a queue of events instead of sockets |
//! | `queue` | what is under way |
//! | [`invariants`] | Raft's promises and the lease's, checked after every step |
//! | `chains` | the beginnings of logs by number, for the invariants |
//! | `transcript` | everything that happens in a run, as text |
//! | `recorder` | what a trace needs of a run |
//!
//! This room knows both sides: the world, which knows nothing of Raft, and the replicas' cores, which
//! know nothing of simulators. It must never read a clock, and all chance comes from the run's seed, so
//! that a seed replays a run byte for byte.

mod chains;
pub mod invariants;
mod queue;
mod recorder;
pub mod run;
mod transcript;
