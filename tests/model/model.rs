//! The clusters that can be reached from a scene within bounds, as stateright's model.

use std::time::Duration;

use leasekv::id::Id;
use leasekv::raft::Term;
use leasekv::raft::view::RoleName;
use stateright::{Model, Property};

use crate::cluster::{Action, Cluster, Kind, REPLICAS};
use crate::properties;

/// What the check covers: every course of events that stays within these bounds.
#[derive(Clone)]
pub(crate) struct Bounded {
    /// Where it begins.
    pub(crate) scene: Cluster,
    /// What must happen somewhere, or the check has missed the point.
    pub(crate) must_happen: Vec<fn() -> Property<Bounded>>,
    pub(crate) last_term: Term,
    /// The most entries in a log.
    pub(crate) entries: usize,
    /// The most calls without input: timeouts, retries, heartbeats.
    pub(crate) timeouts: usize,
    pub(crate) duplicates: usize,
    /// The most messages on their way at a time. Of more, any are lost.
    pub(crate) in_flight: usize,
    /// Who may be called without input, and asked. The others only react to messages.
    pub(crate) active: Vec<Id>,
    pub(crate) puts: usize,
    pub(crate) gets: usize,
    /// How far the common clock goes, if there is one.
    pub(crate) time: Duration,
}

impl Model for Bounded {
    type State = Cluster;
    type Action = Action;

    fn init_states(&self) -> Vec<Cluster> {
        vec![self.scene.clone()]
    }

    fn actions(&self, cluster: &Cluster, actions: &mut Vec<Action>) {
        if !cluster.past.breaches.is_empty() {
            return;
        }
        if cluster.sent().count() > self.in_flight {
            actions.extend(cluster.sent().cloned().map(Action::Lose));
            return;
        }
        actions.extend(cluster.sent().cloned().map(Action::Deliver));
        if cluster.duplicates() < self.duplicates {
            actions.extend(cluster.sent().cloned().map(Action::Duplicate));
        }
        for id in REPLICAS {
            let may_time_out = cluster.timeouts() < self.timeouts;
            let may_time_out = may_time_out && self.active.contains(&id);
            if may_time_out && cluster.is_due(id) {
                actions.push(Action::Wake(id));
            }
            // For the others, this is no more than their deadline.
            if may_time_out
                && !cluster.has_common_clock()
                && cluster.view(id).role() == RoleName::Leader
            {
                actions.push(Action::Oversleep(id));
            }
            for (kind, most) in [(Kind::Put, self.puts), (Kind::Get, self.gets)] {
                if cluster.asked(kind) < most && self.active.contains(&id) {
                    actions.push(Action::Ask(kind, id));
                }
            }
        }
        if cluster.has_common_clock() && cluster.elapsed() < self.time {
            actions.push(Action::Elapse);
        }
    }

    fn next_state(&self, cluster: &Cluster, action: Action) -> Option<Cluster> {
        cluster.after(&action)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let mut all = properties::promises();
        all.extend(self.must_happen.iter().map(|property| property()));
        all
    }

    fn within_boundary(&self, cluster: &Cluster) -> bool {
        cluster
            .views()
            .iter()
            .all(|view| view.term() <= self.last_term && view.entries().count() <= self.entries)
    }
}
