//! What a run with disks ends with: all replicas stop at once, start from their disks, and must come to hold what was
//! committed, without anybody's help.

use std::time::Duration;

use super::clocked::Core;
use super::driver::{Driver, Parcel};
use super::queue::Queue;
use crate::bench::verdict::violation::Violation;
use crate::consensus::Index;
use crate::replica::{Input, Output};

/// How long that may take: several elections.
const PATIENCE: Duration = Duration::from_secs(60);

impl Driver {
    /// Starts all replicas once more from their disks, in a network without faults. Nothing, if there are no disks, or too
    /// few of them were left alone.
    pub(super) fn start_once_more(&mut self) {
        let has_disks = self.cores.iter().all(|core| core.disk.is_some());
        let kept = self.cores.iter().filter(|core| !core.is_wiped).count();
        if !has_disks || 2 * kept <= self.cores.len() || self.violation.is_some() {
            return;
        }
        let recorder = self.recorder.take();
        self.queue = Queue::new();
        for index in 0..self.cores.len() {
            if self.cores[index].alive {
                self.crash(index);
            }
            if let Some(disk) = &mut self.cores[index].disk {
                disk.calm();
            }
            self.start_again(index, false);
        }
        self.come_to_rest();
        self.recorder = recorder;
    }

    /// Lets the replicas talk to each other until all hold what is committed now. Where one has lost its memory, those who
    /// never heard of it before may follow it, and the others will not: there a quorum is enough.
    fn come_to_rest(&mut self) {
        let (through, end) = (self.promises.committed(), self.now + PATIENCE);
        while self.violation.is_none() && !self.enough_hold(through) {
            let parcel_at = self.queue.next_at();
            let heard_at = self.inboxes.next_at();
            let (core_at, core) = self.next_core();
            let (disk_at, disk) = self.next_disk();
            let next = parcel_at.min(heard_at).min(core_at).min(disk_at);
            if next > end {
                self.violation = Some(Violation {
                    promise: "what is committed is there after a restart of all",
                    time: end,
                    what: format!(
                        "{} s after all replicas have started again, too few hold the log through {through}",
                        PATIENCE.as_secs()
                    ),
                });
                return;
            }
            self.now = self.now.max(next);
            if disk_at == next {
                self.step_disk(disk);
            } else if parcel_at == next {
                self.arrive();
            } else if heard_at == next {
                self.pass_on();
            } else {
                self.step_core(core, None);
            }
        }
    }

    /// Everything that was sent goes straight to its receiver; there are no clients.
    fn pass_on(&mut self) {
        for index in 0..self.cores.len() {
            while let Some(output) = self.inboxes.take(index, self.now) {
                let Output::Send { to, letter } = output else {
                    continue;
                };
                let from = self.roster.replica(index);
                if let Some(to) = self.roster.replica_index(to) {
                    let input = Input::Letter { from, letter };
                    self.queue.push(self.now, Parcel(to, input, 0));
                }
            }
        }
    }

    fn enough_hold(&self, through: Index) -> bool {
        let holds = |core: &&Core| core.replica.view().commit() >= through;
        let needed = match self.cores.iter().any(|core| core.is_wiped) {
            true => self.cores.len() / 2 + 1,
            false => self.cores.len(),
        };
        self.cores.iter().filter(holds).count() >= needed
    }
}
