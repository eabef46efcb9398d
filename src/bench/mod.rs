//! The bench: puts any replica that speaks the course's protocol through bad networks, and says what
//! it found.
//!
//! A room may use the rooms above it in this table, and none below. The test `architecture` fails on
//! any other use, and on files that use each other in a circle.
//!
//! | room | what it is for | what it must never know |
//! | --- | --- | --- |
//! | [`protocol`] | the course's protocol: who takes part, what they say, how it is written | what a run is |
//! | [`config`] | what a run is and how it is judged; the seventeen tests | how a run goes |
//! | [`record`] | what happened in a run, as plain data | what made it, whether it was good |
//! | [`world`] | the simulation: clients, network, faults; what happened goes in, what to do comes out | replicas, sockets, clocks, threads |
//! | [`verdict`] | whether a run was good, by what it left behind | what made it, how it is shown |
//! | [`trace`] | a run as a file | drawing |
//! | [`page`] | the picture of a run or of sweeps, an HTML file | anything but traces and samples |
//! | [`show`] | what is printed | what made a run |
//! | [`drivers`] | `real` runs processes, `virtual_time` embeds this project's | what is asked for; `real`: how replicas agree |
//! | [`app`] | what a user asks for, carried out | nothing: the only room that sees all |
//!
//! Only `drivers::virtual_time` and `app` know this project's replica from inside. `trace`, `page`
//! and `drivers::real` know what a replica may tell of its state ([`course::state`](crate::course::state)),
//! which is plain data.

pub mod app;
pub mod config;
pub mod drivers;
pub mod page;
pub mod protocol;
pub mod record;
pub mod show;
pub mod trace;
pub mod verdict;
pub mod world;
