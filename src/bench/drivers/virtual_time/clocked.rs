//! A protocol core with a clock of its own, which starts anywhere and may go wrong.

use std::collections::VecDeque;
use std::time::Duration;

use rand::RngExt;

use super::disk::Disk;
use crate::bench::world::random::StreamRng;
use crate::consensus::Time;
use crate::id::Id;
use crate::replica::{Input, Options, Replica, Restored};

/// The rate of a clock that goes right, in parts per billion.
pub(super) const TRUE_RATE_PPB: u64 = 1_000_000_000;

/// A protocol core with a clock of its own.
pub(super) struct Core {
    pub(super) replica: Replica,
    pub(super) alive: bool,
    /// Its disk, if its memory is not with its process alone.
    pub(super) disk: Option<Disk>,
    /// The seed of its first life.
    seed: u64,
    /// How often it has been started.
    lives: u64,
    /// Whether its disk was emptied once: nobody believes it any more.
    pub(super) is_wiped: bool,
    /// What its clock shows when the run begins.
    pub(super) clock_start: Duration,
    /// How fast it goes, in parts per billion of the run's time.
    pub(super) clock_rate_ppb: u64,
    /// Datagrams that wait for it, while it is paused.
    pub(super) paused: Option<VecDeque<Input>>,
    /// When its clock was read for what waits: at the pause, if that mistake is built in.
    pub(super) clock_read_at: Option<Duration>,
    /// When it must be called, in the run's time.
    pub(super) deadline: Duration,
    /// When the latest datagram to it arrives: on one machine, datagrams between the same two sockets
    /// do not overtake each other.
    pub(super) last_in: Duration,
}

impl Core {
    /// A core at the start of a run. Its clock goes wrong by `drift_ppb` at most; `starts` and `rates`
    /// are the streams of chance for what clocks show and how fast they go.
    pub(super) fn start(
        id: Id,
        peers: &[Id],
        options: Options,
        drift_ppb: u64,
        starts: &mut StreamRng,
        rates: &mut StreamRng,
    ) -> Core {
        // Clocks start apart: nothing may hang on what they show.
        let clock_start = Duration::from_millis(starts.random_range(0..100_000_000));
        let start = Time::from_epoch(clock_start);
        let seed = starts.random();
        let mut core = Core {
            replica: Replica::new(id, peers, options, seed, start),
            alive: true,
            disk: None,
            seed,
            lives: 1,
            is_wiped: false,
            clock_start,
            clock_rate_ppb: rates
                .random_range(TRUE_RATE_PPB - drift_ppb..=TRUE_RATE_PPB + drift_ppb),
            paused: None,
            clock_read_at: None,
            deadline: Duration::ZERO,
            last_in: Duration::ZERO,
        };
        core.note_deadline();
        core
    }

    pub(super) fn clock(&self, now: Duration) -> Time {
        Time::from_epoch(self.clock_start + shown_after(now, self.clock_rate_ppb))
    }

    /// Its constants.
    pub(super) fn options(&self) -> Options {
        let view = self.replica.view();
        Options {
            consensus: view.consensus().options().clone(),
            kv: view.service().options().clone(),
        }
    }

    /// Starts it again at `now` with what its disk held, or with nothing.
    ///
    /// # Panics
    ///
    /// If its disk held what it cannot have written.
    pub(super) fn start_again(&mut self, now: Duration, restored: Option<Restored>) {
        let view = self.replica.view();
        let (id, members) = (view.id(), view.consensus().members());
        let peers = members.peers().to_vec();
        let options = self.options();
        self.lives += 1;
        let (seed, clock) = (self.seed.wrapping_add(self.lives), self.clock(now));
        self.replica = match restored {
            Some(restored) => Replica::restore(id, &peers, options, restored, seed, clock)
                .unwrap_or_else(|problem| panic!("{id} cannot start again: {problem}")),
            None => Replica::new(id, &peers, options, seed, clock),
        };
        self.alive = true;
        self.paused = None;
        self.note_deadline();
    }

    pub(super) fn acts(&self) -> bool {
        self.alive && self.paused.is_none()
    }

    /// When its clock shows this time, in the run's time.
    pub(super) fn reached(&self, time: Time) -> Duration {
        let shown = time.since_epoch().saturating_sub(self.clock_start);
        passed_until(shown, self.clock_rate_ppb)
    }

    pub(super) fn note_deadline(&mut self) {
        self.deadline = self.reached(self.replica.deadline());
    }
}

/// How far a clock gets in `passed`.
fn shown_after(passed: Duration, rate_ppb: u64) -> Duration {
    if rate_ppb == TRUE_RATE_PPB {
        return passed;
    }
    let nanos = passed.as_nanos() * u128::from(rate_ppb) / u128::from(TRUE_RATE_PPB);
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

/// What must pass until a clock has got as far as `shown`.
fn passed_until(shown: Duration, rate_ppb: u64) -> Duration {
    if rate_ppb == TRUE_RATE_PPB {
        return shown;
    }
    let nanos = (shown.as_nanos() * u128::from(TRUE_RATE_PPB)).div_ceil(u128::from(rate_ppb));
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_reaches_what_it_shows_just_when_that_much_has_passed() {
        let nanos = Duration::from_nanos;
        assert_eq!(shown_after(nanos(1_000), 1_500_000_000), nanos(1_500));
        assert_eq!(shown_after(nanos(1_000), 400_000_000), nanos(400));
        for rate in [100_000_000, 999_000_001, TRUE_RATE_PPB, 1_000_999_999] {
            for shown in [0, 1, 7, 999_999_999, 86_400_000_000_001] {
                let passed = passed_until(nanos(shown), rate);
                assert!(shown_after(passed, rate) >= nanos(shown));
                let before = passed.checked_sub(nanos(1));
                assert!(before.is_none_or(|before| shown_after(before, rate) < nanos(shown)));
            }
        }
    }
}
