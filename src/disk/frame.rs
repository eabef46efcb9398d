//! Frames: the unit in which files are written, synced and checked.
//!
//! A frame is all that is made durable by one sync. So at most one frame of a log can be torn by a crash: the
//! last. A checksum over it tells that it is whole, whatever of it reached the disk in whatever order.
//!
//! | bytes | what |
//! | --- | --- |
//! | 1 | `F` |
//! | 4 | length of the body |
//! | 8 | number of the frame: one more than that of the frame before |
//! | 4 | how many blank sectors the frame has |
//! | 4 | CRC32C of the body |
//! | 4 | CRC32C of the file's kind and number, the frame's offset in it, and the 21 bytes above |
//! | 1 | `R` |
//! | | body |
//! | 1 | `E` |
//!
//! Numbers are little-endian. A *sector* is 512 bytes of the file from a multiple of 512 on. The disk writes a sector
//! wholly or not at all, and what was never written reads as zeros or is behind the end of the file. So a frame
//! that is damaged was torn only if one of its sectors is blank that was not blank when it was made. A flipped
//! bit leaves no such sector: it is told from a torn tail. `F`, `R` and `E` see to it that no sector is blank
//! by chance where a frame has only a part of it.
//!
//! Must never know what is in a body.

use std::ops::Range;

/// What a disk writes wholly or not at all.
pub(super) const SECTOR_BYTES: usize = 512;
/// What is before a body.
const HEADER_BYTES: usize = 26;
/// What a frame has besides its body.
pub(super) const OVERHEAD_BYTES: usize = HEADER_BYTES + 1;
/// The longest body. It bounds what a damaged length can ask for, and what is lost by one tear.
pub(super) const MAX_BODY_BYTES: usize = 64 << 20;

const BEGIN: u8 = b'F';
const BODY_FOLLOWS: u8 = b'R';
const END: u8 = b'E';

/// A file as a part of the checksums in it, so that no frame is taken for one of another file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    /// The header of the directory.
    Header,
    /// The segment of the log with this number.
    Segment(u64),
    /// The snapshot through this index.
    Snapshot(u64),
}

impl Owner {
    fn checksum(self, offset: usize, header: &[u8]) -> u32 {
        let (kind, number) = match self {
            Owner::Header => (0, 0),
            Owner::Segment(number) => (1, number),
            Owner::Snapshot(index) => (2, index),
        };
        let mut sum = crc32c::crc32c(&[kind]);
        sum = crc32c::crc32c_append(sum, &number.to_le_bytes());
        sum = crc32c::crc32c_append(sum, &(offset as u64).to_le_bytes());
        crc32c::crc32c_append(sum, header)
    }
}

/// Makes room in an empty buffer for what stands before a body. The body is to be appended.
pub(super) fn begin(buffer: &mut Vec<u8>) {
    buffer.clear();
    buffer.resize(HEADER_BYTES, 0);
}

/// Makes a frame of a buffer that [`begin`] has begun. It can be written at this offset of this file only.
///
/// # Panics
///
/// If the body is longer than [`MAX_BODY_BYTES`].
pub(super) fn seal(buffer: &mut Vec<u8>, owner: Owner, offset: u64, number: u64) {
    let length = buffer.len() - HEADER_BYTES;
    assert!(
        length <= MAX_BODY_BYTES,
        "a body of {length} bytes is too long"
    );
    let offset = usize::try_from(offset).expect("a file fits into memory");
    buffer.push(END);
    buffer[0] = BEGIN;
    buffer[HEADER_BYTES - 1] = BODY_FOLLOWS;
    let blank = blank_sectors(buffer, offset);
    let sum = crc32c::crc32c(&buffer[HEADER_BYTES..HEADER_BYTES + length]);
    buffer[1..5].copy_from_slice(&(length as u32).to_le_bytes());
    buffer[5..13].copy_from_slice(&number.to_le_bytes());
    buffer[13..17].copy_from_slice(&blank.to_le_bytes());
    buffer[17..21].copy_from_slice(&sum.to_le_bytes());
    let sum = owner.checksum(offset, &buffer[..21]);
    buffer[21..25].copy_from_slice(&sum.to_le_bytes());
}

/// How many sectors of a file are blank as far as these bytes at this offset are in them.
fn blank_sectors(bytes: &[u8], offset: usize) -> u32 {
    let first = (SECTOR_BYTES - offset % SECTOR_BYTES).min(bytes.len());
    let (first, others) = bytes.split_at(first);
    let blank = |part: &[u8]| !part.is_empty() && part.iter().all(|&byte| byte == 0);
    let count = others.chunks(SECTOR_BYTES).filter(|part| blank(part));
    count.count() as u32 + u32::from(blank(first))
}

/// What stands before a body.
struct Header {
    length: usize,
    number: u64,
    blank: u32,
    body_sum: u32,
}

impl Header {
    /// The one at an offset of a file, if one stands there and is whole.
    fn read(bytes: &[u8], owner: Owner, offset: usize) -> Option<Header> {
        let header = bytes.get(offset..)?.get(..HEADER_BYTES)?;
        if header[0] != BEGIN || header[HEADER_BYTES - 1] != BODY_FOLLOWS {
            return None;
        }
        let short = |at: usize| u32::from_le_bytes(header[at..at + 4].try_into().expect("4 bytes"));
        let number = u64::from_le_bytes(header[5..13].try_into().expect("8 bytes"));
        let is_whole = short(21) == owner.checksum(offset, &header[..21]);
        is_whole.then(|| Header {
            length: short(1) as usize,
            number,
            blank: short(13),
            body_sum: short(17),
        })
    }
}

/// A frame that is whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    /// Its number.
    pub(super) number: u64,
    /// Where its body is in the file.
    pub(super) body: Range<usize>,
}

impl Frame {
    /// Where it begins in the file.
    pub(super) fn start(&self) -> usize {
        self.body.start - HEADER_BYTES
    }

    /// Where the next one begins in the file.
    pub(super) fn end(&self) -> usize {
        self.body.end + 1
    }
}

/// No whole frame where one was expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    /// What is there, for a person.
    pub(super) found: String,
    /// Whether a part of it looks as if it had never been written, as after a crash.
    pub(super) is_torn: bool,
}

/// The frame at an offset of a file, which must have this number if one is given. None at the file's end.
///
/// # Errors
///
/// What is there instead.
pub(super) fn read(
    bytes: &[u8],
    owner: Owner,
    offset: usize,
    number: Option<u64>,
) -> Result<Option<Frame>, Fault> {
    let rest = &bytes[offset..];
    if rest.is_empty() {
        return Ok(None);
    }
    let Some(header) = Header::read(bytes, owner, offset) else {
        return Err(no_header(rest, offset));
    };
    let its = header.number;
    let damaged = |found: String| Fault {
        found,
        is_torn: false,
    };
    if let Some(number) = number.filter(|&number| number != its) {
        return Err(damaged(format!(
            "a whole frame {its}, where frame {number} was expected"
        )));
    }
    if header.length > MAX_BODY_BYTES {
        let length = header.length;
        return Err(damaged(format!(
            "frame {its} has a body of {length} bytes, more than {MAX_BODY_BYTES}"
        )));
    }
    let start = offset + HEADER_BYTES;
    let body = start..start + header.length;
    let Some(&end) = bytes.get(body.end) else {
        let takes = header.length + OVERHEAD_BYTES;
        let left = rest.len();
        return Err(Fault {
            found: format!("frame {its} takes {takes} bytes, and the file has {left} of them"),
            is_torn: true,
        });
    };
    if end != END || crc32c::crc32c(&bytes[body.clone()]) != header.body_sum {
        let blank = blank_sectors(&bytes[offset..=body.end], offset);
        let missing = blank.saturating_sub(header.blank);
        let found = match missing {
            0 => format!("frame {its} was changed after it was written: its checksum differs"),
            _ => format!("{missing} sectors of frame {its} were never written"),
        };
        return Err(Fault {
            found,
            is_torn: missing > 0,
        });
    }
    let number = header.number;
    Ok(Some(Frame { number, body }))
}

/// What [`read`] would find if it looked at nothing but lengths: a mistake, see `mistakes`.
pub(super) fn by_length(bytes: &[u8], owner: Owner, offset: usize) -> Option<Frame> {
    let header = Header::read(bytes, owner, offset)?;
    let start = offset + HEADER_BYTES;
    let body = start..start.saturating_add(header.length);
    let number = header.number;
    (body.end < bytes.len()).then_some(Frame { number, body })
}

/// What is wrong where no frame begins.
fn no_header(rest: &[u8], offset: usize) -> Fault {
    let header = &rest[..rest.len().min(HEADER_BYTES)];
    let found = if rest.iter().all(|&byte| byte == 0) {
        format!("nothing but {} zeros", rest.len())
    } else if rest.len() < HEADER_BYTES {
        "the file ends within the beginning of a frame".to_owned()
    } else if blank_sectors(header, offset) > 0 {
        "the beginning of a frame was never written".to_owned()
    } else {
        "the beginning of a frame was changed after it was written".to_owned()
    };
    Fault {
        found,
        is_torn: rest.len() < HEADER_BYTES || blank_sectors(header, offset) > 0,
    }
}

/// The first frame behind an offset of a file that has a later number than `number`, as its offset and its number.
/// Where there is one, all before it had been durable before it was written.
pub(super) fn later(
    bytes: &[u8],
    owner: Owner,
    offset: usize,
    number: u64,
) -> Option<(usize, u64)> {
    (offset + 1..bytes.len())
        .filter(|&at| bytes[at] == BEGIN)
        .find_map(|at| {
            let header = Header::read(bytes, owner, at)?;
            // No more frames than fit in between.
            let most = number + ((at - offset) / OVERHEAD_BYTES) as u64;
            let is_plausible = number < header.number && header.number <= most;
            is_plausible.then_some((at, header.number))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWNER: Owner = Owner::Segment(7);

    /// A file with frames of these bodies, numbered from 3 on.
    fn file(bodies: &[&[u8]]) -> Vec<u8> {
        let mut file = Vec::new();
        let mut buffer = Vec::new();
        for (number, body) in (3..).zip(bodies) {
            begin(&mut buffer);
            buffer.extend_from_slice(body);
            seal(&mut buffer, OWNER, file.len() as u64, number);
            file.extend_from_slice(&buffer);
        }
        file
    }

    fn fault(bytes: &[u8], offset: usize, number: u64) -> Fault {
        read(bytes, OWNER, offset, Some(number)).expect_err("a fault")
    }

    #[test]
    fn frames_are_read_back_in_order() {
        let file = file(&[b"one", b"", &[0; 5_000]]);
        let first = read(&file, OWNER, 0, None).unwrap().unwrap();
        assert_eq!((first.number, &file[first.body.clone()]), (3, &b"one"[..]));
        let second = read(&file, OWNER, first.end(), Some(4)).unwrap().unwrap();
        assert_eq!((second.number, second.body.len()), (4, 0));
        let third = read(&file, OWNER, second.end(), Some(5)).unwrap().unwrap();
        assert_eq!(file[third.body.clone()], [0; 5_000]);
        assert_eq!(read(&file, OWNER, third.end(), Some(6)), Ok(None));
    }

    #[test]
    fn a_frame_of_another_file_or_place_is_none() {
        let file = file(&[b"one", b"two"]);
        assert!(read(&file, Owner::Segment(8), 0, None).is_err());
        assert!(read(&file, Owner::Snapshot(7), 0, None).is_err());
        let second = &file[b"one".len() + OVERHEAD_BYTES..];
        assert!(read(second, OWNER, 0, None).is_err());
    }

    #[test]
    fn every_changed_bit_is_seen_and_is_no_torn_tail() {
        // Bodies with blank sectors and zeros at their ends, at all places within a sector.
        for padding in (0..SECTOR_BYTES).step_by(37) {
            let padding = vec![1; padding];
            let good = file(&[&padding, &[0; 1_700]]);
            let offset = padding.len() + OVERHEAD_BYTES;
            for at in offset..good.len() {
                for bit in [0, 3, 7] {
                    let mut bad = good.clone();
                    bad[at] ^= 1 << bit;
                    let fault = fault(&bad, offset, 4);
                    assert!(!fault.is_torn, "byte {at}: {fault:?}");
                }
            }
        }
    }

    #[test]
    fn a_frame_is_torn_if_any_of_its_sectors_is_missing() {
        for padding in (0..SECTOR_BYTES).step_by(37) {
            let padding = vec![1; padding];
            // The second sector or so is blank from the beginning.
            let mut body = vec![2; 2_000];
            body[300..1_400].fill(0);
            let good = file(&[&padding, &body]);
            let offset = padding.len() + OVERHEAD_BYTES;
            for sector in (0..good.len()).step_by(SECTOR_BYTES) {
                let range = sector.max(offset)..(sector + SECTOR_BYTES).min(good.len());
                let mut bad = good.clone();
                if range.is_empty() || good[range.clone()].iter().all(|&byte| byte == 0) {
                    continue;
                }
                bad[range].fill(0);
                let fault = fault(&bad, offset, 4);
                assert!(fault.is_torn, "sector at {sector}: {fault:?}");
            }
            for length in offset + 1..good.len() {
                assert!(fault(&good[..length], offset, 4).is_torn, "{length}");
            }
        }
    }

    #[test]
    fn a_later_frame_is_found_behind_damage() {
        let good = file(&[b"one", b"two", b"three"]);
        let second = b"one".len() + OVERHEAD_BYTES;
        let third = second + b"two".len() + OVERHEAD_BYTES;
        assert_eq!(later(&good, OWNER, 0, 3), Some((second, 4)));
        assert_eq!(later(&good, OWNER, second, 4), Some((third, 5)));
        assert_eq!(later(&good, OWNER, third, 5), None);
        // A number that cannot stand there is chance.
        assert_eq!(later(&good, OWNER, 0, 1), None);
    }
}
