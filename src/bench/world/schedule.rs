//! When things are due: the users' requests, the events, the end.
//!
//! Must never know what a request or an event does.

use std::time::Duration;

use crate::bench::config::Config;

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
    start_wait: Duration,
    lifetime: Duration,
    requests: u32,
    next_request: u32,
    /// What [`Schedule::next`] says: it is asked far more often than anything is due.
    next: (Duration, Due),
    events: Vec<Duration>,
    next_event: usize,
    end: Duration,
}

impl Schedule {
    /// The schedule of a config.
    pub fn new(config: &Config) -> Self {
        let mut schedule = Schedule {
            start_wait: config.start_wait,
            lifetime: config.lifetime,
            requests: config.requests,
            next_request: 0,
            next: (Duration::ZERO, Due::End),
            events: config
                .events
                .iter()
                .map(|event| config.start_wait + event.time)
                .collect(),
            next_event: 0,
            end: config.total(),
        };
        schedule.next = schedule.find_next();
        schedule
    }

    /// What is due next, and when. Of things due together an event comes before a request, and the
    /// end comes last.
    pub fn next(&self) -> (Duration, Due) {
        self.next
    }

    fn find_next(&self) -> (Duration, Due) {
        let mut next = (self.end, Due::End);
        if self.next_request < self.requests {
            // Each from the start, so that rounding does not add up.
            let share = f64::from(self.next_request) / f64::from(self.requests);
            let time = self.start_wait + self.lifetime.mul_f64(share);
            if time <= next.0 {
                next = (time, Due::Request(self.next_request));
            }
        }
        if let Some(&time) = self.events.get(self.next_event)
            && time <= next.0
        {
            next = (time, Due::Event(self.next_event));
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
            Due::Request(_) => self.next_request += 1,
            Due::Event(..) => self.next_event += 1,
            Due::End => {}
        }
        self.next = self.find_next();
        Some(due)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::config::tests::config;
    use serde_json::json;

    #[test]
    fn requests_are_spread_evenly_after_the_start_wait_and_events_count_from_its_end() {
        let config = config(json!({
            "requests": 5, "start_wait": 1, "end_wait": 1,
            "events": [{"type": "kill_leader", "time": 2}, {"type": "part_end", "time": 6},
                       {"type": "kill_leader", "time": 6.1}]
        }));
        let mut schedule = Schedule::new(&config);
        let mut seen = Vec::new();
        loop {
            let (time, due) = schedule.next();
            assert_eq!(schedule.take_due(time - Duration::from_nanos(1)), None);
            assert_eq!(schedule.take_due(time), Some(due));
            seen.push((time.as_secs_f64(), due));
            if due == Due::End {
                break;
            }
        }
        assert_eq!(
            seen,
            [
                (1.0, Due::Request(0)),
                (2.0, Due::Request(1)),
                (3.0, Due::Event(0)),
                (3.0, Due::Request(2)),
                (4.0, Due::Request(3)),
                (5.0, Due::Request(4)),
                (7.0, Due::Event(1)),
                (7.0, Due::End),
            ]
        );
    }
}
