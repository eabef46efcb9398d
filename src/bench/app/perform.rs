//! Carries out sweeps as the command line asks for them: progress, tables, violations, files.

use std::io::{self, BufWriter, Write};
use std::ops::Range;
use std::time::Instant;

use indicatif::ProgressBar;

use super::places::Target;
use super::plan::{Plan, Replicas, Task};
use super::sweep::sweep;
use crate::bench::drivers::real::signals::Signals;
use crate::bench::page;
use crate::bench::record::history;
use crate::bench::show::{progress, summary};
use crate::bench::trace::results;
use crate::bench::verdict::samples::{Sample, Sweep};
use crate::replica::Options;

/// How a sweep ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// No run showed what none may show.
    Sound,
    /// Some did.
    Violated,
    /// This signal ended it early; what was played until then was summed up.
    Interrupted(u8),
}

/// Plays every seed with every test of the plan, until a signal asks to stop.
///
/// # Errors
///
/// If the plan's replicas are not embedded, or a file or the output cannot be written; one line.
pub fn run(plan: Plan, seeds: Range<u64>) -> Result<End, String> {
    let Replicas::Embedded(options) = &plan.replicas else {
        return Err("only embedded replicas can be swept".to_owned());
    };
    let signals =
        Signals::install().map_err(|error| format!("signals cannot be handled: {error}"))?;
    let count = seeds.end - seeds.start;
    let runs = count * plan.tasks.len() as u64;
    let bar = progress::of_sweeps(runs);
    let started = Instant::now();
    let mut json = plan.json;
    let mut sweeps = Vec::with_capacity(plan.tasks.len());
    let mut findings = String::new();
    let mut commands = Vec::with_capacity(plan.tasks.len());
    for mut task in plan.tasks {
        bar.set_prefix(task.config.name.clone());
        let swept = sweep_task(
            &task,
            options,
            seeds.clone(),
            json.is_some(),
            &bar,
            &signals,
        );
        if let Some(target) = &mut json {
            write_json(&swept, target)?;
        }
        if let (Some(Target { path, file }), [only]) =
            (task.history.take(), swept.samples.as_slice())
        {
            let events = only.history.as_deref().unwrap_or_default();
            history::write(events, &mut BufWriter::new(file))
                .map_err(|error| format!("{}: {error}", path.display()))?;
        }
        let command = task.virtual_command(options);
        findings.push_str(&summary::failures(&swept, &command));
        sweeps.push(swept);
        commands.push(command);
    }
    bar.finish_and_clear();
    if let Some(Target { path, mut file }) = plan.sweep_report {
        let drawn = sweeps.into_iter().zip(commands).collect::<Vec<_>>();
        file.write_all(page::of_sweeps(&drawn, runs).as_bytes())
            .map_err(|error| format!("{}: {error}", path.display()))?;
        sweeps = drawn.into_iter().map(|(sweep, _)| sweep).collect();
    }
    let violations: usize = sweeps.iter().map(|sweep| sweep.violations().count()).sum();
    let seconds = started.elapsed().as_secs_f64();
    let played: usize = sweeps.iter().map(|sweep| sweep.samples.len()).sum();
    let interrupted = match signals.stop_signal() {
        Some(_) => format!("Interrupted, of {runs} runs these were played: "),
        None => String::new(),
    };
    let text = format!(
        "{}\n{findings}{interrupted}{played} runs in {seconds:.1} s, {violations} with a violation.\n",
        summary::tables(&sweeps),
    );
    match io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(format!("stdout: {error}")),
        _ => Ok(match signals.stop_signal() {
            Some(signal) => End::Interrupted(signal),
            None if violations == 0 => End::Sound,
            None => End::Violated,
        }),
    }
}

fn sweep_task(
    task: &Task,
    options: &Options,
    seeds: Range<u64>,
    keep_json: bool,
    bar: &ProgressBar,
    signals: &Signals,
) -> Sweep {
    let last = seeds.end - 1;
    let only_one = seeds.start == last;
    let is_over = || signals.stop_requested();
    sweep(&task.config, seeds.start..=last, options, is_over, |run| {
        bar.inc(1);
        let mut sample = Sample::of(&run.report, run.violation.as_ref());
        sample.json = keep_json.then(|| results::object(&run.report).to_string());
        if only_one && task.history.is_some() {
            sample.history.clone_from(&run.report.history);
        }
        sample
    })
}

fn write_json(sweep: &Sweep, Target { path, file }: &mut Target) -> Result<(), String> {
    let mut writer = BufWriter::new(file);
    for line in sweep
        .samples
        .iter()
        .filter_map(|sample| sample.json.as_ref())
    {
        writeln!(writer, "{line}").map_err(|error| format!("{}: {error}", path.display()))?;
    }
    writer
        .flush()
        .map_err(|error| format!("{}: {error}", path.display()))
}
