//! What a user asks for, carried out: the only room that sees all.
//!
//! | file | what it does |
//! | --- | --- |
//! | [`cli`] | has done what the command line asks for; tells the outcome as exit status |
//! | [`arguments`] | the command line: its options and `--help` |
//! | [`prepare`] | checks what was asked for, and makes a plan of it |
//! | [`plan`] | what is to be run, and where its results go |
//! | [`runner`] | runs, real or virtual, shown as they end |
//! | [`jobs`] | makes them, several at a time if that is asked for |
//! | [`kept`] | of many that failed, the worst of each kind |
//! | [`perform`] | sweeps over seeds, shown when all are over |
//! | [`sweep`] | plays many seeds of a config on all processors |
//! | [`merge`] | `--merge`: several result files as one sweep |
//! | [`baseline`] | `--baseline`: what is better or worse than earlier results |
//! | [`ends`] | what comes of many runs: the last line and the page |
//! | [`narrator`] | what cores in virtual time log |
//! | [`panics`] | what a panic said |
//! | [`check`] | `--check`: a history file gets a verdict |
//! | [`disk`] | `--disk`: what is in a replica's directory |
//! | [`pictures`] | traces and pages into files, and from a trace to its page |
//! | [`places`] | where files are |
//! | [`replay`] | the command that repeats a run |
//!
//! No other room may know this one.

pub mod arguments;
pub mod baseline;
pub mod check;
pub mod cli;
pub mod disk;
pub mod ends;
pub mod jobs;
pub mod kept;
pub mod merge;
pub mod narrator;
pub mod panics;
pub mod perform;
pub mod pictures;
pub mod places;
pub mod plan;
pub mod prepare;
pub mod replay;
pub mod runner;
pub mod sweep;
