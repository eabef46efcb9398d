//! The simulation on embedded cores in virtual time: thousands of runs in the time of one, the same
//! every time, with every step checked.
//!
//! This room knows both sides: the simulator above (which knows nothing of Raft) and the replicas'
//! cores below (which know nothing of simulators). Nothing here reads a clock, and all chance comes
//! from the run's seed, so that a seed replays a run byte for byte.
//!
//! | file | what it is about |
//! | --- | --- |
//! | [`sweep`] | many seeds on all processors |
//! | [`perform`] | sweeps as the command line asks for them |

pub mod perform;
pub mod sweep;

/// The constants of the embedded cores; the simulator hands them through unread.
pub use crate::raft::Options;
