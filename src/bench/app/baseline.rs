//! `--baseline`: what is better or worse than in the results of an earlier `--json`; and reading these.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use crate::bench::show::changes;
use crate::bench::trace::played::Played;
use crate::bench::verdict::comparison::compare;
use crate::bench::verdict::samples::Sweep;

/// How large the pieces are in which a file is read.
const BUFFER_BYTES: usize = 1 << 18;

/// Earlier results.
#[derive(Debug)]
pub struct Baseline {
    path: PathBuf,
    sweeps: Vec<Sweep>,
}

/// What came of holding results against earlier ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// What changed, to be shown.
    pub text: String,
    /// Whether anything became worse.
    pub is_worse: bool,
}

impl Baseline {
    /// Reads earlier results, before the first run: it may be the very file that the new ones replace.
    ///
    /// # Errors
    ///
    /// One line that names the file.
    pub fn read(path: &Path) -> Result<Baseline, String> {
        Ok(Baseline {
            path: path.to_owned(),
            sweeps: read(&[path])?,
        })
    }

    /// Holds results against it.
    pub fn against(&self, sweeps: &[Sweep]) -> Held {
        let comparison = compare(&self.sweeps, sweeps);
        Held {
            text: changes::text(&comparison, &self.path.display().to_string()),
            is_worse: comparison.changes.iter().any(|change| change.is_worse()),
        }
    }
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
