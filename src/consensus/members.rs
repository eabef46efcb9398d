//! Who belongs to the cluster, and what a quorum of it is.

use super::types::Index;
use crate::id::Id;

/// The most replicas that a cluster may have. An append has room for a route over all of them.
pub const MAX_MEMBERS: usize = 21;

/// The members of a cluster, as one of them sees it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Members {
    own: Id,
    peers: Vec<Id>,
}

impl Members {
    /// The cluster of this replica and its peers, given in any order.
    ///
    /// # Panics
    ///
    /// If `peers` contains `own` or an ID twice, or there are more than [`MAX_MEMBERS`] members.
    pub fn new(own: Id, peers: &[Id]) -> Members {
        let mut sorted = peers.to_vec();
        sorted.sort_unstable();
        sorted.dedup();
        assert!(
            sorted.len() == peers.len() && !sorted.contains(&own),
            "the members of a cluster must differ: {own} with {peers:?}"
        );
        assert!(
            peers.len() < MAX_MEMBERS,
            "a cluster has at most {MAX_MEMBERS} members, not {}",
            peers.len() + 1
        );
        let peers = sorted;
        Members { own, peers }
    }

    /// This replica.
    pub fn own(&self) -> Id {
        self.own
    }

    /// The others, in ascending order.
    pub fn peers(&self) -> &[Id] {
        &self.peers
    }

    /// Whether that is one of the others.
    pub fn is_peer(&self, id: Id) -> bool {
        self.place(id).is_some()
    }

    /// The place of one of the others among [`peers`](Self::peers).
    pub fn place(&self, id: Id) -> Option<usize> {
        self.peers.iter().position(|peer| *peer == id)
    }

    /// Whether that is a member, this replica included.
    pub fn contains(&self, id: Id) -> bool {
        id == self.own || self.is_peer(id)
    }

    /// How many replicas make a quorum: more than half.
    pub fn quorum(&self) -> usize {
        self.peers.len().div_ceil(2) + 1
    }
}

/// The last index that at least `needed` of these logs reach; 0 if there are not as many.
pub(super) fn reached_by(needed: usize, logs: impl Iterator<Item = Index> + Clone) -> Index {
    // No list to be sorted: a leader asks this several times a step, of a few logs.
    let mut last = Index::ZERO;
    for index in logs.clone() {
        if index > last && logs.clone().filter(|&other| other >= index).count() >= needed {
            last = index;
        }
    }
    last
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quorum_is_more_than_half() {
        let quorums = [1, 2, 3, 4, 5, 6, 7, 21].map(|size| {
            let peers: Vec<Id> = (1..size).map(Id).collect();
            Members::new(Id(0), &peers).quorum()
        });
        assert_eq!(quorums, [1, 2, 2, 3, 3, 4, 4, 11]);
    }

    #[test]
    #[should_panic(expected = "a cluster has at most 21 members, not 22")]
    fn a_cluster_has_no_more_members_than_a_route_has_room_for() {
        let peers: Vec<Id> = (1..22).map(Id).collect();
        Members::new(Id(0), &peers);
    }

    #[test]
    fn what_a_quorum_holds_is_what_that_many_reach() {
        let logs = [5, 3, 9, 3, 0].map(Index);
        let reached = |needed| reached_by(needed, logs.into_iter()).0;
        assert_eq!([1, 2, 3, 4, 5, 6].map(reached), [9, 5, 3, 3, 0, 0]);
    }
}
