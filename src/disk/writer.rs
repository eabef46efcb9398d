//! A thread that writes, so that whoever serves others never waits for the disk.
//!
//! Batches are handed over and numbered. All that have come while the disk was busy are written together and synced
//! once; then a callback is called, and [`Writer::progress`] tells how far all is durable. A snapshot is written
//! in between, a piece at a time. The first write or sync that fails ends the thread.

use std::collections::VecDeque;
use std::io::ErrorKind;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::{self, JoinHandle};

use super::batch::Batch;
use super::directory::{Beside, Directory};
use super::errors::Failure;
use super::files::Files;
use super::snapshot::About;

/// So many bytes of batches may wait for the disk.
pub const MAX_WAITING_BYTES: usize = 64 << 20;
/// So many bytes of a snapshot may wait for the disk.
pub const MAX_WAITING_PIECE_BYTES: usize = 16 << 20;
/// So many bytes of batches are written together at most, unless a single one is longer.
const MAX_TOGETHER_BYTES: usize = 16 << 20;

/// A thread that writes into a directory.
#[derive(Debug)]
pub struct Writer {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

/// How far a writer has come.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// All batches through this number are durable.
    pub durable: u64,
    /// The index through which the last snapshot goes that this writer has made durable.
    pub snapshot: Option<u64>,
    /// What has ended the writer.
    pub failure: Option<Failure>,
    /// How many syncs of batches there have been.
    pub syncs: u64,
}

/// Something was not accepted.
#[derive(Debug)]
pub enum Refused<T> {
    /// Too much waits for the disk. Here it is again, to be handed over once the callback was called.
    Full(T),
    /// The writer has failed, and nothing is written any more.
    Failed(Failure),
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    /// Something was handed over, or the end is wanted.
    news: Condvar,
}

#[derive(Debug, Default)]
struct State {
    jobs: VecDeque<Job>,
    /// How many bytes the waiting batches have.
    bytes: usize,
    parts: VecDeque<Part>,
    /// How many bytes the waiting pieces have.
    piece_bytes: usize,
    last_number: u64,
    is_to_end: bool,
    progress: Progress,
}

/// What is done in the order in which it was handed over.
#[derive(Debug)]
enum Job {
    Write(u64, Batch),
    /// The snapshot takes the place of all that was written before this, and of nothing behind it. So all its parts are written
    /// now.
    Replace,
}

/// What is done in its own order, between the jobs.
#[derive(Debug)]
enum Part {
    Begin(About),
    Piece(Vec<u8>),
    Finish(Beside),
    GiveUp,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nobody panics while having it")
    }
}

impl Writer {
    /// Starts the thread. It calls `wake` after everything that changes its progress.
    ///
    /// # Panics
    ///
    /// If the system has no thread left.
    pub fn start<F>(directory: Directory<F>, wake: impl Fn() + Send + 'static) -> Writer
    where
        F: Files + Send + 'static,
        F::File: Send,
    {
        let shared = Arc::new(Shared::default());
        let its = Arc::clone(&shared);
        let run = move || {
            let end = End { shared: its, wake };
            end.work(directory);
        };
        let thread = thread::Builder::new().name("disk".to_owned()).spawn(run);
        let thread = Some(thread.expect("a thread can be started"));
        Writer { shared, thread }
    }

    /// Hands a batch over.
    ///
    /// # Errors
    ///
    /// If more than [`MAX_WAITING_BYTES`] wait, or the writer has failed.
    ///
    /// # Panics
    ///
    /// If the number is not above those before it, or the batch has more than [`Batch::MAX_BYTES`].
    pub fn submit(&self, number: u64, batch: Batch) -> Result<(), Refused<Batch>> {
        let bytes = batch.bytes();
        assert!(bytes <= Batch::MAX_BYTES, "a batch of {bytes} bytes");
        let mut state = self.shared.state();
        if let Some(failure) = &state.progress.failure {
            return Err(Refused::Failed(failure.clone()));
        }
        let last = state.last_number;
        assert!(number > last, "batch {number} comes after batch {last}");
        if state.bytes > 0 && state.bytes + bytes > MAX_WAITING_BYTES {
            return Err(Refused::Full(batch));
        }
        state.last_number = number;
        state.bytes += bytes;
        state.jobs.push_back(Job::Write(number, batch));
        self.shared.news.notify_one();
        Ok(())
    }

    /// Begins a snapshot. One that is not finished is given up.
    pub fn begin_snapshot(&self, about: About) {
        self.push(Part::Begin(about));
    }

    /// Hands a piece of the snapshot over. Pieces of up to a mebibyte keep a batch waiting least.
    ///
    /// # Errors
    ///
    /// If more than [`MAX_WAITING_PIECE_BYTES`] wait, or the writer has failed.
    pub fn add_piece(&self, piece: Vec<u8>) -> Result<(), Refused<Vec<u8>>> {
        let mut state = self.shared.state();
        if let Some(failure) = &state.progress.failure {
            return Err(Refused::Failed(failure.clone()));
        }
        let waiting = state.piece_bytes;
        if waiting > 0 && waiting + piece.len() > MAX_WAITING_PIECE_BYTES {
            return Err(Refused::Full(piece));
        }
        state.piece_bytes += piece.len();
        state.parts.push_back(Part::Piece(piece));
        self.shared.news.notify_one();
        Ok(())
    }

    /// How many bytes of pieces wait for the disk.
    pub fn waiting_piece_bytes(&self) -> usize {
        self.shared.state().piece_bytes
    }

    /// Says that all pieces of the snapshot were handed over. If nothing of the log counts beside it, all batches that
    /// were handed over before this are written before it, and the others after it.
    pub fn finish_snapshot(&self, beside: Beside) {
        let mut state = self.shared.state();
        if beside == Beside::Nothing {
            state.jobs.push_back(Job::Replace);
        }
        state.push(Part::Finish(beside));
        self.shared.news.notify_one();
    }

    /// Gives up the snapshot that is not finished, if there is one.
    pub fn give_up_snapshot(&self) {
        self.push(Part::GiveUp);
    }

    /// How far it has come.
    pub fn progress(&self) -> Progress {
        self.shared.state().progress.clone()
    }

    /// Waits until all that was handed over is durable, or the writer has failed, and ends it.
    pub fn close(mut self) -> Progress {
        self.end();
        self.progress()
    }

    fn push(&self, part: Part) {
        self.shared.state().push(part);
        self.shared.news.notify_one();
    }

    fn end(&mut self) {
        self.shared.state().is_to_end = true;
        self.shared.news.notify_one();
        if let Some(thread) = self.thread.take() {
            // A panic is in the progress already.
            let _ = thread.join();
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.end();
    }
}

/// The thread's end of it. It also tells of a panic: nobody is left waiting.
struct End<W: Fn()> {
    shared: Arc<Shared>,
    wake: W,
}

impl<W: Fn()> Drop for End<W> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.fail(Failure {
                doing: "go on",
                place: "the thread that writes".to_owned(),
                kind: ErrorKind::Other,
                said: "it has panicked".to_owned(),
            });
        }
    }
}

/// What is done in one turn.
struct Turn {
    batches: Vec<Batch>,
    /// The number of the last batch.
    number: u64,
    parts: Vec<Part>,
}

impl State {
    /// Notes a part. After a failure nothing is written, so nothing is kept.
    fn push(&mut self, part: Part) {
        if self.progress.failure.is_none() {
            self.parts.push_back(part);
        }
    }

    /// What is to be done next. None if there is nothing.
    fn next(&mut self) -> Option<Turn> {
        let mut turn = Turn {
            batches: Vec::new(),
            number: self.progress.durable,
            parts: Vec::new(),
        };
        let mut bytes = 0;
        while let Some(job) = self.jobs.pop_front() {
            match job {
                Job::Write(_, ref batch)
                    if bytes > 0 && bytes + batch.bytes() > MAX_TOGETHER_BYTES =>
                {
                    self.jobs.push_front(job);
                    break;
                }
                Job::Write(number, batch) => {
                    bytes += batch.bytes();
                    turn.number = number;
                    turn.batches.push(batch);
                }
                Job::Replace if turn.batches.is_empty() => {
                    while let Some(part) = self.next_part(true) {
                        let is_last = matches!(part, Part::Finish(Beside::Nothing));
                        turn.parts.push(part);
                        if is_last {
                            break;
                        }
                    }
                    return Some(turn);
                }
                Job::Replace => {
                    self.jobs.push_front(job);
                    break;
                }
            }
        }
        self.bytes -= bytes;
        turn.parts.extend(self.next_part(false));
        let is_empty = turn.batches.is_empty() && turn.parts.is_empty();
        (!is_empty).then_some(turn)
    }

    /// The next part of a snapshot. A snapshot that replaces the log has to wait for its job.
    fn next_part(&mut self, may_replace: bool) -> Option<Part> {
        let part = self.parts.pop_front()?;
        if matches!(part, Part::Finish(Beside::Nothing)) && !may_replace {
            self.parts.push_front(part);
            return None;
        }
        if let Part::Piece(piece) = &part {
            self.piece_bytes -= piece.len();
        }
        Some(part)
    }
}

impl<W: Fn()> End<W> {
    fn work<F: Files>(&self, mut directory: Directory<F>) {
        while let Some(turn) = self.wait() {
            if let Err(failure) = self.take_turn(turn, &mut directory) {
                return self.fail(failure);
            }
        }
    }

    /// The next turn. None at the end.
    fn wait(&self) -> Option<Turn> {
        let mut state = self.shared.state();
        loop {
            if let Some(turn) = state.next() {
                return Some(turn);
            }
            if state.is_to_end {
                return None;
            }
            let woken = self.shared.news.wait(state);
            state = woken.expect("nobody panics while having it");
        }
    }

    fn take_turn<F: Files>(&self, turn: Turn, directory: &mut Directory<F>) -> Result<(), Failure> {
        if !turn.batches.is_empty() {
            directory.write(&turn.batches)?;
            self.tell(|progress| {
                progress.durable = turn.number;
                progress.syncs += 1;
            });
        }
        for part in turn.parts {
            match part {
                Part::Begin(about) => directory.begin_snapshot(&about)?,
                Part::Piece(piece) => {
                    directory.add_piece(&piece)?;
                    // There may be room again for others.
                    (self.wake)();
                }
                Part::GiveUp => directory.give_up_snapshot()?,
                Part::Finish(beside) => {
                    directory.finish_snapshot(beside)?;
                    let through = directory.snapshot_through();
                    self.tell(|progress| progress.snapshot = Some(through));
                }
            }
        }
        Ok(())
    }

    fn tell(&self, change: impl FnOnce(&mut Progress)) {
        change(&mut self.shared.state().progress);
        (self.wake)();
    }

    fn fail(&self, failure: Failure) {
        self.tell(|progress| progress.failure = Some(failure));
    }
}
