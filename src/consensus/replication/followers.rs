//! What a leader knows of all its followers, by their IDs, and which of them an append goes to.
//!
//! A cluster has few members, and a leader goes through all of them several times in each step: so
//! they stand side by side instead of in a tree.

use std::hash::Hasher;

use super::delivery::Delivery;
use super::progress::Progress;
use crate::consensus::fingerprint::{Measure, hash_order};
use crate::consensus::options::Timing;
use crate::consensus::time::Time;
use crate::consensus::types::Index;
use crate::id::Id;

/// The followers in ascending order of their IDs, each once.
#[derive(Clone, Debug)]
pub(crate) struct Followers(Vec<(Id, Progress)>);

impl Followers {
    /// What is known of each.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Progress> + Clone {
        self.0.iter().map(|(_, progress)| progress)
    }

    /// How many there are.
    pub(crate) fn count(&self) -> u32 {
        self.0.len() as u32
    }

    /// Each with its ID.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Id, &Progress)> {
        self.0.iter().map(|(id, progress)| (*id, progress))
    }

    /// What is known of one; none of who is no follower.
    pub(crate) fn find(&self, id: Id) -> Option<&Progress> {
        let place = self.place(id)?;
        Some(&self.0[place].1)
    }

    /// What is known of one, to be changed.
    pub(crate) fn find_mut(&mut self, id: Id) -> Option<&mut Progress> {
        let place = self.place(id)?;
        Some(&mut self.0[place].1)
    }

    fn place(&self, id: Id) -> Option<usize> {
        self.0.binary_search_by_key(&id, |(id, _)| *id).ok()
    }

    /// A route over the `count` followers that are likeliest to answer: those that seem to live, first of all those to
    /// whom nothing was sent just now; among them those to whom nothing was sent for the longest time, so that
    /// everybody is heard from every few entries; then those that were heard last. If an `end` is given, the route ends there.
    pub(crate) fn route(
        &self,
        count: usize,
        end: Option<Id>,
        now: Time,
        delivery: Delivery,
    ) -> Vec<Id> {
        let mut order: Vec<_> = self
            .iter()
            .filter(|&(id, _)| Some(id) != end)
            .map(|(id, progress)| (progress.rank(now, delivery), id))
            .collect();
        order.sort_unstable();
        let others = count.saturating_sub(usize::from(end.is_some()));
        let route = order.into_iter().take(others).map(|(_, id)| id);
        route.chain(end).collect()
    }

    /// To whom nothing was sent for the longest time, if possible one that seems to live.
    pub(crate) fn next_in_turn(&self, delivery: Delivery) -> Option<Id> {
        self.iter()
            .map(|(id, progress)| {
                let doubtful = progress.seems_gone(delivery) || !progress.confirmed;
                (doubtful, progress.sent_at, id)
            })
            .min()
            .map(|(.., id)| id)
    }

    /// Those that lack entries up to `last` and seem to live; or all that lack some, if with the others
    /// they are fewer than `count`.
    pub(crate) fn lacking(&self, last: Index, count: usize, delivery: Delivery) -> Vec<Id> {
        let lacks = |progress: &Progress| progress.matched < last;
        let lives = |progress: &Progress| !progress.seems_gone(delivery);
        let useful = self
            .all()
            .filter(|progress| !lacks(progress) || lives(progress));
        let enough = useful.count() >= count;
        self.iter()
            .filter(|(_, progress)| lacks(progress) && (lives(progress) || !enough))
            .map(|(id, _)| id)
            .collect()
    }

    /// What a model checker tells followers apart by.
    pub(crate) fn fingerprint(&self, measure: Measure, timing: &Timing, hasher: &mut impl Hasher) {
        for progress in self.all() {
            progress.fingerprint(measure, timing, hasher);
        }
        // New entries go first to whom nothing was sent for the longest time, or else to who was heard
        // last, however long ago it was.
        hash_order(self.all().map(|it| it.sent_at).zip(0..), hasher);
        hash_order(self.all().map(|it| it.heard_at).zip(0..), hasher);
    }
}

impl FromIterator<(Id, Progress)> for Followers {
    /// # Panics
    ///
    /// If the IDs do not ascend.
    fn from_iter<T: IntoIterator<Item = (Id, Progress)>>(followers: T) -> Self {
        let followers: Vec<_> = followers.into_iter().collect();
        let ascends = |pair: &[(Id, Progress)]| pair[0].0 < pair[1].0;
        assert!(
            followers.windows(2).all(ascends),
            "followers stand in the order of their IDs, each once"
        );
        Followers(followers)
    }
}
