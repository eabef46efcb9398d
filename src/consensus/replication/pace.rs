//! How long responses take, and how often new entries come.

use std::time::Duration;

use crate::consensus::time::Time;

/// How long round trips to the followers take: the smoothed time and its variation, as TCP keeps
/// them (RFC 6298, §2). On a busy machine answers come late, and sending again early would only
/// make it busier.
#[derive(Clone, Debug, Default)]
pub(crate) struct RoundTrips {
    smoothed: Option<Duration>,
    variation: Duration,
}

impl RoundTrips {
    /// Notes the time of a round trip.
    pub(crate) fn note(&mut self, time: Duration) {
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
    pub(crate) fn timeout(&self) -> Duration {
        self.smoothed.unwrap_or_default() + 4 * self.variation
    }
}

/// How often new entries come: the smoothed time from one to the next. Each repairs what was lost of those before.
#[derive(Clone, Debug, Default)]
pub(crate) struct Gaps {
    smoothed: Option<Duration>,
    last: Option<Time>,
}

impl Gaps {
    /// Notes that new entries are sent.
    pub(crate) fn note(&mut self, now: Time) {
        if let Some(last) = self.last.replace(now) {
            let gap = now.since(last);
            self.smoothed = Some(match self.smoothed {
                None => gap,
                Some(smoothed) => (7 * smoothed + gap) / 8,
            });
        }
    }

    /// How long the next are away, as far as is known.
    pub(crate) fn expected(&self) -> Option<Duration> {
        self.smoothed
    }

    /// When the last were sent.
    pub(crate) fn last(&self) -> Option<Time> {
        self.last
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

    #[test]
    fn the_gap_is_known_from_the_second_entry_on() {
        let mut gaps = Gaps::default();
        for (at_ms, expected_ms) in [(1_000, None), (1_100, Some(100)), (1_280, Some(110))] {
            gaps.note(Time::from_epoch(Duration::from_millis(at_ms)));
            assert_eq!(gaps.expected().map(|gap| gap.as_millis()), expected_ms);
        }
    }
}
