//! **leasekv**: a replicated key-value store on a leased, modified Raft, and a bench that puts
//! such stores through lossy networks, crashes and partitions.
//!
//! Two programs share this crate: the replica (`src/bin/leasekv.rs`) and the bench
//! (`src/bin/leasekv-sim.rs`, behind `./run`). They only meet on the network.
//!
//! The rows through `bin::leasekv` are the replica, which builds without the rest, and without the two of the disk. A room is a module with its files. It may use the
//! rooms above it in this table, and none below. The test `architecture` has the exact edges and fails on any other.
//!
//! | where | what it is for | what it must never know |
//! | --- | --- | --- |
//! | [`id`] | the four-digit names of replicas and clients | everything else |
//! | [`consensus`] | Raft on commands that mean nothing: `(now, message) → messages` | keys, values, clients, sockets, clocks, threads, JSON |
//! | [`kv`] | what the log means: the store, its clients, who answers them | how replicas agree |
//! | [`replica`] | the two together, still without I/O: what every driver drives | who drives it |
//! | [`options`] | all constants as text | where the text comes from |
//! | [`disk`] | a memory on a disk: what was durable comes back after any crash | consensus, keys, values, sockets |
//! | [`stored`] | a replica's memory in such a directory | what has to be durable before what |
//! | [`course`] | the course's replica: command line, socket, loop, datagrams | what the protocol decides |
//! | `bin::leasekv` | its program | |
//! | [`linearizability`] | whether a history of gets and puts can be explained | how it came about |
//! | [`promises`] | what a cluster promises, checked after every step | anything but what can be seen of replicas |
//! | [`mod@bench`] | puts replicas through bad networks and says what it found | see its table |
//!
//! **A put, from the datagram to the answer.** `course::event_loop::serve` receives the datagram and [`course::decode::decode`] reads
//! it; [`replica::Replica::receive`] notes it, and [`replica::Replica::advance`] hands it to [`kv::Service::advance`], which serves it
//! (`serve_put`, `propose`) and so adds it to the log by [`consensus::Consensus::propose`]. [`consensus::Consensus::flush`] sends it
//! along a route (`replicator.rs`: `dispatch`, `send_along`). At each follower the append arrives at `node.rs`: `on_append`, and
//! `storing.rs`: `take_append` stores it, commits what the receipts show, and passes it on. The last one on the route has committed
//! it then, so its service applies it (`apply`, `replies/last.rs`: `applied`) and answers the client; [`course::encode::encode_answer`]
//! writes that. The receipts come back to the leader (`responses.rs`: `on_response`), which commits in its turn (`leader.rs`: `commit`).
//!
//! **An election, from the silence to the first commit.** [`consensus::Consensus::advance`] finds a follower's time over
//! (`follower.rs`: `advance`) and makes it a pre-candidate (`node.rs`: `change`; `candidate.rs`: `PreCandidate::begin`), which asks the
//! others. They answer by `follower.rs`: `on_pre_vote`, and it stands for election once they have answered (`stand_if_heard_out`,
//! `Candidate::begin`). They vote by `voter.rs`: `vote`; with a quorum it leads (`lead_with_quorum`, `leader.rs`: `Leader::begin`) and
//! adds a no-op. The service sees that ([`kv::Service::advance`]: `follow`) and serves what has waited, so that it leaves with the no-op
//! (`dispatch`). Once no deposed leader can have a lease (`lease.rs`), the no-op is committed, and the leader serves gets.

#[cfg(feature = "simulator")]
pub mod bench;
pub mod consensus;
pub mod course;
#[cfg(feature = "disk")]
pub mod disk;
pub mod id;
pub mod kv;
#[cfg(feature = "simulator")]
pub mod linearizability;
pub mod options;
#[cfg(feature = "simulator")]
pub mod promises;
pub mod replica;
#[cfg(feature = "disk")]
pub mod stored;
