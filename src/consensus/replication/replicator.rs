//! A leader's part: along which routes entries travel, and when they are sent again (Raft §5.3).

mod responses;
mod retrying;

use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};
use std::time::Duration;

use super::attempt::Attempt;
use super::delivery::Delivery;
use super::followers::Followers;
use super::pace::{Gaps, RoundTrips};
use super::progress::Progress;
use super::wishes::Wishes;
use crate::consensus::core::Core;
use crate::consensus::entry::Command;
use crate::consensus::fingerprint::Measure;
use crate::consensus::members::reached_by;
use crate::consensus::message::{Append, Body};
use crate::consensus::mistakes::Mistake;
use crate::consensus::options::{Options, Plan, Timing};
use crate::consensus::time::Time;
use crate::consensus::types::{Index, LogId};
use crate::id::Id;

/// What a leader knows and does about replication.
#[derive(Clone, Debug)]
pub(crate) struct Replicator {
    followers: Followers,
    /// Nothing may be committed before: until then a deposed leader may hold a lease.
    commits_from: Time,
    /// When a quorum last came to hold more than before; at first, when the term began.
    progress_at: Time,
    /// The last entry that has been sent to enough followers for a quorum.
    dispatched: Index,
    /// Whether everybody has been told that the term has begun.
    is_announced: bool,
    attempt: Option<Attempt>,
    round_trips: RoundTrips,
    delivery: Delivery,
    gaps: Gaps,
    wishes: Wishes,
    /// Where the route of the entries that are not dispatched yet will end.
    next_end: Option<Id>,
    /// When the next heartbeat is due, unless something else is sent before.
    heartbeat_due: Time,
}

impl Replicator {
    /// At the beginning of a term; `known` says where the logs of those end who have spoken in the election.
    pub(crate) fn new<C: Command>(
        core: &Core<C>,
        known: &BTreeMap<Id, LogId>,
        commits_from: Time,
    ) -> Replicator {
        let inherited = core.log.last_index();
        let progress = |&peer: &Id| {
            let heard_at = core.heard_at(peer).unwrap_or(Time::ZERO);
            let last = known
                .get(&peer)
                .map_or(inherited, |last| last.index.min(inherited));
            let missing = !known.contains_key(&peer);
            (peer, Progress::new(core.now, last, missing, heard_at))
        };
        Replicator {
            followers: core.members.peers().iter().map(progress).collect(),
            commits_from,
            progress_at: core.now,
            dispatched: inherited,
            is_announced: false,
            attempt: None,
            round_trips: RoundTrips::default(),
            delivery: Delivery::unknown(core.options.tuning.remembered_attempts),
            gaps: Gaps::default(),
            wishes: Wishes::default(),
            next_end: None,
            heartbeat_due: core.now,
        }
    }

    /// What is known of the followers.
    pub(crate) fn followers(&self) -> &Followers {
        &self.followers
    }

    /// How likely attempts are acknowledged.
    pub(crate) fn delivery(&self) -> Delivery {
        self.delivery
    }

    /// When the first commit of the term is possible.
    pub(crate) fn commits_from(&self) -> Time {
        self.commits_from
    }

    /// Takes wishes in. With one more read that waits, what was not worth its price may be: so an attempt that was
    /// postponed is looked at again as soon as its response is late.
    pub(crate) fn wish(&mut self, wishes: Wishes, timing: &Timing) {
        let patience = self.patience(timing);
        if wishes.reads > self.wishes.reads
            && let Some(attempt) = &mut self.attempt
        {
            attempt.retry_at = attempt.retry_at.min(attempt.sent_at + patience);
        }
        self.wishes = wishes;
    }

    /// The last index that a quorum holds, as the receipts show. Our own copy counts before it is on stable storage: nothing need
    /// be sent for that.
    pub(crate) fn held_by_quorum<C: Command>(&self, core: &Core<C>) -> Index {
        self.reached_with(core, core.log.last_index())
    }

    /// The last index that a quorum has on stable storage, ourselves among them only if we have: that can be committed.
    pub(crate) fn durable_on_quorum<C: Command>(&self, core: &Core<C>) -> Index {
        match core.options.makes(Mistake::LeaderCountsUnsynced) {
            true => self.held_by_quorum(core),
            false => self.reached_with(core, core.log.durable()),
        }
    }

    fn reached_with<C: Command>(&self, core: &Core<C>, own: Index) -> Index {
        let matched = self.followers.all().map(|progress| progress.matched);
        reached_by(core.members.quorum(), matched.chain([own]))
    }

    /// Since when entries have lacked a quorum without any progress towards one.
    fn stalled_since<C: Command>(&self, core: &Core<C>) -> Option<Time> {
        let first_lacking = self.held_by_quorum(core).next();
        let created_at = core.log.held_since(first_lacking)?;
        Some(created_at.max(self.progress_at))
    }

    /// Whether attempts have failed too often for bad luck.
    fn seems_cut_off(&self) -> bool {
        let is_death = |attempt: &Attempt| self.delivery.is_death(attempt.failures);
        self.attempt.as_ref().is_some_and(is_death)
    }

    /// From when on the leader doubts that it can reach a quorum; none if it has no reason to. When it first seems so, one
    /// more attempt goes to everybody, and only if that fails as well there is a doubt: a false one may cost an election.
    pub(crate) fn doubts_from<C: Command>(&self, core: &Core<C>) -> Option<Time> {
        let attempt = self.attempt.as_ref()?;
        if !self.delivery.is_death(attempt.failures.saturating_sub(1)) {
            return None;
        }
        let late = attempt.sent_at + self.patience(&core.options.timing);
        Some(late.max(self.stalled_since(core)? + core.options.timing.quorum_doubt))
    }

    /// Who will be the last on the route of the next entry: the leader itself, if that has no route.
    pub(crate) fn end_of_next_route<C: Command>(&mut self, core: &Core<C>) -> Id {
        if core.options.tuning.plan == Plan::Star {
            return core.own();
        }
        let end = self.next_end.or(self.route_end());
        let count = core.members.quorum() - 1;
        let route = self.followers.route(count, end, core.now, self.delivery);
        self.next_end = route.last().copied();
        self.next_end.unwrap_or(core.own())
    }

    /// Where a route should end: at the one whose word is awaited, as long as that is worth asking.
    fn route_end(&self) -> Option<Id> {
        let (awaited, _) = self.wishes.awaited?;
        let progress = self.followers.find(awaited)?;
        progress.is_worth_asking(self.delivery).then_some(awaited)
    }

    /// The one whose word is awaited is told at once that what it is about is committed, if it cannot see that for
    /// itself.
    pub(crate) fn tell_awaited<C: Command>(&mut self, core: &mut Core<C>) {
        let commit = core.log.commit();
        let Some((awaited, from)) = self.wishes.awaited else {
            return;
        };
        let told = self.followers.find(awaited).map(|progress| progress.told);
        if from > commit || told.is_none_or(|told| told >= commit) {
            return;
        }
        let patience = self.patience(&core.options.timing);
        let attempt = self.attempt.get_or_insert(Attempt::new(core.now, patience));
        attempt.delay = patience;
        attempt.retry_at = core.now + patience;
        self.send_along(core, &[awaited], true);
    }

    /// Sends new entries as the plan says, or to everybody who lacks them if the leader seems to be cut off. Those of a new
    /// term go to everybody else as well, because they should hear who leads; of those no response is wanted.
    pub(crate) fn dispatch<C: Command>(&mut self, core: &mut Core<C>) {
        let last = core.log.last_index();
        if self.dispatched >= last {
            return;
        }
        let count = last.0 - self.dispatched.0;
        self.dispatched = last;
        self.gaps.note(core.now);
        let (now, patience) = (core.now, self.patience(&core.options.timing));
        let began = self.stalled_since(core).unwrap_or(now);
        // New entries' appends are a retry of all before them, too; but no stream of them may delay it for ever.
        let seems_cut_off = self.seems_cut_off();
        let is_overdue = now.since(began) >= core.options.timing.overdue();
        let attempt = self.attempt.get_or_insert(Attempt::new(now, patience));
        attempt.began = began;
        attempt.failures = attempt.failures.saturating_add(1);
        attempt.copies = 0;
        attempt.sent_at = now;
        attempt.delay = patience;
        attempt.retry_at = match is_overdue {
            true => attempt.retry_at.min(now + patience),
            false => now + patience,
        };
        match core.options.tuning.plan {
            Plan::Route if seems_cut_off => self.send_to_all_lacking(core),
            Plan::Route => {
                let end = self.next_end.take().or(self.route_end());
                self.send_route(core, end);
                for _ in 1..count.min(u64::from(core.options.tuning.burst_routes)) {
                    let is_useless =
                        |it: &Progress| it.sent_at == now || it.seems_gone(self.delivery);
                    if self.followers.all().all(is_useless) {
                        break;
                    }
                    self.send_route(core, None);
                }
            }
            Plan::Star => self.send_to_all_lacking(core),
        }
        if !std::mem::replace(&mut self.is_announced, true) {
            let silent = |progress: &Progress| progress.awaiting != Some(now);
            let others = self.followers.iter().filter(|(_, it)| silent(it));
            let others: Vec<Id> = others.map(|(id, _)| id).collect();
            for id in others {
                self.send_along(core, &[id], false);
            }
        }
    }

    fn send_route<C: Command>(&mut self, core: &mut Core<C>, end: Option<Id>) {
        let count = core.members.quorum() - 1;
        let route = self.followers.route(count, end, core.now, self.delivery);
        self.send_along(core, &route, true);
    }

    fn send_to_all_lacking<C: Command>(&mut self, core: &mut Core<C>) {
        for id in self.lacking(core) {
            self.send_along(core, &[id], true);
        }
    }

    fn lacking<C: Command>(&self, core: &Core<C>) -> Vec<Id> {
        let count = core.members.quorum() - 1;
        let last = core.log.last_index();
        self.followers.lacking(last, count, self.delivery)
    }

    /// How long the leader waits for a response before it takes an append for lost.
    fn patience(&self, timing: &Timing) -> Duration {
        let late = self.round_trips.timeout();
        late.min(timing.overdue()).max(timing.retry_min)
    }

    /// When a follower is sent a heartbeat unless anything else is sent before. The silent ones are sent them more
    /// rarely, but not those that are missed.
    fn heartbeat_at<C: Command>(&self, core: &Core<C>, id: Id, progress: &Progress) -> Time {
        let interval = core.options.timing.heartbeat_interval;
        let is_missed = self.wishes.missed.contains(&id);
        let longest = if is_missed { 1 } else { 2 } * interval;
        progress.heartbeat_at(interval, longest, || self.patience(&core.options.timing))
    }

    /// Sends an append to each follower to which nothing was sent for a heartbeat interval, or for two if it
    /// is silent. One that answers, and lacks no more than fits into an append, need
    /// not answer this one.
    pub(crate) fn send_heartbeats<C: Command>(&mut self, core: &mut Core<C>) {
        self.heartbeat_due = self.next_heartbeat(core);
        if core.now < self.heartbeat_due {
            return;
        }
        let due: Vec<(Id, bool)> = self
            .followers
            .iter()
            .filter(|(id, progress)| core.now >= self.heartbeat_at(core, *id, progress))
            .map(|(id, progress)| {
                (
                    id,
                    progress.owes_response() || is_far_behind(core, progress),
                )
            })
            .collect();
        for (id, response_wanted) in due {
            self.send_along(core, &[id], response_wanted);
        }
        self.heartbeat_due = self.next_heartbeat(core);
    }

    fn next_heartbeat<C: Command>(&self, core: &Core<C>) -> Time {
        let heartbeats = self
            .followers
            .iter()
            .map(|(id, progress)| self.heartbeat_at(core, id, progress));
        let none = core.now + core.options.timing.heartbeat_interval;
        heartbeats.min().unwrap_or(none)
    }

    /// Sends everything that any follower on `route` lacks, as far as we know, or a heartbeat if none
    /// lacks anything.
    pub(crate) fn send_along<C: Command>(
        &mut self,
        core: &mut Core<C>,
        route: &[Id],
        response_wanted: bool,
    ) {
        let Some((&first, rest)) = route.split_first() else {
            return;
        };
        assert!(
            response_wanted || rest.is_empty(),
            "only what wants a response is passed on"
        );
        let (now, patience) = (core.now, self.patience(&core.options.timing));
        let in_doubt = self.doubts_from(core).is_some_and(|from| now >= from);
        let mut start = core.log.last_index().next();
        for &id in route {
            start = start.min(self.follower(id).start(now, patience));
        }
        let entries = core.log.batch(start, &core.options.limits);
        let previous = core
            .log
            .id_at(start.previous())
            .expect("a follower is not sent what the leader lacks");
        let behind = Index(previous.index.0 + entries.len() as u64);
        let log = (core.log.last_index(), core.log.commit());
        let delivery = self.delivery;
        for &id in route {
            self.follower(id)
                .note_sent(now, behind, log, response_wanted, delivery);
        }
        let append = Append {
            previous,
            entries,
            commit: core.log.commit(),
            response_wanted,
            deferred: now < self.commits_from,
            in_doubt,
            route: rest.to_vec(),
            receipts: Vec::new(),
            sent_at: now,
        };
        core.send(first, Body::Append(append));
    }

    fn follower(&mut self, id: Id) -> &mut Progress {
        let follower = self.followers.find_mut(id);
        follower.expect("routes lead over followers")
    }

    /// When the leader must next send something.
    pub(crate) fn deadline(&self) -> Time {
        match self.attempt {
            Some(attempt) => attempt.retry_at.min(self.heartbeat_due),
            None => self.heartbeat_due,
        }
    }

    /// What must hold after every step.
    pub(crate) fn assert_invariants<C: Command>(&self, core: &Core<C>) {
        for progress in self.followers.all() {
            assert!(progress.matched <= core.log.last_index());
            assert!(progress.next > progress.matched);
            assert!(progress.sent_through <= core.log.last_index());
        }
        assert!(self.dispatched <= core.log.last_index());
    }

    /// What a model checker tells leaders apart by.
    pub(crate) fn fingerprint(
        &self,
        measure: Measure,
        options: &Options,
        hasher: &mut impl Hasher,
    ) {
        let Replicator {
            followers,
            commits_from,
            progress_at,
            dispatched,
            is_announced,
            attempt,
            // What was measured only matters within limits, as our patience.
            round_trips: _,
            delivery,
            gaps,
            wishes,
            next_end,
            heartbeat_due,
        } = self;
        let timing = &options.timing;
        followers.fingerprint(measure, timing, hasher);
        let doubt = timing.quorum_doubt.max(timing.overdue());
        let patience = self.patience(timing);
        (
            measure.until(*commits_from),
            measure.age(*progress_at, doubt),
            dispatched,
            is_announced,
            patience,
            (delivery, wishes, next_end),
            measure.until(*heartbeat_due),
        )
            .hash(hasher);
        // Where messages cost nothing, what is expected does not matter.
        if !options.tuning.message_price.is_zero() {
            let last = gaps.last().map(|at| measure.age(at, Duration::MAX));
            (last, gaps.expected()).hash(hasher);
        }
        attempt.is_some().hash(hasher);
        if let Some(attempt) = attempt {
            attempt.fingerprint(measure, patience, &options.tuning, hasher);
        }
    }
}

/// Whether a follower lacks more than fits into an append.
fn is_far_behind<C: Command>(core: &Core<C>, progress: &Progress) -> bool {
    let batch = core.options.limits.max_append_entries as u64;
    core.log.last_index().0 >= progress.next.0 + batch
}
