//! What happens to messages on their way, beyond losses and partitions: they are late, overtake
//! each other and arrive twice; and what clients and replicas say to each other is lost.
//!
//! Only draws; must never deliver anything. What is not asked for draws nothing.

use std::time::Duration;

use rand::RngExt;

use super::random::{Stream, StreamRng};
use crate::bench::config::{Faults, Latency};

/// How much later than the message itself its copy arrives, at most.
const COPY_AFTER_MAX: Duration = Duration::from_millis(10);

/// The draws for all messages of a run.
#[derive(Clone, Debug)]
pub struct Transit {
    faults: Faults,
    latency: StreamRng,
    reorder: StreamRng,
    duplicates: StreamRng,
    client_drops: StreamRng,
}

/// When a message arrives, counted from when it would arrive without any of these faults.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// The message itself.
    pub after: Duration,
    /// Its copy, if it arrives twice.
    pub copy_after: Option<Duration>,
}

impl Transit {
    /// The draws for a run's seed.
    pub fn new(faults: Faults, seed: u64) -> Self {
        Transit {
            faults,
            latency: Stream::Latency.rng(seed),
            reorder: Stream::Reorder.rng(seed),
            duplicates: Stream::Duplicates.rng(seed),
            client_drops: Stream::ClientDrops.rng(seed),
        }
    }

    /// When the next message between replicas arrives that the network does not lose.
    pub fn arrival(&mut self) -> Arrival {
        let mut after = match self.faults.latency {
            Latency::None => Duration::ZERO,
            Latency::Uniform(min, max) => self.latency.random_range(min..=max),
            Latency::Exponential { mean, max } => {
                // From above 0 to 1, so that the logarithm is a number.
                let share = 1.0 - self.latency.random::<f64>();
                mean.mul_f64(-share.ln()).min(max)
            }
        };
        if happens(self.faults.reorder, &mut self.reorder) {
            after += self
                .reorder
                .random_range(Duration::ZERO..=self.faults.reorder_by);
        }
        let twice = happens(self.faults.duplicate, &mut self.duplicates);
        let copy_after = twice.then(|| {
            let later = Duration::ZERO..=COPY_AFTER_MAX;
            after + self.duplicates.random_range(later)
        });
        Arrival { after, copy_after }
    }

    /// Whether the next message between a client and a replica is lost.
    pub fn loses_for_client(&mut self) -> bool {
        happens(self.faults.client_drops, &mut self.client_drops)
    }
}

fn happens(probability: f64, rng: &mut StreamRng) -> bool {
    probability > 0.0 && rng.random_bool(probability)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arrivals(faults: Faults) -> Vec<Arrival> {
        let mut transit = Transit::new(faults, 1);
        (0..10_000).map(|_| transit.arrival()).collect()
    }

    fn milliseconds(arrivals: &[Arrival]) -> Vec<f64> {
        let ms = |arrival: &Arrival| arrival.after.as_secs_f64() * 1e3;
        arrivals.iter().map(ms).collect()
    }

    fn mean(numbers: &[f64]) -> f64 {
        numbers.iter().sum::<f64>() / numbers.len() as f64
    }

    #[test]
    fn without_faults_everything_arrives_once_and_at_once() {
        let at_once = Arrival {
            after: Duration::ZERO,
            copy_after: None,
        };
        let arrivals = arrivals(Faults::default());
        assert!(arrivals.into_iter().all(|arrival| arrival == at_once));
        assert!(!Transit::new(Faults::default(), 1).loses_for_client());
    }

    #[test]
    fn latencies_have_their_bounds_and_their_mean() {
        let ms = Duration::from_millis;
        let uniform = milliseconds(&arrivals(Faults {
            latency: Latency::Uniform(ms(2), ms(6)),
            ..Faults::default()
        }));
        assert!(uniform.iter().all(|late| (2.0..=6.0).contains(late)));
        assert!((3.9..4.1).contains(&mean(&uniform)));
        let exponential = milliseconds(&arrivals(Faults {
            latency: Latency::Exponential {
                mean: ms(2),
                max: ms(50),
            },
            ..Faults::default()
        }));
        assert!((1.9..2.1).contains(&mean(&exponential)));
        let beyond = |limit: f64| exponential.iter().filter(|late| **late > limit).count();
        assert!((1250..1450).contains(&beyond(4.0)), "e^-2 of 10,000");
        let capped = milliseconds(&arrivals(Faults {
            latency: Latency::Exponential {
                mean: ms(2),
                max: ms(4),
            },
            ..Faults::default()
        }));
        assert_eq!(capped.iter().copied().fold(0.0, f64::max), 4.0);
    }

    #[test]
    fn some_are_held_back_and_the_others_are_not() {
        let late = milliseconds(&arrivals(Faults {
            reorder: 0.3,
            reorder_by: Duration::from_millis(20),
            ..Faults::default()
        }));
        let held: Vec<f64> = late.into_iter().filter(|late| *late > 0.0).collect();
        assert!((2800..3200).contains(&held.len()));
        assert!(held.iter().all(|late| *late <= 20.0));
        assert!((9.5..10.5).contains(&mean(&held)));
    }

    #[test]
    fn some_arrive_twice_the_copy_never_first() {
        let arrivals = arrivals(Faults {
            latency: Latency::Uniform(Duration::ZERO, Duration::from_millis(5)),
            duplicate: 0.2,
            ..Faults::default()
        });
        let twice: Vec<_> = arrivals
            .iter()
            .filter_map(|arrival| Some((arrival.after, arrival.copy_after?)))
            .collect();
        assert!((1850..2150).contains(&twice.len()));
        let in_time = |(first, copy): &(Duration, Duration)| {
            first <= copy && *copy <= *first + COPY_AFTER_MAX
        };
        assert!(twice.iter().all(in_time));
    }

    #[test]
    fn clients_lose_as_often_as_asked_for() {
        let faults = Faults {
            client_drops: 0.1,
            ..Faults::default()
        };
        let mut transit = Transit::new(faults, 1);
        let lost = (0..10_000).filter(|_| transit.loses_for_client()).count();
        assert!((900..1100).contains(&lost), "{lost}");
    }
}
