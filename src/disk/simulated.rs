//! A simulated disk: it loses what was not synced, in part and in any order, tears it within a record, fails, fills up,
//! and turns bits over. All chance comes from a seed, so a run can be repeated.
//!
//! Must never know what is in the files.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, ErrorKind};
use std::sync::{Arc, Mutex, MutexGuard};

use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt, SeedableRng};

use super::files::Files;
use super::frame::SECTOR_BYTES;

/// A disk with one directory. Clones are the same disk: one to give away, one to do harm with.
#[derive(Clone, Debug)]
pub struct SimulatedDisk(Arc<Mutex<Disk>>);

/// What goes wrong, by the number of the call that changes something, the first since these were set being 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    /// This call is carried out in part, and then the machine stands still: no call does anything until
    /// [`SimulatedDisk::lose_power`] or [`SimulatedDisk::kill`].
    pub stop_at: Option<u64>,
    /// This call is carried out in part and fails. If it is a sync, what it has not made durable never will be, though
    /// it can be read, and later syncs succeed.
    pub fail_at: Option<u64>,
    /// All files together cannot have more bytes than this.
    pub capacity_bytes: Option<u64>,
}

/// An open file of a [`SimulatedDisk`].
#[derive(Debug)]
pub struct SimulatedFile(u64);

#[derive(Clone, Debug)]
struct Disk {
    files: BTreeMap<u64, File>,
    made: u64,
    /// The names as they are seen, and as they are after a loss of power.
    names: BTreeMap<String, u64>,
    durable_names: BTreeMap<String, u64>,
    /// What was changed about names since they were synced.
    changes: Vec<Change>,
    chance: Xoshiro256PlusPlus,
    faults: Faults,
    calls: u64,
    is_stopped: bool,
    /// How many more reads are right until one has a bit turned over, if one will.
    right_reads: Option<u64>,
}

/// A file without its name.
#[derive(Clone, Debug, Default)]
struct File {
    /// What is read.
    seen: Vec<u8>,
    /// What is there after a loss of power, besides what of the rest reaches the disk by chance.
    durable: Vec<u8>,
    /// The sectors that the next sync makes durable.
    dirty: BTreeSet<usize>,
}

#[derive(Clone, Debug)]
enum Change {
    Link(String, u64),
    Rename(String, String),
    Remove(String),
}

impl Change {
    fn apply(&self, names: &mut BTreeMap<String, u64>) {
        match self {
            Change::Link(name, file) => {
                names.insert(name.clone(), *file);
            }
            Change::Rename(from, to) => {
                if let Some(file) = names.remove(from) {
                    names.insert(to.clone(), file);
                }
            }
            Change::Remove(name) => {
                names.remove(name);
            }
        }
    }
}

impl File {
    fn write(&mut self, offset: usize, bytes: &[u8]) {
        let end = offset + bytes.len();
        if self.seen.len() < end {
            self.seen.resize(end, 0);
        }
        self.seen[offset..end].copy_from_slice(bytes);
        if offset < end {
            self.dirty
                .extend(offset / SECTOR_BYTES..=(end - 1) / SECTOR_BYTES);
        }
    }

    fn cut(&mut self, length: usize) {
        self.seen.truncate(length);
        self.dirty.insert(length / SECTOR_BYTES);
    }

    /// Makes durable those dirty sectors that `reaches` picks, and a length. None stays dirty.
    fn settle(&mut self, length: usize, mut reaches: impl FnMut() -> bool) {
        self.durable.resize(length, 0);
        for sector in std::mem::take(&mut self.dirty) {
            let start = sector * SECTOR_BYTES;
            let end = (start + SECTOR_BYTES).min(length);
            if start >= end || !reaches() {
                continue;
            }
            self.durable[start..end].fill(0);
            let seen = self.seen.get(start..end.min(self.seen.len()));
            if let Some(seen) = seen {
                self.durable[start..start + seen.len()].copy_from_slice(seen);
            }
        }
    }
}

impl SimulatedDisk {
    /// An empty one.
    pub fn new(seed: u64) -> SimulatedDisk {
        SimulatedDisk(Arc::new(Mutex::new(Disk {
            files: BTreeMap::new(),
            made: 0,
            names: BTreeMap::new(),
            durable_names: BTreeMap::new(),
            changes: Vec::new(),
            chance: Xoshiro256PlusPlus::seed_from_u64(seed),
            faults: Faults::default(),
            calls: 0,
            is_stopped: false,
            right_reads: None,
        })))
    }

    /// Another disk that is as this one now, with chance of its own.
    #[must_use]
    pub fn copy(&self, seed: u64) -> SimulatedDisk {
        let mut disk = self.disk().clone();
        disk.chance = Xoshiro256PlusPlus::seed_from_u64(seed);
        SimulatedDisk(Arc::new(Mutex::new(disk)))
    }

    /// What is to go wrong from now on. Calls are counted anew.
    pub fn set_faults(&self, faults: Faults) {
        let mut disk = self.disk();
        disk.faults = faults;
        disk.calls = 0;
    }

    /// How many calls have changed something, or were to, since the faults were set.
    pub fn calls(&self) -> u64 {
        self.disk().calls
    }

    /// Whether the machine stands still, see [`Faults::stop_at`].
    pub fn is_stopped(&self) -> bool {
        self.disk().is_stopped
    }

    /// The machine loses power and comes back. What was not synced reached the disk in part: of files any sectors and
    /// any length, of changed names any. No fault is planned any more.
    pub fn lose_power(&self) {
        let mut disk = self.disk();
        let Disk {
            files,
            names,
            durable_names,
            changes,
            chance,
            ..
        } = &mut *disk;
        // Sometimes nothing reached it, sometimes nearly all.
        let odds = [0.0, 0.5, 0.8, 0.95, 1.0][chance.random_range(0..5)];
        for change in std::mem::take(changes) {
            if chance.random_bool(odds) {
                change.apply(durable_names);
            }
        }
        names.clone_from(durable_names);
        files.retain(|file, _| names.values().any(|kept| kept == file));
        for file in files.values_mut() {
            let lengths = [file.durable.len(), file.seen.len()];
            let [least, most] = [
                *lengths.iter().min().expect("two"),
                *lengths.iter().max().expect("two"),
            ];
            let length = match chance.random_range(0..4) {
                _ if file.dirty.is_empty() => file.durable.len(),
                0..2 => file.seen.len(),
                2 => file.durable.len(),
                _ => chance.random_range(least..=most),
            };
            file.settle(length, || chance.random_bool(odds));
            file.seen.clone_from(&file.durable);
        }
        disk.begin_again();
    }

    /// The process is killed and another one comes. What was written is seen, durable or not. No fault is planned any more.
    pub fn kill(&self) {
        self.disk().begin_again();
    }

    /// After so many reads of files that are not empty, the next one has a bit turned over, though it is right on the disk.
    pub fn flip_a_read(&self, after: u64) {
        self.disk().right_reads = Some(after);
    }

    /// Turns bits over in a byte of a file, on the disk.
    ///
    /// # Panics
    ///
    /// If there is no such byte.
    pub fn flip(&self, name: &str, byte: usize, bits: u8) {
        let mut disk = self.disk();
        let file = disk.names[name];
        let file = disk.files.get_mut(&file).expect("it has a name");
        file.seen[byte] ^= bits;
        // What is not durable yet may be missing there.
        if let Some(byte) = file.durable.get_mut(byte) {
            *byte ^= bits;
        }
    }

    /// The names and lengths in bytes of all files.
    pub fn lengths(&self) -> Vec<(String, usize)> {
        let disk = self.disk();
        let length = |(name, file): (&String, &u64)| (name.clone(), disk.files[file].seen.len());
        disk.names.iter().map(length).collect()
    }

    fn disk(&self) -> MutexGuard<'_, Disk> {
        self.0.lock().expect("nobody panics while having it")
    }
}

impl Disk {
    fn begin_again(&mut self) {
        self.faults = Faults::default();
        self.calls = 0;
        self.is_stopped = false;
        self.right_reads = None;
    }

    fn find(&self, name: &str) -> io::Result<u64> {
        let found = self.names.get(name).copied();
        found.ok_or_else(|| io::Error::new(ErrorKind::NotFound, "no such file (simulated)"))
    }

    fn bytes(&self) -> u64 {
        let lengths = self.files.values().map(|file| file.seen.len() as u64);
        lengths.sum()
    }

    /// Counts a call. Returns how it is carried out.
    fn call(&mut self) -> io::Result<Carried> {
        if self.is_stopped {
            return Err(stands_still());
        }
        self.calls += 1;
        let calls = Some(self.calls);
        if self.faults.stop_at == calls {
            self.is_stopped = true;
            return Ok(Carried::InPart(stands_still()));
        }
        if self.faults.fail_at == calls {
            let error = io::Error::other("input/output error (simulated)");
            return Ok(Carried::InPart(error));
        }
        Ok(Carried::Wholly)
    }

    /// Changes names, wholly or not at all.
    fn change(&mut self, change: Change) -> io::Result<()> {
        let carried = self.call()?;
        let is_made = matches!(carried, Carried::Wholly) || self.chance.random();
        if is_made {
            change.apply(&mut self.names);
            self.changes.push(change);
            let names = &self.names;
            let durable = &self.durable_names;
            let kept = |file: &u64| names.values().chain(durable.values()).any(|it| it == file);
            self.files.retain(|file, _| kept(file));
        }
        carried.result()
    }
}

/// How a call is carried out.
enum Carried {
    Wholly,
    InPart(io::Error),
}

impl Carried {
    fn result(self) -> io::Result<()> {
        match self {
            Carried::Wholly => Ok(()),
            Carried::InPart(error) => Err(error),
        }
    }
}

fn stands_still() -> io::Error {
    io::Error::other("the machine stands still (simulated)")
}

impl Files for SimulatedDisk {
    type File = SimulatedFile;

    fn place(&self, name: &str) -> String {
        format!("disk/{name}")
    }

    fn list(&self) -> io::Result<Vec<String>> {
        Ok(self.disk().names.keys().cloned().collect())
    }

    fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        let mut disk = self.disk();
        let file = disk.find(name)?;
        let mut seen = disk.files[&file].seen.clone();
        if let Some(right) = disk.right_reads.filter(|_| !seen.is_empty()) {
            disk.right_reads = right.checked_sub(1);
            if right == 0 {
                let byte = disk.chance.random_range(0..seen.len());
                seen[byte] ^= 1 << disk.chance.random_range(0..8);
            }
        }
        Ok(seen)
    }

    fn create(&mut self, name: &str) -> io::Result<SimulatedFile> {
        let mut disk = self.disk();
        if disk.names.contains_key(name) {
            return Err(io::Error::new(
                ErrorKind::AlreadyExists,
                "the file exists (simulated)",
            ));
        }
        disk.made += 1;
        let file = disk.made;
        disk.files.insert(file, File::default());
        disk.change(Change::Link(name.to_owned(), file))?;
        Ok(SimulatedFile(file))
    }

    fn open(&mut self, name: &str) -> io::Result<SimulatedFile> {
        self.disk().find(name).map(SimulatedFile)
    }

    fn write(&mut self, file: &mut SimulatedFile, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let mut disk = self.disk();
        let mut carried = disk.call()?;
        let mut written = bytes.len();
        if let Carried::InPart(_) = carried {
            written = disk.chance.random_range(0..=written);
        }
        let length = disk.files[&file.0].seen.len();
        let offset = usize::try_from(offset).expect("a file fits into memory");
        if let Some(capacity) = disk.faults.capacity_bytes {
            let free = usize::try_from(capacity.saturating_sub(disk.bytes())).unwrap_or(usize::MAX);
            let room = (length - offset).saturating_add(free);
            if written > room {
                written = room;
                let full = "no space left on the disk (simulated)";
                carried = Carried::InPart(io::Error::new(ErrorKind::StorageFull, full));
            }
        }
        let it = disk.files.get_mut(&file.0).expect("an open file is there");
        it.write(offset, &bytes[..written]);
        carried.result()
    }

    fn cut(&mut self, file: &mut SimulatedFile, length: u64) -> io::Result<()> {
        let mut disk = self.disk();
        let carried = disk.call()?;
        let is_made = matches!(carried, Carried::Wholly) || disk.chance.random();
        if is_made {
            let length = usize::try_from(length).expect("a file fits into memory");
            let it = disk.files.get_mut(&file.0).expect("an open file is there");
            it.cut(length);
        }
        carried.result()
    }

    fn sync(&mut self, file: &mut SimulatedFile) -> io::Result<()> {
        let mut disk = self.disk();
        let carried = disk.call()?;
        let Disk {
            files,
            chance,
            is_stopped,
            ..
        } = &mut *disk;
        let it = files.get_mut(&file.0).expect("an open file is there");
        match carried {
            Carried::Wholly => it.settle(it.seen.len(), || true),
            // All that was not durable still is to be, as far as the machine knows.
            Carried::InPart(_) if *is_stopped => {}
            Carried::InPart(_) => it.settle(it.durable.len(), || chance.random()),
        }
        carried.result()
    }

    fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        let mut disk = self.disk();
        disk.find(from)?;
        disk.change(Change::Rename(from.to_owned(), to.to_owned()))
    }

    fn remove(&mut self, name: &str) -> io::Result<()> {
        let mut disk = self.disk();
        disk.find(name)?;
        disk.change(Change::Remove(name.to_owned()))
    }

    fn sync_directory(&mut self) -> io::Result<()> {
        let mut disk = self.disk();
        let carried = disk.call()?;
        if let Carried::Wholly = carried {
            disk.changes.clear();
            disk.durable_names = disk.names.clone();
        }
        carried.result()
    }
}
