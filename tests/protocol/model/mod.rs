//! The protocol under an exhaustive check: stateright tries every order of deliveries, losses,
//! duplicates, requests and timeouts within bounds, on the very code that the replica runs, and holds every step
//! against `leasekv::promises`.
//!
//! `docs/model-check.md` has the scenes with their bounds and figures, what is not covered, and how to read a
//! counterexample. The tests for every `cargo test` are small. `cargo test --release --test protocol model --
//! --ignored --nocapture --test-threads 1` goes further, and takes an hour.

mod action;
mod bounded;
mod disks;
mod event;
mod five;
mod forget;
mod options;
mod past;
mod scenes;
mod state;
mod three;

use std::time::{Duration, Instant};

use bounded::Bounded;
use leasekv::promises::Broken;
use stateright::{Checker, HasDiscoveries, Model};

/// A check must not fill the memory: at this many states it ends, and says so.
const MOST_STATES: usize = 40_000_000;

/// What became of a search.
struct Found {
    is_complete: bool,
    broken: Option<Broken>,
}

/// Goes through all that the bounds allow and fails, with the steps that led there, if a promise is
/// broken, if what must happen does not, or if there is too much to go through.
fn check(name: &str, bounded: Bounded) {
    let found = search(name, &bounded, 1, Duration::from_secs(600));
    if let Some(broken) = found.broken {
        panic!("{name}: {broken}");
    }
    for event in &bounded.must_happen {
        assert!(bounded.seen.has(*event), "{name}: {event:?} never happens");
    }
    assert!(found.is_complete, "{name}: not all was searched");
}

/// The same with much to go through: as far as it gets.
fn check_widely(name: &str, bounded: Bounded) {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let name = format!("{name}, {}", bounded.bounds());
    let found = search(&name, &bounded, threads, Duration::from_secs(90));
    if let Some(broken) = found.broken {
        panic!("{name}: {broken}");
    }
}

/// Fails unless that promise is broken somewhere.
fn find(name: &str, bounded: Bounded, promise: &str) {
    let found = search(name, &bounded, 1, Duration::from_secs(600));
    let broken = found.broken.map(|it| it.promise);
    assert_eq!(broken, Some(promise), "{name}: mended?");
}

fn search(name: &str, bounded: &Bounded, threads: usize, most_time: Duration) -> Found {
    let start = Instant::now();
    let checker = bounded
        .clone()
        .checker()
        .threads(threads)
        .target_state_count(MOST_STATES)
        .timeout(most_time)
        .finish_when(HasDiscoveries::AnyFailures)
        .spawn_bfs()
        .join();
    let time = start.elapsed();
    let path = checker.discoveries().into_values().next();
    let is_complete = checker.state_count() < MOST_STATES && time < most_time;
    let ended = match (&path, is_complete) {
        (Some(_), _) => "broken",
        (None, true) => "all",
        (None, false) => "not all",
    };
    println!(
        "{name}: {ended}, {} states, {} different, depth {}, {:.1} s",
        checker.state_count(),
        checker.unique_state_count(),
        checker.max_depth(),
        time.as_secs_f64()
    );
    println!("  {:?}", bounded.seen);
    let broken = path.map(|path| {
        let last = path.last_state().clone();
        let steps = path.into_actions();
        println!("  in {} steps:", steps.len());
        steps.iter().for_each(|step| println!("    {step}"));
        println!("{last:?}");
        last.broken.expect("that is the property")
    });
    Found {
        is_complete,
        broken,
    }
}
