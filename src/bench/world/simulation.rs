//! The simulation itself: clients, network, events and counting, without sockets, clocks or
//! processes.
//!
//! A driver below it feeds in what happened and when, and carries out the actions that come out; it
//! may run real processes or play with embedded replicas in virtual time. A replica-to-replica
//! message is an opaque payload `P` that is passed on unread.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use super::border::{Action, Input};
use super::client::{Clients, Workload};
use super::network::Network;
use super::observer::Observer;
use super::schedule::{Due, Schedule};
use super::standing::Standings;
use super::transit::Transit;
use super::turn::Turn;
use crate::bench::config::Config;
use crate::bench::protocol::roster::Roster;
use crate::bench::record::ended::{Ended, Evidence};
use crate::bench::record::journal::{Journal, Number};
use crate::bench::record::lateness::Lateness;
use crate::bench::record::stats::Counters;
use crate::bench::record::status::Status;
use crate::bench::record::timeline::{Fault, FaultKind, Timeline};
use crate::id::Id;

mod dying;
mod journaling;
mod restarting;
mod routing;
mod strike;

/// How many texts about what was incorrect are kept and shown; the rest is only counted.
const MAX_INCORRECT_TEXTS: usize = 10;
/// How many retries end a run: replicas that send clients round in a loop must not eat all memory.
const MAX_RETRIES: usize = if cfg!(test) { 10_000 } else { 1_000_000 };

/// A death of a replica's own making.
#[derive(Debug)]
struct Death {
    replica: usize,
    said: String,
}

/// A run.
#[derive(Debug)]
pub struct Simulation<P> {
    config: Arc<Config>,
    seed: u64,
    roster: Roster,
    schedule: Schedule,
    turn: Turn,
    clients: Clients,
    network: Network,
    transit: Transit,
    counters: Counters,
    /// Whom the simulator believes to be the leader.
    leader: Id,
    standings: Standings,
    /// Since when outages last: the kill of a leader, and whose.
    outages: Vec<(Duration, Id)>,
    observer: Observer,
    deaths: Vec<Death>,
    incorrect: Vec<String>,
    warnings: Vec<String>,
    actions: VecDeque<Action<P>>,
    timeline: Timeline,
    /// Every message, if somebody wants to know.
    journal: Option<Journal<P>>,
    now: Duration,
    finished: bool,
}

impl<P: Clone> Simulation<P> {
    /// A run at its start. `keep_history` keeps what the clients see.
    pub fn new(config: Arc<Config>, seed: u64, keep_history: bool) -> Self {
        let roster = config.roster();
        let clients = Clients::new(roster, Workload::of(&config), seed, keep_history);
        let gets = clients.gets_drawn(config.requests);
        let counters = Counters {
            generated_get: u64::from(gets),
            generated_put: u64::from(config.requests - gets),
            ..Counters::default()
        };
        Simulation {
            seed,
            roster,
            schedule: Schedule::new(&config),
            turn: Turn::default(),
            clients,
            network: Network::new(roster, config.drops, seed),
            transit: Transit::new(config.faults.clone(), seed),
            counters,
            leader: Id::UNKNOWN,
            standings: Standings::new(config.replicas),
            outages: Vec::new(),
            observer: Observer::new(roster),
            deaths: Vec::new(),
            incorrect: Vec::new(),
            warnings: Vec::new(),
            actions: VecDeque::new(),
            timeline: Timeline::default(),
            journal: None,
            now: Duration::ZERO,
            finished: false,
            config,
        }
    }

    /// Keeps every message from now on, for [`Simulation::take_journal`].
    pub fn keep_journal(&mut self) {
        self.journal = Some(Journal::default());
    }

    /// The journal, to note in it what the simulation does not see; none if it is not kept.
    pub fn journal(&mut self) -> Option<&mut Journal<P>> {
        self.journal.as_mut()
    }

    /// The journal, if it was kept. Nothing is kept from then on.
    pub fn take_journal(&mut self) -> Option<Journal<P>> {
        self.journal.take()
    }

    /// Takes in what happened at `now`, counted from the run's start. A `now` before an earlier one
    /// is taken for that one. After the end nothing changes any more, but that deaths become known.
    pub fn step(&mut self, now: Duration, input: Input<'_, P>) {
        self.now = self.now.max(now);
        match input {
            Input::Died(replica, how) => self.bury(replica, &how),
            Input::LastWords(replica, words) => self.note_last_words(replica, &words),
            _ if self.finished => return,
            Input::Message(from, envelope) => self.hear(from, envelope),
            Input::Malformed(from, why) => self.hear_nonsense(from, &why),
            Input::Unreadable(from, why) => self.close(from, &why),
        }
        if self.finished {
            return;
        }
        if self.counters.total_msgs >= self.config.max_packets {
            let limit = self.config.max_packets;
            self.end_early(format!(
                "packet storm: {limit} messages reached, the run ends early"
            ));
        }
        if self.clients.attempts() >= self.config.requests as usize + MAX_RETRIES {
            self.end_early(format!(
                "request storm: {MAX_RETRIES} retries, the run ends early"
            ));
        }
    }

    /// All datagrams of a turn have been told, or the wait for them is over: lets the first thing
    /// happen whose time is past. Returns whether there was one; if not, the turn is over. To be called
    /// at [`Simulation::next_deadline`] as well, and no harm at any other time.
    pub fn fire(&mut self, now: Duration) -> bool {
        self.now = self.now.max(now);
        if self.finished {
            return false;
        }
        self.resume_in_time();
        self.start_in_time();
        if !(self.config.punctual || self.turn.may_fire(self.now)) {
            return false;
        }
        match self.schedule.take_due(self.now) {
            None => {
                self.end_turn();
                return false;
            }
            Some(Due::End) => {
                self.end_turn();
                self.finished = true;
            }
            Some(Due::Event(index)) => {
                self.turn.fire_event();
                self.strike(index);
            }
            Some(Due::Request(_)) => {
                self.turn.fire_request();
                let alive = self.standings.alive();
                let made = self
                    .clients
                    .make_request(self.now, alive, &mut self.counters);
                self.dispatch(made);
            }
        }
        true
    }

    /// The next thing to do below; to be asked for until there is none after each step.
    pub fn next_action(&mut self) -> Option<Action<P>> {
        let action = self.actions.pop_front();
        if let (Some(journal), Some(Action::Deliver { .. } | Action::Request { .. })) =
            (&mut self.journal, &action)
        {
            journal.handed_over();
        }
        action
    }

    /// The number in the journal of the message in the latest action that had one; 0 without a journal.
    pub fn action_number(&self) -> Number {
        self.journal.as_ref().map_or(0, Journal::handed)
    }

    /// Whether [`Simulation::fire`] has more to fire at `now`.
    pub fn is_more_past(&self, now: Duration) -> bool {
        !self.finished && self.schedule.next().0 <= now
    }

    /// When [`Simulation::fire`] must be called at the latest, counted from the run's start, if nothing
    /// is heard before. It may be past.
    pub fn next_deadline(&self) -> Duration {
        let fires = match self.config.punctual {
            true => self.schedule.next().0,
            false => self.turn.longest_wait(),
        };
        fires
            .min(self.standings.next_resumption())
            .min(self.standings.next_start())
    }

    /// Whether the run is over.
    pub fn is_finished(&self) -> bool {
        self.finished
    }

    /// How long the run has been going, as of the last step.
    pub fn elapsed(&self) -> Duration {
        self.now
    }

    /// A glance at the run.
    pub fn status(&self) -> Status {
        Status {
            config: self.config.name.clone(),
            elapsed: self.now,
            total: self.config.total(),
            completed: self.counters.completed,
            requests: self.config.requests,
            leader: Some(self.leader).filter(|leader| !leader.is_unknown()),
            split: self.network.is_split(),
            dead: self.config.replicas - self.standings.count_alive(),
        }
    }

    /// What is known of the run as it stands.
    pub fn into_ended(mut self) -> Ended {
        self.end_turn();
        // Nobody ended these outages.
        let unended = std::mem::take(&mut self.outages);
        let lasted = unended.iter().map(|(since, _)| self.now - *since);
        self.counters.outages.extend(lasted);
        let unanswered = self.clients.unanswered();
        self.timeline.requests = self.clients.times();
        let evidence = Evidence {
            unanswered_get: unanswered.gets,
            unanswered_put: unanswered.puts,
            doomed: unanswered.doomed,
            stored: self.clients.have_stored(),
            somebody_leads: !self.leader.is_unknown(),
            deaths: self.all_deaths(),
            incorrect: self.incorrect,
        };
        Ended {
            config: self.config,
            seed: self.seed,
            lasted: self.now,
            complete: self.finished,
            leader: self.leader,
            counters: self.counters,
            evidence,
            observed: self.observer.into_observed(unended),
            warnings: self.warnings,
            history: self.clients.into_history(),
            lateness: Lateness::default(),
            timeline: self.timeline,
        }
    }

    fn end_turn(&mut self) {
        let fired = self.turn.end(self.now);
        for (count, turns) in [
            (fired.requests, &mut self.counters.bursts),
            (fired.all, &mut self.counters.bursts_with_events),
        ] {
            if count > 0 {
                *turns.entry(count).or_default() += 1;
            }
        }
    }

    fn believe_in(&mut self, leader: Id) {
        if self.leader != leader {
            self.leader = leader;
            self.timeline.lead(self.now, leader);
        }
    }

    fn forget_leader(&mut self) {
        self.believe_in(Id::UNKNOWN);
        self.clients.forget_leader();
    }

    fn end_early(&mut self, why: String) {
        if !self.finished {
            self.note(why.clone());
            self.warnings.push(why);
            self.finished = true;
        }
    }

    fn note_incorrect(&mut self, text: String) {
        self.counters.incorrect += 1;
        if self.incorrect.len() < MAX_INCORRECT_TEXTS {
            self.note(format!("INCORRECT: {text}"));
            self.incorrect.push(text);
        }
    }

    fn note(&mut self, text: String) {
        self.timeline.note(self.now, &text);
        self.actions.push_back(Action::Note(text));
    }

    fn note_fault(&mut self, kind: FaultKind, said: String) {
        self.observer.disturb(self.now);
        self.timeline.faults.push(Fault {
            time: self.now,
            kind,
            said: said.clone(),
        });
        self.note(said);
    }
}

#[cfg(test)]
mod tests;
