//! Classic mistakes that can be built in on demand, so that the tests can be tested: each must be found. They exist
//! in this crate's own tests only; elsewhere nothing makes any, for the compiler to see.

/// A mistake of the kind that stores have made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(not(test), allow(dead_code))]
pub(crate) enum Mistake {
    /// Giving a snapshot its name before what is in it is durable.
    SnapshotRenamedBeforeSync,
    /// Removing old segments of the log before the snapshot that makes them needless is durable.
    LogCutBeforeSnapshot,
    /// Trying a failed sync once more, and believing the second one.
    SyncRetried,
    /// Taking a frame for whole by its length, without its checksum.
    TornTakenForWhole,
    /// Taking any damage for the end of the log.
    DamageTakenForEnd,
    /// Building on what was read at the start without having made it durable.
    StartNotSynced,
}

/// The mistake that is made, if any.
#[cfg(test)]
pub(crate) type Made = Option<Mistake>;

/// Outside of tests none is.
#[cfg(not(test))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Made;
