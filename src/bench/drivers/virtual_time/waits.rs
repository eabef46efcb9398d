//! How late the simulator wakes up when it has waited in vain: no process goes on at the very moment
//! for which it asked. Without that no two requests that are 0.1 s apart would ever be fired together.

use std::time::Duration;

use rand::RngExt;

use crate::bench::world::random::{Stream, StreamRng};

/// What was measured of Python's `select` with a timeout of 0.1 s: at least this late, on a machine at
/// rest by 0.1 ms more on the average, by ten times that and more where others are busy, too.
const LEAST: Duration = Duration::from_micros(100);
const MEAN_AT_REST: Duration = Duration::from_micros(100);
const MEAN_WHEN_BUSY: Duration = Duration::from_millis(1);
/// More than this was never measured.
const MOST: Duration = Duration::from_millis(20);

/// The lateness of a run's waits. How busy the machine is, is drawn once for a run.
#[derive(Debug)]
pub(super) struct Waits {
    mean: Duration,
    rng: StreamRng,
    /// By how much the wait under way is late.
    late: Duration,
}

impl Waits {
    pub(super) fn new(seed: u64) -> Waits {
        let mut rng = Stream::Waits.rng(seed);
        let ratio = MEAN_WHEN_BUSY.as_secs_f64() / MEAN_AT_REST.as_secs_f64();
        let mut waits = Waits {
            mean: MEAN_AT_REST.mul_f64(ratio.powf(rng.random())),
            rng,
            late: Duration::ZERO,
        };
        waits.draw();
        waits
    }

    /// When a wait ends that should end then.
    pub(super) fn end(&self, due: Duration) -> Duration {
        due.saturating_add(self.late)
    }

    /// A wait is over, and the next begins.
    pub(super) fn draw(&mut self) {
        // From above 0 to 1, so that the logarithm is a number.
        let share = 1.0 - self.rng.random::<f64>();
        self.late = (LEAST + self.mean.mul_f64(-share.ln())).min(MOST);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_are_late_by_what_was_measured_at_rest_and_when_busy() {
        let late = |seed| -> f64 {
            let mut waits = Waits::new(seed);
            let mut sum = 0.0;
            for _ in 0..1000 {
                waits.draw();
                let late = waits.end(Duration::ZERO);
                assert!((LEAST..=MOST).contains(&late));
                sum += late.as_secs_f64();
            }
            sum
        };
        let means: Vec<f64> = (0..200).map(late).collect();
        let least = means.iter().copied().fold(f64::MAX, f64::min);
        let most = means.iter().copied().fold(0.0, f64::max);
        assert!((0.19..0.25).contains(&least), "{least} ms");
        assert!((0.9..1.25).contains(&most), "{most} ms");
    }
}
