//! What can go wrong at a set time, and how config files write it.

use std::time::Duration;

use serde_json::Value;

use super::section::{ConfigError, MAX_SECONDS, Section};
use crate::bench::protocol::roster::Roster;
use crate::id::Id;

const MAX_EVENTS: usize = 1_000;
/// The latest time of an event, in seconds; what comes after the run's end never happens.
const LATEST_EVENT: f64 = 1e9;

/// Something that goes wrong at a set time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedEvent {
    /// When, counted from the end of `start_wait`.
    pub time: Duration,
    /// What.
    pub kind: EventKind,
}

/// What can go wrong. The first five are the course's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// The leader crashes.
    KillLeader,
    /// Another replica than the leader crashes.
    KillNonLeader,
    /// The network splits; the leader is on the majority's side.
    PartEasy,
    /// The network splits at random.
    PartHard,
    /// The network is whole again.
    PartEnd,
    /// The leader is cut off from everybody, if it is known.
    IsolateLeader,
    /// The network splits into these sides; replicas named nowhere are alone.
    Split(Vec<Vec<usize>>),
    /// Messages get through in one direction only.
    Cut {
        /// Whose messages are cut.
        from: Who,
        /// From whom.
        to: Who,
    },
    /// A replica stands still. It neither sends nor receives, and what is sent to it waits.
    Pause {
        /// Which.
        replica: Who,
        /// How long; until it is resumed, if nothing is said.
        duration: Option<Duration>,
    },
    /// This replica goes on, or all do.
    Resume(Option<usize>),
    /// A replica is killed, and started again with its directory.
    Crash {
        /// Which.
        replica: Who,
        /// How long it is down.
        down: Duration,
    },
    /// A replica is asked to end, which it does at once, and started again with its directory.
    Restart {
        /// Which.
        replica: Who,
        /// How long it is down.
        down: Duration,
    },
    /// All replicas that live are killed at once, and started again with their directories.
    PowerLoss {
        /// How long they are down.
        down: Duration,
    },
    /// A replica is killed, and started again without its directory.
    Wipe {
        /// Which.
        replica: Who,
        /// How long it is down.
        down: Duration,
    },
}

/// Whom an event concerns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// Whoever the simulator believes to lead at that time.
    Leader,
    /// Any that lives.
    Random,
    /// The replica with this index.
    Replica(usize),
}

impl EventKind {
    const NAMES: [&str; 14] = [
        "kill_leader",
        "kill_non_leader",
        "part_easy",
        "part_hard",
        "part_end",
        "isolate_leader",
        "split",
        "cut",
        "pause",
        "resume",
        "crash",
        "restart",
        "power_loss",
        "wipe",
    ];

    /// How config files write it.
    pub fn name(&self) -> &'static str {
        Self::NAMES[match self {
            EventKind::KillLeader => 0,
            EventKind::KillNonLeader => 1,
            EventKind::PartEasy => 2,
            EventKind::PartHard => 3,
            EventKind::PartEnd => 4,
            EventKind::IsolateLeader => 5,
            EventKind::Split(_) => 6,
            EventKind::Cut { .. } => 7,
            EventKind::Pause { .. } => 8,
            EventKind::Resume(_) => 9,
            EventKind::Crash { .. } => 10,
            EventKind::Restart { .. } => 11,
            EventKind::PowerLoss { .. } => 12,
            EventKind::Wipe { .. } => 13,
        }]
    }

    /// Whether replicas start again in it.
    pub fn starts_again(&self) -> bool {
        use EventKind::{Crash, PowerLoss, Restart, Wipe};
        matches!(
            self,
            Crash { .. } | Restart { .. } | PowerLoss { .. } | Wipe { .. }
        )
    }
}

/// The events of a config, in time order.
pub(super) fn read(top: &Section<'_>, roster: Roster) -> Result<Vec<PlannedEvent>, ConfigError> {
    let Some(value) = top.map.get("events") else {
        return Ok(Vec::new());
    };
    let Some(list) = value.as_array().filter(|list| list.len() <= MAX_EVENTS) else {
        let allowed = format!("a list of at most {MAX_EVENTS} events {{\"type\", \"time\"}}");
        return Err(top.wrong("events", value, &allowed));
    };
    let mut events = Vec::with_capacity(list.len());
    for (index, value) in list.iter().enumerate() {
        let place = format!("events[{index}]");
        let Value::Object(map) = value else {
            return Err(top.wrong(&place, value, "an event {\"type\", \"time\"}"));
        };
        let path = format!("{place}.");
        let event = Section {
            file: top.file,
            path: &path,
            map,
        };
        let kind = kind(&event, roster)?;
        let time = event.number("time", None, 0.0, LATEST_EVENT, "seconds")?;
        events.push(PlannedEvent {
            time: Duration::from_secs_f64(time),
            kind,
        });
    }
    events.sort_by_key(|event| event.time);
    Ok(events)
}

/// What an event is, with the keys that belong to its type and no others.
fn kind(event: &Section<'_>, roster: Roster) -> Result<EventKind, ConfigError> {
    let allowed = format!("one of {}", EventKind::NAMES.join(", "));
    let named = event.required("type", &allowed)?;
    let simple = |kind| event.only(&["type", "time"]).map(|()| kind);
    match named.as_str() {
        Some("kill_leader") => simple(EventKind::KillLeader),
        Some("kill_non_leader") => simple(EventKind::KillNonLeader),
        Some("part_easy") => simple(EventKind::PartEasy),
        Some("part_hard") => simple(EventKind::PartHard),
        Some("part_end") => simple(EventKind::PartEnd),
        Some("isolate_leader") => simple(EventKind::IsolateLeader),
        Some("split") => {
            event.only(&["type", "time", "sides"])?;
            sides(event, roster).map(EventKind::Split)
        }
        Some("cut") => {
            event.only(&["type", "time", "from", "to"])?;
            let (from, to) = (who(event, "from", roster)?, who(event, "to", roster)?);
            if from == to && from != Who::Random {
                let value = event.required("to", "")?;
                return Err(event.wrong("to", value, "another replica than `from`"));
            }
            Ok(EventKind::Cut { from, to })
        }
        Some("pause") => {
            event.only(&["type", "time", "replica", "duration"])?;
            let duration = match event.map.contains_key("duration") {
                true => Some(event.number("duration", None, 0.0, MAX_SECONDS, "seconds")?),
                false => None,
            };
            Ok(EventKind::Pause {
                replica: who(event, "replica", roster)?,
                duration: duration.map(Duration::from_secs_f64),
            })
        }
        Some(type_ @ ("crash" | "restart" | "wipe")) => {
            event.only(&["type", "time", "replica", "down"])?;
            let (replica, down) = (who(event, "replica", roster)?, down(event)?);
            Ok(match type_ {
                "crash" => EventKind::Crash { replica, down },
                "restart" => EventKind::Restart { replica, down },
                _ => EventKind::Wipe { replica, down },
            })
        }
        Some("power_loss") => {
            event.only(&["type", "time", "down"])?;
            let down = down(event)?;
            Ok(EventKind::PowerLoss { down })
        }
        Some("resume") => {
            event.only(&["type", "time", "replica"])?;
            let allowed = ids(roster);
            let one = event.map.get("replica").map(|value| {
                replica(value, roster).ok_or_else(|| event.wrong("replica", value, &allowed))
            });
            one.transpose().map(EventKind::Resume)
        }
        _ => Err(event.wrong("type", named, &allowed)),
    }
}

/// How long a replica is down before it starts again.
fn down(event: &Section<'_>) -> Result<Duration, ConfigError> {
    let seconds = event.number("down", None, 0.0, MAX_SECONDS, "seconds")?;
    Ok(Duration::from_secs_f64(seconds))
}

fn sides(event: &Section<'_>, roster: Roster) -> Result<Vec<Vec<usize>>, ConfigError> {
    let allowed = format!(
        "a list of lists of replicas, each named at most once ({})",
        ids(roster)
    );
    let value = event.required("sides", &allowed)?;
    let read = || -> Option<Vec<Vec<usize>>> {
        let mut named = vec![false; roster.replicas()];
        let mut sides = Vec::new();
        for list in value.as_array()? {
            let mut side = Vec::new();
            for id in list.as_array()? {
                let index = replica(id, roster)?;
                if std::mem::replace(&mut named[index], true) {
                    return None;
                }
                side.push(index);
            }
            sides.push(side);
        }
        Some(sides).filter(|sides| sides.len() <= roster.replicas())
    };
    read().ok_or_else(|| event.wrong("sides", value, &allowed))
}

fn who(event: &Section<'_>, key: &str, roster: Roster) -> Result<Who, ConfigError> {
    let allowed = format!("\"leader\", \"random\" or {}", ids(roster));
    let value = event.required(key, &allowed)?;
    match value.as_str() {
        Some("leader") => Some(Who::Leader),
        Some("random") => Some(Who::Random),
        _ => replica(value, roster).map(Who::Replica),
    }
    .ok_or_else(|| event.wrong(key, value, &allowed))
}

fn replica(value: &Value, roster: Roster) -> Option<usize> {
    roster.replica_index(value.as_str()?.parse::<Id>().ok()?)
}

fn ids(roster: Roster) -> String {
    let (first, last) = (roster.replica(0), roster.replica(roster.replicas() - 1));
    format!("an ID from \"{first}\" to \"{last}\"")
}
