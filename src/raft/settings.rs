//! The options as text: `lease=300ms,max_clock_drift_ppm=500`, as an operator writes them.
//!
//! Nothing here reads the environment or a command line; that is the runtime's business.

use std::time::Duration;

use super::options::Options;

/// The longest time that an option may be set to.
const LONGEST: Duration = Duration::from_secs(3_600);

/// An option that is being set: what kind of value it takes.
enum Slot<'a> {
    Time(&'a mut Duration),
    Count(&'a mut u32),
    Size(&'a mut usize),
    Term(&'a mut u64),
    Share(&'a mut f64),
}

impl Slot<'_> {
    fn text(&self) -> String {
        match self {
            Slot::Time(time) => write_time(**time),
            Slot::Count(count) => count.to_string(),
            Slot::Size(size) => size.to_string(),
            Slot::Term(term) => term.to_string(),
            Slot::Share(share) => share.to_string(),
        }
    }
}

impl Options {
    /// The default options with those that `text` names, separated by commas, each as `name=value`. Times
    /// are written with their unit: `250us`, `300ms` or `2s`.
    ///
    /// # Errors
    ///
    /// One line that names the option, the value and what was expected, or the relation between options
    /// that does not hold.
    pub fn from_text(text: &str) -> Result<Options, String> {
        let mut options = Options::default();
        for setting in text
            .split(',')
            .map(str::trim)
            .filter(|part| !part.is_empty())
        {
            let (name, value) = setting
                .split_once('=')
                .ok_or_else(|| format!("{setting:?}: expected name=value"))?;
            options.set(name.trim(), value.trim())?;
        }
        options.check()?;
        Ok(options)
    }

    /// Every option's name with its value, as [`from_text`](Self::from_text) reads it.
    pub fn settings(&self) -> Vec<(&'static str, String)> {
        let mut copy = self.clone();
        let slots = copy.slots().into_iter();
        slots.map(|(name, slot)| (name, slot.text())).collect()
    }

    /// What differs from the defaults, as [`from_text`](Self::from_text) reads it; empty if nothing does.
    pub fn changes(&self) -> String {
        let defaults = Options::default().settings();
        let changed = self.settings().into_iter().zip(defaults);
        changed
            .filter(|(own, default)| own != default)
            .map(|((name, value), _)| format!("{name}={value}"))
            .collect::<Vec<_>>()
            .join(",")
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        let slot = self
            .slots()
            .into_iter()
            .find_map(|(known, slot)| (known == name).then_some(slot));
        let Some(slot) = slot else {
            let known: Vec<_> = self.slots().iter().map(|(known, _)| *known).collect();
            return Err(format!(
                "no option {name:?}; there are {}",
                known.join(", ")
            ));
        };
        let expected = match slot {
            Slot::Time(slot) => {
                return read_time(value)
                    .map(|time| *slot = time)
                    .map_err(|expected| format!("{name}: {value:?} is {expected}"));
            }
            Slot::Count(slot) => value
                .parse()
                .map(|count| *slot = count)
                .err()
                .map(|_| "a whole number below 2^32"),
            Slot::Size(slot) => value
                .parse()
                .map(|size| *slot = size)
                .err()
                .map(|_| "a whole number"),
            Slot::Term(slot) => value
                .parse()
                .map(|term| *slot = term)
                .err()
                .map(|_| "a whole number"),
            Slot::Share(slot) => match value.parse::<f64>() {
                Ok(share) if (0.0..=1_000.0).contains(&share) => {
                    *slot = share;
                    None
                }
                _ => Some("a number from 0 to 1,000"),
            },
        };
        match expected {
            None => Ok(()),
            Some(expected) => Err(format!("{name}: {value:?} is not {expected}")),
        }
    }

    /// Every option with its name. Taken apart field by field, so that a new one does not compile until
    /// it stands here.
    fn slots(&mut self) -> Vec<(&'static str, Slot<'_>)> {
        macro_rules! slots {
            ($($kind:ident: $($name:ident),+;)+) => {{
                let Options {
                    $($($name,)+)+
                    #[cfg(test)]
                    mistake: _,
                } = self;
                vec![$($((stringify!($name), Slot::$kind($name)),)+)+]
            }};
        }
        slots! {
            Time: lease, heartbeat_interval, election_timeout_min, election_timeout_max,
                first_election_timeout, leaderless_patience, leader_stickiness, suspected_stickiness, objection_time, campaign_retry_min,
                campaign_retry_max, campaign_timeout, append_retry_min, append_retry_max, retry_cost,
                retry_saving, quorum_doubt, answerer_patience, answerer_return, follower_timeout, client_hold, client_hold_max,
                suspicion_patience, suspicion_window;
            Count: max_clock_drift_ppm, retry_rebate, remembered_attempts;

            Size: max_held_requests, max_remembered_clients, max_uncommitted, max_put_bytes,
                max_append_bytes, max_append_entries;
            Term: max_term_jump;
            Share: retries_per_entry, perish;
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

/// A time with its unit.
fn read_time(text: &str) -> Result<Duration, &'static str> {
    const EXPECTED: &str = "not a time such as 250us, 300ms or 2s";
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
        return Err("more than an hour");
    }
    Ok(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_named_keeps_its_default() {
        let options =
            Options::from_text("lease=250ms, max_clock_drift_ppm=50,retries_per_entry=0.5")
                .expect("fits together");
        let expected = Options {
            lease: Duration::from_millis(250),
            max_clock_drift_ppm: 50,
            retries_per_entry: 0.5,
            ..Options::default()
        };
        assert_eq!(options, expected);
        assert_eq!(Options::from_text(""), Ok(Options::default()));
    }

    #[test]
    fn what_was_changed_is_written_as_it_is_read() {
        assert_eq!(Options::default().changes(), "");
        let text = "lease=1500us,heartbeat_interval=1s,max_append_entries=8,retries_per_entry=0.5";
        let options = Options::from_text(text).expect("fits together");
        assert_eq!(options.changes(), text);
        let all = options.settings().into_iter();
        let all: Vec<_> = all.map(|(name, value)| format!("{name}={value}")).collect();
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
            ("lease=2h", "not a time"),
            ("lease=99999s", "more than an hour"),
            (
                "max_put_bytes=-1",
                "max_put_bytes: \"-1\" is not a whole number",
            ),
            ("retries_per_entry=NaN", "is not a number from 0 to 1,000"),
            ("heartbeat_interval=20s", "election_timeout_min at least"),
        ] {
            let message = Options::from_text(text).expect_err(text);
            assert!(message.contains(part), "{text}: {message}");
        }
    }
}
