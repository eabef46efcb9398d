//! What a leader knows of each follower, and what it therefore sends next; how long answers take.

use std::time::Duration;

use super::entry::Entry;
use super::log::Log;
use super::message::Append;
use super::options::Options;
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
}

impl Progress {
    /// A follower of which nothing is known but that it should get what comes after `last`.
    pub(super) fn new(now: Time, last: Index) -> Progress {
        Progress {
            matched: Index::ZERO,
            next: last.next(),
            confirmed: false,
            backlog: false,
            sent_at: now,
            awaiting: None,
        }
    }

    /// Whether an answer has been due for longer than `patience`.
    pub(super) fn is_silent(&self, now: Time, patience: Duration) -> bool {
        self.awaiting
            .is_some_and(|since| now.since(since) >= patience)
    }

    /// The next append for this follower, which is then taken for sent.
    pub(super) fn next_append(
        &mut self,
        now: Time,
        log: &Log,
        commit: Index,
        answer_wanted: bool,
        patience: Duration,
        options: &Options,
    ) -> Append {
        if self.is_silent(now, patience) {
            self.send_again();
        }
        let lost = self.is_silent(now, options.quorum_timeout);
        let start = if lost {
            // Probably dead or cut off: ask with an empty append, and learn from its refusal.
            log.last_index().next()
        } else {
            self.next
        };
        let entries = batch(log, start, options);
        let previous = log
            .position(start.previous())
            .expect("a follower is not sent what the leader lacks");
        let behind = Index(previous.index.0 + entries.len() as u64);
        if self.confirmed && !lost {
            self.next = behind.next();
        }
        self.backlog = behind < log.last_index();
        self.sent_at = now;
        let answer_wanted = answer_wanted || !entries.is_empty();
        if answer_wanted {
            self.awaiting = self.awaiting.or(Some(now));
        }
        Append {
            previous,
            entries,
            commit,
            answer_wanted,
            sent_at: now,
        }
    }

    /// Takes what was sent and not acknowledged for lost.
    pub(super) fn send_again(&mut self) {
        if self.confirmed {
            self.next = self.matched.next();
        }
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

/// As many entries from `start` on as fit into one append.
fn batch(log: &Log, start: Index, options: &Options) -> Vec<Entry> {
    let mut bytes = 0;
    log.from(start)
        .take(options.max_append_entries)
        .enumerate()
        .take_while(|(place, entry)| {
            bytes += entry.size_bound();
            *place == 0 || bytes <= options.max_append_bytes
        })
        .map(|(_, entry)| entry.clone())
        .collect()
}

/// How long round trips to the followers take: the smoothed time and its variation, as TCP keeps
/// them (RFC 6298, §2). On a busy machine answers come late, and sending again early would only
/// make it busier.
#[derive(Clone, Debug, Default)]
pub(super) struct RoundTrips {
    smoothed: Option<Duration>,
    variation: Duration,
}

impl RoundTrips {
    /// Notes the time of a round trip.
    pub(super) fn note(&mut self, time: Duration) {
        match &mut self.smoothed {
            None => {
                self.smoothed = Some(time);
                self.variation = time / 2;
            }
            Some(smoothed) => {
                self.variation = (3 * self.variation + smoothed.abs_diff(time)) / 4;
                *smoothed = (7 * *smoothed + time) / 8;
            }
        }
    }

    /// After what time an answer is late; zero if nothing is known.
    pub(super) fn timeout(&self) -> Duration {
        self.smoothed.unwrap_or_default() + 4 * self.variation
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_timeout_follows_the_round_trips() {
        let mut round_trips = RoundTrips::default();
        assert_eq!(round_trips.timeout(), Duration::ZERO);
        for _ in 0..100 {
            round_trips.note(Duration::from_millis(1));
        }
        let steady = round_trips.timeout();
        assert!(steady < Duration::from_micros(1_010), "{steady:?}");
        for time_ms in [1, 30, 1, 30] {
            round_trips.note(Duration::from_millis(time_ms));
        }
        assert!(round_trips.timeout() > Duration::from_millis(30));
    }
}
