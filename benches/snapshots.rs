//! What snapshots cost, and what they keep small: `cargo bench --bench snapshots [-- PUTS [KEYS]]`.
//!
//! Three replicas in one process, without a network between them. First PUTS puts (1,000,000) over 1,000 keys: how long the
//! log grows. Then one put to each of KEYS keys (1,000,000), and so many over them again: the longest step of any replica
//! beside the usual ones, and how long a snapshot's parts take to be written and taken in.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use leasekv::consensus::Time;
use leasekv::id::Id;
use leasekv::kv::{Operation, Request};
use leasekv::replica::{Input, Letter, Options, Output, Replica};

/// How many puts come together.
const TOGETHER: u64 = 16;

struct Cluster {
    replicas: Vec<Replica>,
    post: VecDeque<(Id, Id, Letter)>,
    now: Time,
    asked: u64,
    answered: u64,
    /// Who gets nothing.
    cut_off: Option<Id>,
    /// How long each step took.
    steps: Vec<Duration>,
    most_bytes: usize,
    most_entries: usize,
}

impl Cluster {
    fn new() -> Cluster {
        let ids = [0, 1, 2].map(Id);
        let replica = |id: Id| {
            let peers: Vec<Id> = ids.into_iter().filter(|&peer| peer != id).collect();
            Replica::new(id, &peers, Options::default(), u64::from(id.0), Time::ZERO)
        };
        let mut cluster = Cluster {
            replicas: ids.into_iter().map(replica).collect(),
            post: VecDeque::new(),
            now: Time::ZERO,
            asked: 0,
            answered: 0,
            cut_off: None,
            steps: Vec::new(),
            most_bytes: 0,
            most_entries: 0,
        };
        while cluster.leader().is_none() || cluster.now < Time::from_epoch(Duration::from_secs(9)) {
            cluster.pass(Duration::from_millis(5));
        }
        cluster
    }

    fn leader(&self) -> Option<usize> {
        let leads = |replica: &Replica| replica.view().consensus().leads();
        self.replicas.iter().position(leads)
    }

    fn step(&mut self, index: usize, inputs: impl IntoIterator<Item = Input>) {
        let replica = &mut self.replicas[index];
        for input in inputs {
            replica.receive(self.now, input);
        }
        let began = Instant::now();
        replica.advance(self.now);
        self.steps.push(began.elapsed());
        let id = Id(index as u16);
        for output in replica.outputs() {
            match output {
                Output::Send { to, letter } => self.post.push_back((id, to, letter)),
                Output::Answer(_) => self.answered += 1,
            }
        }
        let view = self.replicas[index].view();
        self.most_bytes = self.most_bytes.max(view.log().bytes());
        let entries = view.last().index.0 - view.log().base().index.0;
        self.most_entries = self.most_entries.max(entries as usize);
    }

    fn deliver(&mut self) {
        while let Some((from, to, letter)) = self.post.pop_front() {
            if self.cut_off != Some(to) && self.cut_off != Some(from) {
                let index = usize::from(to.0);
                self.step(index, [Input::Letter { from, letter }]);
            }
        }
    }

    /// Lets time pass.
    fn pass(&mut self, time: Duration) {
        self.now = self.now + time;
        for index in 0..self.replicas.len() {
            if self.replicas[index].deadline() <= self.now {
                self.step(index, []);
            }
        }
        self.deliver();
    }

    fn put(&mut self, count: u64, keys: u64) {
        let end = self.asked + count;
        while self.asked < end {
            let requests: Vec<Input> = (0..TOGETHER)
                .map(|_| {
                    self.asked += 1;
                    // Any order but theirs.
                    let key = self.asked.wrapping_mul(0x9e37_79b9_7f4a_7c15) % keys;
                    let key = if count == keys {
                        self.asked % keys
                    } else {
                        key
                    };
                    Input::Request(Request {
                        client: Id(0x15),
                        mid: format!("{:016x}", self.asked),
                        operation: Operation::Put {
                            key: format!("key {key:010}"),
                            value: format!("{:032x}", self.asked),
                        },
                    })
                })
                .collect();
            self.now = self.now + Duration::from_micros(100);
            let leader = self.leader().expect("a leader");
            self.step(leader, requests);
            self.deliver();
            self.pass(Duration::from_micros(100));
        }
    }

    fn report(&mut self, what: &str) {
        self.steps.sort_unstable();
        let count = self.steps.len();
        let longest: Vec<String> = self
            .steps
            .iter()
            .rev()
            .take(5)
            .map(|step| format!("{step:.1?}"))
            .collect();
        println!(
            "{what}: {} puts, {} answered; the log took {} bytes and {} entries at most; steps: median {:.1?}, 99.9 % {:.1?}, longest {}",
            self.asked,
            self.answered,
            self.most_bytes,
            self.most_entries,
            self.steps[count / 2],
            self.steps[count - 1 - count / 1_000],
            longest.join(", ")
        );
        self.steps.clear();
        (self.most_bytes, self.most_entries) = (0, 0);
    }
}

fn main() {
    let mut arguments = std::env::args()
        .skip(1)
        .filter(|argument| argument != "--bench");
    let mut number = || {
        let text = arguments.next()?;
        Some(text.parse::<u64>().expect("a number"))
    };
    let (puts, keys) = (number().unwrap_or(1_000_000), number().unwrap_or(1_000_000));

    let mut cluster = Cluster::new();
    cluster.steps.clear();
    cluster.put(puts, 1_000);
    cluster.report("1,000 keys");

    let mut cluster = Cluster::new();
    cluster.steps.clear();
    cluster.put(keys, keys);
    cluster.report(&format!("{keys} keys, each put once"));
    cluster.put(keys + 1, keys);
    cluster.report(&format!("{keys} keys, put again in any order"));
    let away = Id(((cluster.leader().expect("a leader") + 1) % 3) as u16);
    cluster.cut_off = Some(away);
    cluster.put(2 * keys + 1, keys);
    cluster.report(&format!("{keys} keys, put again while {away} is cut off"));
    cluster.cut_off = None;
    let began = Instant::now();
    let is_behind = |cluster: &Cluster| {
        let leader = cluster.leader().expect("a leader");
        let [own, other] =
            [usize::from(away.0), leader].map(|at| cluster.replicas[at].view().commit());
        own < other
    };
    while is_behind(&cluster) {
        cluster.pass(Duration::from_millis(1));
    }
    println!(
        "a snapshot of {keys} keys was sent and installed in {:.1?}",
        began.elapsed()
    );
    cluster.report("meanwhile");
}
