//! Datagrams: reads what replicas send, writes what clients ask.
//!
//! No bytes whatever may make it panic. It reads no more of a message than the contract gives a
//! meaning to; the rest of a replica-to-replica message stays unread.

use std::borrow::Cow;
use std::fmt;

use serde::Serialize;
use serde::de::{self, Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::message::{Answer, AnswerKind, Body, ClientRequest, Envelope};
use super::roster::{Party, Roster};
use crate::id::Id;

/// How much of something wrong is quoted, in characters.
const QUOTED_CHARACTERS: usize = 60;

/// Reads and validates a replica's datagram. A payload is the whole datagram, as it came.
///
/// # Errors
///
/// One line about what is wrong with it.
pub fn read<'a>(bytes: &'a [u8], roster: &Roster) -> Result<Envelope<'a, &'a [u8]>, String> {
    let text = std::str::from_utf8(bytes)
        .map_err(|_| format!("not UTF-8: {}", quoted(&String::from_utf8_lossy(bytes))))?;
    let raw = match serde_json::from_str::<Raw<'a>>(text) {
        Ok(raw) => raw,
        Err(error) => serde_json::from_str::<Raw<'_>>(&without_odd_numbers(text))
            .map(Raw::into_owned)
            .map_err(|_| format!("not a JSON object ({error}): {}", quoted(text)))?,
    };
    let src = raw.src.id("src", text)?;
    let dst = raw.dst.id("dst", text)?;
    let leader = raw.leader.id("leader", text)?;
    let kind = raw.kind.text("type", text)?;
    let body = if kind == "hello" {
        Body::Hello
    } else {
        match roster.party(dst) {
            Party::Replica(index) => Body::Unicast(index, bytes),
            Party::Everybody => Body::Broadcast(bytes),
            Party::Client(client) => Body::Answer(Answer {
                client,
                kind: match &*kind {
                    "ok" => AnswerKind::Ok,
                    "redirect" => AnswerKind::Redirect,
                    "fail" => AnswerKind::Fail,
                    _ => return Err(format!("unknown type to a client: {}", quoted(text))),
                },
                mid: raw.mid.text("MID", text)?,
                value: match raw.value {
                    Loose::Text(value) => Some(value),
                    Loose::Absent | Loose::Other => None,
                },
            }),
            Party::Nobody => return Err(format!("unknown destination {dst}: {}", quoted(text))),
        }
    };
    Ok(Envelope {
        src,
        leader,
        kind,
        body,
    })
}

/// Writes a client's request as a datagram.
pub fn write(request: &ClientRequest, to: Id) -> Vec<u8> {
    #[derive(Serialize)]
    struct Written<'a> {
        src: Id,
        dst: Id,
        leader: Id,
        r#type: &'a str,
        #[serde(rename = "MID")]
        mid: &'a str,
        key: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        value: Option<&'a str>,
    }
    serde_json::to_vec(&Written {
        src: request.client,
        dst: to,
        leader: request.leader,
        r#type: request.op.name(),
        mid: request.mid.as_str(),
        key: &request.key,
        value: request.value.as_deref(),
    })
    .expect("a struct of texts can always be written")
}

/// `text` with `null` for the numbers that Python writes and reads although JSON has none of them.
fn without_odd_numbers(text: &str) -> String {
    let mut replaced = String::with_capacity(text.len());
    let (mut in_string, mut escaped) = (false, false);
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        let odd = ["NaN", "Infinity", "-Infinity"]
            .into_iter()
            .find(|odd| !in_string && rest.starts_with(odd));
        if let Some(odd) = odd {
            replaced.push_str("null");
            rest = &rest[odd.len()..];
            continue;
        }
        match next {
            _ if escaped => escaped = false,
            '\\' => escaped = in_string,
            '"' => in_string = !in_string,
            _ => {}
        }
        replaced.push(next);
        rest = &rest[next.len_utf8()..];
    }
    replaced
}

/// The beginning of `text`, fit for one line of output.
fn quoted(text: &str) -> String {
    let mut short: String = text
        .chars()
        .take(QUOTED_CHARACTERS)
        .map(|c| if c.is_control() { '\u{FFFD}' } else { c })
        .collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

/// The keys that mean something to the simulator; of a key that comes twice the last counts.
#[derive(Default)]
struct Raw<'a> {
    src: Loose<'a>,
    dst: Loose<'a>,
    leader: Loose<'a>,
    kind: Loose<'a>,
    mid: Loose<'a>,
    value: Loose<'a>,
}

impl Raw<'_> {
    fn into_owned(self) -> Raw<'static> {
        Raw {
            src: self.src.into_owned(),
            dst: self.dst.into_owned(),
            leader: self.leader.into_owned(),
            kind: self.kind.into_owned(),
            mid: self.mid.into_owned(),
            value: self.value.into_owned(),
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Raw<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct RawVisitor;
        impl<'de> Visitor<'de> for RawVisitor {
            type Value = Raw<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Raw<'de>, A::Error> {
                let mut raw = Raw::default();
                while let Some(Key(key)) = map.next_key()? {
                    let field = match &*key {
                        "src" => &mut raw.src,
                        "dst" => &mut raw.dst,
                        "leader" => &mut raw.leader,
                        "type" => &mut raw.kind,
                        "MID" => &mut raw.mid,
                        "value" => &mut raw.value,
                        _ => {
                            map.next_value::<IgnoredAny>()?;
                            continue;
                        }
                    };
                    *field = map.next_value()?;
                }
                Ok(raw)
            }
        }
        deserializer.deserialize_map(RawVisitor)
    }
}

/// An object's key, borrowed unless it was written with escapes.
#[derive(serde::Deserialize)]
#[serde(transparent)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

/// A value that has to be a text in some messages and may be anything in others.
#[derive(Default)]
enum Loose<'a> {
    #[default]
    Absent,
    Text(Cow<'a, str>),
    Other,
}

impl<'a> Loose<'a> {
    fn into_owned(self) -> Loose<'static> {
        match self {
            Loose::Absent => Loose::Absent,
            Loose::Text(text) => Loose::Text(Cow::Owned(text.into_owned())),
            Loose::Other => Loose::Other,
        }
    }

    fn text(self, key: &str, whole: &str) -> Result<Cow<'a, str>, String> {
        match self {
            Loose::Text(text) => Ok(text),
            Loose::Absent => Err(format!("no `{key}`: {}", quoted(whole))),
            Loose::Other => Err(format!("`{key}` is not a text: {}", quoted(whole))),
        }
    }

    fn id(self, key: &str, whole: &str) -> Result<Id, String> {
        let text = self.text(key, whole)?;
        text.parse()
            .map_err(|_| format!("`{key}` is not four hexadecimal digits: {}", quoted(whole)))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Loose<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct LooseVisitor;
        impl<'de> Visitor<'de> for LooseVisitor {
            type Value = Loose<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("anything")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Loose<'de>, E> {
                Ok(Loose::Text(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Loose<'de>, E> {
                Ok(Loose::Text(Cow::Owned(text.to_owned())))
            }

            fn visit_bool<E>(self, _: bool) -> Result<Loose<'de>, E> {
                Ok(Loose::Other)
            }

            fn visit_i64<E>(self, _: i64) -> Result<Loose<'de>, E> {
                Ok(Loose::Other)
            }

            fn visit_u64<E>(self, _: u64) -> Result<Loose<'de>, E> {
                Ok(Loose::Other)
            }

            fn visit_f64<E>(self, _: f64) -> Result<Loose<'de>, E> {
                Ok(Loose::Other)
            }

            fn visit_unit<E>(self) -> Result<Loose<'de>, E> {
                Ok(Loose::Other)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Loose<'de>, A::Error> {
                IgnoredAny.visit_seq(seq).map(|_| Loose::Other)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Loose<'de>, A::Error> {
                de::Visitor::visit_map(IgnoredAny, map).map(|_| Loose::Other)
            }
        }
        deserializer.deserialize_any(LooseVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::protocol::message::{Mid, Op};
    use proptest::prelude::*;

    fn parse(text: &str) -> Result<Envelope<'_, &[u8]>, String> {
        read(text.as_bytes(), &Roster::new(5))
    }

    #[test]
    fn a_message_to_a_replica_keeps_its_bytes_and_is_not_looked_into() {
        let text =
            r#"{"src":"0000","dst":"0001","leader":"ffff","type":"x","MID":5,"value":{"a":[1]}}"#;
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
        assert!(parse(&text("ok", "")).unwrap_err().starts_with("no `MID`"));
        assert!(
            parse(&text("ok", r#","MID":4"#))
                .unwrap_err()
                .contains("`MID` is not a text")
        );
        assert!(
            parse(&text("done", r#","MID":"m""#))
                .unwrap_err()
                .contains("unknown type")
        );
    }

    #[test]
    fn what_is_malformed_is_said() {
        for (text, said) in [
            ("", "not a JSON object"),
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
                r#"{"src":"0000","dst":"0009","leader":"FFFF","type":"x"}"#,
                "unknown destination",
            ),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.starts_with(said), "{text}: {error}");
        }
        assert!(
            read(b"{\"src\":\"\xFF\"}", &Roster::new(5))
                .unwrap_err()
                .starts_with("not UTF-8")
        );
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
}
