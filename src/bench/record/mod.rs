//! What happened in a run, as plain data.
//!
//! | file | what it holds |
//! | --- | --- |
//! | [`stats`] | counts and times |
//! | [`timeline`] | who led, what was done to the cluster, which requests waited |
//! | [`history`] | what clients asked and were told, for whoever checks it |
//! | [`journal`] | every message, if somebody wants it |
//! | [`observed`] | what else was seen, for whoever asks why it went so |
//! | [`lateness`] | what held a run in real time up |
//! | [`status`] | a glance at a run under way |
//! | [`ended`] | all that is known of a run when it is over |
//!
//! Whatever makes a run notes into these. This room must never know what makes a run, whether it was
//! good, or how it is shown, and it must never influence a run.

pub mod ended;
pub mod history;
pub mod journal;
pub mod lateness;
pub mod observed;
pub mod stats;
pub mod status;
pub mod timeline;
