//! The driver's part for replicas that stop and start again, and for their disks.

use std::time::Duration;

use super::disk::{Found, Work};
use super::driver::{Driver, note_broken};
use crate::bench::verdict::violation::Violation;
use crate::replica::Input;

impl Driver {
    /// At which disk something happens next, and when.
    pub(super) fn next_disk(&self) -> (Duration, usize) {
        let disks = self.cores.iter().enumerate();
        let disks = disks.filter_map(|(index, core)| Some((core.disk.as_ref()?.next_at(), index)));
        disks.min().unwrap_or((Duration::MAX, 0))
    }

    /// A sync ends: its replica learns of it, at once or when it goes on. Or one starts again that its disk has ended.
    pub(super) fn step_disk(&mut self, index: usize) {
        let now = self.now;
        let Some(disk) = &mut self.cores[index].disk else {
            return;
        };
        if disk.is_to_start() {
            return self.start_again(index, false);
        }
        let works = match disk.end_sync(now, &mut self.disks) {
            Ok(works) => works,
            Err(failure) => {
                self.trace.disk(now, index, &failure.to_string());
                return self.stop(index);
            }
        };
        self.note_synced(index, &works);
        let number = works.iter().rev().find_map(|work| match work {
            Work::Write(write) => Some(write.consensus.number),
            Work::Copy(_) => None,
        });
        let Some(number) = number else {
            return;
        };
        let input = Input::Durable(number);
        match &mut self.cores[index].paused {
            Some(waiting) => waiting.push_back(input),
            None => self.step_core(index, [input]),
        }
    }

    fn note_synced(&mut self, index: usize, works: &[Work]) {
        let id = self.roster.replica(index);
        for work in works.iter().filter(|_| self.checks_steps) {
            match work {
                Work::Write(write) => self.promises.synced(id, &write.consensus),
                Work::Copy(snapshot) => self.promises.snapshot_synced(id, snapshot),
            }
        }
    }

    /// A replica is killed: what it has sent and nobody has taken is lost, and so is, perhaps, what was not durable.
    pub(super) fn crash(&mut self, index: usize) {
        self.stop(index);
        if let Some(disk) = &mut self.cores[index].disk {
            disk.crash(&mut self.disks);
        }
    }

    /// A replica ends in an orderly way.
    pub(super) fn end(&mut self, index: usize) {
        self.stop(index);
        if let Some(disk) = &mut self.cores[index].disk {
            let works = disk.end_all();
            self.note_synced(index, &works);
        }
    }

    fn stop(&mut self, index: usize) {
        let core = &mut self.cores[index];
        core.alive = false;
        core.paused = None;
        self.inboxes.close(index);
        self.next_core = None;
    }

    /// Starts a replica again with its disk, or with an empty one. It stays down if its disk cannot be used.
    pub(super) fn start_again(&mut self, index: usize, wiped: bool) {
        let (id, now) = (self.roster.replica(index), self.now);
        let core = &mut self.cores[index];
        let options = core.options();
        let mut restored = None;
        if let Some(disk) = &mut core.disk {
            if wiped {
                disk.wipe(&mut self.disks);
                core.is_wiped = true;
            }
            restored = match disk.start(now, &options, &mut self.disks) {
                Found::Memory(restored) => restored,
                Found::Refused(problem) => return self.trace.disk(now, index, &problem),
                Found::Broken(what) => {
                    self.violation.get_or_insert(Violation {
                        promise: "what is durable is there after a crash",
                        time: now,
                        what,
                    });
                    return;
                }
            };
        }
        let found = restored.as_ref().map(|it| it.consensus.clone());
        core.start_again(now, restored);
        if self.checks_steps {
            let checked = match &found {
                Some(found) => self.promises.restarted(&core.replica.view(), found),
                None => {
                    self.promises.forget(id);
                    Ok(())
                }
            };
            note_broken(&mut self.violation, now, checked);
        }
        self.next_core = None;
        if let Some(recorder) = &mut self.recorder {
            recorder.starts_again(index);
        }
    }
}
