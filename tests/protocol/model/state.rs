//! A cluster as a state of the model: the replicas, the letters on their way, and what the checks must
//! remember of the past. A step changes it in one place only; the rest is shared.

mod disks;
mod election;
mod shown;

use std::hash::{DefaultHasher, Hash, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use leasekv::consensus::options::Storage;
use leasekv::consensus::{Body, Index, Time};
use leasekv::id::Id;
use leasekv::kv::{Command, Operation, Put, Request};
use leasekv::promises::{Broken, Promises, Step};
use leasekv::replica::{Letter, Options, Output, Replica, View};

use super::action::{Action, Envelope, Kind};
use super::event::{self, Event};
use super::options::TICK;
use super::past::Past;
use crate::disk::Disk;
use crate::machine::{Machine, ask};

const KEY: &str = "k";
const SEED: u64 = 7;

/// Everything that can differ between two states of the model.
#[derive(Clone)]
pub(crate) struct State {
    nodes: Vec<Arc<Node>>,
    options: Arc<Options>,
    /// What is on its way, by its hash: any of it can arrive at any time.
    post: Vec<(u64, Arc<Envelope>)>,
    /// The one clock of all, if they have one. Else each replica has its own.
    now: Option<Time>,
    /// When counting began on it.
    began: Option<Time>,
    /// Who is cut off, or dead.
    away: Vec<Id>,
    /// Whose disk takes its time. The others are done with everything at once.
    slow_disks: Vec<Id>,
    /// Who has ever been killed and started again with its disk.
    crashed: Vec<Id>,
    pub(crate) counts: Counts,
    promises: Arc<Promises>,
    promises_fingerprint: u64,
    pub(crate) past: Past,
    /// The promise that the step which led here has broken.
    pub(crate) broken: Option<Broken>,
    /// What has happened in the step that led here; no part of what tells states apart.
    pub(crate) events: Vec<Event>,
}

/// How often what is bounded has happened since counting began.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Counts {
    /// Calls without any input.
    pub(crate) timeouts: usize,
    pub(crate) elections: usize,
    pub(crate) duplicates: usize,
    pub(crate) puts: usize,
    pub(crate) gets: usize,
    pub(crate) forgotten: usize,
    pub(crate) crashes: usize,
    /// Who has been cut off, now or before.
    pub(crate) left: Vec<Id>,
}

/// A replica with its fingerprint as of the latest step that touched it.
#[derive(Clone)]
struct Node {
    replica: Replica,
    /// Where all is kept in memory, nothing is ever written there.
    disk: Disk<Command>,
    fingerprint: u64,
    /// How often it has been started.
    lives: u64,
}

impl Node {
    fn new(replica: Replica, disk: Disk<Command>, now: Time, lives: u64) -> Node {
        let mut hasher = DefaultHasher::new();
        replica.fingerprint(now, TICK, &mut hasher);
        disk.fingerprint(&mut hasher);
        Node {
            replica,
            disk,
            fingerprint: hasher.finish(),
            lives,
        }
    }

    fn start(id: Id, size: u16, options: &Options, now: Time, lives: u64) -> Node {
        let peers: Vec<Id> = (0..size).map(Id).filter(|&peer| peer != id).collect();
        let replica = <Replica as Machine>::new(id, &peers, options, SEED + lives, now);
        Node::new(replica, Disk::default(), now, lives)
    }
}

/// What a replica is called for.
enum Input {
    Letter(Arc<Envelope>),
    Request(Request),
    Durable(u64),
    Nothing,
}

impl State {
    /// Nothing has happened yet to so many replicas.
    pub(crate) fn new(size: u16, options: &Options, common_clock: bool) -> State {
        let now = Time::from_epoch(Duration::from_secs(1));
        let start = |id| Arc::new(Node::start(id, size, options, now, 1));
        let promises = match options.consensus.storage {
            Storage::Memory => Promises::new(usize::from(size)),
            Storage::Stable => Promises::with_disks(usize::from(size)),
        };
        State {
            nodes: (0..size).map(Id).map(start).collect(),
            options: Arc::new(options.clone()),
            post: Vec::new(),
            now: common_clock.then_some(now),
            began: common_clock.then_some(now),
            away: Vec::new(),
            slow_disks: Vec::new(),
            crashed: Vec::new(),
            counts: Counts::default(),
            promises_fingerprint: fingerprint(&promises),
            promises: Arc::new(promises),
            past: Past::default(),
            broken: None,
            events: Vec::new(),
        }
    }

    pub(crate) fn ids(&self) -> impl Iterator<Item = Id> + use<> {
        (0..self.nodes.len() as u16).map(Id)
    }

    fn node(&self, id: Id) -> &Node {
        &self.nodes[usize::from(id.0)]
    }

    pub(crate) fn view(&self, id: Id) -> View<'_> {
        self.node(id).replica.view()
    }

    pub(crate) fn views(&self) -> impl Iterator<Item = View<'_>> {
        self.nodes.iter().map(|node| node.replica.view())
    }

    pub(crate) fn post(&self) -> impl Iterator<Item = &Arc<Envelope>> {
        self.post.iter().map(|(_, envelope)| envelope)
    }

    pub(crate) fn is_away(&self, id: Id) -> bool {
        self.away.contains(&id)
    }

    /// How often a replica has been started.
    pub(crate) fn lives(&self, id: Id) -> u64 {
        self.node(id).lives
    }

    pub(crate) fn has_common_clock(&self) -> bool {
        self.now.is_some()
    }

    /// How long the common clock has been going; zero if there is none.
    pub(crate) fn elapsed(&self) -> Duration {
        self.now
            .zip(self.began)
            .map_or(Duration::ZERO, |(now, began)| now.since(began))
    }

    /// Whether a replica has something to do by itself: always, where it has a clock of its own.
    pub(crate) fn is_due(&self, id: Id) -> bool {
        let deadline = Machine::deadline(&self.node(id).replica);
        self.now.is_none_or(|now| deadline <= now)
    }

    /// Loses all that is on its way, and begins to count anew.
    pub(crate) fn begin(mut self) -> State {
        assert_eq!(self.broken, None, "{self:?}");
        self.post.clear();
        self.counts = Counts {
            left: self.away.clone(),
            ..Counts::default()
        };
        self.began = self.now;
        self
    }

    /// These are on their way as well.
    pub(crate) fn with_letters(mut self, letters: Vec<Arc<Envelope>>) -> State {
        for envelope in letters {
            self.put_in_post(envelope);
        }
        self
    }

    /// What the action leads to; none if it leads nowhere.
    pub(crate) fn after(&self, action: &Action) -> Option<State> {
        let mut next = self.clone();
        next.events.clear();
        match action {
            Action::Deliver(envelope) => {
                next.lose(envelope);
                next.deliver(envelope);
            }
            Action::Duplicate(envelope) => {
                next.counts.duplicates += 1;
                next.deliver(envelope);
            }
            Action::Lose(envelopes) => envelopes.iter().for_each(|envelope| next.lose(envelope)),
            Action::Ask(kind, to) => next.ask(*kind, *to),
            Action::Wake(id) => {
                next.counts.timeouts += 1;
                next.wake(*id);
            }
            Action::Oversleep(id) => {
                next.counts.timeouts += 1;
                let time = next.time_at(*id) + 2 * TICK;
                next.call(*id, time, Input::Nothing);
            }
            Action::Elapse => next.elapse()?,
            Action::Elect(id, voters) => {
                next.counts.elections += 1;
                next.run_election(*id, voters)?;
            }
            Action::Leave(id) => {
                next.away.push(*id);
                next.away.sort_unstable();
                next.counts.left.push(*id);
                next.counts.left.sort_unstable();
                next.post.retain(|(_, envelope)| envelope.to != *id);
            }
            Action::Return(id) => next.away.retain(|away| away != id),
            Action::Forget(id) => next.forget(*id),
            Action::Sync(id) => next.sync(*id),
            Action::Crash(id, parts) => next.crash(*id, *parts),
        }
        Some(next)
    }

    fn lose(&mut self, envelope: &Envelope) {
        self.post.retain(|(_, other)| **other != *envelope);
    }

    fn deliver(&mut self, envelope: &Arc<Envelope>) {
        let to = envelope.to;
        self.call(to, self.time_at(to), Input::Letter(Arc::clone(envelope)));
    }

    fn wake(&mut self, id: Id) {
        let due = self.due_at(id).max(self.time_at(id));
        self.call(id, self.now.unwrap_or(due), Input::Nothing);
    }

    fn elapse(&mut self) -> Option<()> {
        let now = self.now?;
        let due = self.ids().map(|id| self.due_at(id));
        let then = due.filter(|&at| at > now).min()?;
        self.now = Some(then);
        for node in &mut self.nodes {
            let Node {
                replica,
                disk,
                lives,
                fingerprint: _,
            } = Node::clone(node);
            *node = Arc::new(Node::new(replica, disk, then, lives));
        }
        Some(())
    }

    fn forget(&mut self, id: Id) {
        self.counts.forgotten += 1;
        let (now, lives) = (self.time_at(id), self.node(id).lives + 1);
        let node = Node::start(id, self.nodes.len() as u16, &self.options, now, lives);
        self.nodes[usize::from(id.0)] = Arc::new(node);
        Arc::make_mut(&mut self.promises).forget(id);
        self.events.push(Event::Forgot);
    }

    /// The time on the clock that the replica goes by.
    fn time_at(&self, id: Id) -> Time {
        self.now.unwrap_or_else(|| self.view(id).now())
    }

    /// When the replica must be called, on the grid of the clock.
    fn due_at(&self, id: Id) -> Time {
        let tick = TICK.as_nanos() as u64;
        let deadline = Machine::deadline(&self.node(id).replica);
        let nanos = deadline.since_epoch().as_nanos() as u64;
        Time::from_epoch(Duration::from_nanos(nanos.next_multiple_of(tick)))
    }

    fn ask(&mut self, kind: Kind, to: Id) {
        let number = match kind {
            Kind::Put => {
                self.counts.puts += 1;
                self.past.put()
            }
            Kind::Get => {
                self.counts.gets += 1;
                self.past.get()
            }
        };
        let request = Request {
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
        };
        self.call(to, self.time_at(to), Input::Request(request));
    }

    /// Calls a replica as its driver would. If its disk is not slow, it is done with everything before anything else happens.
    fn call(&mut self, id: Id, now: Time, input: Input) {
        self.call_once(id, now, input);
        while !self.slow_disks.contains(&id)
            && self.parts_under_way(id) > 0
            && self.broken.is_none()
        {
            self.sync(id);
        }
    }

    /// A call of a replica: checks every promise, and takes over what comes out.
    fn call_once(&mut self, id: Id, now: Time, input: Input) {
        let Node {
            mut replica,
            mut disk,
            lives,
            fingerprint: _,
        } = self.node(id).clone();
        let outputs = catch_unwind(AssertUnwindSafe(|| {
            replica.reseed(SEED);
            match input {
                Input::Letter(envelope) => {
                    let (from, letter) = (envelope.from, envelope.letter.clone());
                    Machine::receive(&mut replica, now, from, letter);
                }
                Input::Request(request) => ask(&mut replica, now, request),
                Input::Durable(number) => Machine::durable(&mut replica, now, number),
                Input::Nothing => {}
            }
            Machine::advance(&mut replica, now).into_list()
        }));
        let outputs = match outputs {
            Ok(outputs) => outputs,
            Err(panic) => return self.broken = Some(assertion(panic.as_ref())),
        };
        let mut events = std::mem::take(&mut self.events);
        event::in_step(self, &replica.view(), &outputs, &mut |event| {
            events.push(event)
        });
        self.events = events;
        if let Err(broken) = self.check(&replica.view(), &outputs)
            && !self.is_forgiven(&broken)
        {
            self.broken.get_or_insert(broken);
        }
        while let Some(write) = Machine::writes(&mut replica) {
            disk.hand(Duration::ZERO, write);
        }
        self.nodes[usize::from(id.0)] = Arc::new(Node::new(replica, disk, now, lives));
        for output in outputs {
            if let Output::Send { to, letter } = output {
                self.send(id, to, letter);
            }
        }
    }

    /// Who has forgotten what it has answered may answer it again: of that nothing was promised.
    fn is_forgiven(&self, broken: &Broken) -> bool {
        let answers = [
            "one answer an attempt",
            "a second ok only after a take-over",
        ];
        self.counts.forgotten > 0 && answers.contains(&broken.promise)
    }

    fn check(&mut self, view: &View<'_>, outputs: &[Output]) -> Result<(), Broken> {
        // On a common clock that is when a lease ends. Without one leases are not looked at.
        let lease_end = view.lease_left().map(|left| view.now() + left);
        let lease_end = lease_end.filter(|_| self.now.is_some());
        let promises = Arc::make_mut(&mut self.promises);
        promises.check(&Step {
            time: self.now.unwrap_or(Time::ZERO).since_epoch(),
            view: *view,
            lease_end: lease_end.map(Time::since_epoch),
            outputs,
        })?;
        self.promises_fingerprint = fingerprint(promises);
        for output in outputs {
            if let Output::Answer(answer) = output {
                self.past.answered(view, answer)?;
            }
        }
        // Who has been killed does not know what it had answered, and gives that up if it leads.
        self.past.settled(view, &self.crashed)
    }

    fn send(&mut self, from: Id, to: Id, mut letter: Letter) {
        if self.is_away(from) || self.is_away(to) {
            return;
        }
        // The leader's reading of its own clock would tell states apart that do not differ. Followers only ask which of
        // two appends of a term is the later one: that is the one with the higher commit index, and where that is the
        // same it does not matter. The leader itself measures round trips by it, which count for nothing here.
        match &mut letter.message.body {
            Body::Append(append) => {
                append.sent_at = Time::ZERO + Duration::from_nanos(append.commit.0)
            }
            Body::AppendResponse(response) => response.sent_at = Time::ZERO,
            _ => {}
        }
        self.put_in_post(Arc::new(Envelope { from, to, letter }));
    }

    fn put_in_post(&mut self, envelope: Arc<Envelope>) {
        let mut hasher = DefaultHasher::new();
        envelope.hash(&mut hasher);
        let hash = hasher.finish();
        if let Err(place) = self.post.binary_search_by_key(&hash, |(hash, _)| *hash) {
            self.post.insert(place, (hash, envelope));
        }
    }
}

/// The core stopped itself.
fn assertion(panic: &(dyn std::any::Any + Send)) -> Broken {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or(panic.downcast_ref::<&str>().copied());
    Broken {
        promise: "the core's own assertions",
        what: text.unwrap_or("?").to_owned(),
    }
}

fn fingerprint(promises: &Promises) -> u64 {
    let mut hasher = DefaultHasher::new();
    promises.fingerprint(&mut hasher);
    hasher.finish()
}

/// The puts in a replica's log, with their places.
pub(crate) fn puts<'a>(view: &View<'a>) -> impl Iterator<Item = (Index, &'a Put)> + use<'a> {
    let entries = view.log().entries();
    entries.filter_map(|(index, entry)| match entry.command() {
        Some(Command::Put(put)) => Some((index, &**put)),
        Some(Command::TakeOver(_)) | None => None,
    })
}

/// The number of the attempt with that MID.
pub(crate) fn number(mid: &str) -> usize {
    mid.parse().expect("as it was asked")
}

impl Hash for State {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        for node in &self.nodes {
            node.fingerprint.hash(hasher);
        }
        for (hash, _) in &self.post {
            hash.hash(hasher);
        }
        (self.now, &self.away, &self.counts).hash(hasher);
        (&self.slow_disks, &self.crashed).hash(hasher);
        (self.promises_fingerprint, &self.past).hash(hasher);
        self.broken.is_some().hash(hasher);
    }
}

impl PartialEq for State {
    fn eq(&self, other: &State) -> bool {
        let [one, two] = [self, other].map(|state| {
            let mut hasher = DefaultHasher::new();
            state.hash(&mut hasher);
            hasher.finish()
        });
        one == two
    }
}
