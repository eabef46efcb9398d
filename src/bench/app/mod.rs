//! What a user asks for, carried out: the only room that sees all.
//!
//! | file | what it does |
//! | --- | --- |
//! | [`cli`] | reads the command line; tells the outcome as exit status |
//! | [`plan`] | what is to be run, and where its results go |
//! | [`runner`] | one run after the other, real or virtual, shown as they end |
//! | [`perform`] | sweeps over seeds, shown when all are over |
//! | [`sweep`] | plays many seeds of a config on all processors |
//! | [`check`] | `--check`: a history file gets a verdict |
//! | [`pictures`] | traces and pages into files, and from a trace to its page |
//! | [`places`] | where files are |
//! | [`replay`] | the command that repeats a run |
//!
//! No other room may know this one.

pub mod check;
pub mod cli;
pub mod perform;
pub mod pictures;
pub mod places;
pub mod plan;
pub mod replay;
pub mod runner;
pub mod sweep;
