//! A cluster as a state of the model: the replicas, whatever was ever sent, and what the checks
//! must remember of the past. A step changes it in one place only; the rest is shared.

use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use leasekv::id::Id;
use leasekv::raft::entry::Command;
use leasekv::raft::view::{RoleName, View};
use leasekv::raft::{
    Answer, Body, Index, Input, Message, Operation, Options, Outcome, Output, Replica, Request,
    Term, Time,
};

pub(crate) const REPLICAS: [Id; 3] = [Id(0), Id(1), Id(2)];
/// All clocks go in steps of this.
pub(crate) const TICK: Duration = Duration::from_millis(1);
const KEY: &str = "k";
const SEED: u64 = 7;

/// Everything that can differ between two states of the model.
#[derive(Clone)]
pub(crate) struct Cluster {
    nodes: [Arc<Node>; 3],
    /// Every message ever sent, by its hash. It stays: each can arrive at any time, more than once,
    /// or never.
    sent: Vec<(u64, Arc<Envelope>)>,
    /// The one clock of all, if they have one. Else each replica has its own.
    now: Option<Time>,
    /// When counting began on it.
    began: Option<Time>,
    /// How often a replica was called without any input.
    timeouts: usize,
    /// How often a message arrived and stayed on its way.
    duplicates: usize,
    pub(crate) past: Past,
}

/// A replica with its fingerprint as of the latest step that touched it.
struct Node {
    replica: Replica,
    fingerprint: u64,
}

/// A message on its way.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Envelope {
    pub(crate) from: Id,
    pub(crate) to: Id,
    pub(crate) message: Message,
}

/// What the checks must know of the past, because no replica does.
#[derive(Clone, Debug, Default, PartialEq, Hash)]
pub(crate) struct Past {
    /// Who has led each term.
    pub(crate) leaders: Vec<(Term, Id)>,
    pub(crate) attempts: Vec<Attempt>,
    /// The furthest place in the log that any client knows to have taken effect.
    pub(crate) known: Index,
    /// What went wrong in the step that led here.
    pub(crate) breaches: Vec<Breach>,
}

/// One request of a client's, to one replica.
#[derive(Clone, Debug, PartialEq, Hash)]
pub(crate) struct Attempt {
    pub(crate) kind: Kind,
    pub(crate) asked: Id,
    /// Whether it was in the log of the replica that was asked.
    pub(crate) logged: bool,
    /// For a get: what it must not be older than.
    pub(crate) at_least: Index,
    /// For a get: whether a leader answered it although a later one had been elected.
    pub(crate) by_deposed: bool,
    /// The answers, by replica.
    pub(crate) answers: Vec<(Id, Ending)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    Put,
    Get,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Ending {
    Ok,
    Redirect,
    Fail,
}

/// A promise that a single step broke.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Breach {
    SecondLeader(Term),
    CommitFell(Id),
    OldValue(String),
    /// The core stopped itself.
    Assertion(String),
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Action::Deliver(envelope) => write!(f, "arrives: {envelope}"),
            Action::Duplicate(envelope) => write!(f, "arrives, not for the last time: {envelope}"),
            Action::Lose(envelope) => write!(f, "is lost: {envelope}"),
            Action::Ask(Kind::Put, id) => write!(f, "put to {id}"),
            Action::Ask(Kind::Get, id) => write!(f, "get to {id}"),
            Action::Wake(id) => write!(f, "{id} is called at its deadline"),
            Action::Oversleep(id) => write!(f, "{id} is called after a long time"),
            Action::Elapse => write!(f, "time passes"),
        }
    }
}

impl fmt::Display for Envelope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} -> {} {}", self.from, self.to, self.message)
    }
}

/// What can happen next.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Action {
    /// A message arrives.
    Deliver(Arc<Envelope>),
    /// A message arrives, and will once more.
    Duplicate(Arc<Envelope>),
    /// A message is lost.
    Lose(Arc<Envelope>),
    /// A client asks.
    Ask(Kind, Id),
    /// A replica is called at its deadline: its own clock goes on to there, or the common one has.
    Wake(Id),
    /// A replica was not called for longer than any of its timeouts.
    Oversleep(Id),
    /// The common clock goes on to the next deadline of anybody.
    Elapse,
}

impl Cluster {
    pub(crate) fn new(options: &Options, common_clock: bool) -> Cluster {
        let now = Time::from_epoch(Duration::from_secs(1));
        let nodes = REPLICAS.map(|id| {
            let peers: Vec<Id> = REPLICAS.into_iter().filter(|&peer| peer != id).collect();
            let replica = Replica::new(id, &peers, options.clone(), SEED, now);
            Arc::new(Node::new(replica, now))
        });
        Cluster {
            nodes,
            sent: Vec::new(),
            now: common_clock.then_some(now),
            began: common_clock.then_some(now),
            timeouts: 0,
            duplicates: 0,
            past: Past::default(),
        }
    }

    pub(crate) fn views(&self) -> [View<'_>; 3] {
        std::array::from_fn(|place| self.nodes[place].replica.view())
    }

    pub(crate) fn view(&self, id: Id) -> View<'_> {
        self.nodes[usize::from(id.0)].replica.view()
    }

    pub(crate) fn sent(&self) -> impl Iterator<Item = &Arc<Envelope>> {
        self.sent.iter().map(|(_, envelope)| envelope)
    }

    /// Loses all that is on its way, and begins to count anew.
    pub(crate) fn lose_everything(&mut self) {
        self.sent.clear();
        self.timeouts = 0;
        self.duplicates = 0;
        self.began = self.now;
    }

    pub(crate) fn duplicates(&self) -> usize {
        self.duplicates
    }

    pub(crate) fn timeouts(&self) -> usize {
        self.timeouts
    }

    pub(crate) fn has_common_clock(&self) -> bool {
        self.now.is_some()
    }

    pub(crate) fn asked(&self, kind: Kind) -> usize {
        let attempts = self.past.attempts.iter();
        attempts.filter(|attempt| attempt.kind == kind).count()
    }

    /// Whether a replica has something to do by itself: always, where it has a clock of its own.
    pub(crate) fn is_due(&self, id: Id) -> bool {
        let deadline = self.nodes[usize::from(id.0)].replica.deadline();
        self.now.is_none_or(|now| deadline <= now)
    }

    /// How long the common clock has been going; zero if there is none.
    pub(crate) fn elapsed(&self) -> Duration {
        self.now
            .zip(self.began)
            .map_or(Duration::ZERO, |(now, began)| now.since(began))
    }

    /// What the action leads to; none if nothing changes.
    pub(crate) fn after(&self, action: &Action) -> Option<Cluster> {
        let mut next = self.clone();
        match action {
            Action::Deliver(envelope) | Action::Duplicate(envelope) => {
                if matches!(action, Action::Deliver(_)) {
                    next.sent.retain(|(_, sent)| sent != envelope);
                } else {
                    next.duplicates += 1;
                }
                let input = Input::Message {
                    from: envelope.from,
                    message: envelope.message.clone(),
                };
                next.call(envelope.to, next.time_at(envelope.to), Some(input));
            }
            Action::Lose(envelope) => next.sent.retain(|(_, sent)| sent != envelope),
            Action::Ask(kind, to) => {
                let input = Input::Request(next.ask(*kind, *to));
                next.call(*to, next.time_at(*to), Some(input));
            }
            Action::Wake(id) => {
                next.timeouts += 1;
                let time = match next.now {
                    Some(now) => now,
                    None => next.due_at(*id).max(next.time_at(*id)),
                };
                next.call(*id, time, None);
            }
            Action::Oversleep(id) => {
                next.timeouts += 1;
                let time = next.time_at(*id) + crate::scenes::LONGEST_TIMEOUT;
                next.call(*id, time, None);
            }
            Action::Elapse => {
                let now = next.now?;
                let due = REPLICAS.map(|id| next.due_at(id));
                let then = due.into_iter().filter(|&at| at > now).min()?;
                next.now = Some(then);
                for node in &mut next.nodes {
                    *node = Arc::new(Node::new(node.replica.clone(), then));
                }
            }
        }
        (next != *self).then_some(next)
    }

    /// The time on the clock that the replica goes by.
    fn time_at(&self, id: Id) -> Time {
        self.now
            .unwrap_or_else(|| self.nodes[usize::from(id.0)].replica.view().now())
    }

    /// When the replica must be called, on the grid of the clock.
    fn due_at(&self, id: Id) -> Time {
        let tick = TICK.as_nanos() as u64;
        let deadline = self.nodes[usize::from(id.0)].replica.deadline();
        let nanos = deadline.since_epoch().as_nanos() as u64;
        Time::from_epoch(Duration::from_nanos(nanos.next_multiple_of(tick)))
    }

    fn ask(&mut self, kind: Kind, to: Id) -> Request {
        let number = self.past.attempts.len();
        self.past.attempts.push(Attempt {
            kind,
            asked: to,
            logged: false,
            at_least: self.past.known,
            by_deposed: false,
            answers: Vec::new(),
        });
        Request {
            // Clients of their own, so that none counts as being back.
            client: Id(0x10 + number as u16),
            mid: number.to_string(),
            operation: match kind {
                Kind::Get => Operation::Get { key: KEY.into() },
                Kind::Put => Operation::Put {
                    key: KEY.into(),
                    value: number.to_string(),
                },
            },
        }
    }

    /// Calls a replica as its driver would, and takes over what comes out.
    fn call(&mut self, id: Id, now: Time, input: Option<Input>) {
        let place = usize::from(id.0);
        let mut replica = self.nodes[place].replica.clone();
        let outputs = catch_unwind(AssertUnwindSafe(|| {
            replica.reseed(SEED);
            if let Some(input) = input {
                replica.receive(now, input);
            }
            replica.advance(now);
            replica.outputs().collect::<Vec<Output>>()
        }));
        let outputs = match outputs {
            Ok(outputs) => outputs,
            Err(panic) => {
                let text = panic
                    .downcast_ref::<String>()
                    .map(String::as_str)
                    .or(panic.downcast_ref::<&str>().copied())
                    .unwrap_or("?");
                self.past.breaches.push(Breach::Assertion(text.to_owned()));
                return;
            }
        };
        let before = self.nodes[place].replica.view().commit();
        if replica.view().commit() < before {
            self.past.breaches.push(Breach::CommitFell(id));
        }
        self.nodes[place] = Arc::new(Node::new(replica, now));
        self.note_leader(id);
        self.note_logged(id);
        for output in outputs {
            match output {
                Output::Send { to, mut message } => {
                    // The leader's reading of its own clock, which only measures round trips, would
                    // tell states apart that do not differ.
                    match &mut message.body {
                        Body::Append(append) => append.sent_at = Time::ZERO,
                        Body::Appended(appended) => appended.sent_at = Time::ZERO,
                        _ => {}
                    }
                    self.send(Envelope {
                        from: id,
                        to,
                        message,
                    });
                }
                Output::Answer(answer) => self.note_answer(id, &answer),
            }
        }
    }

    fn send(&mut self, envelope: Envelope) {
        let mut hasher = DefaultHasher::new();
        envelope.hash(&mut hasher);
        let hash = hasher.finish();
        if let Err(place) = self.sent.binary_search_by_key(&hash, |(hash, _)| *hash) {
            self.sent.insert(place, (hash, Arc::new(envelope)));
        }
    }

    fn note_leader(&mut self, id: Id) {
        let view = self.view(id);
        if view.role() != RoleName::Leader {
            return;
        }
        let term = view.term();
        match self.past.leaders.iter().find(|(led, _)| *led == term) {
            None => {
                self.past.leaders.push((term, id));
                self.past.leaders.sort_unstable();
            }
            Some((_, leader)) if *leader == id => {}
            Some(_) => self.past.breaches.push(Breach::SecondLeader(term)),
        }
    }

    /// Notes which of the puts that this replica was asked for are in its log.
    fn note_logged(&mut self, id: Id) {
        let logged: Vec<usize> = puts(self.view(id)).map(|(_, number)| number).collect();
        for number in logged {
            let attempt = &mut self.past.attempts[number];
            attempt.logged |= attempt.asked == id;
        }
    }

    fn note_answer(&mut self, id: Id, answer: &Answer) {
        let number: usize = answer.mid.parse().expect("as it was asked");
        let ending = match &answer.outcome {
            Outcome::Redirect => Ending::Redirect,
            Outcome::Fail => Ending::Fail,
            Outcome::Stored => {
                let place = puts(self.view(id)).find(|(_, logged)| *logged == number);
                let place = place.map_or(Index::ZERO, |(index, _)| index);
                self.past.known = self.past.known.max(place);
                Ending::Ok
            }
            Outcome::Value(value) => {
                let place = puts(self.view(id))
                    .find(|(_, logged)| logged.to_string() == *value)
                    .map_or(Index::ZERO, |(index, _)| index);
                if place < self.past.attempts[number].at_least {
                    self.past.breaches.push(Breach::OldValue(value.clone()));
                }
                self.past.known = self.past.known.max(place);
                let latest = self.past.leaders.last();
                self.past.attempts[number].by_deposed = latest.is_some_and(|(_, by)| *by != id);
                Ending::Ok
            }
        };
        self.past.attempts[number].answers.push((id, ending));
    }
}

/// The puts in a replica's log: their places, and the attempts that they come from.
pub(crate) fn puts(view: View<'_>) -> impl Iterator<Item = (Index, usize)> {
    view.entries()
        .enumerate()
        .filter_map(|(place, entry)| match &entry.command {
            Command::Put(put) => {
                let number = put.mid.parse().expect("as it was asked");
                Some((Index(place as u64 + 1), number))
            }
            Command::Lead(_) | Command::TakeOver(_) | Command::Renew => None,
        })
}

impl Node {
    fn new(replica: Replica, now: Time) -> Node {
        let mut hasher = DefaultHasher::new();
        replica.fingerprint(now, TICK, &mut hasher);
        Node {
            replica,
            fingerprint: hasher.finish(),
        }
    }
}

impl Hash for Cluster {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        for node in &self.nodes {
            node.fingerprint.hash(hasher);
        }
        for (message, _) in &self.sent {
            message.hash(hasher);
        }
        (self.now, self.timeouts, self.duplicates).hash(hasher);
        self.past.hash(hasher);
    }
}

impl PartialEq for Cluster {
    fn eq(&self, other: &Cluster) -> bool {
        let nodes = |cluster: &Cluster| cluster.nodes.each_ref().map(|node| node.fingerprint);
        let sent = self.sent.iter().zip(&other.sent);
        nodes(self) == nodes(other)
            && self.sent.len() == other.sent.len()
            && sent.rev().all(|((one, _), (two, _))| one == two)
            && self.now == other.now
            && self.past == other.past
    }
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for view in self.views() {
            let log: Vec<String> = view
                .entries()
                .map(|entry| {
                    let term = entry.term;
                    match &entry.command {
                        Command::Lead(_) => format!("lead@{term}"),
                        Command::Renew => format!("renew@{term}"),
                        Command::TakeOver(_) => format!("take over@{term}"),
                        Command::Put(put) => format!("put {}@{term} by {}", put.mid, put.answerer),
                    }
                })
                .collect();
            writeln!(
                f,
                "{} {:?} in term {}, at {}, commit {}, {log:?}",
                view.id(),
                view.role(),
                view.term(),
                view.now(),
                view.commit(),
            )?;
        }
        write!(f, "{:?}", self.past)
    }
}
