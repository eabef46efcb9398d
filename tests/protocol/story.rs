//! A cluster that tells what happens in it, for scripts.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::rc::Rc;
use std::time::Duration;

use leasekv::consensus::log::Log;
use leasekv::consensus::{Consensus, Index, RoleName, Term, Time};
use leasekv::id::Id;

use crate::cluster::{Clock, Cluster, Parcel, Step};
use crate::machine::Machine;

/// How long a letter takes from one machine to another.
pub(crate) const HOP: Duration = Duration::from_micros(100);

pub(crate) struct Story<M: Machine> {
    pub(crate) cluster: Cluster<M>,
    seen: BTreeMap<Id, Seen>,
    losses: Rc<RefCell<Losses>>,
    warps: Rc<RefCell<Warps>>,
    /// Letters sent since the last count, by type.
    counts: BTreeMap<&'static str, usize>,
    pub(crate) shows_letters: bool,
    text: String,
}

/// Letters that are to be lost.
#[derive(Default)]
struct Losses {
    /// The next ones, by sender and receiver.
    next: BTreeMap<(Id, Id), usize>,
    /// One of so many; 0: none.
    every: usize,
    /// How many have come since the last that was lost for that.
    since: usize,
}

impl Losses {
    fn loses(&mut self, from: Id, to: Id) -> bool {
        if let Some(left) = self.next.get_mut(&(from, to)).filter(|left| **left > 0) {
            *left -= 1;
            return true;
        }
        self.since += 1;
        let is_turn = self.since == self.every;
        if is_turn {
            self.since = 0;
        }
        is_turn
    }

    /// Whether there is word of each letter that is lost.
    fn are_told(&self) -> bool {
        self.every == 0
    }
}

/// After how long the copies of the next letters arrive that are sent on a link, and how many letters those are.
type Warps = BTreeMap<(Id, Id), (usize, Vec<Duration>)>;

fn fate(warps: &mut Warps, from: Id, to: Id) -> Vec<Duration> {
    match warps.get_mut(&(from, to)) {
        Some((left, copies)) if *left > 0 => {
            *left -= 1;
            copies.clone()
        }
        _ => vec![HOP],
    }
}

#[derive(Clone, PartialEq)]
struct Seen {
    role: RoleName,
    term: Term,
    leader: Option<Id>,
    commit: Index,
}

impl Seen {
    fn of<M: Machine>(machine: &M) -> Seen {
        let consensus = machine.consensus();
        Seen {
            role: consensus.role(),
            term: consensus.term(),
            leader: consensus.leader(),
            commit: consensus.log().commit(),
        }
    }
}

impl<M: Machine> Story<M> {
    pub(crate) fn new(size: u16, options: &M::Options) -> Story<M> {
        // Clocks of replicas need not agree: these are seconds apart.
        let clock = |number: u16| Clock {
            start: Duration::from_secs((u64::from(number) + 1) * 1000),
            fast_ppm: 0,
        };
        let clocks: Vec<Clock> = (0..size).map(clock).collect();
        let warps = Rc::new(RefCell::new(Warps::new()));
        let weather = Rc::clone(&warps);
        let weather = Box::new(move |from, to| fate(&mut weather.borrow_mut(), from, to));
        let cluster = Cluster::new(&clocks, options, weather);
        let seen = cluster.nodes.iter();
        Story {
            seen: seen
                .map(|(&id, node)| (id, Seen::of(&node.machine)))
                .collect(),
            cluster,
            losses: Rc::default(),
            warps,
            counts: BTreeMap::new(),
            shows_letters: false,
            text: String::new(),
        }
    }

    /// What has been told since the last call.
    pub(crate) fn take_text(&mut self) -> String {
        std::mem::take(&mut self.text)
    }

    pub(crate) fn tell(&mut self, event: &str) {
        let ms = self.cluster.now.as_micros() as f64 / 1e3;
        writeln!(self.text, "{ms:.1}ms {event}").expect("memory");
    }

    /// Does something without a word.
    pub(crate) fn quietly(&mut self, action: impl FnOnce(&mut Self)) {
        let text = std::mem::take(&mut self.text);
        action(self);
        self.text = text;
    }

    /// Lets time pass. Steps and answers are told.
    pub(crate) fn run(&mut self, duration: Duration, told: &mut dyn FnMut(&M::Answer) -> String) {
        let end = self.cluster.now + duration;
        loop {
            let (losses, shows) = (Rc::clone(&self.losses), self.shows_letters);
            let mut arrivals = Vec::new();
            let step = self.cluster.next(end, &mut |now, from, to, letter| {
                let mut losses = losses.borrow_mut();
                let is_lost = losses.loses(from, to);
                if is_lost && losses.are_told() || shows {
                    let word = if is_lost { "LOST " } else { "" };
                    let ms = now.as_micros() as f64 / 1e3;
                    arrivals.push(format!("{ms:.1}ms {from} → {to} {word}{letter}"));
                }
                !is_lost
            });
            for (at, id, number) in std::mem::take(&mut self.cluster.synced) {
                let ms = at.as_micros() as f64 / 1e3;
                arrivals.push(format!("{ms:.1}ms {id} has write {number} on its disk"));
            }
            for arrival in arrivals {
                writeln!(self.text, "{arrival}").expect("memory");
            }
            match step {
                Some(step) => self.observe(step, told),
                None => return,
            }
        }
    }

    /// Lets a machine act alone, with its clock put forward to its next deadline.
    pub(crate) fn time_out(&mut self, id: Id, told: &mut dyn FnMut(&M::Answer) -> String) {
        self.cluster.time_out(id);
        let step = self.cluster.advance(id);
        self.observe(step, told);
    }

    /// Does something with a machine, as soon as time goes on.
    pub(crate) fn post(&mut self, id: Id, call: impl FnOnce(&mut M, Time) + 'static) {
        let parcel = Parcel::Call(Box::new(call));
        self.cluster.post(Duration::ZERO, id, parcel);
    }

    /// Delivers a letter that no machine has sent.
    pub(crate) fn forge(&mut self, from: Id, to: Id, letter: M::Letter) {
        let parcel = Parcel::Letter { from, letter };
        self.cluster.post(Duration::ZERO, to, parcel);
    }

    pub(crate) fn lose(&mut self, from: Id, to: Id, count: usize) {
        self.losses.borrow_mut().next.insert((from, to), count);
    }

    pub(crate) fn lose_every(&mut self, every: usize) {
        let mut losses = self.losses.borrow_mut();
        (losses.every, losses.since) = (every, 0);
    }

    /// Each of the next letters that are sent on a link arrives after these times.
    pub(crate) fn warp(&mut self, from: Id, to: Id, count: usize, copies: Vec<Duration>) {
        self.warps.borrow_mut().insert((from, to), (count, copies));
    }

    pub(crate) fn kill(&mut self, id: Id) {
        self.cluster.node(id).alive = false;
        self.tell(&format!("{id} is killed"));
    }

    pub(crate) fn forget(&mut self, id: Id) {
        self.cluster.restart_without_memory(id);
        let seen = Seen::of(&self.cluster.nodes[&id].machine);
        self.seen.insert(id, seen);
        self.tell(&format!("{id} starts again without its memory"));
    }

    pub(crate) fn crash(&mut self, id: Id, parts: usize) {
        self.cluster.crash(id, parts);
        self.tell(&format!("{id} crashes"));
    }

    pub(crate) fn restart(&mut self, id: Id) {
        self.cluster.restart(id);
        let seen = Seen::of(&self.cluster.nodes[&id].machine);
        self.seen.insert(id, seen);
        self.tell(&format!("{id} starts again with its disk"));
    }

    pub(crate) fn pause(&mut self, id: Id) {
        self.cluster.pause(id);
        self.tell(&format!("{id} stands still"));
    }

    pub(crate) fn resume(&mut self, id: Id) {
        self.cluster.resume(id);
        self.tell(&format!("{id} goes on"));
    }

    pub(crate) fn deafen(&mut self, id: Id) {
        self.cluster.deafen(id);
        self.tell(&format!("nothing reaches {id}"));
    }

    pub(crate) fn cut(&mut self, from: Id, to: Id) {
        self.cluster.cut.insert((from, to));
        self.tell(&format!("nothing from {from} reaches {to}"));
    }

    pub(crate) fn partition(&mut self, group: &[Id]) {
        self.cluster.partition(group);
        let names: Vec<String> = group.iter().map(Id::to_string).collect();
        self.tell(&format!("partition: {} | the others", names.join(" ")));
    }

    pub(crate) fn heal(&mut self) {
        self.cluster.cut.clear();
        self.tell("healed");
    }

    /// Tells how many letters of each type were sent since the last count.
    pub(crate) fn count(&mut self) {
        let counts: Vec<String> = std::mem::take(&mut self.counts)
            .iter()
            .map(|(kind, count)| format!("{kind}={count}"))
            .collect();
        writeln!(self.text, "{}", counts.join(" ")).expect("memory");
    }

    /// Tells every machine's state; `more` adds to it.
    pub(crate) fn status(&mut self, more: impl Fn(&M) -> String) {
        for (id, node) in &self.cluster.nodes {
            if !node.alive {
                writeln!(self.text, "{id} dead").expect("memory");
                continue;
            }
            let consensus = node.machine.consensus();
            let line = status(*id, consensus, node.clock.shows(self.cluster.now));
            writeln!(self.text, "{line}{}", more(&node.machine)).expect("memory");
        }
    }

    /// Tells what has changed, and hands the letters over to the network.
    fn observe(&mut self, step: Step<M>, told: &mut dyn FnMut(&M::Answer) -> String) {
        let id = step.id;
        let seen = Seen::of(&self.cluster.nodes[&id].machine);
        let before = self.seen.insert(id, seen.clone());
        let before = before.expect("a member");
        if (before.role, before.term, before.leader) != (seen.role, seen.term, seen.leader) {
            let role = match (seen.role, seen.leader) {
                (RoleName::Follower, Some(leader)) => format!("Follower of {leader}"),
                (role, _) => format!("{role:?}"),
            };
            self.tell(&format!("{id} {role} term={}", seen.term));
        }
        if before.commit != seen.commit {
            self.tell(&format!("{id} commit={}", seen.commit));
        }
        for answer in &step.outputs.answers {
            let answer = told(answer);
            self.tell(&format!("{id} {answer}"));
        }
        for (_, letter) in &step.outputs.letters {
            *self.counts.entry(M::kind(letter)).or_default() += 1;
        }
        self.cluster.send(id, step.outputs.letters);
    }
}

/// A machine's state, with its clock: it may have been called last a while ago.
fn status<C: leasekv::consensus::Command>(id: Id, consensus: &Consensus<C>, now: Time) -> String {
    let log = consensus.log();
    let leader = consensus
        .leader()
        .map_or("none".to_owned(), |id| id.to_string());
    let mut text = format!(
        "{id} {:?} term={} leader={leader} log=[{}] commit={}",
        consensus.role(),
        consensus.term(),
        terms(log),
        log.commit()
    );
    let lease = consensus.lease_left().unwrap_or_default();
    let lease = lease.saturating_sub(now.since(consensus.now()));
    if !lease.is_zero() {
        write!(text, " lease={lease:?}").expect("memory");
    }
    if consensus.doubts_from().is_some_and(|from| now >= from) {
        text.push_str(" doubt");
    }
    text
}

/// What is gone from a log, and the terms of its entries; many of one term are counted.
fn terms<C>(log: &Log<C>) -> String {
    const MANY: usize = 20;
    let terms: Vec<Term> = log.entries().map(|(_, entry)| entry.term).collect();
    let runs = terms.chunk_by(|one, other| one == other);
    let runs = runs.map(|run| match run.len() {
        many @ MANY.. => format!("{}×{many}", run[0]),
        _ => run
            .iter()
            .map(Term::to_string)
            .collect::<Vec<_>>()
            .join(" "),
    });
    let covered = Some(log.base()).filter(|base| base.index > Index::ZERO);
    let covered = covered.map(|base| format!("through {base} in a snapshot"));
    covered
        .into_iter()
        .chain(runs)
        .collect::<Vec<_>>()
        .join(" ")
}
