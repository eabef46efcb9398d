//! How fast a leader sends again: how long answers take, and what sending again may cost.

use std::time::Duration;

use super::options::Options;
use super::time::Time;

/// What a leader may still spend on sending again: a bucket that fills with time and with every
/// new entry.
///
/// Where messages get lost, an early retry costs messages that the next entry's append would save,
/// since that carries everything its receivers lack. With a budget the losses that are rare are all
/// made good at once, and a bad network does not double the traffic.
#[derive(Clone, Copy, Debug)]
pub(super) struct RetryBudget {
    /// The bucket holds as much as if it had been empty at this time and had filled since.
    empty_at: Time,
}

impl RetryBudget {
    /// A bucket that has filled since the clock's zero: it is full once `retry_saving` has passed.
    pub(super) fn new() -> RetryBudget {
        RetryBudget {
            empty_at: Time::ZERO,
        }
    }

    /// Puts in what a new entry brings.
    pub(super) fn note_entry(&mut self, options: &Options) {
        self.empty_at = self.empty_at - options.retry_cost.mul_f64(options.retries_per_entry);
    }

    /// Takes that many messages out, or nothing if there are not as many in it. Where few first attempts
    /// fail, those are all made good at once and cost nothing.
    pub(super) fn spend(
        &mut self,
        now: Time,
        messages: usize,
        first_attempts: &SuccessRate,
        options: &Options,
    ) -> bool {
        if !first_attempts.is_below(NEARLY_ALWAYS) {
            return true;
        }
        let mut cost = options.retry_cost;
        if first_attempts.is_below(MOSTLY) {
            cost /= options.retry_rebate;
        }
        let filled = self.empty_at.max(now - options.retry_saving);
        let cost = cost * u32::try_from(messages).unwrap_or(u32::MAX);
        let affordable = filled + cost <= now;
        if affordable {
            self.empty_at = filled + cost;
        }
        affordable
    }

    /// When the bucket was empty, for a model checker.
    pub(super) fn empty_at(&self) -> Time {
        self.empty_at
    }
}

/// When attempts fail as often as is less likely than this, somebody is rather dead than unlucky.
pub(super) const HARDLY: f64 = 0.01;
/// As long as attempts fail no less likely than this, it is just bad luck.
pub(super) const RARELY: f64 = 0.05;
/// Below this, most entries need more than one attempt.
const MOSTLY: f64 = 0.5;
/// From here on, sending again what failed adds a fifth to the traffic at most.
const NEARLY_ALWAYS: f64 = 0.8;

/// How often the first attempt to replicate an entry succeeds: an exponentially weighted average that
/// begins as a plain one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct SuccessRate {
    rate: u32,
    attempts: u32,
}

impl SuccessRate {
    const ALWAYS: u32 = 1 << 16;

    /// Nothing is known yet: a guess that the first attempts replace. Without a memory, all succeed.
    pub(super) fn unknown(remembered: u32) -> SuccessRate {
        let rate = match remembered {
            0 => Self::ALWAYS,
            _ => Self::ALWAYS / 4 * 3,
        };
        SuccessRate { rate, attempts: 1 }
    }

    /// Notes how an attempt went; about the last `remembered` count.
    pub(super) fn note(&mut self, success: bool, remembered: u32) {
        if remembered == 0 {
            return;
        }
        self.attempts = (self.attempts + 1).min(remembered);
        self.rate -= self.rate / self.attempts;
        if success {
            self.rate += Self::ALWAYS / self.attempts;
        }
    }

    /// How likely it is that as many attempts fail one after the other, or that a follower that lives is not
    /// heard of after as many appends: most of them come along a route as well.
    pub(super) fn chance_of_failures(self, attempts: u32) -> f64 {
        all_of(1.0 - self.route(), attempts)
    }

    /// How likely it is that none of as many messages arrives.
    pub(super) fn chance_of_loss(self, messages: u32) -> f64 {
        // An attempt takes three of them.
        all_of(1.0 - self.route().cbrt(), messages)
    }

    /// How likely an attempt succeeds. It is nowhere taken for certain, nor for hopeless: then no silence
    /// would ever mean anything.
    fn route(self) -> f64 {
        (f64::from(self.rate) / f64::from(Self::ALWAYS)).clamp(0.1, 0.985)
    }

    /// Whether fewer than this share of the first attempts have succeeded lately.
    pub(super) fn is_below(self, share: f64) -> bool {
        f64::from(self.rate) < share * f64::from(Self::ALWAYS)
    }
}

/// How likely it is that what has this chance happens as many times running. Not `powf`, whose last bits
/// may differ between machines; below what anybody asks for it does not matter how far.
fn all_of(chance: f64, times: u32) -> f64 {
    const NEVER: f64 = 1e-9;
    let mut all = 1.0;
    for _ in 0..times {
        all *= chance;
        if all < NEVER {
            break;
        }
    }
    all
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
    fn silence_is_no_chance_after_a_while_and_where_much_gets_lost_later() {
        let remembered = 64;
        let after = |losses: u32| {
            let mut rate = SuccessRate::unknown(remembered);
            for attempt in 0..1_000 {
                rate.note(attempt % 10 >= losses, remembered);
            }
            (1..100)
                .find(|&messages| rate.chance_of_failures(messages) < 1e-4)
                .expect("some time")
        };
        assert_eq!([after(0), after(4), after(7)], [3, 10, 25]);
        // Even where nothing has ever got through, silence means something in the end.
        assert_eq!(after(10), 88);
    }

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
