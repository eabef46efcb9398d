//! What a leader knows of one follower.

use std::cmp::Reverse;
use std::hash::{Hash, Hasher};
use std::time::Duration;

use super::delivery::Delivery;
use crate::consensus::fingerprint::Measure;
use crate::consensus::log::Log;
use crate::consensus::options::Timing;
use crate::consensus::time::Time;
use crate::consensus::types::{Index, LogId};

/// What a leader knows of a follower.
#[derive(Clone, Debug)]
pub(crate) struct Progress {
    /// The follower's log equals ours through here.
    pub matched: Index,
    /// The first entry that has not been sent, or must be sent again.
    pub next: Index,
    /// Entries were sent through here, in this term.
    pub sent_through: Index,
    /// The commit index of which the follower has been told.
    pub told: Index,
    /// Whether the follower has matched any append of this term.
    pub confirmed: bool,
    /// Whether entries are left that did not fit into the last append.
    pub backlog: bool,
    /// Whether it kept silent in the election, and has done so since.
    pub missing: bool,
    /// When anything was last sent.
    pub sent_at: Time,
    /// When the oldest append was sent that wants a response and has seen none.
    pub awaiting: Option<Time>,
    /// Whether much got lost when that was sent.
    pub awaiting_in_loss: bool,
    /// How many appends have wanted a response since it was last heard.
    pub unanswered: u32,
    /// When it was last heard.
    pub heard_at: Time,
}

/// How likely a follower is to answer; the least is the likeliest.
pub(crate) type Rank = (bool, bool, Reverse<Time>, Time);

impl Progress {
    /// A follower of which nothing is known but when it was last heard, and that it should be sent what
    /// comes after `last`.
    pub(crate) fn new(now: Time, last: Index, missing: bool, heard_at: Time) -> Progress {
        Progress {
            matched: Index::ZERO,
            next: last.next(),
            sent_through: Index::ZERO,
            told: Index::ZERO,
            confirmed: false,
            backlog: false,
            missing,
            sent_at: now,
            awaiting: None,
            awaiting_in_loss: false,
            unanswered: 0,
            heard_at,
        }
    }

    /// Whether a response has been due for longer than `patience`.
    pub(crate) fn is_silent(&self, now: Time, patience: Duration) -> bool {
        self.awaiting
            .is_some_and(|since| now.since(since) >= patience)
    }

    /// Whether even a heartbeat wants a response: nothing is known of the follower, or it owes one, or it
    /// lacked more than fitted into the last append, and only its response brings the rest.
    pub(crate) fn owes_response(&self) -> bool {
        self.awaiting.is_some() || !self.confirmed || self.backlog
    }

    /// When to send a heartbeat, if nothing else is sent before: after an interval; to one that has been
    /// silent for several, after as long as it had been at the last one, up to `longest`. One that is being brought up
    /// to date is sent the same again as soon as its response is late, which doubles each time.
    pub(crate) fn heartbeat_at(
        &self,
        interval: Duration,
        longest: Duration,
        patience: impl FnOnce() -> Duration,
    ) -> Time {
        if self.backlog && self.awaiting.is_some() && !self.missing {
            let late = patience() * 2u32.saturating_pow(self.unanswered.min(20));
            return self.sent_at + late.min(interval);
        }
        let silence = self
            .awaiting
            .map_or(Duration::ZERO, |since| self.sent_at.since(since));
        self.sent_at + interval.max(silence).min(longest)
    }

    /// Whether it is likelier dead than unlucky.
    pub(crate) fn seems_gone(&self, delivery: Delivery) -> bool {
        self.missing || delivery.is_death(self.unanswered)
    }

    /// Whether its word is worth asking for. Where much is lost, until it seems gone. Where nothing is, until its silence
    /// cannot be chance: that takes a message more at most, and then somebody else may do what it owes.
    pub(crate) fn is_worth_asking(&self, delivery: Delivery) -> bool {
        match self.missing || self.awaiting_in_loss {
            true => !self.seems_gone(delivery),
            false => !delivery.is_no_chance(self.unanswered),
        }
    }

    /// Where this follower stands among those that could be sent the next append.
    pub(crate) fn rank(&self, now: Time, delivery: Delivery) -> Rank {
        let gone = self.seems_gone(delivery);
        let trusted = self.confirmed && !gone;
        // Among those that seem to live all are as good; among the others who was heard last.
        let heard_at = if trusted { now } else { self.heard_at };
        // A burst's further routes lead over others.
        let is_served = self.sent_at == now;
        (gone, is_served, Reverse(heard_at), self.sent_at)
    }

    /// The first entry that this follower should be sent now.
    pub(crate) fn start(&mut self, now: Time, patience: Duration) -> Index {
        if self.is_silent(now, patience) && self.confirmed {
            // What was sent and not acknowledged is taken for lost.
            self.next = self.matched.next();
        }
        self.next
    }

    /// Notes that everything through `behind` was sent, and with it the commit index.
    pub(crate) fn note_sent(
        &mut self,
        now: Time,
        behind: Index,
        log: (Index, Index),
        response_wanted: bool,
        delivery: Delivery,
    ) {
        let (last, commit) = log;
        if self.confirmed && response_wanted {
            self.next = self.next.max(behind.next());
        }
        self.backlog = behind < last;
        self.sent_at = now;
        self.sent_through = self.sent_through.max(behind);
        if response_wanted {
            self.told = self.told.max(commit);
            if self.awaiting.is_none() {
                self.awaiting = Some(now);
                self.awaiting_in_loss = delivery.loses_much();
            }
            self.unanswered = self.unanswered.saturating_add(1);
        }
    }

    /// Notes that the follower has answered.
    pub(crate) fn note_heard(&mut self, now: Time) {
        self.awaiting = None;
        self.unanswered = 0;
        self.missing = false;
        self.heard_at = now;
    }

    /// Notes that the follower's log equals ours through `index`. Returns whether it is to be sent more at once.
    pub(crate) fn note_matched(&mut self, index: Index, last: Index) -> bool {
        self.confirmed = true;
        self.matched = self.matched.max(index);
        self.next = self.next.max(index.next());
        std::mem::take(&mut self.backlog) && self.next <= last
    }

    /// Goes back to where the follower's log may equal ours (Raft §5.3). Returns whether that is
    /// news: a late refusal of what was repaired meanwhile is not.
    pub(crate) fn back_off<C>(&mut self, previous: Index, hint: LogId, log: &Log<C>) -> bool {
        if previous <= self.matched || previous > log.last_index() {
            return false;
        }
        let start = hint.index.min(previous.previous()).0;
        let fits = (self.matched.0..=start)
            .rev()
            .filter_map(|index| log.id_at(Index(index)))
            .find(|ours| ours.term <= hint.term)
            .map_or(self.matched, |ours| ours.index);
        self.next = fits.next();
        true
    }

    /// What a model checker tells followers apart by, as far as their order does not.
    pub(crate) fn fingerprint(&self, measure: Measure, timing: &Timing, hasher: &mut impl Hasher) {
        let Progress {
            matched,
            next,
            sent_through,
            told,
            confirmed,
            backlog,
            missing,
            sent_at,
            awaiting,
            awaiting_in_loss,
            unanswered,
            // Only their order counts.
            heard_at: _,
        } = self;
        (matched, next, sent_through, told).hash(hasher);
        (confirmed, backlog, missing, unanswered).hash(hasher);
        awaiting.map(|_| awaiting_in_loss).hash(hasher);
        // A heartbeat is sent after two intervals at the latest, or as long after the last one as that was after the
        // first one without an answer.
        let interval = timing.heartbeat_interval;
        let longest = measure.horizon().max(4 * interval).max(timing.retry_max);
        let awaiting = awaiting.map(|at| measure.age(at, longest));
        (measure.age(*sent_at, 2 * interval), awaiting).hash(hasher);
    }
}
