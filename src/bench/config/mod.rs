//! What a run is and how it is judged: config files, and the course's seventeen tests.
//!
//! | file | what it is about |
//! | --- | --- |
//! | `file` | a whole config file, from its bytes to a [`Config`] |
//! | `events` | what goes wrong at a set time |
//! | `disk` | what goes wrong with replicas' disks |
//! | `faults` | what network and clocks do all the time |
//! | `metric` | what performance is judged by |
//! | `section` | one object of a config file: types, ranges, errors in one line |
//! | [`suite`] | the seventeen tests: their order, groups and texts |
//!
//! This room must never know how a run goes, nor how good one was.

mod disk;
mod events;
mod faults;
mod file;
mod metric;
mod section;
pub mod suite;

pub use disk::DiskFaults;
pub use events::{EventKind, PlannedEvent, Who};
pub use faults::{DRIFT_BOUND_PPM, Faults, Latency};
pub use file::Config;
#[cfg(test)]
pub(crate) use file::tests;
pub use metric::Metric;
pub use section::ConfigError;
