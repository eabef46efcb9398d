//! `--check`: a history file gets a verdict.
//!
//! The verdict is [`linearizability`](crate::linearizability)'s; here it is only told.

use std::fs::File;
use std::io::{self, BufReader, Write};
use std::path::Path;
use std::time::Instant;

use crate::linearizability::history::{History, HistoryError};
use crate::linearizability::{Outcome, check};

/// The exit status for a linearizable history.
pub const LINEARIZABLE: u8 = 0;
/// The exit status for a history that is not.
pub const VIOLATED: u8 = 1;
/// The exit status if a key was too hard to decide and no other is violated.
pub const UNDECIDED: u8 = 3;

/// How large the pieces are in which a file is read.
const BUFFER_BYTES: usize = 1 << 18;

/// Checks a history file, `-` being the standard input, and writes the verdict to `to`. Returns the
/// exit status: [`LINEARIZABLE`], [`VIOLATED`] or [`UNDECIDED`].
///
/// # Errors
///
/// What is wrong with the file, on one line.
pub fn check_file(path: &Path, to: &mut impl Write) -> Result<u8, String> {
    let shown = match path.as_os_str() == "-" {
        true => "standard input".to_owned(),
        false => path.display().to_string(),
    };
    let start = Instant::now();
    let history = read(path).map_err(|error| format!("{shown}: {error}"))?;
    let outcome = check(&history.operations);
    let seconds = start.elapsed().as_secs_f64();
    let operations = history.operations.len();
    let (status, verdict, picture) = match &outcome {
        Outcome::Linearizable { keys } => {
            let verdict = format!("linearizable, {operations} operations on {keys} keys");
            (LINEARIZABLE, verdict, String::new())
        }
        Outcome::Violation(violation) => {
            let mut verdict = format!(
                "not linearizable, {operations} operations, violated keys: {}",
                violation.violated_keys
            );
            if violation.undecided_keys > 0 {
                verdict += &format!(", too hard to decide: {}", violation.undecided_keys);
            }
            (VIOLATED, verdict, format!("\n{violation}\n"))
        }
        Outcome::GaveUp { keys, key, states } => {
            let verdict = format!(
                "undecided, {operations} operations, keys too hard to decide: {keys}; \
                 gave up on {key:?} after {states} states"
            );
            (UNDECIDED, verdict, String::new())
        }
    };
    // A reader that has gone away misses it, but still has the exit status.
    let _ = write!(to, "{shown}: {verdict} ({seconds:.2} s)\n{picture}").and_then(|()| to.flush());
    Ok(status)
}

fn read(path: &Path) -> Result<History, HistoryError> {
    if path.as_os_str() == "-" {
        return History::read(io::stdin().lock());
    }
    let file = File::open(path).map_err(HistoryError::Unreadable)?;
    History::read(BufReader::with_capacity(BUFFER_BYTES, file))
}
