//! Every message of a run as the simulation saw it, kept only if somebody wants it.
//!
//! Plain data, for the trace. Nothing here may influence a run, nor look into a payload.

use std::collections::VecDeque;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::bench::protocol::message::{AnswerKind, ClientRequest};
use crate::id::Id;

/// How many messages are kept. At the limit the rest is only counted.
const MAX_MESSAGES: usize = 1_000_000;

/// The number of a message in its journal, from 0. Messages beyond the limit have numbers, too.
pub type Number = usize;

/// The messages of a run, in the order in which the simulation dealt with them.
#[derive(Clone, Debug)]
pub struct Journal<P> {
    messages: Vec<Message<P>>,
    left_out: usize,
    /// The messages in the actions that the driver has not got yet.
    handing: VecDeque<Number>,
    /// The message in the action that it got last.
    handed: Number,
}

/// A message and what became of it.
#[derive(Clone, Debug)]
pub struct Message<P> {
    /// When the simulation dealt with it, since the start of the run.
    pub time: Duration,
    /// When its sender sent it, if the driver knows.
    pub sent: Option<Duration>,
    /// When its receiver got it, if it did.
    pub arrived: Option<Duration>,
    /// Who sent it.
    pub from: Id,
    /// Whom it is for; [`Id::UNKNOWN`] if a client found nobody to ask.
    pub to: Id,
    /// What became of it.
    pub fate: Fate,
    /// The message of which this is the network's second copy.
    pub copy_of: Option<Number>,
    /// What it is.
    pub content: Content<P>,
}

/// What a message is.
#[derive(Clone, Debug)]
pub enum Content<P> {
    /// From replica to replica.
    Peer {
        /// Its type.
        kind: String,
        /// The rest of it.
        payload: P,
    },
    /// From a client to a replica.
    Request {
        /// The request.
        request: ClientRequest,
        /// Which of the users' requests it is an attempt at.
        number: u32,
    },
    /// From a replica to a client.
    Answer {
        /// What it says.
        kind: AnswerKind,
        /// Which attempt it answers.
        mid: String,
        /// The value, if it has one.
        value: Option<String>,
        /// Who leads, according to the answer.
        leader: Id,
        /// What the client made of it; nothing if it never came.
        effect: Option<Effect>,
    },
}

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It was passed on; it arrived if it has a time of arrival.
    Sent,
    /// The network lost it.
    Lost,
    /// A partition or a cut stood between.
    Cut,
    /// Its receiver was dead.
    Dead,
    /// Its receiver had not said hello yet, or there was nobody to ask.
    NotReady,
    /// Too many messages were waiting for its receiver.
    Overflow,
}

/// What a client made of an answer; traces write it as it stands here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Its request is done.
    Completed,
    /// It tries again.
    Retry,
    /// It had been told before.
    Duplicate,
    /// The value is wrong.
    Wrong,
    /// It waits for no such answer.
    Unexpected,
}

impl<P> Default for Journal<P> {
    fn default() -> Self {
        Journal {
            messages: Vec::new(),
            left_out: 0,
            handing: VecDeque::new(),
            handed: 0,
        }
    }
}

impl<P> Journal<P> {
    /// Notes a message and gives its number.
    pub fn note(&mut self, message: Message<P>) -> Number {
        let number = self.next_number();
        if self.messages.len() < MAX_MESSAGES {
            self.messages.push(message);
        } else {
            self.left_out += 1;
        }
        number
    }

    /// The number that the next message will have.
    pub fn next_number(&self) -> Number {
        self.messages.len() + self.left_out
    }

    /// An action with this message waits for the driver.
    pub fn hands_over(&mut self, number: Number) {
        self.handing.push_back(number);
    }

    /// The driver gets the next action that has a message.
    pub fn handed_over(&mut self) {
        self.handed = self.handing.pop_front().unwrap_or_default();
    }

    /// The message in the action that the driver got last.
    pub fn handed(&self) -> Number {
        self.handed
    }

    /// Notes when those of the messages from `first` on that `from` sent were sent.
    pub fn sent(&mut self, first: Number, from: Id, time: Duration) {
        for message in self.messages.iter_mut().skip(first) {
            if message.from == from {
                message.sent = Some(time);
            }
        }
    }

    /// Notes that a message arrived.
    pub fn arrived(&mut self, number: Number, time: Duration) {
        if let Some(message) = self.messages.get_mut(number) {
            message.arrived = Some(time);
        }
    }

    /// Notes that a message did not arrive after all.
    pub fn failed(&mut self, number: Number, fate: Fate) {
        if let Some(message) = self.messages.get_mut(number) {
            message.fate = fate;
        }
    }

    /// How many messages were not kept.
    pub fn left_out(&self) -> usize {
        self.left_out
    }

    /// The messages, by number.
    pub fn into_messages(self) -> Vec<Message<P>> {
        self.messages
    }

    /// What the client made of the latest message, an answer.
    pub fn note_effect(&mut self, number: Number, effect: Effect) {
        if let Some(Message {
            content: Content::Answer { effect: noted, .. },
            ..
        }) = self.messages.get_mut(number)
        {
            *noted = Some(effect);
        }
    }
}
