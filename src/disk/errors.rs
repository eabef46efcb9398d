//! What can go wrong, as sentences that name the file and say what to do.

use std::fmt;
use std::io::ErrorKind;

/// Something in a file that is not as it was written, and cannot be explained by a crash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// The file's path.
    pub place: String,
    /// Where in the file, in bytes from its beginning.
    pub offset: u64,
    /// What is there.
    pub found: String,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Damage {
            place,
            offset,
            found,
        } = self;
        write!(f, "{place}, byte {offset}: {found}")
    }
}

/// The end of a log that a crash has left unfinished. It was never durable, and is cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TornTail {
    /// Where it is, and what was found there.
    pub at: Damage,
    /// How many bytes are cut.
    pub bytes: u64,
}

impl fmt::Display for TornTail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let TornTail { at, bytes } = self;
        write!(
            f,
            "{at}; a crash has left this unfinished, {bytes} bytes are cut"
        )
    }
}

/// Why a directory is not used. Nothing in it was changed, but for files that were never finished.
#[derive(Debug)]
pub enum OpenError {
    /// Another process uses it.
    InUse {
        /// The lock's path.
        place: String,
    },
    /// The file system refuses something.
    Refused {
        /// What was to be done.
        doing: &'static str,
        /// The path.
        place: String,
        /// Why not.
        said: String,
    },
    /// It is another replica's, another cluster's, or of another format.
    Foreign {
        /// The header's path.
        place: String,
        /// What differs.
        what: &'static str,
        /// What is in the header.
        found: String,
        /// What was asked for.
        expected: String,
    },
    /// Something in it is not as it was written.
    Damaged(Damage),
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OpenError::InUse { place } => {
                write!(
                    f,
                    "{place}: another process uses this directory; stop it, or use another directory"
                )
            }
            OpenError::Refused { doing, place, said } => {
                write!(f, "{place}: cannot {doing}: {said}")
            }
            OpenError::Foreign {
                place,
                what,
                found,
                expected,
            } => write!(
                f,
                "{place}: the directory is of {what} {found}, and {what} {expected} was asked for; use this one's own directory"
            ),
            OpenError::Damaged(damage) => write!(
                f,
                "{damage}. Nothing was changed. Try once more, in case only the reading failed. If it stays so, durable \
                 data is lost: move the directory away, and do not bring the replica back under its ID"
            ),
        }
    }
}

impl std::error::Error for OpenError {}

impl From<Damage> for OpenError {
    fn from(damage: Damage) -> OpenError {
        OpenError::Damaged(damage)
    }
}

impl From<Failure> for OpenError {
    fn from(failure: Failure) -> OpenError {
        let Failure {
            doing, place, said, ..
        } = failure;
        OpenError::Refused { doing, place, said }
    }
}

/// A write or sync that failed. It is not tried again, and nothing else is written after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What was to be done.
    pub doing: &'static str,
    /// The path.
    pub place: String,
    /// Of which kind the error is.
    pub kind: ErrorKind,
    /// What the file system said.
    pub said: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Failure {
            doing, place, said, ..
        } = self;
        write!(
            f,
            "{place}: cannot {doing}: {said}; nothing more is written, and what was not durable before may be lost"
        )
    }
}

impl std::error::Error for Failure {}
