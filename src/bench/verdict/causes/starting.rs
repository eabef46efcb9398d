//! Rules about replicas that do not start, or do not live.

use super::cause::{Cause, Evidence, Seen, plural, replicas, seconds};
use crate::bench::record::observed::{Death, SeenReplica};
use crate::id::Id;

/// Replicas that ended before their hello. The run ends with the first.
pub(super) fn crash_at_start(seen: &Seen<'_>) -> Option<Cause> {
    let crashed = dead(seen, |replica| replica.hello.is_none());
    let (first, death) = crashed.first()?;
    let others = match crashed.len() {
        1 => String::new(),
        count => format!(" ({} more too)", count - 1),
    };
    let text = format!(
        "replica {} crashed at the start, before its hello{others} ({}): {}",
        first.id,
        death.how,
        last_line(death),
    );
    Some(told("crash_at_start", text, &crashed))
}

/// Replicas that ended later without anybody's doing, or were closed.
pub(super) fn crash(seen: &Seen<'_>) -> Option<Cause> {
    let crashed = dead(seen, |replica| replica.hello.is_some());
    let (first, death) = crashed.first()?;
    let at = seconds(death.time);
    let others = match crashed.len() {
        1 => String::new(),
        count => format!(", the first of {count}"),
    };
    let text = match death.closed {
        true => format!(
            "replica {} was closed at {at}{others}: its datagram is {}",
            first.id, death.how
        ),
        false => format!(
            "replica {} crashed at {at}{others} ({}): {}",
            first.id,
            death.how,
            last_line(death)
        ),
    };
    Some(told("crash", text, &crashed))
}

/// Replicas that live and never say hello: nothing is delivered to them.
pub(super) fn no_hello(seen: &Seen<'_>) -> Option<Cause> {
    let silent = |replica: &&SeenReplica| replica.hello.is_none() && replica.death.is_none();
    let silent: Vec<&SeenReplica> = seen.observed.replicas.iter().filter(silent).collect();
    // A run that ended at once tells nothing about them.
    let asked = silent.iter().any(|replica| replica.too_early.is_some());
    if silent.is_empty() || !(asked || seen.lasted >= seen.config.start_wait) {
        return None;
    }
    if crash_at_start(seen).is_some() && !asked {
        return None;
    }
    let ids: Vec<Id> = silent.iter().map(|replica| replica.id).collect();
    let who = match ids.len() == seen.config.replicas {
        true => "no replica ever said hello".to_owned(),
        false => format!("{} never said hello", replicas(&ids)),
    };
    let text = format!("{who}: a replica must send it first, for until then it is sent nothing");
    let evidence = silent.iter().filter_map(|replica| {
        let (time, by) = replica.too_early?;
        let text = format!("{by} spoke to {}, in vain", replica.id);
        Some(Evidence::at(time, Some(replica.id), None, text))
    });
    Some(Cause::new("no_hello", text).shown_by(evidence, 0))
}

/// Replicas that say hello only after somebody has spoken to them: the course's program takes them for
/// dead.
pub(super) fn late_hello(seen: &Seen<'_>) -> Option<Cause> {
    let late = seen.observed.replicas.iter().filter_map(|replica| {
        let (early, by) = replica.too_early?;
        Some((replica, replica.hello?, early, by))
    });
    let late: Vec<_> = late.collect();
    let (first, hello, early, by) = late.first()?;
    let text = format!(
        "{} said hello too late: {by} spoke to {} at {}, its hello came at {}; it counts as died, and \
         no client asks it",
        replicas(&late.iter().map(|it| it.0.id).collect::<Vec<_>>()),
        first.id,
        seconds(*early),
        seconds(*hello),
    );
    let evidence = late.iter().map(|(replica, hello, early, by)| {
        let text = format!(
            "{by} spoke to {}, {} before its hello",
            replica.id,
            seconds(hello.saturating_sub(*early))
        );
        Evidence::at(*early, Some(replica.id), None, text)
    });
    let count = late.len() as u64;
    Some(Cause::new("late_hello", text).shown_by(evidence, count))
}

/// Replicas that ended by themselves, in the order of time.
fn dead<'a>(
    seen: &Seen<'a>,
    which: impl Fn(&SeenReplica) -> bool,
) -> Vec<(&'a SeenReplica, &'a Death)> {
    let all = seen.observed.replicas.iter();
    let dead = all.filter_map(|replica| Some((replica, replica.death.as_ref()?)));
    let mut dead: Vec<_> = dead.filter(|(replica, _)| which(replica)).collect();
    dead.sort_by_key(|(_, death)| death.time);
    dead
}

/// The line that says why, as far as a replica says it: an exception's name comes last.
fn last_line(death: &Death) -> String {
    let words = death.last_words.iter().rev();
    let mut said = words.map(|line| line.trim()).filter(|it| !it.is_empty());
    said.next().unwrap_or("nothing on stderr").to_owned()
}

/// A cause with a line for each death, and the first one's last words in whole.
fn told(kind: &'static str, text: String, crashed: &[(&SeenReplica, &Death)]) -> Cause {
    let evidence = crashed.iter().map(|(replica, death)| {
        let said = match death.last_words.len() {
            0 => "nothing on stderr".to_owned(),
            count => format!("{} on stderr", plural(count as u64, "last line")),
        };
        let text = format!("{} ended: {}; {said}", replica.id, death.how);
        Evidence::at(death.time, Some(replica.id), None, text)
    });
    let words = crashed.first().map(|(_, death)| death.last_words.clone());
    Cause {
        quote: words.unwrap_or_default(),
        ..Cause::new(kind, text).shown_by(evidence, crashed.len() as u64)
    }
}
