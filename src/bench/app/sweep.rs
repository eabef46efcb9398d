//! Many seeds of a config in virtual time, on all processors.
//!
//! A sweep stops at nothing: what goes wrong in a run is noted with the seed that replays it, be it a
//! broken promise, a wrong answer or a panic of a core, and the sweep goes on.

use std::ops::RangeInclusive;
use std::sync::Arc;

use rayon::prelude::*;

use super::panics::catch;
use crate::bench::config::Config;
use crate::bench::drivers::virtual_time::order::Order;
use crate::bench::drivers::virtual_time::run::{Run, run};
use crate::bench::verdict::samples::Sample;
use crate::replica::Options;

/// The most seeds of a sweep.
pub const MAX_SEEDS: u64 = 10_000_000;

/// Runs a config with every seed of a range. `keep` says what is kept of a run, on any thread.
pub fn sweep(
    config: &Arc<Config>,
    seeds: RangeInclusive<u64>,
    options: &Options,
    is_over: impl Fn() -> bool + Sync,
    keep: impl Fn(&Run) -> Sample + Sync,
) -> Vec<Sample> {
    seeds
        .into_par_iter()
        .filter(|_| !is_over())
        .map(|seed| {
            let order = Order {
                options: options.clone(),
                ..Order::new(Arc::clone(config), seed)
            };
            match catch(|| run(&order)) {
                Ok(run) => keep(&run),
                Err(said) => Sample::of_panic(seed, said),
            }
        })
        .collect()
}
