//! What sweeps found, as text: a table a metric, and a line for each violation that replays it.

use std::fmt::Write as _;
use std::time::Duration;

use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{CellAlignment, ContentArrangement, Table};

use crate::bench::config::Metric;
use crate::bench::verdict::samples::Sweep;

/// The most violations and kinds of failures that are listed of a config.
const MAX_LISTED: usize = 20;

/// The distribution of every metric over the seeds, a row a config.
pub fn tables(sweeps: &[Sweep]) -> String {
    let mut text = String::new();
    for (index, metric) in Metric::ALL.into_iter().enumerate() {
        let scale = if metric == Metric::MedianLatency {
            1e3
        } else {
            1.0
        };
        let unit = if scale > 1.0 { " (ms)" } else { "" };
        let mut table = new_table(&[
            "config", "min", "median", "p99", "max", "bonus", "full", "partial", "none",
        ]);
        for sweep in sweeps {
            let values = sweep.sorted(index);
            let mut row = vec![sweep.config.name.clone()];
            row.extend(spread(&values, scale));
            row.extend(sweep.tiers(index).iter().map(usize::to_string));
            table.add_row(row);
        }
        align(&mut table);
        writeln!(text, "\n{}{unit}\n{table}", metric.name()).expect("memory");
    }
    let mut table = new_table(&[
        "config",
        "p50: median",
        "max",
        "p99: median",
        "max",
        "longest: median",
        "max",
    ]);
    for sweep in sweeps {
        let mut row = vec![sweep.config.name.clone()];
        for which in 0..3 {
            let times = sorted(
                sweep
                    .samples
                    .iter()
                    .filter_map(|sample| Some(sample.request_latency?[which])),
            );
            let [_, median, _, max] = spread(&times, 1.0);
            row.extend([median, max]);
        }
        table.add_row(row);
    }
    align(&mut table);
    writeln!(text, "\nrequest latency (ms)\n{table}").expect("memory");
    doomed(sweeps, &mut text);
    lost_tiers(sweeps, &mut text);
    let mut table = new_table(&["config", "kills", "min", "median", "p99", "max"]);
    for sweep in sweeps {
        let times = sorted(
            sweep
                .samples
                .iter()
                .flat_map(|sample| sample.outages.clone()),
        );
        if times.is_empty() {
            continue;
        }
        let mut row = vec![sweep.config.name.clone(), times.len().to_string()];
        row.extend(spread(&times, 1.0));
        table.add_row(row);
    }
    if table.row_count() > 0 {
        align(&mut table);
        writeln!(text, "\noutage after the kill of a leader (ms)\n{table}").expect("memory");
    }
    text
}

/// How many tiers a run lost on average of those that could have been had, a row a config and one for the sum. Not of the
/// latency, which in virtual time is the network's.
fn lost_tiers(sweeps: &[Sweep], text: &mut String) {
    const COUNTED: [Metric; 3] = [Metric::TotalMsgs, Metric::Failures, Metric::Duplicates];
    let mut header = vec!["config"];
    header.extend(COUNTED.map(Metric::name));
    header.push("sum");
    let mut table = new_table(&header);
    let mut total = [0.0; COUNTED.len()];
    let row = |name: &str, lost: [f64; COUNTED.len()]| {
        let mut row = vec![name.to_owned()];
        row.extend(lost.map(|lost| format!("{lost:.3}")));
        row.push(format!("{:.3}", lost.iter().sum::<f64>()));
        row
    };
    for sweep in sweeps {
        let lost = COUNTED.map(|metric| {
            let index = Metric::ALL.iter().position(|it| *it == metric);
            sweep.lost_tiers(index.expect("one of all"))
        });
        for (total, lost) in total.iter_mut().zip(lost) {
            *total += lost;
        }
        table.add_row(row(&sweep.config.name, lost));
    }
    if sweeps.len() > 1 {
        table.add_row(row("sum", total));
    }
    align(&mut table);
    let meaning = "how many worse than the best that could be had in that run, on average";
    writeln!(text, "\nloss of tiers ({meaning})\n{table}").expect("memory");
}

/// How many of the failures are nobody's, and what is left of them, a row for each config that has any.
fn doomed(sweeps: &[Sweep], text: &mut String) {
    let mut table = new_table(&[
        "config",
        "doomed: median",
        "max",
        "others: median",
        "max",
        "runs with others",
    ]);
    for sweep in sweeps {
        let failures = Metric::ALL.iter().position(|it| *it == Metric::Failures);
        let counts = sweep.samples.iter().filter_map(|sample| {
            let failures = sample.values[failures?]?;
            Some((sample.doomed as f64, failures - sample.doomed as f64))
        });
        let (mut doomed, mut others): (Vec<f64>, Vec<f64>) = counts.unzip();
        doomed.sort_unstable_by(f64::total_cmp);
        others.sort_unstable_by(f64::total_cmp);
        if doomed.last().is_none_or(|most| *most == 0.0) {
            continue;
        }
        let mut row = vec![sweep.config.name.clone()];
        for counts in [&doomed, &others] {
            let [_, median, _, max] = spread(counts, 1.0);
            row.extend([median, max]);
        }
        let with_others = others.iter().filter(|count| **count > 0.0).count();
        row.push(with_others.to_string());
        table.add_row(row);
    }
    if table.row_count() > 0 {
        align(&mut table);
        let meaning = "sent to a replica in the turn of its kill: nobody could have answered";
        writeln!(text, "\nfailures that are doomed ({meaning})\n{table}").expect("memory");
    }
}

/// What went wrong, with the command that shows it; `command` lacks the seed.
pub fn failures(sweep: &Sweep, command: &str) -> String {
    let mut text = String::new();
    let mut listed = 0;
    let violations = sweep.violations().count();
    for (seed, what) in sweep.violations().take(MAX_LISTED) {
        writeln!(
            text,
            "VIOLATION {what}\n  {command} --seed {seed} --report report.html"
        )
        .expect("memory");
    }
    if violations > MAX_LISTED {
        writeln!(text, "... and {} more violations", violations - MAX_LISTED).expect("memory");
    }
    let failed = sweep
        .samples
        .iter()
        .filter(|sample| sample.violation.is_none() && !sample.passed);
    for sample in failed.clone() {
        if listed == 3 {
            break;
        }
        listed += 1;
        let why = sample.errors.join("; ");
        writeln!(
            text,
            "failed    {why}\n  {command} --seed {} --report report.html",
            sample.seed
        )
        .expect("memory");
    }
    let failed = failed.count();
    if failed > listed {
        writeln!(text, "... and {} more failed runs", failed - listed).expect("memory");
    }
    text
}

fn new_table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table
        .load_style(UTF8_FULL_CONDENSED)
        .set_content_arrangement(ContentArrangement::Disabled)
        .set_header(header.to_vec());
    table
}

/// Numbers to the right, names to the left.
fn align(table: &mut Table) {
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
}

fn sorted(times: impl Iterator<Item = Duration>) -> Vec<f64> {
    let mut times: Vec<f64> = times.map(|time| time.as_secs_f64() * 1e3).collect();
    times.sort_unstable_by(f64::total_cmp);
    times
}

/// Minimum, median, 99th percentile and maximum of ascending values.
fn spread(values: &[f64], scale: f64) -> [String; 4] {
    let Some(last) = values.len().checked_sub(1) else {
        return std::array::from_fn(|_| "-".to_owned());
    };
    let p99 = (values.len() * 99).div_ceil(100) - 1;
    [0, last.div_ceil(2), p99, last].map(|place| {
        let value = values[place] * scale;
        if value.fract() == 0.0 {
            format!("{value:.0}")
        } else {
            format!("{value:.3}")
        }
    })
}
