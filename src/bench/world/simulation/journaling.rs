//! What the simulation writes into its journal, if it keeps one.

use std::time::Duration;

use super::Simulation;
use crate::bench::protocol::message::Answer;
use crate::bench::record::journal::{Content, Effect, Fate as Became, Message, Number};
use crate::bench::world::client::{Dispatch, Reaction};
use crate::id::Id;

impl<P: Clone> Simulation<P> {
    /// Notes a message from `src` of a type to the replica with an index.
    pub(super) fn note_peer_message(
        &mut self,
        (src, kind, to): (Id, &str, usize),
        payload: &P,
        became: Became,
        copy_of: Option<Number>,
    ) -> Number {
        let (now, to) = (self.now, self.roster.replica(to));
        let Some(journal) = &mut self.journal else {
            return 0;
        };
        let content = Content::Peer {
            kind: kind.to_owned(),
            payload: payload.clone(),
        };
        journal.note(Message {
            copy_of,
            ..message(now, src, to, became, content)
        })
    }

    /// The latest action hands over this message.
    pub(super) fn hand_over(&mut self, number: Number) {
        if let Some(journal) = &mut self.journal {
            journal.hands_over(number);
        }
    }

    /// Notes an attempt.
    pub(super) fn note_request(&mut self, dispatch: &Dispatch, became: Became) -> Number {
        let to = dispatch.to.map(|to| self.roster.replica(to));
        let Some(journal) = &mut self.journal else {
            return 0;
        };
        let request = dispatch.request.clone();
        let (from, to) = (request.client, to.unwrap_or(Id::UNKNOWN));
        let content = Content::Request {
            request,
            number: dispatch.number,
        };
        journal.note(Message {
            sent: Some(self.now),
            ..message(self.now, from, to, became, content)
        })
    }

    /// Notes an answer, which arrives at once unless it is lost.
    pub(super) fn note_answer(
        &mut self,
        src: Id,
        leader: Id,
        answer: &Answer<'_>,
        lost: bool,
    ) -> Number {
        let to = self.roster.client(answer.client);
        let Some(journal) = &mut self.journal else {
            return 0;
        };
        let content = Content::Answer {
            kind: answer.kind,
            mid: answer.mid.to_string(),
            value: answer.value.as_deref().map(str::to_owned),
            leader,
            effect: None,
        };
        let became = if lost { Became::Lost } else { Became::Sent };
        journal.note(Message {
            arrived: (!lost).then_some(self.now),
            ..message(self.now, src, to, became, content)
        })
    }
}

fn message<P>(time: Duration, from: Id, to: Id, fate: Became, content: Content<P>) -> Message<P> {
    Message {
        time,
        sent: None,
        arrived: None,
        from,
        to,
        fate,
        copy_of: None,
        content,
    }
}

impl From<&Reaction> for Effect {
    fn from(reaction: &Reaction) -> Effect {
        match reaction {
            Reaction::Completed(_) => Effect::Completed,
            Reaction::Retry(_) => Effect::Retry,
            Reaction::Duplicate => Effect::Duplicate,
            Reaction::Wrong(_) => Effect::Wrong,
            Reaction::Unexpected(_) => Effect::Unexpected,
        }
    }
}
