//! Disks: what replicas have handed to theirs becomes durable, or is lost in part.

use std::sync::Arc;

use leasekv::consensus::RoleName;
use leasekv::consensus::image::Image;
use leasekv::id::Id;
use leasekv::replica::Replica;

use super::{Input, Node, SEED, State, fingerprint};
use crate::machine::Machine;
use crate::model::event::Event;

impl State {
    /// The disks of these take their time from now on.
    pub(crate) fn with_slow_disks(mut self, ids: &[u16]) -> State {
        self.slow_disks = ids.iter().copied().map(Id).collect();
        self
    }

    /// Of how many parts that consists which a replica's disk is not done with.
    pub(crate) fn parts_under_way(&self, id: Id) -> usize {
        self.node(id).disk.under_way().map(Image::parts).sum()
    }

    /// All that a replica has handed to its disk is durable, and it hears of that.
    pub(super) fn sync(&mut self, id: Id) {
        let mut node = self.node(id).clone();
        let promises = Arc::make_mut(&mut self.promises);
        for write in node.disk.under_way() {
            promises.synced(id, write);
        }
        self.promises_fingerprint = fingerprint(promises);
        let mut last = None;
        while node.disk.under_way().len() > 0 {
            last = Some(node.disk.end_sync());
        }
        self.nodes[usize::from(id.0)] = Arc::new(node);
        if let Some(number) = last {
            self.call_once(id, self.time_at(id), Input::Durable(number));
        }
    }

    /// A replica is killed, and starts again with what its disk holds then.
    ///
    /// # Panics
    ///
    /// If it never had anything durable: no scene begins so early.
    pub(super) fn crash(&mut self, id: Id, parts: usize) {
        self.counts.crashes += 1;
        if let Err(place) = self.crashed.binary_search(&id) {
            self.crashed.insert(place, id);
        }
        if parts < self.parts_under_way(id) {
            self.events.push(Event::LostUnsynced);
        }
        if self.view(id).role() == RoleName::Leader {
            self.events.push(Event::LeaderRestarted);
        }
        let Node {
            mut disk, lives, ..
        } = self.node(id).clone();
        let (now, lives) = (self.time_at(id), lives + 1);
        disk.crash(parts);
        let stored = disk.restored().expect("it has been here before");
        let peers: Vec<Id> = self.ids().filter(|&peer| peer != id).collect();
        let (options, seed) = (&self.options, SEED + lives);
        let replica = <Replica as Machine>::restore(id, &peers, options, stored.clone(), seed, now);
        let promises = Arc::make_mut(&mut self.promises);
        if let Err(broken) = promises.restarted(&replica.view(), &stored.0) {
            self.broken.get_or_insert(broken);
        }
        self.promises_fingerprint = fingerprint(promises);
        self.nodes[usize::from(id.0)] = Arc::new(Node::new(replica, disk, now, lives));
    }
}
