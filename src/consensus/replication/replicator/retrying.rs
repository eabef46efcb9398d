//! When what is not acknowledged is sent again, and how.

use super::{Attempt, Replicator};
use crate::consensus::core::Core;
use crate::consensus::entry::Command;
use crate::consensus::options::Plan;
use crate::consensus::replication::attempt::Next;
use crate::consensus::replication::worth::{Offer, Silence};
use crate::consensus::time::Time;
use crate::id::Id;

impl Replicator {
    /// Looks again at what lacks a quorum, or the word of who is awaited, once its response is late: sends it
    /// again if that is worth it; else sends as many copies as are worth it, and waits until more is.
    pub(crate) fn retry<C: Command>(&mut self, core: &mut Core<C>) {
        let lacks_quorum = self.held_by_quorum(core) < core.log.last_index();
        // Before anything can be committed, the one that is awaited cannot have anything to say.
        // Nor is it asked for ever: heartbeats will tell.
        let awaited = self.route_end();
        let lacks_word = awaited.is_some() && core.now >= self.commits_from;
        if !lacks_quorum && !lacks_word {
            self.attempt = None;
            return;
        }
        let (now, patience) = (core.now, self.patience(&core.options.timing));
        let attempt = self.attempt.get_or_insert(Attempt::new(now, patience));
        if now < attempt.retry_at {
            return;
        }
        let is_news = !std::mem::replace(&mut attempt.has_failed, true);
        let mut attempt = *attempt;
        if is_news && !self.is_old_silence(attempt.began) {
            let remembered = core.options.tuning.remembered_attempts;
            self.delivery.note(false, remembered);
        }
        let way = match (lacks_quorum, awaited) {
            (false, Some(awaited)) => Way::Ask(awaited),
            _ if self.seems_cut_off() || core.options.tuning.plan == Plan::Star => Way::Everybody,
            _ => Way::Route,
        };
        let price = core.options.tuning.message_price;
        loop {
            let silence = self.silence(core, attempt);
            let again = self.offer(core, &silence, way);
            let may_copy = way == Way::Route && attempt.copies < self.followers.count();
            let copy = may_copy.then(|| silence.copy());
            let (next, after) = attempt.look_again(now, &silence, again, copy, price, patience);
            attempt = after;
            match next {
                Next::Copy => self.send_copy(core),
                Next::Again => break self.send_way(core, way),
                Next::Wait => break,
            }
        }
        self.attempt = Some(attempt);
    }

    /// Whether the one whose word is awaited has been silent since before `time`, where nothing had been lost. It may well be
    /// dead, and then what it does not answer says nothing of the network.
    fn is_old_silence(&self, time: Time) -> bool {
        let (awaited, _) = self.wishes.awaited.unzip();
        let progress = awaited.and_then(|id| self.followers.find(id));
        progress
            .is_some_and(|it| !it.awaiting_in_loss && it.awaiting.is_some_and(|since| since < time))
    }

    fn silence<C: Command>(&self, core: &Core<C>, attempt: Attempt) -> Silence {
        let uncommitted = core.log.last_index().0 - core.log.commit().0;
        let route = u32::try_from(core.members.quorum() - 1).unwrap_or(u32::MAX);
        Silence {
            delivery: self.delivery,
            arrival: self.delivery.arrival(route + 1),
            route,
            failures: attempt.failures,
            copies: attempt.copies,
            // One at least lacks a quorum, or the word of who is awaited.
            entries: u32::try_from(uncommitted).unwrap_or(u32::MAX).max(1),
            reads: u32::try_from(self.wishes.reads).unwrap_or(u32::MAX),
            gap: self.gaps.expected(),
            longest: core.options.timing.retry_max,
        }
    }

    fn offer<C: Command>(&self, core: &Core<C>, silence: &Silence, way: Way) -> Offer {
        match way {
            Way::Route => silence.route(),
            Way::Everybody => silence.directly(self.lacking(core).len()),
            Way::Ask(_) => silence.directly(1),
        }
    }

    fn send_way<C: Command>(&mut self, core: &mut Core<C>, way: Way) {
        match way {
            Way::Route => self.send_route(core, self.route_end()),
            Way::Everybody => self.send_to_all_lacking(core),
            Way::Ask(awaited) => self.send_along(core, &[awaited], true),
        }
    }

    /// Sends what lacks a quorum to one more follower: should this leader die, its successor may know
    /// of it. No response is wanted.
    fn send_copy<C: Command>(&mut self, core: &mut Core<C>) {
        if let Some(id) = self.followers.next_in_turn(self.delivery) {
            self.send_along(core, &[id], false);
        }
    }
}

/// A way of sending again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// Along one route over those who are likeliest to answer.
    Route,
    /// To everybody who lacks something, each on a route of its own.
    Everybody,
    /// To the one whose word is awaited: a quorum holds all there is.
    Ask(Id),
}
