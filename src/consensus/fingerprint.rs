//! What makes two replicas the same for a model checker, which runs this very code and must know
//! when it has come back to a state.
//!
//! Each structure has a function `fingerprint` beside it, which takes it apart field by field, so that a new
//! field does not compile until it has been considered. None may change a replica, or leave out anything that
//! can decide what one does.

use std::hash::{Hash, Hasher};
use std::time::Duration;

use super::time::Time;

/// Tells times as a replica can tell them apart: by how far from now they are, in steps of its
/// driver's clock.
#[derive(Clone, Copy, Debug)]
pub struct Measure {
    now: Time,
    step_ns: u64,
    horizon: Duration,
}

impl Measure {
    /// Measures from `now` in steps of `step`. Whoever uses consensus tells no age of `horizon` from a greater one.
    pub fn new(now: Time, step: Duration, horizon: Duration) -> Measure {
        let step_ns = u64::try_from(step.as_nanos()).unwrap_or(u64::MAX).max(1);
        Measure {
            now,
            step_ns,
            horizon,
        }
    }

    /// From which age on all are the same for whoever uses consensus.
    pub fn horizon(&self) -> Duration {
        self.horizon
    }

    /// The steps until a time that is to come; 0 if it has passed.
    pub fn until(&self, at: Time) -> u64 {
        self.steps(at.since(self.now))
    }

    /// The steps since a time that is past, where no rule tells an age of `limit` from a greater one.
    pub fn age(&self, at: Time, limit: Duration) -> u64 {
        self.steps(self.now.since(at).min(limit))
    }

    fn steps(&self, time: Duration) -> u64 {
        let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        nanos.div_ceil(self.step_ns)
    }
}

/// Feeds `hasher` with the order of times and who shares one, where nothing else of them counts.
pub(super) fn hash_order<T: Copy + Ord>(
    times: impl Iterator<Item = (T, usize)>,
    hasher: &mut impl Hasher,
) {
    let mut order: Vec<_> = times.collect();
    order.sort_unstable();
    let mut before = None;
    for (time, whose) in order {
        (whose, before.replace(time) == Some(time)).hash(hasher);
    }
}
