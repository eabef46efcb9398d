//! Of many runs that failed, the worst of each kind is kept: its trace, in a directory.
//!
//! A file is there as a whole or not at all.

use std::fs::{self, File};
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};

use super::places::Written;
use crate::bench::config::Metric;
use crate::bench::show::kinds::{self, Kind};
use crate::bench::trace::{Trace, file};
use crate::bench::verdict::report::Report;
use crate::bench::verdict::samples::Sweep;

/// The most kinds that are told apart; what is of none of them is counted as one more.
const MAX_KINDS: usize = 100;

/// What failed how often, and where the worst run of each kind is.
#[derive(Debug)]
pub struct Kept {
    directory: PathBuf,
    /// Each with how bad its worst run was.
    kinds: Vec<(Kind, [f64; 2])>,
}

impl Kept {
    /// Nothing yet. The directory is made when something is to be kept.
    pub fn new(directory: PathBuf) -> Kept {
        Kept {
            directory,
            kinds: Vec::new(),
        }
    }

    /// Counts a run that failed for this cause, and keeps its trace if none of its kind was worse: had more
    /// failures or, with as many, more messages.
    pub fn take(&mut self, report: &Report, cause: &str, trace: &Trace, written: &mut Written) {
        let mut what = kinds::without_particulars(cause);
        let config = &report.config.name;
        let is_of = |what: &str, kind: &Kind| kind.config == *config && kind.what == what;
        let mut place = self.kinds.iter().position(|(kind, _)| is_of(&what, kind));
        if place.is_none() && self.kinds.len() >= MAX_KINDS {
            what = "something else".to_owned();
            place = self.kinds.iter().position(|(kind, _)| is_of(&what, kind));
        }
        let value = |metric| {
            let place = Metric::ALL.iter().position(|it| *it == metric);
            place
                .and_then(|place| report.verdict.values[place])
                .unwrap_or(0.0)
        };
        let badness = [value(Metric::Failures), value(Metric::TotalMsgs)];
        let place = place.unwrap_or_else(|| {
            let kind = Kind {
                config: config.clone(),
                what,
                runs: 0,
                worst_seed: report.seed,
                trace: None,
            };
            self.kinds.push((kind, [-1.0; 2]));
            self.kinds.len() - 1
        });
        let (kind, worst) = &mut self.kinds[place];
        kind.runs += 1;
        if badness <= *worst {
            return;
        }
        (*worst, kind.worst_seed) = (badness, report.seed);
        let path = self
            .directory
            .join(format!("{config}.seed-{}.jsonl", report.seed));
        match keep(&self.directory, &path, trace) {
            Ok(()) => {
                let before = kind.trace.replace(path);
                // That it cannot be removed costs nothing but its place.
                before.into_iter().for_each(|it| drop(fs::remove_file(it)));
            }
            Err(error) => written.note("", Err(format!("{}: {error}", path.display()))),
        }
    }

    /// What failed how often, as a table; nothing if nothing failed.
    pub fn table(&self, sweeps: &[Sweep]) -> String {
        let kinds: Vec<&Kind> = self.kinds.iter().map(|(kind, _)| kind).collect();
        kinds::table(&kinds, sweeps)
    }
}

/// Writes a trace beside its place, and then puts it there.
fn keep(directory: &Path, path: &Path, trace: &Trace) -> io::Result<()> {
    fs::create_dir_all(directory)?;
    let half = path.with_extension("part");
    let written = File::create(&half)
        .and_then(|to| file::write(trace, &mut BufWriter::new(to)))
        .and_then(|()| fs::rename(&half, path));
    if written.is_err() {
        drop(fs::remove_file(&half));
    }
    written
}
