//! The protocol core under an exhaustive check: stateright tries every order of deliveries, losses,
//! duplicates, requests and timeouts within the bounds, on the very code that the replica runs.
//!
//! What is left out: replicas that come back without their memory (they cannot yet), clocks that
//! drift (`tests/raft/chaos.rs` has them), and whatever takes more than the bounds allow. Within
//! them nothing is left to chance, as the core's source of it starts anew at each step.
//!
//! The tests for every `cargo test` are small. `cargo test --release --test model -- --ignored
//! --nocapture --test-threads 1` takes some minutes and prints the figures of NOTES.md.

mod cluster;
mod model;
mod properties;
mod scenes;

use std::time::{Duration, Instant};

use leasekv::id::Id;
use leasekv::raft::Term;
use stateright::{Checker, DiscoveryClassification, HasDiscoveries, Model};

use crate::cluster::TICK;
use crate::model::Bounded;
use crate::scenes::{beginning, coarse, contested, just_leased, leased, led};

/// A check must not fill the memory: at this many states it ends, and says so.
const MOST_STATES: usize = 40_000_000;
/// Nor must it go on for ever.
const MOST_TIME: Duration = Duration::from_secs(90);

/// Everybody may stand for election at any time. No clients.
fn elections() -> Bounded {
    Bounded {
        scene: beginning(&coarse(), false),
        must_happen: vec![properties::elected],
        last_term: Term(3),
        entries: 3,
        in_flight: 2,
        duplicates: 0,
        timeouts: 2,
        active: vec![Id(0), Id(1), Id(2)],
        puts: 0,
        gets: 0,
        time: Duration::ZERO,
    }
}

/// A leader has a put, and its successor inherits it or not.
fn succession() -> Bounded {
    Bounded {
        scene: led(&coarse(), false),
        must_happen: vec![properties::stored, properties::inherited],
        in_flight: 1,
        duplicates: 1,
        timeouts: 2,
        active: vec![Id(0), Id(1)],
        puts: 1,
        ..elections()
    }
}

/// Two logs that each hold what the other lacks (Raft's Figure 8).
fn contest() -> Bounded {
    Bounded {
        scene: contested(&coarse()),
        must_happen: vec![properties::overwritten],
        last_term: Term(4),
        entries: 4,
        duplicates: 0,
        timeouts: 4,
        ..succession()
    }
}

/// A leader is succeeded while its lease lasts, and asked by clients all the time. One clock for
/// all, and everybody may be called late.
fn reads() -> Bounded {
    Bounded {
        scene: just_leased(&leased()),
        must_happen: vec![properties::read, properties::read_from_deposed],
        duplicates: 0,
        timeouts: 1,
        // The scene has made one of them.
        puts: 2,
        entries: 4,
        gets: 1,
        time: 2 * TICK,
        ..succession()
    }
}

#[test]
fn elections_are_safe() {
    check("elections", elections());
}

#[test]
fn succession_is_safe() {
    check("succession", succession());
}

#[test]
fn a_contest_is_safe() {
    check("contest", contest());
}

#[test]
fn reads_are_safe() {
    check("reads", reads());
}

#[test]
#[ignore = "takes minutes"]
fn elections_are_safe_widely() {
    let base = elections;
    check(
        "elections, a duplicate",
        Bounded {
            duplicates: 1,
            ..base()
        },
    );
    check(
        "elections, 3 timeouts",
        Bounded {
            timeouts: 3,
            ..base()
        },
    );
    check(
        "elections, 3 in flight",
        Bounded {
            in_flight: 3,
            ..base()
        },
    );
}

#[test]
#[ignore = "takes minutes"]
fn succession_is_safe_widely() {
    let base = succession;
    check(
        "succession, 3 timeouts",
        Bounded {
            timeouts: 3,
            ..base()
        },
    );
    check(
        "succession, 2 in flight",
        Bounded {
            in_flight: 2,
            ..base()
        },
    );
    check(
        "succession, 2 puts",
        Bounded {
            puts: 2,
            entries: 4,
            ..base()
        },
    );
}

#[test]
#[ignore = "takes minutes"]
fn a_contest_is_safe_widely() {
    let base = contest;
    check(
        "contest, 5 timeouts",
        Bounded {
            timeouts: 5,
            ..base()
        },
    );
    check(
        "contest, 2 in flight",
        Bounded {
            in_flight: 2,
            ..base()
        },
    );
    check(
        "contest, 6 timeouts",
        Bounded {
            timeouts: 6,
            entries: 5,
            ..base()
        },
    );
}

#[test]
#[ignore = "takes minutes"]
fn reads_are_safe_widely() {
    let base = reads;
    check(
        "reads, 3 ticks",
        Bounded {
            time: 3 * TICK,
            ..base()
        },
    );
    check(
        "reads, a duplicate",
        Bounded {
            duplicates: 1,
            ..base()
        },
    );
    check("reads, 2 gets", Bounded { gets: 2, ..base() });
    check(
        "reads, 3 ticks, 2 timeouts",
        Bounded {
            timeouts: 2,
            time: 3 * TICK,
            ..base()
        },
    );
    check(
        "reads, 2 in flight",
        Bounded {
            in_flight: 2,
            ..base()
        },
    );
}

/// Goes through all that the bounds allow and fails, with the steps that led there, if a promise is
/// broken or if what must happen does not.
fn check(name: &str, bounded: Bounded) {
    let start = Instant::now();
    let checker = bounded
        .checker()
        .threads(std::thread::available_parallelism().map_or(1, usize::from))
        .target_state_count(MOST_STATES)
        .timeout(MOST_TIME)
        .finish_when(HasDiscoveries::AnyFailures)
        .spawn_bfs()
        .join();
    let time = start.elapsed();
    let broken: Vec<_> = checker
        .discoveries()
        .into_iter()
        .filter(|(property, _)| {
            let found = checker.discovery_classification(property);
            matches!(found, DiscoveryClassification::Counterexample)
        })
        .collect();
    let ended = if !broken.is_empty() {
        "broken"
    } else if checker.state_count() >= MOST_STATES || time >= MOST_TIME {
        "not all"
    } else {
        "all"
    };
    println!(
        "{name}: {ended}, {} states, {} different, depth {}, {:.1} s",
        checker.state_count(),
        checker.unique_state_count(),
        checker.max_depth(),
        time.as_secs_f64()
    );
    for (property, path) in broken {
        println!(
            "  {property}, in {} steps:",
            path.clone().into_actions().len()
        );
        for step in path.clone().into_actions() {
            println!("    {step}");
        }
        println!("{:?}", path.last_state());
    }
    // It panics, too, if what must happen has not.
    checker.assert_properties();
}
