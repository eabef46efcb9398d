//! Replicas that die without an event's doing, and those that the course's program takes for dead.

use super::{Death, Simulation};
use crate::bench::record::timeline::FaultKind;
use crate::bench::world::border::Action;
use crate::id::Id;

impl<P: Clone> Simulation<P> {
    /// A replica has ended by itself.
    pub(super) fn bury(&mut self, replica: usize, how: &str) {
        if self.deaths.iter().any(|death| death.replica == replica) {
            return;
        }
        self.standings.bury(replica);
        let id = self.roster.replica(replica);
        let started = self.standings.is_ready(replica);
        let when = if started {
            "on its own"
        } else {
            "before its hello"
        };
        let said = format!("replica {id} died {when}: {how}");
        self.note_fault(FaultKind::Died(id), said.clone());
        self.observer.died(replica, how, false, self.now);
        self.deaths.push(Death { replica, said });
        if !started {
            self.end_early(format!("replica {id} did not start, the run ends early"));
        }
    }

    /// A replica has sent what is no text at all: it is incorrect, and the replica is closed.
    pub(super) fn close(&mut self, replica: usize, why: &str) {
        if self.standings.is_silenced(replica) {
            return;
        }
        self.turn.begin();
        let id = self.roster.replica(replica);
        self.note_incorrect(format!("unreadable datagram from {id}: {why}"));
        let said = format!("replica {id} is closed and counts as died, for its datagram is {why}");
        self.note_fault(FaultKind::Died(id), said.clone());
        self.observer.died(replica, why, true, self.now);
        self.deaths.push(Death { replica, said });
        self.doom(replica);
        self.standings.kill(replica);
        self.actions.push_back(Action::Kill(replica));
    }

    /// Somebody speaks to a replica before its hello.
    pub(super) fn take_for_dead(&mut self, replica: usize, by: Id) {
        self.observer.too_early(replica, by, self.now);
        if self.standings.take_for_dead(replica) {
            let id = self.roster.replica(replica);
            self.note(format!(
                "takes replica {id} for dead from now on: it was sent something before its hello"
            ));
        }
    }

    /// What was handed to a replica in this turn, it cannot answer any more.
    pub(super) fn doom(&mut self, replica: usize) {
        for attempt in self.turn.handed_to(replica) {
            self.clients.doom(attempt);
        }
    }

    /// A text for each replica that died, or counts as if it had.
    pub(super) fn all_deaths(&mut self) -> Vec<String> {
        let deaths = std::mem::take(&mut self.deaths);
        let is_told = |replica: &usize| deaths.iter().any(|death| death.replica == *replica);
        let taken = self.standings.taken_for_dead();
        let taken: Vec<String> = taken
            .filter(|replica| !is_told(replica))
            .map(|replica| {
                let id = self.roster.replica(replica);
                format!("replica {id} counts as died: it was sent something before its hello")
            })
            .collect();
        deaths
            .into_iter()
            .map(|death| death.said)
            .chain(taken)
            .collect()
    }

    /// The end of a dead replica's stderr.
    pub(super) fn note_last_words(&mut self, replica: usize, words: &[String]) {
        self.observer.last_words(replica, words);
    }
}
