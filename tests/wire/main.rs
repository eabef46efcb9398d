//! The wire format: whatever comes in, decoding does not panic; whatever goes out, it comes back.

mod letters;

use std::sync::Arc;
use std::time::Duration;

use leasekv::consensus::members::MAX_MEMBERS;
use leasekv::consensus::message::{Append, AppendOutcome, Receipt};
use leasekv::consensus::{Body, Entry, Incarnation, Index, LogId, Message, Payload, Term, Time};
use leasekv::course::decode::{Incoming, Unreadable, decode, decode_any};
use leasekv::course::encode::{encode_answer, encode_hello, encode_letter};
use leasekv::course::{MAX_DATAGRAM_BYTES, MAX_MID_BYTES, MAX_NUMBER};
use leasekv::id::Id;
use leasekv::kv::{Answer, Command, Note, Operation, Outcome, Put, Request};
use leasekv::replica::{Letter, Options};
use proptest::prelude::*;
use serde_json::{Value, json};

use letters::{entry, id, letter, resembling};

/// An append of these entries, and nothing else.
fn letter_of(entries: Vec<Entry<Command>>) -> Letter {
    let append = Append {
        previous: LogId::default(),
        entries,
        commit: Index(0),
        response_wanted: true,
        deferred: false,
        in_doubt: false,
        route: vec![Id(2)],
        receipts: Vec::new(),
        sent_at: Time::ZERO,
    };
    let message = Message {
        term: Term(1),
        leader: Id(0),
        incarnation: Incarnation(7),
        body: Body::Append(append),
    };
    Letter {
        message,
        note: None,
    }
}

/// What may get into a datagram where it does not belong.
const PUT_IN: &[&str] = &[
    "",
    " ",
    "  ",
    "\n",
    "\"",
    "\\",
    "\\u0041",
    ",",
    ":",
    "0",
    "-",
    "1e3",
    ".5",
    "9007199254740993",
    "true",
    "null",
    "{}",
    "[",
    "]",
    "}",
    "\"key\": \"k\",",
    "\"x\": 1,",
    "\u{7f}",
    "é",
];

/// What was read, or that nothing could be, so that two can be compared.
fn read(outcome: Result<Incoming, Unreadable>) -> Option<Incoming> {
    outcome.ok()
}

proptest! {
    #[test]
    fn no_bytes_make_decoding_panic(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        let _ = decode(&bytes);
    }

    #[test]
    fn no_json_of_a_similar_shape_makes_decoding_panic(value in resembling()) {
        if let Err(error) = decode(value.to_string().as_bytes()) {
            prop_assert!(error.to_string().len() < 300, "an error fits on a line: {error}");
        }
    }

    #[test]
    fn a_damaged_message_does_not_make_decoding_panic(
        letter in letter(),
        place in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let mut datagram = Vec::new();
        encode_letter(&mut datagram, Id(1), Id(2), &letter);
        let place = place.index(datagram.len());
        datagram[place] = byte;
        let _ = decode(&datagram);
        datagram.truncate(place);
        prop_assert!(decode(&datagram).is_err());
    }

    #[test]
    fn every_letter_survives_encoding_and_decoding(
        from in id(),
        to in id(),
        letter in letter(),
    ) {
        let mut datagram = Vec::new();
        encode_letter(&mut datagram, from, to, &letter);
        let decoded = decode(&datagram).expect("what we write we can read");
        prop_assert_eq!(decoded, Incoming::Letter { from, to, letter });
    }

    #[test]
    fn both_readers_read_the_same(
        letter in letter(),
        place in any::<prop::sample::Index>(),
        removed in 0..4_usize,
        put_in in prop::sample::select(PUT_IN),
        value in "[ -~é\\n]{0,20}",
    ) {
        let put = json!({
            "src": "0101", "dst": "0002", "leader": "FFFF", "type": "put", "MID": "m1", "key": value, "value": value,
        });
        let mut datagram = Vec::new();
        encode_letter(&mut datagram, Id(1), Id(2), &letter);
        for datagram in [datagram, put.to_string().into_bytes()] {
            let whole = String::from_utf8(datagram).expect("JSON is text");
            prop_assert_eq!(read(decode(whole.as_bytes())), read(decode_any(&whole)));
            // And what is nearly a datagram.
            let characters: Vec<char> = whole.chars().collect();
            let place = place.index(characters.len());
            let end = characters.len().min(place + removed);
            let near: String = characters[..place]
                .iter()
                .copied()
                .chain(put_in.chars())
                .chain(characters[end..].iter().copied())
                .collect();
            prop_assert_eq!(read(decode(near.as_bytes())), read(decode_any(&near)), "{}", near);
        }
    }

    #[test]
    fn an_entry_takes_no_more_bytes_than_its_bound(entry in entry()) {
        let (mut without, mut with) = (Vec::new(), Vec::new());
        encode_letter(&mut without, Id(1), Id(2), &letter_of(vec![]));
        encode_letter(&mut with, Id(1), Id(2), &letter_of(vec![entry.clone()]));
        // One more for the comma between entries.
        prop_assert!(with.len() - without.len() < entry.size_bound());
    }

    #[test]
    fn a_clients_request_is_read(
        client in id(),
        to in id(),
        mid in ".{0,60}",
        key in any::<String>(),
        value in any::<String>(),
    ) {
        let put = json!({
            "src": client, "dst": to, "leader": "FFFF", "type": "put",
            "MID": mid, "key": key, "value": value,
        });
        let operation = Operation::Put { key: key.clone(), value };
        let request = Request { client, mid: mid.clone(), operation };
        prop_assert_eq!(
            decode(put.to_string().as_bytes()).expect("a put"),
            Incoming::Request { to, request }
        );
        let get = json!({
            "src": client, "dst": to, "type": "get", "MID": mid, "key": key, "extra": [1],
        });
        let request = Request { client, mid, operation: Operation::Get { key } };
        prop_assert_eq!(
            decode(get.to_string().as_bytes()).expect("a get"),
            Incoming::Request { to, request }
        );
    }

    #[test]
    fn an_answer_is_written_as_the_course_wants_it(
        client in id(),
        leader in id(),
        mid in any::<String>(),
        value in any::<String>(),
    ) {
        for (outcome, kind, expected) in [
            (Outcome::Stored, "ok", Value::Null),
            (Outcome::Value(value.clone()), "ok", Value::from(value.clone())),
            (Outcome::Redirect, "redirect", Value::Null),
            (Outcome::Fail, "fail", Value::Null),
        ] {
            let answer = Answer { client, mid: mid.clone(), leader, outcome };
            let mut datagram = Vec::new();
            encode_answer(&mut datagram, Id(3), &answer);
            let written: Value = serde_json::from_slice(&datagram).expect("JSON");
            prop_assert_eq!(&written["type"], kind);
            prop_assert_eq!(&written["src"], "0003");
            prop_assert_eq!(&written["dst"], &Value::from(client.to_string()));
            prop_assert_eq!(&written["leader"], &Value::from(leader.to_string()));
            prop_assert_eq!(&written["MID"], &Value::from(mid.clone()));
            prop_assert_eq!(&written["value"], &expected);
        }
    }
}

#[test]
fn the_largest_append_fits_into_a_datagram_whatever_its_route_carries() {
    // A route may lead over all followers. At its last hop it carries a receipt of each but one, at its first the
    // names of all but one; here it carries both for everybody.
    let others = 1..MAX_MEMBERS as u16;
    let log_id = LogId {
        term: Term(MAX_NUMBER),
        index: Index(MAX_NUMBER),
    };
    let receipt = |follower| Receipt {
        follower: Id(follower),
        incarnation: Incarnation(u32::MAX),
        outcome: AppendOutcome::Refused {
            previous: Index(MAX_NUMBER),
            hint: log_id,
        },
    };
    let append = Append {
        previous: log_id,
        entries: Vec::new(),
        commit: Index(MAX_NUMBER),
        response_wanted: false,
        deferred: true,
        in_doubt: true,
        route: others.clone().map(Id).collect(),
        receipts: others.map(receipt).collect(),
        sent_at: Time::from_epoch(Duration::MAX),
    };
    let letter = Letter {
        message: Message {
            term: Term(MAX_NUMBER),
            leader: Id(1),
            incarnation: Incarnation(u32::MAX),
            body: Body::Append(append),
        },
        note: Some(Note {
            applied: Index(MAX_NUMBER),
            settled: Index(MAX_NUMBER),
            forgotten: Index(MAX_NUMBER),
        }),
    };
    let mut datagram = Vec::new();
    encode_letter(&mut datagram, Id(1), Id(2), &letter);
    // What an entry takes besides its put's texts, by its own bound.
    let frame = {
        let put = Put {
            key: String::new(),
            value: String::new(),
            client: Id(0),
            mid: String::new(),
            answerer: Id(0),
        };
        let payload = Payload::Command(Command::Put(Arc::new(put)));
        Entry {
            term: Term(1),
            payload,
        }
        .size_bound()
    };
    // So much is left for entries, or for the texts of a single put in its entry.
    let most = MAX_DATAGRAM_BYTES - datagram.len() - frame;
    let mut largest_put = Options::default();
    largest_put.kv.limits.max_put_bytes = most + 1;
    let mut largest_batch = Options::default();
    largest_batch.consensus.limits.max_append_bytes = most + 1;
    for options in [largest_put, largest_batch] {
        options.check().expect_err("too much for a datagram");
    }
    assert_eq!(Options::default().check(), Ok(()));
}

#[test]
fn what_cannot_be_read_is_named() {
    for (text, expected) in [
        (r"{", "not a message"),
        (r"[]", "not a message"),
        (r#"{"src":"0001","dst":"0002"}"#, "type"),
        (
            r#"{"src":"1","dst":"0002","type":"get"}"#,
            "four hexadecimal digits",
        ),
        (
            r#"{"src":"0001","dst":"0002","type":"get","MID":"m"}"#,
            r#"get needs "key""#,
        ),
        (
            r#"{"src":"0001","dst":"0002","type":"put","MID":"m","key":"k"}"#,
            r#"put needs "value""#,
        ),
        (
            r#"{"src":"0001","dst":"0002","type":"get","key":"k"}"#,
            r#"get needs "MID""#,
        ),
        (
            r#"{"src":"0001","dst":"0002","type":"get","MID":"m","key":7}"#,
            "not a message",
        ),
        (
            r#"{"src":"0001","dst":"0002","type":"vote","last":[1,1]}"#,
            r#"vote needs "term""#,
        ),
        (
            r#"{"src":"0001","dst":"0002","type":"vote","term":1,"last":[1,1]}"#,
            r#"vote needs "life""#,
        ),
        (
            r#"{"src":"0001","dst":"0002","type":"vote","term":1,"life":1,"applied":1,"last":[1,1]}"#,
            r#"vote needs "settled""#,
        ),
        (
            r#"{"src":"0001","dst":"0002","type":"vote","term":1,"life":4294967296,"last":[1,1]}"#,
            "not a message",
        ),
        (
            r#"{"src":"0001","dst":"0002","type":"vote","term":9007199254740992,"last":[1,1]}"#,
            "beyond",
        ),
        (
            r#"{"src":"0001","dst":"0002","type":"vote","term":-1,"last":[1,1]}"#,
            "not a message",
        ),
        (
            r#"{"src":"0001","dst":"0002","type":"gossip"}"#,
            r#"unknown type "gossip""#,
        ),
    ] {
        let error = decode(text.as_bytes()).expect_err(text).to_string();
        assert!(error.contains(expected), "{text}: {error}");
    }
}

#[test]
fn an_attempts_name_has_a_longest_length() {
    let get = |length: usize| {
        let mid = "m".repeat(length);
        json!({"src": "0015", "dst": "0000", "type": "get", "MID": mid, "key": "k"}).to_string()
    };
    assert!(decode(get(MAX_MID_BYTES).as_bytes()).is_ok());
    let error = decode(get(MAX_MID_BYTES + 1).as_bytes()).expect_err("too long");
    assert!(error.to_string().contains("257 bytes"), "{error}");
}

#[test]
fn a_hello_is_written_as_the_course_wants_it() {
    let mut datagram = Vec::new();
    encode_hello(&mut datagram, Id(4));
    let written: Value = serde_json::from_slice(&datagram).expect("JSON");
    let expected = json!({"src": "0004", "dst": "FFFF", "leader": "FFFF", "type": "hello"});
    assert_eq!(written, expected);
}

fn allocations(work: impl FnOnce()) -> u64 {
    allocation_counter::measure(work).count_total
}

#[test]
fn a_message_takes_no_memory_but_what_is_kept_of_it() {
    let put = json!({
        "src": "0020", "dst": "0000", "leader": "0000", "type": "put", "MID": "m", "key": "k", "value": "v",
    });
    let texts = 3;
    let append = letter_of(vec![Entry {
        term: Term(1),
        payload: Payload::Command(Command::Put(Arc::new(Put {
            key: "k".to_owned(),
            value: "v".to_owned(),
            client: Id(0x20),
            mid: "m".to_owned(),
            answerer: Id(2),
        }))),
    }]);
    // The list of entries, the put that logs share, the route.
    let of_append = texts + 3;
    let answer = Answer {
        client: Id(0x20),
        mid: "m".to_owned(),
        leader: Id(0),
        outcome: Outcome::Value("v".to_owned()),
    };

    let put = put.to_string().into_bytes();
    assert_eq!(allocations(|| drop(decode(&put))), texts);
    let mut buffer = Vec::with_capacity(1_024);
    let written = allocations(|| encode_letter(&mut buffer, Id(0), Id(1), &append));
    assert_eq!(written, 0);
    assert_eq!(allocations(|| drop(decode(&buffer))), of_append);
    let written = allocations(|| encode_answer(&mut buffer, Id(0), &answer));
    assert_eq!(written, 0);
}
