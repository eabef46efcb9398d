//! The driver for real processes in real time: replicas behind UDP sockets.
//!
//! Turns datagrams, deaths and the clock into inputs of the simulation and carries out its actions, in
//! turns as the course's program does. Must never decide anything that the simulation decides, and must
//! route fast: what it costs is in every latency that is measured.

use std::fmt;
use std::io;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::children::{Arguments, Children, Ending};
use super::delayed::Delayed;
use super::printed::Outputs;
use super::signals::Signals;
use super::sockets::Sockets;
use super::state_lines::StateLines;
use super::watchdog::Watchdog;
use super::watching::Watch;
use crate::bench::config::Config;
use crate::bench::protocol::datagram::{self, Refused};
use crate::bench::protocol::message::{Body, Envelope};
use crate::bench::protocol::roster::Roster;
use crate::bench::record::ended::Ended;
use crate::bench::record::journal::Number;
use crate::bench::record::lateness::Lateness;
use crate::bench::show::terminal::Terminal;
use crate::bench::trace::Recording;
use crate::bench::trace::recording::raw;
use crate::bench::verdict::report::Report;
use crate::bench::world::border::{Action, Input};
use crate::bench::world::simulation::Simulation;

/// How long the driver stays awake for answers after it has sent something. Waking up takes longer
/// than most answers do, and would be in every latency; at some dozens of requests a second this
/// costs about one hundredth of a core.
const STAY_AWAKE: Duration = Duration::from_micros(300);
/// How long the driver sleeps at most: what other threads find out, as that nobody reads the output any
/// more, does not wake it.
const LONGEST_SLEEP: Duration = Duration::from_millis(500);
/// By how much waiting may take longer than asked for on a machine at rest. The rest of the time until
/// a delayed datagram is due is spent awake.
const WAIT_MAY_BE_LATE: Duration = Duration::from_micros(200);
/// How long the course's program needs to make the next request of a burst: 0.1 to 0.4 ms were
/// measured, and with this a run needs as many messages as under the program. Meanwhile the replica that
/// got the one before may act: with no time between them, twice as many puts share an append, and a run
/// can fail for a lack of messages.
const MAKING_A_REQUEST: Duration = Duration::from_micros(200);
/// A turn that begins so late, or takes so long, is worth a word.
const LATE: Duration = Duration::from_millis(5);
/// How often the progress bar moves.
const PROGRESS_EVERY: Duration = Duration::from_millis(100);

/// What real runs need from the process that they run in.
#[derive(Debug)]
pub struct Stage<'s> {
    /// Kills the replicas if the simulator cannot.
    pub watchdog: &'s Watchdog,
    /// Tells of requests to stop and of deaths.
    pub signals: &'s mut Signals,
    /// Shows what happens.
    pub terminal: &'s mut Terminal,
}

/// What to run and what to show of it.
#[derive(Clone, Debug)]
pub struct Order<'o> {
    /// The replica's program.
    pub program: &'o Path,
    /// The config.
    pub config: Arc<Config>,
    /// The seed.
    pub seed: u64,
    /// Whether to record every message and change of state.
    pub keep_recording: bool,
    /// Whether the simulator's own notes are shown.
    pub show_notes: bool,
    /// Whether the replicas' output is shown.
    pub show_output: bool,
    /// How many other runs are made at the same time.
    pub others: usize,
}

/// A run could not be made.
#[derive(Debug)]
pub enum RunError {
    /// The program cannot be started.
    Program(io::Error),
    /// The system refuses something else.
    System(io::Error),
}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RunError::Program(error) => write!(f, "cannot be started: {error}"),
            RunError::System(error) => write!(f, "the run cannot be set up: {error}"),
        }
    }
}

impl std::error::Error for RunError {}

/// Makes a run, and returns its recording beside its report if it was asked for. Returns early, with an
/// incomplete report, if the simulator is asked to stop or nobody reads its output any more. No process
/// is left when it returns.
///
/// # Errors
///
/// If the replicas or their sockets cannot be had.
pub fn run(
    order: &Order<'_>,
    stage: &mut Stage<'_>,
) -> Result<(Report, Option<Recording>), RunError> {
    let roster = order.config.roster();
    let sockets = Sockets::bind(roster.replicas()).map_err(RunError::System)?;
    let ports: Vec<u16> = (0..roster.replicas()).map(|at| sockets.port(at)).collect();
    let started = Instant::now();
    let mut children = Children::new(stage.watchdog);
    let states = order.keep_recording.then(StateLines::new);
    let lines = order.show_output.then(|| stage.terminal.lines());
    let ids = (0..roster.replicas()).map(|at| roster.replica(at));
    let outputs = Outputs::new(ids, lines.as_ref(), order.keep_recording);
    let mut processes = Vec::with_capacity(ports.len());
    for (index, &port) in ports.iter().enumerate() {
        let others = (0..roster.replicas()).filter(|&other| other != index);
        let arguments = Arguments {
            port,
            own: roster.replica(index),
            peers: others.map(|other| roster.replica(other)).collect(),
        };
        let process = children
            .start(
                order.program,
                &arguments,
                started,
                &outputs.of(index),
                states.as_ref().map(|states| states.sender(index)),
            )
            .map_err(RunError::Program)?;
        processes.push((arguments.own, process));
    }
    let mut simulation = Simulation::new(Arc::clone(&order.config), order.seed, true);
    if order.keep_recording {
        simulation.keep_journal();
    }
    let mut driver = Driver {
        simulation,
        roster,
        started,
        sockets,
        last_traffic: None,
        delayed: Delayed::new(),
        children,
        endings: Vec::new(),
        watch: Watch::start(&processes),
        lateness: Lateness {
            others: order.others,
            ..Lateness::default()
        },
        terminal: stage.terminal,
        show_notes: order.show_notes,
        in_bursts: !order.config.punctual,
    };
    if order.show_notes && order.config.faults.clock_drift_ppm > 0 {
        let text =
            "processes share one clock: its drift is for virtual time only, without effect here";
        driver.note(text);
    }
    let result = driver.play(stage.signals);
    // While all processes and sockets are still there.
    driver.watch.end(&ports, &mut driver.lateness);
    let endings = driver.children.stop_all();
    driver.endings.extend(endings);
    driver.tell_endings(|_| true);
    for said in outputs.not_shown() {
        driver.note(&said);
    }
    driver.terminal.end_progress();
    result.map_err(RunError::System)?;
    let mut simulation = driver.simulation;
    let recording = simulation.take_journal().zip(states);
    let printed = outputs.printed();
    let recording = recording.map(|(journal, states)| {
        let states = states.into_states(&roster);
        let (output, output_left_out) = outputs.into_kept();
        Recording {
            output,
            output_left_out,
            ..Recording::new(journal, states, |_, _, payload| raw(&payload))
        }
    });
    let mut ended = Ended {
        lateness: driver.lateness,
        ..simulation.into_ended()
    };
    for (replica, printed) in ended.observed.replicas.iter_mut().zip(printed) {
        replica.printed = printed;
    }
    Ok((Report::of(ended), recording))
}

struct Driver<'s> {
    simulation: Simulation<Rc<[u8]>>,
    roster: Roster,
    started: Instant,
    sockets: Sockets,
    /// When something was last sent to a replica.
    last_traffic: Option<Duration>,
    /// Datagrams that the network holds back, with their receivers.
    delayed: Delayed<(usize, Rc<[u8]>, Number)>,
    children: Children<'s>,
    /// What the simulation has not been told yet.
    endings: Vec<Ending>,
    watch: Watch,
    lateness: Lateness,
    terminal: &'s mut Terminal,
    show_notes: bool,
    /// Whether several requests are fired together as a rule.
    in_bursts: bool,
}

impl Driver<'_> {
    fn play(&mut self, signals: &mut Signals) -> io::Result<()> {
        let mut last_progress: Option<Instant> = None;
        loop {
            let asked_to_stop = signals.stop_requested() || self.terminal.is_closed();
            if self.simulation.is_finished() || asked_to_stop {
                return Ok(());
            }
            if last_progress.is_none_or(|last| last.elapsed() >= PROGRESS_EVERY) {
                self.terminal.progress(self.simulation.status());
                last_progress = Some(Instant::now());
            }
            let deadline = self.simulation.next_deadline();
            let timeout = match self.expects_more() {
                true => Duration::ZERO,
                false => self.time_to_sleep(deadline),
            };
            if timeout.is_zero() {
                // Whoever shares this core with the driver may be the one to answer.
                std::thread::yield_now();
            }
            let signalled = self.sockets.wait(signals.source(), timeout)?;
            let awake = self.started.elapsed();
            if signalled {
                signals.drain();
            }
            if signalled || self.children.look_again_in().is_some() {
                let endings = self.children.look_after(Instant::now());
                self.endings.extend(endings);
            }
            let heard = self.sockets.any_readable();
            // What a replica sent before it died counts, its hello before all.
            self.tell_endings(|sockets_readable| !sockets_readable);
            if heard {
                self.route_one_of_each();
            }
            if heard || awake >= deadline {
                self.fire();
                let late = awake.saturating_sub(deadline);
                let took = self.started.elapsed().saturating_sub(awake);
                let worst = late.max(took);
                if worst >= LATE {
                    self.lateness.note_turn(worst);
                }
            }
            self.send_delayed();
        }
    }

    /// Fires whatever is past.
    fn fire(&mut self) {
        while self.simulation.fire(self.started.elapsed()) {
            self.carry_out();
            let fired = self.started.elapsed();
            if self.in_bursts && self.simulation.is_more_past(fired) {
                while self.started.elapsed() < fired + MAKING_A_REQUEST {
                    std::hint::spin_loop();
                }
            }
        }
        self.carry_out();
    }

    /// Whether traffic is so recent that the next message is worth staying awake for.
    fn expects_more(&self) -> bool {
        self.last_traffic
            .is_some_and(|last| self.started.elapsed().saturating_sub(last) < STAY_AWAKE)
    }

    fn time_to_sleep(&self, deadline: Duration) -> Duration {
        let mut timeout = deadline
            .saturating_sub(self.started.elapsed())
            .min(LONGEST_SLEEP);
        if let Some(soon) = self.children.look_again_in() {
            timeout = timeout.min(soon);
        }
        if self.terminal.moving() {
            timeout = timeout.min(PROGRESS_EVERY);
        }
        if let Some(due) = self.delayed.next_due() {
            let left = due.saturating_sub(self.started.elapsed());
            timeout = timeout.min(left.saturating_sub(WAIT_MAY_BE_LATE));
        }
        timeout
    }

    /// Takes a datagram of every replica that can be heard, and routes it.
    fn route_one_of_each(&mut self) {
        for replica in 0..self.roster.replicas() {
            if self.simulation.is_finished() {
                return;
            }
            let Some((bytes, source)) = self.sockets.take(replica) else {
                continue;
            };
            let now = self.started.elapsed();
            let input = match datagram::read(bytes, &self.roster) {
                Err(Refused::Unreadable(why)) => Input::Unreadable(replica, why),
                Err(Refused::Malformed(why)) => Input::Malformed(replica, why),
                Ok(envelope) => Input::Message(replica, keep(envelope)),
            };
            let says_hello = matches!(&input, Input::Message(_, it) if it.body == Body::Hello);
            self.simulation.step(now, input);
            if says_hello {
                self.sockets.greet(replica, source);
                self.watch.greet(replica, source.port());
            }
            self.carry_out();
        }
    }

    /// Tells the simulation of the ends of those replicas whose sockets are as asked for.
    fn tell_endings(&mut self, may_tell: impl Fn(bool) -> bool) {
        let endings = std::mem::take(&mut self.endings);
        for ending in endings {
            let (Ending::Died(replica, _) | Ending::LastWords(replica, _)) = ending;
            if !may_tell(self.sockets.is_readable(replica)) {
                self.endings.push(ending);
                continue;
            }
            let input = match ending {
                Ending::Died(replica, how) => Input::Died(replica, how),
                Ending::LastWords(replica, words) => Input::LastWords(replica, words),
            };
            self.simulation.step(self.started.elapsed(), input);
            self.carry_out();
        }
    }

    fn send_delayed(&mut self) {
        while let Some((to, payload, number)) = self.delayed.take_due(self.started.elapsed()) {
            self.send(to, &payload, number);
        }
    }

    fn carry_out(&mut self) {
        while let Some(action) = self.simulation.next_action() {
            let number = self.simulation.action_number();
            match action {
                Action::Deliver { to, payload, after } if after > Duration::ZERO => {
                    let due = self.started.elapsed() + after;
                    self.delayed.hold(due, (to, payload, number));
                }
                Action::Deliver { to, payload, .. } => self.send(to, &payload, number),
                Action::Request { to, request } => {
                    let bytes = datagram::write(&request, self.roster.replica(to));
                    self.send(to, &bytes, number);
                }
                Action::Kill(replica) => {
                    self.sockets.close(replica);
                    self.children.kill(replica, Instant::now());
                }
                Action::Stop(_) | Action::Start { .. } => {
                    unreachable!("such configs are refused before a run")
                }
                Action::Pause(replica) => self.children.pause(replica),
                Action::Resume(replica) => self.children.resume(replica),
                Action::Note(text) => {
                    if self.show_notes {
                        self.note(&text);
                    }
                }
            }
        }
    }

    fn send(&mut self, to: usize, bytes: &[u8], number: Number) {
        self.last_traffic = Some(self.started.elapsed());
        // Before it is sent: sending wakes the receiver, and may take longer than its answer.
        self.note_arrival(number);
        self.sockets.send(to, bytes);
    }

    /// Tells the journal, if there is one, that a message has been handed over.
    fn note_arrival(&mut self, number: Number) {
        let now = self.started.elapsed();
        if let Some(journal) = self.simulation.journal() {
            journal.arrived(number, now);
        }
    }

    fn note(&mut self, text: &str) {
        let time = self.simulation.elapsed().as_secs_f64();
        self.terminal
            .line(format!("[{time:.4}  Simulator]: {text}"));
    }
}

/// A message with a payload of its own.
fn keep<'a>(envelope: Envelope<'a, &[u8]>) -> Envelope<'a, Rc<[u8]>> {
    Envelope {
        src: envelope.src,
        leader: envelope.leader,
        kind: envelope.kind,
        body: match envelope.body {
            Body::Hello => Body::Hello,
            Body::Unicast(to, payload) => Body::Unicast(to, Rc::from(payload)),
            Body::Broadcast(payload) => Body::Broadcast(Rc::from(payload)),
            Body::Answer(answer) => Body::Answer(answer),
            Body::Wrong(why) => Body::Wrong(why),
        },
    }
}
