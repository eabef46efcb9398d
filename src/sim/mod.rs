//! The simulator: puts any replica that speaks the course's protocol through bad networks.
//!
//! It knows the course's protocol and must never know Raft, or any other way in which replicas may
//! agree.
//!
//! | subject | modules |
//! | --- | --- |
//! | the driver for real processes | [`processes`], [`delayed`], [`children`], [`guard`], [`strays`] and [`watchdog`] (nobody is orphaned), [`signals`], `state_lines` (what replicas tell of themselves) |
//! | what a user asks for | [`cli`], [`places`] (files), [`runner`] (one run after the other), [`replay`] (the command that repeats one) |
//! | what a user sees | [`pictures`] (traces and reports) |

pub mod children;
pub mod cli;
pub mod delayed;
pub mod guard;
pub mod pictures;
pub mod places;
pub mod processes;
pub mod replay;
pub mod runner;
pub mod signals;
mod state_lines;
pub mod strays;
pub mod watchdog;
