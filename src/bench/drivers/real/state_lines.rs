//! What replicas tell of their state on stderr, if they can: lines that go into the trace instead of
//! the output. Replicas that know nothing of it tell nothing.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use serde::Deserialize;

use crate::bench::protocol::roster::Roster;
use crate::bench::trace::State;
use crate::bench::trace::recording::nanoseconds;
use crate::bench::trace::sound::Logs;
use crate::course::state::{LINE_START, StateChange};

/// How many lines are kept; later ones are left out.
const MAX_LINES: usize = 2_000_000;

/// A line: whose, when it came, and what it says.
type Line = (usize, Duration, String);

/// Collects the lines of all replicas.
#[derive(Debug)]
pub(super) struct StateLines {
    sender: Sender<Line>,
    lines: Receiver<Line>,
}

/// The way of one replica's lines.
#[derive(Clone, Debug)]
pub struct StateSender {
    replica: usize,
    sender: Sender<Line>,
}

impl StateSender {
    /// Takes a line that is about the replica's state; says whether it was one.
    pub(super) fn take(&self, came: Duration, line: &str) -> bool {
        let Some(text) = line.strip_prefix(LINE_START) else {
            return false;
        };
        let _ = self.sender.send((self.replica, came, text.to_owned()));
        true
    }
}

#[derive(Deserialize)]
struct Told {
    at_ns: u64,
    #[serde(flatten)]
    change: StateChange,
}

impl StateLines {
    pub(super) fn new() -> StateLines {
        let (sender, lines) = channel();
        StateLines { sender, lines }
    }

    pub(super) fn sender(&self, replica: usize) -> StateSender {
        StateSender {
            replica,
            sender: self.sender.clone(),
        }
    }

    /// All that was told, on the run's clock, in the order of time. What is no proper line is left
    /// out, and so is a change of the log that does not fit to those before: no replica can be trusted
    /// with its story.
    pub(super) fn into_states(self, roster: &Roster) -> Vec<State> {
        let told: Vec<(usize, u64, Told)> = self
            .lines
            .try_iter()
            .take(MAX_LINES)
            .filter_map(|(replica, came, text)| {
                let told = serde_json::from_str(&text).ok()?;
                Some((replica, nanoseconds(came), told))
            })
            .collect();
        // The clocks go alike but began apart: a line cannot come before it was written, and the one
        // that came soonest came nearly at once.
        let mut ahead = vec![u64::MAX; roster.replicas()];
        for (replica, came, told) in &told {
            ahead[*replica] = ahead[*replica].min(came.saturating_sub(told.at_ns));
        }
        let states = told
            .into_iter()
            .map(|(replica, came, Told { at_ns, change })| {
                let on_runs_clock = |time: u64| time.saturating_add(ahead[replica]);
                let lease = change.lease_until_ns;
                State {
                    time_ns: on_runs_clock(at_ns).min(came),
                    replica: roster.replica(replica),
                    causes: None,
                    change: StateChange {
                        lease_until_ns: lease
                            .map(|until| if until == 0 { 0 } else { on_runs_clock(until) }),
                        ..change
                    },
                }
            });
        let mut states: Vec<State> = states.collect();
        states.sort_by_key(|state| state.time_ns);
        let mut logs = Logs::new((0..roster.replicas()).map(|at| roster.replica(at)));
        for state in &mut states {
            if logs.follow(state).is_err() {
                state.change.log = None;
            }
        }
        states
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_is_put_on_the_runs_clock_and_the_rest_is_output() {
        let lines = StateLines::new();
        let sender = lines.sender(1);
        let ms = Duration::from_millis;
        assert!(!sender.take(ms(5), "hello"));
        let line =
            |at: u64| format!(r#"{LINE_START}{{"at_ns":{at},"term":3,"lease_until_ns":{at}}}"#);
        assert!(sender.take(ms(12), &line(1_000_000)));
        assert!(sender.take(ms(17), &line(7_000_000)));
        assert!(sender.take(ms(18), &format!("{LINE_START}nonsense")));
        let states = lines.into_states(&Roster::new(3));
        let times: Vec<_> = states.iter().map(|state| state.time_ns).collect();
        assert_eq!(times, [11_000_000, 17_000_000]);
        assert_eq!(states[1].change.lease_until_ns, Some(17_000_000));
        assert_eq!(states[1].change.term, Some(3));
    }

    #[test]
    fn a_story_that_cannot_be_true_is_left_out() {
        let lines = StateLines::new();
        let sender = lines.sender(0);
        let told = |at: u64, from: u64| {
            format!(
                r#"{LINE_START}{{"at_ns":{at},"log":{{"from":{from},"entries":[[1,"renew","FFFF",""]]}}}}"#
            )
        };
        for (at, from) in [(0, 1), (1, 0), (2, 9), (u64::MAX, 2), (3, 3)] {
            assert!(sender.take(Duration::from_nanos(5), &told(at, from)));
        }
        let states = lines.into_states(&Roster::new(3));
        let kept: Vec<_> = states
            .iter()
            .map(|state| (state.time_ns, state.change.log.as_ref().map(|log| log.from)))
            .collect();
        let none = None;
        let expected = [(0, Some(1)), (1, none), (2, none), (3, none), (5, Some(2))];
        assert_eq!(kept, expected);
    }
}
