//! Classic mistakes of a replicated store, to be built in on demand, so that the checks can be checked: each must be
//! found by a sweep. They exist in this crate's own tests only.

/// A mistake in how clients are served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(not(test), allow(dead_code))]
pub(crate) enum Mistake {
    /// Answering a put before a quorum holds it.
    AnswerBeforeQuorum,
    /// Redirecting the clients of puts in the log when stepping down.
    RedirectInLimbo,
    /// Answering gets as a follower.
    FollowerAnswersGets,
    /// Taking a snapshot of puts of which it is not known whether they are answered.
    SnapshotOfUnsettled,
    /// Answering gets under the lease although a put to their key may have been answered by a follower.
    GetOverlooksLimbo,
    /// Answering again, after a restart, what the log holds.
    AnswerAgain,
}

/// The mistake that is made, if any.
#[cfg(test)]
pub(crate) type Made = Option<Mistake>;

/// Outside of tests none is.
#[cfg(not(test))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Made;
