//! The trace of a run and its picture: where they go, and drawing a trace that was kept.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Write};
use std::path::Path;

use super::places::Target;
use crate::bench::page;
use crate::bench::trace::compile::{Circumstances, compile};
use crate::bench::trace::{Recording, Violation, file};
use crate::bench::verdict::report::Report;

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

    /// Writes what is wanted. Returns what could not be written, a line each.
    pub fn save(
        self,
        report: &Report,
        recording: Option<Recording>,
        violations: Vec<Violation>,
        circumstances: &Circumstances,
    ) -> Vec<String> {
        if !self.are_wanted() {
            return Vec::new();
        }
        let trace = compile(report, recording, violations, circumstances);
        let mut trouble = Vec::new();
        if let Some(target) = self.trace {
            let result = file::write(&trace, &mut BufWriter::new(target.file));
            trouble.extend(told(&target.path, result));
        }
        if let Some(mut target) = self.report {
            let result = target
                .file
                .write_all(page::of_run(&trace, &self.term_key).as_bytes());
            trouble.extend(told(&target.path, result));
        }
        trouble
    }
}

/// Draws a trace file; messages between replicas bear their term under `term_key`.
///
/// # Errors
///
/// One line about what is wrong with either file.
pub fn draw(from: &Path, to: &Path, term_key: &str) -> Result<(), String> {
    let shown = from.display();
    let wrong = |error: io::Error| format!("{shown}: {error}");
    let opened = File::open(from).map_err(wrong)?;
    if opened.metadata().map_err(wrong)?.is_dir() {
        return Err(format!("{shown}: a directory, not a trace"));
    }
    let trace = file::read(&mut BufReader::new(opened));
    let trace = trace.map_err(|error| format!("{shown}: {error}"))?;
    let mut target = Target::create(to)?;
    let result = target
        .file
        .write_all(page::of_run(&trace, term_key).as_bytes());
    told(to, result).map_or(Ok(()), Err)
}

fn told(path: &Path, result: io::Result<()>) -> Option<String> {
    let error = result.err()?;
    Some(format!("{}: {error}", path.display()))
}
