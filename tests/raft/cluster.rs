//! A cluster of cores on one simulated network, with a clock each and everything in plain sight.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::time::Duration;

use leasekv::id::Id;
use leasekv::raft::entry::{Command, Entry, Put};
use leasekv::raft::message::Append;
use leasekv::raft::view::RoleName;
use leasekv::raft::{
    Answer, Body, Index, Input, Message, Operation, Options, Outcome, Output, Position, Replica,
    Request, Term, Time,
};

/// How long a message takes from one replica to another.
const HOP: Duration = Duration::from_micros(100);

pub(crate) struct Cluster {
    nodes: BTreeMap<Id, Node>,
    now: Duration,
    /// Messages on their way, by the time of arrival and the order of sending.
    network: BTreeMap<(Duration, u64), (Id, Id, Message)>,
    sent: u64,
    /// Messages sent since the last look, by type.
    counts: BTreeMap<&'static str, usize>,
    cut: BTreeSet<(Id, Id)>,
    /// Messages still to be lost, by sender and receiver.
    losses: BTreeMap<(Id, Id), usize>,
    outcomes: BTreeMap<String, Outcome>,
    asked: usize,
    show_messages: bool,
    pub(crate) story: String,
}

struct Node {
    replica: Replica,
    /// What its clock shows when the cluster's time is zero.
    offset: Duration,
    alive: bool,
    seen: Seen,
}

#[derive(Clone, PartialEq)]
struct Seen {
    role: RoleName,
    term: Term,
    leader: Option<Id>,
    commit: Index,
}

impl Cluster {
    pub(crate) fn new(size: u16, options: &Options) -> Cluster {
        let ids: Vec<Id> = (0..size).map(Id).collect();
        let nodes = ids
            .iter()
            .map(|&id| {
                let peers: Vec<Id> = ids.iter().copied().filter(|&peer| peer != id).collect();
                // Clocks of replicas need not agree: these are seconds apart.
                let offset = Duration::from_secs((u64::from(id.0) + 1) * 1000);
                let start = Time::from_epoch(offset);
                let seed = u64::from(id.0) + 1;
                let replica = Replica::new(id, &peers, options.clone(), seed, start);
                let seen = Seen::of(&replica);
                let node = Node {
                    replica,
                    offset,
                    alive: true,
                    seen,
                };
                (id, node)
            })
            .collect();
        Cluster {
            nodes,
            now: Duration::ZERO,
            network: BTreeMap::new(),
            sent: 0,
            counts: BTreeMap::new(),
            cut: BTreeSet::new(),
            losses: BTreeMap::new(),
            outcomes: BTreeMap::new(),
            asked: 0,
            show_messages: false,
            story: String::new(),
        }
    }

    pub(crate) fn show_messages(&mut self, show: bool) {
        self.show_messages = show;
    }

    /// Lets time pass; deadlines and deliveries happen in their order.
    pub(crate) fn run(&mut self, duration: Duration) {
        let end = self.now + duration;
        loop {
            let delivery = self.network.keys().next().copied();
            let deadline = self
                .nodes
                .iter()
                .filter(|(_, node)| node.alive)
                .map(|(&id, node)| (node.deadline(), id))
                .min();
            let delivery_at = delivery.map(|(at, _)| at);
            match (delivery_at, deadline) {
                (Some(at), deadline) if at <= end && deadline.is_none_or(|(due, _)| at <= due) => {
                    self.now = at;
                    let key = delivery.expect("just seen");
                    let (from, to, message) = self.network.remove(&key).expect("just seen");
                    self.deliver(from, to, message);
                }
                (_, Some((due, id))) if due <= end => {
                    self.now = self.now.max(due);
                    self.advance(id);
                }
                _ => break,
            }
        }
        self.now = end;
    }

    /// Puts one replica's clock forward to its next deadline, so that it alone acts.
    pub(crate) fn time_out(&mut self, id: Id) {
        let node = self.nodes.get_mut(&id).expect("a member");
        let due = node.deadline();
        node.offset += due.saturating_sub(self.now);
        self.advance(id);
    }

    /// A client's puts, which arrive together.
    pub(crate) fn put(&mut self, to: Id, client: Id, puts: &[(String, String)]) {
        for (key, value) in puts {
            let operation = Operation::Put {
                key: key.clone(),
                value: value.clone(),
            };
            self.ask(to, client, operation);
        }
        self.advance(to);
    }

    pub(crate) fn get(&mut self, to: Id, client: Id, key: &str) {
        let key = key.to_owned();
        self.ask(to, client, Operation::Get { key });
        self.advance(to);
    }

    fn ask(&mut self, to: Id, client: Id, operation: Operation) {
        self.asked += 1;
        let mid = format!("m{}", self.asked);
        let what = match &operation {
            Operation::Get { key } => format!("get {key}"),
            Operation::Put { key, value } => format!("put {key}={value}"),
        };
        self.tell(&format!("{client} asks {to} {mid}: {what}"));
        self.step(
            to,
            Input::Request(Request {
                client,
                mid,
                operation,
            }),
        );
    }

    /// Delivers a message that no replica has sent.
    pub(crate) fn forge(&mut self, from: Id, to: Id, message: Message) {
        self.deliver(from, to, message);
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
        let names: Vec<String> = group.iter().map(Id::to_string).collect();
        self.tell(&format!("partition: {} | the others", names.join(" ")));
    }

    pub(crate) fn heal(&mut self) {
        self.cut.clear();
        self.tell("healed");
    }

    pub(crate) fn lose(&mut self, from: Id, to: Id, count: usize) {
        self.losses.insert((from, to), count);
    }

    pub(crate) fn kill(&mut self, id: Id) {
        self.nodes.get_mut(&id).expect("a member").alive = false;
        self.tell(&format!("{id} is killed"));
    }

    /// Gives a replica a log whose entries have the given terms, as leaders of those terms would
    /// have done a while ago.
    pub(crate) fn give_log(&mut self, id: Id, terms: &[u64]) {
        let mut previous = Position::default();
        for &term in terms {
            let leader = self.phantom(id, term);
            // In all logs the same: who that is follows from the term.
            let named = Id((term % self.nodes.len() as u64) as u16);
            let opens = previous.term < Term(term);
            let index = previous.index.next();
            let command = if opens {
                Command::Lead(named)
            } else {
                Command::Put(std::sync::Arc::new(Put {
                    key: "k".to_owned(),
                    value: format!("{index}@{term}"),
                    client: Id(0x20),
                    mid: format!("x{index}@{term}"),
                    answerer: named,
                }))
            };
            let append = Append {
                previous,
                entries: vec![Entry {
                    term: Term(term),
                    command,
                }],
                commit: Index::ZERO,
                answer_wanted: true,
                settled: Index::ZERO,
                // What of it is committed is for the script's leader to find out.
                may_commit: false,
                route: Vec::new(),
                receipts: Vec::new(),
                sent_at: Time::ZERO,
            };
            let message = Message {
                term: Term(term),
                leader,
                body: Body::Append(append),
            };
            self.quietly(|cluster| {
                cluster.step(
                    id,
                    Input::Message {
                        from: leader,
                        message,
                    },
                )
            });
            previous = Position {
                term: Term(term),
                index,
            };
        }
        self.network.clear();
        let node = self.nodes.get_mut(&id).expect("a member");
        // All that was long ago: nobody stands by a leader of those terms any more, none has a lease.
        node.offset += Options::default().leader_stickiness;
        node.seen = Seen::of(&node.replica);
    }

    /// Some other member: one for each term, as there is one leader a term.
    fn phantom(&self, id: Id, term: u64) -> Id {
        let others: Vec<Id> = self
            .nodes
            .keys()
            .copied()
            .filter(|&other| other != id)
            .collect();
        others[term as usize % others.len()]
    }

    fn quietly(&mut self, action: impl FnOnce(&mut Self)) {
        let story = std::mem::take(&mut self.story);
        let shown = std::mem::replace(&mut self.show_messages, false);
        action(self);
        self.show_messages = shown;
        self.story = story;
    }

    pub(crate) fn status(&mut self) {
        for (id, node) in &self.nodes {
            let view = node.replica.view();
            if !node.alive {
                writeln!(self.story, "{id} dead").expect("memory");
                continue;
            }
            let terms: Vec<String> = view.entries().map(|entry| entry.term.to_string()).collect();
            let leader = view.leader().map_or("none".to_owned(), |id| id.to_string());
            write!(
                self.story,
                "{id} {:?} term={} leader={leader} log=[{}] commit={}",
                view.role(),
                view.term(),
                terms.join(" "),
                view.commit()
            )
            .expect("memory");
            if let Some(left) = view.lease_left() {
                write!(self.story, " lease={left:?}").expect("memory");
            }
            if view.doubts_quorum() {
                write!(self.story, " doubt").expect("memory");
            }
            if view.owed() > 0 {
                write!(self.story, " owed={}", view.owed()).expect("memory");
            }
            if view.waiting() > 0 {
                write!(self.story, " waiting={}", view.waiting()).expect("memory");
            }
            self.story.push('\n');
        }
    }

    /// Tells how many messages of each type were sent since the last count.
    pub(crate) fn count(&mut self) {
        let counts: Vec<String> = std::mem::take(&mut self.counts)
            .iter()
            .map(|(kind, count)| format!("{kind}={count}"))
            .collect();
        writeln!(self.story, "{}", counts.join(" ")).expect("memory");
    }

    fn deliver(&mut self, from: Id, to: Id, message: Message) {
        if self.cut.contains(&(from, to)) || !self.nodes[&to].alive {
            return;
        }
        if let Some(left) = self.losses.get_mut(&(from, to))
            && *left > 0
        {
            *left -= 1;
            return self.tell(&format!("{from} → {to} LOST {message}"));
        }
        if self.show_messages {
            self.tell(&format!("{from} → {to} {message}"));
        }
        self.step(to, Input::Message { from, message });
        // What arrives together is taken in together.
        let together = self
            .network
            .iter()
            .next()
            .is_some_and(|(&(at, _), &(_, next, _))| at == self.now && next == to);
        if !together {
            self.advance(to);
        }
    }

    fn step(&mut self, id: Id, input: Input) {
        let node = self.nodes.get_mut(&id).expect("a member");
        let now = Time::from_epoch(node.offset + self.now);
        node.replica.receive(now, input);
        self.observe(id);
    }

    fn advance(&mut self, id: Id) {
        let node = self.nodes.get_mut(&id).expect("a member");
        let now = Time::from_epoch(node.offset + self.now);
        node.replica.advance(now);
        assert!(
            node.replica.deadline() > now,
            "{id} wants to be called at once, right after it was: time would stand still"
        );
        self.observe(id);
    }

    /// Tells what has changed, and takes the outputs.
    fn observe(&mut self, id: Id) {
        let node = self.nodes.get_mut(&id).expect("a member");
        let outputs: Vec<Output> = node.replica.outputs().collect();
        let seen = Seen::of(&node.replica);
        let before = std::mem::replace(&mut node.seen, seen.clone());
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
        for output in outputs {
            match output {
                Output::Send { to, message } => {
                    *self.counts.entry(message.body.name()).or_default() += 1;
                    self.sent += 1;
                    self.network
                        .insert((self.now + HOP, self.sent), (id, to, message));
                }
                Output::Answer(answer) => self.on_answer(id, answer),
            }
        }
    }

    fn on_answer(&mut self, from: Id, answer: Answer) {
        let outcome = match &answer.outcome {
            Outcome::Stored => "ok".to_owned(),
            Outcome::Value(value) => format!("ok {value:?}"),
            Outcome::Redirect => format!("redirect to {}", answer.leader),
            Outcome::Fail => "fail".to_owned(),
        };
        let again = match self.outcomes.get(&answer.mid) {
            None => "",
            Some(Outcome::Stored | Outcome::Value(_)) => " (DUPLICATE)",
            Some(Outcome::Redirect | Outcome::Fail) => " (UNEXPECTED)",
        };
        self.tell(&format!(
            "{from} answers {} {}: {outcome}{again}",
            answer.client, answer.mid
        ));
        self.outcomes.insert(answer.mid, answer.outcome);
    }

    fn tell(&mut self, event: &str) {
        let ms = self.now.as_micros() as f64 / 1e3;
        writeln!(self.story, "{ms:.1}ms {event}").expect("memory");
    }
}

impl Node {
    /// When the replica must be called, in the cluster's time.
    fn deadline(&self) -> Duration {
        self.replica
            .deadline()
            .since_epoch()
            .saturating_sub(self.offset)
    }
}

impl Seen {
    fn of(replica: &Replica) -> Seen {
        let view = replica.view();
        Seen {
            role: view.role(),
            term: view.term(),
            leader: view.leader(),
            commit: view.commit(),
        }
    }
}
