//! What is printed.
//!
//! | file | what it shows |
//! | --- | --- |
//! | [`output`] | a run, or a test of `all`, as text |
//! | `reasons` | why a run went as it did |
//! | [`strip`] | a run at a glance: who led, faults, waiting requests |
//! | [`table`] | the table at the end of `all` |
//! | [`summary`] | what sweeps found |
//! | [`kinds`] | what failed how often in many runs |
//! | [`changes`] | what became better or worse since earlier runs |
//! | [`paint`] | colours |
//! | [`terminal`] | where a user reads: lines on stdout and a bar on stderr, by a thread of its own |
//! | [`progress`] | the bars: of a run, and of sweeps |
//!
//! This room must never decide what is good, and must never know what made a run. Only `terminal` and
//! `progress` write; the others only make texts.

pub mod changes;
pub mod kinds;
pub mod output;
pub mod paint;
pub mod progress;
mod reasons;
pub mod strip;
pub mod summary;
pub mod table;
pub mod terminal;

/// A report for the tests of whatever shows reports: no two of its numbers are the same.
#[cfg(test)]
pub(crate) mod golden;
