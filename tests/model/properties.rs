//! The promises, as properties of a state, and what has to have happened for them to mean anything.

use leasekv::id::Id;
use leasekv::raft::Index;
use leasekv::raft::entry::{Command, Entry};
use leasekv::raft::view::{RoleName, View};
use stateright::Property;

use crate::cluster::{Breach, Cluster, Ending, Kind, REPLICAS, puts};
use crate::model::Bounded;

/// What must hold in every state.
pub(crate) fn promises() -> Vec<Property<Bounded>> {
    vec![
        Property::always("election safety", |_, cluster: &Cluster| {
            !breached(cluster, |breach| matches!(breach, Breach::SecondLeader(_)))
        }),
        Property::always("log matching", |_, cluster: &Cluster| {
            pairs(cluster).all(|(one, other)| logs_match(one, other))
        }),
        Property::always("leader completeness", |_, cluster: &Cluster| {
            pairs(cluster).all(|(one, other)| leads_completely(one, other))
        }),
        Property::always("state machine safety", |_, cluster: &Cluster| {
            pairs(cluster).all(|(one, other)| committed_alike(one, other))
        }),
        Property::always("commit index monotonic", |_, cluster: &Cluster| {
            !breached(cluster, |breach| matches!(breach, Breach::CommitFell(_)))
        }),
        Property::always("at most one answer of a replica", |_, cluster: &Cluster| {
            let attempts = &cluster.past.attempts;
            attempts.iter().all(|attempt| {
                let answers = attempt.answers.iter();
                REPLICAS
                    .iter()
                    .all(|id| answers.clone().filter(|(by, _)| by == id).count() <= 1)
            })
        }),
        Property::always("ok only for what is committed", |_, cluster: &Cluster| {
            endings(cluster).all(|(number, by, ending)| {
                ending != Ending::Ok || is_committed(cluster.view(by), number)
            })
        }),
        Property::always(
            "redirect only what never takes effect",
            |_, cluster: &Cluster| {
                endings(cluster).all(|(number, _, ending)| {
                    ending == Ending::Ok
                        || !cluster
                            .views()
                            .iter()
                            .any(|view| is_committed(*view, number))
                })
            },
        ),
        Property::always(
            "a second ok only after a take-over",
            |_, cluster: &Cluster| {
                let is_take_over = |entry: &Entry| matches!(entry.command, Command::TakeOver(_));
                let views = cluster.views();
                cluster.past.attempts.iter().all(|attempt| {
                    let is_put = attempt.kind == Kind::Put;
                    let oks = attempt.answers.iter();
                    !is_put
                        || oks.filter(|(_, ending)| *ending == Ending::Ok).count() <= 1
                        || views.iter().any(|view| view.entries().any(is_take_over))
                })
            },
        ),
        Property::always("no get is stale", |_, cluster: &Cluster| {
            !breached(cluster, |breach| matches!(breach, Breach::OldValue(_)))
        }),
        Property::always("the core's own assertions", |_, cluster: &Cluster| {
            !breached(cluster, |breach| matches!(breach, Breach::Assertion(_)))
        }),
    ]
}

/// A leader is elected.
pub(crate) fn elected() -> Property<Bounded> {
    Property::sometimes("a leader is elected", |_, cluster: &Cluster| {
        !cluster.past.leaders.is_empty()
    })
}

/// A put is committed and its client told.
pub(crate) fn stored() -> Property<Bounded> {
    Property::sometimes("a put is committed", |_, cluster: &Cluster| {
        endings(cluster).any(|(.., ending)| ending == Ending::Ok)
    })
}

/// A leader is the first to know that a put is committed that it has inherited.
pub(crate) fn inherited() -> Property<Bounded> {
    Property::sometimes("an inherited put is committed", |_, cluster: &Cluster| {
        cluster.views().iter().any(|view| {
            view.role() == RoleName::Leader
                && puts(*view).any(|(index, _)| {
                    let known = |view: &&View<'_>| view.commit() >= index;
                    term_at(*view, index) < Some(view.term().0)
                        && known(&view)
                        && cluster.views().iter().filter(known).count() == 1
                })
        })
    })
}

/// A put that was in its leader's log is overwritten, and its client redirected.
pub(crate) fn overwritten() -> Property<Bounded> {
    Property::sometimes(
        "an overwritten put is redirected",
        |_, cluster: &Cluster| {
            let mut attempts = cluster.past.attempts.iter();
            attempts.any(|attempt| {
                attempt.logged && attempt.answers.contains(&(attempt.asked, Ending::Redirect))
            })
        },
    )
}

/// A get is answered.
pub(crate) fn read() -> Property<Bounded> {
    Property::sometimes("a get is answered", |_, cluster: &Cluster| {
        let mut attempts = cluster.past.attempts.iter();
        attempts.any(|attempt| {
            attempt.kind == Kind::Get && attempt.answers.iter().any(|(_, e)| *e == Ending::Ok)
        })
    })
}

/// A get is answered by a leader although a later one is there already: that is the lease's doing.
pub(crate) fn read_from_deposed() -> Property<Bounded> {
    Property::sometimes("a deposed leader still reads", |_, cluster: &Cluster| {
        cluster
            .past
            .attempts
            .iter()
            .any(|attempt| attempt.by_deposed)
    })
}

fn breached(cluster: &Cluster, kind: impl Fn(&Breach) -> bool) -> bool {
    cluster.past.breaches.iter().any(kind)
}

fn pairs(cluster: &Cluster) -> impl Iterator<Item = (View<'_>, View<'_>)> {
    let views = cluster.views();
    (0..views.len())
        .flat_map(move |one| (0..views.len()).map(move |other| (one, other)))
        .filter(|(one, other)| one != other)
        .map(move |(one, other)| (views[one], views[other]))
}

fn endings(cluster: &Cluster) -> impl Iterator<Item = (usize, Id, Ending)> {
    let attempts = cluster.past.attempts.iter().enumerate();
    attempts
        .filter(|(_, attempt)| attempt.kind == Kind::Put)
        .flat_map(|(number, attempt)| {
            let answers = attempt.answers.iter();
            answers.map(move |&(by, ending)| (number, by, ending))
        })
}

/// Logs that hold the same index and term are the same up to there.
fn logs_match(one: View<'_>, other: View<'_>) -> bool {
    let both: Vec<(&Entry, &Entry)> = one.entries().zip(other.entries()).collect();
    let last_common = both.iter().rposition(|(a, b)| a.term == b.term);
    last_common.is_none_or(|last| both[..=last].iter().all(|(a, b)| a == b))
}

/// A leader holds all that is committed in its term or before it.
fn leads_completely(leader: View<'_>, other: View<'_>) -> bool {
    leader.role() != RoleName::Leader
        || other.term() > leader.term()
        || (leader.entries().count() as u64 >= other.commit().0
            && committed(other).zip(leader.entries()).all(|(a, b)| a == b))
}

fn committed_alike(one: View<'_>, other: View<'_>) -> bool {
    committed(one).zip(committed(other)).all(|(a, b)| a == b)
}

fn committed(view: View<'_>) -> impl Iterator<Item = &Entry> {
    view.entries().take(view.commit().0 as usize)
}

fn is_committed(view: View<'_>, number: usize) -> bool {
    puts(view).any(|(index, logged)| logged == number && index <= view.commit())
}

fn term_at(view: View<'_>, index: Index) -> Option<u64> {
    let entry = view.entries().nth(index.0 as usize - 1)?;
    debug_assert!(matches!(entry.command, Command::Put(_)));
    Some(entry.term.0)
}
