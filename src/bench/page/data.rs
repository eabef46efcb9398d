//! A trace in the compact form in which a page carries it: a list for each column, and numbers for
//! names. `assets/model.js` reads it.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use serde::Serialize;
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};

use super::bands::{self, Band};
use super::printed::{self, Output};
use crate::bench::record::journal::Effect;
use crate::bench::trace::record::{
    End, Fate, Fault, Leader, Message, Note, Start, State, Trace, Violation,
};
use crate::course::state::StateChange;
use crate::id::Id;

/// How many bytes a page's data may take. Beyond it less of everything is in the page, and still all of it
/// in the trace, so that a page always stays below 10 MB.
const MAX_BYTES: usize = 9_000_000;
/// What a page may have at first. It is halved until the page is small enough.
const FIRST: Budget = Budget {
    datagrams_bytes: 6_000_000,
    messages: 30_000,
    states: 60_000,
    output_bytes: 1_000_000,
};
/// No page has less.
const LEAST_MESSAGES: usize = 1_000;
/// No datagram is cut to less.
const MIN_CUT_BYTES: usize = 64;
/// How many types of messages are told apart, the most frequent ones, and how long their names are, in
/// characters: foreign replicas may send anything.
const MAX_KINDS: usize = 24;
const MAX_KIND_CHARACTERS: usize = 32;
/// The name of the others.
const OTHER_KINDS: &str = "(other types)";

#[derive(Serialize)]
struct Data<'a> {
    start: &'a Start,
    end: &'a End,
    /// The types of messages.
    kinds: Vec<String>,
    /// All who take part: replicas, then clients.
    parties: Vec<Id>,
    messages: Messages<'a>,
    /// How many messages there are in the trace.
    total: usize,
    /// What stands for those that are not here one by one.
    bands: Vec<Band>,
    attempts: Attempts<'a>,
    states: States<'a>,
    output: Output<'a>,
    leaders: &'a [Leader],
    faults: &'a [Fault],
    notes: &'a [Note],
    violations: &'a [Violation],
}

/// A column each; parties, types and attempts are numbers, -1 is none.
#[derive(Default, Serialize)]
struct Messages<'a> {
    from: Vec<i32>,
    to: Vec<i32>,
    kind: Vec<usize>,
    sent: Vec<u64>,
    /// Arrival; of what did not arrive when the simulator dealt with it, negative.
    end: Vec<i64>,
    fate: Vec<u8>,
    effect: Vec<i8>,
    attempt: Vec<i32>,
    copies: BTreeMap<usize, usize>,
    /// The numbers in the trace, if not all of its messages are here.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    number: Vec<usize>,
    /// The terms that messages between replicas bear, -1 for none; only if replicas do not tell of their
    /// state.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    term: Vec<i64>,
    /// The attempts whose MIDs stand in messages between replicas.
    related: BTreeMap<usize, Vec<usize>>,
    data: Vec<Cow<'a, RawValue>>,
}

#[derive(Default, Serialize)]
struct Attempts<'a> {
    mid: Vec<&'a str>,
    request: Vec<u32>,
    client: Vec<i32>,
    /// The message that made it.
    message: Vec<usize>,
    put: Vec<u8>,
    key: Vec<String>,
    value: Vec<String>,
}

#[derive(Default, Serialize)]
struct States<'a> {
    time: Vec<u64>,
    replica: Vec<i32>,
    causes: Vec<Option<Vec<usize>>>,
    change: Vec<Cow<'a, StateChange>>,
    /// Whether most of it is in the trace only.
    thinned: bool,
}

/// How much a page may have.
#[derive(Clone, Copy, Debug)]
struct Budget {
    /// How many bytes all datagrams together may take; the longest are cut first.
    datagrams_bytes: usize,
    /// How many messages it may have one by one.
    messages: usize,
    /// How many changes of state it may have.
    states: usize,
    /// How many bytes of the replicas' output it may have.
    output_bytes: usize,
}

/// A trace as JSON for its page.
pub(super) fn of(trace: &Trace, term_key: &str) -> String {
    let mut budget = FIRST;
    loop {
        let data = within(trace, term_key, budget);
        if data.len() <= MAX_BYTES || budget.messages <= LEAST_MESSAGES {
            return data;
        }
        // Datagrams first: what is cut of them is missed the least.
        budget.datagrams_bytes /= 2;
        if budget.datagrams_bytes < FIRST.datagrams_bytes / 8 {
            budget.messages /= 2;
            budget.states /= 2;
            budget.output_bytes /= 2;
        }
    }
}

fn within(trace: &Trace, term_key: &str, budget: Budget) -> String {
    let parties: Vec<Id> = trace
        .start
        .replicas
        .iter()
        .chain(&trace.start.clients)
        .copied()
        .collect();
    let number: HashMap<Id, i32> = parties.iter().copied().zip(0..).collect();
    let party = |id: Id| number.get(&id).copied().unwrap_or(-1);
    let chosen = bands::choose(&trace.messages, budget.messages);
    let shown: Vec<&Message> = chosen.kept.iter().map(|at| &trace.messages[*at]).collect();
    let (attempts, by_mid) = attempts(&shown, &party);
    let on_page: HashMap<usize, usize> = match chosen.bands.is_empty() {
        true => HashMap::new(),
        false => shown
            .iter()
            .enumerate()
            .map(|(at, it)| (it.number, at))
            .collect(),
    };
    let is_whole = chosen.bands.is_empty();
    let place = |number: usize| match is_whole {
        true => Some(number),
        false => on_page.get(&number).copied(),
    };
    let (mut messages, kinds) = messages(&shown, &by_mid, &party, &place, budget.datagrams_bytes);
    if !is_whole {
        messages.number = shown.iter().map(|it| it.number).collect();
    }
    if trace.states.is_empty() {
        messages.term = terms(&shown, term_key);
    }
    let data = Data {
        start: &trace.start,
        end: &trace.end,
        kinds,
        parties,
        messages,
        total: trace.messages.len(),
        bands: chosen.bands,
        attempts,
        states: states(&trace.states, &party, &place, budget.states),
        output: printed::of(&trace.output, &trace.start.replicas, budget.output_bytes),
        leaders: &trace.leaders,
        faults: &trace.faults,
        notes: &trace.notes,
        violations: &trace.violations,
    };
    serde_json::to_string(&data).expect("plain data can be written to memory")
}

/// The terms that messages between replicas bear under this key; nothing if none does.
fn terms(messages: &[&Message], key: &str) -> Vec<i64> {
    let term = |it: &&Message| -> i64 {
        let value: Option<Value> = match it.mid {
            None => serde_json::from_str(it.data.get()).ok(),
            Some(_) => None,
        };
        value
            .and_then(|value| value.get(key)?.as_i64())
            .unwrap_or(-1)
    };
    let terms: Vec<i64> = messages.iter().map(term).collect();
    match terms.iter().any(|term| *term >= 0) {
        true => terms,
        false => Vec::new(),
    }
}

fn attempts<'a>(
    messages: &[&'a Message],
    party: &impl Fn(Id) -> i32,
) -> (Attempts<'a>, HashMap<&'a str, usize>) {
    let mut attempts = Attempts::default();
    let mut by_mid = HashMap::new();
    for (place, message) in messages.iter().enumerate() {
        let (Some(mid), Some(request)) = (&message.mid, message.request) else {
            continue;
        };
        by_mid.insert(mid.as_str(), attempts.mid.len());
        let datagram: Value = serde_json::from_str(message.data.get()).unwrap_or_default();
        let text = |key: &str| datagram[key].as_str().unwrap_or_default().to_owned();
        attempts.mid.push(mid);
        attempts.request.push(request);
        attempts.client.push(party(message.from));
        attempts.message.push(place);
        attempts.put.push(u8::from(message.kind == "put"));
        attempts.key.push(text("key"));
        attempts.value.push(text("value"));
    }
    (attempts, by_mid)
}

fn messages<'a>(
    messages: &[&'a Message],
    by_mid: &HashMap<&str, usize>,
    party: &impl Fn(Id) -> i32,
    on_page: &impl Fn(usize) -> Option<usize>,
    room: usize,
) -> (Messages<'a>, Vec<String>) {
    let mut columns = Messages::default();
    let (kinds, number_of) = kinds(messages);
    let cut = cut_bytes(messages, room);
    for (place, message) in messages.iter().enumerate() {
        columns.from.push(party(message.from));
        columns.to.push(party(message.to));
        columns.kind.push(number_of[message.kind.as_str()]);
        columns
            .sent
            .push(message.sent_ns.unwrap_or(message.time_ns));
        let signed = |time: u64| i64::try_from(time).unwrap_or(i64::MAX);
        columns.end.push(match message.arrived_ns {
            Some(time) => signed(time),
            None => -signed(message.time_ns),
        });
        columns.fate.push(fate(message.fate));
        columns.effect.push(message.effect.map_or(-1, effect));
        let attempt = message.mid.as_deref().and_then(|mid| by_mid.get(mid));
        let attempt = attempt.and_then(|attempt| i32::try_from(*attempt).ok());
        columns.attempt.push(attempt.unwrap_or(-1));
        let original = message.copy_of.and_then(on_page);
        if let Some(original) = original.filter(|original| *original < place) {
            columns.copies.insert(place, original);
        }
        if message.mid.is_none() {
            let related = related(message.data.get(), by_mid);
            if !related.is_empty() {
                columns.related.insert(place, related);
            }
        }
        columns.data.push(shortened(&message.data, cut));
    }
    (columns, kinds)
}

/// The types' names in the order of their first messages, and which of them each type is.
fn kinds<'a>(messages: &[&'a Message]) -> (Vec<String>, HashMap<&'a str, usize>) {
    let mut counts: HashMap<&str, usize> = HashMap::new();
    let mut order: Vec<&str> = Vec::new();
    for message in messages {
        let count = counts.entry(message.kind.as_str()).or_default();
        if *count == 0 {
            order.push(&message.kind);
        }
        *count += 1;
    }
    let mut frequent = order.clone();
    frequent.sort_by_key(|kind| std::cmp::Reverse(counts[kind]));
    frequent.truncate(MAX_KINDS);
    let mut names: Vec<String> = Vec::new();
    let mut number_of = HashMap::new();
    for kind in order {
        let mut name = OTHER_KINDS.to_owned();
        if frequent.contains(&kind) {
            name = kind.chars().take(MAX_KIND_CHARACTERS).collect();
            if name.len() < kind.len() {
                name.push('…');
            }
        }
        let number = names.iter().position(|known| *known == name);
        number_of.insert(kind, number.unwrap_or(names.len()));
        if number.is_none() {
            names.push(name);
        }
    }
    (names, number_of)
}

/// The attempts whose MIDs stand anywhere in a datagram as a text.
fn related(datagram: &str, by_mid: &HashMap<&str, usize>) -> Vec<usize> {
    let mut found: Vec<usize> = Vec::new();
    // A MID has letters and digits only, so it is never written with escapes.
    for text in datagram.split('"') {
        if let Some(attempt) = by_mid.get(text)
            && !found.contains(attempt)
        {
            found.push(*attempt);
        }
    }
    found
}

/// To how many bytes datagrams are cut, so that all have room.
fn cut_bytes(messages: &[&Message], room: usize) -> usize {
    let mut cut = 1 << 17;
    let total = |cut: usize| -> usize {
        let lengths = messages.iter().map(|message| message.data.get().len());
        lengths.map(|length| length.min(cut)).sum()
    };
    while cut > MIN_CUT_BYTES && total(cut) > room {
        cut /= 2;
    }
    cut
}

fn shortened(data: &RawValue, cut: usize) -> Cow<'_, RawValue> {
    let text = data.get();
    if text.len() <= cut {
        return Cow::Borrowed(data);
    }
    let end = (0..=cut).rev().find(|end| text.is_char_boundary(*end));
    let short = format!(
        "{}… ({} bytes, in full in the trace)",
        &text[..end.unwrap_or(0)],
        text.len()
    );
    Cow::Owned(to_raw_value(&short).expect("a text can be written"))
}

/// What replicas told of themselves. If it is too much, only who led and in which term.
fn states<'a>(
    states: &'a [State],
    party: &impl Fn(Id) -> i32,
    on_page: &impl Fn(usize) -> Option<usize>,
    limit: usize,
) -> States<'a> {
    let mut columns = States {
        thinned: states.len() > limit,
        ..States::default()
    };
    for state in states {
        let change = match columns.thinned {
            false => Cow::Borrowed(&state.change),
            true => Cow::Owned(StateChange {
                role: state.change.role.clone(),
                term: state.change.term,
                vote: state.change.vote,
                leader: state.change.leader,
                ..StateChange::default()
            }),
        };
        if columns.thinned && (columns.time.len() >= limit || *change == StateChange::default()) {
            continue;
        }
        let causes = state.causes.as_ref();
        let causes = causes.map(|all| all.iter().filter_map(|it| on_page(*it)).collect());
        columns.time.push(state.time_ns);
        columns.replica.push(party(state.replica));
        columns.causes.push(causes);
        columns.change.push(change);
    }
    columns
}

/// Places in `FATES` of `model.js`.
fn fate(fate: Fate) -> u8 {
    match fate {
        Fate::Delivered => 0,
        Fate::Lost => 1,
        Fate::Cut => 2,
        Fate::Dead => 3,
        Fate::NotReady => 4,
        Fate::Overflow => 5,
        Fate::UnderWay => 6,
    }
}

/// Places in `EFFECTS` of `model.js`.
fn effect(effect: Effect) -> i8 {
    match effect {
        Effect::Completed => 0,
        Effect::Retry => 1,
        Effect::Duplicate => 2,
        Effect::Wrong => 3,
        Effect::Unexpected => 4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mids_are_found_wherever_they_stand() {
        let by_mid = HashMap::from([("abc", 0), ("def", 1)]);
        let datagram = r#"{"entries":[[1,{"MID":"def"}],{"x":"abc"}],"y":"def","z":"abcd"}"#;
        assert_eq!(related(datagram, &by_mid), [1, 0]);
    }

    #[test]
    fn of_very_many_types_the_frequent_ones_are_told_apart() {
        let message = |kind: String| Message {
            number: 0,
            time_ns: 0,
            sent_ns: None,
            arrived_ns: None,
            from: Id(0),
            to: Id(1),
            kind,
            fate: Fate::Lost,
            copy_of: None,
            mid: None,
            request: None,
            effect: None,
            data: RawValue::from_string("1".to_owned()).unwrap(),
        };
        let rare = (0..100).map(|at| format!("t{at}"));
        let often = ["append".to_owned(), "é".repeat(50)];
        let often = often.iter().cycle().take(4).cloned();
        let messages: Vec<Message> = rare.chain(often).map(message).collect();
        let messages: Vec<&Message> = messages.iter().collect();
        let (names, number_of) = kinds(&messages);
        assert_eq!(names.len(), MAX_KINDS + 1);
        assert_eq!(names[number_of["append"]], "append");
        assert_eq!(names[number_of["t99"]], OTHER_KINDS);
        assert_eq!(
            names[number_of["é".repeat(50).as_str()]],
            format!("{}…", "é".repeat(32))
        );
    }

    #[test]
    fn only_what_is_long_is_cut_and_it_stays_json() {
        let raw = |text: &str| RawValue::from_string(format!("{text:?}")).unwrap();
        let long = raw(&"é".repeat(200));
        let short = shortened(&long, 100);
        let text: String = serde_json::from_str(short.get()).unwrap();
        assert!(
            text.ends_with("(402 bytes, in full in the trace)"),
            "{text}"
        );
        assert_eq!(shortened(&raw("x"), 100).get(), "\"x\"");
    }
}
