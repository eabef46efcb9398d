//! What makes two replicas the same for a model checker, which runs this very code and must know
//! when it has come back to a state.
//!
//! Each structure has a function `fingerprint` beside it, which takes it apart field by field, so that a new
//! field does not compile until it has been considered. None may change a replica, or leave out anything that
//! can decide what one does.

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
    /// Measures from `now` in steps of `step`. No rule of the protocol tells an age of `horizon` from a
    /// greater one.
    pub fn new(now: Time, step: Duration, horizon: Duration) -> Measure {
        let step_ns = u64::try_from(step.as_nanos()).unwrap_or(u64::MAX).max(1);
        Measure {
            now,
            step_ns,
            horizon,
        }
    }

    /// The time at which it is measured.
    pub fn now(&self) -> Time {
        self.now
    }

    /// The steps until a time that is to come; 0 if it has passed.
    pub fn until(&self, at: Time) -> u64 {
        self.steps(at.since(self.now))
    }

    /// The steps since a time that is past, as far as they matter.
    pub fn age(&self, at: Time) -> u64 {
        self.steps(self.now.since(at).min(self.horizon))
    }

    fn steps(&self, time: Duration) -> u64 {
        let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        nanos.div_ceil(self.step_ns)
    }
}
