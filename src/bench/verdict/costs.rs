//! What a tier that was missed was lost to: which messages in which phases, which answers came twice,
//! which never.

use super::causes::{by_count, list, milliseconds, plural, seconds};
use super::report::Report;
use super::scoring::lost_tiers;
use crate::bench::config::Metric;
use crate::bench::record::observed::{Phase, SeenType, Unanswered};

/// How many types, duplicates and unanswered attempts a line names.
const SHOWN: usize = 3;

/// What a metric's value is made of, in a few lines; nothing if the best tier that can be reached was, or
/// the metric is a time.
pub fn lines(report: &Report, metric: Metric) -> Vec<String> {
    let index = Metric::ALL.iter().position(|it| *it == metric);
    let index = index.expect("it is one of all");
    let tier = report.verdict.tiers[index];
    if lost_tiers(tier, report.verdict.reachable[index]) == 0 {
        return Vec::new();
    }
    match metric {
        Metric::TotalMsgs => messages(report),
        Metric::Failures => failures(report),
        Metric::Duplicates => duplicates(report),
        Metric::MedianLatency => Vec::new(),
    }
}

fn messages(report: &Report) -> Vec<String> {
    let types = &report.observed.types;
    let total: u64 = types.iter().map(SeenType::count).sum();
    let phases = Phase::ALL.iter().enumerate().map(|(at, phase)| {
        let count: u64 = types.iter().map(|it| it.phases[at]).sum();
        (phase, at, count)
    });
    let mut phases: Vec<_> = phases.filter(|(_, _, count)| *count > 0).collect();
    phases.sort_by_key(|(_, _, count)| std::cmp::Reverse(*count));
    let lines = phases.into_iter().map(|(phase, at, count)| {
        let mut of: Vec<&SeenType> = by_count(types);
        of.sort_by_key(|it| std::cmp::Reverse(it.phases[at]));
        let of = of.iter().filter(|it| it.phases[at] > 0).take(SHOWN);
        let of: Vec<String> = of
            .map(|it| format!("{} {}", it.kind, it.phases[at]))
            .collect();
        let share = count as f64 / total.max(1) as f64 * 100.0;
        format!("{}: {count} ({share:.0} %): {}", phase.name(), list(&of))
    });
    lines.collect()
}

fn duplicates(report: &Report) -> Vec<String> {
    let all = &report.observed.duplicates;
    let mut lines: Vec<String> = all
        .iter()
        .take(SHOWN)
        .map(|it| {
            let (first, by) = it.first;
            format!(
                "#{} ({}) was answered by {by} at {}, and again by {} {} later",
                it.request,
                it.op.name(),
                seconds(first),
                it.by,
                milliseconds(it.time.saturating_sub(first))
            )
        })
        .collect();
    lines.extend(more(report.counters.duplicates, lines.len()));
    lines
}

fn failures(report: &Report) -> Vec<String> {
    let fails = report.counters.get_failures + report.counters.put_failures;
    let mut lines = Vec::new();
    if fails > 0 {
        lines.push(format!("{} said fail", plural(fails, "answer")));
    }
    let all = &report.observed.unanswered;
    lines.extend(all.iter().take(SHOWN).map(|it| {
        format!(
            "#{} ({}) was never answered, {}",
            it.request,
            it.op.name(),
            last_seen(it)
        )
    }));
    let unanswered = report.evidence.unanswered_get + report.evidence.unanswered_put;
    lines.extend(more(unanswered, all.len().min(SHOWN)));
    lines
}

/// Where an attempt was last seen.
pub fn last_seen(attempt: &Unanswered) -> String {
    let at = seconds(attempt.time);
    match (attempt.to, attempt.lost) {
        (Some(to), None) => format!("last seen at {at} when {to} got it"),
        (Some(to), Some(why)) => format!("{to} did not get it at {at}: {why}"),
        (None, why) => format!("lost at {at}: {}", why.unwrap_or("nobody got it")),
    }
}

fn more(count: u64, shown: usize) -> Option<String> {
    let left = count.saturating_sub(shown as u64);
    (left > 0).then(|| format!("and {left} more"))
}
