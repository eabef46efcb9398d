//! A whole election as one step.

use std::sync::Arc;

use leasekv::consensus::{Body, RoleName};
use leasekv::id::Id;

use super::State;
use crate::model::action::Envelope;

impl State {
    /// Whether these voters can elect that candidate, as far as can be seen without trying.
    pub(crate) fn may_be_elected(&self, id: Id, voters: &[Id]) -> bool {
        let own = self.view(id);
        let may_vote = |voter: Id| {
            let view = self.view(voter);
            let leads = view.role() == RoleName::Leader && view.term() == own.term();
            voter != id
                && !self.is_away(voter)
                && view.term() <= own.term()
                && view.last() <= own.last()
                && !leads
        };
        own.role() == RoleName::Follower && voters.iter().all(|&voter| may_vote(voter))
    }

    /// A follower's election timeout, and the whole exchange with these voters up to its first entries, which are on
    /// their way then. None if it is not elected, or if any of them does not answer.
    pub(super) fn run_election(&mut self, id: Id, voters: &[Id]) -> Option<()> {
        if self.view(id).role() != RoleName::Follower {
            return None;
        }
        let others = std::mem::take(&mut self.post);
        self.wake(id);
        let (mut heard, mut voted) = (0, 0);
        loop {
            let is_among = |envelope: &&Arc<Envelope>| {
                voters.contains(&envelope.from) || voters.contains(&envelope.to)
            };
            // All pre-votes before the first vote, so that nobody of them counts as missing.
            let order = |envelope: &&Arc<Envelope>| {
                let stage = match envelope.letter.message.body {
                    Body::PreVote(_) => 0,
                    Body::PreVoteResponse(_) => 1,
                    Body::Vote(_) => 2,
                    Body::VoteResponse(_) => 3,
                    Body::Append(_)
                    | Body::AppendResponse(_)
                    | Body::Snapshot(_)
                    | Body::SnapshotResponse(_) => 4,
                };
                (stage, envelope.from, envelope.to)
            };
            let of_election = self.post().filter(is_among).filter(|it| order(it).0 < 4);
            let Some(envelope) = of_election.min_by_key(order).cloned() else {
                break;
            };
            heard += usize::from(order(&&envelope).0 == 1);
            voted += usize::from(order(&&envelope).0 == 3);
            self.lose(&envelope);
            self.deliver(&envelope);
        }
        let have_all_answered = heard.max(voted) == voters.len();
        if self.view(id).role() != RoleName::Leader || !have_all_answered {
            return self.broken.is_some().then_some(());
        }
        let is_opening =
            |envelope: &Envelope| matches!(envelope.letter.message.body, Body::Append(_));
        self.post.retain(|(_, it)| it.from == id && is_opening(it));
        self.post.extend(others);
        self.post.sort_unstable_by_key(|(hash, _)| *hash);
        Some(())
    }
}
