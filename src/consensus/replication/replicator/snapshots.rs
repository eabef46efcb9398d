//! Sending a snapshot to who needs entries that are gone.

use ::log::{debug, error, info};

use super::Replicator;
use crate::consensus::core::Core;
use crate::consensus::entry::Command;
use crate::consensus::message::{Body, SnapshotResponse};
use crate::consensus::replication::transfer::Transfer;
use crate::consensus::types::Index;
use crate::id::Id;

impl Replicator {
    /// Begins to send a snapshot to a follower, if it needs entries that are gone. Returns whether one is being sent.
    pub(super) fn begin_transfer<C: Command>(&mut self, core: &Core<C>, id: Id) -> bool {
        let progress = self.follower(id);
        if progress.transfer.is_none() && progress.next <= core.log.base().index {
            let snapshot = core.snapshot.clone();
            let snapshot = snapshot.expect("what is gone is in a snapshot");
            info!(
                "{id} lacks entries from {} on, which are gone: sending a snapshot through {}",
                progress.next, snapshot.last
            );
            progress.transfer = Some(Transfer::new(snapshot));
        }
        progress.transfer.is_some()
    }

    /// Sends the next part of a snapshot to a follower that one is being sent to, if it is time to.
    pub(super) fn send_part<C: Command>(&mut self, core: &mut Core<C>, id: Id) {
        let now = core.now;
        let patience = self.patience(&core.options.timing);
        let interval = core.options.timing.heartbeat_interval;
        let delivery = self.delivery;
        let in_doubt = self.doubts_from(core).is_some_and(|from| now >= from);
        let progress = self.follower(id);
        let Some(transfer) = &mut progress.transfer else {
            return;
        };
        if now < transfer.due(|| patience, interval) {
            return;
        }
        let part = transfer.next_part(now, core.options.limits.max_append_bytes, in_doubt);
        progress.note_part_sent(now, delivery);
        debug!("sending {id} the items {} to {}", part.start, part.end);
        core.send(id, Body::Snapshot(part));
    }

    /// A follower tells what it has of a snapshot.
    pub(crate) fn on_part_response<C: Command>(
        &mut self,
        core: &mut Core<C>,
        from: Id,
        response: SnapshotResponse,
    ) {
        let Some(progress) = self.followers.find_mut(from) else {
            return error!("ignoring {from}, which is no follower");
        };
        progress.note_heard(core.now);
        let transfer = progress.transfer.as_mut();
        let goes_on = transfer.is_some_and(|transfer| transfer.answered(response));
        self.round_trips.note(core.now.since(response.sent_at));
        if goes_on {
            self.send_part(core, from);
        }
    }

    /// The last index through which nobody who lives needs the log's entries.
    pub(crate) fn needed_by_none(&self) -> Index {
        let living = self
            .followers
            .all()
            .filter(|progress| !progress.seems_gone(self.delivery));
        let has = living.map(|progress| progress.has_through());
        has.min().unwrap_or(Index(u64::MAX))
    }
}
