//! What a leader knows of all its followers, by their IDs.
//!
//! A cluster has few members, and a leader goes through all of them several times in each step: so
//! they stand side by side instead of in a tree. Must never know what the progress means.

use super::pacing::SuccessRate;
use super::progress::Progress;
use super::time::Time;
use super::types::Index;
use crate::id::Id;

/// The followers in ascending order of their IDs, each once.
#[derive(Clone, Debug)]
pub(super) struct Followers(Vec<(Id, Progress)>);

impl Followers {
    /// What is known of each.
    pub(super) fn values(&self) -> impl Iterator<Item = &Progress> {
        self.0.iter().map(|(_, progress)| progress)
    }

    /// Each with its ID.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&Id, &Progress)> {
        self.0.iter().map(|(id, progress)| (id, progress))
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// What is known of one.
    pub(super) fn get(&self, id: &Id) -> Option<&Progress> {
        let place = self.0.binary_search_by_key(id, |(id, _)| *id).ok()?;
        Some(&self.0[place].1)
    }

    /// What is known of a peer, to be changed.
    ///
    /// # Panics
    ///
    /// If it is none.
    pub(super) fn of(&mut self, peer: Id) -> &mut Progress {
        self.get_mut(&peer)
            .expect("every peer of a leader is a follower")
    }

    /// A route over the `count` followers that are likeliest to answer: those that seem to live, and
    /// among them those to whom nothing was sent for the longest time, so that everybody is heard from
    /// every few puts; then those that answered last. If an `end` is given, the route ends there.
    pub(super) fn route(
        &self,
        count: usize,
        end: Option<Id>,
        now: Time,
        rate: &SuccessRate,
    ) -> Vec<Id> {
        let mut order: Vec<_> = self
            .iter()
            .filter(|&(&id, _)| Some(id) != end)
            .map(|(&id, progress)| (progress.rank(now, rate), id))
            .collect();
        order.sort_unstable();
        let others = count.saturating_sub(usize::from(end.is_some()));
        let route = order.into_iter().take(others).map(|(_, id)| id);
        route.chain(end).collect()
    }

    /// To whom nothing was sent for the longest time, if possible one that seems to live.
    pub(super) fn next_in_turn(&self, rate: &SuccessRate) -> Option<Id> {
        self.iter()
            .map(|(&id, progress)| {
                let doubtful = progress.seems_gone(rate) || !progress.confirmed;
                (doubtful, progress.sent_at, id)
            })
            .min()
            .map(|(.., id)| id)
    }

    /// Those that lack entries up to `last` and seem to live; or all that lack some, if with the others
    /// they are fewer than `count`.
    pub(super) fn lacking(&self, last: Index, count: usize, rate: &SuccessRate) -> Vec<Id> {
        let lacks = |progress: &Progress| progress.matched < last;
        let lives = |progress: &Progress| !progress.seems_gone(rate);
        let useful = self
            .values()
            .filter(|progress| !lacks(progress) || lives(progress));
        let enough = useful.count() >= count;
        self.iter()
            .filter(|(_, progress)| lacks(progress) && (lives(progress) || !enough))
            .map(|(&id, _)| id)
            .collect()
    }

    /// What is known of one, to be changed.
    pub(super) fn get_mut(&mut self, id: &Id) -> Option<&mut Progress> {
        let place = self.0.binary_search_by_key(id, |(id, _)| *id).ok()?;
        Some(&mut self.0[place].1)
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
