//! The watchdog: a second process that outlives a killed simulator just long enough to kill the
//! replicas it left behind.
//!
//! It is the simulator's own program, started again with [`ARGUMENT`]. It holds the read end of a
//! pipe on which it is told every replica's process group; when the pipe closes, because the
//! simulator has gone in whatever way, it kills the groups that are still on its list and whoever has
//! the simulator's mark ([`crate::bench::drivers::real::strays`]). It has a name of its own, for whoever ends the
//! simulator by name must not end it, too. The death signal of [`crate::bench::drivers::real::guard`] does not do: it does not reach what a wrapper script started.
//! The watchdog must never do anything but that, and never outlive its pipe.

use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::{collections::HashSet, io};

use rustix::process::{Pid, Signal};

use super::strays::{self, Mark};

/// The first argument that makes the simulator's program a watchdog; the second is the simulator's
/// mark.
pub const ARGUMENT: &str = "--watch-replica-groups";

/// What the watchdog is called; the system may show the first fifteen letters only.
const NAME: &std::ffi::CStr = c"replica-watchdog";

/// The most groups it remembers; beyond, the newest are forgotten. A run has 21 at most, and no more than
/// 32 runs are played at a time.
const MAX_GROUPS: usize = 1_000;

/// What the watchdog is told about a process group, in records of five bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    /// The group has been started.
    Watch = b'+' as isize,
    /// The group is gone.
    Forget = b'-' as isize,
}

const RECORD_BYTES: usize = 5;

/// A word about a group as the bytes on the pipe: few enough to be written in one piece, and made
/// without memory from the heap, for a process between fork and exec has none to ask for.
pub fn record(word: Word, group: i32) -> [u8; RECORD_BYTES] {
    let [a, b, c, d] = group.to_le_bytes();
    [word as u8, a, b, c, d]
}

/// The simulator's end of the pipe.
#[derive(Debug)]
pub struct Watchdog {
    /// There until it is dropped.
    pipe: Option<Arc<OwnedFd>>,
    child: Child,
    mark: Mark,
    runs: AtomicU32,
}

impl Watchdog {
    /// Starts a watchdog from the simulator's own program and waits until it watches.
    ///
    /// # Errors
    ///
    /// If it does not start.
    pub fn start(simulator: &Path) -> io::Result<Watchdog> {
        let mark = Mark::new();
        let mut child = Command::new(simulator)
            .arg0(NAME.to_string_lossy().as_ref())
            .arg(ARGUMENT)
            .arg(mark.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let (Some(pipe), Some(mut ready)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(io::Error::other("no pipe to the watchdog"));
        };
        let watchdog = Watchdog {
            pipe: Some(Arc::new(OwnedFd::from(pipe))),
            child,
            mark,
            runs: AtomicU32::new(0),
        };
        ready.read_exact(&mut [0])?;
        Ok(watchdog)
    }

    /// The pipe, for a process that is about to become a replica and announces itself.
    pub fn pipe(&self) -> Option<Arc<OwnedFd>> {
        self.pipe.clone()
    }

    /// A new run's mark. The watchdog knows it for one of its simulator's.
    pub fn mark_of_next_run(&self) -> Mark {
        self.mark.run(self.runs.fetch_add(1, Ordering::Relaxed))
    }

    /// Says that a group is gone.
    pub fn forget(&self, group: Pid) {
        if let Some(pipe) = &self.pipe {
            // A watchdog that is gone itself need not know.
            let _ = rustix::io::write(pipe, &record(Word::Forget, group.as_raw_nonzero().get()));
        }
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        // It ends when its pipe does.
        self.pipe = None;
        let _ = self.child.wait();
    }
}

/// The watchdog's whole life. `mark` is the simulator's, if it was told.
///
/// # Errors
///
/// If it cannot say that it is ready.
pub fn watch(mark: Option<&Mark>) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    let _ = rustix::thread::set_name(NAME);
    // What kills the simulator's process group or session must not reach the watchdog. This fails
    // for a process that leads its group, as one does that somebody starts by hand.
    let _ = rustix::process::setsid();
    let mut stdout = io::stdout().lock();
    stdout.write_all(b"!")?;
    stdout.flush()?;
    for group in listen(&mut io::stdin().lock()) {
        let _ = rustix::process::kill_process_group(group, Signal::KILL);
    }
    if let Some(mark) = mark {
        strays::kill(mark);
    }
    Ok(())
}

#[cfg(test)]
impl Watchdog {
    /// A watchdog that does nothing, and what it would have been told.
    pub(crate) fn stand_in() -> (Watchdog, OwnedFd) {
        let (told, pipe) = rustix::pipe::pipe().unwrap();
        let watchdog = Watchdog {
            pipe: Some(Arc::new(pipe)),
            child: Command::new("true").spawn().unwrap(),
            mark: Mark::new(),
            runs: AtomicU32::new(0),
        };
        (watchdog, told)
    }

    /// The groups that are left when `told` closes.
    pub(crate) fn groups_left(told: OwnedFd) -> HashSet<Pid> {
        listen(&mut std::fs::File::from(told))
    }
}

/// Listens until the pipe closes. Returns the groups that are left.
fn listen(pipe: &mut impl Read) -> HashSet<Pid> {
    let mut groups = HashSet::new();
    let mut bytes = [0; RECORD_BYTES];
    while pipe.read_exact(&mut bytes).is_ok() {
        let [word, a, b, c, d] = bytes;
        // 1 and below would mean everybody.
        let group = Some(i32::from_le_bytes([a, b, c, d])).filter(|&group| group > 1);
        let group = group.and_then(Pid::from_raw);
        match (word, group) {
            (b'+', Some(group)) if groups.len() < MAX_GROUPS => {
                groups.insert(group);
            }
            (b'-', Some(group)) => {
                groups.remove(&group);
            }
            _ => {}
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_that_nobody_reported_gone_are_left() {
        let left = |words: &[(Word, i32)]| -> Vec<i32> {
            let bytes: Vec<u8> = words
                .iter()
                .flat_map(|&(word, group)| record(word, group))
                .collect();
            listen(&mut &bytes[..])
                .into_iter()
                .map(|pid| pid.as_raw_nonzero().get())
                .collect()
        };
        use Word::{Forget, Watch};
        assert_eq!(left(&[]), Vec::<i32>::new());
        assert_eq!(left(&[(Watch, 70), (Watch, 80), (Forget, 70)]), [80]);
        assert_eq!(
            left(&[(Watch, 0), (Watch, 1), (Watch, -5)]),
            Vec::<i32>::new()
        );
    }
}
