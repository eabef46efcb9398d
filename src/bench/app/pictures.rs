//! The trace of a run and its picture: where they go, and drawing a trace that was kept.

use std::fs::File;
use std::io::{self, BufReader, Write};
use std::path::{Path, PathBuf};

use super::places::{Target, Written};
use crate::bench::page;
use crate::bench::trace::{Trace, file};

/// Where the trace of a run and its picture go, if they are wanted.
#[derive(Debug, Default)]
pub struct Pictures {
    /// The trace.
    pub trace: Option<Target>,
    /// The picture.
    pub report: Option<Target>,
    /// The key under which messages between replicas bear a term.
    pub term_key: String,
}

impl Pictures {
    /// Whether any is wanted.
    pub fn are_wanted(&self) -> bool {
        self.trace.is_some() || self.report.is_some()
    }

    /// Writes what is wanted of a trace.
    pub fn save(self, trace: &Trace, written: &mut Written) {
        if let Some(target) = self.trace {
            written.note("trace", target.write(|to| file::write(trace, to)));
        }
        if let Some(target) = self.report {
            written.note("report", write_page(target, trace, &self.term_key));
        }
    }
}

fn write_page(target: Target, trace: &Trace, term_key: &str) -> Result<Option<PathBuf>, String> {
    target.write(|to| to.write_all(page::of_run(trace, term_key).as_bytes()))
}

/// Draws a trace file; messages between replicas bear their term under `term_key`. Returns where the page is.
///
/// # Errors
///
/// One line about what is wrong with either file.
pub fn draw(from: &Path, to: &Path, term_key: &str) -> Result<Option<PathBuf>, String> {
    let shown = from.display();
    let wrong = |error: io::Error| format!("{shown}: {error}");
    let opened = File::open(from).map_err(wrong)?;
    if opened.metadata().map_err(wrong)?.is_dir() {
        return Err(format!("{shown}: a directory, not a trace"));
    }
    let trace = file::read(&mut BufReader::new(opened));
    let trace = trace.map_err(|error| format!("{shown}: {error}"))?;
    write_page(Target::try_out(to)?, &trace, term_key)
}
