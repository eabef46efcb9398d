//! Tests of reading and writing datagrams.

use super::*;
use crate::bench::protocol::message::{Mid, Op};
use proptest::prelude::*;

fn parse(text: &str) -> Result<Envelope<'_, &[u8]>, String> {
    read(text.as_bytes(), &Roster::new(5)).map_err(|refused| match refused {
        Refused::Malformed(why) => why,
        Refused::Unreadable(why) => panic!("unreadable: {why}"),
    })
}

/// What is wrong with a message that has its keys.
fn wrong(text: &str) -> String {
    match parse(text).unwrap().body {
        Body::Wrong(why) => why,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_message_to_a_replica_keeps_its_bytes_and_is_not_looked_into() {
    let text =
        r#"{"src":"0000","dst":"0001","leader":"FFFF","type":"x","MID":5,"value":{"a":[1]}}"#;
    let envelope = parse(text).unwrap();
    assert_eq!(envelope.src, Id(0));
    assert_eq!(envelope.leader, Id::UNKNOWN);
    assert_eq!(envelope.kind, "x");
    assert_eq!(envelope.body, Body::Unicast(1, text.as_bytes()));
}

#[test]
fn hello_and_broadcast_are_told_apart() {
    let hello = r#"{"src":"0000","dst":"FFFF","leader":"FFFF","type":"hello"}"#;
    assert_eq!(parse(hello).unwrap().body, Body::Hello);
    let all = r#"{"src":"0000","dst":"FFFF","leader":"FFFF","type":"beat"}"#;
    assert!(matches!(parse(all).unwrap().body, Body::Broadcast(_)));
}

#[test]
fn an_answer_has_a_kind_a_mid_and_perhaps_a_value() {
    let text = |kind: &str, rest: &str| {
        format!(r#"{{"src":"0000","dst":"0015","leader":"0000","type":"{kind}"{rest}}}"#)
    };
    let value = |rest: &str| {
        let text = text("ok", rest);
        match parse(&text).unwrap().body {
            Body::Answer(answer) => answer.value.map(|value| value.into_owned()),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(
        value(r#","MID":"m","value":"v\u0041""#),
        Some("vA".to_owned())
    );
    assert_eq!(value(r#","MID":"m""#), None);
    assert_eq!(value(r#","MID":"m","value":null"#), None);
    assert_eq!(value(r#","MID":"m","value":12"#), None);
    assert!(wrong(&text("ok", "")).starts_with("no `MID`"));
    assert!(wrong(&text("done", "")).starts_with("no `MID`"), "first");
    assert!(wrong(&text("ok", r#","MID":4"#)).contains("`MID` is not a text"));
    assert!(wrong(&text("done", r#","MID":"m""#)).contains("unknown type"));
}

/// Its leader is noted all the same.
#[test]
fn what_is_wrong_only_where_it_goes_is_a_message_with_a_leader() {
    let text = r#"{"src":"0000","dst":"0009","leader":"0003","type":"x"}"#;
    assert!(wrong(text).starts_with("unknown destination"));
    assert_eq!(parse(text).unwrap().leader, Id(3));
    let text = r#"{"src":"0000","dst":"0015","leader":"0003","type":"x"}"#;
    assert!(wrong(text).starts_with("no `MID`"));
    assert_eq!(parse(text).unwrap().leader, Id(3));
}

#[test]
fn an_id_that_only_python_reads_is_valid_and_nobodys() {
    for id in ["+001", " 1F ", "0x1F", "1_1F", "ffff", "001c", "-001"] {
        let text = |src: &str, dst: &str, leader: &str| {
            format!(r#"{{"src":"{src}","dst":"{dst}","leader":"{leader}","type":"x"}}"#)
        };
        let nobody = Roster::STRANGER;
        assert_eq!(parse(&text("0000", "0001", id)).unwrap().leader, nobody);
        assert_eq!(parse(&text(id, "0001", "FFFF")).unwrap().src, nobody);
        assert!(wrong(&text("0000", id, "FFFF")).starts_with("unknown destination"));
    }
}

#[test]
fn what_is_empty_or_no_text_is_told_from_what_is_malformed() {
    let unreadable = |bytes: &[u8]| match read(bytes, &Roster::new(5)) {
        Err(Refused::Unreadable(why)) => why,
        other => panic!("{other:?}"),
    };
    assert_eq!(unreadable(b""), "empty");
    assert!(unreadable(b"{\"src\":\"\xFF\"}").starts_with("not UTF-8: {"));
    assert!(
        unreadable(b"\xED\xA0\x80").starts_with("not UTF-8"),
        "half a pair"
    );
}

#[test]
fn what_is_malformed_is_said() {
    for (text, said) in [
        (" ", "not a JSON object"),
        ("\u{feff}{}", "not a JSON object"),
        ("[]", "not a JSON object"),
        (r#""text""#, "not a JSON object"),
        (r#"{"src":"0000"} x"#, "not a JSON object"),
        (r#"{"dst":"0001","leader":"FFFF","type":"x"}"#, "no `src`"),
        (r#"{"src":"0000","leader":"FFFF","type":"x"}"#, "no `dst`"),
        (r#"{"src":"0000","dst":"0001","type":"x"}"#, "no `leader`"),
        (
            r#"{"src":"0000","dst":"0001","leader":"FFFF"}"#,
            "no `type`",
        ),
        (
            r#"{"src":"0000","dst":"0001","leader":"FFFF","type":1}"#,
            "`type` is not a text",
        ),
        (
            r#"{"src":"000","dst":"0001","leader":"FFFF","type":"x"}"#,
            "`src` is not four",
        ),
        (
            r#"{"src":0,"dst":"0001","leader":"FFFF","type":"x"}"#,
            "`src` is not a text",
        ),
        (
            r#"{"src":"0000","dst":"0001","leader":null,"type":"x"}"#,
            "`leader` is not a text",
        ),
        (
            r#"{"src":"0000","dst":"_001","leader":"FFFF","type":"x"}"#,
            "`dst` is not four",
        ),
    ] {
        let error = parse(text).unwrap_err();
        assert!(error.starts_with(said), "{text}: {error}");
    }
}

#[test]
fn numbers_that_only_python_knows_are_passed_on_as_they_came() {
    for number in ["NaN", "Infinity", "-Infinity"] {
        let text = format!(
            r#"{{"x":[{number}, 1],"src":"0000","dst":"0001","leader":"FFFF","type":"a\"{number}"}}"#
        );
        let envelope = parse(&text).unwrap();
        assert_eq!(envelope.body, Body::Unicast(1, text.as_bytes()));
        assert_eq!(envelope.kind, format!("a\"{number}"));
        assert!(parse(number).unwrap_err().starts_with("not a JSON object"));
        assert!(parse(&text.replace("1]", "-NaN]")).is_err());
    }
    let answer =
        r#"{"src":"0000","dst":"0015","leader":"0000","type":"ok","MID":"NaN","value":NaN}"#;
    let Body::Answer(answer) = parse(answer).unwrap().body else {
        panic!("an answer");
    };
    assert_eq!((&*answer.mid, answer.value), ("NaN", None));
}

#[test]
fn of_a_key_that_comes_twice_the_last_counts() {
    let text = r#"{"src":"0003","src":"0000","dst":"0001","leader":"FFFF","type":"x"}"#;
    assert_eq!(parse(text).unwrap().src, Id(0));
}

#[test]
fn a_request_has_the_contracts_keys() {
    let mut request = ClientRequest {
        client: Id(0x15),
        leader: Id::UNKNOWN,
        mid: Mid(*b"abcdefghijklmnop"),
        op: Op::Put,
        key: "k".into(),
        value: Some("v".into()),
    };
    let text = String::from_utf8(write(&request, Id(2))).unwrap();
    assert_eq!(
        text,
        r#"{"src":"0015","dst":"0002","leader":"FFFF","type":"put","MID":"abcdefghijklmnop","key":"k","value":"v"}"#
    );
    request.op = Op::Get;
    request.value = None;
    let text = String::from_utf8(write(&request, Id(2))).unwrap();
    assert!(
        text.ends_with(r#""type":"get","MID":"abcdefghijklmnop","key":"k"}"#),
        "{text}"
    );
}

proptest! {
    #[test]
    fn no_bytes_make_reading_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = read(&bytes, &Roster::new(5));
    }

    #[test]
    fn no_odd_object_makes_reading_panic(
        key in "src|dst|leader|type|MID|value",
        value in r#"([\[\]{}",:0-9a-zé\\-]|NaN|Infinity){0,20}"#,
    ) {
        let text = format!(
            r#"{{"src":"0000","dst":"0015","leader":"0000","type":"ok","MID":"m","{key}":{value}}}"#
        );
        let _ = read(text.as_bytes(), &Roster::new(5));
    }
}
