//! The network between replicas: losses, partitions and one-way cuts.
//!
//! Decides a message's fate and must never deliver anything. Clients are no business of its.

use std::collections::BTreeSet;

use rand::RngExt;
use rand::seq::SliceRandom;

use super::random::{Stream, StreamRng};
use crate::bench::protocol::roster::Roster;
use crate::id::Id;

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
    partition: Option<Partition>,
    /// From whom to whom nothing gets through, besides the partition.
    cuts: BTreeSet<(usize, usize)>,
}

/// A network in parts.
#[derive(Clone, Debug)]
struct Partition {
    /// Per replica, the number of its side.
    sides: Vec<usize>,
    /// The side that has more than half of all replicas, if one has.
    majority: Option<usize>,
}

impl Partition {
    fn has_in_majority(&self, replica: usize) -> bool {
        self.majority == Some(self.sides[replica])
    }
}

impl Network {
    /// A whole network that loses messages with the probability `drops`.
    pub fn new(roster: Roster, drops: f64, seed: u64) -> Self {
        Network {
            roster,
            drops,
            rng: Stream::Drops.rng(seed),
            partition: None,
            cuts: BTreeSet::new(),
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
        order.truncate(replicas / 2 + 1);
        let others = (0..replicas).filter(|replica| !order.contains(replica));
        self.split_into(&[others.collect(), order.clone()]);
    }

    /// Cuts one replica off from everybody.
    pub fn isolate(&mut self, replica: usize) {
        let others = (0..self.roster.replicas()).filter(|&other| other != replica);
        self.split_into(&[others.collect()]);
    }

    /// Splits the network into these sides, which have no replica in common. Who is on none of
    /// them is alone. Any other partition is over.
    pub fn split_into(&mut self, sides: &[Vec<usize>]) {
        let replicas = self.roster.replicas();
        let side_of = |replica: usize| {
            let named = sides.iter().position(|side| side.contains(&replica));
            named.unwrap_or(sides.len() + replica)
        };
        let majority = sides.iter().position(|side| side.len() > replicas / 2);
        self.partition = Some(Partition {
            sides: (0..replicas).map(side_of).collect(),
            majority,
        });
    }

    /// Lets nothing through from one replica to another. The way back stays as it is.
    pub fn cut(&mut self, from: usize, to: usize) {
        self.cuts.insert((from, to));
    }

    /// Makes the network whole.
    pub fn heal(&mut self) {
        self.partition = None;
        self.cuts.clear();
    }

    /// Whether anything is split or cut.
    pub fn is_split(&self) -> bool {
        self.partition.is_some() || !self.cuts.is_empty()
    }

    /// The replicas on the majority's side, nobody if no side has a majority; nothing without a
    /// partition.
    pub fn majority(&self) -> Option<Vec<Id>> {
        let partition = self.partition.as_ref()?;
        let inside = (0..partition.sides.len()).filter(|&at| partition.has_in_majority(at));
        Some(inside.map(|replica| self.roster.replica(replica)).collect())
    }

    /// The sides of the partition, by the number of their first replica, and which of them has the
    /// majority; nothing without a partition.
    pub fn sides(&self) -> Option<(Vec<Vec<Id>>, Option<usize>)> {
        let partition = self.partition.as_ref()?;
        let mut numbers: Vec<usize> = Vec::new();
        let mut sides: Vec<Vec<Id>> = Vec::new();
        for (replica, number) in partition.sides.iter().enumerate() {
            let place = numbers.iter().position(|known| known == number);
            let place = place.unwrap_or_else(|| {
                numbers.push(*number);
                sides.push(Vec::new());
                sides.len() - 1
            });
            sides[place].push(self.roster.replica(replica));
        }
        let majority = partition
            .majority
            .and_then(|majority| numbers.iter().position(|number| *number == majority));
        Some((sides, majority))
    }

    /// Whether `src` speaks for the cluster: without a partition everybody does.
    pub fn is_on_majority_side(&self, src: Id) -> bool {
        match (&self.partition, self.roster.replica_index(src)) {
            (None, _) => true,
            (Some(partition), Some(replica)) => partition.has_in_majority(replica),
            (Some(_), None) => false,
        }
    }

    /// Decides the fate of one message from `src` to a replica.
    pub fn fate(&mut self, src: Id, to: usize) -> Fate {
        if self.stands_between(src, to) {
            return Fate::Cut;
        }
        if self.drops > 0.0 && self.rng.random_bool(self.drops) {
            return Fate::Lost;
        }
        Fate::Sent
    }

    fn stands_between(&self, src: Id, to: usize) -> bool {
        let Some(from) = self.roster.replica_index(src) else {
            // Who says to be nobody we know is not on the majority's side.
            return self
                .partition
                .as_ref()
                .is_some_and(|partition| partition.has_in_majority(to));
        };
        let apart = |partition: &Partition| partition.sides[from] != partition.sides[to];
        self.partition.as_ref().is_some_and(apart) || self.cuts.contains(&(from, to))
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
    fn whoever_is_named_on_no_side_is_alone() {
        let mut network = network(5, 0.0);
        network.split_into(&[vec![0, 1, 2]]);
        assert_eq!(network.majority().unwrap(), [Id(0), Id(1), Id(2)]);
        assert_eq!(network.fate(Id(0), 2), Fate::Sent);
        assert_eq!(network.fate(Id(3), 4), Fate::Cut);
        network.isolate(0);
        assert_eq!(network.majority().unwrap().len(), 4);
        assert_eq!(network.fate(Id(3), 4), Fate::Sent);
        assert_eq!(network.fate(Id(0), 4), Fate::Cut);
        assert_eq!(network.fate(Id(4), 0), Fate::Cut);
    }

    #[test]
    fn half_of_the_replicas_are_no_majority() {
        let mut network = network(4, 0.0);
        network.split_into(&[vec![0, 1], vec![2, 3]]);
        assert_eq!(network.majority().unwrap(), []);
        assert!(!network.is_on_majority_side(Id(0)));
        assert_eq!(network.fate(Id(0), 1), Fate::Sent);
    }

    #[test]
    fn a_cut_works_one_way_beside_a_split_until_the_network_heals() {
        let mut network = network(5, 0.0);
        network.cut(0, 1);
        network.split_into(&[vec![0, 1, 2], vec![3, 4]]);
        assert_eq!(network.fate(Id(0), 1), Fate::Cut);
        assert_eq!(network.fate(Id(1), 0), Fate::Sent);
        network.heal();
        assert!(!network.is_split());
        assert_eq!(network.fate(Id(0), 1), Fate::Sent);
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
