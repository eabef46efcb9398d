//! A run in virtual time is decided by the build, its config and its seed: not by which thread it is
//! played on, what else the process does, or which process it is.
//!
//! Runs are compared by the MD5 sums of their traces, which hold everything that happens. The file
//! `golden` has some of them; `UPDATE_GOLDENFILES=1 cargo test --test determinism` writes it anew.
#![cfg(feature = "simulator")]

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use leasekv::bench::config::Config;
use leasekv::bench::drivers::virtual_time::order::Order;
use leasekv::bench::drivers::virtual_time::run::run;
use leasekv::bench::world::random::md5hex;
use rayon::prelude::*;

/// Losses, partitions and a crash; then latencies, duplicates, drift, pauses, lost requests and
/// answers, and keys that clients share.
const RUNS: [(&str, u64); 3] = [("advanced-4", 7), ("advanced-4", 8), ("extra/chaos", 7)];

/// How a process that this test starts is told to print its sums, on lines of this beginning.
const SHOWN: &str = "sums of this process: ";
const SHOW_SUMS: &str = "LEASEKV_TEST_SHOW_SUMS";

fn in_repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// A number that two runs only share if they were the same.
fn sum(name: &str, seed: u64) -> String {
    let file = in_repository("configs").join(format!("{name}.json"));
    let config = Config::load(&file).expect("a config of this repository");
    let order = Order {
        keep_trace: true,
        ..Order::new(Arc::new(config), seed)
    };
    let trace = run(&order).trace.expect("it was asked for");
    assert!(trace.lines().count() > 1_000, "most of the run is missing");
    md5hex(&trace)
}

#[test]
fn a_run_is_the_same_on_any_number_of_threads_and_in_any_process() {
    let expected = RUNS.map(|(name, seed)| sum(name, seed));
    if std::env::var_os(SHOW_SUMS).is_some() {
        println!("{SHOWN}{}", expected.join(" "));
        return;
    }
    assert_ne!(expected[0], expected[1], "every seed has a run of its own");

    // Each run is played beside others, and in another order in each pool.
    for threads in [1, 2, 7] {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .expect("threads");
        let mut order: Vec<_> = RUNS.into_iter().enumerate().collect();
        order.rotate_left(threads % RUNS.len());
        let played: Vec<(usize, String)> = pool.install(|| {
            order
                .par_iter()
                .map(|&(place, (name, seed))| (place, sum(name, seed)))
                .collect()
        });
        for (place, sum) in played {
            assert_eq!(sum, expected[place], "run {place} of {threads} threads");
        }
    }

    let process = Command::new(std::env::current_exe().expect("this test is a program"))
        .args(["--nocapture", "--test-threads=1", "a_run_is_the_same"])
        .env(SHOW_SUMS, "1")
        .output()
        .expect("this test can be started");
    let text = String::from_utf8_lossy(&process.stdout);
    let shown = text.split_once(SHOWN).map(|(_, rest)| rest.lines().next());
    assert_eq!(shown, Some(Some(&*expected.join(" "))), "{text}");
}

/// `trace CONFIG seed=N` shows the sum of that run.
struct Traces;

impl goldenscript::Runner for Traces {
    type Command = goldenscript::Command;

    fn run(
        &mut self,
        command: &goldenscript::Command,
        _: &goldenscript::Context,
    ) -> Result<String, Box<dyn Error>> {
        let mut arguments = command.consume_args();
        let name = arguments.next_pos().ok_or("which config?")?;
        let seed = arguments.take_key("seed").ok_or("which seed?")?.parse()?;
        arguments.reject_next()?;
        Ok(sum(name, seed))
    }
}

#[test]
fn the_trace_is_the_one_of_the_golden_file() {
    goldenscript::run(&mut Traces, in_repository("tests/determinism/golden"))
        .expect("the file can be read");
}
