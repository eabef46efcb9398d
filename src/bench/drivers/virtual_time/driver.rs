//! Drives a [`Simulation`] with cores in the place of processes and queues in the place of sockets and
//! clocks. Every hop between a replica and the simulator takes a moment drawn from the run's seed.
//!
//! Computing takes no time, in replicas and in the simulator. So a turn of the simulator begins when a
//! datagram reaches it, or at the end of its longest wait, and is over at the same moment.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use rand::distr::{Distribution, Uniform};

use super::clocked::Core;
use super::disk::Disk;
use super::inboxes::Inboxes;
use super::order::Order;
use super::queue::Queue;
use super::recorder::{Reception, Recorder};
use super::speaker;
use super::transcript::Transcript;
use super::translate::{self, Posted};
use super::waits::Waits;
use crate::bench::protocol::message::{Body, Envelope};
use crate::bench::protocol::roster::Roster;
use crate::bench::record::journal::{self, Number};
use crate::bench::verdict::violation::Violation;
use crate::bench::world::border::{Action, Input};
use crate::bench::world::random::{Stream, StreamRng};
use crate::bench::world::simulation::Simulation;
use crate::consensus::mistakes::Mistake;
use crate::consensus::{Storage, Time};
use crate::id::Id;
use crate::promises::{Broken, Promises, Step};
use crate::replica::{Input as CoreInput, Options, Output};
use crate::stored::opening;

/// How long a datagram is under way between a replica and the simulator, at least and at most: what
/// was measured with real processes on one machine (about 0.27 ms for a put's eight hops).
const HOP_MIN: Duration = Duration::from_micros(20);
const HOP_MAX: Duration = Duration::from_micros(50);

/// How many datagrams wait for a replica that is paused, at most; the rest is lost. About what fits
/// into a socket's buffer on Linux.
const MAX_WAITING: usize = 300;
/// How many waiting datagrams a replica takes in before it acts, as the event loop of a process.
const MAX_RECEIVED_AT_ONCE: usize = 512;

/// The most steps of a run: a cluster that never comes to rest must not hold a sweep up.
const MAX_STEPS: u64 = 20_000_000;

/// Something on its way to a replica: which, what it gets, and its number in the journal.
pub(super) struct Parcel(pub(super) usize, pub(super) CoreInput, pub(super) Number);

pub(super) struct Driver {
    pub(super) simulation: Simulation<Posted>,
    pub(super) roster: Roster,
    pub(super) cores: Vec<Core>,
    /// The answer of `Driver::next_core`, until a core acts, pauses or dies.
    pub(super) next_core: Option<(Duration, usize)>,
    pub(super) queue: Queue<Parcel>,
    pub(super) inboxes: Inboxes<Output>,
    /// The outputs of a step; empty between steps.
    outputs: Vec<Output>,
    /// What a replica takes in together; empty between steps.
    together: Vec<CoreInput>,
    hops: StreamRng,
    pub(super) disks: StreamRng,
    hop: Uniform<Duration>,
    /// How late the simulator's waits end; in a punctual run they do not.
    waits: Option<Waits>,
    pub(super) now: Duration,
    pub(super) steps: u64,
    pub(super) checks_steps: bool,
    pub(super) promises: Promises,
    /// The first promise that was broken.
    pub(super) violation: Option<Violation>,
    pub(super) trace: Transcript,
    /// What a trace needs, if one is wanted.
    pub(super) recorder: Option<Recorder>,
}

impl Driver {
    pub(super) fn new(order: &Order) -> Driver {
        let roster = order.config.roster();
        let mut starts = Stream::Clocks.rng(order.seed);
        let mut rates = Stream::ClockRates.rng(order.seed);
        let mut disks = Stream::Disks.rng(order.seed);
        let options = options_of(order);
        let drift_ppb = u64::from(order.config.faults.clock_drift_ppm) * 1_000;
        let ids: Vec<_> = (0..roster.replicas())
            .map(|index| roster.replica(index))
            .collect();
        let cores = ids
            .iter()
            .map(|&id| {
                let peers: Vec<_> = ids.iter().copied().filter(|&peer| peer != id).collect();
                let mut core = Core::start(
                    id,
                    &peers,
                    options.clone(),
                    drift_ppb,
                    &mut starts,
                    &mut rates,
                );
                if options.consensus.storage == Storage::Stable {
                    let faults = order.config.disk.clone().unwrap_or_default();
                    let whose = opening::whose(id, &peers);
                    let settings = order.directories.clone();
                    core.disk = Some(Disk::new(whose, faults, settings, &mut disks));
                }
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
            inboxes: Inboxes::new(ids.len()),
            outputs: Vec::new(),
            together: Vec::new(),
            hops: Stream::Hops.rng(order.seed),
            disks,
            hop: Uniform::new_inclusive(HOP_MIN, HOP_MAX).expect("a range"),
            waits: (!order.config.punctual).then(|| Waits::new(order.seed)),
            now: Duration::ZERO,
            steps: 0,
            checks_steps: order.check_steps,
            promises: match options.consensus.storage {
                Storage::Memory => Promises::new(ids.len()),
                Storage::Stable => Promises::with_disks(ids.len()),
            },
            violation: None,
            trace: Transcript::new(order.keep_trace),
            recorder: order.keep_recording.then(|| Recorder::new(roster)),
        }
    }

    pub(super) fn play(&mut self) {
        while !self.simulation.is_finished() && self.violation.is_none() && self.steps < MAX_STEPS {
            let parcel_at = self.queue.next_at();
            let heard_at = self.inboxes.next_at();
            let simulation_at = self.wait_ends_at();
            let (core_at, core) = self.next_core();
            let (disk_at, disk) = self.next_disk();
            let next = parcel_at.min(heard_at).min(simulation_at).min(core_at);
            let next = next.min(disk_at);
            self.now = self.now.max(next);
            if disk_at == next {
                self.step_disk(disk);
            } else if parcel_at == next {
                self.arrive();
            } else if heard_at == next {
                self.take_turn();
            } else if simulation_at == next {
                self.fire();
                if let Some(waits) = &mut self.waits {
                    waits.draw();
                }
            } else {
                self.step_core(core, None);
            }
        }
    }

    /// A turn of the simulator: one datagram of each replica that can be heard, then whatever is past.
    fn take_turn(&mut self) {
        for replica in 0..self.roster.replicas() {
            if let Some(output) = self.inboxes.take(replica, self.now) {
                self.hear(replica, output);
            }
        }
        self.fire();
    }

    /// When the simulator goes on if it hears nothing.
    fn wait_ends_at(&self) -> Duration {
        let deadline = self.simulation.next_deadline();
        match &self.waits {
            Some(waits) => waits.end(deadline),
            None => deadline,
        }
    }

    fn fire(&mut self) {
        while self.simulation.fire(self.now) {
            self.carry_out();
        }
        self.carry_out();
    }

    /// Which core must be called next without an input, and when.
    pub(super) fn next_core(&mut self) -> (Duration, usize) {
        *self.next_core.get_or_insert_with(|| {
            let acting = self.cores.iter().enumerate();
            acting
                .filter(|(_, core)| core.acts())
                .map(|(index, core)| (core.deadline, index))
                .min()
                .unwrap_or((Duration::MAX, 0))
        })
    }

    /// The next parcel reaches its replica. One that can act takes in at once all that arrives at the
    /// same moment, as the event loop of a process does with what it finds when it wakes up.
    pub(super) fn arrive(&mut self) {
        let Some(Parcel(to, input, number)) = self.queue.pop() else {
            return;
        };
        self.note_arrival(to, number);
        let core = &mut self.cores[to];
        if !core.alive {
            return self.trace.missed(self.now, to, &input);
        }
        if let Some(waiting) = &mut core.paused {
            match waiting.len() < MAX_WAITING {
                true => waiting.push_back(input),
                false => self.trace.missed(self.now, to, &input),
            }
            return;
        }
        let mut together = std::mem::take(&mut self.together);
        together.push(input);
        let now = self.now;
        let same = |at: Duration, parcel: &Parcel| at == now && parcel.0 == to;
        while let Some(Parcel(_, input, number)) = self.queue.pop_if(same) {
            self.note_arrival(to, number);
            together.push(input);
        }
        self.step_core(to, together.drain(..));
        self.together = together;
    }

    fn pause(&mut self, index: usize) {
        self.next_core = None;
        let core = &mut self.cores[index];
        if !core.alive {
            // Its disk has ended it.
            return;
        }
        core.paused = Some(VecDeque::new());
        let options = core.replica.view().consensus().options();
        if options.makes(Mistake::ClockReadTooEarly) {
            core.clock_read_at = Some(self.now);
        }
    }

    /// Tells the recorder, if there is one, what becomes of a message that arrives.
    fn note_arrival(&mut self, to: usize, number: Number) {
        if let Some(recorder) = &mut self.recorder {
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
    pub(super) fn step_core(&mut self, index: usize, inputs: impl IntoIterator<Item = CoreInput>) {
        self.steps += 1;
        self.next_core = None;
        let now = self.now;
        let core = &mut self.cores[index];
        let read_at = core.clock_read_at.take().unwrap_or(now);
        let clock = core.clock(read_at);
        speaker::set(Some((now, self.roster.replica(index))));
        let mut received = false;
        for input in inputs {
            received = true;
            self.trace.input(now, index, &input);
            speaker::hears(&input);
            core.replica.receive(clock, input);
        }
        if !received {
            self.trace.timer(now, index);
        }
        core.replica.advance(clock);
        core.note_deadline();
        let mut outputs = std::mem::take(&mut self.outputs);
        outputs.extend(core.replica.outputs());
        outputs.iter().for_each(speaker::says);
        speaker::set(None);
        if self.checks_steps {
            let view = core.replica.view();
            let lease_end = view
                .lease_left()
                .map(|left| core.reached(view.now() + left));
            let checked = self.promises.check(&Step {
                time: now,
                view,
                lease_end,
                outputs: &outputs,
            });
            note_broken(&mut self.violation, now, checked);
        }
        if let Some(disk) = &mut core.disk {
            disk.take(now, &mut core.replica, &mut self.disks);
        }
        if let Some(recorder) = &mut self.recorder {
            let passed = |shown: Duration| core.reached(Time::from_epoch(shown));
            recorder.stepped((index, now), &core.replica.view(), outputs.len(), passed);
            if self.violation.is_some() {
                self.note_unheard(index, &outputs);
            }
        }
        for output in outputs.drain(..) {
            self.trace.output(now, index, &output);
            let hop = self.hop.sample(&mut self.hops);
            self.inboxes.put(index, now + hop, output);
        }
        self.outputs = outputs;
    }

    /// Sends a replica something. What is delayed keeps no order with anything else.
    fn post(&mut self, parcel: Parcel, after: Duration) {
        let hop = self.hop.sample(&mut self.hops);
        let link = &mut self.cores[parcel.0].last_in;
        let at = if after.is_zero() {
            *link = (*link).max(self.now + hop);
            *link
        } else {
            self.now + hop + after
        };
        self.queue.push(at, parcel);
    }

    /// A replica's output reaches the simulator.
    fn hear(&mut self, from: usize, output: Output) {
        self.trace.heard(self.now, from, &output);
        let src = self.roster.replica(from);
        let envelope = translate::envelope(&self.roster, src, output);
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
            let (to, content) = translate::content(from, output);
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
                    let Posted { from, letter } = payload;
                    let input = CoreInput::Letter { from, letter };
                    self.post(Parcel(to, input, number), after);
                }
                Action::Request { to, request } => {
                    let input = CoreInput::Request(translate::request(&request));
                    self.post(Parcel(to, input, number), Duration::ZERO);
                }
                Action::Kill(index) => self.crash(index),
                Action::Stop(index) => self.end(index),
                Action::Start { replica, wiped } => self.start_again(replica, wiped),
                Action::Pause(index) => self.pause(index),
                Action::Resume(index) => self.resume(index),
                // It is in the trace.
                Action::Note(_) => {}
            }
        }
    }
}

/// The replicas' constants: they have disks where a config starts them again.
fn options_of(order: &Order) -> Options {
    let mut options = order.options.clone();
    if order.config.has_disks() {
        options.consensus.storage = Storage::Stable;
    }
    options
}

/// Keeps the first promise that is broken.
pub(super) fn note_broken(
    violation: &mut Option<Violation>,
    time: Duration,
    checked: Result<(), Broken>,
) {
    if let Err(Broken { promise, what }) = checked {
        violation.get_or_insert(Violation {
            promise,
            time,
            what,
        });
    }
}

#[cfg(test)]
mod tests;
