//! Hands a replica's writes and snapshots to the thread that writes its directory, and tells what is durable.
//!
//! Nothing here waits for the disk. What the thread has no room for waits here, in its order, and so does what comes behind
//! a snapshot that takes the place of the log.

use std::collections::VecDeque;

use super::jobs::{Copying, Job, jobs};
use crate::consensus::snapshot::Snapshot;
use crate::disk::writer::{Progress, Refused};
use crate::disk::{Beside, Failure, Writer};
use crate::replica::Write;

/// Keeps one replica's memory.
#[derive(Debug)]
pub struct Keeper {
    writer: Writer,
    /// What was not handed over yet, each with the number of its batch.
    waiting: VecDeque<(u64, Job)>,
    /// The number of the last batch.
    last_batch: u64,
    /// The writes that are under way: the last batch of each, and its number.
    under_way: VecDeque<(u64, u64)>,
    /// The snapshot that is being handed over.
    copying: Option<(Copying, Beside)>,
    /// The last batch with an entry that this snapshot covers.
    covered_by: u64,
}

impl Keeper {
    /// Keeps it with that thread.
    pub fn new(writer: Writer) -> Keeper {
        Keeper {
            writer,
            waiting: VecDeque::new(),
            last_batch: 0,
            under_way: VecDeque::new(),
            copying: None,
            covered_by: 0,
        }
    }

    /// Takes a write. [`go_on`](Self::go_on) hands it over.
    pub fn write(&mut self, write: &Write) {
        for job in jobs(write) {
            self.last_batch += 1;
            self.waiting.push_back((self.last_batch, job));
        }
        let number = write.consensus.number;
        self.under_way.push_back((self.last_batch, number));
    }

    /// Whether a snapshot can be taken.
    pub fn has_time(&self) -> bool {
        self.copying.is_none() && self.waiting.is_empty()
    }

    /// Takes a snapshot that was made of the log.
    ///
    /// # Panics
    ///
    /// If there is [no time](Self::has_time) for it.
    pub fn copy(&mut self, snapshot: Snapshot) {
        assert!(self.has_time(), "one snapshot at a time");
        self.begin(snapshot, Beside::EntriesBehind);
    }

    fn begin(&mut self, snapshot: Snapshot, beside: Beside) {
        let copying = Copying::of(snapshot);
        self.writer.begin_snapshot(copying.about());
        self.covered_by = self.last_batch;
        self.copying = Some((copying, beside));
    }

    /// Hands over what there is room for. To be called after each step, and whenever the thread has called.
    ///
    /// # Errors
    ///
    /// What has ended the thread: nothing is durable any more that was not told before.
    pub fn go_on(&mut self) -> Result<(), Failure> {
        self.copy_on()?;
        while !self.is_replacing()
            && let Some((number, job)) = self.waiting.pop_front()
        {
            match job {
                Job::Write(batch) => match self.writer.submit(number, batch) {
                    Ok(()) => {}
                    Err(Refused::Full(batch)) => {
                        self.waiting.push_front((number, Job::Write(batch)));
                        break;
                    }
                    Err(Refused::Failed(failure)) => return Err(failure),
                },
                Job::Replace(snapshot) => {
                    self.begin(snapshot, Beside::Nothing);
                    self.copy_on()?;
                }
            }
        }
        Ok(())
    }

    fn is_replacing(&self) -> bool {
        matches!(self.copying, Some((_, Beside::Nothing)))
    }

    /// Hands over the next piece of a snapshot, once the one before is written: so each step is short, and the disk sets the pace.
    fn copy_on(&mut self) -> Result<(), Failure> {
        let Some((copying, beside)) = &mut self.copying else {
            return Ok(());
        };
        if self.writer.waiting_piece_bytes() > 0 {
            return Ok(());
        }
        if let Some(piece) = copying.next_piece() {
            return match self.writer.add_piece(piece) {
                Ok(()) => Ok(()),
                Err(Refused::Full(_)) => unreachable!("no other piece waits"),
                Err(Refused::Failed(failure)) => Err(failure),
            };
        }
        // A log that ends before its snapshot would be a strange thing to find.
        let is_covered = self.writer.progress().durable >= self.covered_by;
        if *beside == Beside::Nothing || is_covered {
            self.writer.finish_snapshot(*beside);
            self.copying = None;
        }
        Ok(())
    }

    /// The number of the last write that is durable, if that is news.
    ///
    /// # Errors
    ///
    /// As [`go_on`](Self::go_on).
    pub fn durable(&mut self) -> Result<Option<u64>, Failure> {
        let Progress {
            durable, failure, ..
        } = self.writer.progress();
        if let Some(failure) = failure {
            return Err(failure);
        }
        let mut news = None;
        while let Some((_, write)) = self.under_way.pop_front_if(|(last, _)| *last <= durable) {
            news = Some(write);
        }
        Ok(news)
    }
}
