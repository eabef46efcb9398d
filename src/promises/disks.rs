//! What replicas may claim of their disks: nothing before it is durable, and no vote twice, whoever stops and starts again.

use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};

use super::broken::{Checked, broken};
use crate::consensus::image::Image;
use crate::consensus::message::AppendOutcome;
use crate::consensus::snapshot::Snapshot;
use crate::consensus::{Body, Index, LogId, Restored, Term, Write};
use crate::id::Id;
use crate::kv::Command;
use crate::replica::{Letter, View};

/// What is on a replica's disk for certain, and what it has promised.
#[derive(Clone, Debug, Default)]
struct Disk {
    image: Image<Command>,
    /// For whom it has voted in each term, as others heard.
    votes: BTreeMap<Term, Id>,
}

/// What is known of all disks; nothing, where replicas keep all in memory.
#[derive(Clone, Debug, Default)]
pub(super) struct Disks(Vec<Disk>);

impl Disks {
    /// Replicas have disks from now on.
    pub(super) fn begin(&mut self, replicas: usize) {
        self.0 = vec![Disk::default(); replicas];
    }

    /// A write of a replica is durable.
    pub(super) fn synced(&mut self, id: Id, write: &Write<Command>) {
        if let Some(disk) = self.0.get_mut(usize::from(id.0)) {
            disk.image.store(write);
        }
    }

    /// A snapshot that was made of a replica's log is durable.
    pub(super) fn snapshot_synced(&mut self, id: Id, snapshot: &Snapshot) {
        if let Some(disk) = self.0.get_mut(usize::from(id.0)) {
            disk.image.store_snapshot(snapshot);
        }
    }

    /// A replica starts again with that, or with nothing.
    pub(super) fn restarted(&mut self, id: Id, restored: Option<&Restored<Command>>) -> Checked {
        let Some(disk) = self.0.get_mut(usize::from(id.0)) else {
            return Ok(());
        };
        let Some(restored) = restored else {
            *disk = Disk::default();
            return Ok(());
        };
        let image = Image::from(restored.clone());
        let before = disk.image.last_index();
        let kept = disk.image.hard_state().map(|it| (it.term, it.voted_for));
        let now = (restored.hard_state.term, restored.hard_state.voted_for);
        disk.image = image;
        match kept {
            Some((term, vote))
                if now.0 < term || now.0 == term && vote.is_some() && vote != now.1 =>
            {
                broken(
                    "what is durable is there after a crash",
                    format!(
                        "{id} had {term} and a vote for {vote:?} on its disk, and starts again with {now:?}; its log went through {before}"
                    ),
                )
            }
            _ => Ok(()),
        }
    }

    /// How many disks hold an entry for certain; none if there are no disks.
    pub(super) fn count(&self, at: LogId) -> Option<usize> {
        let holds = |disk: &&Disk| disk.image.id_at(at.index) == Some(at);
        (!self.0.is_empty()).then(|| self.0.iter().filter(holds).count())
    }

    /// What a replica sends claims nothing that is not on its disk.
    pub(super) fn check_claims(&mut self, view: &View<'_>, to: Id, letter: &Letter) -> Checked {
        let id = view.id();
        let Some(disk) = self.0.get_mut(usize::from(id.0)) else {
            return Ok(());
        };
        let message = &letter.message;
        let receipts = match &message.body {
            Body::Vote(_) => return disk.check_vote(id, message.term, id),
            Body::VoteResponse(response) if response.granted => {
                return disk.check_vote(id, message.term, to);
            }
            Body::Append(append) => &append.receipts,
            Body::AppendResponse(response) => &response.receipts,
            _ => return Ok(()),
        };
        // What was sent for an earlier term in the step that ended it was true before.
        if message.term != view.term() {
            return Ok(());
        }
        for receipt in receipts.iter().filter(|receipt| receipt.follower == id) {
            if let AppendOutcome::Matched(index) = receipt.outcome
                && index > Index::ZERO
                && disk.image.id_at(index) != view.log().id_at(index)
            {
                let last = disk.image.last_index();
                return broken(
                    "nothing is claimed before it is durable",
                    format!("{id} says that it holds the log through {index}; its disk has {last}"),
                );
            }
        }
        Ok(())
    }

    /// What a model checker tells disks apart by.
    pub(super) fn fingerprint(&self, hasher: &mut impl Hasher) {
        for Disk { image, votes } in &self.0 {
            (image, votes).hash(hasher);
        }
    }
}

impl Disk {
    /// A replica tells others that it votes for somebody: once a term, and its disk knows.
    fn check_vote(&mut self, id: Id, term: Term, vote: Id) -> Checked {
        let first = *self.votes.entry(term).or_insert(vote);
        if first != vote {
            return broken(
                "one vote a term",
                format!("{id} has voted for {first} in term {term}, and now for {vote}"),
            );
        }
        let knows = self
            .image
            .hard_state()
            .is_some_and(|it| it.term > term || it.term == term && it.voted_for == Some(vote));
        match knows {
            true => Ok(()),
            false => broken(
                "nothing is claimed before it is durable",
                format!("{id} votes for {vote} in term {term}, and its disk does not know"),
            ),
        }
    }
}
