//! The replicas' processes: starting, crashing, ending, and what they say.
//!
//! However a run ends, no process of it is left: dropping [`Children`] kills them, and for a
//! simulator that is killed itself there are `guard` and `watchdog`. What left a replica's process
//! group is found by `strays`, whose limit is this module's, too. Must never know of messages.

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

use super::guard::guard;
use super::printed::OutputOf;
use super::state_lines::StateSender;
use super::strays::{self, Mark};
use super::watchdog::Watchdog;
use crate::course::state;
use crate::id::Id;

/// How long a replica has to end after a SIGTERM before it gets a SIGKILL.
const GRACE: Duration = Duration::from_millis(500);
/// How long the last words of a dead replica are waited for: a stray descendant may hold its pipes.
const LAST_WORDS: Duration = Duration::from_millis(200);
/// How often an ending replica is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(5);
/// The longest line of a replica that is shown, in bytes; the rest of it is dropped.
const MAX_LINE_BYTES: u64 = 4096;
/// How many lines of stderr are kept to be told when the replica dies: a traceback should fit.
const TAIL_LINES: usize = 60;

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

/// What is learnt of a replica that ends by itself, in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The replica with this index has ended by itself: how.
    Died(usize, String),
    /// What the replica with this index had said on stderr in the end, in whole lines; perhaps
    /// nothing.
    LastWords(usize, Vec<String>),
}

/// The replicas' processes of a run.
#[derive(Debug)]
pub struct Children<'w> {
    watchdog: &'w Watchdog,
    /// In the environment of all processes of this run.
    mark: Mark,
    replicas: Vec<Replica>,
}

#[derive(Debug)]
struct Replica {
    child: Child,
    /// The process group that the child leads.
    group: Pid,
    /// In the environment of all its processes.
    mark: Mark,
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
    Ended(Instant),
    /// Nothing more to do.
    Gone,
}

impl<'w> Children<'w> {
    /// Nobody yet.
    pub fn new(watchdog: &'w Watchdog) -> Self {
        Children {
            watchdog,
            mark: watchdog.mark_of_next_run(),
            replicas: Vec::new(),
        }
    }

    /// Starts one more replica and returns its process's number. Its output goes to `output`. What it tells of its state goes to `states` instead, if it is asked for; only then is it told to.
    ///
    /// # Errors
    ///
    /// If the program cannot be started.
    pub fn start(
        &mut self,
        program: &Path,
        arguments: &Arguments,
        started: Instant,
        output: &OutputOf,
        states: Option<StateSender>,
    ) -> io::Result<u32> {
        let mark = self.mark.replica(arguments.own);
        let mut command = Command::new(program);
        command
            .env(strays::VARIABLE, mark.to_string())
            .arg(arguments.port.to_string())
            .arg(arguments.own.to_string())
            .args(arguments.peers.iter().map(Id::to_string))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        if states.is_some() {
            command.env(state::VARIABLE, "1");
        }
        guard(&mut command, self.watchdog.pipe());
        let mut child = command.spawn()?;
        let process = child.id();
        let group = i32::try_from(process).ok().and_then(Pid::from_raw);
        let group = group.ok_or_else(|| io::Error::other("a process without an ID"))?;
        let tail = Arc::new(Mutex::new(VecDeque::new()));
        let open_pipes = Arc::new(AtomicUsize::new(0));
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        // From here on the child is ours to kill.
        self.replicas.push(Replica {
            child,
            group,
            mark,
            life: Life::Running,
            tail: Arc::clone(&tail),
            open_pipes: Arc::clone(&open_pipes),
        });
        let reader = |tail: Option<Arc<Mutex<VecDeque<String>>>>, states| Reader {
            own: arguments.own,
            started,
            stream: if tail.is_some() { "stderr" } else { "stdout" },
            output: output.clone(),
            tail,
            states,
            open_pipes: Arc::clone(&open_pipes),
        };
        if let Some(stdout) = stdout {
            reader(None, None).start(stdout)?;
        }
        if let Some(stderr) = stderr {
            reader(Some(tail), states).start(stderr)?;
        }
        Ok(process)
    }

    /// Crashes a replica for good: SIGTERM to its processes, and SIGKILL if that does not do. One that
    /// has ended by itself before has done so, even if nobody has looked yet.
    pub fn kill(&mut self, replica: usize, now: Instant) {
        if let Some(replica) = self.replicas.get_mut(replica)
            && replica.terminate(now)
        {
            let (mark, group) = (replica.mark.clone(), replica.group);
            in_background(move || {
                strays::signal(&mark, Signal::TERM, Some(group));
                thread::sleep(GRACE);
                strays::kill(&mark);
            });
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

    /// Looks after everybody. Tells of a death at once, and of the last words when they are there.
    pub fn look_after(&mut self, now: Instant) -> Vec<Ending> {
        let mut endings = Vec::new();
        for (index, replica) in self.replicas.iter_mut().enumerate() {
            match replica.life {
                Life::Running => {
                    if let Some(status) = replica.bury_if_dead(self.watchdog) {
                        endings.push(Ending::Died(index, how(status)));
                        replica.life = Life::Ended(now);
                        let mark = replica.mark.clone();
                        in_background(move || strays::kill(&mark));
                    }
                }
                Life::Dying(since) => {
                    if replica.bury_if_dead(self.watchdog).is_some() {
                        replica.life = Life::Gone;
                    } else if now.saturating_duration_since(since) >= GRACE {
                        replica.signal(Signal::KILL);
                    }
                }
                Life::Ended(_) | Life::Gone => {}
            }
            if let Life::Ended(since) = replica.life {
                let silent = replica.open_pipes.load(Ordering::Acquire) == 0;
                if silent || now.saturating_duration_since(since) >= LAST_WORDS {
                    endings.push(Ending::LastWords(index, replica.last_words()));
                    replica.life = Life::Gone;
                }
            }
        }
        endings
    }

    /// How soon [`Children::look_after`] is needed, if no signal of a child's death comes before.
    pub fn look_again_in(&self) -> Option<Duration> {
        let waiting = |replica: &Replica| matches!(replica.life, Life::Dying(_) | Life::Ended(_));
        self.replicas.iter().any(waiting).then_some(LOOK_EVERY)
    }

    /// Ends everybody: SIGTERM, then SIGKILL after half a second at most. Returns what is learnt of
    /// those that had ended by themselves.
    pub fn stop_all(&mut self) -> Vec<Ending> {
        let begin = Instant::now();
        // Before the first is killed: whoever is dead by now died on its own.
        let mut endings = self.look_after(begin);
        for replica in &mut self.replicas {
            replica.terminate(begin);
        }
        // The loop ends: what SIGKILL does not end at once is stuck in the kernel and left to it.
        while self.look_again_in().is_some() && begin.elapsed() < GRACE + LAST_WORDS {
            endings.extend(self.look_after(Instant::now()));
            thread::sleep(LOOK_EVERY);
        }
        // Everybody has had the time to end by itself.
        strays::kill(&self.mark);
        let begin = Instant::now();
        let talking = |replica: &Replica| replica.open_pipes.load(Ordering::Acquire) > 0;
        while self.replicas.iter().any(talking) && begin.elapsed() < LAST_WORDS {
            thread::sleep(LOOK_EVERY);
        }
        endings
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

    /// Asks a running replica to end; says whether it was one.
    fn terminate(&mut self, now: Instant) -> bool {
        let runs = matches!(self.life, Life::Running) && !self.is_dead();
        if runs {
            self.signal(Signal::TERM);
            // One that was paused hears of its end only when it goes on.
            self.signal(Signal::CONT);
            self.life = Life::Dying(now);
        }
        runs
    }

    /// Whether the child has died; it is not reaped yet.
    fn is_dead(&self) -> bool {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        !matches!(waitid(WaitId::Pid(self.group), options), Ok(None))
    }

    /// If the child has died, kills what is left of its group and reaps it.
    fn bury_if_dead(&mut self, watchdog: &Watchdog) -> Option<ExitStatus> {
        // Looked at before it is reaped: until then nobody else can get the group's number.
        if !self.is_dead() {
            return None;
        }
        self.signal(Signal::KILL);
        let status = self.child.wait().ok()?;
        watchdog.forget(self.group);
        Some(status)
    }

    fn last_words(&self) -> Vec<String> {
        let tail = self.tail.lock().unwrap_or_else(PoisonError::into_inner);
        tail.iter().cloned().collect()
    }
}

/// Looking through all processes takes too long for the thread that routes messages. If there is no
/// thread to be had, the strays are found at the end of the run.
fn in_background(work: impl FnOnce() + Send + 'static) {
    let _ = thread::Builder::new().name("strays".to_owned()).spawn(work);
}

fn how(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit status {code}"),
        (None, Some(signal)) => match signal_hook::low_level::signal_name(signal) {
            Some(name) => format!("killed by signal {signal} ({name})"),
            None => format!("killed by signal {signal}"),
        },
        (None, None) => "ended".to_owned(),
    }
}

/// Reads one pipe of a replica, line by line, on a thread of its own.
struct Reader {
    own: Id,
    started: Instant,
    /// Which pipe it is.
    stream: &'static str,
    output: OutputOf,
    tail: Option<Arc<Mutex<VecDeque<String>>>>,
    /// Where lines about the replica's state go.
    states: Option<StateSender>,
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
            if let Some(states) = &self.states
                && states.take(self.started.elapsed(), &line)
            {
                continue;
            }
            self.output.take(self.started.elapsed(), self.stream, &line);
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
    use super::super::printed::Outputs;
    use super::*;

    fn start(children: &mut Children<'_>, program: &str) {
        let arguments = Arguments {
            port: 9,
            own: Id(0),
            peers: Vec::new(),
        };
        let output = Outputs::new([Id(0)].into_iter(), None, false).of(0);
        let started = children.start(
            Path::new(program),
            &arguments,
            Instant::now(),
            &output,
            None,
        );
        started.unwrap();
    }

    fn look_until_gone(children: &mut Children<'_>) -> Vec<Ending> {
        let mut endings = Vec::new();
        let begin = Instant::now();
        while endings.len() < 2 {
            assert!(begin.elapsed() < Duration::from_secs(10), "{endings:?}");
            endings.extend(children.look_after(Instant::now()));
            thread::sleep(LOOK_EVERY);
        }
        endings
    }

    #[test]
    fn the_watchdog_forgets_who_is_dead() {
        let (watchdog, told) = Watchdog::stand_in();
        let mut children = Children::new(&watchdog);
        start(&mut children, "false");
        assert_eq!(
            look_until_gone(&mut children),
            [
                Ending::Died(0, "exit status 1".to_owned()),
                Ending::LastWords(0, Vec::new())
            ]
        );
        drop(children);
        drop(watchdog);
        assert!(Watchdog::groups_left(told).is_empty());
    }

    #[test]
    fn who_is_dead_before_a_kill_died_on_its_own() {
        let (watchdog, _told) = Watchdog::stand_in();
        let mut children = Children::new(&watchdog);
        start(&mut children, "false");
        let begin = Instant::now();
        while !children.replicas[0].is_dead() {
            assert!(begin.elapsed() < Duration::from_secs(10));
            thread::sleep(LOOK_EVERY);
        }
        children.kill(0, Instant::now());
        let endings = look_until_gone(&mut children);
        assert_eq!(endings[0], Ending::Died(0, "exit status 1".to_owned()));
    }

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
