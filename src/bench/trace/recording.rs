//! From what a driver kept during a run to records of a trace.

use std::time::Duration;

use serde_json::json;
use serde_json::value::RawValue;

use super::record::{Fate, Message, Output, State};
use crate::bench::protocol::datagram;
use crate::bench::protocol::message::AnswerKind;
use crate::bench::record::journal::{self, Content, Journal};
use crate::id::Id;

/// The messages of a run and what its replicas told of themselves.
#[derive(Clone, Debug, Default)]
pub struct Recording {
    /// The messages, by number.
    pub messages: Vec<Message>,
    /// The changes of state, in the order of time.
    pub states: Vec<State>,
    /// What the replicas printed, in the order of time.
    pub output: Vec<Output>,
    /// How many lines of it were too many to be kept.
    pub output_left_out: u64,
    /// How many messages were too many to be kept.
    pub left_out: usize,
}

impl Recording {
    /// Makes records of a journal. `data` gives the datagram of a message between replicas:
    /// sender, receiver and payload.
    pub fn new<P>(
        journal: Journal<P>,
        states: Vec<State>,
        mut data: impl FnMut(Id, Id, P) -> Box<RawValue>,
    ) -> Recording {
        let left_out = journal.left_out();
        let messages = journal.into_messages().into_iter().enumerate();
        let messages = messages.map(|(number, message)| record(number, message, &mut data));
        Recording {
            messages: messages.collect(),
            states,
            left_out,
            ..Recording::default()
        }
    }
}

/// A time of a run as a trace writes it.
pub fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// A datagram as it came. What is no JSON, as with numbers that only Python knows, becomes a text.
pub fn raw(bytes: &[u8]) -> Box<RawValue> {
    let text = String::from_utf8_lossy(bytes);
    // A value over several lines would break the line of the trace.
    let one_line = !text.contains(['\n', '\r']);
    match serde_json::from_str::<Box<RawValue>>(&text) {
        Ok(value) if one_line => value,
        _ => written(&text),
    }
}

fn written<T: serde::Serialize + ?Sized>(value: &T) -> Box<RawValue> {
    serde_json::value::to_raw_value(value).expect("plain values can be written")
}

fn record<P>(
    number: usize,
    message: journal::Message<P>,
    data: &mut impl FnMut(Id, Id, P) -> Box<RawValue>,
) -> Message {
    let (from, to) = (message.from, message.to);
    let fate = match message.fate {
        journal::Fate::Sent if message.arrived.is_some() => Fate::Delivered,
        journal::Fate::Sent => Fate::UnderWay,
        journal::Fate::Lost => Fate::Lost,
        journal::Fate::Cut => Fate::Cut,
        journal::Fate::Dead => Fate::Dead,
        journal::Fate::NotReady => Fate::NotReady,
        journal::Fate::Overflow => Fate::Overflow,
    };
    let common = |kind: String, data| Message {
        number,
        time_ns: nanoseconds(message.time),
        sent_ns: message.sent.map(nanoseconds),
        arrived_ns: message.arrived.map(nanoseconds),
        from,
        to,
        kind,
        fate,
        copy_of: message.copy_of,
        mid: None,
        request: None,
        effect: None,
        data,
    };
    match message.content {
        Content::Peer { kind, payload } => common(kind, data(from, to, payload)),
        Content::Request { request, number } => Message {
            mid: Some(request.mid.to_string()),
            request: Some(number),
            ..common(
                request.op.name().to_owned(),
                raw(&datagram::write(&request, to)),
            )
        },
        Content::Answer {
            kind,
            mid,
            value,
            leader,
            effect,
        } => {
            let kind = match kind {
                AnswerKind::Ok => "ok",
                AnswerKind::Redirect => "redirect",
                AnswerKind::Fail => "fail",
            };
            let mut datagram = json!({"src": from, "dst": to, "leader": leader, "type": kind,
                "MID": mid});
            if let Some(value) = value {
                datagram["value"] = value.into();
            }
            Message {
                mid: Some(mid),
                effect,
                ..common(kind.to_owned(), written(&datagram))
            }
        }
    }
}
