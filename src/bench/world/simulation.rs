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
use super::client::{Clients, Dispatch, Reaction, Workload};
use super::network::{Fate, Network};
use super::schedule::{Due, Schedule};
use super::transit::Transit;
use crate::bench::config::Config;
use crate::bench::protocol::message::{Answer, Body, Envelope, Op};
use crate::bench::protocol::roster::Roster;
use crate::bench::record::ended::{Ended, Evidence};
use crate::bench::record::journal::{Effect, Fate as Became, Journal, Number};
use crate::bench::record::stats::Counters;
use crate::bench::record::status::Status;
use crate::bench::record::timeline::{Fault, FaultKind, Timeline};
use crate::id::Id;

mod journaling;
mod strike;

/// How many texts about what was incorrect are kept and shown; the rest is only counted.
const MAX_INCORRECT_TEXTS: usize = 10;
/// How many retries end a run: replicas that send clients round in a loop must not eat all memory.
const MAX_RETRIES: usize = if cfg!(test) { 10_000 } else { 1_000_000 };

/// An outage that lasts: the leader that was killed, and when.
#[derive(Clone, Copy, Debug)]
struct Outage {
    killed: Id,
    since: Duration,
}

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
    clients: Clients,
    network: Network,
    transit: Transit,
    counters: Counters,
    /// Whom the simulator believes to be the leader.
    leader: Id,
    alive: Vec<bool>,
    ready: Vec<bool>,
    /// Until when each replica stands still, if it does.
    paused_until: Vec<Option<Duration>>,
    outages: Vec<Outage>,
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
        Simulation {
            seed,
            roster,
            schedule: Schedule::new(&config),
            clients: Clients::new(roster, Workload::of(&config), seed, keep_history),
            network: Network::new(roster, config.drops, seed),
            transit: Transit::new(config.faults.clone(), seed),
            counters: Counters::default(),
            leader: Id::UNKNOWN,
            alive: vec![true; config.replicas],
            ready: vec![false; config.replicas],
            paused_until: vec![None; config.replicas],
            outages: Vec::new(),
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
        self.do_what_is_due();
        match input {
            Input::Died(replica, how) => self.bury(replica, &how),
            Input::LastWords(replica, words) => self.note_last_words(replica, &words),
            _ if self.finished => return,
            Input::Time => {}
            Input::Message(from, envelope) => self.handle(from, envelope),
            Input::Malformed(from, why) => {
                let from = self.roster.replica(from);
                self.note_incorrect(format!("malformed message from {from}: {why}"));
            }
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

    /// When the simulation needs its next step at the latest, counted from the run's start.
    pub fn next_deadline(&self) -> Duration {
        self.schedule.next().0.min(self.next_resumption())
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
            dead: self.alive.iter().filter(|alive| !**alive).count(),
        }
    }

    /// What is known of the run as it stands.
    pub fn into_ended(mut self) -> Ended {
        // Nobody ended these outages.
        let unfinished = self.outages.drain(..);
        self.counters
            .outages
            .extend(unfinished.map(|outage| self.now - outage.since));
        let (unanswered_get, unanswered_put) = self.clients.unanswered();
        self.timeline.requests = self.clients.times();
        let evidence = Evidence {
            unanswered_get,
            unanswered_put,
            stored: self.clients.have_stored(),
            deaths: self.deaths.into_iter().map(|death| death.said).collect(),
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
            warnings: self.warnings,
            history: self.clients.into_history(),
            timeline: self.timeline,
        }
    }

    fn do_what_is_due(&mut self) {
        self.resume_in_time();
        while !self.finished {
            match self.schedule.take_due(self.now) {
                None => break,
                Some(Due::End) => self.finished = true,
                Some(Due::Event(index)) => self.strike(index),
                Some(Due::Request(_)) => {
                    let made = self
                        .clients
                        .make_request(self.now, &self.alive, &mut self.counters);
                    self.dispatch(made);
                }
            }
        }
    }

    fn handle(&mut self, from: usize, envelope: Envelope<'_, P>) {
        let Envelope {
            src,
            leader,
            kind,
            body,
        } = envelope;
        if matches!(body, Body::Hello) {
            self.ready[from] = true;
            return;
        }
        // A process that has been killed lives on for a moment. What it still sends is treated as ever,
        // but it must not bring back the leader that everybody has just forgotten.
        if self.alive[from] && self.network.is_on_majority_side(src) {
            self.believe_in(leader);
        }
        match body {
            Body::Hello => {}
            Body::Unicast(to, payload) => {
                self.counters.count_messages(&kind, 1);
                self.pass_on(src, &kind, to, payload);
            }
            Body::Broadcast(payload) => {
                self.counters
                    .count_messages(&kind, self.config.replicas as u64 - 1);
                let own = self.roster.replica_index(src).unwrap_or(from);
                for to in (0..self.config.replicas).filter(|&to| to != own) {
                    self.pass_on(src, &kind, to, payload.clone());
                }
            }
            Body::Answer(answer) => self.hear(src, leader, &answer),
        }
    }

    fn pass_on(&mut self, src: Id, kind: &str, to: usize, payload: P) {
        let reachable = self.alive[to] && self.ready[to];
        let became = match self.network.fate(src, to) {
            Fate::Cut => Became::Cut,
            Fate::Lost => Became::Lost,
            Fate::Sent if reachable => Became::Sent,
            Fate::Sent if self.alive[to] => Became::NotReady,
            Fate::Sent => Became::Dead,
        };
        match became {
            Became::Cut => self.counters.cut += 1,
            Became::Lost => self.counters.lost += 1,
            _ => {}
        }
        let number = self.note_peer_message((src, kind, to), &payload, became, None);
        if became != Became::Sent {
            return;
        }
        let arrival = self.transit.arrival();
        let copy = arrival.copy_after.map(|after| (payload.clone(), after));
        self.actions.push_back(Action::Deliver {
            to,
            payload,
            after: arrival.after,
        });
        self.hand_over(number);
        if let Some((payload, after)) = copy {
            let copy_of = Some(number);
            let number = self.note_peer_message((src, kind, to), &payload, became, copy_of);
            self.actions
                .push_back(Action::Deliver { to, payload, after });
            self.hand_over(number);
        }
    }

    fn hear(&mut self, src: Id, leader: Id, answer: &Answer<'_>) {
        let lost = self.transit.loses_for_client();
        let number = self.note_answer(src, leader, answer, lost);
        if lost {
            self.counters.client_lost += 1;
            return;
        }
        let reaction = self
            .clients
            .hear(answer, leader, self.now, &self.alive, &mut self.counters);
        if let Some(journal) = &mut self.journal {
            journal.note_effect(number, Effect::from(&reaction));
        }
        match reaction {
            Reaction::Completed(Op::Put) => self.end_outages(src),
            Reaction::Completed(Op::Get) | Reaction::Duplicate => {}
            Reaction::Retry(dispatch) => self.dispatch(dispatch),
            Reaction::Wrong(why) | Reaction::Unexpected(why) => {
                self.note_incorrect(format!("answer of {src}: {why}"));
            }
        }
    }

    fn dispatch(&mut self, dispatch: Dispatch) {
        let lost = self.transit.loses_for_client();
        // Nothing reaches a replica before its hello: such an attempt stays unanswered.
        let ready = dispatch.to.filter(|&to| self.ready[to]);
        let became = match ready {
            _ if lost => Became::Lost,
            None => Became::NotReady,
            Some(_) => Became::Sent,
        };
        let number = self.note_request(&dispatch, became);
        if lost {
            self.counters.client_lost += 1;
            return;
        }
        if let Some(to) = ready {
            self.actions.push_back(Action::Request {
                to,
                request: dispatch.request,
            });
            self.hand_over(number);
        }
    }

    fn end_outages(&mut self, acknowledged_by: Id) {
        let now = self.now;
        let ended = &mut self.counters.outages;
        self.outages.retain(|outage| {
            let lasts = outage.killed == acknowledged_by;
            if !lasts {
                ended.push(now - outage.since);
            }
            lasts
        });
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

    fn bury(&mut self, replica: usize, how: &str) {
        if self.deaths.iter().any(|death| death.replica == replica) {
            return;
        }
        self.alive[replica] = false;
        let id = self.roster.replica(replica);
        let started = self.ready[replica];
        let when = if started {
            "on its own"
        } else {
            "before its hello"
        };
        let said = format!("replica {id} died {when}: {how}");
        self.note_fault(FaultKind::Died(id), said.clone());
        self.deaths.push(Death { replica, said });
        if !started {
            self.end_early(format!("replica {id} did not start, the run ends early"));
        }
    }

    fn note_last_words(&mut self, replica: usize, words: &[String]) {
        let death = self
            .deaths
            .iter_mut()
            .find(|death| death.replica == replica);
        let Some(death) = death else {
            return;
        };
        if words.is_empty() {
            death.said.push_str(", nothing on stderr");
            return;
        }
        let words: String = words.iter().map(|line| format!("\n    {line}")).collect();
        death
            .said
            .push_str(&format!("; the end of its stderr:{words}"));
        let id = self.roster.replica(replica);
        self.note(format!("the end of replica {id}'s stderr:{words}"));
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
