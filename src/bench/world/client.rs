//! The clients: what they ask, whom they ask, what they make of the answers.
//!
//! A client has no timeout: an attempt waits for its answer for ever. Must never send anything
//! itself, nor know how replicas talk to each other.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use rand::RngExt;
use rustc_hash::FxHashMap;

use super::random::{Stream, StreamRng, alphanumeric, md5hex};
use crate::bench::config::Config;
use crate::bench::protocol::message::{Answer, AnswerKind, ClientRequest, Mid, Op};
use crate::bench::protocol::roster::Roster;
use crate::bench::record::history::{HistoryEvent, HistoryKind};
use crate::bench::record::stats::Counters;
use crate::id::Id;

/// How much of a wrong value is quoted, in characters.
const QUOTED_CHARACTERS: usize = 40;

/// An attempt that is ready to go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dispatch {
    /// The replica; none if no replica lives, and the attempt will stay unanswered.
    pub to: Option<usize>,
    /// What to ask it.
    pub request: ClientRequest,
    /// Which of the users' requests it serves.
    pub number: u32,
}

/// What an answer led to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reaction {
    /// The request is done.
    Completed(Op),
    /// The request is done, but the value was wrong: why.
    Wrong(String),
    /// The client tries again.
    Retry(Dispatch),
    /// The attempt had been completed before.
    Duplicate,
    /// The client waits for no such answer: why.
    Unexpected(String),
}

/// What clients ask for and what they may expect.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Workload {
    /// The share of requests that are gets.
    pub mix: f64,
    /// How many keys all clients share; with none each has its own.
    pub shared_keys: usize,
    /// Whether a get must give the value of the client's own latest acknowledged put. Only so if
    /// nobody else writes its keys, and no put takes effect without its client's being told.
    pub own_values_are_current: bool,
}

impl Workload {
    /// The workload that a config asks for.
    pub fn of(config: &Config) -> Self {
        Workload {
            mix: config.mix,
            shared_keys: config.shared_keys,
            own_values_are_current: config.shared_keys == 0 && config.faults.client_drops == 0.0,
        }
    }
}

/// The clients of a run and all that they have asked.
#[derive(Debug)]
pub struct Clients {
    roster: Roster,
    seed: u64,
    workload: Workload,
    clients: Vec<Client>,
    requests: Vec<Request>,
    /// By their names, which this program draws itself: no stranger can choose them to collide.
    attempts: FxHashMap<Mid, Attempt>,
    mids: StreamRng,
    targets: StreamRng,
    history: Option<Vec<HistoryEvent>>,
}

#[derive(Debug)]
struct Client {
    leader: Id,
    /// The keys of this client's acknowledged puts, in the order of the first acknowledgement.
    keys: Vec<Arc<str>>,
    /// Their current values.
    values: HashMap<Arc<str>, Arc<str>>,
}

/// What a user asked for, however many attempts it takes.
#[derive(Debug)]
struct Request {
    client: usize,
    op: Op,
    key: Arc<str>,
    value: Option<Arc<str>>,
    made: Duration,
    /// When it got its `ok`.
    done: Option<Duration>,
}

#[derive(Debug)]
struct Attempt {
    request: u32,
    client: usize,
    made: Duration,
    state: AttemptState,
    /// Whether it was handed to a replica in the very turn in which that was killed.
    doomed: bool,
}

/// How many attempts are without an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unanswered {
    /// Attempts at gets.
    pub gets: u64,
    /// Attempts at puts.
    pub puts: u64,
    /// Those of both that nobody could have answered.
    pub doomed: u64,
}

/// What chance says of a user's request before the run.
struct Draft {
    client: usize,
    wants_get: bool,
    wants_new_key: bool,
    /// Which of the keys that are there.
    which_key: f64,
    /// For a new key's letters.
    rng: StreamRng,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum AttemptState {
    Open,
    Completed,
    /// Closed by a redirect or a fail.
    Abandoned,
}

impl Clients {
    /// Clients that know nothing yet.
    pub fn new(roster: Roster, workload: Workload, seed: u64, keep_history: bool) -> Self {
        let new_client = || Client {
            leader: Id::UNKNOWN,
            keys: Vec::new(),
            values: HashMap::new(),
        };
        Clients {
            roster,
            seed,
            workload,
            clients: (0..roster.clients()).map(|_| new_client()).collect(),
            requests: Vec::new(),
            attempts: FxHashMap::default(),
            mids: Stream::Mids.rng(seed),
            targets: Stream::Targets.rng(seed),
            history: keep_history.then(Vec::new),
        }
    }

    /// How many of the first so many requests are gets as they are drawn, whatever becomes of them.
    pub fn gets_drawn(&self, requests: u32) -> u32 {
        let gets = (0..requests).filter(|&number| self.draft(number).wants_get);
        u32::try_from(gets.count()).expect("no more than there are requests")
    }

    fn draft(&self, number: u32) -> Draft {
        // Every draw is made every time: what one decides must not shift the next.
        let mut rng = Stream::Workload(number).rng(self.seed);
        Draft {
            client: rng.random_range(0..self.clients.len()),
            wants_get: rng.random_bool(self.workload.mix),
            wants_new_key: rng.random_bool(0.5),
            which_key: rng.random(),
            rng,
        }
    }

    /// Makes the user's next request. `alive` tells of each replica whether it lives.
    pub fn make_request(
        &mut self,
        now: Duration,
        alive: &[bool],
        counters: &mut Counters,
    ) -> Dispatch {
        let number = u32::try_from(self.requests.len()).unwrap_or(u32::MAX);
        let Draft {
            client: chosen,
            wants_get,
            wants_new_key,
            which_key,
            mut rng,
        } = self.draft(number);
        let client = &self.clients[chosen];
        let pick = |keys: usize| ((which_key * keys as f64) as usize).min(keys - 1);
        let own_key =
            (!client.keys.is_empty()).then(|| Arc::clone(&client.keys[pick(client.keys.len())]));
        let (op, key, value) = match own_key {
            _ if self.workload.shared_keys > 0 => {
                let key = Arc::from(format!("shared-{}", pick(self.workload.shared_keys)));
                if wants_get {
                    (Op::Get, key, None)
                } else {
                    // Of a value that nobody else writes it is known whose put a get has seen.
                    let value = format!("{}-{number}", self.roster.client(chosen));
                    (Op::Put, key, Some(value))
                }
            }
            Some(key) if wants_get => (Op::Get, key, None),
            Some(key) if !wants_new_key => {
                let value = md5hex(&client.values[&key]);
                (Op::Put, key, Some(value))
            }
            _ => {
                counters.failed_to_generate_get += u64::from(wants_get && client.keys.is_empty());
                let new_key: [u8; 32] = alphanumeric(&mut rng);
                let key = String::from_utf8_lossy(&new_key);
                (Op::Put, Arc::from(&*key), Some(md5hex(&key)))
            }
        };
        let value = value.map(Arc::from);
        self.requests.push(Request {
            client: chosen,
            op,
            key,
            value,
            made: now,
            done: None,
        });
        self.attempt(number, now, alive)
    }

    /// Hears an answer that says that `leader` leads.
    pub fn hear(
        &mut self,
        answer: &Answer<'_>,
        leader: Id,
        now: Duration,
        alive: &[bool],
        counters: &mut Counters,
    ) -> Reaction {
        let known =
            Mid::read(&answer.mid).and_then(|mid| Some((mid, self.attempts.get_mut(&mid)?)));
        let Some((mid, attempt)) = known.filter(|(_, attempt)| attempt.client == answer.client)
        else {
            let mid = quoted(&answer.mid);
            return Reaction::Unexpected(format!("answer to an unknown MID {mid}"));
        };
        match attempt.state {
            AttemptState::Open => {}
            AttemptState::Completed => {
                counters.duplicates += 1;
                return Reaction::Duplicate;
            }
            AttemptState::Abandoned => {
                let why = "answer to an attempt that was redirected or failed before";
                return Reaction::Unexpected(format!("{why}, MID {mid}"));
            }
        }
        attempt.state = match answer.kind {
            AnswerKind::Ok => AttemptState::Completed,
            AnswerKind::Redirect | AnswerKind::Fail => AttemptState::Abandoned,
        };
        let number = attempt.request;
        counters
            .answer_latencies
            .push(now.saturating_sub(attempt.made));
        self.clients[answer.client].leader = leader;
        self.record(
            now,
            HistoryKind::from(answer.kind),
            mid,
            number,
            answer.value.as_deref(),
        );

        let op = self.requests[number as usize].op;
        match (answer.kind, op) {
            (AnswerKind::Ok, _) => self.complete(number, answer.value.as_deref(), now, counters),
            (AnswerKind::Redirect, _) => {
                counters.redirects += 1;
                Reaction::Retry(self.attempt(number, now, alive))
            }
            (AnswerKind::Fail, Op::Get) => {
                counters.get_failures += 1;
                Reaction::Retry(self.attempt(number, now, alive))
            }
            (AnswerKind::Fail, Op::Put) => {
                counters.put_failures += 1;
                Reaction::Retry(self.attempt(number, now, alive))
            }
        }
    }

    /// Makes all clients forget who leads.
    pub fn forget_leader(&mut self) {
        for client in &mut self.clients {
            client.leader = Id::UNKNOWN;
        }
    }

    /// Notes that nobody can answer this attempt any more.
    pub fn doom(&mut self, mid: Mid) {
        if let Some(attempt) = self.attempts.get_mut(&mid) {
            attempt.doomed = true;
        }
    }

    /// How many attempts are without an answer.
    pub fn unanswered(&self) -> Unanswered {
        let mut unanswered = Unanswered {
            gets: 0,
            puts: 0,
            doomed: 0,
        };
        for attempt in self
            .attempts
            .values()
            .filter(|a| a.state == AttemptState::Open)
        {
            match self.requests[attempt.request as usize].op {
                Op::Get => unanswered.gets += 1,
                Op::Put => unanswered.puts += 1,
            }
            unanswered.doomed += u64::from(attempt.doomed);
        }
        unanswered
    }

    /// Whether any client has an acknowledged put.
    pub fn have_stored(&self) -> bool {
        self.clients.iter().any(|client| !client.keys.is_empty())
    }

    /// When each request was made and, if it was, completed; in the order of their making.
    pub fn times(&self) -> Vec<(Duration, Option<Duration>)> {
        let times = |request: &Request| (request.made, request.done);
        self.requests.iter().map(times).collect()
    }

    /// How many attempts were made, retries included.
    pub fn attempts(&self) -> usize {
        self.attempts.len()
    }

    /// The history, if it was kept.
    pub fn into_history(self) -> Option<Vec<HistoryEvent>> {
        self.history
    }

    fn attempt(&mut self, number: u32, now: Duration, alive: &[bool]) -> Dispatch {
        let request = &self.requests[number as usize];
        let known = self.clients[request.client].leader;
        let living = |replica: &usize| alive.get(*replica) == Some(&true);
        let (to, leader) = match self.roster.replica_index(known).filter(living) {
            Some(leader) => (Some(leader), known),
            None => {
                let living: Vec<usize> = (0..alive.len()).filter(living).collect();
                let to = match living.len() {
                    0 => None,
                    count => Some(living[self.targets.random_range(0..count)]),
                };
                (to, Id::UNKNOWN)
            }
        };
        let mid = Mid(alphanumeric(&mut self.mids));
        let sent = ClientRequest {
            client: self.roster.client(request.client),
            leader,
            mid,
            op: request.op,
            key: Arc::clone(&request.key),
            value: request.value.clone(),
        };
        let client = request.client;
        self.attempts.insert(
            mid,
            Attempt {
                request: number,
                client,
                made: now,
                state: AttemptState::Open,
                doomed: false,
            },
        );
        self.record(now, HistoryKind::Invoke, mid, number, None);
        Dispatch {
            to,
            request: sent,
            number,
        }
    }

    fn complete(
        &mut self,
        number: u32,
        answered: Option<&str>,
        now: Duration,
        counters: &mut Counters,
    ) -> Reaction {
        let request = &mut self.requests[number as usize];
        request.done = Some(now);
        counters.completed += 1;
        counters
            .request_latencies
            .push(now.saturating_sub(request.made));
        let client = &mut self.clients[request.client];
        if let Some(value) = &request.value {
            let key = Arc::clone(&request.key);
            if client
                .values
                .insert(Arc::clone(&key), Arc::clone(value))
                .is_none()
            {
                client.keys.push(key);
            }
            return Reaction::Completed(Op::Put);
        }
        let current = client.values.get(&request.key).map_or("", |value| value);
        match answered {
            Some(value) if value == current || !self.workload.own_values_are_current => {
                Reaction::Completed(Op::Get)
            }
            Some(value) => Reaction::Wrong(format!(
                "get of {} by {} gave {} where the current value is {}",
                request.key,
                self.roster.client(request.client),
                quoted(value),
                quoted(current),
            )),
            None => Reaction::Wrong(format!("ok to a get of {} without a value", request.key)),
        }
    }

    fn record(
        &mut self,
        time: Duration,
        event: HistoryKind,
        mid: Mid,
        number: u32,
        answered: Option<&str>,
    ) {
        let Some(history) = &mut self.history else {
            return;
        };
        let request = &self.requests[number as usize];
        let value = match (event, request.op) {
            (HistoryKind::Invoke, Op::Put) => Some(request.value.clone()),
            (HistoryKind::Ok, Op::Get) => Some(answered.map(Arc::from)),
            _ => None,
        };
        history.push(HistoryEvent {
            time,
            event,
            op: request.op,
            client: self.roster.client(request.client),
            mid,
            request: number,
            key: Arc::clone(&request.key),
            value,
        });
    }
}

impl From<AnswerKind> for HistoryKind {
    fn from(kind: AnswerKind) -> Self {
        match kind {
            AnswerKind::Ok => HistoryKind::Ok,
            AnswerKind::Redirect => HistoryKind::Redirect,
            AnswerKind::Fail => HistoryKind::Fail,
        }
    }
}

/// The beginning of a text, in quotation marks and on one line.
fn quoted(text: &str) -> String {
    let short: String = text.chars().take(QUOTED_CHARACTERS).collect();
    let more = if short.len() < text.len() { "…" } else { "" };
    format!("{short:?}{more}")
}

#[cfg(test)]
mod tests;
