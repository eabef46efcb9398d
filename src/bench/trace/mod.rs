//! A run as a file: JSON lines, one for each message, fault and change of a replica's state.
//!
//! `docs/trace.md` describes the format.
//!
//! | file | what it does |
//! | --- | --- |
//! | [`record`] | what a line can be |
//! | [`recording`] | from a driver's journal to records |
//! | [`compile`] | a run's report and recording as one trace |
//! | [`mod@file`] | writing and reading the lines |
//! | [`sound`] | whether records fit together |
//! | [`played`] | reads what `--json` wrote |
//! | [`results`] | what came of a run, as one JSON object: `--json`, and a trace's last line |
//!
//! This room knows the course's protocol. Of replicas it must never know more than what they tell of
//! themselves ([`course::state`](crate::course::state)), and it must never draw anything.

pub mod compile;
pub mod file;
pub mod played;
pub mod record;
pub mod recording;
pub mod results;
pub mod sound;

pub use record::{End, Message, Output, Record, Start, State, Trace, Violation};
pub use recording::Recording;
