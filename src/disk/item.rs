//! What is in the bodies of frames: items, one after the other.
//!
//! An item is a byte for its kind and then its fields. Numbers are LEB128: seven bits a byte, the lowest first, the
//! highest bit set on all but the last. Must never know what an entry or a piece of a snapshot means.

/// What a replica must never forget, besides its log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HardState {
    /// The present term.
    pub term: u64,
    /// For whom it has voted in that term.
    pub vote: Option<u16>,
    /// Which life of the replica this is.
    pub incarnation: u32,
}

/// Something in a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Item<'a> {
    /// Whose directory it is. The only one in a header.
    Owner {
        /// The cluster.
        cluster: u128,
        /// The replica.
        replica: u16,
    },
    /// The beginning of a segment of the log, first in it.
    Begin {
        /// The segment's number.
        segment: u64,
        /// How long the segment before it is, in bytes.
        previous_bytes: u64,
        /// No entry of the log before this segment that was not cut off has a higher index.
        last_index: u64,
    },
    /// What replaces the hard state before it.
    HardState(HardState),
    /// No entry behind this index counts any more.
    TruncateAfter(u64),
    /// An entry of the log. One that was at its index, and all behind that, do not count any more.
    Entry {
        /// Its index.
        index: u64,
        /// Its term.
        term: u64,
        /// What is in it.
        bytes: &'a [u8],
    },
    /// The beginning of a snapshot, first in it.
    Snapshot {
        /// The index of the last entry in it.
        index: u64,
        /// The term of that entry.
        term: u64,
        /// What the user wants kept beside it.
        extra: &'a [u8],
    },
    /// A part of a snapshot.
    Piece(&'a [u8]),
    /// The end of a snapshot, last in it.
    End {
        /// How many bytes its pieces have together.
        bytes: u64,
        /// No frame of the log before this number counts beside it.
        log_from: u64,
    },
    /// Something else that the user wants kept, by a number of its choice. It replaces what was kept under that number.
    Kept {
        /// The number.
        number: u8,
        /// What it is.
        bytes: &'a [u8],
    },
}

const OWNER: u8 = 1;
const BEGIN: u8 = 2;
const HARD_STATE: u8 = 3;
const TRUNCATE_AFTER: u8 = 4;
const ENTRY: u8 = 5;
const SNAPSHOT: u8 = 6;
const PIECE: u8 = 7;
const END: u8 = 8;
const KEPT: u8 = 9;

impl Item<'_> {
    /// Appends it to a body.
    pub(super) fn write(&self, to: &mut Vec<u8>) {
        match *self {
            Item::Owner { cluster, replica } => {
                to.push(OWNER);
                to.extend_from_slice(&cluster.to_le_bytes());
                write_number(u64::from(replica), to);
            }
            Item::Begin {
                segment,
                previous_bytes,
                last_index,
            } => {
                to.push(BEGIN);
                write_number(segment, to);
                write_number(previous_bytes, to);
                write_number(last_index, to);
            }
            Item::HardState(state) => {
                to.push(HARD_STATE);
                write_number(state.term, to);
                // 0 is nobody.
                write_number(state.vote.map_or(0, |id| u64::from(id) + 1), to);
                write_number(u64::from(state.incarnation), to);
            }
            Item::TruncateAfter(index) => {
                to.push(TRUNCATE_AFTER);
                write_number(index, to);
            }
            Item::Entry { index, term, bytes } => {
                to.push(ENTRY);
                write_number(index, to);
                write_number(term, to);
                write_bytes(bytes, to);
            }
            Item::Snapshot { index, term, extra } => {
                to.push(SNAPSHOT);
                write_number(index, to);
                write_number(term, to);
                write_bytes(extra, to);
            }
            Item::Piece(bytes) => {
                to.push(PIECE);
                write_bytes(bytes, to);
            }
            Item::End { bytes, log_from } => {
                to.push(END);
                write_number(bytes, to);
                write_number(log_from, to);
            }
            Item::Kept { number, bytes } => {
                to.push(KEPT);
                to.push(number);
                write_bytes(bytes, to);
            }
        }
    }
}

fn write_number(mut number: u64, to: &mut Vec<u8>) {
    while number >= 0x80 {
        to.push(number as u8 | 0x80);
        number >>= 7;
    }
    to.push(number as u8);
}

fn write_bytes(bytes: &[u8], to: &mut Vec<u8>) {
    write_number(bytes.len() as u64, to);
    to.extend_from_slice(bytes);
}

/// Reads the items of a body.
#[derive(Debug)]
pub(super) struct Items<'a> {
    body: &'a [u8],
    at: usize,
}

impl<'a> Items<'a> {
    /// Those of this body.
    pub(super) fn of(body: &'a [u8]) -> Items<'a> {
        Items { body, at: 0 }
    }

    /// How many bytes of the body have been read.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// The next one. None at the end of the body.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub(super) fn next(&mut self) -> Result<Option<Item<'a>>, String> {
        let Some(&kind) = self.body.get(self.at) else {
            return Ok(None);
        };
        self.at += 1;
        let item = match kind {
            OWNER => Item::Owner {
                cluster: u128::from_le_bytes(self.take(16)?.try_into().expect("16 bytes")),
                replica: self.small()?,
            },
            BEGIN => Item::Begin {
                segment: self.number()?,
                previous_bytes: self.number()?,
                last_index: self.number()?,
            },
            HARD_STATE => Item::HardState(HardState {
                term: self.number()?,
                vote: match self.small::<u32>()?.checked_sub(1) {
                    None => None,
                    Some(id) => Some(u16::try_from(id).map_err(|_| too_large(u64::from(id)))?),
                },
                incarnation: self.small()?,
            }),
            TRUNCATE_AFTER => Item::TruncateAfter(self.number()?),
            ENTRY => Item::Entry {
                index: self.number()?,
                term: self.number()?,
                bytes: self.bytes()?,
            },
            SNAPSHOT => Item::Snapshot {
                index: self.number()?,
                term: self.number()?,
                extra: self.bytes()?,
            },
            PIECE => Item::Piece(self.bytes()?),
            END => Item::End {
                bytes: self.number()?,
                log_from: self.number()?,
            },
            KEPT => Item::Kept {
                number: self.take(1)?[0],
                bytes: self.bytes()?,
            },
            _ => return Err(format!("an item of the unknown kind {kind}")),
        };
        Ok(Some(item))
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], String> {
        let rest = &self.body[self.at..];
        let bytes = rest.get(..length).ok_or_else(|| {
            let left = rest.len();
            format!("an item wants {length} bytes more, and its frame has {left}")
        })?;
        self.at += length;
        Ok(bytes)
    }

    fn number(&mut self) -> Result<u64, String> {
        let mut number = 0;
        for place in 0..10 {
            let byte = self.take(1)?[0];
            let bits = u64::from(byte & 0x7F);
            if place == 9 && bits > 1 {
                break;
            }
            number |= bits << (7 * place);
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err("a number of more than 64 bits".to_owned())
    }

    fn small<N: TryFrom<u64>>(&mut self) -> Result<N, String> {
        let number = self.number()?;
        N::try_from(number).map_err(|_| too_large(number))
    }

    fn bytes(&mut self) -> Result<&'a [u8], String> {
        let length = self.small()?;
        self.take(length)
    }
}

fn too_large(number: u64) -> String {
    format!("the number {number}, which is too large for its place")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> Vec<Item<'static>> {
        let state = HardState {
            term: u64::MAX,
            vote: Some(u16::MAX),
            incarnation: u32::MAX,
        };
        vec![
            Item::Owner {
                cluster: u128::MAX - 5,
                replica: 0xABCD,
            },
            Item::Begin {
                segment: 1,
                previous_bytes: 127,
                last_index: 128,
            },
            Item::HardState(HardState::default()),
            Item::HardState(state),
            Item::TruncateAfter(300),
            Item::Entry {
                index: 1 << 63,
                term: 16_383,
                bytes: b"what it says",
            },
            Item::Snapshot {
                index: 4,
                term: 2,
                extra: b"12 s",
            },
            Item::Piece(b""),
            Item::End {
                bytes: 16_384,
                log_from: 0,
            },
            Item::Kept {
                number: 255,
                bytes: b"who the others are",
            },
        ]
    }

    #[test]
    fn items_are_read_back() {
        let mut body = Vec::new();
        all().iter().for_each(|item| item.write(&mut body));
        let mut items = Items::of(&body);
        for item in all() {
            assert_eq!(items.next(), Ok(Some(item)));
        }
        assert_eq!(items.next(), Ok(None));
        assert_eq!(items.at(), body.len());
    }

    #[test]
    fn items_that_end_early_are_refused() {
        for item in all() {
            let mut body = Vec::new();
            item.write(&mut body);
            for length in 1..body.len() {
                assert!(Items::of(&body[..length]).next().is_err(), "{item:?}");
            }
        }
    }

    #[test]
    fn what_no_item_can_be_is_refused() {
        let bad: [&[u8]; 4] = [
            &[0],
            &[99, 1, 2, 3],
            // Numbers of 71 and of 65 bits.
            &[4, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1],
            &[4, 255, 255, 255, 255, 255, 255, 255, 255, 255, 2],
        ];
        for body in bad {
            assert!(Items::of(body).next().is_err(), "{body:?}");
        }
    }
}
