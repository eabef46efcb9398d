//! A simulated disk of an embedded replica: its directory, written as a real one is, on files that lose, tear and fail.
//!
//! A sync takes a while; what comes meanwhile waits for the next, and shares it. What a sync does, it does when it ends, or, if a
//! crash comes before, in part. What is found at a start is held against what was handed over: all that was durable must be
//! there, and nothing but what came after it.

use std::time::Duration;

use rand::RngExt;

use crate::bench::config::DiskFaults;
use crate::bench::world::random::StreamRng;
use crate::consensus::image::Image;
use crate::consensus::snapshot::Snapshot;
use crate::disk::simulated::{Faults, SimulatedDisk};
use crate::disk::{Batch, Beside, Directory, Failure, OpenError, Settings, Whose};
use crate::kv::Command;
use crate::replica::{Options, Replica, Restored, Write};
use crate::stored::jobs::{Copying, Job, jobs};
use crate::stored::opening;

type Millis = std::ops::RangeInclusive<f64>;

/// How long a sync mostly takes, in milliseconds: a solid-state disk.
const SYNC: Millis = 0.1..=1.0;
/// How long a slow one takes.
const SLOW_SYNC: Millis = 5.0..=60.0;
/// How long a stuck one takes.
const STUCK_SYNC: Millis = 1_000.0..=4_000.0;
/// After how long a replica is started again that its disk has ended, as a supervisor would.
const STARTS_AGAIN: Millis = 100.0..=500.0;
/// How long the segments of a log may be, in bytes: short ones, so that many are begun and removed.
const SEGMENT_BYTES: std::ops::RangeInclusive<u64> = 2_000..=60_000;
/// How often a start is interrupted by another crash.
const INTERRUPTED: f64 = 0.1;

/// Something that the disk is to make durable.
#[derive(Clone, Debug)]
pub(super) enum Work {
    /// A replica's write.
    Write(Write),
    /// A snapshot beside the log.
    Copy(Snapshot),
}

/// A simulated disk.
#[derive(Debug)]
pub(super) struct Disk {
    machine: SimulatedDisk,
    whose: Whose,
    settings: Settings,
    faults: DiskFaults,
    /// The replica's directory, while it runs.
    directory: Option<Directory<SimulatedDisk>>,
    /// When a replica is started again that the disk has ended.
    starts_at: Option<Duration>,
    /// What is being synced, and when it will be durable.
    under_way: Option<(Duration, Vec<Work>)>,
    waiting: Vec<Work>,
    /// What is durable for certain.
    sure: Image<Command>,
    /// What was under way at the last crash: any beginning of it may be found.
    perhaps: Vec<Work>,
}

/// What a replica finds when it starts.
pub(super) enum Found {
    /// A memory; none if it has promised nothing yet.
    Memory(Option<Restored>),
    /// The directory is refused, with a sentence. The replica cannot start now.
    Refused(String),
    /// Something that was durable is missing, or something is there that nobody wrote.
    Broken(String),
}

impl Disk {
    /// An empty one, with a new directory on it.
    pub(super) fn new(
        whose: Whose,
        faults: DiskFaults,
        settings: Option<Settings>,
        rng: &mut StreamRng,
    ) -> Disk {
        let machine = SimulatedDisk::new(rng.random());
        let drawn = Settings::with_segment_bytes(rng.random_range(SEGMENT_BYTES));
        let settings = settings.unwrap_or(drawn);
        let mut disk = Disk {
            machine,
            whose,
            settings,
            faults,
            directory: None,
            starts_at: None,
            under_way: None,
            waiting: Vec::new(),
            sure: Image::default(),
            perhaps: Vec::new(),
        };
        let opened = disk.open_directory();
        disk.directory = Some(opened.expect("an empty disk can be used").0);
        disk
    }

    fn open_directory(
        &self,
    ) -> Result<(Directory<SimulatedDisk>, crate::disk::Recovered), OpenError> {
        Directory::open_in(self.machine.clone(), self.whose, self.settings.clone())
    }

    /// From now on nothing goes wrong any more.
    pub(super) fn calm(&mut self) {
        self.faults = DiskFaults {
            slow: 0.0,
            stuck: 0.0,
            fail: 0.0,
            full: 0.0,
            flip: 0.0,
        };
    }

    /// Takes what a replica wants stored.
    pub(super) fn take(&mut self, now: Duration, replica: &mut Replica, rng: &mut StreamRng) {
        self.waiting.extend(replica.writes().map(Work::Write));
        let is_copying = |work: &Work| matches!(work, Work::Copy(_));
        let under_way = self.under_way.iter().flat_map(|(_, works)| works);
        if !under_way.chain(&self.waiting).any(is_copying) {
            let snapshot = replica.snapshot_to_store();
            self.waiting.extend(snapshot.map(Work::Copy));
        }
        self.sync(now, rng);
    }

    fn sync(&mut self, now: Duration, rng: &mut StreamRng) {
        if self.under_way.is_some() || self.waiting.is_empty() || self.directory.is_none() {
            return;
        }
        let takes = match rng.random::<f64>() {
            chance if chance < self.faults.stuck => STUCK_SYNC,
            chance if chance < self.faults.stuck + self.faults.slow => SLOW_SYNC,
            _ => SYNC,
        };
        let works = std::mem::take(&mut self.waiting);
        self.under_way = Some((now + draw(takes, rng), works));
    }

    /// When something happens next: the sync that is under way ends, or its replica starts again; never, if neither does.
    pub(super) fn next_at(&self) -> Duration {
        let ends_at = self.under_way.as_ref().map(|(at, _)| *at);
        ends_at.or(self.starts_at).unwrap_or(Duration::MAX)
    }

    /// Whether its replica is to be started again.
    pub(super) fn is_to_start(&self) -> bool {
        self.starts_at.is_some()
    }

    /// The sync is over: what is durable now.
    ///
    /// # Errors
    ///
    /// What has failed. The replica must end.
    pub(super) fn end_sync(
        &mut self,
        now: Duration,
        rng: &mut StreamRng,
    ) -> Result<Vec<Work>, Failure> {
        let (_, works) = self.under_way.take().unwrap_or_default();
        let mut faults = Faults::default();
        let chance: f64 = rng.random();
        if chance < self.faults.fail {
            faults.fail_at = Some(rng.random_range(1..=3));
        } else if chance < self.faults.fail + self.faults.full {
            let used: usize = self
                .machine
                .lengths()
                .iter()
                .map(|(_, length)| length)
                .sum();
            faults.capacity_bytes = Some(used as u64 + rng.random_range(0..200));
        }
        self.machine.set_faults(faults);
        let result = self.carry_out(&works);
        self.machine.set_faults(Faults::default());
        if let Err(failure) = result {
            self.perhaps = works;
            self.perhaps.append(&mut self.waiting);
            self.leave(rng);
            self.starts_at = Some(now + draw(STARTS_AGAIN, rng));
            return Err(failure);
        }
        note(&mut self.sure, &works);
        self.sync(now, rng);
        Ok(works)
    }

    /// Does all of it. Writes that stand side by side are one batch.
    fn carry_out(&mut self, works: &[Work]) -> Result<(), Failure> {
        let directory = self.directory.as_mut().expect("its replica runs");
        let mut batches: Vec<Batch> = Vec::new();
        for work in works {
            match work {
                Work::Write(write) => {
                    for job in jobs(write) {
                        match job {
                            Job::Write(batch) => batches.push(batch),
                            Job::Replace(snapshot) => {
                                write_all(directory, &mut batches)?;
                                copy(directory, snapshot, Beside::Nothing)?;
                            }
                        }
                    }
                }
                Work::Copy(snapshot) => {
                    write_all(directory, &mut batches)?;
                    copy(directory, snapshot.clone(), Beside::EntriesBehind)?;
                }
            }
        }
        write_all(directory, &mut batches)
    }

    /// The replica ends in an orderly way: all that it has written becomes durable. Returns what that is.
    pub(super) fn end_all(&mut self) -> Vec<Work> {
        let (_, mut works) = self.under_way.take().unwrap_or_default();
        works.append(&mut self.waiting);
        self.starts_at = None;
        if self.directory.is_some() {
            self.carry_out(&works).expect("nothing fails here");
            note(&mut self.sure, &works);
        }
        self.directory = None;
        works
    }

    /// The replica crashes, or its machine. What was to be made durable may be there in part.
    pub(super) fn crash(&mut self, rng: &mut StreamRng) {
        self.starts_at = None;
        let (_, mut works) = self.under_way.take().unwrap_or_default();
        works.append(&mut self.waiting);
        if self.directory.is_some() {
            let calls = 4 * works.len().min(4) as u64 + 2;
            self.machine.set_faults(Faults {
                stop_at: Some(rng.random_range(1..=calls)),
                ..Faults::default()
            });
            // It stands still somewhere in it, or right behind it.
            let _ = self.carry_out(&works);
            self.perhaps = works;
        }
        self.leave(rng);
    }

    /// The replica is gone; the machine goes on, or has lost its power.
    fn leave(&mut self, rng: &mut StreamRng) {
        self.directory = None;
        match rng.random() {
            true => self.machine.lose_power(),
            false => self.machine.kill(),
        }
    }

    /// Its directory is emptied.
    pub(super) fn wipe(&mut self, rng: &mut StreamRng) {
        self.machine = SimulatedDisk::new(rng.random());
        self.sure = Image::default();
        self.perhaps.clear();
    }

    /// A replica starts, perhaps only after it was interrupted some times.
    pub(super) fn start(&mut self, now: Duration, options: &Options, rng: &mut StreamRng) -> Found {
        self.starts_at = None;
        while rng.random_bool(INTERRUPTED) {
            self.machine.set_faults(Faults {
                stop_at: Some(rng.random_range(1..=6)),
                ..Faults::default()
            });
            let _ = self.open_directory();
            self.leave(rng);
        }
        if rng.random_bool(self.faults.flip) {
            self.machine.flip_a_read(rng.random_range(0..4));
        }
        let opened = self.open_directory();
        let (directory, recovered) = match opened {
            Ok(opened) => opened,
            Err(error) => {
                self.machine.kill();
                self.starts_at = Some(now + draw(STARTS_AGAIN, rng));
                return Found::Refused(error.to_string());
            }
        };
        self.machine.set_faults(Faults::default());
        let restored = match opening::restored(&recovered, options) {
            Ok(restored) => restored,
            Err(problem) => return Found::Broken(problem),
        };
        self.directory = Some(directory);
        let found = restored.as_ref().map(|it| it.consensus.clone());
        let mut image = self.sure.clone();
        let perhaps = std::mem::take(&mut self.perhaps);
        let mut rest = perhaps.iter();
        while image.restored() != found {
            match rest.next() {
                Some(work) => note(&mut image, std::slice::from_ref(work)),
                None => return Found::Broken(self.difference(found.as_ref())),
            }
        }
        self.sure = image;
        Found::Memory(restored)
    }

    fn difference(&self, found: Option<&crate::consensus::Restored<Command>>) -> String {
        let sure = self.sure.restored();
        let shown = |it: Option<&crate::consensus::Restored<Command>>| match it {
            Some(it) => format!(
                "{:?}, a log from {} through {}",
                it.hard_state,
                it.base().index.next(),
                it.last_index()
            ),
            None => "nothing".to_owned(),
        };
        format!(
            "{} starts with {}, and {} was durable",
            self.whose.replica,
            shown(found),
            shown(sure.as_ref())
        )
    }
}

fn draw(range: Millis, rng: &mut StreamRng) -> Duration {
    Duration::from_secs_f64(rng.random_range(range) / 1e3)
}

fn write_all(
    directory: &mut Directory<SimulatedDisk>,
    batches: &mut Vec<Batch>,
) -> Result<(), Failure> {
    if batches.is_empty() {
        return Ok(());
    }
    let result = directory.write(&*batches);
    batches.clear();
    result
}

fn copy(
    directory: &mut Directory<SimulatedDisk>,
    snapshot: Snapshot,
    beside: Beside,
) -> Result<(), Failure> {
    let mut copying = Copying::of(snapshot);
    directory.begin_snapshot(&copying.about())?;
    while let Some(piece) = copying.next_piece() {
        directory.add_piece(&piece)?;
    }
    directory.finish_snapshot(beside)
}

/// What becomes of an image when all of this reaches it.
fn note(image: &mut Image<Command>, works: &[Work]) {
    for work in works {
        match work {
            Work::Write(write) => image.store(&write.consensus),
            Work::Copy(snapshot) => image.store_snapshot(snapshot),
        }
    }
}
