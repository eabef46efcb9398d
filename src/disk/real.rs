//! The file system of the machine.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::errors::OpenError;
use super::files::Files;
use super::names;

/// A directory on a real disk.
#[derive(Debug)]
pub struct RealFiles {
    path: PathBuf,
    /// Locked as long as it is open; none if this was opened for reading only.
    _lock: Option<File>,
}

impl RealFiles {
    /// A directory that this process has for itself as long as it keeps this. It is made if it is not there.
    ///
    /// # Errors
    ///
    /// If another process has it, or it cannot be made or locked.
    pub fn lock(path: &Path) -> Result<RealFiles, OpenError> {
        let place = path.join(names::LOCK).display().to_string();
        let refused = |doing: &'static str, place: String| {
            move |error: io::Error| OpenError::Refused {
                doing,
                place,
                said: error.to_string(),
            }
        };
        make(path).map_err(refused("make the directory", path.display().to_string()))?;
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .open(path.join(names::LOCK))
            .map_err(refused("create it", place.clone()))?;
        match file.try_lock() {
            Ok(()) => Ok(RealFiles {
                path: path.to_owned(),
                _lock: Some(file),
            }),
            Err(TryLockError::WouldBlock) => Err(OpenError::InUse { place }),
            Err(TryLockError::Error(error)) => Err(refused("lock it", place)(error)),
        }
    }

    /// A directory to be read only, whoever has it.
    pub(super) fn unlocked(path: &Path) -> RealFiles {
        RealFiles {
            path: path.to_owned(),
            _lock: None,
        }
    }
}

/// Makes a directory and those that it is in, and makes durable that they are there.
fn make(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    make(parent)?;
    fs::create_dir(path)?;
    File::open(parent)?.sync_all()
}

impl Files for RealFiles {
    type File = File;

    fn place(&self, name: &str) -> String {
        let path = match name {
            "" => self.path.clone(),
            _ => self.path.join(name),
        };
        path.display().to_string()
    }

    fn list(&self) -> io::Result<Vec<String>> {
        let names = fs::read_dir(&self.path)?.map(|entry| {
            // A name that is no text is none of ours, however it is shown.
            Ok(entry?.file_name().to_string_lossy().into_owned())
        });
        names.collect()
    }

    fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        fs::read(self.path.join(name))
    }

    fn create(&mut self, name: &str) -> io::Result<File> {
        File::create_new(self.path.join(name))
    }

    fn open(&mut self, name: &str) -> io::Result<File> {
        OpenOptions::new().write(true).open(self.path.join(name))
    }

    fn write(&mut self, file: &mut File, offset: u64, bytes: &[u8]) -> io::Result<()> {
        file.write_all_at(bytes, offset)
    }

    fn cut(&mut self, file: &mut File, length: u64) -> io::Result<()> {
        file.set_len(length)
    }

    fn sync(&mut self, file: &mut File) -> io::Result<()> {
        // Lengths are synced as well: whoever reads the file depends on them (fdatasync(2)).
        file.sync_data()
    }

    fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.path.join(from), self.path.join(to))
    }

    fn remove(&mut self, name: &str) -> io::Result<()> {
        fs::remove_file(self.path.join(name))
    }

    fn sync_directory(&mut self) -> io::Result<()> {
        File::open(&self.path)?.sync_all()
    }
}
