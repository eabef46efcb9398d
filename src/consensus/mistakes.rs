//! Classic mistakes that can be built in on demand, so that the checks can be checked: each must be
//! found by a sweep. They exist in this crate's own tests only; elsewhere nothing makes any, for the compiler
//! to see.

/// A mistake of the kind that implementations of Raft and of leases have made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(not(test), allow(dead_code))]
pub(crate) enum Mistake {
    /// Counting replicas to commit an entry of an older term (Raft's Figure 8).
    CommitOlderTerms,
    /// Voting twice in a term.
    VoteTwice,
    /// Voting for a candidate whose log lacks entries.
    NoUpToDateCheck,
    /// Removing what stands behind the entries of an append although they match.
    TruncateMatching,
    /// Committing at once after an election, whatever lease the old leader may have.
    NoDeferral,
    /// Waiting for just the lease's length, as if all clocks ran alike.
    NoDriftMargin,
    /// Counting the lease from the quorum's answer instead of the entry's creation.
    LeaseFromAnswer,
    /// Taking what came along a route for committed without counting who holds it.
    RouteIsNoQuorum,
    /// Granting every pre-vote.
    NoPreVoteRefusal,
    /// Reading the clock before the messages are received that it is to judge: a pause in between
    /// makes an old lease look new. The driver's mistake.
    ClockReadTooEarly,
    /// Voting, and asking for votes, before the term and the vote are on stable storage.
    VoteBeforeSync,
    /// Giving a receipt before the entries are on stable storage.
    ReceiptBeforeSync,
    /// Counting the leader's own copy of an entry before it is on stable storage.
    LeaderCountsUnsynced,
    /// Going on as the leader after a restart, with a lease.
    LeaseSurvivesRestart,
    /// Taking what was read from stable storage for as old as can be: the lease of another may rest on it.
    HeldSinceLost,
}

/// The mistake that is made, if any.
#[cfg(test)]
pub(crate) type Made = Option<Mistake>;

/// Outside of tests none is.
#[cfg(not(test))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Made;
