//! The simulator as a user meets it: its program, real processes, real signals.
//!
//! The replicas are the echo stand-in and small scripts around it, so that nothing here depends on
//! how a real replica works.

mod bench;
mod endings;
mod letter;
mod many;
mod runs;
mod told;
mod usage;
