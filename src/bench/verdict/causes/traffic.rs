//! Rules about what replicas tell each other, and what they print.

use super::cause::{Cause, Evidence, Seen, list, milliseconds, plural, seconds};
use crate::bench::record::observed::SeenType;

/// A leader that was silent for less was not silent.
const SILENT_MS: u128 = 50;
/// Where messages are lost, an election now and then has nothing to do with silence.
const OFTEN: usize = 3;
/// So much output is worth a word, in bytes.
const MUCH_PRINTED_BYTES: u64 = 5_000_000;
/// A second with more messages than so many, and than so many for each request of a second, is a storm.
const STORM_MESSAGES: u64 = 1_000;
const STORM_MESSAGES_PER_REQUEST: f64 = 20.0;
/// How many types a storm is described by.
const SHOWN_TYPES: usize = 3;

/// More messages than the course allows.
pub(super) fn storm(seen: &Seen<'_>) -> Option<Cause> {
    let total = seen.counters.total_msgs;
    if total < seen.config.max_packets {
        return None;
    }
    let text = format!(
        "message storm: {total} messages by {}, which ended the run; {}",
        seconds(seen.lasted),
        made_of(seen),
    );
    Some(shown(Cause::new("message_storm", text), seen))
}

/// More messages than requests explain, though not so many that they end the run.
pub(super) fn many_messages(seen: &Seen<'_>) -> Option<Cause> {
    if storm(seen).is_some() {
        return None;
    }
    let (second, count) = busiest(seen)?;
    let lifetime = seen.config.lifetime.as_secs_f64().max(1.0);
    let requests = f64::from(seen.config.requests) / lifetime;
    if count < STORM_MESSAGES || (count as f64) < STORM_MESSAGES_PER_REQUEST * requests {
        return None;
    }
    let text = format!(
        "message storm: {count} messages in second {second} alone, where {requests:.0} requests \
         a second were made; {}",
        made_of(seen),
    );
    Some(shown(Cause::hint("message_storm", text), seen))
}

/// The second with the most messages, and how many.
fn busiest(seen: &Seen<'_>) -> Option<(usize, u64)> {
    let seconds = seen.observed.per_second.iter().copied().enumerate();
    seconds.max_by_key(|(_, count)| *count)
}

/// What all messages are made of, the most frequent types.
fn made_of(seen: &Seen<'_>) -> String {
    let total = seen.counters.total_msgs;
    let types = by_count(&seen.observed.types);
    // A hundredth explains nothing.
    let types = types.iter().filter(|it| 100 * it.count() >= total);
    let types = types.take(SHOWN_TYPES).map(|it| {
        let share = it.count() as f64 / total.max(1) as f64 * 100.0;
        format!("{share:.0} % `{}`{}", printable(&it.kind), mostly(seen, it))
    });
    list(&types.collect::<Vec<_>>())
}

/// A storm with how many messages of each type there were, and when most.
fn shown(cause: Cause, seen: &Seen<'_>) -> Cause {
    let types = by_count(&seen.observed.types);
    let types = types
        .iter()
        .map(|it| Evidence::timeless(format!("{} `{}`", it.count(), printable(&it.kind))));
    let busiest = busiest(seen).map(|(second, count)| {
        let text = format!("the busiest second: {}", plural(count, "message"));
        let time = std::time::Duration::from_secs(second as u64);
        Evidence::at(time, None, None, text)
    });
    cause.shown_by(busiest.into_iter().chain(types), 0)
}

/// Who sent most messages of a type, if one did.
fn mostly(seen: &Seen<'_>, it: &SeenType) -> String {
    let most = it.senders.iter().enumerate().max_by_key(|(_, sent)| **sent);
    match most {
        Some((index, sent)) if 2 * sent > it.count() => {
            format!(" mostly by {}", seen.observed.replicas[index].id)
        }
        _ => " by all".to_owned(),
    }
}

/// Types by how many messages there are, the most frequent first.
pub(crate) fn by_count(types: &[SeenType]) -> Vec<&SeenType> {
    let mut types: Vec<&SeenType> = types.iter().collect();
    types.sort_by_key(|it| std::cmp::Reverse(it.count()));
    types
}

/// Two replicas that say in turns that they lead, though no partition stands between them.
pub(super) fn two_leaders(seen: &Seen<'_>) -> Option<Cause> {
    let two = &seen.observed.two_leaders;
    let first = two.first.first()?;
    let (one, other) = (first.one.min(first.other), first.one.max(first.other));
    let text = format!(
        "there may be two leaders: {one} and {other} said in turns that they lead, {} from {} on, \
         without a partition",
        times(two.count),
        seconds(first.time),
    );
    let evidence = two.first.iter().map(|it| {
        let text = format!(
            "{} says that it leads, so did {} just before",
            it.one, it.other
        );
        Evidence::at(it.time, Some(it.one), None, text)
    });
    Some(Cause::hint("two_leaders", text).shown_by(evidence, two.count))
}

/// Leaders that were replaced after a silence though nothing had happened to them.
pub(super) fn silent_leader(seen: &Seen<'_>) -> Option<Cause> {
    let deposed = &seen.observed.deposed;
    let silent = deposed.first.iter();
    let silent = silent.filter(|it| it.silence.as_millis() >= SILENT_MS);
    let silent: Vec<_> = silent.collect();
    let first = silent.first()?;
    if seen.config.drops > 0.0 && silent.len() < OFTEN {
        return None;
    }
    let text = format!(
        "leaders may send too few heartbeats: {} sent nothing for {}, then {} led though nothing had \
         happened to {}; that was seen {}",
        first.from,
        milliseconds(first.silence),
        first.to,
        first.from,
        times(silent.len() as u64),
    );
    let evidence = silent.iter().map(|it| {
        let silence = milliseconds(it.silence);
        let text = format!("{} leads after {silence} of silence of {}", it.to, it.from);
        Evidence::at(it.time, Some(it.to), None, text)
    });
    Some(Cause::hint("silent_leader", text).shown_by(evidence, silent.len() as u64))
}

/// A replica that prints so much that it costs time.
pub(super) fn prints_without_end(seen: &Seen<'_>) -> Option<Cause> {
    let loud = seen.observed.replicas.iter();
    let loud = loud.filter(|it| it.printed.bytes >= MUCH_PRINTED_BYTES);
    let loud: Vec<_> = loud.collect();
    let most = loud.iter().max_by_key(|it| it.printed.bytes)?;
    let text = format!(
        "replica {} prints without end: {:.0} MB in {}; that may be what it spends its time on",
        most.id,
        most.printed.bytes as f64 / 1e6,
        plural(most.printed.lines, "line"),
    );
    let evidence = loud.iter().map(|it| Evidence {
        replica: Some(it.id),
        ..Evidence::timeless(format!(
            "{} printed {:.0} MB",
            it.id,
            it.printed.bytes as f64 / 1e6
        ))
    });
    Some(Cause::hint("prints_without_end", text).shown_by(evidence, loud.len() as u64))
}

/// How often.
fn times(count: u64) -> String {
    match count {
        1 => "once".to_owned(),
        _ => format!("{count} times"),
    }
}

/// A replica's text without what would upset a terminal.
fn printable(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { '\u{FFFD}' } else { c })
        .collect()
}
