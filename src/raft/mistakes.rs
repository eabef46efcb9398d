//! Classic mistakes that can be built into the protocol on demand, so that the checks can be checked:
//! each must be found by a sweep. They exist in this crate's own tests only; elsewhere
//! [`Options::makes`] is `false` for the compiler to see.

use super::options::Options;

/// A mistake of the kind that implementations of Raft and of leases have made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
// Some are made by the driver of the sweeps, which the replica alone is built without.
#[cfg_attr(not(feature = "simulator"), allow(dead_code))]
pub(crate) enum Mistake {
    /// Counting replicas to commit an entry of an older term (Raft's Figure 8).
    CommitOlderTerms,
    /// Voting twice in a term.
    VoteTwice,
    /// Voting for a candidate whose log lacks entries.
    NoUpToDateCheck,
    /// Removing what stands behind the entries of an append although they match.
    TruncateMatching,
    /// Answering a put before a quorum holds it.
    AnswerBeforeQuorum,
    /// Committing at once after an election, whatever lease the old leader may have.
    NoDeferral,
    /// Waiting for just the lease's length, as if all clocks ran alike.
    NoDriftMargin,
    /// Counting the lease from the quorum's answer instead of the entry's creation.
    LeaseFromAnswer,
    /// Redirecting the clients of puts in the log when stepping down.
    RedirectInLimbo,
    /// Answering gets as a follower.
    FollowerAnswersGets,
    /// Answering gets under the lease although a put to their key may have been answered by a follower.
    GetOverlooksLimbo,
    /// Taking what came along a route for committed without counting who holds it.
    RouteIsNoQuorum,
    /// Granting every pre-vote.
    NoPreVoteRefusal,
    /// Reading the clock before the datagrams that it is to judge are received: a pause in between
    /// makes an old lease look new. The driver's mistake, not the core's.
    ClockReadTooEarly,
}

impl Options {
    /// Whether this replica makes that mistake.
    #[cfg(test)]
    pub(crate) fn makes(&self, mistake: Mistake) -> bool {
        self.mistake == Some(mistake)
    }

    /// Whether this replica makes that mistake: outside of tests it makes none.
    #[cfg(not(test))]
    #[inline(always)]
    pub(crate) const fn makes(&self, _: Mistake) -> bool {
        false
    }
}
