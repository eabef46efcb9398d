//! What comes of many runs: the last line and the page.

use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use super::places::Target;
use crate::bench::page;
use crate::bench::verdict::samples::Sweep;

/// Many runs that are over.
#[derive(Clone, Copy, Debug)]
pub struct Summary<'s> {
    /// The runs, by config.
    pub sweeps: &'s [Sweep],
    /// How many were planned.
    pub planned: u64,
    /// How long they took.
    pub took: Duration,
    /// Whether some were not made.
    pub was_interrupted: bool,
}

impl Summary<'_> {
    /// How many runs showed what none may show.
    pub fn violations(&self) -> usize {
        let violations = self.sweeps.iter().map(|sweep| sweep.violations().count());
        violations.sum()
    }

    /// How many runs there were, and how many of them failed or are worse.
    pub fn last_line(&self) -> String {
        let interrupted = match self.was_interrupted {
            true => format!("Interrupted, of {} runs these were played: ", self.planned),
            false => String::new(),
        };
        let runs: usize = self.sweeps.iter().map(|sweep| sweep.samples.len()).sum();
        let failed: usize = self.sweeps.iter().map(Sweep::failed).sum();
        let seconds = self.took.as_secs_f64();
        let violations = self.violations();
        format!(
            "{interrupted}{runs} runs in {seconds:.1} s, {failed} failed, {violations} with a violation.\n"
        )
    }

    /// Draws their page.
    ///
    /// # Errors
    ///
    /// One line that names the path.
    pub fn draw(&self, target: Target) -> Result<Option<PathBuf>, String> {
        let page = page::of_sweeps(self.sweeps, self.planned);
        target.write(|to| to.write_all(page.as_bytes()))
    }
}
