//! The driver for real processes in real time: replicas behind UDP sockets.
//!
//! Turns datagrams, deaths and the clock into inputs of the simulation and carries out its actions.
//! Must never decide anything that the simulation decides, and must route fast: what it costs is in
//! every latency that is measured.

use std::fmt;
use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mio::net::UdpSocket;
use mio::{Events, Interest, Poll, Token};
use rustix::net::sockopt;

use super::children::{Arguments, Children, Ending};
use super::delayed::Delayed;
use super::signals::Signals;
use super::state_lines::StateLines;
use super::watchdog::Watchdog;
use crate::bench::config::Config;
use crate::bench::protocol::datagram;
use crate::bench::protocol::message::{Body, Envelope};
use crate::bench::protocol::roster::Roster;
use crate::bench::record::journal::Number;
use crate::bench::show::terminal::Terminal;
use crate::bench::trace::Recording;
use crate::bench::trace::recording::raw;
use crate::bench::verdict::report::Report;
use crate::bench::world::border::{Action, Input};
use crate::bench::world::simulation::Simulation;

/// The largest datagram there is, and one byte more than any can have.
const DATAGRAM_BYTES: usize = 1 << 16;
/// How much a socket to a replica holds that has not been received: some ten thousand datagrams.
const BUFFER_BYTES: usize = 8 << 20;
/// How many datagrams are taken from each ready socket before the others are looked at again.
const ROUNDS: usize = 16;
/// How long the driver stays awake for answers after it has sent something. Waking up takes longer
/// than most answers do, and would be in every latency; at some dozens of requests a second this
/// costs about one hundredth of a core.
const STAY_AWAKE: Duration = Duration::from_micros(300);
/// How long the driver sleeps at most: what other threads find out, as that nobody reads the output any
/// more, does not wake it.
const LONGEST_SLEEP: Duration = Duration::from_millis(500);
/// By how much waiting may take longer than asked for: the kernel counts milliseconds. The rest of
/// the time until a delayed datagram is due is spent awake.
const POLL_MAY_BE_LATE: Duration = Duration::from_millis(1);
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

/// Makes a run, and returns its recording beside its report if it was asked for. Returns early, with an incomplete report, if the simulator is asked to stop or
/// nobody reads its output any more. No process is left when it returns.
///
/// # Errors
///
/// If the replicas or their sockets cannot be had.
pub fn run(
    order: &Order<'_>,
    stage: &mut Stage<'_>,
) -> Result<(Report, Option<Recording>), RunError> {
    let roster = order.config.roster();
    let mut sockets = Sockets::bind(roster, stage.signals).map_err(RunError::System)?;
    let started = Instant::now();
    let mut children = Children::new(stage.watchdog);
    let states = order.keep_recording.then(StateLines::new);
    let lines = order.show_output.then(|| stage.terminal.lines());
    for (index, line) in sockets.lines.iter().enumerate() {
        let others = (0..roster.replicas()).filter(|&other| other != index);
        let arguments = Arguments {
            port: line.port,
            own: roster.replica(index),
            peers: others.map(|other| roster.replica(other)).collect(),
        };
        children
            .start(
                order.program,
                &arguments,
                started,
                lines.as_ref(),
                states.as_ref().map(|states| states.sender(index)),
            )
            .map_err(RunError::Program)?;
    }
    let mut simulation = Simulation::new(Arc::clone(&order.config), order.seed, true);
    if order.keep_recording {
        simulation.keep_journal();
    }
    let mut driver = Driver {
        simulation,
        roster,
        started,
        last_traffic: None,
        delayed: Delayed::new(),
        children,
        terminal: stage.terminal,
        show_notes: order.show_notes,
    };
    if order.show_notes && order.config.faults.clock_drift_ppm > 0 {
        let text =
            "processes share one clock: its drift is for virtual time only, without effect here";
        driver.note(text);
    }
    let result = driver.play(&mut sockets, stage.signals);
    let _ = sockets.poll.registry().deregister(stage.signals.source());
    let endings = driver.children.stop_all();
    driver.tell_endings(endings, &sockets.lines);
    driver.terminal.end_progress();
    result.map_err(RunError::System)?;
    let mut simulation = driver.simulation;
    let recording = simulation.take_journal().zip(states);
    let recording = recording.map(|(journal, states)| {
        Recording::new(journal, states.into_states(&roster), |_, _, payload| {
            raw(&payload)
        })
    });
    Ok((Report::of(simulation.into_ended()), recording))
}

/// The line to one replica.
struct Line {
    socket: UdpSocket,
    port: u16,
    /// Where the replica's hello came from.
    replica: Option<SocketAddr>,
    /// Whether there may be datagrams to read.
    readable: bool,
}

struct Sockets {
    poll: Poll,
    events: Events,
    lines: Vec<Line>,
}

impl Sockets {
    fn bind(roster: Roster, signals: &mut Signals) -> io::Result<Sockets> {
        let poll = Poll::new()?;
        let mut lines = Vec::with_capacity(roster.replicas());
        for index in 0..roster.replicas() {
            let mut socket = UdpSocket::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
            enlarge_buffer(&socket);
            let port = socket.local_addr()?.port();
            poll.registry()
                .register(&mut socket, Token(index), Interest::READABLE)?;
            lines.push(Line {
                socket,
                port,
                replica: None,
                readable: false,
            });
        }
        let signal_token = Token(roster.replicas());
        poll.registry()
            .register(signals.source(), signal_token, Interest::READABLE)?;
        Ok(Sockets {
            poll,
            events: Events::with_capacity(64),
            lines,
        })
    }

    fn any_readable(&self) -> bool {
        self.lines.iter().any(|line| line.readable)
    }
}

struct Driver<'s> {
    simulation: Simulation<Rc<[u8]>>,
    roster: Roster,
    started: Instant,
    /// When something was last sent to a replica.
    last_traffic: Option<Duration>,
    /// Datagrams that the network holds back, with their receivers.
    delayed: Delayed<(usize, Rc<[u8]>, Number)>,
    children: Children<'s>,
    terminal: &'s mut Terminal,
    show_notes: bool,
}

impl Driver<'_> {
    fn play(&mut self, sockets: &mut Sockets, signals: &mut Signals) -> io::Result<()> {
        let mut buffer = vec![0; DATAGRAM_BYTES];
        let mut last_progress: Option<Instant> = None;
        loop {
            self.simulation.step(self.started.elapsed(), Input::Time);
            self.carry_out(&sockets.lines);
            self.send_delayed(&sockets.lines);
            let asked_to_stop = signals.stop_requested() || self.terminal.is_closed();
            if self.simulation.is_finished() || asked_to_stop {
                return Ok(());
            }
            if last_progress.is_none_or(|last| last.elapsed() >= PROGRESS_EVERY) {
                self.terminal.progress(self.simulation.status());
                last_progress = Some(Instant::now());
            }
            let timeout = if sockets.any_readable() || self.expects_more() {
                Duration::ZERO
            } else {
                self.time_to_sleep()
            };
            if timeout.is_zero() {
                // Whoever shares this core with the driver may be the one to answer.
                std::thread::yield_now();
            }
            match sockets.poll.poll(&mut sockets.events, Some(timeout)) {
                Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error),
                _ => {}
            }
            let mut signalled = false;
            for event in &sockets.events {
                match sockets.lines.get_mut(event.token().0) {
                    Some(line) => line.readable = true,
                    None => signalled = true,
                }
            }
            if signalled {
                signals.drain();
            }
            if signalled || self.children.look_again_in().is_some() {
                self.look_after_children(sockets, &mut buffer);
            }
            for _ in 0..ROUNDS {
                if !self.receive_one_of_each(sockets, &mut buffer) {
                    break;
                }
            }
        }
    }

    /// Whether traffic is so recent that the next message is worth staying awake for.
    fn expects_more(&self) -> bool {
        self.last_traffic
            .is_some_and(|last| self.started.elapsed().saturating_sub(last) < STAY_AWAKE)
    }

    fn time_to_sleep(&self) -> Duration {
        let mut timeout = self
            .simulation
            .next_deadline()
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
            timeout = timeout.min(left.saturating_sub(POLL_MAY_BE_LATE));
        }
        timeout
    }

    /// Takes a datagram from every socket that may have one. Returns whether there was any.
    fn receive_one_of_each(&mut self, sockets: &mut Sockets, buffer: &mut [u8]) -> bool {
        let mut any = false;
        for index in 0..sockets.lines.len() {
            let line = &mut sockets.lines[index];
            if !line.readable || self.simulation.is_finished() {
                continue;
            }
            match line.socket.recv_from(buffer) {
                Ok((length, source)) => {
                    any = true;
                    let now = self.started.elapsed();
                    self.take_in(&mut sockets.lines, index, source, &buffer[..length], now);
                    self.carry_out(&sockets.lines);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => line.readable = false,
                // A datagram that could not be had is a lost one.
                Err(_) => any = true,
            }
        }
        any
    }

    fn take_in(
        &mut self,
        lines: &mut [Line],
        index: usize,
        source: SocketAddr,
        bytes: &[u8],
        now: Duration,
    ) {
        match datagram::read(bytes, &self.roster) {
            Err(why) => self.simulation.step(now, Input::Malformed(index, why)),
            Ok(Envelope {
                src,
                leader,
                kind,
                body,
            }) => {
                let body = match body {
                    Body::Hello => {
                        lines[index].replica = Some(source);
                        Body::Hello
                    }
                    Body::Unicast(to, payload) => Body::Unicast(to, Rc::from(payload)),
                    Body::Broadcast(payload) => Body::Broadcast(Rc::from(payload)),
                    Body::Answer(answer) => Body::Answer(answer),
                };
                let envelope = Envelope {
                    src,
                    leader,
                    kind,
                    body,
                };
                self.simulation.step(now, Input::Message(index, envelope));
            }
        }
    }

    fn look_after_children(&mut self, sockets: &mut Sockets, buffer: &mut [u8]) {
        let endings = self.children.look_after(Instant::now());
        if endings.is_empty() {
            return;
        }
        // What a replica sent before it died counts, its hello before all.
        for line in &mut sockets.lines {
            line.readable = true;
        }
        for _ in 0..ROUNDS {
            if !self.receive_one_of_each(sockets, buffer) {
                break;
            }
        }
        self.tell_endings(endings, &sockets.lines);
    }

    fn tell_endings(&mut self, endings: Vec<Ending>, lines: &[Line]) {
        for ending in endings {
            let input = match ending {
                Ending::Died(replica, how) => Input::Died(replica, how),
                Ending::LastWords(replica, words) => Input::LastWords(replica, words),
            };
            self.simulation.step(self.started.elapsed(), input);
            self.carry_out(lines);
        }
    }

    fn send_delayed(&mut self, lines: &[Line]) {
        while let Some((to, payload, number)) = self.delayed.take_due(self.started.elapsed()) {
            self.last_traffic = Some(self.started.elapsed());
            // Before it is sent: sending wakes the receiver, and may take longer than its answer.
            self.note_arrival(number);
            send(&lines[to], &payload);
        }
    }

    fn carry_out(&mut self, lines: &[Line]) {
        while let Some(action) = self.simulation.next_action() {
            let number = self.simulation.action_number();
            match action {
                Action::Deliver { to, payload, after } if after > Duration::ZERO => {
                    let due = self.started.elapsed() + after;
                    self.delayed.hold(due, (to, payload, number));
                }
                Action::Deliver { to, payload, .. } => {
                    self.last_traffic = Some(self.started.elapsed());
                    self.note_arrival(number);
                    send(&lines[to], &payload);
                }
                Action::Request { to, request } => {
                    self.last_traffic = Some(self.started.elapsed());
                    let bytes = datagram::write(&request, self.roster.replica(to));
                    self.note_arrival(number);
                    send(&lines[to], &bytes);
                }
                Action::Kill(replica) => self.children.kill(replica, Instant::now()),
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

/// Makes room for what a busy leader sends while the driver is not scheduled: what finds a socket's
/// buffer full is lost, and an answer that is lost nobody sends again.
fn enlarge_buffer(socket: &UdpSocket) {
    // Only a privileged process may go beyond the system's limit. The others get what they can, and
    // one that gets nothing has the default, with which everything works up to some thousand a second.
    if sockopt::set_socket_recv_buffer_size_force(socket, BUFFER_BYTES).is_err() {
        let _ = sockopt::set_socket_recv_buffer_size(socket, BUFFER_BYTES);
    }
}

/// Sends a replica a datagram. What the kernel refuses is lost, as with any network.
fn send(line: &Line, bytes: &[u8]) {
    if let Some(replica) = line.replica {
        let _ = line.socket.send_to(bytes, replica);
    }
}
