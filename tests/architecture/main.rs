//! Which module may know which: the architecture as a table, and a test that fails on every other edge.
//!
//! It reads the source files as text. What is for tests alone does not count. `paths` finds what a file
//! uses, `rules` holds it against the table, `examples` shows that both find what they must.

mod examples;
mod paths;
mod rules;
mod words;

use std::fs;
use std::path::Path;

use rules::{Room, check};

/// Clocks, threads, sockets, files and processes: what code that only computes must never know.
const OUTSIDE: &[&str] = &[
    "std::time::Instant",
    "std::time::SystemTime",
    "std::thread",
    "std::net",
    "std::fs",
    "std::process",
    "mio",
    "rustix",
    "signal_hook",
];
/// What a disk must not know of the machine.
const SOCKETS: &[&str] = &["std::net", "mio", "rustix"];
const JSON: &[&str] = &["serde_json"];
/// Chance that no seed repeats.
const CHANCE: &[&str] = &["rand::rng", "rand::random"];

const fn room(
    name: &'static str,
    uses: &'static [&'static str],
    never: &'static [&'static [&'static str]],
) -> Room {
    Room { name, uses, never }
}

/// A room may use itself and what stands here, which is all of rows above it: so no arrow runs back up.
#[rustfmt::skip]
const TABLE: &[Room] = &[
    room("id", &[], &[OUTSIDE]),

    // The replica.
    room("consensus", &["id"], &[OUTSIDE, JSON, CHANCE]),
    room("kv", &["id", "consensus"], &[OUTSIDE, JSON, CHANCE]),
    room("replica", &["id", "consensus", "kv"], &[OUTSIDE, JSON, CHANCE]),
    room("options", &["consensus", "kv", "replica"], &[OUTSIDE, JSON, CHANCE]),
    room("disk", &["id"], &[SOCKETS, JSON, CHANCE]),
    room("stored", &["id", "consensus", "kv", "replica", "disk"], &[OUTSIDE, JSON, CHANCE]),
    room("course", &["id", "consensus", "kv", "replica", "stored"], &[]),
    room("bin::leasekv", &["consensus", "replica", "course"], &[]),

    // The simulator.
    room("linearizability", &["id"], &[OUTSIDE]),
    room("promises", &["id", "consensus", "kv", "replica"], &[OUTSIDE, JSON, CHANCE]),
    room("bench::protocol", &["id"], &[OUTSIDE]),
    room("bench::config", &["id", "bench::protocol::roster"], &[]),
    room("bench::record", &["id", "bench::protocol::message", "bench::config"], &[OUTSIDE]),
    room("bench::world",
        &["id", "bench::protocol::message", "bench::protocol::roster", "bench::config", "bench::record"],
        &[OUTSIDE, JSON, CHANCE]),
    room("bench::verdict",
        &["id", "linearizability", "bench::protocol::message", "bench::config", "bench::record"],
        &[OUTSIDE]),
    room("bench::trace",
        &["id", "linearizability", "course::state", "bench::protocol", "bench::config", "bench::record",
          "bench::verdict"],
        &[OUTSIDE]),
    room("bench::page",
        &["id", "course::state", "bench::config", "bench::record", "bench::verdict", "bench::trace"],
        &[OUTSIDE]),
    room("bench::show",
        &["id", "bench::config", "bench::record", "bench::verdict", "bench::trace"], &[]),
    // Any replica: no core, and of ours only what it may tell of its state.
    room("bench::drivers::real",
        &["id", "course::state", "bench::protocol", "bench::config", "bench::record", "bench::world",
          "bench::verdict", "bench::trace", "bench::show::terminal"],
        &[]),
    room("bench::drivers::virtual_time",
        &["id", "consensus", "replica", "kv", "disk", "stored", "promises", "course::encode", "course::state",
          "bench::protocol::message", "bench::protocol::roster", "bench::config",
          "bench::record", "bench::world", "bench::verdict", "bench::trace"],
        &[OUTSIDE, CHANCE]),
    room("bench::app",
        &["disk::inspect", "replica", "course::arguments", "linearizability", "bench::config", "bench::record",
          "bench::verdict", "bench::trace", "bench::page", "bench::show", "bench::drivers::real",
          "bench::drivers::virtual_time"],
        &[]),
    room("bin::leasekv-sim", &["bench::app"], &[]),

    // Only tables of contents.
    room("bench::drivers", &[], &[OUTSIDE]),
    room("bench", &[], &[OUTSIDE]),
    room("", &[], &[OUTSIDE]),
];

/// All files below `src`, by their paths from there on.
fn sources() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    let mut directories = vec![root.join("src")];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(&directory).expect("a directory") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                directories.push(path);
                continue;
            }
            let name = path.strip_prefix(root).expect("below it");
            let name = name.to_string_lossy().replace('\\', "/");
            files.push((name, fs::read_to_string(&path).expect("a text")));
        }
    }
    files.sort();
    files
}

#[test]
fn no_file_uses_what_its_room_must_not_know() {
    let files = sources();
    assert!(files.len() > 100, "most files are missing");
    let faults = check(&files, TABLE);
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}
