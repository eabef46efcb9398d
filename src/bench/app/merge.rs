//! `--merge`: the results of several `--json` files as those of one sweep.

use std::collections::HashSet;
use std::path::PathBuf;
use std::time::Instant;

use super::baseline;
use super::ends::Summary;
use super::perform::conclude;
use super::places::Written;
use super::plan::Ends;
use super::runner::Outcome;

/// Reads the files and tells what came of all their runs.
///
/// # Errors
///
/// If a file cannot be read or has none but results of the same configs, each seed once; one line.
pub fn merge(files: &[PathBuf], ends: Ends) -> Result<Outcome, String> {
    let started = Instant::now();
    let sweeps = baseline::read(files)?;
    for sweep in sweeps.iter().filter(|sweep| sweep.way.is_virtual) {
        let mut seen = HashSet::with_capacity(sweep.samples.len());
        if let Some(twice) = sweep.samples.iter().find(|it| !seen.insert(it.seed)) {
            let (config, seed) = (&sweep.config, twice.seed);
            return Err(format!("{config}: seed {seed} is there twice"));
        }
    }
    let planned = sweeps.iter().map(|sweep| sweep.samples.len() as u64).sum();
    let many = Summary {
        sweeps: &sweeps,
        planned,
        took: started.elapsed(),
        was_interrupted: false,
    };
    Ok(conclude(&many, ends, None, Written::default()))
}
