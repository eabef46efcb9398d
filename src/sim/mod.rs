//! The simulator: puts any replica that speaks the course's protocol through bad networks.
//!
//! It knows the course's protocol and must never know Raft, or any other way in which replicas may
//! agree.
//!
//! | subject | modules |
//! | --- | --- |
//! | what a user asks for | [`cli`], [`places`] (files), [`runner`] (one run after the other), [`replay`] (the command that repeats one) |
//! | what a user sees | [`pictures`] (traces and reports) |

pub mod cli;
pub mod pictures;
pub mod places;
pub mod replay;
pub mod runner;
