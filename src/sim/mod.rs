//! The simulator: puts any replica that speaks the course's protocol through bad networks.
//!
//! It knows the course's protocol and must never know Raft, or any other way in which replicas may
//! agree. The heart, [`world::Simulation`], is plain state: what happened goes in, what to do comes
//! out; it has no sockets, clocks or processes. A driver below it has: [`processes`] runs real
//! replicas in real time.
//!
//! | subject | modules |
//! | --- | --- |
//! | what a run is | [`config`], [`suite`] (the seventeen tests) |
//! | the simulation | [`world`], which owns [`client`], [`network`], [`schedule`], [`stats`] |
//! | its vocabulary | [`roster`] (who is who), [`message`], [`history`], [`random`] (seeded streams) |
//! | the verdict | [`scoring`], [`report`], [`history_check`] |
//! | the driver for real processes | [`processes`], [`datagram`] (JSON), [`children`], [`guard`] and [`watchdog`] (nobody is orphaned), [`signals`] |
//! | what a user sees | [`cli`], [`terminal`], `progress`, [`output`], [`table`], [`json`] |

pub mod children;
pub mod cli;
pub mod client;
pub mod config;
pub mod datagram;
pub mod guard;
pub mod history;
pub mod history_check;
pub mod json;
pub mod message;
pub mod network;
pub mod output;
pub mod processes;
mod progress;
pub mod random;
pub mod report;
pub mod roster;
pub mod schedule;
pub mod scoring;
pub mod signals;
pub mod stats;
pub mod suite;
pub mod table;
pub mod terminal;
pub mod watchdog;
pub mod world;
