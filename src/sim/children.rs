//! The replicas' processes: starting, crashing, ending, and what they say.
//!
//! However a run ends, no process of it is left: dropping [`Children`] kills them, and for a
//! simulator that is killed itself there are `guard` and `watchdog`. Must never know of messages.

use std::collections::VecDeque;
use std::io::{self, BufRead, BufReader, Read};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};

use crate::id::Id;
use crate::sim::guard::guard;
use crate::sim::terminal::Lines;
use crate::sim::watchdog::Watchdog;

/// How long a replica has to end after a SIGTERM before it gets a SIGKILL.
const GRACE: Duration = Duration::from_millis(500);
/// How long the last words of a dead replica are waited for: a stray descendant may hold its pipes.
const LAST_WORDS: Duration = Duration::from_millis(200);
/// How often an ending replica is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(5);
/// The longest line of a replica that is shown, in bytes; the rest of it is dropped.
const MAX_LINE_BYTES: u64 = 4096;
/// How many lines of stderr are kept to be told when the replica dies.
const TAIL_LINES: usize = 10;

/// What a replica is started with.
#[derive(Clone, Debug)]
pub struct Arguments {
    /// The port of the simulator's socket for it.
    pub port: u16,
    /// Its own ID.
    pub own: Id,
    /// The other replicas.
    pub peers: Vec<Id>,
}

/// The replicas' processes of a run.
#[derive(Debug)]
pub struct Children<'w> {
    watchdog: &'w Watchdog,
    replicas: Vec<Replica>,
}

#[derive(Debug)]
struct Replica {
    child: Child,
    /// The process group that the child leads.
    group: Pid,
    life: Life,
    /// The end of its stderr.
    tail: Arc<Mutex<VecDeque<String>>>,
    /// How many of its pipes are still read.
    open_pipes: Arc<AtomicUsize>,
}

#[derive(Clone, Copy, Debug)]
enum Life {
    Running,
    /// Killed by us, but not gone yet.
    Dying(Instant),
    /// Ended by itself; its last words may still be on their way.
    Ended(Instant, ExitStatus),
    /// Nothing more to do.
    Gone,
}

impl<'w> Children<'w> {
    /// Nobody yet.
    pub fn new(watchdog: &'w Watchdog) -> Self {
        Children {
            watchdog,
            replicas: Vec::new(),
        }
    }

    /// Starts one more replica, whose output goes to `lines` if there are any.
    ///
    /// # Errors
    ///
    /// If the program cannot be started.
    pub fn start(
        &mut self,
        program: &Path,
        arguments: &Arguments,
        started: Instant,
        lines: Option<&Lines>,
    ) -> io::Result<()> {
        let mut command = Command::new(program);
        command
            .arg(arguments.port.to_string())
            .arg(arguments.own.to_string())
            .args(arguments.peers.iter().map(Id::to_string))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        guard(&mut command, self.watchdog.pipe());
        let mut child = command.spawn()?;
        let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        let group = group.ok_or_else(|| io::Error::other("a process without an ID"))?;
        let tail = Arc::new(Mutex::new(VecDeque::new()));
        let open_pipes = Arc::new(AtomicUsize::new(0));
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        // From here on the child is ours to kill.
        self.replicas.push(Replica {
            child,
            group,
            life: Life::Running,
            tail: Arc::clone(&tail),
            open_pipes: Arc::clone(&open_pipes),
        });
        let reader = |tail: Option<Arc<Mutex<VecDeque<String>>>>| Reader {
            own: arguments.own,
            started,
            lines: lines.cloned(),
            tail,
            open_pipes: Arc::clone(&open_pipes),
        };
        if let Some(stdout) = stdout {
            reader(None).start(stdout)?;
        }
        if let Some(stderr) = stderr {
            reader(Some(tail)).start(stderr)?;
        }
        Ok(())
    }

    /// Crashes a replica for good: SIGTERM to its group, and SIGKILL if that does not do.
    pub fn kill(&mut self, replica: usize, now: Instant) {
        if let Some(replica) = self.replicas.get_mut(replica)
            && matches!(replica.life, Life::Running)
        {
            replica.signal(Signal::TERM);
            // One that was paused hears of its end only when it goes on.
            replica.signal(Signal::CONT);
            replica.life = Life::Dying(now);
        }
    }

    /// Lets a replica stand still.
    pub fn pause(&self, replica: usize) {
        self.signal_running(replica, Signal::STOP);
    }

    /// Lets a replica that was paused go on.
    pub fn resume(&self, replica: usize) {
        self.signal_running(replica, Signal::CONT);
    }

    fn signal_running(&self, replica: usize, signal: Signal) {
        let replica = self.replicas.get(replica);
        if let Some(replica) = replica.filter(|replica| matches!(replica.life, Life::Running)) {
            replica.signal(signal);
        }
    }

    /// Looks after everybody. Returns who ended by itself, how, and its last words.
    pub fn look_after(&mut self, now: Instant) -> Vec<(usize, String)> {
        let mut ended = Vec::new();
        for (index, replica) in self.replicas.iter_mut().enumerate() {
            match replica.life {
                Life::Running => {
                    if let Some(status) = replica.bury_if_dead(self.watchdog) {
                        replica.life = Life::Ended(now, status);
                    }
                }
                Life::Dying(since) => {
                    if replica.bury_if_dead(self.watchdog).is_some() {
                        replica.life = Life::Gone;
                    } else if now.saturating_duration_since(since) >= GRACE {
                        replica.signal(Signal::KILL);
                    }
                }
                Life::Ended(..) | Life::Gone => {}
            }
            if let Life::Ended(since, status) = replica.life {
                let silent = replica.open_pipes.load(Ordering::Acquire) == 0;
                if silent || now.saturating_duration_since(since) >= LAST_WORDS {
                    ended.push((index, replica.last_words(status)));
                    replica.life = Life::Gone;
                }
            }
        }
        ended
    }

    /// How soon [`Children::look_after`] is needed, if no signal of a child's death comes before.
    pub fn look_again_in(&self) -> Option<Duration> {
        let waiting = |replica: &Replica| matches!(replica.life, Life::Dying(_) | Life::Ended(..));
        self.replicas.iter().any(waiting).then_some(LOOK_EVERY)
    }

    /// Ends everybody: SIGTERM, then SIGKILL after half a second at most.
    pub fn stop_all(&mut self) {
        let begin = Instant::now();
        for index in 0..self.replicas.len() {
            self.kill(index, begin);
        }
        // The loop ends: what SIGKILL does not end at once is stuck in the kernel and left to it.
        while self.look_again_in().is_some() && begin.elapsed() < GRACE + LAST_WORDS {
            self.look_after(Instant::now());
            thread::sleep(LOOK_EVERY);
        }
        let begin = Instant::now();
        let talking = |replica: &Replica| replica.open_pipes.load(Ordering::Acquire) > 0;
        while self.replicas.iter().any(talking) && begin.elapsed() < LAST_WORDS {
            thread::sleep(LOOK_EVERY);
        }
    }
}

impl Drop for Children<'_> {
    fn drop(&mut self) {
        self.stop_all();
    }
}

impl Replica {
    fn signal(&self, signal: Signal) {
        // The child is not reaped yet, so the number still means its group.
        let _ = kill_process_group(self.group, signal);
    }

    /// If the child has died, kills what is left of its group and reaps it.
    fn bury_if_dead(&mut self, watchdog: &Watchdog) -> Option<ExitStatus> {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        // Looked at before it is reaped: until then nobody else can get the group's number.
        if matches!(waitid(WaitId::Pid(self.group), options), Ok(None)) {
            return None;
        }
        self.signal(Signal::KILL);
        let status = self.child.wait().ok()?;
        watchdog.forget(self.group);
        Some(status)
    }

    fn last_words(&self, status: ExitStatus) -> String {
        let how = match (status.code(), status.signal()) {
            (Some(code), _) => format!("exit status {code}"),
            (None, Some(signal)) => match signal_hook::low_level::signal_name(signal) {
                Some(name) => format!("killed by signal {signal} ({name})"),
                None => format!("killed by signal {signal}"),
            },
            (None, None) => "ended".to_owned(),
        };
        let tail = self.tail.lock().unwrap_or_else(PoisonError::into_inner);
        if tail.is_empty() {
            return format!("{how}, nothing on stderr");
        }
        let lines: Vec<String> = tail.iter().map(|line| format!("\n    {line}")).collect();
        format!("{how}; the end of its stderr:{}", lines.concat())
    }
}

/// Reads one pipe of a replica, line by line, on a thread of its own.
struct Reader {
    own: Id,
    started: Instant,
    lines: Option<Lines>,
    tail: Option<Arc<Mutex<VecDeque<String>>>>,
    open_pipes: Arc<AtomicUsize>,
}

impl Reader {
    fn start(self, pipe: impl Read + Send + 'static) -> io::Result<()> {
        self.open_pipes.fetch_add(1, Ordering::AcqRel);
        let open_pipes = Arc::clone(&self.open_pipes);
        let name = format!("output of {}", self.own);
        let work = move || {
            self.read(pipe);
            self.open_pipes.fetch_sub(1, Ordering::AcqRel);
        };
        thread::Builder::new()
            .name(name)
            .spawn(work)
            .map(drop)
            .inspect_err(|_| {
                open_pipes.fetch_sub(1, Ordering::AcqRel);
            })
    }

    fn read(&self, pipe: impl Read) {
        let mut pipe = BufReader::new(pipe);
        while let Some(line) = read_line(&mut pipe) {
            if let Some(lines) = &self.lines {
                let time = self.started.elapsed().as_secs_f64();
                lines.send(format!("[{time:.4}  Replica {}]: {line}", self.own));
            }
            if let Some(tail) = &self.tail {
                let mut tail = tail.lock().unwrap_or_else(PoisonError::into_inner);
                if tail.len() == TAIL_LINES {
                    tail.pop_front();
                }
                tail.push_back(line);
            }
        }
    }
}

/// The next line without its end, cut at [`MAX_LINE_BYTES`]; nothing at the end or on an error.
fn read_line(pipe: &mut impl BufRead) -> Option<String> {
    let mut line = Vec::new();
    let count = pipe
        .by_ref()
        .take(MAX_LINE_BYTES)
        .read_until(b'\n', &mut line)
        .ok()?;
    if count == 0 {
        return None;
    }
    let mut cut = "";
    if line.last() != Some(&b'\n')
        && line.len() as u64 == MAX_LINE_BYTES
        && pipe.skip_until(b'\n').ok()? > 1
    {
        cut = "… (cut)";
    }
    while matches!(line.last(), Some(b'\n' | b'\r')) {
        line.pop();
    }
    Some(String::from_utf8_lossy(&line).into_owned() + cut)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_line_is_cut_and_the_next_one_is_whole() {
        let text = format!("one\r\n{}\nthree", "x".repeat(5000));
        let mut pipe = text.as_bytes();
        assert_eq!(read_line(&mut pipe).unwrap(), "one");
        let long = read_line(&mut pipe).unwrap();
        assert!(
            long.starts_with(&"x".repeat(4096)) && long.ends_with("… (cut)"),
            "{long}"
        );
        assert!(long.len() < 4200);
        assert_eq!(read_line(&mut pipe).unwrap(), "three");
        assert_eq!(read_line(&mut pipe), None);
    }

    #[test]
    fn a_line_that_just_fits_is_not_cut() {
        let text = format!("{}\nnext\n", "x".repeat(4096));
        let mut pipe = text.as_bytes();
        assert_eq!(read_line(&mut pipe).unwrap().len(), 4096);
        assert_eq!(read_line(&mut pipe).unwrap(), "next");
    }
}
