//! The bench: puts any replica that speaks the course's protocol through bad networks.

pub mod config;
pub mod protocol;
pub mod record;
