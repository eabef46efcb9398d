//! Where a user reads: lines on stdout, a progress bar on stderr.
//!
//! A thread of its own writes both, so that neither a slow terminal nor a full pipe ever holds up
//! the routing of messages. Must never know what the lines are about.

use std::collections::VecDeque;
use std::io::{self, IsTerminal, Write};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;

use super::progress::{Progress, Sight};
use crate::bench::record::status::Status;

/// How many lines wait to be written. Beyond, replicas that talk have to wait.
const MAX_WAITING: usize = 4096;
/// How many of the simulator's own lines wait besides; beyond, they are dropped.
const MAX_BACKLOG: usize = 100_000;

enum Order {
    Text(String),
    Progress(Sight),
    EndProgress,
    Quit,
}

/// The way for many threads to write lines.
#[derive(Clone, Debug)]
pub struct Lines(SyncSender<Order>);

impl Lines {
    /// Writes a line, and waits if too many are waiting already.
    pub fn send(&self, line: String) {
        let _ = self.0.send(Order::Text(line + "\n"));
    }
}

/// The user's terminal, or whatever stands in for it.
#[derive(Debug)]
pub struct Terminal {
    orders: SyncSender<Order>,
    backlog: VecDeque<String>,
    /// The first error on stdout.
    broken: Arc<OnceLock<io::Error>>,
    writer: Option<JoinHandle<()>>,
    colour: bool,
    moving: bool,
}

impl Terminal {
    /// Opens stdout and, if stderr is a terminal, a progress bar on it.
    ///
    /// # Errors
    ///
    /// If the thread cannot be started.
    pub fn open() -> io::Result<Terminal> {
        let (orders, received) = sync_channel(MAX_WAITING);
        let broken = Arc::new(OnceLock::new());
        let error = Arc::clone(&broken);
        let writer = std::thread::Builder::new()
            .name("terminal".to_owned())
            .spawn(move || write(&received, &error))?;
        Ok(Terminal {
            orders,
            backlog: VecDeque::new(),
            broken,
            writer: Some(writer),
            colour: io::stdout().is_terminal() && console::colors_enabled(),
            moving: io::stderr().is_terminal(),
        })
    }

    /// The same terminal for another thread. Only one of all may move the bar.
    pub fn for_another_thread(&self, may_move: bool) -> Terminal {
        Terminal {
            orders: self.orders.clone(),
            backlog: VecDeque::new(),
            broken: Arc::clone(&self.broken),
            writer: None,
            colour: self.colour,
            moving: self.moving && may_move,
        }
    }

    /// Whether colours are wanted on stdout.
    pub fn colour(&self) -> bool {
        self.colour
    }

    /// The width of the terminal that stdout is, if it is one.
    pub fn columns(&self) -> Option<u16> {
        console::Term::stdout()
            .size_checked()
            .map(|(_, columns)| columns)
    }

    /// Whether there is a progress bar to be kept moving.
    pub fn moving(&self) -> bool {
        self.moving
    }

    /// Whether nobody reads stdout any more, or it cannot be written.
    pub fn is_closed(&self) -> bool {
        self.broken.get().is_some()
    }

    /// Writes everything that waits. Returns why stdout could not be written, unless it is because
    /// the reader went away, which is the reader's right.
    pub fn close(mut self) -> Option<String> {
        self.finish();
        let error = self.broken.get()?;
        (error.kind() != io::ErrorKind::BrokenPipe).then(|| error.to_string())
    }

    fn finish(&mut self) {
        if let Some(writer) = self.writer.take() {
            self.text(String::new());
            let _ = self.orders.send(Order::Quit);
            let _ = writer.join();
        }
    }

    /// The way for other threads to write lines.
    pub fn lines(&self) -> Lines {
        Lines(self.orders.clone())
    }

    /// Writes a line without ever waiting.
    pub fn line(&mut self, line: String) {
        if self.backlog.len() < MAX_BACKLOG {
            self.backlog.push_back(line + "\n");
        }
        self.try_writing();
    }

    /// Writes a text as it is, waiting until everything before it is on its way.
    pub fn text(&mut self, text: String) {
        while let Some(line) = self.backlog.pop_front() {
            let _ = self.orders.send(Order::Text(line));
        }
        let _ = self.orders.send(Order::Text(text));
    }

    /// Moves the progress bar, if there is one and the terminal keeps up.
    pub fn progress(&mut self, status: Status) {
        self.show(|| Sight::Run(status));
    }

    /// The same for many runs: how many are over, of how many.
    pub fn progress_of_runs(&mut self, done: usize, total: usize, at_a_time: usize) {
        self.show(|| Sight::Runs {
            done,
            total,
            at_a_time,
        });
    }

    fn show(&mut self, sight: impl FnOnce() -> Sight) {
        self.try_writing();
        if self.moving {
            let _ = self.orders.try_send(Order::Progress(sight()));
        }
    }

    /// Removes the progress bar.
    pub fn end_progress(&mut self) {
        if self.moving {
            let _ = self.orders.send(Order::EndProgress);
        }
    }

    fn try_writing(&mut self) {
        while let Some(line) = self.backlog.pop_front() {
            match self.orders.try_send(Order::Text(line)) {
                Ok(()) | Err(TrySendError::Disconnected(_)) => {}
                Err(TrySendError::Full(order)) => {
                    if let Order::Text(line) = order {
                        self.backlog.push_front(line);
                    }
                    return;
                }
            }
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.finish();
    }
}

fn write(orders: &Receiver<Order>, broken: &OnceLock<io::Error>) {
    let mut progress: Option<Progress> = None;
    while let Ok(order) = orders.recv() {
        match order {
            Order::Text(text) => {
                let print = || {
                    let mut stdout = io::stdout().lock();
                    stdout
                        .write_all(text.as_bytes())
                        .and_then(|()| stdout.flush())
                };
                let printed = match &progress {
                    Some(progress) => progress.aside(print),
                    None => print(),
                };
                if let Err(error) = printed {
                    let _ = broken.set(error);
                }
            }
            Order::Progress(sight) => progress.get_or_insert_with(Progress::new).show(&sight),
            Order::EndProgress => drop(progress.take()),
            Order::Quit => return,
        }
    }
}
