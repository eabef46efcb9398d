//! A cluster of machines on one simulated network, with a clock each. Scripts and chaos drive it; it
//! knows nothing of what they check.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use leasekv::consensus::Time;
use leasekv::id::Id;

use crate::disk::Disk;
use crate::machine::{Machine, Outputs};

/// One machine and its clock.
pub(crate) struct Node<M: Machine> {
    pub(crate) machine: M,
    pub(crate) disk: Disk<M::Command>,
    pub(crate) clock: Clock,
    pub(crate) alive: bool,
    /// Until when its process is stopped, as by SIGSTOP.
    pub(crate) paused_until: Duration,
    /// How often it has been started.
    pub(crate) lives: u64,
}

/// A clock: what it shows when the cluster's time is zero, and its rate against that, in millionths above true.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    pub(crate) start: Duration,
    pub(crate) fast_ppm: i64,
}

impl Clock {
    pub(crate) fn shows(&self, now: Duration) -> Time {
        let nanos = now.as_nanos() as i128;
        let drift = nanos * i128::from(self.fast_ppm) / 1_000_000;
        let passed = Duration::from_nanos((nanos + drift) as u64);
        Time::from_epoch(self.start + passed)
    }

    /// When it shows that time, a trifle late rather than early.
    pub(crate) fn reached(&self, time: Time) -> Duration {
        let shown = time.since_epoch().saturating_sub(self.start).as_nanos() as i128;
        let rate = 1_000_000 + i128::from(self.fast_ppm);
        let passed = (shown * 1_000_000 + rate - 1) / rate;
        let late = if self.fast_ppm == 0 { 0 } else { 2 };
        Duration::from_nanos(passed as u64 + late)
    }
}

/// Something that is done with a machine, at a time on its clock.
type Call<M> = Box<dyn FnOnce(&mut M, Time)>;

/// Sees each letter that reaches a machine, when, from whom and to whom, and says whether it does.
pub(crate) type Arriving<'a, M> = dyn FnMut(Duration, Id, Id, &<M as Machine>::Letter) -> bool + 'a;

/// Something under way to a machine.
pub(crate) enum Parcel<M: Machine> {
    Letter {
        from: Id,
        letter: M::Letter,
    },
    /// Something that the cluster's user does with the machine.
    Call(Call<M>),
    /// The first of its writes that are under way is durable, if this is still the same life.
    Synced {
        life: u64,
    },
}

/// What has just happened to a machine.
pub(crate) struct Step<M: Machine> {
    pub(crate) id: Id,
    pub(crate) outputs: Outputs<M>,
}

/// Later than anything that is ever waited for.
const NEVER: Duration = Duration::from_secs(1_000_000_000);

/// What becomes of a letter: after how long each of its copies arrives. None: it is lost.
pub(crate) type Weather = Box<dyn FnMut(Id, Id) -> Vec<Duration>>;

pub(crate) struct Cluster<M: Machine> {
    pub(crate) nodes: BTreeMap<Id, Node<M>>,
    pub(crate) now: Duration,
    options: M::Options,
    /// What is on its way, by the time of arrival and the order of sending.
    network: BTreeMap<(Duration, u64), (Id, Parcel<M>)>,
    sent: u64,
    weather: Weather,
    pub(crate) cut: BTreeSet<(Id, Id)>,
    /// Whom to let act before the next arrival, because something arrived there.
    pending: Option<Id>,
    /// What has become durable, when, whose and its number: for whoever tells of it.
    pub(crate) synced: Vec<(Duration, Id, u64)>,
}

impl<M: Machine> Cluster<M> {
    /// A machine for each clock.
    pub(crate) fn new(clocks: &[Clock], options: &M::Options, weather: Weather) -> Cluster<M> {
        let ids: Vec<Id> = (0..clocks.len() as u16).map(Id).collect();
        let mut cluster = Cluster {
            nodes: BTreeMap::new(),
            now: Duration::ZERO,
            options: options.clone(),
            network: BTreeMap::new(),
            sent: 0,
            weather,
            cut: BTreeSet::new(),
            pending: None,
            synced: Vec::new(),
        };
        for (&id, &clock) in ids.iter().zip(clocks) {
            let machine = cluster.start(id, &ids, clock, 1);
            let node = Node {
                machine,
                disk: Disk::default(),
                clock,
                alive: true,
                paused_until: Duration::ZERO,
                lives: 1,
            };
            cluster.nodes.insert(id, node);
        }
        cluster
    }

    fn start(&self, id: Id, members: &[Id], clock: Clock, life: u64) -> M {
        let peers: Vec<Id> = members.iter().copied().filter(|&peer| peer != id).collect();
        let seed = life * 1_000 + u64::from(id.0);
        M::new(id, &peers, &self.options, seed, clock.shows(self.now))
    }

    /// Starts a machine again under its ID, without its memory.
    pub(crate) fn restart_without_memory(&mut self, id: Id) {
        let members: Vec<Id> = self.nodes.keys().copied().collect();
        let (clock, life) = (self.nodes[&id].clock, self.nodes[&id].lives + 1);
        let machine = self.start(id, &members, clock, life);
        let node = self.node(id);
        node.machine = machine;
        node.disk = Disk::default();
        node.alive = true;
        node.lives = life;
    }

    /// Kills a machine: of its writes that are not durable so many parts have reached its disk.
    pub(crate) fn crash(&mut self, id: Id, parts: usize) {
        let node = self.node(id);
        node.alive = false;
        node.disk.crash(parts);
    }

    /// Starts a machine again with its disk.
    pub(crate) fn restart(&mut self, id: Id) {
        let members: Vec<Id> = self.nodes.keys().copied().collect();
        let (clock, life) = (self.nodes[&id].clock, self.nodes[&id].lives + 1);
        let peers: Vec<Id> = members.iter().copied().filter(|&peer| peer != id).collect();
        let seed = life * 1_000 + u64::from(id.0);
        let now = clock.shows(self.now);
        let machine = match self.nodes[&id].disk.restored() {
            Some(stored) => M::restore(id, &peers, &self.options, stored, seed, now),
            None => self.start(id, &members, clock, life),
        };
        let node = self.node(id);
        node.machine = machine;
        node.alive = true;
        node.lives = life;
    }

    /// Stops a machine's process until it is told to go on.
    pub(crate) fn pause(&mut self, id: Id) {
        self.node(id).paused_until = NEVER;
    }

    /// Lets a machine's process go on: what has waited for it arrives now, in its order.
    pub(crate) fn resume(&mut self, id: Id) {
        self.node(id).paused_until = self.now;
        let waits = |&(at, _): &(Duration, u64), &mut (to, _): &mut (Id, Parcel<M>)| {
            at == NEVER && to == id
        };
        let waiting: Vec<_> = self.network.extract_if(.., waits).collect();
        for (_, (to, parcel)) in waiting {
            self.post(Duration::ZERO, to, parcel);
        }
    }

    pub(crate) fn node(&mut self, id: Id) -> &mut Node<M> {
        self.nodes.get_mut(&id).expect("a member")
    }

    pub(crate) fn living(&self) -> Vec<Id> {
        let living = self.nodes.iter().filter(|(_, node)| node.alive);
        living.map(|(&id, _)| id).collect()
    }

    /// Sends something on its way.
    pub(crate) fn post(&mut self, after: Duration, to: Id, parcel: Parcel<M>) {
        self.sent += 1;
        let place = (self.now + after, self.sent);
        self.network.insert(place, (to, parcel));
    }

    /// Hands letters over to the network.
    pub(crate) fn send(&mut self, from: Id, letters: Vec<(Id, M::Letter)>) {
        for (to, letter) in letters {
            for after in (self.weather)(from, to) {
                let letter = letter.clone();
                self.post(after, to, Parcel::Letter { from, letter });
            }
        }
    }

    /// All that is under way is lost.
    pub(crate) fn lose_all(&mut self) {
        self.network.clear();
    }

    /// Cuts every link between the group and the others.
    pub(crate) fn partition(&mut self, group: &[Id]) {
        self.cut.clear();
        for &one in self.nodes.keys() {
            for &other in self.nodes.keys() {
                if group.contains(&one) != group.contains(&other) {
                    self.cut.insert((one, other));
                }
            }
        }
    }

    /// Nothing reaches that machine.
    pub(crate) fn deafen(&mut self, id: Id) {
        let links = self.nodes.keys().map(|&other| (other, id));
        self.cut.extend(links);
    }

    /// When the next thing happens.
    fn next_at(&self) -> Option<Duration> {
        let arrival = self.network.keys().next().map(|&(at, _)| at);
        let deadline = self.next_deadline().map(|(at, _)| at);
        arrival.into_iter().chain(deadline).min()
    }

    fn next_deadline(&self) -> Option<(Duration, Id)> {
        let acting = self.nodes.iter().filter(|(_, node)| node.alive);
        let due = acting.map(|(&id, node)| {
            let at = node.clock.reached(node.machine.deadline());
            (at.max(node.paused_until).max(self.now), id)
        });
        due.min()
    }

    /// Lets the next thing happen that is due by `end`, and returns what came of it; none if nothing is.
    pub(crate) fn next(
        &mut self,
        end: Duration,
        arriving: &mut Arriving<'_, M>,
    ) -> Option<Step<M>> {
        loop {
            if let Some(id) = self.pending
                && !self.arrives_now(id)
            {
                self.pending = None;
                return Some(self.advance(id));
            }
            let at = self.next_at().filter(|&at| at <= end);
            let Some(at) = at else {
                self.now = end;
                return None;
            };
            self.now = self.now.max(at);
            let arrives = self
                .network
                .keys()
                .next()
                .is_some_and(|&(due, _)| due <= self.now);
            if !arrives {
                let (_, id) = self.next_deadline().expect("something is due");
                return Some(self.advance(id));
            }
            let (_, (to, parcel)) = self.network.pop_first().expect("just seen");
            self.deliver(to, parcel, arriving);
        }
    }

    /// What arrives together is taken in together.
    fn arrives_now(&self, id: Id) -> bool {
        let next = self.network.iter().next();
        next.is_some_and(|(&(at, _), &(to, _))| at <= self.now && to == id)
    }

    fn deliver(&mut self, to: Id, parcel: Parcel<M>, arriving: &mut Arriving<'_, M>) {
        let now = self.now;
        let node = &self.nodes[&to];
        let is_cut =
            matches!(&parcel, Parcel::Letter { from, .. } if self.cut.contains(&(*from, to)));
        if !node.alive || is_cut {
            return;
        }
        if now < node.paused_until {
            // It waits in the socket's buffer.
            let after = node.paused_until - now;
            return self.post(after, to, parcel);
        }
        if let Parcel::Letter { from, letter } = &parcel
            && !arriving(now, *from, to, letter)
        {
            return;
        }
        let node = self.node(to);
        let clock = node.clock.shows(now);
        match parcel {
            Parcel::Letter { from, letter } => node.machine.receive(clock, from, letter),
            Parcel::Call(call) => call(&mut node.machine, clock),
            Parcel::Synced { life } if life == node.lives => {
                let number = node.disk.end_sync();
                node.machine.durable(clock, number);
                self.synced.push((now, to, number));
            }
            Parcel::Synced { .. } => return,
        }
        self.pending = Some(to);
    }

    /// Lets a machine act now.
    pub(crate) fn advance(&mut self, id: Id) -> Step<M> {
        let now = self.now;
        let node = self.node(id);
        let clock = node.clock.shows(now);
        let outputs = node.machine.advance(clock);
        assert!(
            node.machine.deadline() > clock,
            "{id} wants to be called at once, right after it was: time would stand still"
        );
        if let Some(snapshot) = node.machine.snapshot_to_store() {
            node.disk.store_snapshot(&snapshot);
        }
        if let Some(write) = node.machine.writes() {
            let (after, life) = (node.disk.hand(now, write), node.lives);
            self.post(after, id, Parcel::Synced { life });
        }
        Step { id, outputs }
    }

    /// Puts one machine's clock forward to its next deadline.
    pub(crate) fn time_out(&mut self, id: Id) {
        let now = self.now;
        let node = self.node(id);
        let due = node.clock.reached(node.machine.deadline());
        node.clock.start += due.saturating_sub(now);
    }
}
