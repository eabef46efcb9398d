//! **leasekv**: a replicated key-value store on a leased, modified Raft, and a simulator that puts
//! such stores through lossy networks, crashes and partitions.
//!
//! Two programs share this crate: the replica (`src/bin/leasekv.rs`) and the simulator
//! (`src/bin/leasekv-sim.rs`, behind `./run`). They only meet on the network.
//!
//! | where | what it is | what it must never know |
//! | --- | --- | --- |
//! | [`raft`] | the protocol: a deterministic state machine, `(now, input) → outputs` | sockets, clocks, threads, JSON |
//! | [`wire`] | datagrams ↔ the core's messages | what the messages mean |
//! | [`runtime`] | the replica as a process: command line, mio loop, socket | the protocol |
//! | [`sim`] | clients, network, faults, statistics, verdict; processes below | Raft |
//! | [`embedded`] | the simulation on cores in virtual time, with every promise checked | clocks |
//! | [`linearizability`] | whether a history of gets and puts can be explained | how it came about |
//! | [`id`] | the four-digit names of replicas and clients, shared by all | |
//!
//! To follow a put: `runtime::event_loop` receives the datagram, [`wire::decode`] reads it,
//! [`raft::Replica::receive`] takes it in (`reception.rs`, then `replication.rs`), `advance` sends
//! the appends, the followers' answers let it commit, and `fates.rs` answers the client.

#[cfg(feature = "simulator")]
pub mod bench;
#[cfg(feature = "simulator")]
pub mod embedded;
pub mod id;
#[cfg(feature = "simulator")]
pub mod linearizability;
pub mod raft;
pub mod runtime;
#[cfg(feature = "simulator")]
pub mod sim;
pub mod wire;
