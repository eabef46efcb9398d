//! Carries out sweeps as the command line asks for them: progress, tables, violations, files.

use std::io::{self, Write};
use std::ops::Range;
use std::time::Instant;

use indicatif::ProgressBar;

use super::ends::Summary;
use super::places::{GrowingFile, Written};
use super::plan::{Ends, Plan, Replicas, Task};
use super::runner::{End, Outcome};
use super::sweep::sweep;
use crate::bench::drivers::real::signals::Signals;
use crate::bench::record::history;
use crate::bench::show::{progress, summary};
use crate::bench::trace::results;
use crate::bench::verdict::samples::{Sample, Sweep, Way};
use crate::replica::Options;

/// Plays every seed with every test of the plan, until a signal asks to stop.
///
/// # Errors
///
/// If the plan's replicas are not embedded, or nothing can be played; one line.
pub fn run(plan: Plan, seeds: Range<u64>) -> Result<Outcome, String> {
    let Replicas::Embedded(options) = &plan.replicas else {
        return Err("only embedded replicas can be swept".to_owned());
    };
    let signals =
        Signals::install().map_err(|error| format!("signals cannot be handled: {error}"))?;
    let runs = (seeds.end - seeds.start) * plan.tasks.len() as u64;
    let bar = progress::of_sweeps(runs);
    let started = Instant::now();
    let mut written = Written::default();
    let mut ends = plan.ends;
    let mut json = ends.json.take().map(GrowingFile::begin).transpose()?;
    let mut sweeps = Vec::with_capacity(plan.tasks.len());
    for mut task in plan.tasks {
        bar.set_prefix(task.config.name.clone());
        let way = Way {
            is_virtual: true,
            at_a_time: 1,
        };
        let mut swept = Sweep::new(&task.config, task.command(&plan.replicas), way);
        let keep_json = json.is_some();
        swept.samples = play(
            &task,
            &swept.command,
            options,
            seeds.clone(),
            keep_json,
            &bar,
            &signals,
        );
        if let Some(json) = &mut json {
            let lines = swept.samples.iter_mut().filter_map(|it| it.json.take());
            json.add(&lines.collect::<String>(), &mut written);
        }
        if let (Some(target), [only]) = (task.history.take(), swept.samples.as_slice()) {
            let events = only.history.as_deref().unwrap_or_default();
            written.note("history", target.write(|to| history::write(events, to)));
        }
        sweeps.push(swept);
    }
    bar.finish_and_clear();
    if let Some(json) = json {
        json.end("results", &mut written);
    }
    let signal = signals.stop_signal();
    let many = Summary {
        sweeps: &sweeps,
        planned: runs,
        took: started.elapsed(),
        was_interrupted: signal.is_some(),
    };
    Ok(conclude(&many, ends, signal, written))
}

/// Tells what came of sweeps: prints their tables, draws their page, holds them against a baseline. What
/// cannot be written costs none of the others.
pub fn conclude(
    many: &Summary<'_>,
    ends: Ends,
    signal: Option<u8>,
    mut written: Written,
) -> Outcome {
    let failures: String = many.sweeps.iter().map(summary::failures).collect();
    let mut text = format!(
        "{}\n{failures}{}",
        summary::tables(many.sweeps),
        many.last_line()
    );
    let mut is_worse = false;
    if let Some(baseline) = ends.baseline {
        let held = baseline.against(many.sweeps);
        text += &held.text;
        is_worse = held.is_worse;
    }
    if let Some(target) = ends.report {
        written.note("report", many.draw(target));
    }
    text += &written.told();
    let mut trouble = written.trouble;
    match io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            trouble.push(format!("stdout: {error}"));
        }
        _ => {}
    }
    let end = match signal {
        Some(signal) => End::Interrupted(signal),
        None if many.violations() == 0 && !is_worse => End::Passed,
        None => End::Failed,
    };
    Outcome { end, trouble }
}

fn play(
    task: &Task,
    command: &str,
    options: &Options,
    seeds: Range<u64>,
    keep_json: bool,
    bar: &ProgressBar,
    signals: &Signals,
) -> Vec<Sample> {
    let last = seeds.end - 1;
    let only_one = seeds.start == last;
    let is_over = || signals.stop_requested();
    let command_of = |seed: u64| format!("{command} --seed {seed}");
    let mut samples = sweep(&task.config, seeds.start..=last, options, is_over, |run| {
        bar.inc(1);
        let mut sample = Sample::of(&run.report, run.violation.as_ref());
        if keep_json {
            let command = command_of(sample.seed);
            let violation = sample.violation.as_deref();
            sample.json = Some(results::line(&run.report, true, &command, violation));
        }
        if only_one && task.history.is_some() {
            sample.history.clone_from(&run.report.history);
        }
        sample
    });
    if keep_json {
        for sample in samples.iter_mut().filter(|sample| sample.json.is_none()) {
            let command = command_of(sample.seed);
            let violation = sample.violation.as_deref();
            let line = results::line_of_panic(&task.config, sample.seed, &command, violation);
            sample.json = Some(line);
        }
    }
    samples
}
