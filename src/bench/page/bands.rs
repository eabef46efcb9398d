//! Which messages a page has one by one, and which it has as bands.
//!
//! A storm has hundreds of thousands of messages, and no page shows so many. What repeats (from the same
//! sender to the same receiver, of the same type, with the same fate, within a short time) becomes a band:
//! its first and its last message stay, and how many there were. What explains a run stays one by one: the
//! first and the last attempt at every request, what completed it, and what failed.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde::Serialize;

use crate::bench::record::journal::Effect;
use crate::bench::trace::record::{Fate, Message};
use crate::id::Id;

/// How long what makes up a band may last, in nanoseconds; the first that is enough.
const WINDOWS_NS: [u64; 6] = [
    20_000_000,
    100_000_000,
    500_000_000,
    2_000_000_000,
    10_000_000_000,
    u64::MAX,
];
/// So many alike are not worth a band.
const FEW: usize = 3;

/// What a page has of a run's messages.
#[derive(Debug)]
pub(super) struct Chosen {
    /// The messages that it has one by one, by their places in the trace.
    pub(super) kept: Vec<usize>,
    /// The others.
    pub(super) bands: Vec<Band>,
}

/// Messages that are alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Band {
    /// The first and the last of them, by their places on the page.
    pub(super) first: usize,
    pub(super) last: usize,
    /// How many there are, these two included.
    pub(super) count: usize,
}

/// What messages of a band have in common.
type Alike<'a> = (Id, Id, &'a str, Fate, Option<Effect>, u64);

/// Chooses about so many messages at most.
pub(super) fn choose(messages: &[Message], limit: usize) -> Chosen {
    if messages.len() <= limit {
        return Chosen {
            kept: (0..messages.len()).collect(),
            bands: Vec::new(),
        };
    }
    let telling = telling(messages, limit / 2);
    let mut chosen = None;
    for window in WINDOWS_NS {
        let tried = within(messages, &telling, window);
        let enough = tried.kept.len() <= limit;
        chosen = Some(tried);
        if enough {
            break;
        }
    }
    let mut chosen = chosen.expect("there is a window");
    // Only if there are very many kinds of messages.
    chosen.kept.truncate(2 * limit);
    let size = chosen.kept.len();
    chosen.bands.retain(|band| band.last < size);
    chosen
}

/// What explains a run, some of it if there is very much.
fn telling(messages: &[Message], limit: usize) -> HashSet<usize> {
    let mut attempts: HashMap<u32, (&str, &str)> = HashMap::new();
    let mut mids: HashSet<&str> = HashSet::new();
    let mut failed = Vec::new();
    for (place, message) in messages.iter().enumerate() {
        let mid = message.mid.as_deref();
        if let (Some(request), Some(mid)) = (message.request, mid) {
            attempts.entry(request).or_insert((mid, mid)).1 = mid;
        }
        match (message.effect, message.fate) {
            (Some(Effect::Completed), _) => mids.extend(mid),
            (Some(Effect::Duplicate | Effect::Wrong | Effect::Unexpected), _) => {
                mids.extend(mid);
                failed.push(place);
            }
            (_, Fate::Delivered | Fate::UnderWay) => {}
            _ => failed.push(place),
        }
    }
    mids.extend(attempts.values().flat_map(|(first, last)| [*first, *last]));
    let of_them = messages.iter().enumerate();
    let of_them = of_them.filter(|(_, it)| it.mid.as_deref().is_some_and(|it| mids.contains(it)));
    let all = of_them.map(|(place, _)| place).take(limit / 2);
    let mut telling: HashSet<usize> = all.collect();
    // The first and the last failures, if there are too many.
    let half = limit / 4;
    if failed.len() > 2 * half {
        failed.drain(half..failed.len() - half);
    }
    telling.extend(failed);
    telling
}

fn within(messages: &[Message], telling: &HashSet<usize>, window: u64) -> Chosen {
    let mut alike: HashMap<Alike<'_>, (usize, Vec<usize>)> = HashMap::new();
    for (place, it) in messages.iter().enumerate() {
        let key = (
            it.from,
            it.to,
            it.kind.as_str(),
            it.fate,
            it.effect,
            it.time_ns / window,
        );
        let (count, some) = alike.entry(key).or_default();
        *count += 1;
        // The last one takes the place of the one before it.
        if some.len() > FEW {
            some.pop();
        }
        some.push(place);
    }
    let mut places: HashSet<usize> = telling.clone();
    let mut ends = Vec::new();
    for (count, some) in alike.values() {
        match (some.first(), some.last()) {
            (Some(first), Some(last)) if *count > FEW => {
                places.extend([first, last]);
                ends.push((*first, *last, *count));
            }
            _ => places.extend(some),
        }
    }
    let mut kept: Vec<usize> = places.into_iter().collect();
    kept.sort_unstable();
    let on_page: BTreeMap<usize, usize> =
        kept.iter().enumerate().map(|(at, it)| (*it, at)).collect();
    ends.sort_unstable();
    let bands = ends.into_iter().map(|(first, last, count)| Band {
        first: on_page[&first],
        last: on_page[&last],
        count,
    });
    Chosen {
        bands: bands.collect(),
        kept,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::value::RawValue;

    fn message(number: usize, kind: &str, fate: Fate) -> Message {
        Message {
            number,
            time_ns: number as u64 * 10_000,
            sent_ns: None,
            arrived_ns: None,
            from: Id(0),
            to: Id(1),
            kind: kind.to_owned(),
            fate,
            copy_of: None,
            mid: None,
            request: None,
            effect: None,
            data: RawValue::from_string("1".to_owned()).unwrap(),
        }
    }

    #[test]
    fn few_messages_are_all_there() {
        let few: Vec<Message> = (0..10).map(|n| message(n, "a", Fate::Delivered)).collect();
        let chosen = choose(&few, 10);
        assert_eq!(chosen.kept, (0..10).collect::<Vec<_>>());
        assert_eq!(chosen.bands, []);
    }

    #[test]
    fn what_repeats_is_a_band_and_what_failed_stays() {
        let mut many: Vec<Message> = (0..100_000)
            .map(|n| message(n, "beat", Fate::Delivered))
            .collect();
        many[500].fate = Fate::Lost;
        many[70_000].kind = "rare".to_owned();
        many[80_000] = Message {
            mid: Some("m".to_owned()),
            request: Some(3),
            kind: "get".to_owned(),
            ..message(80_000, "get", Fate::Delivered)
        };
        let chosen = choose(&many, 1_000);
        assert!(chosen.kept.len() <= 1_000);
        for place in [0, 500, 70_000, 80_000, 99_999] {
            assert!(chosen.kept.contains(&place), "{place}");
        }
        let told: usize = chosen.bands.iter().map(|band| band.count).sum();
        assert_eq!(told, 100_000 - 3, "every other message is in a band");
        for band in &chosen.bands {
            assert!(band.first < band.last && band.last < chosen.kept.len());
        }
    }
}
