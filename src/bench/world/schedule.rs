//! When things are due: the users' requests, the events, the end.
//!
//! In the course's program times are floating-point numbers, Unix time in seconds, and their rounding
//! decides what comes first of things that should coincide. So it is done here as there: a request's
//! time is the one before plus the same step, rounded each time; an event comes behind every request
//! whose time is not above its own. A punctual run has exact times instead, and there the event comes
//! first.
//!
//! Must never know what a request or an event does, nor any clock.

use std::time::Duration;

use crate::bench::config::Config;

/// The Unix time in seconds at which every run starts, as far as rounding goes. Any other from 2004 to
/// 2038 gives the same order: up to there the numbers have the same distance from each other, and
/// all times are whole multiples of it.
const START: f64 = 1.8e9;

/// Something whose time has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// The user's request with this number, from 0.
    Request(u32),
    /// The event with this place in the config's list.
    Event(usize),
    /// The run is over.
    End,
}

/// What is still to come in a run. All times count from its start.
#[derive(Clone, Debug)]
pub struct Schedule {
    times: Times,
    requests: u32,
    next_request: u32,
    /// What [`Schedule::next`] says: it is asked far more often than anything is due.
    next: (Duration, Due),
    events: Vec<Duration>,
    next_event: usize,
    end: Duration,
}

/// How times come about.
#[derive(Clone, Debug)]
enum Times {
    /// As in the course's program.
    Added {
        /// The next request's.
        next: f64,
        /// From one request to the next.
        step: f64,
    },
    /// Exactly.
    Punctual {
        start_wait: Duration,
        lifetime: Duration,
    },
}

impl Schedule {
    /// The schedule of a config.
    pub fn new(config: &Config) -> Self {
        let base = START + config.start_wait.as_secs_f64();
        let times = match config.punctual {
            true => Times::Punctual {
                start_wait: config.start_wait,
                lifetime: config.lifetime,
            },
            false => Times::Added {
                next: base,
                step: config.lifetime.as_secs_f64() / f64::from(config.requests),
            },
        };
        let event_time = |time: Duration| match times {
            Times::Punctual { start_wait, .. } => start_wait + time,
            Times::Added { .. } => since_start(base + time.as_secs_f64()),
        };
        let mut schedule = Schedule {
            requests: config.requests,
            next_request: 0,
            next: (Duration::ZERO, Due::End),
            events: (config.events.iter())
                .map(|event| event_time(event.time))
                .collect(),
            next_event: 0,
            end: config.total(),
            times,
        };
        schedule.next = schedule.find_next();
        schedule
    }

    /// What is due next, and when. The end comes last of things due together.
    pub fn next(&self) -> (Duration, Due) {
        self.next
    }

    fn find_next(&self) -> (Duration, Due) {
        let mut next = (self.end, Due::End);
        if self.next_request < self.requests {
            let time = match self.times {
                Times::Added { next, .. } => since_start(next),
                Times::Punctual {
                    start_wait,
                    lifetime,
                } => {
                    let share = f64::from(self.next_request) / f64::from(self.requests);
                    start_wait + lifetime.mul_f64(share)
                }
            };
            if time <= next.0 {
                next = (time, Due::Request(self.next_request));
            }
        }
        if let Some(&time) = self.events.get(self.next_event) {
            let comes_first = match (&self.times, next.1) {
                (Times::Added { .. }, Due::Request(_)) => time < next.0,
                _ => time <= next.0,
            };
            if comes_first {
                next = (time, Due::Event(self.next_event));
            }
        }
        next
    }

    /// Takes out what is due next, if its time has come. The end stays for ever.
    pub fn take_due(&mut self, now: Duration) -> Option<Due> {
        let (time, due) = self.next;
        if time > now {
            return None;
        }
        match due {
            Due::Request(_) => {
                self.next_request += 1;
                if let Times::Added { next, step } = &mut self.times {
                    *next += *step;
                }
            }
            Due::Event(..) => self.next_event += 1,
            Due::End => {}
        }
        self.next = self.find_next();
        Some(due)
    }
}

/// How long after the start a Unix time is. The difference is exact; in nanoseconds it is rounded, but
/// two that differ stay different: the numbers are 238 ns apart.
fn since_start(time: f64) -> Duration {
    Duration::from_secs_f64((time - START).max(0.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::config::tests::config;
    use serde_json::json;

    fn whole(config: &Config) -> Vec<(Duration, Due)> {
        let mut schedule = Schedule::new(config);
        let mut seen = Vec::new();
        loop {
            let (time, due) = schedule.next();
            assert_eq!(schedule.take_due(time - Duration::from_nanos(1)), None);
            assert_eq!(schedule.take_due(time), Some(due));
            seen.push((time, due));
            if due == Due::End {
                return seen;
            }
        }
    }

    fn example(punctual: bool) -> Config {
        config(json!({
            "requests": 5, "start_wait": 1, "end_wait": 1, "punctual": punctual,
            "events": [{"type": "kill_leader", "time": 2}, {"type": "part_end", "time": 6},
                       {"type": "kill_leader", "time": 6.1}]
        }))
    }

    /// Requests are spread evenly after the start wait and events count from its end.
    #[test]
    fn of_what_coincides_the_request_comes_first_and_in_a_punctual_run_the_event() {
        let first = [(3, Due::Request(2)), (3, Due::Event(0))];
        for (punctual, at_the_tie) in [(false, first), (true, [first[1], first[0]])] {
            let mut expected = vec![(1, Due::Request(0)), (2, Due::Request(1))];
            expected.extend(at_the_tie);
            expected.extend([
                (4, Due::Request(3)),
                (5, Due::Request(4)),
                (7, Due::Event(1)),
                (7, Due::End),
            ]);
            let seen = whole(&example(punctual));
            let seen: Vec<_> = (seen.iter())
                .map(|&(time, due)| {
                    assert_eq!(time.subsec_nanos(), 0);
                    (time.as_secs(), due)
                })
                .collect();
            assert_eq!(seen, expected, "punctual: {punctual}");
        }
    }

    /// Values are Python's: `base = 1.8e9 + 5`, then `base += 30 / n` i times.
    #[test]
    fn times_are_added_up_and_rounded_as_the_program_does() {
        let of = |requests: u32, number: u32| {
            let config = config(json!({"lifetime": 30, "requests": requests}));
            let seen = whole(&config);
            let due = Due::Request(number);
            let found = seen.iter().find(|(_, seen)| *seen == due).unwrap();
            found.0.as_nanos()
        };
        assert_eq!(of(300, 0), 5_000_000_000);
        assert_eq!(of(300, 1), 5_099_999_905);
        assert_eq!(of(300, 150), 19_999_985_695);
        assert_eq!(of(400, 399), 34_925_019_026);
        assert_eq!(of(500, 250), 19_999_985_695);
    }

    /// And nowhere else do an event and a request lie closer together than 19 ms.
    #[test]
    fn at_every_tie_of_the_seventeen_the_request_comes_first() {
        let mut ties = Vec::new();
        for test in crate::bench::config::suite::TESTS {
            let file = format!("{}/configs/{}.json", env!("CARGO_MANIFEST_DIR"), test.name);
            let config = Config::load(std::path::Path::new(&file)).unwrap();
            let seen = whole(&config);
            for (place, &(time, due)) in seen.iter().enumerate() {
                let Due::Event(event) = due else { continue };
                let before = seen[..place].iter().rev();
                let mut before = before.filter(|(_, due)| matches!(due, Due::Request(_)));
                let request = before.next().unwrap().0;
                let after = seen[place..].iter();
                let mut after = after.filter(|(_, due)| matches!(due, Due::Request(_)));
                let next = after.next().unwrap().0;
                assert!(next - time > Duration::from_millis(19), "{}", test.name);
                if time - request < Duration::from_millis(1) {
                    ties.push((test.name, config.events[event].time.as_secs()));
                } else {
                    let gap = (time - request).as_secs_f64();
                    assert!(gap > 0.019, "{} {gap}", test.name);
                }
            }
        }
        let expected = [
            ("crash-1", 15),
            ("crash-4", 8),
            ("crash-4", 16),
            ("partition-2", 5),
            ("partition-2", 10),
            ("partition-2", 18),
            ("partition-2", 23),
            ("partition-4", 5),
            ("partition-4", 10),
            ("partition-4", 18),
            ("partition-4", 23),
            ("advanced-1", 12),
            ("advanced-1", 15),
            ("advanced-2", 8),
            ("advanced-2", 16),
            ("advanced-4", 5),
            ("advanced-4", 8),
            ("advanced-4", 12),
            ("advanced-4", 15),
            ("advanced-4", 19),
            ("advanced-4", 21),
            ("advanced-4", 25),
        ];
        assert_eq!(ties, expected);
    }

    #[test]
    fn without_requests_only_events_come() {
        let config = config(json!({
            "requests": 0, "events": [{"type": "part_end", "time": 0}]
        }));
        let seen: Vec<Due> = whole(&config).into_iter().map(|(_, due)| due).collect();
        assert_eq!(seen, [Due::Event(0), Due::End]);
    }
}
