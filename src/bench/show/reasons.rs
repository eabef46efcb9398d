//! Why a run went as it did, as text for people: causes, hints, and what a missed tier was lost to.

use std::fmt::Write;

use console::Style;

use super::paint::Paint;
use crate::bench::config::Metric;
use crate::bench::verdict::causes::{Cause, Evidence};
use crate::bench::verdict::costs;
use crate::bench::verdict::report::Report;

/// How much of the evidence of a cause is shown; all of it is in the report and the JSON.
const MAX_EVIDENCE: usize = 3;
/// How many causes are shown.
const MAX_CAUSES: usize = 4;
/// The longest text that is shown of one, in characters.
const MAX_CHARACTERS: usize = 600;

/// What is wrong with a run, the first cause first, each with some evidence. What a replica said in the
/// end is among it only if `quote`: else it stands above, where the replica printed it.
pub(super) fn write_causes(
    text: &mut String,
    report: &Report,
    indent: &str,
    quote: bool,
    paint: Paint,
) -> std::fmt::Result {
    for (place, cause) in report.causes.iter().take(MAX_CAUSES).enumerate() {
        if cause.hint && !leads(report) {
            break;
        }
        let said = match place {
            0 => sentence(cause),
            _ => format!("and {}", sentence(cause)),
        };
        writeln!(text, "{indent}{}", paint.apply(Style::new().red(), &said))?;
        write_evidence(text, cause, indent)?;
        if quote {
            for line in &cause.quote {
                writeln!(text, "{indent}    {}", shown(line))?;
            }
        }
    }
    Ok(())
}

/// What is only likely.
pub(super) fn write_hints(
    text: &mut String,
    report: &Report,
    indent: &str,
    paint: Paint,
) -> std::fmt::Result {
    if leads(report) {
        // They stand above already.
        return Ok(());
    }
    for cause in report.causes.iter().filter(|cause| cause.hint) {
        let said = format!("Hint: {}", shown(&cause.text));
        writeln!(
            text,
            "{indent}{}",
            paint.apply(Style::new().yellow(), &said)
        )?;
    }
    Ok(())
}

/// Whether a hint is the first that there is to say about a failure.
fn leads(report: &Report) -> bool {
    report.why().is_some_and(|cause| cause.hint)
}

/// A cause as a sentence.
pub(super) fn sentence(cause: &Cause) -> String {
    let said = shown(&cause.text);
    match cause.hint {
        true => format!("probably: {said}"),
        false => said,
    }
}

fn write_evidence(text: &mut String, cause: &Cause, indent: &str) -> std::fmt::Result {
    // One thing says no more than the sentence above it.
    if cause.evidence.len() < 2 {
        return Ok(());
    }
    for evidence in cause.evidence.iter().take(MAX_EVIDENCE) {
        let Evidence {
            time_ns,
            text: said,
            ..
        } = evidence;
        let at = time_ns.map_or(String::new(), |time| {
            format!("at {:.3} s: ", time as f64 / 1e9)
        });
        writeln!(text, "{indent}  {at}{}", shown(said))?;
    }
    let left = cause.evidence.len().saturating_sub(MAX_EVIDENCE) as u64 + cause.left_out;
    if left > 0 {
        writeln!(text, "{indent}  and {left} more like these")?;
    }
    Ok(())
}

/// What the missed tier of a metric was lost to.
pub(super) fn write_costs(text: &mut String, report: &Report, metric: Metric) -> std::fmt::Result {
    for line in costs::lines(report, metric) {
        writeln!(text, "    {}", shown(&line))?;
    }
    Ok(())
}

/// A text without what would upset a terminal, and not longer than anybody reads.
pub(super) fn shown(text: &str) -> String {
    let mut shown: String = text
        .chars()
        .take(MAX_CHARACTERS)
        .map(|c| if c.is_control() { '\u{FFFD}' } else { c })
        .collect();
    if text.chars().count() > MAX_CHARACTERS {
        shown.push('…');
    }
    shown
}
