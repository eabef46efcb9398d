//! What replicas have sent the simulator, in the socket that it has for each.
//!
//! Must never know what it is. Of one replica, what was sent first arrives first: between the same two
//! sockets of one machine nothing overtakes.

use std::collections::VecDeque;
use std::time::Duration;

/// The sockets, by replica.
#[derive(Debug)]
pub(super) struct Inboxes<T> {
    sockets: Vec<VecDeque<(Duration, T)>>,
    /// When the first of all can be had; never, if there is none.
    next_at: Duration,
}

impl<T> Inboxes<T> {
    /// Empty ones for so many replicas.
    pub(super) fn new(replicas: usize) -> Inboxes<T> {
        Inboxes {
            sockets: (0..replicas).map(|_| VecDeque::new()).collect(),
            next_at: Duration::MAX,
        }
    }

    /// A replica's datagram, which arrives then, but behind those sent before it.
    pub(super) fn put(&mut self, replica: usize, at: Duration, what: T) {
        let socket = &mut self.sockets[replica];
        let at = socket.back().map_or(at, |(last, _)| at.max(*last));
        socket.push_back((at, what));
        self.next_at = self.next_at.min(at);
    }

    /// When the first of all can be had; never, if there is none.
    pub(super) fn next_at(&self) -> Duration {
        self.next_at
    }

    /// The next of a replica, if it has arrived.
    pub(super) fn take(&mut self, replica: usize, now: Duration) -> Option<T> {
        let socket = &mut self.sockets[replica];
        let (_, what) = socket.pop_front_if(|(at, _)| *at <= now)?;
        self.look();
        Some(what)
    }

    /// Loses all that is there, or under way, of a replica.
    pub(super) fn close(&mut self, replica: usize) {
        self.sockets[replica].clear();
        self.look();
    }

    fn look(&mut self) {
        let first = self.sockets.iter().filter_map(VecDeque::front);
        self.next_at = first.map(|(at, _)| *at).min().unwrap_or(Duration::MAX);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_each_is_had_at_a_time_in_the_order_of_sending_and_nothing_of_the_closed() {
        let at = Duration::from_millis;
        let mut inboxes = Inboxes::new(3);
        assert_eq!(inboxes.next_at(), Duration::MAX);
        for (replica, due, what) in [
            (1, 5, "a"),
            (1, 3, "b"),
            (0, 5, "c"),
            (2, 4, "d"),
            (1, 9, "e"),
        ] {
            inboxes.put(replica, at(due), what);
        }
        assert_eq!(inboxes.next_at(), at(4));
        inboxes.close(2);
        assert_eq!(inboxes.next_at(), at(5));
        let mut turn = |now| [0, 1, 2].map(|replica| inboxes.take(replica, at(now)));
        assert_eq!(turn(4), [None, None, None]);
        assert_eq!(turn(5), [Some("c"), Some("a"), None]);
        assert_eq!(
            turn(5),
            [None, Some("b"), None],
            "it was sent behind the first"
        );
        assert_eq!(turn(8), [None, None, None]);
        assert_eq!(inboxes.next_at(), at(9));
    }
}
