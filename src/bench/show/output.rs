//! A run as text for people.
//!
//! Only turns reports into lines, colours included if wanted; must never decide what is good.

use std::fmt::Write;
use std::time::Duration;

use console::Style;

use super::paint::Paint;
use super::reasons;
use crate::bench::config::Config;
use crate::bench::config::Metric;
use crate::bench::record::lateness::{Lateness, Waiter};
use crate::bench::record::stats::{Counters, mean, median, percentile};
use crate::bench::record::timeline::FaultKind;
use crate::bench::trace::Violation;
use crate::bench::trace::recording::nanoseconds;
use crate::bench::verdict::causes::Cause;
use crate::bench::verdict::history_check::Linearizability;
use crate::bench::verdict::report::Report;

/// A time in milliseconds, or `-` if there is none.
pub fn milliseconds(time: Option<Duration>) -> String {
    time.map_or_else(
        || "-".to_owned(),
        |time| format!("{:.3} ms", time.as_secs_f64() * 1e3),
    )
}

/// A metric's value as people read it.
pub fn value(metric: Metric, value: Option<f64>) -> String {
    match (metric, value) {
        (Metric::MedianLatency, Some(seconds)) => format!("{:.3} ms", seconds * 1e3),
        (_, Some(number)) => format!("{number:.0}"),
        (_, None) => "-".to_owned(),
    }
}

/// What stands before a single run.
pub fn heading(config: &str, program: &str, seed: u64, paint: Paint) -> String {
    paint.heading(&format!("# Running {config} with {program}, seed {seed}")) + "\n"
}

/// What the run is to show, to stand below the heading; nothing if its config does not say.
pub fn purpose(config: &Config) -> String {
    let purpose = config.purpose.as_ref();
    purpose.map_or_else(String::new, |purpose| format!("{purpose}\n"))
}

/// Everything about a single run, from its end to its verdict. `output_shown`: what the replicas printed
/// stands above already.
pub fn report(report: &Report, output_shown: bool, paint: Paint) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = write_report(&mut text, report, output_shown, paint);
    text
}

fn write_report(
    text: &mut String,
    report: &Report,
    output_shown: bool,
    paint: Paint,
) -> std::fmt::Result {
    let title = if report.complete {
        "# Simulation Finished"
    } else {
        "# Simulation Interrupted"
    };
    writeln!(text, "\n{}\n", paint.heading(title))?;
    write_statistics(text, report, paint)?;
    if !report.complete {
        let after = report.lasted.as_secs_f64();
        return writeln!(text, "\nInterrupted after {after:.1} s: not judged.");
    }
    writeln!(text, "\n{}", paint.heading("## Correctness Checks"))?;
    write_errors(text, report, "", !output_shown, paint)?;
    if report.is_good() {
        writeln!(text, "All correct.")?;
    }
    match &report.linearizability {
        Linearizability::Unchecked if report.counters.completed == 0 => {
            writeln!(text, "History: nothing to check, no request was completed.")?;
        }
        Linearizability::Unchecked => {}
        Linearizability::Holds => writeln!(text, "History: linearizable.")?,
        Linearizability::Undecided => {
            writeln!(text, "History: too hard to say whether it is linearizable.")?;
        }
        Linearizability::Violated(_) => {
            let said = paint.bad("History: not linearizable, see below.");
            writeln!(text, "{said}")?;
        }
    }
    writeln!(text, "\n{}", paint.heading("## Performance Tests"))?;
    if report.is_disproved() {
        writeln!(text, "Worth nothing, for the history is not linearizable.")?;
    } else if report.passed() {
        write_tiers(text, report, paint)?;
    } else {
        writeln!(text, "Not judged, for the run was not correct.")?;
    }
    reasons::write_hints(text, report, "", paint)?;
    write_verdict(text, report, paint)
}

fn write_tiers(text: &mut String, report: &Report, paint: Paint) -> std::fmt::Result {
    for (index, metric) in Metric::ALL.into_iter().enumerate() {
        let [bonus, full, partial] =
            report.config.benchmarks[index].map(|threshold| value(metric, Some(threshold)));
        let tier = report.verdict.tiers[index];
        writeln!(
            text,
            "{:<16} {:>12}  {} (bonus < {bonus}, full < {full}, partial < {partial})",
            title_of(metric),
            value(metric, report.verdict.values[index]),
            paint.tier(tier, &format!("{:<14}", tier.title())),
        )?;
        if metric == Metric::Failures {
            write_doomed(text, report)?;
        }
        reasons::write_costs(text, report, metric)?;
    }
    Ok(())
}

/// The verdict's line, with the cause of a failure, and what proves it.
fn write_verdict(text: &mut String, report: &Report, paint: Paint) -> std::fmt::Result {
    let name = &report.config.name;
    let good = report.is_good();
    let verdict = match good {
        true => paint.good(&format!("PASSED {name}")),
        false => paint.bad(&format!("FAILED {name}")),
    };
    let why = report.why().filter(|_| !good);
    let why = why.map_or(String::new(), |cause| {
        format!(": {}", reasons::sentence(cause))
    });
    writeln!(text, "\n{verdict} (seed {}){why}", report.seed)?;
    if report.passed() && report.is_disproved() {
        writeln!(
            text,
            "The course's program, which does not look at histories, would pass it."
        )?;
    }
    write_violation(text, report, paint)
}

/// The proof that the history is not linearizable.
fn write_violation(text: &mut String, report: &Report, paint: Paint) -> std::fmt::Result {
    let Linearizability::Violated(how) = &report.linearizability else {
        return Ok(());
    };
    let title = paint.bad("NOT LINEARIZABLE");
    writeln!(text, "\n{title}:\n{how}")
}

/// Which of the failures are nobody's, if any are.
fn write_doomed(text: &mut String, report: &Report) -> std::fmt::Result {
    let doomed = report.evidence.doomed;
    if doomed == 0 {
        return Ok(());
    }
    let they = if doomed == 1 { "It was" } else { "They were" };
    writeln!(
        text,
        "{:<16} {doomed:>12}  {they} sent to a replica in the turn of its kill: nobody could have answered.",
        "  of them doomed",
    )
}

fn title_of(metric: Metric) -> &'static str {
    match metric {
        Metric::TotalMsgs => "Total messages",
        Metric::Failures => "Failures",
        Metric::Duplicates => "Duplicates",
        Metric::MedianLatency => "Median latency",
    }
}

fn write_statistics(text: &mut String, report: &Report, paint: Paint) -> std::fmt::Result {
    let counters = &report.counters;
    let requests = &counters.request_latencies;
    writeln!(
        text,
        "{}",
        paint.heading("## Useful Information and Statistics")
    )?;
    let mut row = |name: &str, value: &dyn std::fmt::Display| writeln!(text, "{name:<40} {value}");
    row("Leader:", &report.leader)?;
    row("Total messages sent:", &counters.total_msgs)?;
    let (dropped, lost, cut) = (counters.dropped(), counters.lost, counters.cut);
    let dropped = format!("{dropped} ({lost} lost, {cut} cut by partitions)");
    row("Total messages dropped:", &dropped)?;
    if report.config.faults.client_drops > 0.0 {
        row("Lost to and from clients:", &counters.client_lost)?;
    }
    row("Client get requests:", &counters.generated_get)?;
    row("Client put requests:", &counters.generated_put)?;
    row(
        "Gets that had to become puts:",
        &counters.failed_to_generate_get,
    )?;
    row("Duplicate responses:", &counters.duplicates)?;
    row("Unanswered get requests:", &report.evidence.unanswered_get)?;
    row("Unanswered put requests:", &report.evidence.unanswered_put)?;
    if report.evidence.doomed > 0 {
        row("Unanswered because doomed:", &report.evidence.doomed)?;
    }
    row("Redirects:", &counters.redirects)?;
    row("Get failures:", &counters.get_failures)?;
    row("Put failures:", &counters.put_failures)?;
    row("Incorrect messages and values:", &counters.incorrect)?;
    let answers = &counters.answer_latencies;
    row("Mean latency per answer:", &milliseconds(mean(answers)))?;
    row("Median latency per answer:", &milliseconds(median(answers)))?;
    row(
        "Latency per request, p50/p99/max:",
        &request_latency(requests),
    )?;
    row("Messages by type:", &by_type(report))?;
    row("Outages after kills of a leader:", &outages(report))?;
    row("Turns by requests fired together:", &bursts(counters))?;
    if let Some(late) = late(&report.lateness) {
        row("Simulator late:", &late)?;
    }
    row("Seed:", &report.seed)
}

/// The latency of requests as `p50 / p99 / max`.
pub fn request_latency(latencies: &[Duration]) -> String {
    let at = |quantile| milliseconds(percentile(latencies, quantile));
    format!("{} / {} / {}", at(0.5), at(0.99), at(1.0))
}

/// The outages of a run, or `none`.
pub fn outages(report: &Report) -> String {
    let outages = &report.counters.outages;
    match outages.is_empty() {
        true => "none".to_owned(),
        false => {
            // The last ones never ended.
            let ended = outages.len() - report.observed.unended_outages.len().min(outages.len());
            let texts = outages.iter().enumerate().map(|(place, time)| {
                let time = milliseconds(Some(*time));
                match place < ended {
                    true => time,
                    false => format!("no end ({time} to the end of the run)"),
                }
            });
            texts.collect::<Vec<_>>().join(", ")
        }
    }
}

/// How many turns fired how many requests.
fn bursts(counters: &Counters) -> String {
    let texts: Vec<String> = (counters.bursts.iter())
        .map(|(requests, turns)| format!("{turns} with {requests}"))
        .collect();
    match texts.is_empty() {
        true => "none".to_owned(),
        false => texts.join(", "),
    }
}

/// What held the run up; nothing, if nothing did.
fn late(lateness: &Lateness) -> Option<String> {
    let mut texts = Vec::new();
    let plural = |count: u64, thing: &str| match count {
        1 => format!("1 {thing}"),
        _ => format!("{count} {thing}s"),
    };
    if lateness.turns > 0 {
        let by = milliseconds(Some(lateness.by));
        texts.push(format!("{}, by up to {by}", plural(lateness.turns, "turn")));
    }
    for (count, whose) in [
        (lateness.overflowed_here, "its own socket"),
        (lateness.overflowed_there, "a replica's socket"),
    ] {
        if count > 0 {
            texts.push(format!("{} found {whose} full", plural(count, "datagram")));
        }
    }
    texts.extend(lateness.waits.iter().map(|(who, time)| {
        let who = match who {
            Waiter::Simulator => "it".to_owned(),
            Waiter::Replica(id) => format!("replica {id}"),
        };
        format!("{who} had no processor for {}", milliseconds(Some(*time)))
    }));
    (!texts.is_empty()).then(|| texts.join("; "))
}

fn by_type(report: &Report) -> String {
    let mut types: Vec<_> = report.counters.messages_by_type.iter().collect();
    types.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    let texts: Vec<String> = types
        .into_iter()
        .map(|(name, count)| format!("{} {count}", printable(name)))
        .collect();
    match texts.is_empty() {
        true => "none".to_owned(),
        false => texts.join(", "),
    }
}

/// A replica's text without what would upset a terminal.
fn printable(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { '\u{FFFD}' } else { c })
        .collect()
}

fn write_errors(
    text: &mut String,
    report: &Report,
    indent: &str,
    quote: bool,
    paint: Paint,
) -> std::fmt::Result {
    for warning in &report.warnings {
        writeln!(
            text,
            "{indent}{}",
            paint.apply(Style::new().yellow(), warning)
        )?;
    }
    reasons::write_causes(text, report, indent, quote, paint)?;
    // The causes tell of deaths and of what was incorrect, and of whatever no other rule explains.
    let incorrect = |error: &String| {
        let texts = report.evidence.incorrect.iter();
        error == "  and more like these" || texts.clone().any(|text| error.trim_start() == text)
    };
    let told = |error: &&String| {
        report.evidence.deaths.contains(error)
            || report.causes.iter().any(|it| it.text == **error)
            || incorrect(error)
    };
    for error in report.verdict.errors.iter().filter(|error| !told(error)) {
        let error = error.replace('\n', &format!("\n{indent}"));
        writeln!(text, "{indent}{}", paint.apply(Style::new().red(), &error))?;
    }
    Ok(())
}

/// What a run that was not correct died of, on one line. A broken promise of our own replica comes before all that
/// follows from it.
pub fn cause(report: &Report, found: Option<&Violation>) -> String {
    let promise = found.filter(|found| found.kind == "invariant");
    let said = match (promise, report.why(), found) {
        (Some(found), _, _) | (None, None, Some(found)) => {
            format!("{}: {}", found.name, found.text)
        }
        (None, Some(cause), _) => reasons::sentence(cause),
        (None, None, None) => "the run was not correct".to_owned(),
    };
    reasons::shown(said.lines().next().unwrap_or_default().trim())
}

/// Why a run was not correct, in three lines: what, when, and the command that draws it. Nothing of
/// one that was. `found` is what no run may show, and when it showed, if it did.
pub fn why(report: &Report, found: Option<&Violation>, command: &str, paint: Paint) -> String {
    if found.is_none() && (report.passed() || !report.complete) {
        return String::new();
    }
    let promise = found.filter(|found| found.kind == "invariant");
    let said = cause(report, found);
    let time_ns = match promise {
        Some(found) => Some(found.time_ns),
        None => (report.why().and_then(Cause::time_ns)).or(found.map(|found| found.time_ns)),
    };
    let when = match time_ns {
        None => "by the end of the run".to_owned(),
        Some(time_ns) => {
            let before = report.timeline.faults.iter().rev();
            let mut before = before.filter(|fault| {
                // A death is told as the cause itself.
                let at = nanoseconds(fault.time);
                at < time_ns || at == time_ns && !matches!(fault.kind, FaultKind::Died(_))
            });
            let at = format!("at {:.6} s", time_ns as f64 / 1e9);
            match before.next() {
                Some(fault) => {
                    let ago = (time_ns - nanoseconds(fault.time)) as f64 / 1e9;
                    let who = match fault.kind {
                        // It says itself who.
                        FaultKind::Died(_) => "",
                        _ => "the simulator ",
                    };
                    format!("{at}, {ago:.3} s after {who}{}", fault.said)
                }
                None => at,
            }
        }
    };
    format!(
        "\n{} {said}\n{} {when}\n{} {command} --report report.html\n",
        paint.bad("Why: "),
        paint.bad("When:"),
        paint.bad("See: "),
    )
}

/// One of several runs that was interrupted.
pub fn interrupted_line(report: &Report) -> String {
    let (name, seed, after) = (&report.config.name, report.seed, report.lasted);
    let after = after.as_secs_f64();
    format!("  Interrupted after {after:.1} s, not judged: {name} (seed {seed})\n")
}

/// One of several runs: its line and, if it failed, why. `description` is what its test is about.
pub fn test_line(description: &str, report: &Report, paint: Paint) -> String {
    let mark = match report.is_good() {
        true => paint.good("[PASS]"),
        false => paint.bad("[FAIL]"),
    };
    let tiers = report
        .verdict
        .tiers
        .map(|tier| paint.tier(tier, tier.title()));
    let mut text = String::new();
    let _ = writeln!(
        text,
        "  {mark} {:<13} {:<54} {} (seed {})",
        report.config.name,
        description,
        tiers.join(", "),
        report.seed,
    );
    let _ = write_errors(&mut text, report, "         ", true, paint);
    if let Some(late) = late(&report.lateness) {
        let _ = writeln!(text, "         Simulator late: {late}");
    }
    let _ = write_violation(&mut text, report, paint);
    text
}

/// The heading of a group of tests.
pub fn group(name: &str, paint: Paint) -> String {
    paint.heading(&format!("{name} tests")) + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::config::tests::config;
    use crate::bench::world::simulation::Simulation;
    use serde_json::json;
    use std::sync::Arc;

    fn finished() -> Report {
        let mut simulation: Simulation<()> =
            Simulation::new(Arc::new(config(json!({"requests": 0}))), 7, false);
        while simulation.fire(Duration::from_secs(100)) {}
        Report::of(simulation.into_ended())
    }

    #[test]
    fn a_report_has_all_its_parts_and_no_colour_unless_wanted() {
        let plain = report(&finished(), false, Paint::new(false));
        for part in [
            "# Simulation Finished",
            "## Useful Information and Statistics",
            "## Correctness Checks",
            "nobody leads",
            "## Performance Tests",
            "FAILED f (seed 7)",
        ] {
            assert!(plain.contains(part), "{part} in {plain}");
        }
        assert!(!plain.contains('\x1b'));
        assert!(report(&finished(), false, Paint::new(true)).contains('\x1b'));
    }

    #[test]
    fn an_interrupted_run_is_not_judged() {
        let text = report(
            &Report {
                complete: false,
                ..finished()
            },
            false,
            Paint::new(false),
        );
        assert!(text.contains("not judged"));
        assert!(
            !text.contains("FAILED") && !text.contains("PASSED"),
            "{text}"
        );
    }
}
