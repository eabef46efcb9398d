//! Runs one test, a whole suite, or either many times, and shows each run as it ends.
//!
//! What is wrong with a file is kept until the end: it must never cost the results of a run. Which
//! tests there are and what the exit status is, is the business of `cli`.

use std::time::Instant;

use super::ends::Summary;
use super::jobs::{How, Made, make_all};
use super::kept::Kept;
use super::narrator;
use super::places::{self, GrowingFile, Written};
use super::plan::{Plan, Replicas, Task};
use crate::bench::drivers::real::processes::Stage;
use crate::bench::drivers::real::signals::Signals;
use crate::bench::drivers::real::watchdog::Watchdog;
use crate::bench::show::paint::Paint;
use crate::bench::show::terminal::Terminal;
use crate::bench::show::{output, strip, summary, table};
use crate::bench::trace::results;
use crate::bench::verdict::report::Report;
use crate::bench::verdict::samples::{Sample, Sweep, Way};

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
    /// All tests were run, and some failed, broke a promise that the course does not ask for, or are worse
    /// than what they were held against.
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
    let started = Instant::now();
    let total = plan.tasks.len();
    let how = How {
        replicas: &plan.replicas,
        at_a_time: plan.jobs.clamp(1, total.max(1)),
        show_notes: !plan.is_suite && !plan.is_repeated,
        show_output: plan.show_output,
        keep_failed: plan.is_repeated,
    };
    let mut gathering = Gathering {
        paint: Paint::new(stage.terminal.colour()),
        is_suite: plan.is_suite,
        is_repeated: plan.is_repeated,
        shows_output: plan.show_output,
        headings: headings(&plan),
        way: Way {
            is_virtual: matches!(plan.replicas, Replicas::Embedded(_)),
            at_a_time: how.at_a_time,
        },
        replicas: &plan.replicas,
        json: plan.ends.json.map(GrowingFile::begin).transpose()?,
        kept: Kept::new(plan.keep),
        complete: 0,
        all_good: true,
        reports: Vec::new(),
        sweeps: Vec::new(),
        written: Written::default(),
    };
    if gathering.way.is_virtual && plan.show_output {
        narrator::start(stage.terminal.lines());
    }
    gathering.announce(stage.terminal);
    make_all(plan.tasks, how, stage, |terminal, made| {
        gathering.take(made, terminal);
    })?;
    let Gathering {
        paint,
        json,
        kept,
        complete,
        mut all_good,
        reports,
        sweeps,
        mut written,
        ..
    } = gathering;
    if let Some(json) = json {
        json.end("results", &mut written);
    }
    let signal = stage.signals.stop_signal();
    if plan.is_suite && !plan.is_repeated {
        let table = table::table(&reports, total, paint, stage.terminal.columns());
        stage.terminal.text(format!("\n{table}"));
        if complete < total {
            let note = format!("Interrupted: {complete} tests were run.\n");
            stage.terminal.text(note);
        }
    }
    let many = Summary {
        sweeps: &sweeps,
        planned: total as u64,
        took: started.elapsed(),
        was_interrupted: complete < total,
    };
    if plan.is_repeated {
        stage.terminal.text(summary::tables(&sweeps));
        stage.terminal.text(kept.table(&sweeps));
        stage.terminal.text(many.last_line());
    }
    if let Some(target) = plan.ends.report {
        written.note("report", many.draw(target));
    }
    if let Some(baseline) = plan.ends.baseline {
        let held = baseline.against(&sweeps);
        stage.terminal.text(held.text);
        all_good &= !held.is_worse;
    }
    stage.terminal.text(written.told());
    let end = match signal {
        _ if complete == total && all_good => End::Passed,
        _ if complete == total => End::Failed,
        Some(signal) => End::Interrupted(signal),
        // A run in virtual time ends at the first broken promise.
        None if !all_good => End::Failed,
        None => End::Unread,
    };
    Ok(Outcome {
        end,
        trouble: written.trouble,
    })
}

/// What stands above each run, if anything does: of a single one its heading, in a suite each group's.
fn headings(plan: &Plan) -> Vec<Option<Heading>> {
    let mut last_group = "";
    let heading = |task: &Task| match task.test {
        _ if plan.is_repeated => None,
        Some(test) if test.group == last_group => None,
        Some(test) => {
            last_group = test.group;
            Some(Heading::Group(test.group))
        }
        None => {
            let program = match &plan.replicas {
                Replicas::Processes(program) => program.display().to_string(),
                Replicas::Embedded(_) => "embedded cores in virtual time".to_owned(),
            };
            Some(Heading::Single {
                shown: task.shown.clone(),
                program,
                seed: task.seed,
                purpose: output::purpose(&task.config),
            })
        }
    };
    plan.tasks.iter().map(heading).collect()
}

/// What stands above a run.
enum Heading {
    Group(&'static str),
    Single {
        shown: String,
        program: String,
        seed: u64,
        purpose: String,
    },
}

/// What is gathered of the runs, and how they are shown.
struct Gathering<'p> {
    paint: Paint,
    is_suite: bool,
    is_repeated: bool,
    /// Whether the terminal shows what the replicas print.
    shows_output: bool,
    /// By the number of the run; taken when shown.
    headings: Vec<Option<Heading>>,
    way: Way,
    replicas: &'p Replicas,
    json: Option<GrowingFile>,
    kept: Kept,
    /// How many runs came to their end.
    complete: usize,
    /// Whether all of them passed and showed nothing that none may show.
    all_good: bool,
    /// Of a suite, for its table.
    reports: Vec<Report>,
    sweeps: Vec<Sweep>,
    written: Written,
}

impl Gathering<'_> {
    /// Shows what stands above the run that is shown next.
    fn announce(&mut self, terminal: &mut Terminal) {
        let next = self.headings.get_mut(self.complete);
        match next.and_then(Option::take) {
            None => {}
            Some(Heading::Group(name)) => terminal.text(output::group(name, self.paint)),
            Some(Heading::Single {
                shown,
                program,
                seed,
                purpose,
            }) => {
                terminal.text(output::heading(&shown, &program, seed, self.paint));
                terminal.text(purpose);
            }
        }
    }

    /// Shows a run and keeps what is wanted of it.
    fn take(&mut self, made: Made, terminal: &mut Terminal) {
        let violation = made.violation();
        self.show(&made, terminal);
        let Made {
            task,
            report,
            broken,
            found,
            circumstances,
            written,
            trace,
        } = made;
        self.written.add(written);
        self.all_good &= violation.is_none();
        // Programs are told of runs that came to their end only.
        if !report.complete {
            return;
        }
        self.complete += 1;
        self.all_good &= report.passed();
        if let Some(json) = &mut self.json {
            let command = &circumstances.command;
            let line = results::line(&report, self.way.is_virtual, command, violation.as_deref());
            json.add(&line, &mut self.written);
        }
        if let Some(trace) = trace {
            let cause = output::cause(&report, found.first());
            self.kept.take(&report, &cause, &trace, &mut self.written);
        }
        let sweep = self.sweep_of(&task);
        sweep.samples.push(Sample::of(&report, broken.as_ref()));
        if self.is_suite && !self.is_repeated {
            self.reports.push(report);
        }
        self.announce(terminal);
    }

    fn sweep_of(&mut self, task: &Task) -> &mut Sweep {
        let mut sweeps = self.sweeps.iter();
        let place = sweeps.position(|sweep| sweep.config == task.config.name);
        let place = place.unwrap_or_else(|| {
            let command = task.command(self.replicas);
            self.sweeps
                .push(Sweep::new(&task.config, command, self.way));
            self.sweeps.len() - 1
        });
        &mut self.sweeps[place]
    }

    fn show(&self, made: &Made, terminal: &mut Terminal) {
        let (report, paint) = (&made.report, self.paint);
        if let Some(what) = &made.broken {
            terminal.text(format!("VIOLATION {what}\n"));
        }
        if !report.complete && self.way.at_a_time > 1 {
            terminal.text(output::interrupted_line(report));
            return;
        }
        let description = made.task.test.map_or("", |test| test.description);
        terminal.text(match made.task.test {
            _ if self.is_repeated && report.complete => {
                output::test_line(description, report, paint)
            }
            Some(_) if report.complete => output::test_line(description, report, paint),
            _ => output::report(report, self.shows_output, paint),
        });
        if made.task.test.is_none() && !self.is_repeated {
            let look = strip::Look {
                columns: terminal.columns(),
                unicode: strip::knows_unicode(),
                paint,
            };
            terminal.text(strip::chart(report, look));
        }
        let command = &made.circumstances.command;
        terminal.text(output::why(report, made.found.first(), command, paint));
    }
}
