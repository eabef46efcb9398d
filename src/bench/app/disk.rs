//! `--disk`: what is in a replica's directory.
//!
//! The look is [`inspect`](crate::disk::inspect)'s; here it is only told.

use std::io::Write;
use std::path::Path;

use crate::disk::inspect::inspect;

/// The exit status for a directory that would be opened.
pub const SOUND: u8 = 0;
/// The exit status for a damaged one.
pub const DAMAGED: u8 = 1;

/// Tells what is in a replica's directory, without changing anything, and writes it to `to`. Returns the exit status:
/// [`SOUND`] or [`DAMAGED`].
///
/// # Errors
///
/// If there is no such directory, or it cannot be listed; one line.
pub fn show(path: &Path, to: &mut impl Write) -> Result<u8, String> {
    let contents = inspect(path).map_err(|error| error.to_string())?;
    // A reader that has gone away misses it, but still has the exit status.
    let _ = write!(to, "{contents}").and_then(|()| to.flush());
    match contents.damage.is_empty() {
        true => Ok(SOUND),
        false => Ok(DAMAGED),
    }
}
