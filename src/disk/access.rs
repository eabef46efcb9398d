//! The file system as this room uses it: errors name the file, and the first one ends all writing.
//!
//! Must never know what is in the files.

use std::io;

use super::errors::Failure;
use super::files::Files;
use super::mistakes::Mistake;
use super::settings::Settings;

/// A directory's files. Once anything that changes them has failed, everything that would is refused with that
/// failure: what is on the disk is not known any more.
#[derive(Debug)]
pub(super) struct Access<F> {
    files: F,
    /// What the user has chosen.
    pub(super) settings: Settings,
    failure: Option<Failure>,
}

/// A file that can be written to, and its name.
#[derive(Debug)]
pub(super) struct Handle<File> {
    file: File,
    name: String,
}

impl<F: Files> Access<F> {
    /// Of these files.
    pub(super) fn to(files: F, settings: Settings) -> Access<F> {
        Access {
            files,
            settings,
            failure: None,
        }
    }

    /// A file's path.
    pub(super) fn place(&self, name: &str) -> String {
        self.files.place(name)
    }

    /// The names of all files.
    pub(super) fn list(&self) -> Result<Vec<String>, Failure> {
        let listed = self.files.list();
        listed.map_err(|error| self.told("list the files of the directory", "", &error))
    }

    /// All that is in a file.
    pub(super) fn read(&self, name: &str) -> Result<Vec<u8>, Failure> {
        let read = self.files.read(name);
        read.map_err(|error| self.told("read it", name, &error))
    }

    /// A new file.
    pub(super) fn create(&mut self, name: &str) -> Result<Handle<F::File>, Failure> {
        let file = self.change("create it", name, |files| files.create(name))?;
        let name = name.to_owned();
        Ok(Handle { file, name })
    }

    /// A file that is there.
    pub(super) fn open(&mut self, name: &str) -> Result<Handle<F::File>, Failure> {
        let file = self.change("open it", name, |files| files.open(name))?;
        let name = name.to_owned();
        Ok(Handle { file, name })
    }

    /// Writes at an offset.
    pub(super) fn write(
        &mut self,
        to: &mut Handle<F::File>,
        offset: u64,
        bytes: &[u8],
    ) -> Result<(), Failure> {
        self.change("write to it", &to.name, |files| {
            files.write(&mut to.file, offset, bytes)
        })
    }

    /// Removes what is behind a length.
    pub(super) fn cut(&mut self, it: &mut Handle<F::File>, length: u64) -> Result<(), Failure> {
        self.change("cut it", &it.name, |files| files.cut(&mut it.file, length))
    }

    /// Waits until a file is durable.
    pub(super) fn sync(&mut self, it: &mut Handle<F::File>) -> Result<(), Failure> {
        let tries_again = self.settings.makes(Mistake::SyncRetried);
        self.change("sync it", &it.name, |files| {
            match files.sync(&mut it.file) {
                Err(_) if tries_again => files.sync(&mut it.file),
                result => result,
            }
        })
    }

    /// Gives a file another name, and makes that durable.
    pub(super) fn rename(&mut self, from: &str, to: &str) -> Result<(), Failure> {
        self.change("rename it", from, |files| files.rename(from, to))?;
        self.sync_directory()
    }

    /// Removes a file, and makes that durable.
    pub(super) fn remove(&mut self, name: &str) -> Result<(), Failure> {
        self.change("remove it", name, |files| files.remove(name))?;
        self.sync_directory()
    }

    /// Waits until all names are durable.
    pub(super) fn sync_directory(&mut self) -> Result<(), Failure> {
        self.change("sync the directory", "", F::sync_directory)
    }

    fn change<T>(
        &mut self,
        doing: &'static str,
        name: &str,
        make: impl FnOnce(&mut F) -> io::Result<T>,
    ) -> Result<T, Failure> {
        if let Some(failure) = &self.failure {
            return Err(failure.clone());
        }
        make(&mut self.files).map_err(|error| {
            let failure = self.told(doing, name, &error);
            self.failure.insert(failure).clone()
        })
    }

    fn told(&self, doing: &'static str, name: &str, error: &io::Error) -> Failure {
        Failure {
            doing,
            place: self.files.place(name),
            kind: error.kind(),
            said: error.to_string(),
        }
    }
}
