//! What the planned events do.

use std::time::Duration;

use rand::seq::SliceRandom;

use super::Simulation;
use super::restarting::End;
use crate::bench::config::{EventKind, Who};
use crate::bench::record::timeline::FaultKind;
use crate::bench::world::border::Action;
use crate::bench::world::random::{Stream, StreamRng};
use crate::id::Id;

impl<P: Clone> Simulation<P> {
    /// Lets the event with this place in the config's list happen.
    pub(super) fn strike(&mut self, index: usize) {
        let kind = self.config.events[index].kind.clone();
        let mut rng = Stream::Fault(index).rng(self.seed);
        let leader = self.roster.replica_index(self.leader);
        match kind {
            EventKind::KillLeader => self.kill_leader(leader),
            EventKind::KillNonLeader => self.kill_non_leader(leader, &mut rng),
            EventKind::PartEasy if leader.is_some() => {
                self.network.split(leader, &mut rng);
                self.note_split();
            }
            EventKind::PartEasy | EventKind::PartHard => {
                self.network.split(None, &mut rng);
                self.note_split();
                self.forget_leader();
            }
            EventKind::PartEnd => {
                self.network.heal();
                self.note_fault(FaultKind::Heal, "heals the partition".to_owned());
            }
            EventKind::IsolateLeader => match leader {
                Some(leader) => {
                    self.network.isolate(leader);
                    let said = format!("isolates the leader, replica {}", self.leader);
                    self.note_fault(self.split(), said);
                    self.forget_leader();
                }
                None => self.note("isolates no leader: none is known".to_owned()),
            },
            EventKind::Split(sides) => {
                self.network.split_into(&sides);
                self.note_split();
                if !self.network.is_on_majority_side(self.leader) {
                    self.forget_leader();
                }
            }
            EventKind::Cut { from, to } => self.cut(from, to, &mut rng),
            EventKind::Pause { replica, duration } => self.pause(replica, duration, &mut rng),
            EventKind::Resume(Some(replica)) => self.resume(replica),
            EventKind::Resume(None) => {
                (0..self.config.replicas).for_each(|replica| self.resume(replica));
            }
            EventKind::Crash { replica, down } => {
                self.stop(replica, End::Crash, down, &mut rng);
            }
            EventKind::Restart { replica, down } => {
                self.stop(replica, End::Restart, down, &mut rng);
            }
            EventKind::Wipe { replica, down } => {
                self.stop(replica, End::Wipe, down, &mut rng);
            }
            EventKind::PowerLoss { down } => self.lose_power(down),
        }
    }

    /// Resumes those whose pause is over.
    pub(super) fn resume_in_time(&mut self) {
        for replica in 0..self.config.replicas {
            if self.standings.is_pause_over(replica, self.now) {
                self.resume(replica);
            }
        }
    }

    fn kill_leader(&mut self, leader: Option<usize>) {
        match leader.filter(|&leader| !self.standings.is_dead(leader)) {
            Some(leader) => {
                let fault = FaultKind::Kill {
                    replica: self.leader,
                    leader: true,
                };
                self.note_fault(fault, format!("kills the leader, replica {}", self.leader));
                self.outages.push((self.now, self.leader));
                self.kill(leader);
            }
            None => self.note("kills no leader: none is known to live".to_owned()),
        }
        self.forget_leader();
    }

    fn kill_non_leader(&mut self, leader: Option<usize>, rng: &mut StreamRng) {
        let order = self.random_order(rng);
        let living = self.standings.count_alive();
        let victim = order
            .into_iter()
            .find(|&replica| self.standings.is_alive(replica) && Some(replica) != leader)
            .filter(|_| living > 1);
        match victim {
            Some(victim) => {
                let replica = self.roster.replica(victim);
                let fault = FaultKind::Kill {
                    replica,
                    leader: false,
                };
                self.note_fault(fault, format!("kills replica {replica}"));
                self.kill(victim);
            }
            None => self.note("kills no replica: only one lives".to_owned()),
        }
    }

    fn cut(&mut self, from: Who, to: Who, rng: &mut StreamRng) {
        // Who is named comes first, so that the other end is drawn among the others.
        let (from, to) = if from == Who::Random {
            let to = self.find(to, None, rng);
            (self.find(from, to, rng), to)
        } else {
            let from = self.find(from, None, rng);
            (from, self.find(to, from, rng))
        };
        match (from, to) {
            (Some(from), Some(to)) if from != to => {
                self.network.cut(from, to);
                let (from, to) = (self.roster.replica(from), self.roster.replica(to));
                let said = format!("cuts messages from {from} to {to}");
                self.note_fault(FaultKind::Cut(from, to), said);
            }
            (Some(_), Some(_)) => self.note("cuts nothing: both ends are the leader".to_owned()),
            _ => self.note("cuts nothing: no such replica is known to live".to_owned()),
        }
    }

    fn pause(&mut self, who: Who, duration: Option<Duration>, rng: &mut StreamRng) {
        let Some(replica) = self.find(who, None, rng) else {
            self.note("pauses nobody: no such replica is known to live".to_owned());
            return;
        };
        let end = duration.map_or(Duration::MAX, |duration| self.now + duration);
        let already = self.standings.pause(replica, end);
        let id = self.roster.replica(replica);
        if already {
            self.note(format!("pauses replica {id}, which stands still already"));
        } else {
            self.observer.stands_still(replica, true);
            self.note_fault(FaultKind::Pause(id), format!("pauses replica {id}"));
            self.actions.push_back(Action::Pause(replica));
        }
    }

    fn resume(&mut self, replica: usize) {
        self.observer.stands_still(replica, false);
        if self.standings.resume(replica) && !self.standings.is_dead(replica) {
            let id = self.roster.replica(replica);
            self.note_fault(FaultKind::Resume(id), format!("resumes replica {id}"));
            self.actions.push_back(Action::Resume(replica));
        }
    }

    /// A living replica that is meant, other than `not`.
    pub(super) fn find(&self, who: Who, not: Option<usize>, rng: &mut StreamRng) -> Option<usize> {
        let lives = |replica: &usize| self.standings.is_alive(*replica);
        match who {
            Who::Leader => self.roster.replica_index(self.leader).filter(lives),
            Who::Replica(replica) => Some(replica).filter(lives),
            Who::Random => {
                let mut order = self.random_order(rng).into_iter();
                order.find(|replica| lives(replica) && Some(*replica) != not)
            }
        }
    }

    /// Everybody gets a place in the draw, so that who lives does not shift it.
    fn random_order(&self, rng: &mut StreamRng) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.config.replicas).collect();
        order.shuffle(rng);
        order
    }

    fn note_split(&mut self) {
        let majority = self.network.majority().unwrap_or_default();
        let names: Vec<String> = majority.iter().map(Id::to_string).collect();
        let names = match names.is_empty() {
            true => "none".to_owned(),
            false => names.join(" "),
        };
        let said = format!("splits the network, majority {names}");
        self.note_fault(self.split(), said);
    }

    /// The split that there is now.
    fn split(&self) -> FaultKind {
        let (sides, majority) = self.network.sides().unwrap_or_default();
        FaultKind::Split { sides, majority }
    }

    pub(super) fn kill(&mut self, replica: usize) {
        self.doom(replica);
        self.standings.kill(replica);
        self.observer.killed(replica, self.now);
        self.actions.push_back(Action::Kill(replica));
    }
}
