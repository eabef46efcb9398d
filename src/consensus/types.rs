//! Terms, log indices, log IDs and incarnations: numbers that must not be mixed up.

use std::fmt;

/// A term: Raft's logical clock, with at most one leader each (Raft §5.1). 0 is before the first
/// election.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Term(pub u64);

/// The index of an entry in the log. The first entry has index 1; 0 is the place before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Index(pub u64);

impl Index {
    /// The place before the first entry.
    pub const ZERO: Index = Index(0);

    /// The index after this one.
    pub fn next(self) -> Index {
        Index(self.0.saturating_add(1))
    }

    /// The index before this one.
    ///
    /// # Panics
    ///
    /// If this is [`Index::ZERO`].
    pub fn previous(self) -> Index {
        Index(self.0.checked_sub(1).expect("nothing lies before index 0"))
    }
}

/// An entry's index and the term it was created in. By the log matching property (Raft §5.3), two
/// logs that hold the same log ID are identical up to it.
///
/// Log IDs compare as Raft's up-to-date check does (§5.4.1): first by term, then by index.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LogId {
    /// The term of the entry; compared first.
    pub term: Term,
    /// The index of the entry.
    pub index: Index,
}

/// One life of a replica: a random number that it draws when it starts without a memory. A replica that
/// comes back under its ID with another one has forgotten what it has promised.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Incarnation(pub u32);

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl fmt::Display for Index {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl fmt::Display for LogId {
    /// Writes `index@term`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.index, self.term)
    }
}

impl fmt::Display for Incarnation {
    /// Writes eight hexadecimal digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", self.0)
    }
}
