//! Datagrams: reads what replicas send, writes what clients ask.
//!
//! No bytes whatever may make it panic. It reads no more of a message than the contract gives a
//! meaning to; the rest of a replica-to-replica message stays unread.

use std::borrow::Cow;
use std::fmt;

use serde::Serialize;
use serde::de::{self, Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::message::{Answer, AnswerKind, Body, ClientRequest, Envelope};
use super::python;
use super::roster::{Party, Roster};
use crate::id::Id;

/// How much of something wrong is quoted, in characters.
const QUOTED_CHARACTERS: usize = 60;

/// Why a datagram is no message, in one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// It is no text at all.
    Unreadable(String),
    /// It is a text, but not as the rules want it.
    Malformed(String),
}

/// Reads and validates a replica's datagram. A payload is the whole datagram, as it came.
///
/// What a message to a client lacks is no business of this: it is said in the [`Body`].
///
/// # Errors
///
/// If it is no message, whatever it is for.
pub fn read<'a>(bytes: &'a [u8], roster: &Roster) -> Result<Envelope<'a, &'a [u8]>, Refused> {
    if bytes.is_empty() {
        return Err(Refused::Unreadable("empty".to_owned()));
    }
    let text = std::str::from_utf8(bytes).map_err(|_| {
        let lossy = String::from_utf8_lossy(bytes);
        Refused::Unreadable(format!("not UTF-8: {}", quoted(&lossy)))
    })?;
    read_text(text, roster).map_err(Refused::Malformed)
}

fn read_text<'a>(text: &'a str, roster: &Roster) -> Result<Envelope<'a, &'a [u8]>, String> {
    let raw = match serde_json::from_str::<Raw<'a>>(text) {
        Ok(raw) => raw,
        Err(error) => serde_json::from_str::<Raw<'_>>(&python::without_odd_numbers(text))
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
            Party::Replica(index) => Body::Unicast(index, text.as_bytes()),
            Party::Everybody => Body::Broadcast(text.as_bytes()),
            Party::Client(client) => match answer(client, &kind, raw.mid, raw.value, text) {
                Ok(answer) => Body::Answer(answer),
                Err(why) => Body::Wrong(why),
            },
            Party::Nobody => Body::Wrong(format!("unknown destination: {}", quoted(text))),
        }
    };
    Ok(Envelope {
        src,
        leader,
        kind,
        body,
    })
}

/// An answer to a client, unless it is none.
fn answer<'a>(
    client: usize,
    kind: &str,
    mid: Loose<'a>,
    value: Loose<'a>,
    text: &str,
) -> Result<Answer<'a>, String> {
    Ok(Answer {
        client,
        mid: mid.text("MID", text)?,
        kind: match kind {
            "ok" => AnswerKind::Ok,
            "redirect" => AnswerKind::Redirect,
            "fail" => AnswerKind::Fail,
            _ => return Err(format!("unknown type to a client: {}", quoted(text))),
        },
        value: match value {
            Loose::Text(value) => Some(value),
            Loose::Absent | Loose::Other => None,
        },
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

/// Whether an ID is written as IDs are.
fn is_proper(id: &str) -> bool {
    let is_digit = |letter: u8| matches!(letter, b'0'..=b'9' | b'A'..=b'F');
    id.len() == 4 && id.bytes().all(is_digit)
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
        match is_proper(&text) {
            true => text.parse().map_err(|_| ()),
            // The program compares IDs as texts.
            false if python::reads_as_id(&text) => Ok(Roster::STRANGER),
            false => Err(()),
        }
        .map_err(|()| format!("`{key}` is not four hexadecimal digits: {}", quoted(whole)))
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
mod tests;
