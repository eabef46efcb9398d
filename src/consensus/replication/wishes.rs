//! What whoever uses the log wishes of its replication.

use crate::consensus::types::Index;
use crate::id::Id;

/// What whoever uses the log wishes of its replication.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Wishes {
    /// Somebody waits for this follower's word that it has applied the log from this index on: so routes end there, and
    /// attempts go on until this wish is gone, or the follower seems to be.
    pub awaited: Option<(Id, Index)>,
    /// These are not counted on, but brought up to date at once when they return.
    pub missed: Vec<Id>,
    /// How many reads wait for a lease or for a commit.
    pub reads: usize,
}
