//! The clusters that can be reached from some scenes within bounds, as stateright's model.

use std::sync::Arc;
use std::time::Duration;

use leasekv::consensus::{RoleName, Term};
use leasekv::id::Id;
use stateright::{Model, Property};

use super::action::{Action, Envelope, Kind};
use super::event::{Event, Seen};
use super::state::State;

/// What a check covers: every course of events from its scenes on that stays within these bounds.
#[derive(Clone)]
pub(crate) struct Bounded {
    pub(crate) scenes: Vec<State>,
    /// What must happen somewhere, or the check has missed the point.
    pub(crate) must_happen: Vec<Event>,
    pub(crate) seen: Arc<Seen>,
    pub(crate) last_term: u64,
    /// The most entries in a log.
    pub(crate) entries: usize,
    /// The most letters on their way at a time. Of more, any are lost.
    pub(crate) in_flight: usize,
    pub(crate) duplicates: usize,
    /// The most calls without input: timeouts, retries, heartbeats.
    pub(crate) timeouts: usize,
    /// Who may be called without input, and asked.
    pub(crate) active: Vec<Id>,
    /// Of those, only who leads.
    pub(crate) only_leaders_act: bool,
    /// Whether clients ask only who leads; else the others as well, which send them there.
    pub(crate) ask_leaders: bool,
    pub(crate) puts: usize,
    pub(crate) gets: usize,
    /// How far the common clock goes, if there is one.
    pub(crate) time: Duration,
    /// The most elections that are one step, who may win them, and the least number of its voters.
    pub(crate) elections: usize,
    pub(crate) candidates: Vec<Id>,
    pub(crate) electorates: Vec<Vec<Id>>,
    /// Who may be cut off, once.
    pub(crate) leave: Vec<Id>,
    /// Who may come back after that.
    pub(crate) come_back: Vec<Id>,
    /// Who may lose its memory, and how often that may happen.
    pub(crate) forget: Vec<Id>,
    pub(crate) most_forgotten: usize,
    /// Who may be killed and started again with its disk, and how often that may happen.
    pub(crate) crash: Vec<Id>,
    pub(crate) most_crashes: usize,
}

impl Bounded {
    /// Nothing may happen but what is on its way.
    pub(crate) fn from(scenes: Vec<State>) -> Bounded {
        Bounded {
            scenes,
            must_happen: Vec::new(),
            seen: Arc::default(),
            last_term: u64::MAX,
            entries: usize::MAX,
            in_flight: 1,
            duplicates: 0,
            timeouts: 0,
            active: Vec::new(),
            only_leaders_act: false,
            ask_leaders: false,
            puts: 0,
            gets: 0,
            time: Duration::ZERO,
            elections: 0,
            candidates: Vec::new(),
            electorates: Vec::new(),
            leave: Vec::new(),
            come_back: Vec::new(),
            forget: Vec::new(),
            most_forgotten: 0,
            crash: Vec::new(),
            most_crashes: 0,
        }
    }

    /// What is counted, in a few words.
    pub(crate) fn bounds(&self) -> String {
        let counts = [
            (self.in_flight, "in flight"),
            (self.timeouts, "timeouts"),
            (self.elections, "elections"),
            (self.duplicates, "duplicates"),
            (self.puts, "puts"),
            (self.gets, "gets"),
            (self.most_crashes, "crashes"),
        ];
        let counts = counts.iter().filter(|(count, _)| *count > 0);
        let counts: Vec<String> = counts.map(|(count, of)| format!("{count} {of}")).collect();
        counts.join(", ")
    }

    fn may_act(&self, state: &State, id: Id) -> bool {
        let leads = state.view(id).role() == RoleName::Leader;
        self.active.contains(&id) && !state.is_away(id) && (leads || !self.only_leaders_act)
    }

    fn timeouts(&self, state: &State, actions: &mut Vec<Action>) {
        if state.counts.timeouts >= self.timeouts {
            return;
        }
        for id in state.ids().filter(|&id| self.may_act(state, id)) {
            if state.is_due(id) {
                actions.push(Action::Wake(id));
            }
            // For the others, this is no more than their deadline.
            let leads = state.view(id).role() == RoleName::Leader;
            if leads && !state.has_common_clock() && !self.only_leaders_act {
                actions.push(Action::Oversleep(id));
            }
        }
    }

    fn requests(&self, state: &State, actions: &mut Vec<Action>) {
        for id in state.ids().filter(|&id| self.may_act(state, id)) {
            if self.ask_leaders && state.view(id).role() != RoleName::Leader {
                continue;
            }
            if state.counts.puts < self.puts {
                actions.push(Action::Ask(Kind::Put, id));
            }
            if state.counts.gets < self.gets {
                actions.push(Action::Ask(Kind::Get, id));
            }
        }
    }

    fn elections(&self, state: &State, actions: &mut Vec<Action>) {
        if state.counts.elections >= self.elections {
            return;
        }
        for &id in self.candidates.iter().filter(|id| !state.is_away(**id)) {
            let possible = self.electorates.iter();
            let possible = possible.filter(|voters| state.may_be_elected(id, voters));
            actions.extend(possible.map(|voters| Action::Elect(id, voters.clone())));
        }
    }

    fn faults(&self, state: &State, actions: &mut Vec<Action>) {
        let leave = self.leave.iter();
        let leave = leave.filter(|id| !state.counts.left.contains(id));
        actions.extend(leave.copied().map(Action::Leave));
        let come_back = self.come_back.iter().filter(|id| state.is_away(**id));
        actions.extend(come_back.copied().map(Action::Return));
        if state.counts.forgotten < self.most_forgotten {
            actions.extend(self.forget.iter().copied().map(Action::Forget));
        }
    }

    /// A disk that is slow may be done at any time. A crash leaves any beginning of what it was not done with.
    fn disks(&self, state: &State, actions: &mut Vec<Action>) {
        let behind = state.ids().filter(|&id| state.parts_under_way(id) > 0);
        actions.extend(behind.map(Action::Sync));
        if state.counts.crashes < self.most_crashes {
            for &id in &self.crash {
                let parts = 0..=state.parts_under_way(id);
                actions.extend(parts.map(|parts| Action::Crash(id, parts)));
            }
        }
    }
}

impl Model for Bounded {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        self.scenes.clone()
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        if state.broken.is_some() {
            return;
        }
        let post: Vec<&Arc<Envelope>> = state.post().collect();
        if post.len() > self.in_flight {
            actions.extend(losses(&post, self.in_flight).into_iter().map(Action::Lose));
            return;
        }
        actions.extend(state.post().cloned().map(Action::Deliver));
        if state.counts.duplicates < self.duplicates {
            actions.extend(state.post().cloned().map(Action::Duplicate));
        }
        self.timeouts(state, actions);
        self.requests(state, actions);
        self.elections(state, actions);
        self.faults(state, actions);
        self.disks(state, actions);
        if state.has_common_clock() && state.elapsed() < self.time {
            actions.push(Action::Elapse);
        }
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        let next = state.after(&action)?;
        self.seen.note(&next.events);
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let kept = |_: &Bounded, state: &State| state.broken.is_none();
        vec![Property::always("every promise is kept", kept)]
    }

    fn within_boundary(&self, state: &State) -> bool {
        let mut views = state.views();
        views.all(|view| {
            view.term() <= Term(self.last_term) && view.last().index.0 <= self.entries as u64
        })
    }
}

/// All ways to lose just so many letters that `kept` are left.
fn losses(post: &[&Arc<Envelope>], kept: usize) -> Vec<Vec<Arc<Envelope>>> {
    let Some((&first, rest)) = post.split_first() else {
        return vec![Vec::new()];
    };
    let mut all = Vec::new();
    if kept > 0 {
        all.extend(losses(rest, kept - 1));
    }
    if post.len() > kept {
        let mut without = losses(rest, kept);
        without
            .iter_mut()
            .for_each(|lost| lost.push(Arc::clone(first)));
        all.extend(without);
    }
    all
}
