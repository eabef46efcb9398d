//! **leasekv**: a replicated key-value store on a leased, modified Raft, and a simulator that puts
//! such stores through lossy networks, crashes and partitions.
//!
//! Two programs share this crate: the replica (`src/bin/leasekv.rs`) and the simulator
//! (`src/bin/leasekv-sim.rs`, behind `./run`). They only meet on the network.
//!
//! The replica is `raft`, `wire` and `runtime`, and builds without the rest. The simulator is `bench`,
//! whose rooms have a table of their own. A module may use those above it in this table, and none below.
//! The test `architecture` has the exact edges and fails on any other.
//!
//! | where | what it is for | what it must never know |
//! | --- | --- | --- |
//! | [`id`] | the four-digit names of replicas and clients, shared by all | everything else |
//! | [`raft`] | the protocol: a deterministic state machine, `(now, input) → outputs` | sockets, clocks, threads, JSON |
//! | [`wire`] | datagrams ↔ the core's messages | what the messages mean |
//! | [`runtime`] | the replica as a process: command line, mio loop, socket | the protocol |
//! | [`linearizability`] | whether a history of gets and puts can be explained | how it came about |
//! | [`mod@bench`] | the simulator: puts replicas through bad networks and says what it found | see its table |
//!
//! To follow a put: `runtime::event_loop` receives the datagram, [`wire::decode`] reads it,
//! [`raft::Replica::receive`] takes it in (`reception.rs`, then `replication.rs`), `advance` sends
//! the appends, the followers' answers let it commit, and `fates.rs` answers the client.

#[cfg(feature = "simulator")]
pub mod bench;
pub mod consensus;
pub mod course;
pub mod id;
pub mod kv;
#[cfg(feature = "simulator")]
pub mod linearizability;
pub mod options;
#[cfg(feature = "simulator")]
pub mod promises;
pub mod replica;
