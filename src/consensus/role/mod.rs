//! What a replica is at the moment. Each role is a type with the state that only this role has. It is made
//! when the role begins and gone when the role ends, so nothing in it can be stale.
//!
//! A role is handed the [`Core`](super::core::Core) and an input, and returns a [`Transition`](transition::Transition) if it wants to become
//! something else. It must never change its role itself: that is `node.rs`.
//!
//! | file | what it is about |
//! | --- | --- |
//! | [`follower`] | storing appends, passing them on, waiting for the leader (Raft §5.3) |
//! | [`voter`] | votes and pre-votes, which every role gives (§5.2, §5.4.1) |
//! | [`candidate`] | asking for pre-votes and votes (§5.2; thesis §9.6) |
//! | [`leader`] | commit and lease (§5.4.2; LeaseGuard) |

pub(super) mod candidate;
pub(super) mod follower;
pub(super) mod leader;
pub(super) mod transition;
pub(super) mod voter;

use candidate::{Candidate, PreCandidate};
use follower::Follower;
use leader::Leader;

/// A replica's role.
#[derive(Clone, Debug)]
pub(super) enum Role {
    Follower(Follower),
    /// Asks whether an election would succeed, without starting a term.
    PreCandidate(PreCandidate),
    /// Stands for election in the current term.
    Candidate(Candidate),
    Leader(Box<Leader>),
}
