//! What a role may want to become.

use std::collections::BTreeMap;

use crate::consensus::types::LogId;
use crate::id::Id;

/// A change of role that a role asks for.
#[derive(Clone, Debug)]
pub(crate) enum Transition {
    /// Ask whether an election would succeed.
    AskForPreVotes {
        /// Whether somebody has found the leader gone.
        leader_suspected: bool,
    },
    /// Stand for election in a new term.
    Stand {
        /// Whether somebody has found the leader gone.
        leader_suspected: bool,
        /// Whom to ask.
        voters: Vec<Id>,
        /// Where the logs of those end who have answered.
        known: BTreeMap<Id, LogId>,
    },
    /// Lead the term in which a quorum has voted for us.
    Lead {
        /// Where the logs of those end who have answered.
        known: BTreeMap<Id, LogId>,
    },
    /// Follow, nobody as yet.
    StepBack,
}
