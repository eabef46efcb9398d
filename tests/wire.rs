//! The wire format: whatever comes in, decoding does not panic; whatever goes out, it comes back.

use std::sync::Arc;
use std::time::Duration;

use leasekv::id::Id;
use leasekv::raft::entry::{Command, Entry, Put, TakeOver};
use leasekv::raft::message::{Append, Appended, Receipt, Reception, Standing, Voted};
use leasekv::raft::{
    Answer, Body, Index, Message, Operation, Options, Outcome, Position, Request, Term, Time,
};
use leasekv::wire::{self, Incoming, MAX_DATAGRAM_BYTES, MAX_MID_BYTES, MAX_NUMBER};
use proptest::prelude::*;
use serde_json::{Value, json};

fn id() -> impl Strategy<Value = Id> {
    any::<u16>().prop_map(Id)
}

fn index() -> impl Strategy<Value = Index> {
    (0..=MAX_NUMBER).prop_map(Index)
}

fn term() -> impl Strategy<Value = Term> {
    (0..=MAX_NUMBER).prop_map(Term)
}

fn position() -> impl Strategy<Value = Position> {
    (term(), index()).prop_map(|(term, index)| Position { term, index })
}

fn command() -> impl Strategy<Value = Command> {
    prop_oneof![
        Just(Command::Renew),
        id().prop_map(Command::Lead),
        (id(), index(), index()).prop_map(|(by, after, through)| Command::TakeOver(TakeOver {
            by,
            after,
            through
        })),
        (any::<[String; 3]>(), id(), id()).prop_map(|([key, value, mid], client, answerer)| {
            Command::Put(Arc::new(Put {
                key,
                value,
                client,
                mid,
                answerer,
            }))
        }),
    ]
}

fn entry() -> impl Strategy<Value = Entry> {
    (term(), command()).prop_map(|(term, command)| Entry { term, command })
}

fn time() -> impl Strategy<Value = Time> {
    any::<u64>().prop_map(|nanoseconds| Time::from_epoch(Duration::from_nanos(nanoseconds)))
}

fn standing() -> impl Strategy<Value = Standing> {
    (position(), any::<bool>()).prop_map(|(last, leader_suspected)| Standing {
        last,
        leader_suspected,
    })
}

fn voted() -> impl Strategy<Value = Voted> {
    (any::<bool>(), position(), index()).prop_map(|(granted, last, answered)| Voted {
        granted,
        last,
        answered,
    })
}

fn receipt() -> impl Strategy<Value = Receipt> {
    let reception = prop_oneof![
        index().prop_map(Reception::Matched),
        (index(), position()).prop_map(|(previous, hint)| Reception::Refused { previous, hint }),
    ];
    (id(), reception).prop_map(|(follower, reception)| Receipt {
        follower,
        reception,
    })
}

fn body() -> impl Strategy<Value = Body> {
    let append = (
        position(),
        prop::collection::vec(entry(), 0..4),
        (index(), index()),
        any::<(bool, bool)>(),
        prop::collection::vec(id(), 0..4),
        prop::collection::vec(receipt(), 0..4),
        time(),
    );
    prop_oneof![
        append.prop_map(
            |(previous, entries, commit, flags, route, receipts, sent_at)| Body::Append(Append {
                previous,
                entries,
                commit: commit.0,
                settled: commit.1,
                answer_wanted: flags.0,
                may_commit: flags.1,
                route,
                receipts,
                sent_at,
            })
        ),
        (prop::collection::vec(receipt(), 0..4), index(), time()).prop_map(
            |(receipts, answered, sent_at)| Body::Appended(Appended {
                receipts,
                answered,
                sent_at,
            })
        ),
        standing().prop_map(Body::PreVote),
        standing().prop_map(Body::Vote),
        voted().prop_map(Body::PreVoted),
        voted().prop_map(Body::Voted),
    ]
}

fn message() -> impl Strategy<Value = Message> {
    (term(), id(), body()).prop_map(|(term, leader, body)| Message { term, leader, body })
}

/// JSON that resembles a message: the right keys with any values.
fn resembling() -> impl Strategy<Value = Value> {
    const KEYS: [&str; 18] = [
        "src",
        "dst",
        "leader",
        "type",
        "MID",
        "key",
        "value",
        "term",
        "previous",
        "entries",
        "commit",
        "answer",
        "route",
        "receipts",
        "losses",
        "last",
        "granted",
        "suspicion",
    ];
    const TYPES: [&str; 9] = [
        "get", "put", "append", "appended", "prevote", "prevoted", "vote", "voted", "hello",
    ];
    let value = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        prop::sample::select(&TYPES[..]).prop_map(Value::from),
        id().prop_map(|id| Value::from(id.to_string())),
        (0..9u64, 0..9u64).prop_map(|(index, term)| Value::from(vec![index, term])),
        Just(serde_json::json!([[1, "renew"], [2, {"lead": {}}], [3, {"put": 7}]])),
    ];
    prop::collection::hash_map(prop::sample::select(&KEYS[..]), value, 0..17).prop_map(|map| {
        map.into_iter()
            .map(|(key, value)| (key.to_owned(), value))
            .collect()
    })
}

proptest! {
    #[test]
    fn no_bytes_make_decoding_panic(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        let _ = wire::decode(&bytes);
    }

    #[test]
    fn no_json_of_a_similar_shape_makes_decoding_panic(value in resembling()) {
        if let Err(error) = wire::decode(value.to_string().as_bytes()) {
            prop_assert!(error.to_string().len() < 300, "an error fits on a line: {error}");
        }
    }

    #[test]
    fn a_damaged_message_does_not_make_decoding_panic(
        message in message(),
        place in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let mut datagram = Vec::new();
        wire::encode_message(&mut datagram, Id(1), Id(2), &message);
        let place = place.index(datagram.len());
        datagram[place] = byte;
        let _ = wire::decode(&datagram);
        datagram.truncate(place);
        prop_assert!(wire::decode(&datagram).is_err());
    }

    #[test]
    fn every_message_survives_encoding_and_decoding(
        from in id(),
        to in id(),
        message in message(),
    ) {
        let mut datagram = Vec::new();
        wire::encode_message(&mut datagram, from, to, &message);
        let decoded = wire::decode(&datagram).expect("what we write we can read");
        prop_assert_eq!(decoded, Incoming::Message { from, to, message });
    }

    #[test]
    fn an_entry_takes_no_more_bytes_than_its_bound(entry in entry()) {
        let append = |entries: Vec<Entry>| Message {
            term: entry.term,
            leader: Id(1),
            body: Body::Append(Append {
                previous: Position::default(),
                entries,
                commit: Index(0),
                answer_wanted: true,
                settled: Index(0),
                may_commit: true,
                route: Vec::new(),
                receipts: Vec::new(),
                sent_at: Time::ZERO,
            }),
        };
        let (mut without, mut with) = (Vec::new(), Vec::new());
        wire::encode_message(&mut without, Id(1), Id(2), &append(vec![]));
        wire::encode_message(&mut with, Id(1), Id(2), &append(vec![entry.clone()]));
        // One more for the comma between entries.
        prop_assert!(with.len() - without.len() < entry.size_bound());
        prop_assert!(without.len() + 60_000 < MAX_DATAGRAM_BYTES, "the frame fits as well");
    }

    #[test]
    fn a_clients_request_is_read(
        client in id(),
        to in id(),
        mid in ".{0,60}",
        key in any::<String>(),
        value in any::<String>(),
    ) {
        let put = serde_json::json!({
            "src": client, "dst": to, "leader": "FFFF", "type": "put",
            "MID": mid, "key": key, "value": value,
        });
        let operation = Operation::Put { key: key.clone(), value };
        let request = Request { client, mid: mid.clone(), operation };
        prop_assert_eq!(
            wire::decode(put.to_string().as_bytes()).expect("a put"),
            Incoming::Request { to, request }
        );
        let get = serde_json::json!({
            "src": client, "dst": to, "type": "get", "MID": mid, "key": key, "extra": [1],
        });
        let request = Request { client, mid, operation: Operation::Get { key } };
        prop_assert_eq!(
            wire::decode(get.to_string().as_bytes()).expect("a get"),
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
            wire::encode_answer(&mut datagram, Id(3), &answer);
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
    // 21 replicas are the most that the course starts: a route goes over ten, a repair to one.
    const LONGEST: u64 = (1 << 53) - 1;
    let position = Position {
        term: Term(LONGEST),
        index: Index(LONGEST),
    };
    let receipt = |follower| Receipt {
        follower: Id(follower),
        reception: Reception::Refused {
            previous: Index(LONGEST),
            hint: position,
        },
    };
    let append = Body::Append(Append {
        previous: position,
        entries: Vec::new(),
        commit: Index(LONGEST),
        answer_wanted: false,
        settled: Index(LONGEST),
        may_commit: false,
        route: (1..=20).map(Id).collect(),
        receipts: (1..=20).map(receipt).collect(),
        sent_at: Time::from_epoch(Duration::from_secs(1 << 33)),
    });
    let message = Message {
        term: Term(LONGEST),
        leader: Id(1),
        body: append,
    };
    let mut datagram = Vec::new();
    wire::encode_message(&mut datagram, Id(1), Id(2), &message);
    // So much must be left beside the entries, or beside a single put in its entry.
    const ENTRY: usize = 140;
    let most = MAX_DATAGRAM_BYTES - datagram.len() - ENTRY;
    let largest_put = Options {
        max_put_bytes: most + 1,
        ..Options::default()
    };
    let largest_batch = Options {
        max_append_bytes: most + 1,
        ..Options::default()
    };
    for options in [largest_put, largest_batch] {
        options.check().expect_err("too much for a datagram");
    }
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
        let error = wire::decode(text.as_bytes()).expect_err(text).to_string();
        assert!(error.contains(expected), "{text}: {error}");
    }
}

#[test]
fn an_attempts_name_has_a_longest_length() {
    let get = |length: usize| {
        let mid = "m".repeat(length);
        json!({"src": "0015", "dst": "0000", "type": "get", "MID": mid, "key": "k"}).to_string()
    };
    assert!(wire::decode(get(MAX_MID_BYTES).as_bytes()).is_ok());
    let error = wire::decode(get(MAX_MID_BYTES + 1).as_bytes()).expect_err("too long");
    assert!(error.to_string().contains("257 bytes"), "{error}");
}

#[test]
fn a_hello_is_written_as_the_course_wants_it() {
    let mut datagram = Vec::new();
    wire::encode_hello(&mut datagram, Id(4));
    let written: Value = serde_json::from_slice(&datagram).expect("JSON");
    let expected =
        serde_json::json!({"src": "0004", "dst": "FFFF", "leader": "FFFF", "type": "hello"});
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
    let append = Message {
        term: Term(1),
        leader: Id(0),
        body: Body::Append(Append {
            previous: Position::default(),
            entries: vec![Entry {
                term: Term(1),
                command: Command::Put(Arc::new(Put {
                    key: "k".to_owned(),
                    value: "v".to_owned(),
                    client: Id(0x20),
                    mid: "m".to_owned(),
                    answerer: Id(2),
                })),
            }],
            commit: Index(0),
            answer_wanted: true,
            settled: Index(0),
            may_commit: true,
            route: vec![Id(2)],
            receipts: vec![],
            sent_at: Time::from_epoch(Duration::ZERO),
        }),
    };
    // The list of entries as it was read and as it is kept, the put that logs share, the route.
    let of_append = texts + 4;
    let answer = Answer {
        client: Id(0x20),
        mid: "m".to_owned(),
        leader: Id(0),
        outcome: Outcome::Value("v".to_owned()),
    };

    let put = put.to_string().into_bytes();
    assert_eq!(allocations(|| drop(wire::decode(&put))), texts);
    let mut buffer = Vec::with_capacity(1_024);
    let written = allocations(|| wire::encode_message(&mut buffer, Id(0), Id(1), &append));
    assert_eq!(written, 0);
    assert_eq!(allocations(|| drop(wire::decode(&buffer))), of_append);
    let written = allocations(|| wire::encode_answer(&mut buffer, Id(0), &answer));
    assert_eq!(written, 0);
}
