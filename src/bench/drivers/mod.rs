//! What drives the world: it tells it what happened and does what it wants done.
//!
//! | room | what it drives | what it must never know |
//! | --- | --- | --- |
//! | [`real`] | processes in real time, behind UDP sockets | how replicas agree |
//! | [`virtual_time`] | embedded replicas of this project in virtual time, every step checked | clocks, and chance that is not the seed's |
//!
//! A driver must never decide anything that the world decides.

pub mod real;
pub mod virtual_time;
