//! What failed how often in many runs, as a table.

use std::path::PathBuf;

use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{CellAlignment, ContentArrangement, Table};

use crate::bench::verdict::samples::Sweep;

/// The longest text of a kind, in characters.
const MAX_TEXT: usize = 90;
/// A word of so many letters and digits is drawn by chance: a key, a value, a MID.
const DRAWN_LETTERS: usize = 16;

/// Runs of a config that failed in the same way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kind {
    /// The config's name.
    pub config: String,
    /// What failed, without what differs from run to run.
    pub what: String,
    /// How many runs.
    pub runs: usize,
    /// The seed of the worst of them.
    pub worst_seed: u64,
    /// Where its trace is, if it could be kept.
    pub trace: Option<PathBuf>,
}

/// The first line of a text with every number, ID and random word replaced by `N`: what is left is the
/// same for all runs that failed in the same way.
pub fn without_particulars(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default().trim();
    let mut plain = String::new();
    let mut word = String::new();
    let end = |word: &mut String, plain: &mut String| {
        let is_particular =
            word.contains(|c: char| c.is_ascii_digit()) || word.chars().count() >= DRAWN_LETTERS;
        plain.push_str(if is_particular { "N" } else { word });
        word.clear();
    };
    for c in line.chars() {
        if c.is_alphanumeric() {
            word.push(c);
        } else {
            end(&mut word, &mut plain);
            plain.push(c);
        }
    }
    end(&mut word, &mut plain);
    // Of what was a number with a fraction.
    let plain = plain.replace("N.N", "N");
    match plain.char_indices().nth(MAX_TEXT) {
        Some((at, _)) => format!("{}…", &plain[..at]),
        None => plain,
    }
}

/// A row for each kind, the most frequent first, and how the worst run of each is drawn. Nothing if
/// nothing failed.
pub fn table(kinds: &[&Kind], sweeps: &[Sweep]) -> String {
    if kinds.is_empty() {
        return String::new();
    }
    let mut kinds = kinds.to_vec();
    kinds.sort_by_key(|kind| std::cmp::Reverse(kind.runs));
    let mut table = Table::new();
    table
        .load_style(UTF8_FULL_CONDENSED)
        .set_content_arrangement(ContentArrangement::Disabled)
        .set_header(["config", "failed", "of", "worst seed", "what"]);
    for kind in &kinds {
        let of = sweeps.iter().find(|sweep| sweep.config == kind.config);
        let of = of.map_or(0, |sweep| sweep.samples.len());
        table.add_row([
            kind.config.clone(),
            kind.runs.to_string(),
            of.to_string(),
            kind.worst_seed.to_string(),
            kind.what.clone(),
        ]);
    }
    for column in table.column_iter_mut().skip(1).take(3) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    let kept: String = kinds
        .iter()
        .filter_map(|kind| kind.trace.as_ref())
        .map(|trace| format!("  ./run --from {} --report report.html\n", trace.display()))
        .collect();
    let kept = match kept.is_empty() {
        true => kept,
        false => format!("The worst of each kind is kept:\n{kept}"),
    };
    format!("\nwhat failed\n{table}\n{kept}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_from_run_to_run_is_no_part_of_a_kind() {
        for (one, other, kind) in [
            (
                "35 gets unanswered: at most 10% of the 60 gets drawn may",
                "7 gets unanswered: at most 10% of the 61 gets drawn may",
                "N gets unanswered: at most N% of the N gets drawn may",
            ),
            (
                "replica 0003 died on its own: exit status 1\n  Traceback",
                "replica 0001 died on its own: exit status 1\n  other",
                "replica N died on its own: exit status N",
            ),
            (
                "the get kOqMCxFkQDqpKmWc took 0.25 s",
                "the get aaaaaaaaaaaaaaaa took 12.1 s",
                "the get N took N s",
            ),
        ] {
            assert_eq!(without_particulars(one), kind);
            assert_eq!(without_particulars(other), kind);
        }
        assert_eq!(without_particulars(&"word ".repeat(50)).chars().count(), 91);
    }
}
