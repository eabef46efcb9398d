//! Keeps what a trace needs of a run in virtual time: when messages were sent and arrived, and how
//! each step changed the replica that took it. Only there if somebody wants it; must never
//! influence the run.

use std::collections::VecDeque;
use std::time::Duration;

use crate::bench::protocol::roster::Roster;
use crate::bench::record::journal::{Fate, Journal, Number};
use crate::bench::trace::State;
use crate::bench::trace::recording::nanoseconds;
use crate::course::state::StateWatch;
use crate::replica::View;

/// How many changes of state are kept; the rest is left out.
const MAX_STATES: usize = 2_000_000;

/// What is known of a run beside the simulation's journal.
#[derive(Debug)]
pub(super) struct Recorder {
    roster: Roster,
    watches: Vec<StateWatch>,
    /// Per replica, when each of its outputs that has not reached the simulator was sent. They arrive
    /// in the order of their sending.
    sent: Vec<VecDeque<Duration>>,
    /// Per replica, the messages that wait while it is paused.
    waiting: Vec<VecDeque<Number>>,
    /// What the next step takes in.
    causes: Vec<Number>,
    states: Vec<State>,
}

impl Recorder {
    pub(super) fn new(roster: Roster) -> Recorder {
        let replicas = roster.replicas();
        Recorder {
            roster,
            watches: vec![StateWatch::default(); replicas],
            sent: vec![VecDeque::new(); replicas],
            waiting: vec![VecDeque::new(); replicas],
            causes: Vec::new(),
            states: Vec::new(),
        }
    }

    /// A replica that was killed starts again: what it had sent, and what waited for it, is lost.
    pub(super) fn starts_again(&mut self, replica: usize) {
        self.sent[replica].clear();
        self.waiting[replica].clear();
    }

    /// A message reaches its replica, which takes it, keeps it for later, or cannot.
    pub(super) fn arrives<P>(
        &mut self,
        message: Number,
        (replica, now): (usize, Duration),
        reception: Reception,
        journal: Option<&mut Journal<P>>,
    ) {
        let Some(journal) = journal else { return };
        match reception {
            Reception::Taken => {
                journal.arrived(message, now);
                self.causes.push(message);
            }
            Reception::Waits => self.waiting[replica].push_back(message),
            Reception::Overflow => journal.failed(message, Fate::Overflow),
            Reception::Dead => journal.failed(message, Fate::Dead),
        }
    }

    /// A replica that was paused takes in the first that waited.
    pub(super) fn takes_waiting<P>(
        &mut self,
        (replica, now): (usize, Duration),
        count: usize,
        journal: Option<&mut Journal<P>>,
    ) {
        let Some(journal) = journal else { return };
        let count = count.min(self.waiting[replica].len());
        for message in self.waiting[replica].drain(..count) {
            journal.arrived(message, now);
            self.causes.push(message);
        }
    }

    /// A replica has taken a step that made so many outputs; `passed_until` gives the run's time
    /// at which its clock shows a time.
    pub(super) fn stepped(
        &mut self,
        (replica, now): (usize, Duration),
        view: &View<'_>,
        outputs: usize,
        passed_until: impl Fn(Duration) -> Duration,
    ) {
        self.sent[replica].extend(std::iter::repeat_n(now, outputs));
        let causes = std::mem::take(&mut self.causes);
        while let Some(mut change) = self.watches[replica].change(view) {
            if self.states.len() >= MAX_STATES {
                return;
            }
            if let Some(until) = change.lease_until_ns.filter(|until| *until > 0) {
                let until = passed_until(Duration::from_nanos(until));
                change.lease_until_ns = Some(nanoseconds(until));
            }
            self.states.push(State {
                time_ns: nanoseconds(now),
                replica: self.roster.replica(replica),
                causes: Some(causes.clone()),
                change,
            });
        }
    }

    /// The next output of a replica reaches the simulator: when it was sent.
    pub(super) fn heard(&mut self, replica: usize) -> Option<Duration> {
        self.sent[replica].pop_front()
    }

    pub(super) fn into_states(self) -> Vec<State> {
        self.states
    }
}

/// What a replica does with a message that arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reception {
    Taken,
    Waits,
    Overflow,
    Dead,
}
