//! **leasekv**: a replicated key-value store on a leased, modified Raft, and a simulator that puts
//! such stores through lossy networks, crashes and partitions.

pub mod id;
pub mod raft;
pub mod runtime;
#[cfg(feature = "simulator")]
pub mod sim;
pub mod wire;
