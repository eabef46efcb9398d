//! Several lives of a replica on one simulated disk, each ended by some misfortune, all from a seed.
//!
//! What a life was told to be durable must be there in the next one, and nothing but what was handed over.

use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt, SeedableRng};

use super::model::{Change, State, WHOSE, batch};
use crate::disk::batch::Batch;
use crate::disk::directory::{Beside, Directory};
use crate::disk::errors::OpenError;
use crate::disk::item::HardState;
use crate::disk::mistakes::Mistake;
use crate::disk::settings::Settings;
use crate::disk::simulated::{Faults, SimulatedDisk};
use crate::disk::snapshot::About;

const LIVES: u64 = 6;
const MAX_STEPS: u64 = 25;

/// How often what happened.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    pub(super) opened: u64,
    pub(super) torn: u64,
    /// Refused because a bit was turned over while it was read.
    pub(super) refused: u64,
    pub(super) writes: u64,
    /// What was under way at a crash was there afterwards.
    pub(super) survived: u64,
    pub(super) snapshots: u64,
    pub(super) full: u64,
    pub(super) failed: u64,
    pub(super) cut_segments: u64,
}

struct Lives {
    chance: Xoshiro256PlusPlus,
    disk: SimulatedDisk,
    settings: Settings,
    /// What is durable.
    sure: State,
    /// What else may be found, because it was under way when the last life ended.
    maybe: Option<State>,
    /// The snapshot that is being written.
    writing: Option<(About, Vec<u8>)>,
    counts: Counts,
}

/// Plays the lives of a seed.
///
/// # Errors
///
/// What was lost, invented, or refused without reason.
pub(super) fn play(seed: u64, mistake: Option<Mistake>) -> Result<Counts, String> {
    let mut chance = Xoshiro256PlusPlus::seed_from_u64(seed);
    let settings = Settings {
        segment_bytes: chance.random_range(200..6_000),
        mistake,
    };
    let mut lives = Lives {
        disk: SimulatedDisk::new(chance.random()),
        chance,
        settings,
        sure: State::default(),
        maybe: None,
        writing: None,
        counts: Counts::default(),
    };
    for life in 0..LIVES {
        let at = |said: String| format!("seed {seed}, life {life}: {said}");
        let directory = lives.open().map_err(at)?;
        lives.live(directory);
        match lives.chance.random_bool(0.7) {
            true => lives.disk.lose_power(),
            false => lives.disk.kill(),
        }
    }
    let last = lives.open();
    last.map_err(|said| format!("seed {seed}, at the end: {said}"))?;
    Ok(lives.counts)
}

impl Lives {
    /// Opens the directory, through further misfortunes, and compares what is in it.
    fn open(&mut self) -> Result<Directory<SimulatedDisk>, String> {
        loop {
            let mut faults = Faults::default();
            match self.chance.random_range(0..8) {
                0 => faults.stop_at = Some(self.chance.random_range(1..10)),
                1 => faults.fail_at = Some(self.chance.random_range(1..10)),
                _ => {}
            }
            self.disk.set_faults(faults);
            let flips = self.chance.random_bool(0.1);
            if flips {
                self.disk.flip_a_read(self.chance.random_range(0..4));
            }
            let opened = Directory::open_in(self.disk.clone(), WHOSE, self.settings.clone());
            match opened {
                Ok((directory, recovered)) => {
                    self.disk.set_faults(Faults::default());
                    self.counts.opened += 1;
                    self.counts.torn += u64::from(recovered.torn.is_some());
                    let found = State::of(&recovered);
                    if self.maybe.as_ref() == Some(&found) {
                        self.counts.survived += 1;
                        self.sure = found;
                    } else if self.sure != found {
                        return Err(self.difference(&found));
                    }
                    self.maybe = None;
                    return Ok(directory);
                }
                Err(OpenError::Refused { .. }) if faults != Faults::default() => {}
                Err(OpenError::Damaged(_) | OpenError::Foreign { .. }) if flips => {
                    self.counts.refused += 1;
                }
                Err(error) => return Err(error.to_string()),
            }
            match self.chance.random() {
                true => self.disk.lose_power(),
                false => self.disk.kill(),
            }
        }
    }

    fn difference(&self, found: &State) -> String {
        let shown = |state: &State| {
            let entries: Vec<(u64, usize)> = (state.log.iter())
                .map(|(&index, (_, bytes))| (index, bytes.len()))
                .collect();
            let snapshot = state.snapshot.as_ref().map(|(about, _)| about.index);
            let State {
                hard_state, kept, ..
            } = state;
            format!("{hard_state:?}, kept {kept:?}, snapshot {snapshot:?}, {entries:?}")
        };
        let maybe = self.maybe.as_ref().map(shown);
        format!(
            "found {}\n  expected {}\n  or {maybe:?}",
            shown(found),
            shown(&self.sure)
        )
    }

    /// Writes until all steps are done or something fails.
    fn live(&mut self, mut directory: Directory<SimulatedDisk>) {
        self.writing = None;
        let mut faults = Faults::default();
        match self.chance.random_range(0..6) {
            0 => faults.fail_at = Some(self.chance.random_range(1..60)),
            1 => {
                let used: usize = self.disk.lengths().iter().map(|(_, bytes)| bytes).sum();
                let free = self.chance.random_range(0..20_000);
                faults.capacity_bytes = Some(used as u64 + free);
            }
            2 => {}
            _ => faults.stop_at = Some(self.chance.random_range(1..60)),
        }
        self.disk.set_faults(faults);
        for _ in 0..self.chance.random_range(0..MAX_STEPS) {
            let segments = self.segments();
            let result = match self.chance.random_range(0..10) {
                0..7 => self.write(&mut directory),
                _ => self.step_snapshot(&mut directory),
            };
            self.counts.cut_segments += u64::from(self.segments() < segments);
            if let Err(failure) = result {
                let is_full = failure.kind == std::io::ErrorKind::StorageFull;
                self.counts.full += u64::from(is_full);
                self.counts.failed += u64::from(!is_full && !self.disk.is_stopped());
                return;
            }
        }
    }

    fn segments(&self) -> usize {
        let lengths = self.disk.lengths();
        lengths
            .iter()
            .filter(|(name, _)| name.starts_with("log-"))
            .count()
    }

    fn write(
        &mut self,
        directory: &mut Directory<SimulatedDisk>,
    ) -> Result<(), crate::disk::Failure> {
        let mut state = self.sure.clone();
        let mut batches: Vec<Batch> = Vec::new();
        for _ in 0..self.chance.random_range(1..4) {
            let changes: Vec<Change> = (0..self.chance.random_range(1..5))
                .map(|_| {
                    let change = self.change(&state);
                    state.change(&change);
                    change
                })
                .collect();
            batches.push(batch(&changes));
        }
        self.maybe = Some(state.clone());
        directory.write(&batches)?;
        self.counts.writes += 1;
        self.sure = state;
        self.maybe = None;
        Ok(())
    }

    fn change(&mut self, state: &State) -> Change {
        let chance = &mut self.chance;
        let (through, last) = (state.through(), state.last_index());
        match chance.random_range(0..11) {
            10 => {
                let length = chance.random_range(0..20);
                let bytes = bytes(chance, length);
                Change::Keep(chance.random_range(0..3), bytes)
            }
            0 => Change::HardState(HardState {
                term: chance.random_range(0..1_000),
                vote: chance.random_bool(0.7).then(|| chance.random()),
                incarnation: chance.random(),
            }),
            1 => Change::TruncateAfter(chance.random_range(through..=last)),
            kind => {
                let index = match kind {
                    2 => chance.random_range(through + 1..=last + 1),
                    _ => last + 1,
                };
                let length = match chance.random_range(0..4) {
                    0 => chance.random_range(0..2_000),
                    _ => chance.random_range(0..60),
                };
                let bytes = bytes(chance, length);
                Change::Entry(index, chance.random_range(0..1_000), bytes)
            }
        }
    }

    /// Begins a snapshot, or goes on with it, or ends it.
    fn step_snapshot(
        &mut self,
        directory: &mut Directory<SimulatedDisk>,
    ) -> Result<(), crate::disk::Failure> {
        let chance = &mut self.chance;
        let Some((_, written)) = &mut self.writing else {
            let length = chance.random_range(0..30);
            let through = self.sure.through();
            let about = About {
                // It may be of more than the log.
                index: chance.random_range(through + 1..=self.sure.last_index() + 3),
                term: chance.random_range(0..1_000),
                extra: bytes(chance, length),
            };
            self.writing = Some((about.clone(), Vec::new()));
            return directory.begin_snapshot(&about);
        };
        match chance.random_range(0..5) {
            0 => {
                self.writing = None;
                directory.give_up_snapshot()
            }
            1..3 => {
                let length = chance.random_range(0..3_000);
                let piece = bytes(chance, length);
                written.extend_from_slice(&piece);
                directory.add_piece(&piece)
            }
            kind => {
                let beside = match kind {
                    3 => Beside::Nothing,
                    _ => Beside::EntriesBehind,
                };
                let mut state = self.sure.clone();
                let (about, written) = self.writing.take().expect("it was begun");
                state.snapshot(about, written, beside);
                self.maybe = Some(state.clone());
                directory.finish_snapshot(beside)?;
                self.counts.snapshots += 1;
                self.sure = state;
                self.maybe = None;
                Ok(())
            }
        }
    }
}

/// Bytes by chance, now and then with many zeros, which are easily taken for what was never written.
fn bytes(chance: &mut Xoshiro256PlusPlus, length: usize) -> Vec<u8> {
    let mut bytes: Vec<u8> = (0..length).map(|_| chance.random()).collect();
    if length > 0 && chance.random_bool(0.3) {
        let start = chance.random_range(0..length);
        bytes[start..].fill(0);
    }
    bytes
}
