//! The one table at the end of `all`.

use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{Attribute, Cell, CellAlignment, Color, ContentArrangement, Table};

use crate::sim::output::{Paint, outages, request_latency, value};
use crate::sim::report::Report;
use crate::sim::scoring::{Metric, Tier};

/// A row per run and the number of runs that passed of `tests`.
pub fn table(reports: &[Report], tests: usize, paint: Paint) -> String {
    let mut table = Table::new();
    table
        .load_style(UTF8_FULL_CONDENSED)
        .set_content_arrangement(ContentArrangement::Disabled);
    if paint.colour() {
        table.enforce_styling();
    } else {
        table.force_no_tty();
    }
    table.set_header([
        "config",
        "messages",
        "failures",
        "duplicates",
        "median latency",
        "request p50 / p99 / max",
        "outages",
        "verdict",
    ]);
    for report in reports {
        let mut row = vec![Cell::new(&report.config.name)];
        for (index, metric) in Metric::ALL.into_iter().enumerate() {
            let tier = report.verdict.tiers[index];
            let text = format!(
                "{} {}",
                value(metric, report.verdict.values[index]),
                word(tier)
            );
            let cell = Cell::new(text).set_alignment(CellAlignment::Right);
            row.push(match tier {
                Tier::Bonus => cell.fg(Color::Green),
                Tier::Full => cell,
                Tier::Partial => cell.fg(Color::Yellow),
                Tier::None => cell.fg(Color::Red),
            });
        }
        row.push(Cell::new(request_latency(
            &report.counters.request_latencies,
        )));
        row.push(Cell::new(outages(report)));
        row.push(match report.passed() {
            true => Cell::new("PASS")
                .fg(Color::Green)
                .add_attribute(Attribute::Bold),
            false => Cell::new("FAIL")
                .fg(Color::Red)
                .add_attribute(Attribute::Bold),
        });
        table.add_row(row);
    }
    let passed = reports.iter().filter(|report| report.passed()).count();
    format!("{table}\nPassed {passed} out of {tests} tests\n")
}

fn word(tier: Tier) -> &'static str {
    match tier {
        Tier::Bonus => "(bonus)",
        Tier::Full => "(full)",
        Tier::Partial => "(partial)",
        Tier::None => "(none)",
    }
}
