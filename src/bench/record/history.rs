//! The history of a run as its clients saw it, for whoever wants to check it.
//!
//! Only what happened to attempts is in it, in time order. Duplicate and unexpected answers are no
//! events; an attempt without a closing event never returned.

use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use crate::bench::protocol::message::{Mid, Op};
use crate::id::Id;

/// One thing that a client did or was told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HistoryEvent {
    /// When, since the start of the run.
    #[serde(rename = "time_ns", serialize_with = "nanoseconds")]
    pub time: Duration,
    /// What happened.
    pub event: HistoryKind,
    /// What the user asked for.
    pub op: Op,
    /// The client.
    pub client: Id,
    /// The attempt.
    pub mid: Mid,
    /// The number of the user's request, from 0; several attempts may serve one.
    pub request: u32,
    /// The key.
    #[serde(serialize_with = "text")]
    pub key: Arc<str>,
    /// A put's value on its `invoke`, a get's on its `ok`; the inner nothing, written as `null`, is an
    /// `ok` to a get that had no value, or none that is a text.
    #[serde(
        skip_serializing_if = "Option::is_none",
        serialize_with = "perhaps_text"
    )]
    pub value: Option<Option<Arc<str>>>,
}

/// What happened to an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum HistoryKind {
    /// It was made; recorded before it is sent.
    Invoke,
    /// It took effect.
    Ok,
    /// It had no effect.
    Fail,
    /// It had no effect here.
    Redirect,
}

fn nanoseconds<S: serde::Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    // 584 years fit.
    serializer.serialize_u64(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX))
}

fn text<S: serde::Serializer>(text: &Arc<str>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(text)
}

fn perhaps_text<S: serde::Serializer>(
    text: &Option<Option<Arc<str>>>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    text.as_ref()
        .and_then(Option::as_deref)
        .serialize(serializer)
}

/// Writes a history as JSON lines, one an event.
///
/// # Errors
///
/// Those of the writer.
pub fn write(history: &[HistoryEvent], to: &mut impl Write) -> io::Result<()> {
    for event in history {
        serde_json::to_writer(&mut *to, event)?;
        to.write_all(b"\n")?;
    }
    to.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_one_line_of_json_with_the_documented_keys() {
        let event = HistoryEvent {
            time: Duration::from_micros(1500),
            event: HistoryKind::Invoke,
            op: Op::Put,
            client: Id(0x15),
            mid: Mid(*b"abcdefghijklmnop"),
            request: 17,
            key: "k".into(),
            value: Some(Some("v".into())),
        };
        let get = HistoryEvent {
            op: Op::Get,
            value: None,
            ..event.clone()
        };
        let odd = HistoryEvent {
            event: HistoryKind::Ok,
            value: Some(None),
            ..get.clone()
        };
        let mut text = Vec::new();
        write(&[event, get, odd], &mut text).unwrap();
        assert_eq!(
            String::from_utf8(text).unwrap(),
            concat!(
                r#"{"time_ns":1500000,"event":"invoke","op":"put","client":"0015","#,
                r#""mid":"abcdefghijklmnop","request":17,"key":"k","value":"v"}"#,
                "\n",
                r#"{"time_ns":1500000,"event":"invoke","op":"get","client":"0015","#,
                r#""mid":"abcdefghijklmnop","request":17,"key":"k"}"#,
                "\n",
                r#"{"time_ns":1500000,"event":"ok","op":"get","client":"0015","#,
                r#""mid":"abcdefghijklmnop","request":17,"key":"k","value":null}"#,
                "\n"
            )
        );
    }
}
