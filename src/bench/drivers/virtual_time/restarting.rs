//! The driver's part for replicas that stop and start again, and for their disks.

use std::time::Duration;

use super::driver::{Driver, note_broken};
use crate::replica::{Input, Write};

impl Driver {
    /// Which disk ends its sync next, and when.
    pub(super) fn next_disk(&self) -> (Duration, usize) {
        let disks = self.cores.iter().enumerate();
        let disks = disks.filter_map(|(index, core)| Some((core.disk.as_ref()?.next_at(), index)));
        disks.min().unwrap_or((Duration::MAX, 0))
    }

    /// A sync ends: its replica learns of it, at once or when it goes on.
    pub(super) fn end_sync(&mut self, index: usize) {
        let now = self.now;
        let Some(disk) = &mut self.cores[index].disk else {
            return;
        };
        let writes = disk.end_sync(now, &mut self.disks);
        self.note_synced(index, &writes);
        let Some(last) = writes.last() else {
            return;
        };
        let input = Input::Durable(last.consensus.number);
        match &mut self.cores[index].paused {
            Some(waiting) => waiting.push_back(input),
            None => self.step_core(index, [input]),
        }
    }

    fn note_synced(&mut self, index: usize, writes: &[Write]) {
        let id = self.roster.replica(index);
        for write in writes.iter().filter(|_| self.checks_steps) {
            self.promises.synced(id, &write.consensus);
        }
    }

    /// A replica is killed: what it has sent and nobody has taken is lost, and so is what was not durable.
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
            let writes = disk.end_all();
            self.note_synced(index, &writes);
        }
    }

    fn stop(&mut self, index: usize) {
        let core = &mut self.cores[index];
        core.alive = false;
        core.paused = None;
        self.inboxes.close(index);
        self.next_core = None;
    }

    /// Starts a replica again with its disk, or with an empty one.
    pub(super) fn start_again(&mut self, index: usize, wiped: bool) {
        let (id, now) = (self.roster.replica(index), self.now);
        let core = &mut self.cores[index];
        if wiped && let Some(disk) = &mut core.disk {
            disk.wipe();
            core.is_wiped = true;
        }
        let options = core.options();
        let restored = core.disk.as_ref().and_then(|disk| disk.restored(&options));
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
