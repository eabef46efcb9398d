//! The name of a replica or a client: four hexadecimal digits.
//!
//! Shared by everything in this crate; it must stay a plain value without any knowledge of who
//! carries it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A replica's or client's ID, written as four upper-case hexadecimal digits (`0000` … `FFFF`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id(pub u16);

impl Id {
    /// `FFFF` as a destination: everybody but the sender.
    pub const BROADCAST: Id = Id(0xFFFF);
    /// `FFFF` as a leader: the sender knows of none.
    pub const UNKNOWN: Id = Id(0xFFFF);

    /// Whether this is `FFFF`, which names nobody.
    pub fn is_unknown(self) -> bool {
        self == Self::UNKNOWN
    }

    /// The ID of four hexadecimal digits in ASCII, in either case; none if they are none.
    pub fn from_digits(digits: &[u8]) -> Option<Id> {
        let digits: &[u8; 4] = digits.try_into().ok()?;
        let number = digits.iter().try_fold(0, |number, digit| {
            let value = match digit {
                b'0'..=b'9' => digit - b'0',
                b'A'..=b'F' => digit - b'A' + 10,
                b'a'..=b'f' => digit - b'a' + 10,
                _ => return None,
            };
            // A digit is below 16, and four of them fill the number.
            Some(number << 4 | u16::from(value))
        });
        number.map(Id)
    }

    /// The four digits in ASCII. Every datagram has several IDs: formatting would be a good part of
    /// what writing it costs.
    pub fn digits(self) -> [u8; 4] {
        [12, 8, 4, 0].map(|shift| b"0123456789ABCDEF"[usize::from(self.0 >> shift & 0xF)])
    }
}

fn text(digits: &[u8; 4]) -> &str {
    std::str::from_utf8(digits).expect("digits are ASCII")
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(text(&self.digits()))
    }
}

/// The text is not four hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAnId;

impl fmt::Display for NotAnId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an ID is four hexadecimal digits")
    }
}

impl std::error::Error for NotAnId {}

impl FromStr for Id {
    type Err = NotAnId;

    /// Reads exactly four hexadecimal digits, in either case.
    ///
    /// # Errors
    ///
    /// [`NotAnId`] for anything else.
    fn from_str(text: &str) -> Result<Self, NotAnId> {
        Id::from_digits(text.as_bytes()).ok_or(NotAnId)
    }
}

impl Serialize for Id {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(text(&self.digits()))
    }
}

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Id;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("four hexadecimal digits")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Id, E> {
                text.parse()
                    .map_err(|_| E::invalid_value(de::Unexpected::Str(text), &self))
            }
        }
        deserializer.deserialize_str(Visitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_written_as_four_upper_case_digits_and_read_back() {
        for number in [0, 1, 0x1C, 0xABCD, 0xFFFF] {
            let text = Id(number).to_string();
            assert_eq!(text.len(), 4);
            assert_eq!(text, text.to_uppercase());
            assert_eq!(text.parse(), Ok(Id(number)));
        }
    }

    #[test]
    fn anything_but_four_hexadecimal_digits_is_refused() {
        for text in ["", "1", "00000", "00G0", "+001", " 001", "００００"] {
            assert_eq!(text.parse::<Id>(), Err(NotAnId), "{text:?}");
        }
    }
}
