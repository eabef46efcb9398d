//! The simulation: clients, network, faults and counting. What happened goes in, what to do comes out.
//!
//! A driver feeds in what happened and when, and carries out the actions that come out. One driver runs
//! real processes, another one embedded replicas in virtual time.
//!
//! | file | what it does | what it must never do |
//! | --- | --- | --- |
//! | [`simulation`] | owns all below; `routing` is what becomes of datagrams, `strike` lets events happen, `dying` is about deaths, `journaling` notes messages | judge a run |
//! | [`border`] | what goes in and what comes out, as data | |
//! | [`turn`] | where in the course's loop a run is | route or fire anything |
//! | [`standing`] | which replicas can be heard, reached, chosen | know why |
//! | [`client`] | what clients ask, whom, and what they make of answers | send anything |
//! | [`network`] | which messages are lost or cut | deliver anything |
//! | [`transit`] | which messages are late or arrive twice | deliver anything |
//! | [`schedule`] | when what is due | know what it does |
//! | [`observer`] | gathers what is worth knowing when somebody asks why | influence anything |
//! | [`random`] | a stream of chance for each concern, all from the seed | share a stream |
//!
//! This room must never know sockets, clocks, threads, files or JSON, nor how replicas agree: a
//! message between them is an opaque payload that is passed on unread.

pub mod border;
pub mod client;
pub mod network;
pub mod observer;
pub mod random;
pub mod schedule;
pub mod simulation;
pub mod standing;
pub mod transit;
pub mod turn;
