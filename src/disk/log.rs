//! The log as it is read: segments of frames become a hard state and entries.

use std::collections::BTreeMap;
use std::ops::Range;

use super::access::Access;
use super::errors::{Damage, OpenError, TornTail};
use super::files::Files;
use super::frame::{self, Fault, Frame, Owner};
use super::item::{HardState, Item, Items};
use super::mistakes::Mistake;
use super::names;

/// What a snapshot says about the log beside it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Bounds {
    /// Entries through this index are in the snapshot.
    pub(super) through: u64,
    /// No frame before this number counts.
    pub(super) log_from: u64,
}

/// A segment of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Segment {
    /// Its number; one more than that of the segment before.
    pub(super) number: u64,
    /// The number of its first frame.
    pub(super) first_frame: u64,
    /// No entry before it that was not cut off has a higher index.
    pub(super) last_index: u64,
    /// How long the part of it is that counts.
    pub(super) bytes: u64,
}

/// An entry of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// Its index.
    pub index: u64,
    /// Its term.
    pub term: u64,
    /// What is in it.
    pub bytes: &'a [u8],
}

/// Entries of the log, in the order of their indices, without a gap.
#[derive(Debug, Default)]
pub struct Entries {
    /// The segments that they are in.
    files: Vec<Vec<u8>>,
    places: Vec<Place>,
}

/// Where an entry is.
#[derive(Clone, Copy, Debug)]
struct Place {
    index: u64,
    term: u64,
    file: usize,
    start: usize,
    length: usize,
}

impl Entries {
    /// All of them.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Entry<'_>> {
        self.places.iter().map(|place| Entry {
            index: place.index,
            term: place.term,
            bytes: &self.files[place.file][place.start..place.start + place.length],
        })
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// The indices of the first and the last one.
    pub fn range(&self) -> Option<(u64, u64)> {
        Some((self.places.first()?.index, self.places.last()?.index))
    }

    /// Removes those behind an index.
    fn truncate_after(&mut self, index: u64) {
        let first = self.places.first().map_or(0, |place| place.index);
        let kept = index.saturating_add(1).saturating_sub(first);
        self.places
            .truncate(usize::try_from(kept).unwrap_or(usize::MAX));
    }

    /// Removes those that a snapshot has, and files that none is in any more.
    fn remove_through(&mut self, index: u64) {
        let kept = self.places.partition_point(|place| place.index <= index);
        self.places.drain(..kept);
        let first = self.places.first().map_or(self.files.len(), |it| it.file);
        self.files[..first].fill_with(Vec::new);
    }
}

/// What the segments say.
#[derive(Debug, Default)]
pub(super) struct Log {
    /// The segments, in their order.
    pub(super) segments: Vec<Segment>,
    /// The last hard state.
    pub(super) hard_state: Option<HardState>,
    /// What else was kept last under each number.
    pub(super) kept: BTreeMap<u8, Vec<u8>>,
    /// The entries that count, those behind the snapshot.
    pub(super) entries: Entries,
    /// The highest index of an entry that was not cut off.
    pub(super) last_index: u64,
    /// The number that the next frame gets.
    pub(super) next_frame: u64,
    /// The last frame of the last segment, and its offset there; none if that is empty.
    pub(super) last_frame: Option<(u64, Vec<u8>)>,
    /// What follows the last whole frame, if anything does.
    pub(super) torn: Option<TornTail>,
}

/// Reads segments, which must be in the order of their numbers. What could be read is returned also if something is wrong.
pub(super) fn read<F: Files>(
    access: &Access<F>,
    numbers: &[u64],
    bounds: Bounds,
) -> (Log, Result<(), OpenError>) {
    let mut reader = Reader {
        access,
        bounds,
        log: Log::default(),
        last_frame: None,
    };
    let result = reader.segments(numbers);
    let mut log = reader.log;
    if let (Some(frame), Some(file)) = (reader.last_frame, log.entries.files.last()) {
        log.last_frame = Some((frame.start as u64, file[frame].to_vec()));
    }
    log.entries.remove_through(bounds.through);
    log.last_index = log.last_index.max(bounds.through);
    (log, result)
}

struct Reader<'a, F> {
    access: &'a Access<F>,
    bounds: Bounds,
    log: Log,
    /// Where the last frame of the present segment is.
    last_frame: Option<Range<usize>>,
}

impl<F: Files> Reader<'_, F> {
    fn segments(&mut self, numbers: &[u64]) -> Result<(), OpenError> {
        let Some(&last) = numbers.last() else {
            let found = "the file is missing, and there is no other segment of the log".to_owned();
            return Err(self.damage(1, 0, found).into());
        };
        for (&number, expected) in numbers.iter().zip(numbers[0]..) {
            if number != expected {
                let found = format!(
                    "the file is missing, but {} is there",
                    names::segment(number)
                );
                return Err(self.damage(expected, 0, found).into());
            }
            let file = self.access.read(&names::segment(number))?;
            self.log.entries.files.push(file);
            self.segment(number, number == last)?;
        }
        let Bounds { log_from, .. } = self.bounds;
        if self.log.next_frame < log_from {
            let at = self.log.segments.last().map_or(0, |segment| segment.bytes);
            let found = format!(
                "the log ends with frame {}, but the snapshot was made after frame {}",
                self.log.next_frame - 1,
                log_from - 1
            );
            return Err(self.damage(last, at as usize, found).into());
        }
        Ok(())
    }

    /// Reads the segment whose bytes came last.
    fn segment(&mut self, number: u64, is_last: bool) -> Result<(), Damage> {
        let file = self.log.entries.files.len() - 1;
        let is_first = self.log.segments.is_empty();
        self.log.segments.push(Segment {
            number,
            first_frame: self.log.next_frame,
            last_index: self.log.last_index,
            bytes: 0,
        });
        self.last_frame = None;
        let mut at = 0;
        loop {
            // The first segment's first frame has a number that only it knows.
            let expected = (at > 0 || !is_first).then_some(self.log.next_frame);
            let bytes = &self.log.entries.files[file];
            let frame = match self.frame(bytes, number, at, expected) {
                Ok(Some(frame)) => frame,
                Ok(None) if at > 0 || (is_last && !is_first) => return Ok(()),
                Ok(None) => return Err(self.damage(number, 0, "the file is empty".to_owned())),
                Err(fault) => {
                    let may_be_torn = is_last && (at > 0 || !is_first);
                    let damage = self.explain(fault, number, at, may_be_torn)?;
                    let bytes = (self.log.entries.files[file].len() - at) as u64;
                    self.log.torn = Some(TornTail { at: damage, bytes });
                    return Ok(());
                }
            };
            self.items(file, number, &frame)?;
            self.log.next_frame = frame.number + 1;
            self.last_frame = Some(frame.start()..frame.end());
            at = frame.end();
            let segment = self.log.segments.last_mut().expect("this one");
            segment.bytes = at as u64;
        }
    }

    fn frame(
        &self,
        bytes: &[u8],
        number: u64,
        at: usize,
        expected: Option<u64>,
    ) -> Result<Option<Frame>, Fault> {
        let owner = Owner::Segment(number);
        let read = frame::read(bytes, owner, at, expected);
        if read.is_err() && self.access.settings.makes(Mistake::TornTakenForWhole) {
            return frame::by_length(bytes, owner, at).map_or(read, |frame| Ok(Some(frame)));
        }
        read
    }

    /// Decides whether a fault is the end of the log, left unfinished by a crash.
    ///
    /// # Errors
    ///
    /// If it is anything else.
    fn explain(
        &self,
        fault: Fault,
        number: u64,
        at: usize,
        may_be_torn: bool,
    ) -> Result<Damage, Damage> {
        let mut damage = self.damage(number, at, fault.found);
        if may_be_torn && self.access.settings.makes(Mistake::DamageTakenForEnd) {
            return Ok(damage);
        }
        if !fault.is_torn || !may_be_torn {
            return Err(damage);
        }
        // What is torn was being written, so nothing can have been written after it.
        let bytes = self.log.entries.files.last().expect("the present one");
        match frame::later(bytes, Owner::Segment(number), at, self.log.next_frame) {
            None => Ok(damage),
            Some((offset, frame)) => {
                damage.found += &format!(", but frame {frame} follows at byte {offset}");
                Err(damage)
            }
        }
    }

    fn items(&mut self, file: usize, number: u64, frame: &Frame) -> Result<(), Damage> {
        let at = frame.start();
        // The body is borrowed from the log, which changes; so it is taken out meanwhile.
        let bytes = std::mem::take(&mut self.log.entries.files[file]);
        let mut items = Items::of(&bytes[frame.body.clone()]);
        let mut result = Ok(());
        while result.is_ok() {
            let is_first = at == 0 && items.at() == 0;
            let end = |items: &Items<'_>| frame.body.start + items.at();
            result = match items.next() {
                Ok(None) if is_first => Err("an empty frame".to_owned()),
                Ok(None) => break,
                Ok(Some(Item::Begin { .. })) if !is_first => {
                    Err("the beginning of a segment within it".to_owned())
                }
                Ok(Some(item)) if is_first => self.begin(item, number, frame.number),
                Ok(Some(item)) => self.item(item, file, frame.number, end(&items)),
                Err(found) => Err(found),
            };
        }
        self.log.entries.files[file] = bytes;
        result.map_err(|found| self.damage(number, at, found))
    }

    fn begin(&mut self, item: Item<'_>, number: u64, frame: u64) -> Result<(), String> {
        let Item::Begin {
            segment,
            previous_bytes,
            last_index,
        } = item
        else {
            return Err("the segment does not begin with its beginning".to_owned());
        };
        if segment != number {
            return Err(format!("this is segment {segment} of the log"));
        }
        let before = self.log.segments.len().checked_sub(2);
        if let Some(before) = before.map(|before| self.log.segments[before])
            && before.bytes != previous_bytes
        {
            let is = before.bytes;
            return Err(format!(
                "the segment before this one had {previous_bytes} bytes, and now has {is}"
            ));
        }
        let its = self.log.segments.last_mut().expect("this one");
        its.first_frame = frame;
        its.last_index = last_index;
        self.log.last_index = last_index;
        Ok(())
    }

    /// Carries an item out. An entry's bytes end at `end` in their file.
    fn item(&mut self, item: Item<'_>, file: usize, frame: u64, end: usize) -> Result<(), String> {
        let Bounds { through, log_from } = self.bounds;
        match item {
            Item::HardState(state) => self.log.hard_state = Some(state),
            Item::Kept { number, bytes } => {
                self.log.kept.insert(number, bytes.to_vec());
            }
            Item::TruncateAfter(_) | Item::Entry { .. } if frame < log_from => {}
            Item::TruncateAfter(index) => {
                self.log.entries.truncate_after(index);
                self.log.last_index = index;
            }
            Item::Entry { index, term, bytes } => {
                let follows =
                    self.log.entries.range().is_some_and(|(first, last)| {
                        (first..=last.saturating_add(1)).contains(&index)
                    });
                if follows {
                    self.log.entries.truncate_after(index - 1);
                } else if index > 0 && index - 1 <= through {
                    // The log was begun anew behind a snapshot.
                    self.log.entries.places.clear();
                } else {
                    let last = self.log.entries.range().map_or(through, |(_, last)| last);
                    return Err(format!(
                        "entry {index}, but the last one before it is entry {last}"
                    ));
                }
                let length = bytes.len();
                self.log.entries.places.push(Place {
                    index,
                    term,
                    file,
                    start: end - length,
                    length,
                });
                self.log.last_index = index;
            }
            _ => return Err("something that does not belong into a log".to_owned()),
        }
        Ok(())
    }

    fn damage(&self, number: u64, offset: usize, found: String) -> Damage {
        Damage {
            place: self.access.place(&names::segment(number)),
            offset: offset as u64,
            found,
        }
    }
}
