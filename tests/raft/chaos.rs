//! The core under chance: loss, delay, duplication, partitions, crashes and drifting clocks, with
//! the promises checked after every step. Each case is a seed; a failing one says which.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use leasekv::id::Id;
use leasekv::raft::entry::Command;
use leasekv::raft::view::RoleName;
use leasekv::raft::{
    Index, Input, Message, Operation, Options, Outcome, Output, Replica, Request, Term, Time,
};
use rand::rngs::Xoshiro256PlusPlus;
use rand::seq::{IndexedRandom, SliceRandom};
use rand::{RngExt, SeedableRng};

const SEEDS: u64 = 25;
const RUN: Duration = Duration::from_secs(20);
/// How long the network is well at the end, with nobody asking any more: longer than inherited puts are left to an
/// answerer that is away.
const CALM: Duration = Duration::from_secs(15);
const CLIENTS: u16 = 6;

#[test]
fn promises_hold_whatever_happens() {
    let mut answered = Answered::default();
    for seed in 0..SEEDS {
        let mut chaos = Chaos::new(seed);
        chaos.run();
        answered.add(&chaos.answered);
    }
    // Something has to have happened for the silence of the checks to mean anything.
    assert!(answered.ok > SEEDS as usize * 100, "{answered:?}");
    assert!(answered.redirects > SEEDS as usize, "{answered:?}");
    // A second answer is a blemish, not a mistake; it must stay rare.
    assert!(
        answered.duplicates * 1_000 < answered.ok,
        "too many second answers: {answered:?}"
    );
    // Nor may many attempts that a living replica has taken stay without an answer.
    assert!(
        answered.silent * 20_000 < answered.ok,
        "too many attempts were never answered: {answered:?}"
    );
    println!("{answered:?}");
}

#[derive(Debug, Default)]
struct Answered {
    ok: usize,
    redirects: usize,
    fails: usize,
    duplicates: usize,
    /// Attempts at a replica that lives to the end, unanswered when all has been well for a while.
    silent: usize,
}

impl Answered {
    fn add(&mut self, other: &Answered) {
        self.ok += other.ok;
        self.redirects += other.redirects;
        self.fails += other.fails;
        self.duplicates += other.duplicates;
        self.silent += other.silent;
    }
}

struct Node {
    replica: Replica,
    /// The clock's rate against true time, and what it showed at the start.
    rate: f64,
    start: Duration,
    alive: bool,
    /// Until when the process is stopped, as by SIGSTOP.
    paused_until: Duration,
}

impl Node {
    fn clock(&self, now: Duration) -> Time {
        Time::from_epoch(self.start + now.mul_f64(self.rate))
    }

    /// When the replica must be called, in true time, a trifle late rather than early.
    fn deadline(&self) -> Duration {
        let local = self
            .replica
            .deadline()
            .since_epoch()
            .saturating_sub(self.start);
        (local.div_f64(self.rate) + Duration::from_nanos(10)).max(self.paused_until)
    }
}

/// A register written with rising numbers by one client, one put at a time, and read by all.
#[derive(Default)]
struct Register {
    acknowledged: u64,
    begun: u64,
    /// The highest value that any finished get has seen.
    seen: u64,
}

enum Pending {
    Put {
        client: Id,
        key: u16,
        value: u64,
    },
    /// What had been acknowledged or seen when the get was made: it must not see less.
    Get {
        client: Id,
        key: u16,
        at_least: u64,
    },
}

struct Chaos {
    seed: u64,
    rng: Xoshiro256PlusPlus,
    now: Duration,
    nodes: BTreeMap<Id, Node>,
    network: BTreeMap<(Duration, u64), (Id, Input)>,
    sent: u64,
    loss: f64,
    slow: bool,
    /// Replicas on different sides do not hear each other.
    side: BTreeMap<Id, bool>,
    registers: BTreeMap<u16, Register>,
    pending: HashMap<String, Pending>,
    /// Whom each attempt was sent to.
    asked_of: HashMap<String, Id>,
    closed: HashMap<String, Outcome>,
    asked: u64,
    leaders: BTreeMap<Term, Id>,
    /// What is committed, by index, as any replica first knew it.
    committed: Vec<(Term, String)>,
    checked: BTreeMap<Id, Index>,
    answered: Answered,
}

impl Chaos {
    fn new(seed: u64) -> Chaos {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
        let size = *[3u16, 4, 5, 5, 5, 7].choose(&mut rng).expect("not empty");
        let ids: Vec<Id> = (0..size).map(Id).collect();
        let mut options = Options::default();
        // One entry at a time lets a log be caught halfway through its repair.
        options.max_append_entries = *[1, options.max_append_entries]
            .choose(&mut rng)
            .expect("not empty");
        let drift = f64::from(options.max_clock_drift_ppm) / 1e6;
        let nodes = ids
            .iter()
            .map(|&id| {
                let peers: Vec<Id> = ids.iter().copied().filter(|&peer| peer != id).collect();
                let start = Duration::from_secs(rng.random_range(0..100_000));
                let rate = 1.0 + rng.random_range(-drift..=drift);
                let now = Time::from_epoch(start);
                let replica = Replica::new(id, &peers, options.clone(), rng.random(), now);
                let node = Node {
                    replica,
                    rate,
                    start,
                    alive: true,
                    paused_until: Duration::ZERO,
                };
                (id, node)
            })
            .collect();
        let loss = *[0.0, 0.05, 0.15, 0.3].choose(&mut rng).expect("not empty");
        Chaos {
            seed,
            now: Duration::ZERO,
            nodes,
            network: BTreeMap::new(),
            sent: 0,
            loss,
            slow: rng.random_bool(0.3),
            rng,
            side: BTreeMap::new(),
            registers: (0..CLIENTS).map(|key| (key, Register::default())).collect(),
            pending: HashMap::new(),
            asked_of: HashMap::new(),
            closed: HashMap::new(),
            asked: 0,
            leaders: BTreeMap::new(),
            committed: Vec::new(),
            checked: BTreeMap::new(),
            answered: Answered::default(),
        }
    }

    fn run(&mut self) {
        self.run_until(RUN, Duration::from_millis(500), Duration::from_secs(3));
        self.side.clear();
        self.loss = 0.0;
        self.slow = false;
        self.run_until(RUN + CALM, Duration::MAX, Duration::MAX);
        self.answered.silent = self
            .pending
            .keys()
            .filter(|&mid| self.nodes[&self.asked_of[mid]].alive)
            .count();
    }

    fn run_until(&mut self, end: Duration, mut next_request: Duration, mut next_fault: Duration) {
        while self.now < end {
            let delivery = self.network.keys().next().map(|&(at, _)| at);
            let deadline = self
                .nodes
                .iter()
                .filter(|(_, node)| node.alive)
                .map(|(&id, node)| (node.deadline().max(self.now), id))
                .min();
            let (due, id) = deadline.expect("a quorum lives");
            let next = [delivery.unwrap_or(end), due, next_request, next_fault]
                .into_iter()
                .min()
                .expect("not empty");
            self.now = next.max(self.now);
            if self.now >= end {
                return;
            }
            if delivery == Some(next) {
                let ((_, _), (to, input)) = self.network.pop_first().expect("just seen");
                self.deliver(to, input);
            } else if next == due {
                self.advance(id);
            } else if next == next_request {
                self.ask_somebody();
                next_request += Duration::from_millis(self.rng.random_range(1..30));
            } else {
                self.strike();
                next_fault += Duration::from_millis(self.rng.random_range(20..3_000));
            }
        }
    }

    /// Some fault begins or ends.
    fn strike(&mut self) {
        let ids: Vec<Id> = self.nodes.keys().copied().collect();
        let living: Vec<Id> = self.living();
        match self.rng.random_range(0..11) {
            0 if living.len() > self.nodes.len() / 2 + 1 => {
                let victim = *living.choose(&mut self.rng).expect("a quorum lives");
                self.nodes.get_mut(&victim).expect("a member").alive = false;
            }
            1..=4 => {
                let mut shuffled = ids;
                shuffled.shuffle(&mut self.rng);
                let size = self.rng.random_range(1..shuffled.len());
                self.side = shuffled
                    .into_iter()
                    .enumerate()
                    .map(|(place, id)| (id, place < size))
                    .collect();
            }
            5 => {
                let victim = *living.choose(&mut self.rng).expect("a quorum lives");
                let pause = Duration::from_millis(self.rng.random_range(1..2_000));
                self.nodes.get_mut(&victim).expect("a member").paused_until = self.now + pause;
            }
            _ => self.side.clear(),
        }
    }

    fn living(&self) -> Vec<Id> {
        self.nodes
            .iter()
            .filter(|(_, node)| node.alive)
            .map(|(&id, _)| id)
            .collect()
    }

    fn ask_somebody(&mut self) {
        let client = Id(0x100 + self.rng.random_range(0..CLIENTS));
        let to = *self.living().choose(&mut self.rng).expect("a quorum lives");
        self.ask(client, to);
    }

    fn ask(&mut self, client: Id, to: Id) {
        let own = client.0 - 0x100;
        let writing = self.pending.values().any(
            |pending| matches!(pending, Pending::Put { client: other, .. } if *other == client),
        );
        if !writing && self.rng.random_bool(0.5) {
            let register = self.registers.get_mut(&own).expect("a client's own");
            register.begun += 1;
            let value = register.begun;
            self.send_put(client, own, value, to);
        } else {
            let key = self.rng.random_range(0..CLIENTS);
            self.send_get(client, key, to);
        }
    }

    fn send_put(&mut self, client: Id, key: u16, value: u64, to: Id) {
        let operation = Operation::Put {
            key: key.to_string(),
            value: value.to_string(),
        };
        self.request(Pending::Put { client, key, value }, client, operation, to);
    }

    fn send_get(&mut self, client: Id, key: u16, to: Id) {
        let register = &self.registers[&key];
        let at_least = register.acknowledged.max(register.seen);
        let operation = Operation::Get {
            key: key.to_string(),
        };
        let pending = Pending::Get {
            client,
            key,
            at_least,
        };
        self.request(pending, client, operation, to);
    }

    fn request(&mut self, pending: Pending, client: Id, operation: Operation, to: Id) {
        self.asked += 1;
        let mid = format!("m{}", self.asked);
        self.pending.insert(mid.clone(), pending);
        self.asked_of.insert(mid.clone(), to);
        let request = Request {
            client,
            mid,
            operation,
        };
        let at = self.now + Duration::from_micros(50);
        self.post(at, to, Input::Request(request));
    }

    fn post(&mut self, at: Duration, to: Id, input: Input) {
        self.sent += 1;
        self.network.insert((at, self.sent), (to, input));
    }

    fn deliver(&mut self, to: Id, input: Input) {
        if !self.nodes[&to].alive {
            return;
        }
        if let Input::Message { from, .. } = &input
            && self.side.get(from) != self.side.get(&to)
        {
            return;
        }
        let now = self.now;
        let node = self.nodes.get_mut(&to).expect("a member");
        if now < node.paused_until {
            // It waits in the socket's buffer.
            let at = node.paused_until;
            return self.post(at, to, input);
        }
        let clock = node.clock(now);
        node.replica.receive(clock, input);
        self.observe(to);
        // Now and then more comes in before it gets to send.
        if self.rng.random_bool(0.9) {
            self.advance(to);
        }
    }

    fn advance(&mut self, id: Id) {
        let now = self.now;
        let node = self.nodes.get_mut(&id).expect("a member");
        let clock = node.clock(now);
        node.replica.advance(clock);
        // Else its driver would call it again and again without end.
        assert!(
            node.replica.deadline() > clock,
            "seed {}: {id} wants to be called at once, right after it was",
            self.seed
        );
        self.observe(id);
    }

    fn observe(&mut self, id: Id) {
        let node = self.nodes.get_mut(&id).expect("a member");
        let outputs: Vec<Output> = node.replica.outputs().collect();
        self.check(id);
        for output in outputs {
            match output {
                Output::Send { to, message } => self.transmit(id, to, message),
                Output::Answer(answer) => {
                    let leader = answer.leader;
                    self.on_answer(&answer.mid, answer.outcome, leader);
                }
            }
        }
    }

    fn transmit(&mut self, from: Id, to: Id, message: Message) {
        if self.rng.random_bool(self.loss) {
            return;
        }
        let copies = if self.rng.random_bool(0.01) { 2 } else { 1 };
        for _ in 0..copies {
            let micros = if self.slow && self.rng.random_bool(0.05) {
                self.rng.random_range(100..400_000)
            } else {
                self.rng.random_range(50..300)
            };
            let at = self.now + Duration::from_micros(micros);
            let message = message.clone();
            self.post(at, to, Input::Message { from, message });
        }
    }

    fn on_answer(&mut self, mid: &str, outcome: Outcome, leader: Id) {
        let Some(pending) = self.pending.remove(mid) else {
            // An answer after a redirect would be a lie: that attempt was said to have no effect.
            let before = &self.closed[mid];
            assert!(
                matches!(before, Outcome::Stored) && outcome == Outcome::Stored,
                "seed {}: {mid} was answered {before:?} and then {outcome:?}",
                self.seed
            );
            // There is one way to a second answer: somebody answers in the place of one who had just done so.
            assert!(
                self.is_taken_over(mid),
                "seed {}: {mid} was answered twice, and nobody has taken it over",
                self.seed
            );
            self.answered.duplicates += 1;
            return;
        };
        self.closed.insert(mid.to_owned(), outcome.clone());
        match (&pending, &outcome) {
            (Pending::Put { key, value, .. }, Outcome::Stored) => {
                let register = self.registers.get_mut(key).expect("a client's own");
                register.acknowledged = register.acknowledged.max(*value);
                self.answered.ok += 1;
            }
            (Pending::Get { key, at_least, .. }, Outcome::Value(value)) => {
                let value: u64 = value.parse().unwrap_or(0);
                let register = self.registers.get_mut(key).expect("a client's own");
                assert!(
                    (*at_least..=register.begun).contains(&value),
                    "seed {}: at {:?} {mid} read {value} of key {key}; {at_least} was acknowledged or \
                     read before it was asked, {} begun",
                    self.seed,
                    self.now,
                    register.begun
                );
                register.seen = register.seen.max(value);
                self.answered.ok += 1;
            }
            (_, Outcome::Redirect | Outcome::Fail) => {
                if outcome == Outcome::Fail {
                    self.answered.fails += 1;
                } else {
                    self.answered.redirects += 1;
                }
                let to = if self.nodes.get(&leader).is_some_and(|node| node.alive) {
                    leader
                } else {
                    *self.living().choose(&mut self.rng).expect("a quorum lives")
                };
                match pending {
                    Pending::Put { client, key, value } => self.send_put(client, key, value, to),
                    Pending::Get { client, key, .. } => self.send_get(client, key, to),
                }
            }
            _ => panic!("seed {}: {mid} got {outcome:?}", self.seed),
        }
    }

    /// Whether somebody's log holds that put, and a take-over of it.
    fn is_taken_over(&self, mid: &str) -> bool {
        self.nodes.values().any(|node| {
            let entries = || (1..).map(Index).zip(node.replica.view().entries());
            let places: Vec<Index> = entries()
                .filter(|(_, entry)| entry.command.put().is_some_and(|put| put.mid == mid))
                .map(|(index, _)| index)
                .collect();
            entries().any(|(_, entry)| match &entry.command {
                Command::TakeOver(other) => places
                    .iter()
                    .any(|&index| other.after < index && index <= other.through),
                _ => false,
            })
        })
    }

    /// Raft's promises (Figure 3), seen across all replicas.
    fn check(&mut self, id: Id) {
        let view = self.nodes[&id].replica.view();
        let seed = self.seed;
        if view.role() == RoleName::Leader {
            let leader = *self.leaders.entry(view.term()).or_insert(id);
            assert_eq!(
                leader,
                id,
                "seed {seed}: two leaders in term {}",
                view.term()
            );
            // Leader completeness: what is committed is in every later leader's log.
            let log: Vec<Term> = view.entries().map(|entry| entry.term).collect();
            let newest = self.committed.last().map_or(Term(0), |(term, _)| *term);
            if view.term() > newest {
                for (place, (term, _)) in self.committed.iter().enumerate() {
                    assert_eq!(
                        log.get(place),
                        Some(term),
                        "seed {seed}: the leader of {} lacks what is committed",
                        view.term()
                    );
                }
            }
        }
        self.check_receipts(id);
        let view = self.nodes[&id].replica.view();
        let checked = self.checked.entry(id).or_default();
        let start = checked.0 as usize;
        assert!(
            view.commit() >= *checked,
            "seed {seed}: a commit index fell"
        );
        *checked = view.commit();
        let fresh = view
            .entries()
            .enumerate()
            .take(view.commit().0 as usize)
            .skip(start);
        for (place, entry) in fresh {
            let what = (entry.term, format!("{:?}", entry.command));
            match self.committed.get(place) {
                Some(before) => assert_eq!(
                    *before,
                    what,
                    "seed {seed}: two entries committed at index {}",
                    place + 1
                ),
                None => self.committed.push(what),
            }
        }
    }

    /// What a leader believes of a follower is true as long as that follower is in the leader's term,
    /// whoever passed the word on. (In a later term it was true before, and that is all a commit needs.)
    fn check_receipts(&self, id: Id) {
        let leader = self.nodes[&id].replica.view();
        for (&other, node) in &self.nodes {
            let follower = node.replica.view();
            let Some(matched) = leader.matched(other) else {
                continue;
            };
            assert!(
                follower.term() >= leader.term() || matched == Index::ZERO,
                "seed {}: {other} was never in the term in which it is said to have answered",
                self.seed
            );
            if follower.term() == leader.term() && matched > Index::ZERO {
                assert_eq!(
                    leader.entry(matched),
                    follower.entry(matched),
                    "seed {}: {id} takes {other} to hold entry {matched}",
                    self.seed
                );
            }
        }
    }
}
