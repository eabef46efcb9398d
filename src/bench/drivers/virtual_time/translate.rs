//! Between the cores' messages and the world's.

use std::borrow::Cow;

use crate::bench::protocol::message::{Answer, AnswerKind, Body, ClientRequest, Envelope, Op};
use crate::bench::protocol::roster::{Party, Roster};
use crate::bench::record::journal::Content;
use crate::id::Id;
use crate::kv::{Operation, Outcome, Request};
use crate::replica::{Letter, Output};

/// A message between replicas, as the simulator passes it on unread.
#[derive(Clone, Debug)]
pub(super) struct Posted {
    pub(super) from: Id,
    pub(super) letter: Letter,
}

/// A core's output as the world takes it.
pub(super) fn envelope(roster: &Roster, src: Id, output: Output) -> Envelope<'static, Posted> {
    match output {
        Output::Send { to, letter } => {
            let Party::Replica(to) = roster.party(to) else {
                unreachable!("a core only sends to its peers");
            };
            Envelope {
                src,
                leader: letter.message.leader,
                kind: Cow::Borrowed(letter.message.body.name()),
                body: Body::Unicast(to, Posted { from: src, letter }),
            }
        }
        Output::Answer(answer) => {
            let Party::Client(client) = roster.party(answer.client) else {
                unreachable!("a core only answers who asked");
            };
            let (kind, value) = outcome(answer.outcome);
            Envelope {
                src,
                leader: answer.leader,
                kind: Cow::Borrowed("answer"),
                body: Body::Answer(Answer {
                    client,
                    kind,
                    mid: Cow::Owned(answer.mid),
                    value: value.map(Cow::Owned),
                }),
            }
        }
    }
}

/// A core's output as a journal has it, and whom it is for.
pub(super) fn content(from: Id, output: &Output) -> (Id, Content<Posted>) {
    match output {
        Output::Send { to, letter } => {
            let kind = letter.message.body.name().to_owned();
            let letter = letter.clone();
            let payload = Posted { from, letter };
            (*to, Content::Peer { kind, payload })
        }
        Output::Answer(answer) => {
            let (kind, value) = outcome(answer.outcome.clone());
            let content = Content::Answer {
                kind,
                mid: answer.mid.clone(),
                value,
                leader: answer.leader,
                effect: None,
            };
            (answer.client, content)
        }
    }
}

/// What an answer says, and its value.
fn outcome(outcome: Outcome) -> (AnswerKind, Option<String>) {
    match outcome {
        Outcome::Stored => (AnswerKind::Ok, None),
        Outcome::Value(value) => (AnswerKind::Ok, Some(value)),
        Outcome::Redirect => (AnswerKind::Redirect, None),
        Outcome::Fail => (AnswerKind::Fail, None),
    }
}

/// A client's request as a core takes it.
pub(super) fn request(request: &ClientRequest) -> Request {
    let key = String::from(&*request.key);
    Request {
        client: request.client,
        mid: String::from(request.mid.as_str()),
        operation: match (request.op, &request.value) {
            (Op::Put, Some(value)) => Operation::Put {
                key,
                value: String::from(&**value),
            },
            _ => Operation::Get { key },
        },
    }
}
