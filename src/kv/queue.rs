//! Requests that wait: in the order in which they came, and in the order in which their waiting ends.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{Hash, Hasher};

use super::client::{Operation, Request};
use super::options::{Limits, Timing};
use crate::consensus::Time;
use crate::consensus::fingerprint::Measure;

/// A request that waits, with what else is known of it.
#[derive(Clone, Debug)]
pub(super) struct Held<T> {
    pub request: Request,
    /// When it came.
    pub since: Time,
    /// When its client is passed on to another replica.
    pub until: Time,
    pub more: T,
}

/// When a request came, and its number among those that did. Who is put back has a new number, and keeps its time.
type Place = (Time, u64);

/// Requests that wait. Bounded in number and in bytes.
#[derive(Clone, Debug)]
pub(super) struct Queue<T> {
    by_arrival: BTreeMap<Place, Held<T>>,
    ends: BTreeSet<(Time, Place)>,
    bytes: usize,
    arrivals: u64,
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Queue {
            by_arrival: BTreeMap::new(),
            ends: BTreeSet::new(),
            bytes: 0,
            arrivals: 0,
        }
    }
}

impl<T> Queue<T> {
    pub(super) fn len(&self) -> usize {
        self.by_arrival.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.by_arrival.is_empty()
    }

    /// Adds a request, or gives it back if there is no room for it.
    pub(super) fn push(&mut self, held: Held<T>, limits: &Limits) -> Result<(), Box<Request>> {
        let bytes = self.bytes + size(&held.request);
        if self.len() >= limits.max_held_requests || bytes > limits.max_held_bytes {
            return Err(Box::new(held.request));
        }
        self.bytes = bytes;
        self.arrivals += 1;
        let place = (held.since, self.arrivals);
        self.ends.insert((held.until, place));
        self.by_arrival.insert(place, held);
        Ok(())
    }

    /// When the first of them has waited long enough.
    pub(super) fn first_end(&self) -> Option<Time> {
        self.ends.first().map(|(until, _)| *until)
    }

    /// Takes out the one that came first.
    pub(super) fn pop_first(&mut self) -> Option<Held<T>> {
        let place = *self.by_arrival.keys().next()?;
        self.remove(place)
    }

    /// Takes out the one whose waiting ended first, if it has ended by `now`.
    pub(super) fn pop_ended(&mut self, now: Time) -> Option<Held<T>> {
        let (_, place) = *self.ends.first().filter(|(until, _)| *until <= now)?;
        self.remove(place)
    }

    /// Takes out those that are ready, in the order in which they came.
    pub(super) fn take_ready(&mut self, is_ready: impl Fn(&Held<T>) -> bool) -> Vec<Held<T>> {
        let ready: Vec<Place> = self
            .by_arrival
            .iter()
            .filter(|(_, held)| is_ready(held))
            .map(|(place, _)| *place)
            .collect();
        ready
            .into_iter()
            .filter_map(|place| self.remove(place))
            .collect()
    }

    /// Takes all out, in the order in which they came.
    pub(super) fn take_all(&mut self) -> impl Iterator<Item = Held<T>> + use<T> {
        std::mem::take(self).by_arrival.into_values()
    }

    fn remove(&mut self, place: Place) -> Option<Held<T>> {
        let held = self.by_arrival.remove(&place)?;
        self.ends.remove(&(held.until, place));
        self.bytes -= size(&held.request);
        Some(held)
    }
}

impl<T: Hash> Queue<T> {
    /// What a model checker tells queues apart by.
    pub(super) fn fingerprint(&self, measure: Measure, timing: &Timing, hasher: &mut impl Hasher) {
        self.len().hash(hasher);
        for held in self.by_arrival.values() {
            let Held {
                request,
                since,
                until,
                more,
            } = held;
            (request, more).hash(hasher);
            let age = measure.age(*since, timing.client_hold_max);
            (age, measure.until(*until)).hash(hasher);
        }
    }
}

/// What a request takes of the memory, but for a constant.
fn size(request: &Request) -> usize {
    let operation = match &request.operation {
        Operation::Get { key } => key.len(),
        Operation::Put { key, value } => key.len() + value.len(),
    };
    request.mid.len() + operation
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::id::Id;

    fn held(mid: &str, until_ms: u64) -> Held<()> {
        let at = |ms| Time::from_epoch(Duration::from_millis(ms));
        Held {
            request: Request {
                client: Id(0x15),
                mid: mid.to_owned(),
                operation: Operation::Get {
                    key: "k".to_owned(),
                },
            },
            since: at(0),
            until: at(until_ms),
            more: (),
        }
    }

    #[test]
    fn they_are_served_as_they_came_and_passed_on_as_their_waiting_ends() {
        let mut queue = Queue::default();
        for (mid, until_ms) in [("a", 30), ("b", 10), ("c", 20)] {
            queue
                .push(held(mid, until_ms), &Limits::default())
                .expect("room");
        }
        let now = Time::from_epoch(Duration::from_millis(20));
        let mids =
            |all: Vec<Held<()>>| all.into_iter().map(|it| it.request.mid).collect::<Vec<_>>();
        let ended = std::iter::from_fn(|| queue.pop_ended(now)).collect();
        assert_eq!(mids(ended), ["b", "c"]);
        queue.push(held("d", 5), &Limits::default()).expect("room");
        assert_eq!(mids(queue.take_all().collect()), ["a", "d"]);
        assert_eq!((queue.len(), queue.first_end()), (0, None));
    }

    #[test]
    fn what_there_is_no_room_for_is_given_back() {
        let few = Limits {
            max_held_requests: 1,
            ..Limits::default()
        };
        let mut queue = Queue::default();
        queue.push(held("a", 1), &few).expect("room");
        assert_eq!(queue.push(held("b", 1), &few).expect_err("full").mid, "b");
        let small = Limits {
            max_held_bytes: 3,
            ..Limits::default()
        };
        assert_eq!(
            queue.push(held("cc", 1), &small).expect_err("full").mid,
            "cc"
        );
    }
}
