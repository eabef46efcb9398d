//! What a message costs a replica besides system calls: allocations and time of reading, thinking and
//! writing, and how many messages and bytes a put and a get take.
//!
//! `cargo bench --bench message_cost [-- PUTS]`. Five replicas in one process hand each other the very
//! datagrams that the replica sends. For instructions, run it under callgrind with two different
//! numbers and divide the difference.

use std::collections::VecDeque;
use std::hint::black_box;
use std::time::{Duration, Instant};

use leasekv::consensus::Time;
use leasekv::course::decode::{Incoming, decode};
use leasekv::course::encode::{encode_answer, encode_letter};
use leasekv::id::Id;
use leasekv::replica::{Input, Options, Output, Replica};

const REPLICAS: u16 = 5;
const CLIENT: Id = Id(0x20);
/// Every fourth request is a get, as in none of the course's tests but near to all.
const GET_EVERY: u64 = 4;

/// So many requests are not counted. No name of an attempt comes twice: a put that does is not answered.
const WARM_UP: u64 = 1_000;

/// A phase of handling a message.
#[derive(Clone, Copy)]
enum Phase {
    Read,
    Think,
    Write,
}

#[derive(Default)]
struct Cost {
    calls: u64,
    allocations: u64,
    time: Duration,
}

struct Cluster {
    replicas: Vec<Replica>,
    now: Time,
    /// Datagrams on their way.
    queue: VecDeque<(usize, Vec<u8>)>,
    costs: [Cost; 3],
    bytes: usize,
    answers: u64,
    counting: bool,
}

fn main() {
    let puts = std::env::args().find_map(|argument| argument.parse().ok());
    let requests: u64 = puts.unwrap_or(40_000);
    let mut cluster = Cluster::new();
    let leader = cluster.elect();
    for number in 0..WARM_UP {
        cluster.request(leader, number);
    }
    cluster.start_counting();
    for number in WARM_UP..WARM_UP + requests {
        cluster.request(leader, number);
    }
    assert_eq!(cluster.answers, requests, "every request is answered");
    cluster.print(requests);
}

impl Cluster {
    fn new() -> Cluster {
        let now = Time::from_epoch(Duration::from_secs(1));
        let ids: Vec<Id> = (0..REPLICAS).map(Id).collect();
        let replica = |&id: &Id| {
            let peers: Vec<Id> = ids.iter().copied().filter(|&peer| peer != id).collect();
            Replica::new(id, &peers, Options::default(), u64::from(id.0), now)
        };
        Cluster {
            replicas: ids.iter().map(replica).collect(),
            now,
            queue: VecDeque::new(),
            costs: Default::default(),
            bytes: 0,
            answers: 0,
            counting: false,
        }
    }

    fn start_counting(&mut self) {
        self.costs = Default::default();
        self.bytes = 0;
        self.answers = 0;
        self.counting = true;
    }

    /// Lets time pass until somebody leads, and its first commit is made.
    fn elect(&mut self) -> usize {
        for _ in 0..100 {
            let deadlines = self.replicas.iter().map(Replica::deadline);
            self.now = deadlines.min().expect("replicas").max(self.now);
            for index in 0..self.replicas.len() {
                self.act(index, None);
            }
            self.settle();
            let leads = |replica: &Replica| replica.view().consensus().leads();
            if let Some(leader) = self.replicas.iter().position(leads) {
                return leader;
            }
        }
        panic!("nobody was elected");
    }

    /// A client's request, and all that follows from it.
    fn request(&mut self, leader: usize, number: u64) {
        let (src, dst) = (CLIENT, Id(leader as u16));
        let key = format!("{:032x}", number % 100);
        let rest = match number % GET_EVERY {
            0 => format!(r#""type":"get","MID":"{number:016}","key":"{key}""#),
            _ => format!(
                r#""type":"put","MID":"{number:016}","key":"{key}","value":"{:032x}""#,
                number * 7_919
            ),
        };
        let request = format!(r#"{{"src":"{src}","dst":"{dst}","leader":"{dst}",{rest}}}"#);
        self.now = self.now + Duration::from_micros(500);
        self.queue.push_back((leader, request.into_bytes()));
        self.settle();
    }

    fn settle(&mut self) {
        while let Some((to, bytes)) = self.queue.pop_front() {
            self.now = self.now + Duration::from_micros(30);
            self.act(to, Some(bytes));
        }
    }

    /// What the replica's event loop does with a datagram.
    fn act(&mut self, index: usize, bytes: Option<Vec<u8>>) {
        let now = self.now;
        let mut input = None;
        if let Some(bytes) = bytes {
            self.count(Phase::Read, |_| {
                input = match decode(&bytes).expect("a replica's own words") {
                    Incoming::Request { request, .. } => Some(Input::Request(request)),
                    Incoming::Letter { from, letter, .. } => Some(Input::Letter { from, letter }),
                };
            });
        }
        self.count(Phase::Think, |cluster| {
            if let Some(input) = input {
                cluster.replicas[index].receive(now, input);
            }
            cluster.replicas[index].advance(now);
            black_box(cluster.replicas[index].deadline());
        });
        let outputs: Vec<Output> = self.replicas[index].outputs().collect();
        let own = Id(index as u16);
        let mut buffer = Vec::with_capacity(4_096);
        for output in outputs {
            self.count(Phase::Write, |_| match &output {
                Output::Send { to, letter } => encode_letter(&mut buffer, own, *to, letter),
                Output::Answer(answer) => encode_answer(&mut buffer, own, answer),
            });
            self.bytes += buffer.len();
            match output {
                Output::Send { to, .. } => self.queue.push_back((to.0.into(), buffer.clone())),
                Output::Answer(_) => self.answers += 1,
            }
        }
    }

    fn count(&mut self, phase: Phase, work: impl FnOnce(&mut Cluster)) {
        if !self.counting {
            return work(self);
        }
        let started = Instant::now();
        let allocated = allocation_counter::measure(|| work(self));
        let cost = &mut self.costs[phase as usize];
        cost.time += started.elapsed();
        cost.calls += 1;
        cost.allocations += allocated.count_total;
    }

    fn print(&self, requests: u64) {
        println!("{requests} requests, one in {GET_EVERY} a get");
        println!(
            "{:<22} {:>9} {:>12} {:>8}",
            "", "calls", "allocations", "time"
        );
        for (name, cost) in ["reading a datagram", "thinking", "writing a datagram"]
            .into_iter()
            .zip(&self.costs)
        {
            let calls = cost.calls as f64;
            println!(
                "{name:<22} {:>9} {:>12.2} {:>5.0} ns",
                cost.calls,
                cost.allocations as f64 / calls,
                cost.time.as_nanos() as f64 / calls,
            );
        }
        let written = &self.costs[Phase::Write as usize];
        println!(
            "{:.2} datagrams written a request, {:.0} bytes each",
            written.calls as f64 / requests as f64,
            self.bytes as f64 / written.calls as f64,
        );
    }
}
