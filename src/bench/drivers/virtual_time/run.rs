//! One run in virtual time.
//!
//! The driver below a [`Simulation`] as `processes` is, with protocol cores in the place of
//! processes and a queue of events in the place of sockets and clocks. Every hop between a replica
//! and the simulator takes a moment drawn from the run's seed.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use rand::RngExt;
use rand::distr::{Distribution, Uniform};

use crate::bench::config::Config;
use crate::bench::drivers::virtual_time::invariants::Invariants;
use crate::bench::drivers::virtual_time::queue::Queue;
use crate::bench::drivers::virtual_time::recorder::{Reception, Recorder};
use crate::bench::drivers::virtual_time::transcript::Transcript;
use crate::bench::protocol::message::{Answer, AnswerKind, Body, ClientRequest, Envelope, Op};
use crate::bench::protocol::roster::{Party, Roster};
use crate::bench::record::journal::{self, Content, Number};
use crate::bench::trace::Recording;
use crate::bench::trace::recording::raw;
use crate::bench::verdict::report::Report;
use crate::bench::verdict::violation::Violation;
use crate::bench::world::border::{Action, Input};
use crate::bench::world::random::{Stream, StreamRng};
use crate::bench::world::simulation::Simulation;
use crate::id::Id;
use crate::raft::mistakes::Mistake;
use crate::raft::{
    Input as CoreInput, Message, Operation, Options, Outcome, Output, Replica, Request, Time,
};
use crate::wire;

/// How long a datagram is under way between a replica and the simulator, at least and at most: what
/// was measured with real processes on one machine (about 0.27 ms for a put's eight hops).
const HOP_MIN: Duration = Duration::from_micros(20);
const HOP_MAX: Duration = Duration::from_micros(50);

/// How many datagrams wait for a replica that is paused, at most; the rest is lost. About what fits
/// into a socket's buffer on Linux.
const MAX_WAITING: usize = 300;
/// How many waiting datagrams a replica takes in before it acts, as the event loop of a process.
const MAX_RECEIVED_AT_ONCE: usize = 64;
/// The rate of a clock that goes right, in parts per billion.
const TRUE_RATE_PPB: u64 = 1_000_000_000;

/// The most steps of a run: a cluster that never comes to rest must not hold a sweep up.
const MAX_STEPS: u64 = 20_000_000;

/// What to run.
#[derive(Clone, Debug)]
pub struct Order {
    /// The config.
    pub config: Arc<Config>,
    /// The seed of everything random.
    pub seed: u64,
    /// The replicas' constants.
    pub options: Options,
    /// Whether to keep the trace.
    pub keep_trace: bool,
    /// Whether the report shall have the clients' history.
    pub keep_history: bool,
    /// Whether to check every promise after each step. Only a measurement of what that costs may do
    /// without.
    pub check_steps: bool,
    /// Whether to record every message and change of state.
    pub keep_recording: bool,
}

impl Order {
    /// A run of the replica as it is, with the clients' history in its report.
    pub fn new(config: Arc<Config>, seed: u64) -> Order {
        Order {
            config,
            seed,
            options: Options::default(),
            keep_trace: false,
            keep_history: true,
            check_steps: true,
            keep_recording: false,
        }
    }
}

/// The constants that embedded replicas run with, for traces; times in milliseconds.
pub fn constants(options: &Options) -> serde_json::Value {
    let ms = |time: Duration| time.as_secs_f64() * 1e3;
    serde_json::json!({
        "lease_ms": ms(options.lease),
        "max_clock_drift_ppm": options.max_clock_drift_ppm,
        "heartbeat_interval_ms": ms(options.heartbeat_interval),
        "election_timeout_ms": [ms(options.election_timeout_min), ms(options.election_timeout_max)],
    })
}

/// What became of it.
#[derive(Clone, Debug)]
pub struct Run {
    /// What the simulator reports.
    pub report: Report,
    /// Every message and change of state, if it was asked for.
    pub recording: Option<Recording>,
    /// The first promise that was broken, if any was.
    pub violation: Option<Violation>,
    /// Everything that happened, a line each, if it was asked for.
    pub trace: Option<String>,
    /// How many steps the replicas took.
    pub steps: u64,
}

/// Makes a run. Ends at the first broken promise.
pub fn run(order: &Order) -> Run {
    let mut driver = Driver::new(order);
    driver.play();
    finish(driver, None)
}

/// The same, but a core that stops by one of its own assertions ends the run as a broken promise does,
/// so that what led to it can be shown.
pub fn run_whatever_happens(order: &Order) -> Run {
    let mut driver = Driver::new(order);
    let played = catch_unwind(AssertUnwindSafe(|| driver.play()));
    let stopped = played.err().map(|panic| {
        let said = panic.downcast_ref::<String>().cloned();
        let said = said.or_else(|| panic.downcast_ref::<&str>().map(|&text| text.to_owned()));
        Violation {
            invariant: "a core stopped",
            time: driver.now,
            what: said.unwrap_or_else(|| "it does not say why".to_owned()),
        }
    });
    finish(driver, stopped)
}

fn finish(driver: Driver, stopped: Option<Violation>) -> Run {
    let Driver {
        mut simulation,
        invariants,
        trace,
        steps,
        recorder,
        ..
    } = driver;
    let journal = simulation.take_journal();
    let recording = journal.zip(recorder).map(|(journal, recorder)| {
        Recording::new(journal, recorder.into_states(), |from, to, posted| {
            let mut datagram = Vec::new();
            wire::encode_message(&mut datagram, from, to, &posted.message);
            raw(&datagram)
        })
    });
    Run {
        report: Report::of(simulation.into_ended()),
        recording,
        violation: invariants.into_violation().or(stopped),
        trace: trace.into_text(),
        steps,
    }
}

/// A protocol core with a clock of its own.
struct Core {
    replica: Replica,
    alive: bool,
    /// What its clock shows when the run begins.
    clock_start: Duration,
    /// How fast it goes, in parts per billion of the run's time.
    clock_rate_ppb: u64,
    /// Datagrams that wait for it, while it is paused.
    paused: Option<VecDeque<CoreInput>>,
    /// When its clock was read for what waits: at the pause, if that mistake is built in.
    clock_read_at: Option<Duration>,
    /// When it must be called, in the run's time.
    deadline: Duration,
    /// When the latest datagram to it arrives, and the latest from it: on one machine, datagrams
    /// between the same two sockets do not overtake each other.
    last_in: Duration,
    last_out: Duration,
}

impl Core {
    fn clock(&self, now: Duration) -> Time {
        Time::from_epoch(self.clock_start + shown_after(now, self.clock_rate_ppb))
    }

    fn acts(&self) -> bool {
        self.alive && self.paused.is_none()
    }

    /// When its clock shows this time, in the run's time.
    fn reached(&self, time: Time) -> Duration {
        let shown = time.since_epoch().saturating_sub(self.clock_start);
        passed_until(shown, self.clock_rate_ppb)
    }

    fn note_deadline(&mut self) {
        self.deadline = self.reached(self.replica.deadline());
    }
}

/// How far a clock gets in `passed`.
fn shown_after(passed: Duration, rate_ppb: u64) -> Duration {
    if rate_ppb == TRUE_RATE_PPB {
        return passed;
    }
    let nanos = passed.as_nanos() * u128::from(rate_ppb) / u128::from(TRUE_RATE_PPB);
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

/// What must pass until a clock has got as far as `shown`.
fn passed_until(shown: Duration, rate_ppb: u64) -> Duration {
    if rate_ppb == TRUE_RATE_PPB {
        return shown;
    }
    let nanos = (shown.as_nanos() * u128::from(TRUE_RATE_PPB)).div_ceil(u128::from(rate_ppb));
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

/// A message between replicas, as the simulator passes it on unread.
#[derive(Clone, Debug)]
struct Posted {
    from: Id,
    message: Message,
}

/// Something on its way.
enum What {
    /// Which replica, what it gets, and its number in the journal.
    ToReplica(usize, CoreInput, Number),
    FromReplica(usize, Output),
}

struct Driver {
    simulation: Simulation<Posted>,
    roster: Roster,
    cores: Vec<Core>,
    /// The answer of `Driver::next_core`, until a core acts, pauses or dies.
    next_core: Option<(Duration, usize)>,
    queue: Queue<What>,
    /// The outputs of a step; empty between steps.
    outputs: Vec<Output>,
    hops: StreamRng,
    hop: Uniform<Duration>,
    now: Duration,
    steps: u64,
    checks_steps: bool,
    invariants: Invariants,
    trace: Transcript,
    /// What a trace needs, if one is wanted.
    recorder: Option<Recorder>,
}

impl Driver {
    fn new(order: &Order) -> Driver {
        let roster = order.config.roster();
        let mut starts = Stream::Clocks.rng(order.seed);
        let mut rates = Stream::ClockRates.rng(order.seed);
        let drift_ppb = u64::from(order.config.faults.clock_drift_ppm) * 1_000;
        let ids: Vec<_> = (0..roster.replicas())
            .map(|index| roster.replica(index))
            .collect();
        let cores = ids
            .iter()
            .map(|&id| {
                let peers: Vec<_> = ids.iter().copied().filter(|&peer| peer != id).collect();
                // Clocks start apart: nothing may hang on what they show.
                let clock_start = Duration::from_millis(starts.random_range(0..100_000_000));
                let start = Time::from_epoch(clock_start);
                let options = order.options.clone();
                let mut core = Core {
                    replica: Replica::new(id, &peers, options, starts.random(), start),
                    alive: true,
                    clock_start,
                    clock_rate_ppb: rates
                        .random_range(TRUE_RATE_PPB - drift_ppb..=TRUE_RATE_PPB + drift_ppb),
                    paused: None,
                    clock_read_at: None,
                    deadline: Duration::ZERO,
                    last_in: Duration::ZERO,
                    last_out: Duration::ZERO,
                };
                core.note_deadline();
                core
            })
            .collect();
        let mut simulation =
            Simulation::new(Arc::clone(&order.config), order.seed, order.keep_history);
        if order.keep_recording {
            simulation.keep_journal();
        }
        for (index, &id) in ids.iter().enumerate() {
            let hello = Envelope {
                src: id,
                leader: Id::UNKNOWN,
                kind: Cow::Borrowed("hello"),
                body: Body::Hello,
            };
            simulation.step(Duration::ZERO, Input::Message(index, hello));
        }
        Driver {
            simulation,
            roster,
            cores,
            next_core: None,
            queue: Queue::new(),
            outputs: Vec::new(),
            hops: Stream::Hops.rng(order.seed),
            hop: Uniform::new_inclusive(HOP_MIN, HOP_MAX).expect("a range"),
            now: Duration::ZERO,
            steps: 0,
            checks_steps: order.check_steps,
            invariants: Invariants::new(ids.len()),
            trace: Transcript::new(order.keep_trace),
            recorder: order.keep_recording.then(|| Recorder::new(roster)),
        }
    }

    fn play(&mut self) {
        while !self.simulation.is_finished()
            && !self.invariants.is_violated()
            && self.steps < MAX_STEPS
        {
            let event_at = self.queue.next_at();
            let simulation_at = self.simulation.next_deadline();
            let (core_at, core) = self.next_core();
            let next = event_at
                .unwrap_or(Duration::MAX)
                .min(simulation_at)
                .min(core_at);
            self.now = self.now.max(next);
            if event_at == Some(next) {
                let what = self.queue.pop().expect("it was there just now");
                self.note_arrival(&what);
                self.happen(what);
            } else if simulation_at == next {
                self.simulation.step(self.now, Input::Time);
                self.carry_out();
            } else {
                self.step_core(core, None);
            }
        }
    }

    /// Which core must be called next without an input, and when.
    fn next_core(&mut self) -> (Duration, usize) {
        *self.next_core.get_or_insert_with(|| {
            let acting = self.cores.iter().enumerate();
            acting
                .filter(|(_, core)| core.acts())
                .map(|(index, core)| (core.deadline, index))
                .min()
                .unwrap_or((Duration::MAX, 0))
        })
    }

    fn happen(&mut self, what: What) {
        match what {
            What::ToReplica(to, input, _) => {
                let core = &mut self.cores[to];
                match &mut core.paused {
                    _ if !core.alive => self.trace.missed(self.now, to, &input),
                    None => self.step_core(to, Some(input)),
                    Some(waiting) if waiting.len() < MAX_WAITING => waiting.push_back(input),
                    Some(_) => self.trace.missed(self.now, to, &input),
                }
            }
            What::FromReplica(from, output) => self.hear(from, output),
        }
    }

    fn pause(&mut self, index: usize) {
        self.next_core = None;
        let core = &mut self.cores[index];
        core.paused = Some(VecDeque::new());
        let options = core.replica.view().options();
        if options.makes(Mistake::ClockReadTooEarly) {
            core.clock_read_at = Some(self.now);
        }
    }

    /// Tells the recorder, if there is one, what becomes of a message that arrives.
    fn note_arrival(&mut self, what: &What) {
        if let (Some(recorder), &What::ToReplica(to, _, number)) = (&mut self.recorder, what) {
            let core = &self.cores[to];
            let reception = match &core.paused {
                _ if !core.alive => Reception::Dead,
                None => Reception::Taken,
                Some(waiting) if waiting.len() < MAX_WAITING => Reception::Waits,
                Some(_) => Reception::Overflow,
            };
            let journal = self.simulation.journal();
            recorder.arrives(number, (to, self.now), reception, journal);
        }
    }

    /// Lets a core that was paused go on, with what has waited for it.
    fn resume(&mut self, index: usize) {
        self.next_core = None;
        let mut waiting = self.cores[index].paused.take().unwrap_or_default();
        while !waiting.is_empty() {
            let together = waiting.len().min(MAX_RECEIVED_AT_ONCE);
            if let Some(recorder) = &mut self.recorder {
                recorder.takes_waiting((index, self.now), together, self.simulation.journal());
            }
            self.step_core(index, waiting.drain(..together));
        }
        self.cores[index].clock_read_at = None;
    }

    /// Lets a core act, with inputs or because it is time to.
    fn step_core(&mut self, index: usize, inputs: impl IntoIterator<Item = CoreInput>) {
        self.steps += 1;
        self.next_core = None;
        let now = self.now;
        let core = &mut self.cores[index];
        let read_at = core.clock_read_at.take().unwrap_or(now);
        let clock = core.clock(read_at);
        let mut received = false;
        for input in inputs {
            received = true;
            self.trace.input(now, index, &input);
            core.replica.receive(clock, input);
        }
        if !received {
            self.trace.timer(now, index);
        }
        core.replica.advance(clock);
        core.note_deadline();
        let mut outputs = std::mem::take(&mut self.outputs);
        outputs.extend(core.replica.outputs());
        if self.checks_steps {
            let view = core.replica.view();
            let lease_end = view
                .lease_left()
                .map(|left| core.reached(view.now() + left));
            self.invariants
                .check(now, index, &view, lease_end, &outputs);
        }
        if let Some(recorder) = &mut self.recorder {
            let passed = |shown: Duration| {
                passed_until(shown.saturating_sub(core.clock_start), core.clock_rate_ppb)
            };
            recorder.stepped((index, now), &core.replica.view(), outputs.len(), passed);
            if self.invariants.is_violated() {
                self.note_unheard(index, &outputs);
            }
        }
        for output in outputs.drain(..) {
            self.trace.output(now, index, &output);
            self.post(What::FromReplica(index, output), Duration::ZERO);
        }
        self.outputs = outputs;
    }

    /// Sends something on its way. What is delayed keeps no order with anything else.
    fn post(&mut self, what: What, after: Duration) {
        let hop = self.hop.sample(&mut self.hops);
        let link = match what {
            What::ToReplica(to, ..) => &mut self.cores[to].last_in,
            What::FromReplica(from, _) => &mut self.cores[from].last_out,
        };
        let at = if after.is_zero() {
            *link = (*link).max(self.now + hop);
            *link
        } else {
            self.now + hop + after
        };
        self.queue.push(at, what);
    }

    /// A replica's output reaches the simulator.
    fn hear(&mut self, from: usize, output: Output) {
        self.trace.heard(self.now, from, &output);
        let src = self.roster.replica(from);
        let envelope = match output {
            Output::Send { to, message } => {
                let Party::Replica(to) = self.roster.party(to) else {
                    unreachable!("a core only sends to its peers");
                };
                Envelope {
                    src,
                    leader: message.leader,
                    kind: Cow::Borrowed(message.body.name()),
                    body: Body::Unicast(to, Posted { from: src, message }),
                }
            }
            Output::Answer(answer) => {
                let Party::Client(client) = self.roster.party(answer.client) else {
                    unreachable!("a core only answers who asked");
                };
                let (kind, value) = outcome(answer.outcome);
                Envelope {
                    src,
                    leader: answer.leader,
                    kind: Cow::Borrowed("answer"),
                    body: Body::Answer(Answer {
                        client,
                        kind,
                        mid: Cow::Owned(answer.mid),
                        value: value.map(Cow::Owned),
                    }),
                }
            }
        };
        let first = self.simulation.journal().map(|it| it.next_number());
        self.simulation
            .step(self.now, Input::Message(from, envelope));
        if let (Some(recorder), Some(journal), Some(first)) =
            (&mut self.recorder, self.simulation.journal(), first)
            && let Some(sent) = recorder.heard(from)
        {
            journal.sent(first, src, sent);
        }
        self.carry_out();
    }

    /// Notes what the step that broke a promise sent: the run ends before the simulator hears it.
    fn note_unheard(&mut self, index: usize, outputs: &[Output]) {
        let (from, now) = (self.roster.replica(index), self.now);
        let Some(journal) = self.simulation.journal() else {
            return;
        };
        for output in outputs {
            let (to, content) = match output {
                Output::Send { to, message } => {
                    let kind = message.body.name().to_owned();
                    let message = message.clone();
                    let payload = Posted { from, message };
                    (*to, Content::Peer { kind, payload })
                }
                Output::Answer(answer) => {
                    let (kind, value) = outcome(answer.outcome.clone());
                    let content = Content::Answer {
                        kind,
                        mid: answer.mid.clone(),
                        value,
                        leader: answer.leader,
                        effect: None,
                    };
                    (answer.client, content)
                }
            };
            journal.note(journal::Message {
                time: now,
                sent: Some(now),
                arrived: None,
                from,
                to,
                fate: journal::Fate::Sent,
                copy_of: None,
                content,
            });
        }
    }

    fn carry_out(&mut self) {
        while let Some(action) = self.simulation.next_action() {
            self.trace.action(self.now, &action);
            let number = self.simulation.action_number();
            match action {
                Action::Deliver { to, payload, after } => {
                    let Posted { from, message } = payload;
                    let input = CoreInput::Message { from, message };
                    self.post(What::ToReplica(to, input, number), after);
                }
                Action::Request { to, request } => {
                    let input = CoreInput::Request(read(&request));
                    self.post(What::ToReplica(to, input, number), Duration::ZERO);
                }
                Action::Kill(index) => {
                    self.cores[index].alive = false;
                    self.next_core = None;
                }
                Action::Pause(index) => self.pause(index),
                Action::Resume(index) => self.resume(index),
                // It is in the trace.
                Action::Note(_) => {}
            }
        }
    }
}

/// What an answer says, and its value.
fn outcome(outcome: Outcome) -> (AnswerKind, Option<String>) {
    match outcome {
        Outcome::Stored => (AnswerKind::Ok, None),
        Outcome::Value(value) => (AnswerKind::Ok, Some(value)),
        Outcome::Redirect => (AnswerKind::Redirect, None),
        Outcome::Fail => (AnswerKind::Fail, None),
    }
}

/// A client's request as the core takes it.
fn read(request: &ClientRequest) -> Request {
    let key = String::from(&*request.key);
    Request {
        client: request.client,
        mid: String::from(request.mid.as_str()),
        operation: match (request.op, &request.value) {
            (Op::Put, Some(value)) => Operation::Put {
                key,
                value: String::from(&**value),
            },
            _ => Operation::Get { key },
        },
    }
}

#[cfg(test)]
mod fault_tests;
#[cfg(test)]
mod tests;
