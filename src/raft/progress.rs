//! What a leader knows of each follower.

use std::cmp::Reverse;
use std::time::Duration;

use super::log::Log;
use super::pacing::{HARDLY, SuccessRate};
use super::time::Time;
use super::types::{Index, Position};

/// What a leader knows of a follower.
#[derive(Clone, Debug)]
pub(super) struct Progress {
    /// The follower's log equals ours through here.
    pub matched: Index,
    /// The first entry that has not been sent, or must be sent again.
    pub next: Index,
    /// Whether the follower has matched any append of this term.
    pub confirmed: bool,
    /// Whether entries are left that did not fit into the last append.
    pub backlog: bool,
    /// When anything was last sent.
    pub sent_at: Time,
    /// When the oldest append was sent that wants an answer and has seen none.
    pub awaiting: Option<Time>,
    /// How many appends have wanted an answer since it was last heard.
    pub unanswered: u32,
    /// When it was last heard.
    pub answered_at: Time,
}

/// How likely a follower is to answer; the least is the likeliest.
pub(super) type Rank = (bool, Reverse<Time>, Time);

impl Progress {
    /// A follower of which nothing is known but when it was last heard, and that it should get what
    /// comes after `last`.
    pub(super) fn new(now: Time, last: Index, heard_at: Time) -> Progress {
        Progress {
            matched: Index::ZERO,
            next: last.next(),
            confirmed: false,
            backlog: false,
            sent_at: now,
            awaiting: None,
            unanswered: 0,
            answered_at: heard_at,
        }
    }

    /// Whether an answer has been due for longer than `patience`.
    pub(super) fn is_silent(&self, now: Time, patience: Duration) -> bool {
        self.awaiting
            .is_some_and(|since| now.since(since) >= patience)
    }

    /// Whether even a heartbeat wants an answer: nothing is known of the follower, or it owes one, or it
    /// lacked more than fitted into the last append, and only its answer brings the rest.
    pub(super) fn owes_answer(&self) -> bool {
        self.awaiting.is_some() || !self.confirmed || self.backlog
    }

    /// When to send a heartbeat, if nothing else is sent before: after an interval; to one that has been
    /// silent for several, after as long as it had been at the last one, up to `longest`.
    pub(super) fn heartbeat_at(&self, interval: Duration, longest: Duration) -> Time {
        let silence = self
            .awaiting
            .map_or(Duration::ZERO, |since| self.sent_at.since(since));
        self.sent_at + interval.max(silence).min(longest)
    }

    /// Whether it has been silent more often than can be chance.
    pub(super) fn seems_gone(&self, rate: &SuccessRate) -> bool {
        rate.chance_of_failures(self.unanswered) < HARDLY
    }

    /// Where this follower stands among those that could get the next append.
    pub(super) fn rank(&self, now: Time, rate: &SuccessRate) -> Rank {
        let gone = self.seems_gone(rate);
        let trusted = self.confirmed && !gone;
        // Among those that seem to live all are as good; among the others who answered last.
        let answered_at = if trusted { now } else { self.answered_at };
        (gone, Reverse(answered_at), self.sent_at)
    }

    /// The first entry that this follower should get now.
    pub(super) fn start(&mut self, now: Time, patience: Duration) -> Index {
        if self.is_silent(now, patience) && self.confirmed {
            // What was sent and not acknowledged is taken for lost.
            self.next = self.matched.next();
        }
        self.next
    }

    /// Notes that everything through `behind` was sent.
    pub(super) fn note_sent(&mut self, now: Time, behind: Index, last: Index, answer_wanted: bool) {
        if self.confirmed && answer_wanted {
            self.next = self.next.max(behind.next());
        }
        self.backlog = behind < last;
        self.sent_at = now;
        if answer_wanted {
            self.awaiting = self.awaiting.or(Some(now));
            self.unanswered = self.unanswered.saturating_add(1);
        }
    }

    /// Notes that the follower has answered.
    pub(super) fn note_answer(&mut self, now: Time) {
        self.awaiting = None;
        self.unanswered = 0;
        self.answered_at = now;
    }

    /// Goes back to where the follower's log may equal ours (Raft §5.3). Returns whether that is
    /// news: a late refusal of what was repaired meanwhile is not.
    pub(super) fn back_off(&mut self, previous: Index, hint: Position, log: &Log) -> bool {
        if previous <= self.matched || previous > log.last_index() {
            return false;
        }
        let start = hint.index.min(previous.previous()).0;
        let fits = (self.matched.0..=start)
            .rev()
            .filter_map(|index| log.position(Index(index)))
            .find(|ours| ours.term <= hint.term)
            .map_or(self.matched, |ours| ours.index);
        self.next = fits.next();
        true
    }
}
