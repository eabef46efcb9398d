//! Datagrams that the network holds back for a while, in real time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

/// The most that is held back at a time; what is more is lost, as in any network.
const MAX_HELD: usize = 100_000;

/// What is to be sent later, by the time when it is due.
#[derive(Debug)]
pub struct Delayed<T> {
    held: BinaryHeap<Reverse<Held<T>>>,
    /// Counts what was ever held, so that of things due together the first goes first.
    count: u64,
}

#[derive(Debug)]
struct Held<T> {
    due: (Duration, u64),
    what: T,
}

impl<T> Delayed<T> {
    /// Nothing yet.
    pub fn new() -> Self {
        Delayed {
            held: BinaryHeap::new(),
            count: 0,
        }
    }

    /// Holds something back until `due`.
    pub fn hold(&mut self, due: Duration, what: T) {
        if self.held.len() < MAX_HELD {
            self.count += 1;
            let due = (due, self.count);
            self.held.push(Reverse(Held { due, what }));
        }
    }

    /// When the next is due, if there is any.
    pub fn next_due(&self) -> Option<Duration> {
        self.held.peek().map(|Reverse(held)| held.due.0)
    }

    /// The next that is due at `now`.
    pub fn take_due(&mut self, now: Duration) -> Option<T> {
        self.next_due().filter(|due| *due <= now)?;
        self.held.pop().map(|Reverse(held)| held.what)
    }
}

impl<T> Default for Delayed<T> {
    fn default() -> Self {
        Delayed::new()
    }
}

impl<T> PartialEq for Held<T> {
    fn eq(&self, other: &Self) -> bool {
        self.due == other.due
    }
}

impl<T> Eq for Held<T> {}

impl<T> PartialOrd for Held<T> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Ord for Held<T> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.due.cmp(&other.due)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_due_comes_out_in_time_order_and_nothing_else() {
        let ms = Duration::from_millis;
        let mut delayed = Delayed::new();
        for (due, what) in [(5, 'c'), (2, 'a'), (2, 'b'), (9, 'd')] {
            delayed.hold(ms(due), what);
        }
        assert_eq!(delayed.take_due(ms(1)), None);
        assert_eq!(delayed.next_due(), Some(ms(2)));
        let out: String = std::iter::from_fn(|| delayed.take_due(ms(5))).collect();
        assert_eq!(out, "abc");
        assert_eq!(delayed.next_due(), Some(ms(9)));
    }

    #[test]
    fn what_is_too_much_is_lost() {
        let mut delayed = Delayed::new();
        for number in 0..MAX_HELD + 10 {
            delayed.hold(Duration::ZERO, number);
        }
        let last = std::iter::from_fn(|| delayed.take_due(Duration::ZERO)).last();
        assert_eq!(last, Some(MAX_HELD - 1));
    }
}
