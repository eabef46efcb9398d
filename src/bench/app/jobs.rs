//! Makes runs, several at a time if that is asked for, and hands each over when it is over.
//!
//! Every run is made by a thread of this process, with sockets, replicas and a watch of its own. It shares
//! the watchdog, which knows all replicas, and the terminal and signals, which are there for every thread.
//! A thread has ended all replicas of a run before it takes the next. Must never judge nor show a run.

use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use std::{thread, vec};

use super::places::Written;
use super::plan::{Replicas, Task};
use crate::bench::drivers::real::processes::{self, RunError, Stage};
use crate::bench::drivers::virtual_time;
use crate::bench::record::history;
use crate::bench::show::terminal::Terminal;
use crate::bench::trace::compile::{Circumstances, compile};
use crate::bench::trace::{self, Trace};
use crate::bench::verdict::report::Report;
use crate::bench::verdict::violation::{Violation, violation};

/// How often the bar moves.
const PROGRESS_EVERY: Duration = Duration::from_millis(500);

/// How runs are made.
#[derive(Clone, Copy, Debug)]
pub struct How<'p> {
    /// What the replicas are.
    pub replicas: &'p Replicas,
    /// How many at a time, at least one.
    pub at_a_time: usize,
    /// Whether what simulator and replicas say is shown.
    pub show_notes: bool,
    /// The same for the replicas.
    pub show_output: bool,
    /// Whether the traces of runs that went wrong are wanted.
    pub keep_failed: bool,
}

/// A run that was made.
#[derive(Debug)]
pub struct Made {
    /// What was to be run; its files are written.
    pub task: Task,
    /// What came of it.
    pub report: Report,
    /// The promise that an embedded replica broke, if one did.
    pub broken: Option<Violation>,
    /// What it showed that none may show, in the order of time.
    pub found: Vec<trace::Violation>,
    /// What decided it.
    pub circumstances: Circumstances,
    /// What became of its files.
    pub written: Written,
    /// The trace of a run that went wrong, if it is wanted.
    pub trace: Option<Trace>,
}

impl Made {
    /// What it showed that none may show, whatever the course's limits.
    pub fn violation(&self) -> Option<String> {
        violation(&self.report, self.broken.as_ref())
    }
}

/// Makes all runs and hands over each, in their order; with it the terminal. It ends early if a signal
/// asks for it or nobody reads stdout any more: then the runs under way are handed over incomplete.
///
/// # Errors
///
/// If a run cannot be made; one line.
pub fn make_all(
    tasks: Vec<Task>,
    how: How<'_>,
    stage: &mut Stage<'_>,
    mut hand_over: impl FnMut(&mut Terminal, Made),
) -> Result<(), String> {
    let total = tasks.len();
    let indexed: Vec<(usize, Task)> = tasks.into_iter().enumerate().collect();
    let queue = Mutex::new(indexed.into_iter());
    // By their numbers, as they end.
    let mut made: Vec<Option<Made>> = (0..total).map(|_| None).collect();
    let mut result = Ok(());
    thread::scope(|scope| {
        let (tell, told) = channel();
        for _ in 0..how.at_a_time {
            let signals = stage.signals.for_another_thread();
            let signals = signals.map_err(|error| format!("signals cannot be handled: {error}"))?;
            let terminal = stage.terminal.for_another_thread(how.at_a_time == 1);
            let watchdog = stage.watchdog;
            let (queue, tell) = (&queue, tell.clone());
            let work = move || {
                let (mut signals, mut terminal) = (signals, terminal);
                let mut stage = Stage {
                    watchdog,
                    signals: &mut signals,
                    terminal: &mut terminal,
                };
                make_some(queue, how, &mut stage, &tell);
            };
            let started = thread::Builder::new()
                .name("run".to_owned())
                .spawn_scoped(scope, work);
            started.map_err(|error| format!("a thread does not start: {error}"))?;
        }
        drop(tell);
        let (mut next, mut done) = (0, 0);
        loop {
            if how.at_a_time > 1 {
                let terminal = &mut *stage.terminal;
                terminal.progress_of_runs(done, total, how.at_a_time);
            }
            match told.recv_timeout(PROGRESS_EVERY) {
                Ok((_, Err(error))) => result = result.and(Err(error)),
                Ok((number, Ok(one))) => {
                    made[number] = Some(one);
                    done += 1;
                }
                Err(RecvTimeoutError::Timeout) => continue,
                Err(RecvTimeoutError::Disconnected) => break,
            }
            while let Some(one) = made.get_mut(next).and_then(Option::take) {
                next += 1;
                hand_over(stage.terminal, one);
            }
        }
        if how.at_a_time > 1 {
            stage.terminal.end_progress();
        }
        // After an early end some are missing in between.
        let rest = made.iter_mut().filter_map(Option::take);
        rest.for_each(|one| hand_over(stage.terminal, one));
        result
    })
}

/// Makes runs until there are no more, or somebody asks to stop.
fn make_some(
    queue: &Mutex<vec::IntoIter<(usize, Task)>>,
    how: How<'_>,
    stage: &mut Stage<'_>,
    tell: &Sender<(usize, Result<Made, String>)>,
) {
    while !stage.signals.stop_requested() && !stage.terminal.is_closed() {
        let next = queue.lock().unwrap_or_else(PoisonError::into_inner).next();
        let Some((number, task)) = next else { return };
        let made = make(task, how, stage);
        if made.is_err() {
            // The others would not fare better, and nobody waits for what they find.
            stage.signals.abandon();
        }
        // A run that did not come to its end was interrupted, or broke a promise in virtual time.
        let is_last = made.as_ref().is_ok_and(|made| !made.report.complete);
        // What it said stands above what is said of it.
        stage.terminal.text(String::new());
        if tell.send((number, made)).is_err() || is_last {
            return;
        }
    }
}

/// Makes a run and writes its files.
fn make(mut task: Task, how: How<'_>, stage: &mut Stage<'_>) -> Result<Made, String> {
    let keep_recording = how.keep_failed || task.pictures.are_wanted();
    let (report, recording, broken) = match how.replicas {
        Replicas::Processes(program) => {
            let order = processes::Order {
                program,
                config: Arc::clone(&task.config),
                seed: task.seed,
                keep_recording,
                show_notes: how.show_notes,
                show_output: how.show_output,
                others: how.at_a_time - 1,
            };
            let run = processes::run(&order, stage);
            let (report, recording) = run.map_err(|error| match error {
                RunError::Program(_) => format!("replica {}: {error}", program.display()),
                RunError::System(_) => error.to_string(),
            })?;
            (report, recording, None)
        }
        Replicas::Embedded(options) => {
            let order = virtual_time::order::Order {
                options: options.as_ref().clone(),
                keep_recording,
                ..virtual_time::order::Order::new(Arc::clone(&task.config), task.seed)
            };
            let run = virtual_time::run::run_whatever_happens(&order);
            (run.report, run.recording, run.violation)
        }
    };
    let found = trace::compile::violations(&report, broken.as_ref());
    let circumstances = task.circumstances(how.replicas);
    let mut written = Written::default();
    if let (Some(target), Some(events)) = (task.history.take(), &report.history) {
        written.note("history", target.write(|to| history::write(events, to)));
    }
    let went_wrong = report.complete && !(report.passed() && found.is_empty());
    let keep = how.keep_failed && went_wrong;
    let mut trace = None;
    if keep || task.pictures.are_wanted() {
        let compiled = compile(&report, recording, found.clone(), &circumstances);
        std::mem::take(&mut task.pictures).save(&compiled, &mut written);
        trace = keep.then_some(compiled);
    }
    Ok(Made {
        task,
        report,
        broken,
        found,
        circumstances,
        written,
        trace,
    })
}
