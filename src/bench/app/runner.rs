//! Runs one test or a whole suite, with real processes or in virtual time, shows each run and writes
//! its files.
//!
//! What is wrong with a file is kept until the end: it must never cost the results of a run. Which
//! tests there are and what the exit status is, is the business of `cli`.

use std::io::{BufWriter, Write};
use std::sync::Arc;

use super::places::{self, Target};
use super::plan::{Plan, Replicas};
use crate::bench::drivers::real::processes::{self, Order, RunError, Stage};
use crate::bench::drivers::real::signals::Signals;
use crate::bench::drivers::real::watchdog::Watchdog;
use crate::bench::drivers::virtual_time;
use crate::bench::record::history;
use crate::bench::show::output;
use crate::bench::show::paint::Paint;
use crate::bench::show::terminal::Terminal;
use crate::bench::show::{strip, table};
use crate::bench::trace;
use crate::bench::trace::results;
use crate::bench::verdict::report::Report;
use crate::bench::verdict::violation::violation;

/// How it went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The end that it came to.
    pub end: End,
    /// What could not be written, a line each.
    pub trouble: Vec<String>,
}

/// The end that a plan came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// All tests passed, and every history is linearizable as far as is known.
    Passed,
    /// All tests were run, and some failed or broke a promise that the course does not ask for.
    Failed,
    /// This signal ended it early.
    Interrupted(u8),
    /// Nobody read the output any more, and it ended early.
    Unread,
}

/// Carries out a plan.
///
/// # Errors
///
/// If nothing more can be run; one line.
pub fn run(plan: Plan) -> Result<Outcome, String> {
    let itself = places::own_program()?;
    let mut signals =
        Signals::install().map_err(|error| format!("signals cannot be handled: {error}"))?;
    let watchdog = Watchdog::start(&itself)
        .map_err(|error| format!("the watchdog does not start: {error}"))?;
    let mut terminal =
        Terminal::open().map_err(|error| format!("the terminal thread does not start: {error}"))?;
    let mut stage = Stage {
        watchdog: &watchdog,
        signals: &mut signals,
        terminal: &mut terminal,
    };
    let mut outcome = perform(plan, &mut stage)?;
    if let Some(error) = terminal.close() {
        outcome.trouble.push(format!("stdout: {error}"));
    }
    Ok(outcome)
}

fn perform(plan: Plan, stage: &mut Stage<'_>) -> Result<Outcome, String> {
    let paint = Paint::new(stage.terminal.colour());
    let tests = plan.tasks.len();
    let mut files = Files {
        json: plan.json,
        trouble: Vec::new(),
    };
    let mut reports: Vec<Report> = Vec::new();
    let mut broken = false;
    let mut last_group = "";
    for task in plan.tasks {
        match task.test {
            None => {
                let program = match &plan.replicas {
                    Replicas::Processes(program) => program.display().to_string(),
                    Replicas::Embedded(_) => "embedded cores in virtual time".to_owned(),
                };
                let heading = output::heading(&task.shown, &program, task.seed, paint);
                stage.terminal.text(heading);
                stage.terminal.text(output::purpose(&task.config));
            }
            Some(test) if test.group != last_group => {
                stage.terminal.text(output::group(test.group, paint));
                last_group = test.group;
            }
            Some(_) => {}
        }
        let mut promise = None;
        let (report, recording) = match &plan.replicas {
            Replicas::Processes(program) => {
                let order = Order {
                    program,
                    config: Arc::clone(&task.config),
                    seed: task.seed,
                    keep_recording: task.pictures.are_wanted(),
                    show_notes: !plan.is_suite,
                    show_output: plan.show_output,
                };
                let run = processes::run(&order, stage).map_err(|error| match error {
                    RunError::Program(_) => format!("replica {}: {error}", program.display()),
                    RunError::System(_) => error.to_string(),
                })?;
                stage.watchdog.forget_all();
                run
            }
            Replicas::Embedded(options) => {
                let order = virtual_time::order::Order {
                    options: options.as_ref().clone(),
                    keep_recording: task.pictures.are_wanted(),
                    ..virtual_time::order::Order::new(Arc::clone(&task.config), task.seed)
                };
                let run = virtual_time::run::run_whatever_happens(&order);
                broken |= violation(&run.report, run.violation.as_ref()).is_some();
                if let Some(what) = &run.violation {
                    stage.terminal.text(format!("VIOLATION {what}\n"));
                }
                promise = run.violation;
                (run.report, run.recording)
            }
        };
        broken |= report.linearizability.known() == Some(false);
        let found = trace::compile::violations(&report, promise.as_ref());
        stage.terminal.text(match task.test {
            Some(test) if report.complete => output::test_line(test, &report, paint),
            _ => output::report(&report, plan.show_output, paint),
        });
        if task.test.is_none() {
            let look = strip::Look {
                columns: stage.terminal.columns(),
                unicode: strip::knows_unicode(),
                paint,
            };
            stage.terminal.text(strip::chart(&report, look));
        }
        let circumstances = task.circumstances(&plan.replicas);
        let why = output::why(&report, found.first(), &circumstances.command, paint);
        stage.terminal.text(why);
        files.save(&report, task.history);
        let trouble = task
            .pictures
            .save(&report, recording, found, &circumstances);
        files.trouble.extend(trouble);
        if !report.complete {
            break;
        }
        reports.push(report);
        if stage.signals.stop_requested() || stage.terminal.is_closed() {
            break;
        }
    }
    if plan.is_suite {
        let table = table::table(&reports, tests, paint, stage.terminal.columns());
        stage.terminal.text(format!("\n{table}"));
        if reports.len() < tests {
            let note = format!("Interrupted: {} tests were run.\n", reports.len());
            stage.terminal.text(note);
        }
    }
    let end = match stage.signals.stop_signal() {
        _ if reports.len() == tests && !broken && reports.iter().all(Report::passed) => End::Passed,
        _ if reports.len() == tests => End::Failed,
        Some(signal) => End::Interrupted(signal),
        // A run in virtual time ends at the first broken promise.
        None if broken => End::Failed,
        None => End::Unread,
    };
    Ok(Outcome {
        end,
        trouble: files.trouble,
    })
}

/// The files to write, and what went wrong with them.
struct Files {
    json: Option<Target>,
    trouble: Vec<String>,
}

impl Files {
    fn save(&mut self, report: &Report, history: Option<Target>) {
        if let (Some(Target { path, file }), Some(events)) = (history, &report.history)
            && let Err(error) = history::write(events, &mut BufWriter::new(file))
        {
            self.trouble.push(format!("{}: {error}", path.display()));
        }
        // Programs are told of runs that came to their end only.
        if let Some(Target { path, file }) = self.json.as_mut().filter(|_| report.complete) {
            let line = format!("{}\n", results::object(report));
            if let Err(error) = file.write_all(line.as_bytes()) {
                self.trouble.push(format!("{}: {error}", path.display()));
                // Half a line may be there now; nothing must come behind it.
                self.json = None;
            }
        }
    }
}
