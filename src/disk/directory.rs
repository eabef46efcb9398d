//! A replica's directory, open: batches become durable, snapshots take the place of what is behind them.
//!
//! Every call that makes something durable waits for the disk. [`super::writer`] has a thread for that.

use std::collections::{BTreeMap, VecDeque};
use std::path::Path;

use super::access::{Access, Handle};
use super::batch::Batch;
use super::errors::{Damage, Failure, OpenError, TornTail};
use super::files::Files;
use super::frame::{self, Owner};
use super::header::{self, Whose};
use super::item::{HardState, Item};
use super::listing::Listing;
use super::log::{self, Bounds, Entries, Log, Segment};
use super::mistakes::Mistake;
use super::names;
use super::real::RealFiles;
use super::settings::Settings;
use super::snapshot::{self, About, Snapshot, Unfinished};

/// A directory without a header may have a segment of so many bytes: there is nothing in it yet, since the header is
/// written before anything else.
const MAX_NEW_LOG_BYTES: usize = 64;

/// What was in a directory when it was opened.
#[derive(Debug, Default)]
pub struct Recovered {
    /// The last hard state that was written, if any was.
    pub hard_state: Option<HardState>,
    /// What else was kept last, by its number ([`Batch::keep`]).
    pub kept: BTreeMap<u8, Vec<u8>>,
    /// The newest snapshot, if there is any.
    pub snapshot: Option<Snapshot>,
    /// The entries behind the snapshot, or all.
    pub entries: Entries,
    /// What was cut off the log because a crash had left it unfinished.
    pub torn: Option<TornTail>,
}

/// What of the log counts beside a new snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beside {
    /// The entries behind it: it was made of this log.
    EntriesBehind,
    /// Nothing that was written before: it came from elsewhere, and this log does not lead to it.
    Nothing,
}

/// A directory that this process has for itself.
#[derive(Debug)]
pub struct Directory<F: Files> {
    access: Access<F>,
    /// The segments of the log. The last is written to.
    segments: VecDeque<Segment>,
    /// The last segment's file.
    file: Handle<F::File>,
    hard_state: Option<HardState>,
    kept: BTreeMap<u8, Vec<u8>>,
    /// The index of the log's last entry, or more.
    last_index: u64,
    next_frame: u64,
    bounds: Bounds,
    /// The indices of all snapshots that are there, the newest last.
    snapshots: Vec<u64>,
    unfinished: Option<Unfinished<F::File>>,
    buffer: Vec<u8>,
    bytes_written: u64,
}

impl Directory<RealFiles> {
    /// Opens a replica's directory, or makes a new one.
    ///
    /// # Errors
    ///
    /// If another process uses it, it is another replica's, it is damaged, or the file system refuses something.
    pub fn open(
        path: &Path,
        whose: Whose,
        settings: Settings,
    ) -> Result<(Self, Recovered), OpenError> {
        Directory::open_in(RealFiles::lock(path)?, whose, settings)
    }
}

impl<F: Files> Directory<F> {
    /// The same with any files, which nobody else may use.
    ///
    /// # Errors
    ///
    /// If it is another replica's, it is damaged, or the file system refuses something.
    pub fn open_in(
        files: F,
        whose: Whose,
        settings: Settings,
    ) -> Result<(Self, Recovered), OpenError> {
        let mut access = Access::to(files, settings);
        let mut listing = Listing::of(&access)?;
        if !listing.has_header {
            create(&mut access, &listing, whose)?;
            listing = Listing::of(&access)?;
        }
        check_owner(&access, whose)?;
        let newest = listing.snapshots.last();
        let snapshot = newest.map(|&index| snapshot::read(&access, index));
        let snapshot = snapshot.transpose()?;
        let bounds = snapshot.as_ref().map_or_else(Bounds::default, |it| Bounds {
            through: it.about.index,
            log_from: it.log_from,
        });
        let (log, result) = log::read(&access, &listing.segments, bounds);
        result?;
        let file = secure(&mut access, &log)?;
        for name in &listing.temporary {
            access.remove(name)?;
        }
        let recovered = Recovered {
            hard_state: log.hard_state,
            kept: log.kept.clone(),
            snapshot,
            entries: log.entries,
            torn: log.torn,
        };
        let mut directory = Directory {
            access,
            segments: log.segments.into(),
            file,
            hard_state: log.hard_state,
            kept: log.kept,
            last_index: log.last_index,
            next_frame: log.next_frame,
            bounds,
            snapshots: listing.snapshots,
            unfinished: None,
            buffer: Vec::new(),
            bytes_written: 0,
        };
        directory.remove_needless()?;
        Ok((directory, recovered))
    }

    /// Makes batches durable, with one sync. Either all of them are there after a crash, or none, whatever this returns.
    ///
    /// # Errors
    ///
    /// If that failed, or anything before it: it is not known whether they are durable. Nothing more can be written.
    ///
    /// # Panics
    ///
    /// If a batch leaves a gap behind the last entry or the snapshot, or all together are longer than a frame can be.
    pub fn write<'b>(
        &mut self,
        batches: impl IntoIterator<Item = &'b Batch>,
    ) -> Result<(), Failure> {
        if self.segment().bytes >= self.access.settings.segment_bytes {
            self.begin_segment()?;
        }
        frame::begin(&mut self.buffer);
        let segment = *self.segment();
        let is_first = segment.bytes == 0;
        if is_first {
            let before = self.segments.len().checked_sub(2);
            let previous_bytes = before.map_or(0, |before| self.segments[before].bytes);
            write_begin(&segment, previous_bytes, &mut self.buffer);
            if let Some(state) = self.hard_state {
                Item::HardState(state).write(&mut self.buffer);
            }
            for (&number, bytes) in &self.kept {
                Item::Kept { number, bytes }.write(&mut self.buffer);
            }
        }
        for batch in batches {
            let most = self.last_index.max(self.bounds.through) + 1;
            let first = batch.first_entry;
            assert!(
                first.is_none_or(|first| first <= most),
                "entry {first:?} leaves a gap behind entry {}",
                most - 1
            );
            self.buffer.extend_from_slice(&batch.items);
            self.hard_state = batch.hard_state.or(self.hard_state);
            self.kept.extend(batch.kept.iter().cloned());
            self.last_index = batch.last_index.unwrap_or(self.last_index);
        }
        let owner = Owner::Segment(segment.number);
        frame::seal(&mut self.buffer, owner, segment.bytes, self.next_frame);
        self.access
            .write(&mut self.file, segment.bytes, &self.buffer)?;
        self.access.sync(&mut self.file)?;
        if is_first {
            self.access.sync_directory()?;
        }
        let length = self.buffer.len() as u64;
        self.segments.back_mut().expect("there is one").bytes += length;
        self.bytes_written += length;
        self.next_frame += 1;
        Ok(())
    }

    /// Begins to write a snapshot. One that is not finished is given up.
    ///
    /// # Errors
    ///
    /// If that failed, or anything before it. Nothing more can be written.
    ///
    /// # Panics
    ///
    /// If there is a snapshot through this index or a later one, or if too much is to be kept beside it.
    pub fn begin_snapshot(&mut self, about: &About) -> Result<(), Failure> {
        assert!(
            about.index > self.bounds.through,
            "a snapshot through {}, but there is one through {}",
            about.index,
            self.bounds.through
        );
        self.give_up_snapshot()?;
        self.unfinished = Some(Unfinished::begin(&mut self.access, about)?);
        Ok(())
    }

    /// Writes a piece of the snapshot that was begun.
    ///
    /// # Errors
    ///
    /// If that failed, or anything before it. Nothing more can be written.
    ///
    /// # Panics
    ///
    /// If none was begun.
    pub fn add_piece(&mut self, piece: &[u8]) -> Result<(), Failure> {
        let unfinished = self.unfinished.as_mut().expect("a snapshot was begun");
        unfinished.add(&mut self.access, piece)
    }

    /// Makes the snapshot durable that was begun. Then removes older ones, and segments of the log that nobody needs any
    /// more.
    ///
    /// # Errors
    ///
    /// If that failed, or anything before it. Nothing more can be written.
    ///
    /// # Panics
    ///
    /// If none was begun.
    pub fn finish_snapshot(&mut self, beside: Beside) -> Result<(), Failure> {
        let unfinished = self.unfinished.take().expect("a snapshot was begun");
        let index = unfinished.index;
        let bounds = Bounds {
            through: index,
            log_from: match beside {
                Beside::EntriesBehind => self.bounds.log_from,
                Beside::Nothing => self.next_frame,
            },
        };
        if self.access.settings.makes(Mistake::LogCutBeforeSnapshot) {
            self.bounds = bounds;
            self.remove_needless()?;
        }
        unfinished.end(&mut self.access, bounds.log_from)?;
        self.bounds = bounds;
        self.snapshots.push(index);
        if beside == Beside::Nothing {
            self.last_index = index;
        }
        self.remove_needless()
    }

    /// Gives up the snapshot that was begun, if any was.
    ///
    /// # Errors
    ///
    /// If that failed, or anything before it. Nothing more can be written.
    pub fn give_up_snapshot(&mut self) -> Result<(), Failure> {
        match self.unfinished.take() {
            Some(unfinished) => self.access.remove(&snapshot::temporary(unfinished.index)),
            None => Ok(()),
        }
    }

    /// How many bytes were written to the log since it was opened.
    pub fn bytes_written(&self) -> u64 {
        self.bytes_written
    }

    /// The index through which the newest snapshot goes, 0 if there is none.
    pub fn snapshot_through(&self) -> u64 {
        self.bounds.through
    }

    fn segment(&self) -> &Segment {
        self.segments.back().expect("there is one")
    }

    fn begin_segment(&mut self) -> Result<(), Failure> {
        let number = self.segment().number + 1;
        self.file = self.access.create(&names::segment(number))?;
        self.segments.push_back(Segment {
            number,
            first_frame: self.next_frame,
            last_index: self.last_index,
            bytes: 0,
        });
        Ok(())
    }

    /// Removes what the newest snapshot has made needless: snapshots before it, then segments, the oldest first. Each is
    /// gone for good before the next goes, so that no crash leaves a gap.
    fn remove_needless(&mut self) -> Result<(), Failure> {
        let older = self.snapshots.len().saturating_sub(1);
        for index in self.snapshots.drain(..older) {
            self.access.remove(&names::snapshot(index))?;
        }
        while let Some(next) = self.segments.get(1) {
            let Bounds { through, log_from } = self.bounds;
            let is_needless = next.last_index <= through || next.first_frame <= log_from;
            if !is_needless || next.bytes == 0 {
                break;
            }
            let name = names::segment(self.segments[0].number);
            self.access.remove(&name)?;
            self.segments.pop_front();
        }
        Ok(())
    }
}

fn write_begin(segment: &Segment, previous_bytes: u64, to: &mut Vec<u8>) {
    let item = Item::Begin {
        segment: segment.number,
        previous_bytes,
        last_index: segment.last_index,
    };
    item.write(to);
}

/// Makes a new directory: first an empty log, then the header. So where there is a header, there is a log.
fn create<F: Files>(
    access: &mut Access<F>,
    listing: &Listing,
    whose: Whose,
) -> Result<(), OpenError> {
    let segment = Segment {
        number: 1,
        first_frame: 1,
        last_index: 0,
        bytes: 0,
    };
    let name = names::segment(segment.number);
    let is_begun = listing.snapshots.is_empty()
        && match listing.segments[..] {
            [] => true,
            [1] => access.read(&name)?.len() <= MAX_NEW_LOG_BYTES,
            _ => false,
        };
    if !is_begun {
        return Err(OpenError::Damaged(Damage {
            place: access.place(names::HEADER),
            offset: 0,
            found: "the file is missing, but there are a log or snapshots".to_owned(),
        }));
    }
    let begun =
        (listing.temporary.iter().cloned()).chain(listing.segments.first().map(|_| name.clone()));
    for name in begun {
        access.remove(&name)?;
    }
    let mut file = access.create(&name)?;
    let mut frame = Vec::new();
    frame::begin(&mut frame);
    write_begin(&segment, 0, &mut frame);
    let owner = Owner::Segment(segment.number);
    frame::seal(&mut frame, owner, 0, segment.first_frame);
    access.write(&mut file, 0, &frame)?;
    access.sync(&mut file)?;
    access.sync_directory()?;
    header::write(access, whose)
}

fn check_owner<F: Files>(access: &Access<F>, whose: Whose) -> Result<(), OpenError> {
    let its = header::read(access)?;
    let foreign = |what, found: String, expected: String| {
        let place = access.place(names::HEADER);
        Err(OpenError::Foreign {
            place,
            what,
            found,
            expected,
        })
    };
    if its.cluster != whose.cluster {
        let shown = |cluster: u128| format!("{cluster:032X}");
        return foreign("cluster", shown(its.cluster), shown(whose.cluster));
    }
    if its.replica != whose.replica {
        let shown = |id: crate::id::Id| id.to_string();
        return foreign("replica", shown(its.replica), shown(whose.replica));
    }
    Ok(())
}

/// Makes durable what was read, before anybody builds on it: it may have been in the system's memory only. Cuts what
/// is torn. Returns the last segment's file.
///
/// The last frame is written once more. If its sync has failed in an earlier process, the system has forgotten that
/// it is not on the disk, and a sync alone would do nothing. All other frames had been synced before the last one
/// was written.
fn secure<F: Files>(access: &mut Access<F>, log: &Log) -> Result<Handle<F::File>, Failure> {
    let segment = log.segments.last().expect("there is one");
    let mut file = access.open(&names::segment(segment.number))?;
    if access.settings.makes(Mistake::StartNotSynced) {
        return Ok(file);
    }
    if log.torn.is_some() {
        access.cut(&mut file, segment.bytes)?;
    }
    if let Some((offset, frame)) = &log.last_frame {
        access.write(&mut file, *offset, frame)?;
    }
    access.sync(&mut file)?;
    access.sync_directory()?;
    Ok(file)
}
