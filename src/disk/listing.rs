//! Which files a directory has.

use super::access::Access;
use super::errors::Failure;
use super::files::Files;
use super::names::{self, Kind};

/// The files of a directory, by what they are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Listing {
    /// Whether there is a header.
    pub(super) has_header: bool,
    /// The numbers of the segments, in their order.
    pub(super) segments: Vec<u64>,
    /// The indices of the snapshots, in their order.
    pub(super) snapshots: Vec<u64>,
    /// The names of files that were never finished.
    pub(super) temporary: Vec<String>,
    /// The names of files that are none of ours. They are left alone.
    pub(super) others: Vec<String>,
}

impl Listing {
    /// What is there.
    pub(super) fn of<F: Files>(access: &Access<F>) -> Result<Listing, Failure> {
        let mut listing = Listing::default();
        for name in access.list()? {
            match names::kind(&name) {
                Kind::Lock => {}
                Kind::Header => listing.has_header = true,
                Kind::Segment(number) => listing.segments.push(number),
                Kind::Snapshot(index) => listing.snapshots.push(index),
                Kind::Temporary => listing.temporary.push(name),
                Kind::Other => listing.others.push(name),
            }
        }
        listing.segments.sort_unstable();
        listing.snapshots.sort_unstable();
        listing.temporary.sort_unstable();
        listing.others.sort_unstable();
        Ok(listing)
    }
}
