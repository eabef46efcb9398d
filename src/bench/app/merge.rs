//! `--merge`: the results of several `--json` files as those of one sweep.

use std::collections::HashSet;
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::time::Instant;

use super::ends::Summary;
use super::perform::conclude;
use super::places::Written;
use super::plan::Ends;
use super::runner::Outcome;
use crate::bench::trace::played::Played;
use crate::bench::verdict::samples::Sweep;

/// How large the pieces are in which a file is read.
const BUFFER_BYTES: usize = 1 << 18;

/// Reads the files and tells what came of all their runs.
///
/// # Errors
///
/// If a file cannot be read or has none but results of the same configs, each seed once; one line.
pub fn merge(files: &[PathBuf], ends: Ends) -> Result<Outcome, String> {
    let started = Instant::now();
    let sweeps = read(files)?;
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

/// Reads results, by config.
///
/// # Errors
///
/// One line that names the file.
pub fn read(files: &[impl AsRef<Path>]) -> Result<Vec<Sweep>, String> {
    let mut played = Played::default();
    for path in files {
        let shown = path.as_ref().display();
        let file = File::open(path).map_err(|error| format!("{shown}: {error}"))?;
        let file = BufReader::with_capacity(BUFFER_BYTES, file);
        played
            .read(file)
            .map_err(|what| format!("{shown}: {what}"))?;
    }
    Ok(played.sweeps)
}
