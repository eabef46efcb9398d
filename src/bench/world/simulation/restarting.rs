//! Replicas that are stopped, one or all, and start again.

use std::time::Duration;

use super::Simulation;
use crate::bench::config::Who;
use crate::bench::record::timeline::FaultKind;
use crate::bench::world::border::Action;
use crate::bench::world::random::StreamRng;

/// How a replica that starts again is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// By SIGKILL.
    Crash,
    /// By SIGTERM.
    Restart,
    /// By SIGKILL, and its directory is lost.
    Wipe,
}

impl<P: Clone> Simulation<P> {
    /// Stops a replica, which starts again after `down`.
    pub(super) fn stop(&mut self, who: Who, end: End, down: Duration, rng: &mut StreamRng) {
        let Some(replica) = self.find(who, None, rng) else {
            let said = "stops nobody: no such replica is known to live";
            return self.note(said.to_owned());
        };
        self.stop_this(replica, end, down);
    }

    /// Stops all that live, which start again after `down`.
    pub(super) fn lose_power(&mut self, down: Duration) {
        let alive = self.standings.alive().iter().enumerate();
        let all: Vec<usize> = alive
            .filter_map(|(at, alive)| alive.then_some(at))
            .collect();
        self.note("the power fails".to_owned());
        for replica in all {
            self.stop_this(replica, End::Crash, down);
        }
    }

    fn stop_this(&mut self, replica: usize, end: End, down: Duration) {
        let id = self.roster.replica(replica);
        let leads = self.leader == id;
        let how = match end {
            End::Crash => "kills",
            End::Restart => "ends",
            End::Wipe => "kills, and empties the directory of,",
        };
        let what = if leads {
            "the leader, replica"
        } else {
            "replica"
        };
        let fault = FaultKind::Kill {
            replica: id,
            leader: leads,
        };
        self.note_fault(
            fault,
            format!("{how} {what} {id}, for {} s", down.as_secs_f64()),
        );
        if leads {
            self.outages.push((self.now, id));
        }
        match end {
            End::Restart => {
                self.doom(replica);
                self.standings.kill(replica);
                self.observer.killed(replica, self.now);
                self.actions.push_back(Action::Stop(replica));
            }
            End::Crash | End::Wipe => self.kill(replica),
        }
        self.standings
            .starts_at(replica, self.now + down, end == End::Wipe);
        if leads {
            self.forget_leader();
        }
    }

    /// Starts those again whose time has come.
    pub(super) fn start_in_time(&mut self) {
        for replica in 0..self.config.replicas {
            let Some(wiped) = self.standings.start_in_time(replica, self.now) else {
                continue;
            };
            let id = self.roster.replica(replica);
            let with = if wiped {
                "without its directory"
            } else {
                "again"
            };
            self.note_fault(FaultKind::Start(id), format!("starts replica {id} {with}"));
            self.observer.started(replica);
            self.actions.push_back(Action::Start { replica, wiped });
        }
    }
}
