//! The one table at the end of `all`.
//!
//! On a terminal that is too narrow for it, its cells have several lines.

use comfy_table::presets::{UTF8_FULL_CONDENSED, UTF8_HORIZONTAL_ONLY};
use comfy_table::{
    Attribute, Cell, CellAlignment, Color, ColumnConstraint, ContentArrangement, Table,
};

use super::output::{outages, request_latency, value};
use super::paint::Paint;
use crate::bench::config::Metric;
use crate::bench::verdict::report::Report;
use crate::bench::verdict::scoring::Tier;

/// What a word in the table means.
const DOOMED: &str =
    "doomed: sent to a replica in the turn of its kill, nobody could have answered";

/// Marks what runs measured that shared the machine with others.
const SHARED: char = '*';

/// A row per run and the number of runs that passed of `tests`. `columns` is the width of the
/// terminal, if it is one.
pub fn table(reports: &[Report], tests: usize, paint: Paint, columns: Option<u16>) -> String {
    let wide = rows(reports, paint, None).to_string();
    let width = wide.lines().map(console::measure_text_width).max();
    let table = match columns {
        Some(columns) if width > Some(usize::from(columns)) => {
            rows(reports, paint, Some(columns)).to_string()
        }
        _ => wide,
    };
    let passed = reports.iter().filter(|report| report.is_good()).count();
    let meaning = match reports.iter().any(|report| report.evidence.doomed > 0) {
        true => format!("{DOOMED}\n"),
        false => String::new(),
    };
    let shared = match reports.first().map_or(0, |report| report.lateness.others) {
        0 => String::new(),
        others => format!(
            "{SHARED} {} runs at a time: these times are those of a machine that they share\n",
            others + 1
        ),
    };
    format!("{table}\n{meaning}{shared}Passed {passed} out of {tests} tests\n")
}

/// The table as wide as it likes, or for a terminal of so many columns.
fn rows(reports: &[Report], paint: Paint, narrow: Option<u16>) -> Table {
    let mut table = Table::new();
    match narrow {
        None => table
            .load_style(UTF8_FULL_CONDENSED)
            .set_content_arrangement(ContentArrangement::Disabled),
        Some(columns) => table
            .load_style(UTF8_HORIZONTAL_ONLY)
            .set_content_arrangement(ContentArrangement::Dynamic)
            .set_width(columns),
    };
    // Where a line ends if the table is narrow.
    let or_line = |text: &str, otherwise: &str| match narrow {
        None => text.to_owned(),
        Some(_) => text.replace(otherwise, "\n"),
    };
    if paint.colour() {
        table.enforce_styling();
    } else {
        table.force_no_tty();
    }
    let is_shared = reports.iter().any(|report| report.lateness.others > 0);
    let time = |mut title: String| {
        title.extend(is_shared.then_some(SHARED));
        title
    };
    let mut header = vec![
        "config".to_owned(),
        "messages".to_owned(),
        "failures".to_owned(),
        "duplicates".to_owned(),
        time(or_line("median latency", " ")),
        time(match narrow {
            None => "request p50 / p99 / max".to_owned(),
            Some(_) => "request\np50, p99,\nmax".to_owned(),
        }),
        time("outages".to_owned()),
    ];
    match narrow {
        None => header.push("verdict".to_owned()),
        Some(_) => header[0].push_str("\nverdict"),
    }
    table.set_header(header);
    for report in reports {
        let (verdict, colour) = match report.is_good() {
            true => ("PASS", Color::Green),
            false => ("FAIL", Color::Red),
        };
        let verdict_cell = |text: String| {
            let cell = Cell::new(text).fg(colour);
            cell.add_attribute(Attribute::Bold)
        };
        let name = &report.config.name;
        let mut row = vec![match narrow {
            None => Cell::new(name),
            Some(_) => verdict_cell(format!("{name}\n{verdict}")),
        }];
        for (index, metric) in Metric::ALL.into_iter().enumerate() {
            let tier = report.verdict.tiers[index];
            let mut value = value(metric, report.verdict.values[index]);
            let doomed = report.evidence.doomed;
            if metric == Metric::Failures && doomed > 0 {
                let gap = or_line(", ", ", ");
                value = format!("{value}{gap}{doomed} doomed");
            }
            let gap = or_line(" ", " ");
            let cell = Cell::new(format!("{value}{gap}{}", word(tier)))
                .set_alignment(CellAlignment::Right);
            row.push(match tier {
                Tier::Bonus => cell.fg(Color::Green),
                Tier::Full => cell,
                Tier::Partial => cell.fg(Color::Yellow),
                Tier::None => cell.fg(Color::Red),
            });
        }
        let latency = request_latency(&report.counters.request_latencies);
        row.push(Cell::new(or_line(&latency, " / ")));
        row.push(Cell::new(or_line(&outages(report), ", ")));
        if narrow.is_none() {
            row.push(verdict_cell(verdict.to_owned()));
        }
        table.add_row(row);
    }
    if narrow.is_some() {
        for column in table.column_iter_mut() {
            column.set_padding((0, 1));
        }
        if let Some(configs) = table.column_mut(0) {
            configs.set_constraint(ColumnConstraint::ContentWidth);
        }
    }
    table
}

fn word(tier: Tier) -> &'static str {
    match tier {
        Tier::Bonus => "(bonus)",
        Tier::Full => "(full)",
        Tier::Partial => "(partial)",
        Tier::None => "(none)",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::show::golden;
    use crate::bench::verdict::history_check::Linearizability;

    #[test]
    fn a_narrow_terminal_gets_a_table_that_fits_without_breaking_a_word() {
        let reports = [golden::report(), golden::report()];
        let wide = table(&reports, 2, Paint::new(false), None);
        assert_eq!(wide, table(&reports, 2, Paint::new(false), Some(200)));
        let narrow = table(&reports, 2, Paint::new(false), Some(80));
        assert!(narrow.lines().all(|line| line.chars().count() <= 80));
        for word in wide.split([' ', '│', '\n', ',', '/']) {
            let is_word = word.chars().next().is_some_and(|c| c.is_ascii_graphic());
            assert!(!is_word || narrow.contains(word), "{word} in {narrow}");
        }
    }

    #[test]
    fn a_run_whose_history_is_disproved_is_no_pass() {
        let good = golden::report();
        assert!(good.is_good(), "the golden run is a good one");
        let disproved = Report {
            linearizability: Linearizability::Violated("a stale read".to_owned()),
            ..golden::report()
        };
        let text = table(&[good, disproved], 2, Paint::new(false), None);
        let verdicts: Vec<&str> = text
            .split_whitespace()
            .filter(|word| ["PASS", "FAIL"].contains(word))
            .collect();
        assert_eq!(verdicts, ["PASS", "FAIL"], "{text}");
        assert!(text.contains("Passed 1 out of 2 tests"), "{text}");
    }
}
