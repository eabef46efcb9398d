//! What the disk's records need of a file system: few calls, so that a simulated disk can stand in.
//!
//! All files are in one directory, so a file is called by its name alone. Must never know what is in them.

use std::io;

/// A directory with files in it.
///
/// What is written is durable only after [`Files::sync`], and a new, renamed or removed name only after
/// [`Files::sync_directory`]. A call that has failed is never made again by this room: after a failed sync
/// nobody knows what is on the disk, and a second one may succeed without having written anything.
pub trait Files {
    /// A file that can be written to.
    type File;

    /// How a person finds this file: its whole path.
    fn place(&self, name: &str) -> String;

    /// The names of all files, in any order.
    ///
    /// # Errors
    ///
    /// If the directory cannot be read.
    fn list(&self) -> io::Result<Vec<String>>;

    /// All that is in a file.
    ///
    /// # Errors
    ///
    /// If there is no such file, or it cannot be read.
    fn read(&self, name: &str) -> io::Result<Vec<u8>>;

    /// A new file, empty.
    ///
    /// # Errors
    ///
    /// If there is a file of this name, or none can be made.
    fn create(&mut self, name: &str) -> io::Result<Self::File>;

    /// A file that is there, to be written to.
    ///
    /// # Errors
    ///
    /// If there is no such file, or it must not be written to.
    fn open(&mut self, name: &str) -> io::Result<Self::File>;

    /// Writes at an offset in bytes from the file's beginning. At its end that makes it longer.
    ///
    /// # Errors
    ///
    /// If not all could be written. A part may have been.
    fn write(&mut self, file: &mut Self::File, offset: u64, bytes: &[u8]) -> io::Result<()>;

    /// Removes what is behind a length in bytes.
    ///
    /// # Errors
    ///
    /// If that is not possible.
    fn cut(&mut self, file: &mut Self::File, length: u64) -> io::Result<()>;

    /// Waits until what was written to the file, and its length, are durable.
    ///
    /// # Errors
    ///
    /// If anything may not be.
    fn sync(&mut self, file: &mut Self::File) -> io::Result<()>;

    /// Gives a file another name. A file that had it is gone.
    ///
    /// # Errors
    ///
    /// If that is not possible.
    fn rename(&mut self, from: &str, to: &str) -> io::Result<()>;

    /// Removes a file.
    ///
    /// # Errors
    ///
    /// If that is not possible.
    fn remove(&mut self, name: &str) -> io::Result<()>;

    /// Waits until all names are durable.
    ///
    /// # Errors
    ///
    /// If any may not be.
    fn sync_directory(&mut self) -> io::Result<()>;
}
