//! What is in a directory, for a person. Only reads, and needs no lock: a replica may be writing meanwhile, and then the
//! end of its log looks torn.

use std::fmt;
use std::path::Path;

use super::access::Access;
use super::errors::{OpenError, TornTail};
use super::files::Files;
use super::header::{self, FORMAT, Whose};
use super::item::HardState;
use super::listing::Listing;
use super::log::{self, Bounds};
use super::names;
use super::real::RealFiles;
use super::settings::Settings;
use super::snapshot;
use crate::id::Id;

/// What is in a directory.
#[derive(Debug, Default)]
pub struct Contents {
    /// The directory's path.
    pub place: String,
    /// Whose it is, if its header can be read.
    pub whose: Option<Whose>,
    /// The last hard state, if there is any.
    pub hard_state: Option<HardState>,
    /// The entries that count, those behind the newest snapshot.
    pub entries: Option<EntriesFound>,
    /// The segments of the log, as far as they could be read.
    pub segments: Vec<SegmentFound>,
    /// The snapshots that are whole, the newest last.
    pub snapshots: Vec<SnapshotFound>,
    /// What follows the last whole frame of the log. It is no damage.
    pub torn: Option<TornTail>,
    /// What is wrong, a sentence each. With any of it the directory is not opened.
    pub damage: Vec<String>,
    /// Files that were never finished. They are removed when the directory is opened.
    pub temporary: Vec<String>,
    /// Files that are none of ours. They are left alone.
    pub others: Vec<String>,
}

/// Entries of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EntriesFound {
    /// The indices of the first and the last one.
    pub indices: (u64, u64),
    /// Their terms.
    pub terms: (u64, u64),
    /// How many bytes are in them together.
    pub bytes: u64,
}

/// A segment of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentFound {
    /// The file's name.
    pub name: String,
    /// How many bytes of it are whole frames.
    pub bytes: u64,
    /// The number of its first frame.
    pub first_frame: u64,
    /// The number of the frame behind its last one.
    pub next_frame: u64,
}

/// A snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnapshotFound {
    /// The file's name.
    pub name: String,
    /// The index of the last entry in it.
    pub index: u64,
    /// The term of that entry.
    pub term: u64,
    /// How many bytes are in it.
    pub bytes: usize,
    /// How many bytes are kept beside it.
    pub extra_bytes: usize,
}

/// Looks at a replica's directory.
///
/// # Errors
///
/// If it cannot be listed. What else is wrong is in what is returned.
pub fn inspect(path: &Path) -> Result<Contents, OpenError> {
    inspect_in(RealFiles::unlocked(path))
}

/// The same for any files.
///
/// # Errors
///
/// If they cannot be listed.
pub fn inspect_in<F: Files>(files: F) -> Result<Contents, OpenError> {
    let access = Access::to(files, Settings::default());
    let listing = Listing::of(&access)?;
    let mut contents = Contents {
        place: access.place(""),
        temporary: listing.temporary,
        others: listing.others,
        ..Contents::default()
    };
    match header::read(&access) {
        Ok(whose) => contents.whose = Some(whose),
        Err(error) => contents.damage.push(error.to_string()),
    }
    let mut bounds = Bounds::default();
    for index in listing.snapshots {
        match snapshot::read(&access, index) {
            Ok(snapshot) => {
                bounds.through = index;
                bounds.log_from = snapshot.log_from;
                contents.snapshots.push(SnapshotFound {
                    name: names::snapshot(index),
                    index,
                    term: snapshot.about.term,
                    bytes: snapshot.bytes(),
                    extra_bytes: snapshot.about.extra.len(),
                });
            }
            Err(error) => contents.damage.push(error.to_string()),
        }
    }
    let (log, result) = log::read(&access, &listing.segments, bounds);
    contents
        .damage
        .extend(result.err().map(|error| error.to_string()));
    contents.hard_state = log.hard_state;
    contents.torn = log.torn;
    let entries = log.entries.iter();
    let terms = entries.fold((u64::MAX, 0), |(least, most), entry| {
        (entry.term.min(least), entry.term.max(most))
    });
    contents.entries = log.entries.range().map(|indices| EntriesFound {
        indices,
        terms,
        bytes: log.entries.iter().map(|it| it.bytes.len() as u64).sum(),
    });
    let next = log.segments.iter().skip(1).map(|next| next.first_frame);
    let next = next.chain([log.next_frame]);
    let segments = log.segments.iter().zip(next);
    contents.segments = segments
        .map(|(segment, next_frame)| SegmentFound {
            name: names::segment(segment.number),
            bytes: segment.bytes,
            first_frame: segment.first_frame,
            next_frame,
        })
        .collect();
    Ok(contents)
}

impl fmt::Display for Contents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.place)?;
        match self.whose {
            Some(Whose { cluster, replica }) => {
                writeln!(
                    f,
                    "replica {replica} of cluster {cluster:032X}, format {FORMAT}"
                )?;
            }
            None => writeln!(f, "not known whose")?,
        }
        match self.hard_state {
            Some(state) => {
                let vote = state
                    .vote
                    .map_or("nobody".to_owned(), |id| Id(id).to_string());
                let HardState {
                    term, incarnation, ..
                } = state;
                writeln!(
                    f,
                    "hard state: term {term}, voted for {vote}, incarnation {incarnation:08X}"
                )?;
            }
            None => writeln!(f, "hard state: none")?,
        }
        match &self.entries {
            Some(EntriesFound {
                indices: (first, last),
                terms: (least, most),
                bytes,
            }) => writeln!(
                f,
                "log: entries {first} to {last} of terms {least} to {most}, {bytes} bytes"
            )?,
            None => writeln!(f, "log: no entries")?,
        }
        for segment in &self.segments {
            let SegmentFound {
                name,
                bytes,
                first_frame,
                next_frame,
            } = segment;
            match next_frame - first_frame {
                0 => writeln!(f, "  {name}: nothing yet")?,
                _ => writeln!(
                    f,
                    "  {name}: frames {first_frame} to {}, {bytes} bytes",
                    next_frame - 1
                )?,
            }
        }
        if self.snapshots.is_empty() {
            writeln!(f, "snapshots: none")?;
        } else {
            writeln!(f, "snapshots:")?;
        }
        for snapshot in &self.snapshots {
            let SnapshotFound {
                name,
                index,
                term,
                bytes,
                extra_bytes,
            } = snapshot;
            writeln!(
                f,
                "  {name}: through entry {index} of term {term}, {bytes} bytes and {extra_bytes} beside them"
            )?;
        }
        for name in &self.temporary {
            writeln!(f, "not finished: {name}")?;
        }
        for name in &self.others {
            writeln!(f, "none of ours: {name}")?;
        }
        if let Some(torn) = &self.torn {
            writeln!(f, "torn: {torn}")?;
        }
        if self.damage.is_empty() {
            writeln!(f, "damage: none")?;
        }
        self.damage
            .iter()
            .try_for_each(|it| writeln!(f, "damage: {it}"))
    }
}
