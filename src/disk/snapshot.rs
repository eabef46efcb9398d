//! Snapshots: a file for each, written aside, and named only when it is durable.
//!
//! The first frame says what it is, then come its pieces, then its end. A file with a snapshot's name is whole, or it is
//! damaged: it cannot be torn.

use std::ops::Range;

use super::access::{Access, Handle};
use super::errors::{Damage, Failure, OpenError};
use super::files::Files;
use super::frame::{self, Frame, Owner};
use super::item::{Item, Items};
use super::mistakes::Mistake;
use super::names;

/// A longer piece is written as several: a sync of the log waits for one at most.
pub(super) const MAX_PIECE_BYTES: usize = 1 << 20;
/// So much of a snapshot is written between two syncs, so that none takes long.
const SYNC_EVERY_BYTES: u64 = 4 << 20;
/// The most bytes that may be kept beside a snapshot.
pub const MAX_EXTRA_BYTES: usize = 1 << 16;

/// What a snapshot is of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct About {
    /// The index of the last entry in it.
    pub index: u64,
    /// The term of that entry.
    pub term: u64,
    /// What the user wants kept beside it, [`MAX_EXTRA_BYTES`] at most.
    pub extra: Vec<u8>,
}

/// A snapshot that was read.
#[derive(Debug)]
pub struct Snapshot {
    /// What it is of.
    pub about: About,
    pub(super) log_from: u64,
    file: Vec<u8>,
    pieces: Vec<Range<usize>>,
}

impl Snapshot {
    /// What is in it, in pieces. Where one ends and the next begins means nothing.
    pub fn pieces(&self) -> impl Iterator<Item = &[u8]> {
        self.pieces.iter().map(|range| &self.file[range.clone()])
    }

    /// How many bytes are in it.
    pub fn bytes(&self) -> usize {
        self.pieces.iter().map(Range::len).sum()
    }
}

/// A snapshot that is being written.
#[derive(Debug)]
pub(super) struct Unfinished<File> {
    file: Handle<File>,
    /// The index of the last entry in it.
    pub(super) index: u64,
    /// How long the file is.
    length: u64,
    /// How many frames it has.
    frames: u64,
    /// How many bytes its pieces have.
    bytes: u64,
    /// How long the file was when it was last synced.
    synced: u64,
    buffer: Vec<u8>,
}

impl<File> Unfinished<File> {
    /// Begins one.
    ///
    /// # Panics
    ///
    /// If more than [`MAX_EXTRA_BYTES`] are to be kept beside it.
    pub(super) fn begin<F: Files<File = File>>(
        access: &mut Access<F>,
        about: &About,
    ) -> Result<Self, Failure> {
        assert!(about.extra.len() <= MAX_EXTRA_BYTES);
        let file = access.create(&temporary(about.index))?;
        let mut snapshot = Unfinished {
            file,
            index: about.index,
            length: 0,
            frames: 0,
            bytes: 0,
            synced: 0,
            buffer: Vec::new(),
        };
        let item = Item::Snapshot {
            index: about.index,
            term: about.term,
            extra: &about.extra,
        };
        snapshot.append(access, &item)?;
        Ok(snapshot)
    }

    /// Writes a piece.
    pub(super) fn add<F: Files<File = File>>(
        &mut self,
        access: &mut Access<F>,
        piece: &[u8],
    ) -> Result<(), Failure> {
        for part in piece.chunks(MAX_PIECE_BYTES) {
            self.append(access, &Item::Piece(part))?;
            self.bytes += part.len() as u64;
            if self.length - self.synced >= SYNC_EVERY_BYTES {
                access.sync(&mut self.file)?;
                self.synced = self.length;
            }
        }
        Ok(())
    }

    /// Makes it durable and gives it its name.
    pub(super) fn end<F: Files<File = File>>(
        mut self,
        access: &mut Access<F>,
        log_from: u64,
    ) -> Result<(), Failure> {
        let bytes = self.bytes;
        self.append(access, &Item::End { bytes, log_from })?;
        let name = names::snapshot(self.index);
        if access.settings.makes(Mistake::SnapshotRenamedBeforeSync) {
            access.rename(&temporary(self.index), &name)?;
            return access.sync(&mut self.file);
        }
        access.sync(&mut self.file)?;
        access.rename(&temporary(self.index), &name)
    }

    fn append<F: Files<File = File>>(
        &mut self,
        access: &mut Access<F>,
        item: &Item<'_>,
    ) -> Result<(), Failure> {
        frame::begin(&mut self.buffer);
        item.write(&mut self.buffer);
        self.frames += 1;
        let owner = Owner::Snapshot(self.index);
        frame::seal(&mut self.buffer, owner, self.length, self.frames);
        access.write(&mut self.file, self.length, &self.buffer)?;
        self.length += self.buffer.len() as u64;
        Ok(())
    }
}

/// What a snapshot is called while it is written.
pub(super) fn temporary(index: u64) -> String {
    names::temporary(&names::snapshot(index))
}

/// Reads the snapshot through an index.
///
/// # Errors
///
/// If it cannot be read or is damaged.
pub(super) fn read<F: Files>(access: &Access<F>, index: u64) -> Result<Snapshot, OpenError> {
    let name = names::snapshot(index);
    let file = access.read(&name)?;
    let damage = |offset: usize, found: String| Damage {
        place: access.place(&name),
        offset: offset as u64,
        found,
    };
    let mut about = None;
    let mut pieces = Vec::new();
    let mut bytes = 0;
    let mut at = 0;
    for number in 1.. {
        let read = frame::read(&file, Owner::Snapshot(index), at, Some(number));
        let frame = read.map_err(|fault| damage(at, fault.found))?;
        let frame =
            frame.ok_or_else(|| damage(at, "the file ends before the snapshot does".to_owned()))?;
        let item = only_item(&file, &frame).map_err(|found| damage(at, found))?;
        match (item, &about) {
            (
                Item::Snapshot {
                    index: its,
                    term,
                    extra,
                },
                None,
            ) if its == index => {
                let extra = extra.to_vec();
                about = Some(About { index, term, extra });
            }
            (Item::Piece(piece), Some(_)) => {
                bytes += piece.len() as u64;
                pieces.push(frame.body.end - piece.len()..frame.body.end);
            }
            (
                Item::End {
                    bytes: its,
                    log_from,
                },
                Some(_),
            ) if its == bytes && frame.end() == file.len() => {
                return Ok(Snapshot {
                    about: about.expect("there is one"),
                    log_from,
                    file,
                    pieces,
                });
            }
            (item, _) => {
                let found = match item {
                    Item::End { bytes: its, .. } => format!(
                        "the end of a snapshot of {its} bytes, after {bytes} of them, and the file has {}",
                        file.len()
                    ),
                    _ => "something that is not expected there in a snapshot".to_owned(),
                };
                return Err(damage(at, found).into());
            }
        }
        at = frame.end();
    }
    unreachable!("frames are counted without an end")
}

fn only_item<'f>(file: &'f [u8], frame: &Frame) -> Result<Item<'f>, String> {
    let mut items = Items::of(&file[frame.body.clone()]);
    match (items.next()?, items.next()?) {
        (Some(item), None) => Ok(item),
        _ => Err("a frame with no item or several of them in a snapshot".to_owned()),
    }
}
