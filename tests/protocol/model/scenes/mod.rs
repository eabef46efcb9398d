//! Where the checks begin: at the very beginning, or further on, so that what takes many steps to
//! come about lies within reach. Every scene is reached by steps of the model itself.

pub(crate) mod five;
pub(crate) mod three;

use leasekv::consensus::Body;
use leasekv::id::Id;

use super::action::{Action, Kind};
use super::state::State;

/// What a scene does on its way: each is a step of the model that must be possible.
impl State {
    pub(crate) fn step(self, action: &Action) -> State {
        let next = self.after(action);
        let next = next.unwrap_or_else(|| panic!("{action} leads nowhere: {self:?}"));
        assert_eq!(next.broken, None, "{next:?}");
        next
    }

    pub(crate) fn elect(self, id: u16, voters: &[u16]) -> State {
        let voters = voters.iter().copied().map(Id).collect();
        self.step(&Action::Elect(Id(id), voters))
    }

    pub(crate) fn put(self, to: u16) -> State {
        self.step(&Action::Ask(Kind::Put, Id(to)))
    }

    pub(crate) fn gone(self, id: u16) -> State {
        self.step(&Action::Leave(Id(id)))
    }

    pub(crate) fn returned(self, id: u16) -> State {
        self.step(&Action::Return(Id(id)))
    }

    /// Calls a replica at its next deadline.
    pub(crate) fn wake_at_deadline(mut self, id: u16) -> State {
        while !self.is_due(Id(id)) {
            self = self.step(&Action::Elapse);
        }
        self.step(&Action::Wake(Id(id)))
    }

    pub(crate) fn lose_all(self) -> State {
        let post = self.post().cloned().collect();
        self.step(&Action::Lose(post))
    }

    /// Delivers the only letter to a replica.
    pub(crate) fn deliver_to(self, id: u16) -> State {
        let letters = self.post().filter(|envelope| envelope.to == Id(id));
        let letters: Vec<_> = letters.cloned().collect();
        assert_eq!(letters.len(), 1, "{self:?}");
        self.step(&Action::Deliver(letters[0].clone()))
    }

    /// Each follower asks everybody for a pre-vote, so that all have heard of each other. Only the leader's answers
    /// arrive, so they go on following.
    pub(crate) fn introduce_all(mut self) -> State {
        for id in self.ids().skip(1) {
            self = self.wake_at_deadline(id.0);
            let questions: Vec<_> = self.post().cloned().collect();
            for question in questions {
                self = self.step(&Action::Deliver(question));
            }
            let is_answer = |body: &Body<_>| matches!(body, Body::PreVoteResponse(_));
            let answers = self.post().filter(|it| is_answer(&it.letter.message.body));
            let answers = answers.cloned().collect();
            self = self.step(&Action::Lose(answers)).exchange();
        }
        self
    }

    /// Delivers everything, and what that leads to.
    pub(crate) fn exchange(mut self) -> State {
        loop {
            let next = self.post().next().cloned();
            let Some(envelope) = next else {
                return self;
            };
            self = self.step(&Action::Deliver(envelope));
        }
    }
}
