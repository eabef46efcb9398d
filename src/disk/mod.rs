//! A replica's memory on a disk: a log with a hard state, and snapshots, in a directory of their own.
//!
//! What is handed over comes back after any crash, once it was said to be durable. What entries and snapshots mean is
//! their user's business. `docs/disk.md` has the format of the files, what is promised, and under which assumptions.
//! This module must never know consensus, keys and values, or sockets.
//!
//! | file | what it does |
//! | --- | --- |
//! | [`files`] | what is needed of a file system |
//! | [`real`] | the machine's |
//! | [`simulated`] | one that loses, tears and fails, from a seed |
//! | [`errors`] | what can go wrong, as sentences |
//! | [`settings`] | what the user may choose |
//! | `access` | the file system with such errors; the first one ends all writing |
//! | `names`, `listing` | which files there are |
//! | `frame` | what is synced together, with a checksum; torn or damaged |
//! | [`item`] | what is in frames |
//! | [`batch`] | what the user hands over |
//! | [`header`] | whose directory it is |
//! | [`snapshot`] | snapshots, written and read |
//! | [`log`] | the log, read |
//! | [`directory`] | all of it: opened, written to, cut |
//! | [`writer`] | a thread for it, so that nobody waits for the disk |
//! | [`inspect`] | what is in a directory, for a person |
//! | `mistakes` | classic mistakes to build in, for testing the tests |

mod access;
pub mod batch;
pub mod directory;
pub mod errors;
pub mod files;
mod frame;
pub mod header;
pub mod inspect;
pub mod item;
mod listing;
pub mod log;
pub(crate) mod mistakes;
mod names;
pub mod real;
pub mod settings;
pub mod simulated;
pub mod snapshot;
pub mod writer;

#[cfg(test)]
mod tests;

pub use batch::Batch;
pub use directory::{Beside, Directory, Recovered};
pub use errors::{Damage, Failure, OpenError, TornTail};
pub use files::Files;
pub use header::Whose;
pub use item::HardState;
pub use log::{Entries, Entry};
pub use settings::Settings;
pub use snapshot::{About, Snapshot};
pub use writer::Writer;
