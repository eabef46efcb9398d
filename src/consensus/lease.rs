//! The log is the lease (LeaseGuard, Davis et al., SIGMOD 2026, arXiv 2512.15659).
//!
//! Committing an entry of its own term entitles the leader to serve reads alone for Δ from the *creation* of that
//! entry. A new leader replicates at once but commits nothing before its last inherited entry is older, in its own log,
//! than Δ and the clocks' drift. Why no read can be stale: let a deposed leader serve one under the committed entry e,
//! created at c. Any later leader has e in its log (leader completeness), has it since r ≥ c, and commits nothing before
//! r + W; W on its clock is longer than Δ on the other's. The clocks need not agree on the time, only on its rate.

use std::hash::{Hash, Hasher};
use std::time::Duration;

use super::fingerprint::Measure;
use super::log::Log;
use super::options::Options;
use super::time::Time;
use super::types::Index;

/// A leader's lease.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Lease {
    /// When the latest committed entry of the leader's term was created.
    from: Option<Time>,
}

impl Lease {
    /// An entry of the leader's term is committed that was created then.
    pub(super) fn renew(&mut self, created_at: Time) {
        self.from = Some(created_at);
    }

    /// Whether any entry of the leader's term has been committed.
    pub(super) fn was_held(&self) -> bool {
        self.from.is_some()
    }

    /// How much longer reads may be served alone, if at all.
    pub(super) fn left(&self, now: Time, options: &Options) -> Option<Duration> {
        let until = self.from? + options.timing.lease;
        (now < until).then(|| until.since(now))
    }

    /// What a model checker tells leases apart by.
    pub(super) fn fingerprint(
        &self,
        measure: Measure,
        options: &Options,
        hasher: &mut impl Hasher,
    ) {
        let Lease { from } = self;
        let until = from.map(|from| measure.until(from + options.timing.lease));
        (from.is_some(), until.unwrap_or(0)).hash(hasher);
    }
}

/// From when on a new leader may commit: by then no deposed leader has a lease. Every entry that one may have committed
/// is in our log, and was created before we had it.
///
/// # Panics
///
/// If the log does not say since when it has its last entry: then nothing would be known of leases.
pub(super) fn commits_from<C>(log: &Log<C>, now: Time, options: &Options) -> Time {
    if log.last_index() == Index::ZERO {
        return now;
    }
    let held_since = log.held_since(log.last_index()).expect(
        "since when the last entry is held must be known: a deposed leader's lease may rest on it",
    );
    held_since + options.commit_deferral()
}
