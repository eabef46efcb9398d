//! The network between replicas: losses and partitions.
//!
//! Decides a message's fate and must never deliver anything. Clients are no business of its.

use rand::RngExt;
use rand::seq::SliceRandom;

use crate::id::Id;
use crate::sim::random::{Stream, StreamRng};
use crate::sim::roster::Roster;

/// What becomes of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It arrives.
    Sent,
    /// The network loses it.
    Lost,
    /// The partition stands between.
    Cut,
}

/// The network between the replicas of a run.
#[derive(Clone, Debug)]
pub struct Network {
    roster: Roster,
    drops: f64,
    rng: StreamRng,
    /// Per replica, whether it is on the majority's side; nothing without a partition.
    majority: Option<Vec<bool>>,
}

impl Network {
    /// A whole network that loses messages with the probability `drops`.
    pub fn new(roster: Roster, drops: f64, seed: u64) -> Self {
        Network {
            roster,
            drops,
            rng: Stream::Drops.rng(seed),
            majority: None,
        }
    }

    /// Splits off a majority of ⌊N/2⌋+1 replicas: `with`, if given, and random others.
    pub fn split(&mut self, with: Option<usize>, rng: &mut StreamRng) {
        let replicas = self.roster.replicas();
        let mut order: Vec<usize> = (0..replicas).collect();
        order.shuffle(rng);
        if let Some(chosen) = with {
            order.sort_by_key(|&replica| replica != chosen);
        }
        let mut majority = vec![false; replicas];
        for &replica in &order[..replicas / 2 + 1] {
            majority[replica] = true;
        }
        self.majority = Some(majority);
    }

    /// Makes the network whole.
    pub fn heal(&mut self) {
        self.majority = None;
    }

    /// Whether the network is split.
    pub fn is_split(&self) -> bool {
        self.majority.is_some()
    }

    /// The replicas on the majority's side; nothing without a partition.
    pub fn majority(&self) -> Option<Vec<Id>> {
        let majority = self.majority.as_ref()?;
        let inside = (0..majority.len()).filter(|&replica| majority[replica]);
        Some(inside.map(|replica| self.roster.replica(replica)).collect())
    }

    /// Whether `src` speaks for the cluster: without a partition everybody does.
    pub fn is_on_majority_side(&self, src: Id) -> bool {
        match (&self.majority, self.roster.replica_index(src)) {
            (None, _) => true,
            (Some(majority), Some(replica)) => majority[replica],
            (Some(_), None) => false,
        }
    }

    /// Decides the fate of one message from `src` to a replica.
    pub fn fate(&mut self, src: Id, to: usize) -> Fate {
        if let Some(majority) = &self.majority
            && self.is_on_majority_side(src) != majority[to]
        {
            return Fate::Cut;
        }
        if self.drops > 0.0 && self.rng.random_bool(self.drops) {
            return Fate::Lost;
        }
        Fate::Sent
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    fn network(replicas: usize, drops: f64) -> Network {
        Network::new(Roster::new(replicas), drops, 1)
    }

    #[test]
    fn a_partition_has_just_more_than_half_on_its_majority_side() {
        for (replicas, majority) in [(3, 2), (4, 3), (5, 3), (21, 11)] {
            let mut network = network(replicas, 0.0);
            network.split(None, &mut Stream::Fault(0).rng(1));
            assert_eq!(network.majority().unwrap().len(), majority);
        }
    }

    #[test]
    fn the_majority_has_whom_it_must_have_and_else_anybody() {
        let mut with_last = 0;
        let mut drawn = HashSet::new();
        for event in 0..200 {
            let mut network = network(5, 0.0);
            network.split(Some(4), &mut Stream::Fault(event).rng(1));
            let majority = network.majority().unwrap();
            assert!(majority.contains(&Id(4)));
            drawn.insert(majority);
            network.split(None, &mut Stream::Fault(event).rng(1));
            with_last += usize::from(network.majority().unwrap().contains(&Id(4)));
        }
        assert_eq!(drawn.len(), 6, "every pair of others gets its turn");
        assert!(
            (80..160).contains(&with_last),
            "three fifths of 200, not {with_last}"
        );
    }

    #[test]
    fn a_partition_cuts_between_its_sides_only_and_until_it_ends() {
        let mut network = network(5, 0.0);
        network.split(None, &mut Stream::Fault(0).rng(1));
        let majority = network.majority().unwrap();
        for src in 0..5u16 {
            for to in 0..5u16 {
                let same = majority.contains(&Id(src)) == majority.contains(&Id(to));
                let fate = if same { Fate::Sent } else { Fate::Cut };
                assert_eq!(network.fate(Id(src), usize::from(to)), fate);
            }
            assert_eq!(
                network.is_on_majority_side(Id(src)),
                majority.contains(&Id(src))
            );
        }
        assert!(!network.is_on_majority_side(Id(0x1234)));
        network.heal();
        assert!(network.is_on_majority_side(Id(0x1234)));
        assert!((0..5).all(|to| network.fate(Id(0), to) == Fate::Sent));
    }

    #[test]
    fn messages_are_lost_as_often_as_asked_for() {
        let lost = |drops| {
            let mut network = network(5, drops);
            (0..10_000)
                .filter(|_| network.fate(Id(0), 1) == Fate::Lost)
                .count()
        };
        assert_eq!(lost(0.0), 0);
        assert!((1350..1650).contains(&lost(0.15)));
        assert_eq!(lost(1.0), 10_000);
    }
}
