//! What becomes of a datagram: it is counted, passed on, or told to its client.

use super::Simulation;
use crate::bench::protocol::message::{Answer, AnswerKind, Body, Envelope, Op};
use crate::bench::record::journal::{Effect, Fate as Became};
use crate::bench::world::border::Action;
use crate::bench::world::client::{Dispatch, Reaction};
use crate::bench::world::network::Fate;
use crate::bench::world::observer::Circumstance;
use crate::id::Id;

impl<P: Clone> Simulation<P> {
    /// A replica's message; of one whose socket is closed nothing is heard.
    pub(super) fn hear(&mut self, from: usize, envelope: Envelope<'_, P>) {
        if self.standings.is_silenced(from) {
            return;
        }
        self.turn.begin();
        let Envelope {
            src,
            leader,
            kind,
            body,
        } = envelope;
        if matches!(body, Body::Hello) {
            self.standings.greet(from);
            self.observer.greet(from, self.now);
            return;
        }
        // Whatever it says, that nobody leads as well, and whatever is wrong with the rest.
        if self.network.is_on_majority_side(src) {
            self.believe_in(leader);
        }
        match body {
            Body::Hello => {}
            Body::Unicast(to, payload) => {
                self.counters.count_messages(&kind, 1);
                self.observe_sent((from, leader), &kind, 1);
                self.pass_on(src, &kind, to, payload);
            }
            Body::Broadcast(payload) => {
                let others = self.config.replicas as u64 - 1;
                self.counters.count_messages(&kind, others);
                self.observe_sent((from, leader), &kind, others);
                let own = self.roster.replica_index(src).unwrap_or(from);
                for to in (0..self.config.replicas).filter(|&to| to != own) {
                    self.pass_on(src, &kind, to, payload.clone());
                }
            }
            Body::Answer(answer) => self.tell_client((from, src), leader, &answer),
            Body::Wrong(why) => self.note_malformed(from, &why),
        }
    }

    fn observe_sent(&mut self, who: (usize, Id), kind: &str, count: u64) {
        let leader = self.roster.replica_index(self.leader);
        let circumstance = Circumstance {
            split: self.network.is_split(),
            led: leader.is_some_and(|leader| !self.standings.is_dead(leader)),
        };
        self.observer.sent(who, kind, count, self.now, circumstance);
    }

    /// Something of a replica's that is no message.
    pub(super) fn hear_nonsense(&mut self, from: usize, why: &str) {
        if !self.standings.is_silenced(from) {
            self.turn.begin();
            self.note_malformed(from, why);
        }
    }

    fn note_malformed(&mut self, from: usize, why: &str) {
        let from = self.roster.replica(from);
        self.note_incorrect(format!("malformed message from {from}: {why}"));
    }

    fn pass_on(&mut self, src: Id, kind: &str, to: usize, payload: P) {
        let became = match self.network.fate(src, to) {
            Fate::Cut => Became::Cut,
            Fate::Lost => Became::Lost,
            Fate::Sent if self.standings.is_dead(to) => Became::Dead,
            Fate::Sent if self.standings.is_ready(to) => Became::Sent,
            Fate::Sent => Became::NotReady,
        };
        match became {
            Became::Cut => self.counters.cut += 1,
            Became::Lost => self.counters.lost += 1,
            Became::NotReady => self.take_for_dead(to, src),
            Became::Sent => self.observer.passed_on(to),
            _ => {}
        }
        let number = self.note_peer_message((src, kind, to), &payload, became, None);
        if became != Became::Sent {
            return;
        }
        let arrival = self.transit.arrival();
        let copy = arrival.copy_after.map(|after| (payload.clone(), after));
        self.actions.push_back(Action::Deliver {
            to,
            payload,
            after: arrival.after,
        });
        self.hand_over(number);
        if let Some((payload, after)) = copy {
            let copy_of = Some(number);
            let number = self.note_peer_message((src, kind, to), &payload, became, copy_of);
            self.actions
                .push_back(Action::Deliver { to, payload, after });
            self.hand_over(number);
        }
    }

    fn tell_client(&mut self, (from, src): (usize, Id), leader: Id, answer: &Answer<'_>) {
        let lost = self.transit.loses_for_client();
        let number = self.note_answer(src, leader, answer, lost);
        if lost {
            self.counters.client_lost += 1;
            return;
        }
        let alive = self.standings.alive();
        let reaction = self
            .clients
            .hear(answer, leader, self.now, alive, &mut self.counters);
        if let Some(journal) = &mut self.journal {
            journal.note_effect(number, Effect::from(&reaction));
        }
        match &reaction {
            Reaction::Completed(_) | Reaction::Wrong(_) => {
                self.observer.completes(from, &answer.mid, self.now);
            }
            Reaction::Duplicate => self.observer.duplicates(from, &answer.mid, self.now),
            Reaction::Retry(_) => {
                let to = (answer.kind == AnswerKind::Redirect).then_some(leader);
                self.observer.sends_away(from, &answer.mid, to, self.now);
            }
            Reaction::Unexpected(_) => {}
        }
        match reaction {
            Reaction::Completed(Op::Put) => {
                let ended = self.outages.drain(..).map(|(since, _)| self.now - since);
                self.counters.outages.extend(ended);
            }
            Reaction::Completed(Op::Get) | Reaction::Duplicate => {}
            Reaction::Retry(dispatch) => self.dispatch(dispatch),
            Reaction::Wrong(why) | Reaction::Unexpected(why) => {
                self.note_incorrect(format!("answer of {src}: {why}"));
            }
        }
    }

    /// Sends a client's attempt.
    pub(super) fn dispatch(&mut self, dispatch: Dispatch) {
        let lost = self.transit.loses_for_client();
        let ready = dispatch.to.filter(|&to| self.standings.is_ready(to));
        let became = match ready {
            _ if lost => Became::Lost,
            None => Became::NotReady,
            Some(_) => Became::Sent,
        };
        let number = self.note_request(&dispatch, became);
        let request = &dispatch.request;
        let what = (request.mid, dispatch.number, request.op);
        let why = match became {
            Became::Lost => Some("the network lost it"),
            Became::NotReady if dispatch.to.is_some() => Some("it had not said hello"),
            Became::NotReady => Some("nobody was alive to be asked"),
            _ => None,
        };
        self.observer.asks(what, dispatch.to, why, self.now);
        if lost {
            self.counters.client_lost += 1;
            return;
        }
        match (dispatch.to, ready) {
            (_, Some(to)) => {
                self.turn.hand_over(to, dispatch.request.mid);
                self.actions.push_back(Action::Request {
                    to,
                    request: dispatch.request,
                });
                self.hand_over(number);
            }
            // Such an attempt stays unanswered.
            (Some(to), None) => self.take_for_dead(to, dispatch.request.client),
            (None, None) => {}
        }
    }
}
