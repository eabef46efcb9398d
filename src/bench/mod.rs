//! The bench: puts any replica that speaks the course's protocol through bad networks.

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
