//! Finds the processes that a replica started and that left its process group.
//!
//! A wrapper that calls `timeout` or `setsid` puts the real replica beyond the reach of a signal to
//! the group. So every replica has a mark in its environment, which all its descendants inherit, and
//! whoever has it is found in `/proc`. It must never hit anybody else: marks are unique, and a
//! process is signalled through a descriptor that was opened before its mark was read.
//!
//! The limit: a process that leaves its group *and* empties its environment is not found. On systems
//! without Linux's `/proc` nobody is.

use std::fmt;
use std::time::SystemTime;

use rustix::process::{Pid, Signal};

use crate::id::Id;

/// The environment variable that holds a replica's mark.
pub const VARIABLE: &str = "LEASEKV_REPLICA";

/// How often strays are looked for again, since one may start another while it is looked for.
const ROUNDS: usize = 20;

/// The mark of a simulator, of one of its runs, or of a replica in it. What is inside another has
/// its mark's beginning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark(String);

impl Mark {
    /// A new mark for this simulator.
    pub fn new() -> Mark {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let nanoseconds = now.unwrap_or_default().as_nanos();
        Mark(format!("{}-{nanoseconds}", std::process::id()))
    }

    /// A simulator's mark as the watchdog is told it; nothing if it could not be one.
    pub fn read(text: &str) -> Option<Mark> {
        let proper = |c: char| c.is_ascii_digit() || c == '-';
        (text.contains('-') && text.chars().all(proper)).then(|| Mark(text.to_owned()))
    }

    /// The mark of the simulator's n-th run.
    pub fn run(&self, number: u32) -> Mark {
        Mark(format!("{self}-{number}"))
    }

    /// The mark of a replica in this run.
    pub fn replica(&self, own: Id) -> Mark {
        Mark(format!("{self}-{own}"))
    }

    /// Whether an environment, as `/proc` shows it, has this mark or one inside of it.
    fn is_in(&self, environment: &[u8]) -> bool {
        let wanted = format!("{VARIABLE}={self}");
        environment.split(|byte| *byte == 0).any(|variable| {
            variable
                .strip_prefix(wanted.as_bytes())
                .is_some_and(|rest| rest.is_empty() || rest[0] == b'-')
        })
    }
}

impl Default for Mark {
    fn default() -> Self {
        Mark::new()
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Kills whoever has the mark, and whom they start meanwhile.
pub fn kill(mark: &Mark) {
    for _ in 0..ROUNDS {
        if signal(mark, Signal::KILL, None) == 0 {
            return;
        }
    }
}

/// Sends a signal to whoever has the mark and is not in the group `except`. Returns how many got it.
#[cfg(target_os = "linux")]
pub fn signal(mark: &Mark, signal: Signal, except: Option<Pid>) -> usize {
    use rustix::process::{PidfdFlags, getpgid, pidfd_open, pidfd_send_signal};

    let Ok(entries) = std::fs::read_dir("/proc") else {
        return 0;
    };
    let reached = |entry: std::fs::DirEntry| -> Option<()> {
        let pid = Pid::from_raw(entry.file_name().to_str()?.parse().ok()?)?;
        let process = pidfd_open(pid, PidfdFlags::empty()).ok()?;
        let environment = std::fs::read(entry.path().join("environ")).ok()?;
        let is_stray =
            mark.is_in(&environment) && except.is_none_or(|group| getpgid(Some(pid)) != Ok(group));
        is_stray.then(|| pidfd_send_signal(process, signal).ok())?
    };
    entries.flatten().filter_map(reached).count()
}

/// Without `/proc` nobody is found.
#[cfg(not(target_os = "linux"))]
pub fn signal(_: &Mark, _: Signal, _: Option<Pid>) -> usize {
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_found_in_its_own_processes_and_in_no_others() {
        let simulator = Mark("12-345".to_owned());
        let run = simulator.run(6);
        let environment = |mark: &Mark| format!("HOME=/\0{VARIABLE}={mark}\0X={VARIABLE}=7-7\0");
        let replica = environment(&run.replica(Id(1)));
        for mark in [&simulator, &run, &run.replica(Id(1))] {
            assert!(mark.is_in(replica.as_bytes()), "{mark}");
        }
        for other in ["2-345", "12-34", "12-345-61", "12-345-6-0002", "7-7"] {
            assert!(!Mark(other.to_owned()).is_in(replica.as_bytes()), "{other}");
        }
        assert!(!simulator.is_in(b""));
    }

    #[test]
    fn only_a_mark_is_read_as_one() {
        let mark = Mark::new();
        assert_eq!(Mark::read(&mark.to_string()), Some(mark));
        assert_eq!(Mark::read(""), None);
        assert_eq!(Mark::read("x-1"), None);
    }
}
