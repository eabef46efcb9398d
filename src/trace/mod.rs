//! A run as a file: JSON lines, one for each message, fault and change of a replica's state.
//!
//! It knows the course's protocol; of replicas it knows no more than what they tell of themselves
//! ([`wire::state`](crate::wire::state)). Must never draw anything. `docs/trace.md` describes the
//! format.
//!
//! | file | what it does |
//! | --- | --- |
//! | [`record`] | what a line can be |
//! | [`recording`] | from a driver's journal to records |
//! | [`compile`] | a run's report and recording as one trace |
//! | [`mod@file`] | writing and reading the lines |
//! | [`sound`] | whether records fit together |

pub mod compile;
pub mod file;
pub mod record;
pub mod recording;
pub mod sound;

pub use record::{End, Message, Record, Start, State, Trace, Violation};
pub use recording::Recording;
