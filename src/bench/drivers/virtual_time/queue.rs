//! What is under way in virtual time, in the order in which it arrives.
//!
//! Must never know what it is. What is sent first arrives first of what is due together.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

/// Things under way, each with the time of its arrival.
#[derive(Debug)]
pub(super) struct Queue<T> {
    /// When each is due in nanoseconds, its number and its place. Small, as a heap moves its elements a lot.
    due: BinaryHeap<Reverse<(u64, u64, usize)>>,
    places: Vec<Option<T>>,
    free: Vec<usize>,
    /// How many were ever sent.
    sent: u64,
}

impl<T> Queue<T> {
    /// Nothing is under way.
    pub(super) fn new() -> Queue<T> {
        Queue {
            due: BinaryHeap::new(),
            places: Vec::new(),
            free: Vec::new(),
            sent: 0,
        }
    }

    /// Sends something, to arrive then.
    pub(super) fn push(&mut self, at: Duration, what: T) {
        let place = self.free.pop().unwrap_or_else(|| {
            self.places.push(None);
            self.places.len() - 1
        });
        let before = self.places[place].replace(what);
        debug_assert!(before.is_none(), "the place is free");
        self.sent += 1;
        let at_ns = u64::try_from(at.as_nanos()).unwrap_or(u64::MAX);
        self.due.push(Reverse((at_ns, self.sent, place)));
    }

    /// When the next arrives; never, if none is under way.
    pub(super) fn next_at(&self) -> Duration {
        let next = self.due.peek();
        next.map_or(Duration::MAX, |Reverse((at_ns, ..))| {
            Duration::from_nanos(*at_ns)
        })
    }

    /// Takes the next out if it is as wanted.
    pub(super) fn pop_if(&mut self, is_wanted: impl Fn(Duration, &T) -> bool) -> Option<T> {
        let &Reverse((at_ns, _, place)) = self.due.peek()?;
        let next = self.places[place].as_ref()?;
        is_wanted(Duration::from_nanos(at_ns), next)
            .then(|| self.pop())
            .flatten()
    }

    /// Takes the next out.
    pub(super) fn pop(&mut self) -> Option<T> {
        let Reverse((_, _, place)) = self.due.pop()?;
        self.free.push(place);
        self.places[place].take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_due_first_comes_first_and_of_that_what_was_sent_first() {
        let at = Duration::from_millis;
        let mut queue = Queue::new();
        for (due, what) in [(3, "d"), (1, "a"), (2, "c"), (1, "b")] {
            queue.push(at(due), what);
        }
        assert_eq!(queue.next_at(), at(1));
        assert_eq!(queue.pop_if(|due, _| due > at(1)), None);
        let both = [
            queue.pop(),
            queue.pop_if(|due, what| due == at(1) && *what == "b"),
        ];
        assert_eq!(both, [Some("a"), Some("b")]);
        // Places that became free are used again; the order does not hang on them.
        queue.push(at(2), "after c");
        queue.push(at(3), "after d");
        let rest: Vec<_> = std::iter::from_fn(|| queue.pop()).collect();
        assert_eq!(rest, ["c", "after c", "d", "after d"]);
        assert_eq!(queue.next_at(), Duration::MAX);
        assert_eq!(queue.pop_if(|_, _| true), None);
    }
}
