//! How entries get from the leader to the followers, and how it learns that they have them (Raft §5.3).
//!
//! There is one mechanism, an append with a *route*: its receiver stores it and passes it on to the next
//! on the route, and the last one answers the leader for all. A *plan* is a list of routes: one route over just enough
//! followers for a quorum takes the fewest messages, a route of its own for each follower (a star) the fewest hops.
//! It is safe because Raft commits by who holds an entry, and never asks how it got there.
//!
//! It must never decide what the leader commits: that is `role/leader.rs`.
//!
//! | file | what it is about |
//! | --- | --- |
//! | [`storing`] | a follower's part: storing, committing what the receipts show, passing on |
//! | [`installing`] | a follower's part where entries are gone: taking in a snapshot |
//! | [`replicator`] | a leader's part: what it sends to whom, and when again |
//! | [`wishes`] | what the user of the log wishes: whose word is awaited |
//! | [`attempt`] | what has been sent and lacks a quorum: the one outstanding attempt |
//! | [`followers`] | all followers; who is next on a route |
//! | [`progress`] | what the leader knows of one follower |
//! | [`transfer`] | a snapshot on its way to one follower |
//! | [`delivery`] | how likely messages get through: bad luck or death? |
//! | [`worth`] | whether sending again saves more time than it costs messages |
//! | [`pace`] | how long responses take, and how often entries come |

pub(super) mod attempt;
pub(super) mod delivery;
pub(super) mod followers;
pub(super) mod installing;
pub(super) mod pace;
pub(super) mod progress;
pub(super) mod replicator;
pub(super) mod storing;
pub(super) mod transfer;
pub(super) mod wishes;
pub(super) mod worth;
