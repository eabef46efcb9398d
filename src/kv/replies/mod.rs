//! Who tells a client what became of its put.
//!
//! A put in the log may be committed under this leader or a later one, or never. Its client must be answered once in
//! the whole cluster, whoever dies. There are two policies:
//!
//! | file | who answers | for clients that |
//! | --- | --- | --- |
//! | `last` | the last replica on the put's route | any replica can reach |
//! | `leader` | the leader that took the put in | hang on a connection to it |
//! | [`policy`] | what a policy is | |
//! | `ledger` | (for `last`) who is to answer which of the puts that are not settled | |
//! | `taken` | (for both) the puts that this replica took in as a leader | |
//!
//! Both redirect a client only when its put can never take effect. Nothing here may send anything: a policy says which
//! clients are to be answered, and how consensus can help.

mod last;
mod leader;
mod ledger;
pub mod policy;
mod taken;

use std::hash::{Hash, Hasher};

use last::LastAnswers;
use leader::LeaderAnswers;
pub use policy::Note;
use policy::Policy;

use super::options::Answerer;
use crate::id::Id;

/// The policy in force.
#[derive(Clone, Debug)]
pub(super) enum Replies {
    Last(LastAnswers),
    Leader(LeaderAnswers),
}

impl Replies {
    pub(super) fn new(answerer: Answerer, own: Id) -> Replies {
        match answerer {
            Answerer::Last => Replies::Last(LastAnswers::new(own)),
            Answerer::Leader => Replies::Leader(LeaderAnswers::default()),
        }
    }

    pub(super) fn policy(&self) -> &dyn Policy {
        match self {
            Replies::Last(policy) => policy,
            Replies::Leader(policy) => policy,
        }
    }

    pub(super) fn policy_mut(&mut self) -> &mut dyn Policy {
        match self {
            Replies::Last(policy) => policy,
            Replies::Leader(policy) => policy,
        }
    }

    /// What a model checker tells policies apart by.
    pub(super) fn fingerprint(&self, leads: bool, hasher: &mut impl Hasher) {
        std::mem::discriminant(self).hash(hasher);
        match self {
            Replies::Last(policy) => policy.fingerprint(leads, hasher),
            Replies::Leader(policy) => policy.fingerprint(hasher),
        }
    }
}
