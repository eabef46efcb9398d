//! What became better or worse since earlier runs, as text.

use std::fmt::Write as _;

use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{CellAlignment, ContentArrangement, Table};

use crate::bench::verdict::comparison::{CHANCE, Comparison};

/// How many configs are named in a sentence.
const MAX_NAMED: usize = 5;

/// A row for each change, and a sentence about all that was compared. `baseline` is where the earlier runs
/// are.
pub fn text(comparison: &Comparison, baseline: &str) -> String {
    let mut text = String::new();
    let worse = comparison.changes.iter().filter(|it| it.is_worse()).count();
    if !comparison.changes.is_empty() {
        let mut table = Table::new();
        table
            .load_style(UTF8_FULL_CONDENSED)
            .set_content_arrangement(ContentArrangement::Disabled)
            .set_header([
                "config", "metric", "runs", "before", "now", "change", "p", "",
            ]);
        for change in &comparison.changes {
            let [was, is] = change.means;
            let by = match was == 0.0 {
                true => "from none".to_owned(),
                false => format!("{:+.1} %", (is - was) / was * 100.0),
            };
            let runs = match (change.is_paired, change.runs) {
                (true, [pairs, _]) => format!("{pairs} pairs"),
                (false, [before, now]) => format!("{before}, {now}"),
            };
            table.add_row([
                change.config.clone(),
                change.metric.to_owned(),
                runs,
                format!("{was:.3}"),
                format!("{is:.3}"),
                by,
                format!("{:.0e}", change.p),
                if change.is_worse() { "WORSE" } else { "better" }.to_owned(),
            ]);
        }
        for column in table.column_iter_mut().skip(2).take(5) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        let _ = writeln!(text, "\nmeans against {baseline}\n{table}");
    }
    let better = comparison.changes.len() - worse;
    let noise = comparison.compared - comparison.changes.len();
    let percent = CHANCE * 100.0;
    let _ = writeln!(
        text,
        "Against {baseline}: {worse} worse, {better} better, {noise} within noise \
         (by chance anything is called a change in {percent} % of such comparisons)."
    );
    if !comparison.unknown.is_empty() {
        let configs = named(&comparison.unknown);
        let _ = writeln!(text, "Not in it, so not compared: {configs}.");
    }
    if !comparison.without_times.is_empty() {
        let configs = named(&comparison.without_times);
        let _ = writeln!(
            text,
            "Made in another way (in virtual time, or more at a time), so times are not compared: {configs}."
        );
    }
    if let Some((configs, needed)) = &comparison.too_few {
        let configs = named(configs);
        let _ = writeln!(
            text,
            "Too few runs to be sure of any change: {configs}. At least {needed} of each are needed, with the same seeds."
        );
    }
    text
}

fn named(configs: &[String]) -> String {
    match configs.len().checked_sub(MAX_NAMED) {
        None | Some(0) => configs.join(", "),
        Some(more) => format!("{} and {more} more", configs[..MAX_NAMED].join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::verdict::comparison::Change;

    #[test]
    fn each_change_has_its_row_and_the_rest_a_sentence() {
        let change = |metric: &'static str, means| Change {
            config: "crash-3".to_owned(),
            metric,
            runs: [40, 40],
            is_paired: true,
            means,
            p: 2e-9,
        };
        let comparison = Comparison {
            changes: vec![
                change("messages", [1000.0, 1100.0]),
                change("duplicates", [1.0, 0.5]),
                change("failures", [0.0, 2.0]),
            ],
            compared: 8,
            unknown: vec!["new".to_owned()],
            without_times: Vec::new(),
            too_few: Some(((1..8).map(|it| format!("c{it}")).collect(), 19)),
        };
        let shown = text(&comparison, "old.jsonl");
        for part in [
            "means against old.jsonl",
            "│ crash-3 ┆ messages   ┆ 40 pairs ┆ 1000.000 ┆ 1100.000 ┆   +10.0 % ┆ 2e-9 ┆ WORSE  │",
            "┆   -50.0 % ┆ 2e-9 ┆ better │",
            "┆ from none ┆",
            "Against old.jsonl: 2 worse, 1 better, 5 within noise",
            "Not in it, so not compared: new.",
            "change: c1, c2, c3, c4, c5 and 2 more. At least 19",
        ] {
            assert!(shown.contains(part), "{part} in {shown}");
        }
        let none = text(&Comparison::default(), "old.jsonl");
        assert!(none.starts_with("Against old.jsonl: 0 worse"), "{none}");
    }
}
