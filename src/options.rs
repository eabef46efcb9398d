//! The options as text: `lease=300ms,message_price=5ms`, as an operator writes them.
//!
//! Nothing here reads the environment or a command line; that is the course's replica's business.

use std::time::Duration;

use crate::consensus::{Plan, Storage};
use crate::kv::options::Answerer;
use crate::replica::Options;

/// The longest time that an option may be set to.
const LONGEST: Duration = Duration::from_secs(3_600);

/// What an option is about. `docs/options.md` shows them in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Group {
    /// How long things last.
    Timing,
    /// How much there may be of things.
    Limits,
    /// How messages travel, and how many are worth sending.
    Tuning,
}

/// An option that is being set: what kind of value it takes.
enum Slot<'a> {
    Time(&'a mut Duration),
    Count(&'a mut u32),
    Size(&'a mut usize),
    Term(&'a mut u64),
    Plan(&'a mut Plan),
    Storage(&'a mut Storage),
    Answerer(&'a mut Answerer),
}

impl Slot<'_> {
    fn text(&self) -> String {
        match self {
            Slot::Time(time) => write_time(**time),
            Slot::Count(count) => count.to_string(),
            Slot::Size(size) => size.to_string(),
            Slot::Term(term) => term.to_string(),
            Slot::Plan(Plan::Route) => "route".to_owned(),
            Slot::Plan(Plan::Star) => "star".to_owned(),
            Slot::Storage(Storage::Memory) => "memory".to_owned(),
            Slot::Storage(Storage::Stable) => "disk".to_owned(),
            Slot::Answerer(Answerer::Last) => "last".to_owned(),
            Slot::Answerer(Answerer::Leader) => "leader".to_owned(),
        }
    }

    /// Sets it to what the text says.
    fn set(self, text: &str) -> Result<(), &'static str> {
        match self {
            Slot::Time(slot) => *slot = read_time(text)?,
            Slot::Count(slot) => *slot = text.parse().map_err(|_| "a whole number below 2^32")?,
            Slot::Size(slot) => *slot = text.parse().map_err(|_| "a whole number")?,
            Slot::Term(slot) => *slot = text.parse().map_err(|_| "a whole number")?,
            Slot::Plan(slot) => {
                *slot = match text {
                    "route" => Plan::Route,
                    "star" => Plan::Star,
                    _ => return Err("route or star"),
                }
            }
            Slot::Storage(slot) => {
                *slot = match text {
                    "memory" => Storage::Memory,
                    "disk" => Storage::Stable,
                    _ => return Err("memory or disk"),
                }
            }
            Slot::Answerer(slot) => {
                *slot = match text {
                    "last" => Answerer::Last,
                    "leader" => Answerer::Leader,
                    _ => return Err("last or leader"),
                }
            }
        }
        Ok(())
    }
}

impl Options {
    /// The default options with those that `text` names, separated by commas, each as `name=value`. Times
    /// are written with their unit: `250us`, `300ms` or `2s`. The word `prompt` alone stands for a few of them.
    ///
    /// # Errors
    ///
    /// One line that names the option, the value and what was expected, or the relation between options
    /// that does not hold.
    pub fn from_text(text: &str) -> Result<Options, String> {
        let mut options = Options::default();
        options.set_from_text(text)?;
        Ok(options)
    }

    /// Sets the options that `text` names, and leaves the others as they are.
    ///
    /// # Errors
    ///
    /// As [`from_text`](Self::from_text).
    pub fn set_from_text(&mut self, text: &str) -> Result<(), String> {
        for setting in text
            .split(',')
            .map(str::trim)
            .filter(|part| !part.is_empty())
        {
            if setting == "prompt" {
                self.be_prompt();
                continue;
            }
            let (name, value) = setting
                .split_once('=')
                .ok_or_else(|| format!("{setting:?}: expected name=value, or prompt"))?;
            self.set(name.trim(), value.trim())?;
        }
        self.check()
    }

    /// The named setting `prompt`: for those to whom a short tail of latencies is worth a third more messages where much
    /// gets lost. What is lost is sent again at once, so little is in doubt when somebody falls silent.
    fn be_prompt(&mut self) {
        self.consensus.tuning.message_price = Duration::from_millis(1);
        self.kv.timing.answerer_doubt = self.kv.timing.answerer_patience;
    }

    /// Every option's group and name with its value, as [`from_text`](Self::from_text) reads it.
    pub fn settings(&self) -> Vec<(Group, &'static str, String)> {
        let mut copy = self.clone();
        let slots = copy.slots().into_iter();
        slots
            .map(|(group, name, slot)| (group, name, slot.text()))
            .collect()
    }

    /// What differs from the defaults, as [`from_text`](Self::from_text) reads it; empty if nothing does.
    pub fn changes(&self) -> String {
        let defaults = Options::default().settings();
        let changed = self.settings().into_iter().zip(defaults);
        changed
            .filter(|(own, default)| own != default)
            .map(|((_, name, value), _)| format!("{name}={value}"))
            .collect::<Vec<_>>()
            .join(",")
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        let slot = self
            .slots()
            .into_iter()
            .find_map(|(_, known, slot)| (known == name).then_some(slot));
        let Some(slot) = slot else {
            let known: Vec<_> = self.slots().iter().map(|(_, known, _)| *known).collect();
            return Err(format!(
                "no option {name:?}; there are {}",
                known.join(", ")
            ));
        };
        slot.set(value)
            .map_err(|expected| format!("{name}: {value:?} is not {expected}"))
    }

    /// Every option with its name. Taken apart field by field, so that a new one does not compile until
    /// it stands here.
    fn slots(&mut self) -> Vec<(Group, &'static str, Slot<'_>)> {
        use crate::consensus::options as consensus;
        use crate::kv::options as kv;

        macro_rules! slots {
            ($($group:ident { $($kind:ident: $($name:ident),+;)+ })+) => {
                vec![$($($((Group::$group, stringify!($name), Slot::$kind($name)),)+)+)+]
            };
        }

        let Options {
            consensus:
                consensus::Options {
                    timing,
                    limits,
                    tuning,
                    storage,
                    mistake: _,
                },
            kv:
                kv::Options {
                    replies,
                    timing: kv_timing,
                    limits: kv_limits,
                    mistake: _,
                },
        } = self;
        let consensus::Timing {
            lease,
            max_clock_drift_ppm,
            heartbeat_interval,
            election_timeout,
            first_election_timeout,
            leaderless_patience,
            leader_stickiness,
            suspected_stickiness,
            suspicion_patience,
            objection_time,
            campaign_retry_min,
            campaign_retry_max,
            campaign_timeout,
            retry_min,
            retry_max,
            quorum_doubt,
        } = timing;
        let kv::Timing {
            client_hold,
            client_hold_max,
            suspicion_window,
            answerer_patience,
            answerer_doubt,
            answerer_return,
        } = kv_timing;
        let consensus::Limits {
            max_append_bytes,
            max_append_entries,
            max_term_jump,
        } = limits;
        let kv::Limits {
            max_held_requests,
            max_held_bytes,
            max_remembered_clients,
            max_remembered_puts,
            max_unsettled,
            max_put_bytes,
        } = kv_limits;
        let consensus::Tuning {
            plan,
            burst_routes,
            message_price,
            remembered_attempts,
        } = tuning;
        slots! {
            Timing {
                Time: lease;
                Count: max_clock_drift_ppm;
                Time: heartbeat_interval, election_timeout, first_election_timeout, leaderless_patience,
                    leader_stickiness, suspected_stickiness, suspicion_patience, suspicion_window,
                    objection_time, campaign_retry_min, campaign_retry_max, campaign_timeout, retry_min,
                    retry_max, quorum_doubt, answerer_patience, answerer_doubt, answerer_return, client_hold,
                    client_hold_max;
            }
            Limits {
                Size: max_put_bytes, max_append_bytes, max_append_entries, max_unsettled,
                    max_held_requests, max_held_bytes, max_remembered_clients, max_remembered_puts;
                Term: max_term_jump;
            }
            Tuning {
                Time: message_price;
                Plan: plan;
                Count: burst_routes;
                Answerer: replies;
                Count: remembered_attempts;
                Storage: storage;
            }
        }
    }
}

/// A time in the largest unit that leaves no fraction.
fn write_time(time: Duration) -> String {
    let micros = time.as_micros();
    match micros {
        _ if micros.is_multiple_of(1_000_000) => format!("{}s", micros / 1_000_000),
        _ if micros.is_multiple_of(1_000) => format!("{}ms", micros / 1_000),
        _ => format!("{micros}us"),
    }
}

/// A time with its unit; or what was expected instead.
fn read_time(text: &str) -> Result<Duration, &'static str> {
    const EXPECTED: &str = "a time such as 250us, 300ms or 2s";
    let split = text
        .find(|c: char| c.is_ascii_alphabetic())
        .ok_or(EXPECTED)?;
    let (number, unit) = text.split_at(split);
    let number: u64 = number.trim().parse().map_err(|_| EXPECTED)?;
    let time = match unit {
        "us" => Duration::from_micros(number),
        "ms" => Duration::from_millis(number),
        "s" => Duration::from_secs(number),
        _ => return Err(EXPECTED),
    };
    if time > LONGEST {
        return Err("a time of an hour at most");
    }
    Ok(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_named_keeps_its_default() {
        let options = Options::from_text("lease=250ms, max_clock_drift_ppm=50,plan=star")
            .expect("fits together");
        let mut expected = Options::default();
        expected.consensus.timing.lease = Duration::from_millis(250);
        expected.consensus.timing.max_clock_drift_ppm = 50;
        expected.consensus.tuning.plan = Plan::Star;
        assert_eq!(options, expected);
        assert_eq!(Options::from_text(""), Ok(Options::default()));
    }

    #[test]
    fn prompt_stands_for_options_that_can_be_changed_again() {
        let options = Options::from_text("prompt, answerer_doubt=200ms").expect("well-formed");
        assert_eq!(options.changes(), "answerer_doubt=200ms,message_price=1ms");
    }

    #[test]
    fn what_was_changed_is_written_as_it_is_read() {
        assert_eq!(Options::default().changes(), "");
        let text = "lease=1500us,heartbeat_interval=1s,max_append_entries=8,replies=leader";
        let options = Options::from_text(text).expect("fits together");
        assert_eq!(options.changes(), text);
        let all = options.settings().into_iter();
        let all: Vec<_> = all
            .map(|(_, name, value)| format!("{name}={value}"))
            .collect();
        assert_eq!(Options::from_text(&all.join(",")), Ok(options));
    }

    #[test]
    fn mistakes_are_named() {
        for (text, part) in [
            ("lease", "name=value"),
            ("leese=1s", "no option \"leese\"; there are lease,"),
            (
                "lease=300",
                "lease: \"300\" is not a time such as 250us, 300ms or 2s",
            ),
            ("lease=2h", "is not a time"),
            ("lease=99999s", "is not a time of an hour at most"),
            (
                "max_put_bytes=-1",
                "max_put_bytes: \"-1\" is not a whole number",
            ),
            ("plan=ring", "plan: \"ring\" is not route or star"),
            ("heartbeat_interval=20s", "election_timeout at least"),
            (
                "max_put_bytes=65000",
                "max_put_bytes and max_append_bytes must be at most",
            ),
        ] {
            let message = Options::from_text(text).expect_err(text);
            assert!(message.contains(part), "{text}: {message}");
        }
    }

    #[test]
    fn the_page_of_options_lists_each_in_its_group_with_its_default() {
        let page = include_str!("../docs/options.md");
        let mut group = None;
        let mut listed = Vec::new();
        for line in page.lines() {
            match line {
                "## Timing" => group = Some(Group::Timing),
                "## Limits" => group = Some(Group::Limits),
                "## Tuning" => group = Some(Group::Tuning),
                _ => {}
            }
            if let Some(row) = line.strip_prefix("| `") {
                let cells: Vec<&str> = row.split('|').map(str::trim).collect();
                let [name, default, meaning, ..] = cells[..] else {
                    panic!("{line}");
                };
                assert!(!meaning.is_empty(), "{line}: what is it?");
                let name = name.trim_end_matches('`').to_owned();
                listed.push((group.expect("below a heading"), name, default.to_owned()));
            }
        }
        let settings = Options::default().settings().into_iter();
        let settings: Vec<_> = settings
            .map(|(group, name, value)| (group, name.to_owned(), value))
            .collect();
        assert_eq!(listed, settings);
    }
}
