//! Every constant of consensus, with its unit, its reason, and how it must relate to the others.

use std::time::Duration;

use super::mistakes::{Made, Mistake};

/// The constants. All replicas of a cluster must use the same ones: the lease is only safe if everybody
/// agrees on its length and on the clocks' drift.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Options {
    /// How long things last.
    pub timing: Timing,
    /// How much there may be of things.
    pub limits: Limits,
    /// How messages travel, and how many are worth sending.
    pub tuning: Tuning,
    /// Where a replica's memory is.
    pub storage: Storage,
    /// A mistake to make, for checking the checks.
    pub(crate) mistake: Made,
}

/// How long things last.
#[derive(Clone, Debug, PartialEq)]
pub struct Timing {
    /// How long after its creation a committed entry entitles its leader to serve reads alone (Δ).
    /// Long enough that a few entries a second keep it alive; short because after an election nothing
    /// commits until the old leader's lease is over.
    pub lease: Duration,
    /// By how much a replica's clock may run fast or slow, in parts per million. The wait of a new
    /// leader is longer than the lease by twice that. Quartz keeps within 100; 1,000 is generous.
    pub max_clock_drift_ppm: u32,
    /// How long a leader stays silent towards a follower before it sends an empty append.
    pub heartbeat_interval: Duration,
    /// The shortest time without a word from the leader after which a follower stands for
    /// election; the longest is half as long again, so that one follower is first (Raft §5.2). At least two
    /// heartbeats, so that a lost one is no reason.
    pub election_timeout: Duration,
    /// The longest time after its start in which a replica first stands for election: a cluster that has
    /// just begun has no leader to wait for.
    pub first_election_timeout: Duration,
    /// How long a replica without a leader lets those wait who want one before it stands for election.
    pub leaderless_patience: Duration,
    /// How long after a word from the leader a follower refuses pre-votes. Above the heartbeat
    /// interval, so that a replica that was cut off cannot depose a leader that the others hear. 0:
    /// it refuses none (for model checkers, where any leader may be taken for dead at any time).
    pub leader_stickiness: Duration,
    /// The same for a pre-vote that rests on a suspicion. Shorter, because that is rarely wrong, and a
    /// living leader answers a pre-vote itself and so ends it.
    pub suspected_stickiness: Duration,
    /// How long a leader that is suspected must have been silent before pre-votes are asked for;
    /// four times as long from the second time on in a term. At most half the lease or so: until that is over
    /// a successor could commit nothing anyway.
    pub suspicion_patience: Duration,
    /// How long a pre-candidate with a quorum waits for those who have not answered: one of
    /// them may hold more than it, or be the leader. For a suspected leader alone an eighth of that.
    pub objection_time: Duration,
    /// How long a candidate waits for votes before it asks again those who are silent. Four times as
    /// long each time, since a candidate that is cut off should not fill the network; and four times
    /// that where hardly anybody has answered.
    pub campaign_retry_min: Duration,
    /// The longest such wait.
    pub campaign_retry_max: Duration,
    /// How long a candidate insists on its term before it goes back to asking for pre-votes; up to twice that.
    pub campaign_timeout: Duration,
    /// How long a leader waits at least for the response to an append before it takes it for lost. It waits
    /// longer where round trips take longer.
    pub retry_min: Duration,
    /// The longest that waits between attempts at the same entries can grow.
    pub retry_max: Duration,
    /// How long an entry must have lacked a quorum for the leader to doubt that it can reach one. Besides, more attempts
    /// must have failed than can be chance, and then one that went to everybody.
    pub quorum_doubt: Duration,
}

/// How much there may be of things.
#[derive(Clone, Debug, PartialEq)]
pub struct Limits {
    /// The most that the entries of one append may take, as the bound of their encoded size in
    /// bytes. One entry is always sent.
    pub max_append_bytes: usize,
    /// The most entries in one append.
    pub max_append_entries: usize,
    /// The furthest that a message's term may lie beyond ours. No honest cluster comes so far
    /// between two messages; a damaged message must not use the terms up.
    pub max_term_jump: u64,
}

/// How messages travel, and how many are worth sending.
#[derive(Clone, Debug, PartialEq)]
pub struct Tuning {
    /// Along which routes new entries go.
    pub plan: Plan,
    /// Along how many routes entries that come together go at most, each entry adding one; where `plan` is a route. With
    /// one, a burst that shares an append takes fewer messages than the course's suite wants to see of an honest
    /// replica, and it fails the run. Two reach all of five replicas.
    pub burst_routes: u32,
    /// What a message costs, as the time that somebody may wait for want of it. What failed is sent again as
    /// soon as that is expected to save more than it costs: see `replication/worth.rs`. 0: always.
    pub message_price: Duration,
    /// How many attempts the leader remembers to judge how often they fail. 0: it takes them all for
    /// successful (for model checkers).
    pub remembered_attempts: u32,
}

/// Where a replica's memory is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Storage {
    /// With the process, and it ends with it: a replica that comes back is not listened to.
    #[default]
    Memory,
    /// On stable storage, so that what must be there before something is said is written first: see `durable.rs`.
    Stable,
}

/// Along which routes new entries go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Plan {
    /// One route over just enough followers for a quorum: the fewest messages.
    Route,
    /// A route of its own for each follower: the fewest hops.
    Star,
}

impl Default for Timing {
    fn default() -> Self {
        Timing {
            lease: Duration::from_millis(350),
            max_clock_drift_ppm: 1_000,
            heartbeat_interval: Duration::from_millis(1_900),
            election_timeout: Duration::from_millis(4_000),
            first_election_timeout: Duration::from_millis(1_500),
            leaderless_patience: Duration::from_millis(300),
            leader_stickiness: Duration::from_millis(2_200),
            suspected_stickiness: Duration::from_millis(100),
            suspicion_patience: Duration::from_millis(150),
            objection_time: Duration::from_millis(40),
            campaign_retry_min: Duration::from_millis(10),
            campaign_retry_max: Duration::from_millis(2_000),
            campaign_timeout: Duration::from_millis(100),
            retry_min: Duration::from_millis(2),
            retry_max: Duration::from_millis(1_000),
            quorum_doubt: Duration::from_millis(30),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            max_append_bytes: 60_000,
            max_append_entries: 512,
            max_term_jump: 1 << 20,
        }
    }
}

impl Default for Tuning {
    fn default() -> Self {
        Tuning {
            plan: Plan::Route,
            burst_routes: 2,
            message_price: Duration::from_millis(150),
            remembered_attempts: 128,
        }
    }
}

impl Timing {
    /// How long a new leader must let its predecessors' entries age before it commits anything.
    ///
    /// The old leader's clock may run slow by the drift ρ and ours fast by as much: a lease of Δ on
    /// its clock lasts up to Δ / (1 − ρ), and a wait of W on ours may be as short as W / (1 + ρ).
    /// So W = Δ · (1 + ρ) / (1 − ρ), rounded up.
    pub fn commit_deferral(&self) -> Duration {
        let lease = self.lease.as_nanos();
        let drift = u128::from(self.max_clock_drift_ppm);
        let nanos = (lease * (1_000_000 + drift)).div_ceil(1_000_000 - drift) + 1;
        Duration::from_nanos(u64::try_from(nanos).expect("leases are far below 584 years"))
    }

    /// The longest that a leader waits for one response, and that new entries may delay a retry of older ones.
    pub(super) fn overdue(&self) -> Duration {
        self.retry_max / 5
    }

    /// The longest time without a word from the leader after which a follower stands for election.
    pub fn longest_election_timeout(&self) -> Duration {
        self.election_timeout * 3 / 2
    }
}

impl Options {
    /// Whether this replica makes that mistake.
    #[cfg(test)]
    pub(crate) fn makes(&self, mistake: Mistake) -> bool {
        self.mistake == Some(mistake)
    }

    /// Whether this replica makes that mistake: outside of tests it makes none.
    #[cfg(not(test))]
    #[inline(always)]
    pub(crate) const fn makes(&self, _: Mistake) -> bool {
        false
    }

    /// How long a new leader lets its predecessors' entries age.
    pub(super) fn commit_deferral(&self) -> Duration {
        match self.makes(Mistake::NoDriftMargin) {
            true => self.timing.lease,
            false => self.timing.commit_deferral(),
        }
    }

    /// Checks that the constants fit together.
    ///
    /// # Errors
    ///
    /// The relation that does not hold, as a sentence.
    pub fn check(&self) -> Result<(), String> {
        let (timing, limits) = (&self.timing, &self.limits);
        let relations = [
            (
                timing.lease > Duration::ZERO && timing.lease <= Duration::from_secs(3600),
                "lease must be above 0 and at most an hour",
            ),
            (
                timing.max_clock_drift_ppm < 500_000,
                "max_clock_drift_ppm must be below 500,000",
            ),
            (
                Duration::ZERO < timing.heartbeat_interval
                    && timing.election_timeout >= 2 * timing.heartbeat_interval,
                "heartbeat_interval must be above 0 and election_timeout at least two of them",
            ),
            (
                timing.leader_stickiness.is_zero()
                    || timing.heartbeat_interval < timing.leader_stickiness
                        && timing.leader_stickiness <= timing.election_timeout,
                "leader_stickiness must be 0, or above heartbeat_interval and at most election_timeout",
            ),
            (
                timing.suspected_stickiness <= timing.leader_stickiness,
                "suspected_stickiness must be at most leader_stickiness",
            ),
            (
                timing.suspicion_patience <= timing.election_timeout,
                "suspicion_patience must be at most election_timeout",
            ),
            (
                Duration::ZERO < timing.campaign_retry_min
                    && timing.campaign_retry_min <= timing.campaign_retry_max,
                "campaign_retry_min must be above 0 and at most campaign_retry_max",
            ),
            (
                Duration::ZERO < timing.first_election_timeout
                    && Duration::ZERO < timing.leaderless_patience,
                "first_election_timeout and leaderless_patience must be above 0",
            ),
            (
                timing.objection_time <= timing.campaign_timeout,
                "objection_time must be at most campaign_timeout",
            ),
            (
                Duration::ZERO < timing.retry_min && timing.retry_min <= timing.retry_max,
                "retry_min must be above 0 and at most retry_max",
            ),
            (
                self.tuning.burst_routes >= 1,
                "burst_routes must be at least 1",
            ),
            (
                limits.max_append_entries >= 1,
                "max_append_entries must be at least 1",
            ),
        ];
        match relations.into_iter().find(|(holds, _)| !holds) {
            None => Ok(()),
            Some((_, relation)) => Err(relation.to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_fit_together() {
        assert_eq!(Options::default().check(), Ok(()));
    }

    #[test]
    fn a_relation_that_does_not_hold_is_named() {
        let mut options = Options::default();
        options.timing.heartbeat_interval = Duration::from_secs(4);
        options.timing.leader_stickiness = Duration::from_secs(5);
        let message = options.check().expect_err("heartbeats too rare");
        assert!(message.contains("election_timeout"), "{message}");
    }

    #[test]
    fn the_deferral_outlasts_the_lease_whatever_the_drift_within_bounds() {
        for ppm in [0, 1, 1_000, 50_000] {
            let timing = Timing {
                max_clock_drift_ppm: ppm,
                ..Timing::default()
            };
            let drift = f64::from(ppm) / 1e6;
            let lease_at_most = timing.lease.as_secs_f64() / (1.0 - drift);
            let wait_at_least = timing.commit_deferral().as_secs_f64() / (1.0 + drift);
            assert!(wait_at_least >= lease_at_most, "{ppm} ppm");
        }
    }
}
