//! The protocol core under an exhaustive check: stateright tries every order of deliveries, losses,
//! duplicates, requests and timeouts within the bounds, on the very code that the replica runs.
//!
//! The tests here are small enough for every `cargo test`. The figures in NOTES.md come from
//! `cargo test --release --test model -- --ignored --nocapture`.

mod cluster;
mod model;
mod properties;
mod scenes;

use std::time::{Duration, Instant};

use leasekv::raft::Term;
use stateright::{Checker, HasDiscoveries, Model};

use crate::model::Bounded;
use crate::properties as p;

fn check(name: &str, model: Bounded, states: usize, depth: usize) {
    let start = Instant::now();
    let checker = model
        .checker()
        .threads(2)
        .target_state_count(states)
        .target_max_depth(depth)
        .finish_when(HasDiscoveries::AnyFailures)
        .spawn_bfs()
        .join();
    println!(
        "{name}: {} states, {} different, depth {}, {:.1} s",
        checker.state_count(),
        checker.unique_state_count(),
        checker.max_depth(),
        start.elapsed().as_secs_f64()
    );
    for (name, path) in checker.discoveries() {
        println!("   {name}: {} steps", path.into_actions().len());
    }
    checker.assert_properties();
}

#[test]
fn probe() {
    let env = |k: &str, d: usize| std::env::var(k).map_or(d, |s| s.parse().unwrap());
    let o = scenes::coarse();
    let scene = match env("SCENE", 0) {
        0 => scenes::beginning(&o, false),
        1 => scenes::led(&o, false),
        2 => scenes::contested(&o),
        _ => panic!(),
    };
    let m = Bounded {
        scene,
        must_happen: vec![p::elected],
        last_term: Term(env("TERMS", 2) as u64),
        entries: env("ENTRIES", 3),
        timeouts: env("W", 2),
        duplicates: env("DUP", 0),
        puts: env("PUTS", 1),
        gets: 0,
        time: Duration::ZERO,
    };
    check("probe", m, env("STATES", 4_000_000), env("DEPTH", 1000));
}
