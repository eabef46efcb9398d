//! What has to happen somewhere in a search for its silence to mean anything. It is noted at each step, not
//! asked of each state, so that no state has to remember it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Mutex;

use leasekv::consensus::{Body, Index, RoleName};
use leasekv::kv::{Command, Outcome};
use leasekv::replica::{Output, View};

use super::state::{State, number, puts};

/// Something that happens in a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Event {
    /// A leader is elected.
    Elected,
    /// A follower passes entries on along their route.
    Relayed,
    /// A follower is the first to know that something is committed.
    CommittedOnRoute,
    /// A put's client is told that it took effect.
    Stored,
    /// By a follower that nobody has told that the put is committed.
    StoredOnRoute,
    /// By another replica than the one that the put names.
    StoredByAnother,
    /// A second time.
    StoredTwice,
    /// A put is committed in a later term than its own.
    CommittedInherited,
    /// A leader puts a take-over into its log.
    TookOver,
    /// A take-over is applied.
    AppliedTakeOver,
    /// A take-over is removed from a log.
    LostTakeOver,
    /// A put is committed that its answerer does not apply, because a take-over is not decided.
    Waits,
    /// The answerer of a put applies it and keeps quiet.
    KeptQuiet,
    /// A put that was in its leader's log is overwritten, and its client redirected.
    Overwritten,
    /// A get is answered.
    Read,
    /// A get is answered by a leader although a later one is there.
    ReadFromDeposed,
    /// A replica starts again without its memory.
    Forgot,
    /// One that has been started before answers an append.
    Returned,
    /// A replica is killed and loses something that it had handed to its disk.
    LostUnsynced,
    /// A replica is killed that leads, and starts again.
    LeaderRestarted,
    /// Something is committed that a leader does not have on its own disk yet.
    CommittedBeforeLeader,
}

/// How often each event has happened.
#[derive(Default)]
pub(crate) struct Seen(Mutex<BTreeMap<Event, usize>>);

impl Seen {
    pub(crate) fn note(&self, events: &[Event]) {
        if events.is_empty() {
            return;
        }
        let mut counts = self.0.lock().expect("nobody panics with it");
        for event in events {
            *counts.entry(*event).or_default() += 1;
        }
    }

    pub(crate) fn has(&self, event: Event) -> bool {
        let counts = self.0.lock().expect("nobody panics with it");
        counts.contains_key(&event)
    }
}

impl fmt::Debug for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.lock().expect("nobody panics with it").fmt(f)
    }
}

/// What has happened in a step of one replica.
pub(crate) fn in_step(
    before: &State,
    after: &View<'_>,
    outputs: &[Output],
    note: &mut impl FnMut(Event),
) {
    let id = after.id();
    let past = before.view(id);
    let leads = after.role() == RoleName::Leader;
    if leads && past.role() != RoleName::Leader {
        note(Event::Elected);
    }
    let others = || before.views().filter(move |view| view.id() != id);
    let is_first =
        after.commit() > past.commit() && others().all(|view| view.commit() < after.commit());
    if is_first && !leads {
        note(Event::CommittedOnRoute);
    }
    let is_behind =
        |view: View<'_>| view.role() == RoleName::Leader && view.log().durable() < after.commit();
    if is_first && others().any(is_behind) {
        note(Event::CommittedBeforeLeader);
    }
    let news = |index: Index| index > past.commit() && index <= after.commit();
    for (index, put) in puts(after).filter(|(index, _)| news(*index)) {
        let term = after.entry(index).expect("a put is there").term;
        if is_first && term < after.term() {
            note(Event::CommittedInherited);
        }
        let applied = after.service().applied();
        if put.answerer == id && after.consensus().is_current() && applied < index {
            note(Event::Waits);
        }
    }
    let applies =
        |index: Index| index > past.service().applied() && index <= after.service().applied();
    let is_told = |mid: &str| {
        let mut answers = outputs.iter();
        answers.any(|output| matches!(output, Output::Answer(answer) if answer.mid == mid))
    };
    for (_, put) in puts(after).filter(|(index, _)| applies(*index)) {
        if put.answerer == id && !is_told(&put.mid) {
            note(Event::KeptQuiet);
        }
    }
    for index in take_overs(after) {
        if applies(index) {
            note(Event::AppliedTakeOver);
        }
        let is_new = index > past.last().index;
        if leads && is_new && after.entry(index).map(|it| it.term) == Some(after.term()) {
            note(Event::TookOver);
        }
    }
    if take_overs(&past).any(|index| after.entry(index) != past.entry(index)) {
        note(Event::LostTakeOver);
    }
    for output in outputs {
        match output {
            Output::Send { letter, .. } => match &letter.message.body {
                Body::Append(append) if !leads && !append.entries.is_empty() => {
                    note(Event::Relayed)
                }
                Body::AppendResponse(_) if before.lives(id) > 1 => note(Event::Returned),
                _ => {}
            },
            Output::Answer(answer) => match &answer.outcome {
                Outcome::Stored => {
                    note(Event::Stored);
                    if before.past.is_stored(number(&answer.mid)) {
                        note(Event::StoredTwice);
                    }
                    let mut puts = puts(after);
                    let put = puts.find(|(_, put)| put.mid == answer.mid);
                    if put.is_some_and(|(_, put)| put.answerer != id) {
                        note(Event::StoredByAnother);
                    } else if is_first && !leads {
                        note(Event::StoredOnRoute);
                    }
                }
                Outcome::Value(_) => {
                    note(Event::Read);
                    let is_deposed = |view: View<'_>| {
                        view.role() == RoleName::Leader && view.term() > after.term()
                    };
                    if others().any(is_deposed) {
                        note(Event::ReadFromDeposed);
                    }
                }
                Outcome::Redirect if after.service().owed() < past.service().owed() => {
                    note(Event::Overwritten);
                }
                Outcome::Redirect | Outcome::Fail => {}
            },
        }
    }
}

fn take_overs<'a>(view: &View<'a>) -> impl Iterator<Item = Index> + use<'a> {
    let entries = view.entries().enumerate();
    entries
        .filter(|(_, entry)| matches!(entry.command(), Some(Command::TakeOver(_))))
        .map(|(place, _)| Index(place as u64 + 1))
}
