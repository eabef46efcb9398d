//! Every constant of the protocol, with its unit, its reason, and how it must relate to the others.

use std::time::Duration;

use super::mistakes::Mistake;

/// The protocol's constants. All replicas of a cluster must use the same ones: the lease is only
/// safe if everybody agrees on [`lease`](Self::lease) and on the clocks' drift.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// How long after its creation a committed entry entitles its leader to answer gets alone (Δ).
    /// Long enough that a few puts a second keep it alive; short because after an election nothing
    /// commits until the old leader's lease is over.
    pub lease: Duration,
    /// By how much a replica's clock may run fast or slow, in parts per million. The wait of a new
    /// leader is longer than the lease by twice that. Quartz keeps within 100; 1,000 is generous.
    pub max_clock_drift_ppm: u32,
    /// How long a leader stays silent towards a follower before it sends an empty append.
    pub heartbeat_interval: Duration,
    /// The shortest time without a word from the leader after which a follower stands for
    /// election. Several heartbeats, so that a lost one is no reason.
    pub election_timeout_min: Duration,
    /// The longest such time. Timeouts are drawn between the two, so that one follower is first
    /// (Raft §5.2).
    pub election_timeout_max: Duration,
    /// The longest time after its start in which a replica first stands for election: a cluster that has
    /// just begun has no leader to wait for.
    pub first_election_timeout: Duration,
    /// How long a replica without a leader lets clients wait before it stands for election.
    pub leaderless_patience: Duration,
    /// How long after a word from the leader a follower refuses pre-votes. Above the heartbeat
    /// interval, so that a replica that was cut off cannot depose a leader that the others hear. 0:
    /// it refuses none (for model checkers, where any leader may be taken for dead at any time).
    pub leader_stickiness: Duration,
    /// The same for a pre-vote that rests on a client's having found the leader gone. Shorter,
    /// because that is rarely wrong, and a living leader answers a pre-vote itself and so ends it.
    pub suspected_stickiness: Duration,
    /// How long a candidate that has won its pre-votes waits for those who have not answered: one of
    /// them may hold more than it, or be the leader.
    pub objection_time: Duration,
    /// How long a candidate waits for votes before it asks again those who are silent. Four times as
    /// long each time, since a candidate that is cut off should not fill the network; and four times
    /// that where hardly anybody has answered.
    pub campaign_retry_min: Duration,
    /// The longest such wait.
    pub campaign_retry_max: Duration,
    /// How long a candidate insists on its term before it goes back to asking for pre-votes.
    pub campaign_timeout: Duration,
    /// How long a leader waits for a quorum at least before it sends an entry again; doubles. It waits
    /// longer where round trips take longer.
    pub append_retry_min: Duration,
    /// The longest wait that still asks the retry budget. What has waited longer is sent again whatever
    /// the budget.
    pub append_retry_max: Duration,
    /// How likely an entry may be lost on all ways on which it was sent: until it is less likely, copies are
    /// sent to further followers whatever the budget, so that no put perishes with its leader.
    pub perish: f64,
    /// In what time the budget for sending again grows by a message. By default it only stops a storm:
    /// every failed attempt is followed by another at once. A tight budget saves a fifth of the messages
    /// where many get lost, at the price of puts that are answered late or, if the leader dies before
    /// anybody else has them, never (measured in NOTES.md).
    pub retry_cost: Duration,
    /// By how many messages it grows with every new entry.
    pub retries_per_entry: f64,
    /// By how much sending again is cheaper while most first attempts fail: then it is not for the few
    /// that are unlucky, but for most.
    pub retry_rebate: u32,
    /// How many attempts the leader remembers to judge how often they fail. 0: it takes them all for
    /// successful (for model checkers).
    pub remembered_attempts: u32,
    /// For how long the retry budget is saved up.
    pub retry_saving: Duration,
    /// How long an entry must have lacked a quorum for the leader to doubt that it can reach one, besides more
    /// failed attempts than can be chance. In doubt the leader takes no further puts
    /// into its log: a put outside of the log can still be passed on, one inside cannot.
    pub quorum_doubt: Duration,
    /// How long the follower that answers a put must be silent at least for the leader to answer in its
    /// place.
    pub answerer_patience: Duration,
    /// How long a leader leaves inherited puts to an answerer that is away. It has likely answered, so this
    /// is long: till then only gets by the puts' own clients, of their keys, wait.
    pub answerer_return: Duration,
    /// The longest wait before something is sent again.
    pub follower_timeout: Duration,
    /// How long a request waits for a leader before its client is passed on to another replica; longer,
    /// where there has been none for a while.
    pub client_hold: Duration,
    /// The longest such wait, also at a replica that hears a quorum and can expect a leader soon.
    pub client_hold_max: Duration,
    /// How long a leader that a client has missed must have been silent before pre-votes are asked for;
    /// four times as long from the second time on in a term. At most half the lease or so: until that is over
    /// a successor could commit nothing anyway.
    pub suspicion_patience: Duration,
    /// A client that comes back with the same request so soon after it was sent to the leader has
    /// not found it.
    pub suspicion_window: Duration,
    /// The most requests held at a time, in each queue; one more is answered with `fail`.
    pub max_held_requests: usize,
    /// The most clients whose last redirect is remembered; with more, the memory starts anew.
    pub max_remembered_clients: usize,
    /// The most entries that a leader has uncommitted; further puts are held.
    pub max_uncommitted: usize,
    /// The largest put, as the bound of its encoded size in bytes; a larger one is answered with
    /// `fail`, because no datagram could carry it to the followers.
    pub max_put_bytes: usize,
    /// The most that the entries of one append may take, as the bound of their encoded size in
    /// bytes. One entry is always sent.
    pub max_append_bytes: usize,
    /// The most entries in one append.
    pub max_append_entries: usize,
    /// The furthest that a message's term may lie beyond ours. No honest cluster gets so far
    /// between two messages; a damaged message must not use the terms up.
    pub max_term_jump: u64,
    /// A mistake to make, for checking the checks.
    #[cfg(test)]
    pub(crate) mistake: Option<super::mistakes::Mistake>,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            lease: Duration::from_millis(300),
            max_clock_drift_ppm: 1_000,
            heartbeat_interval: Duration::from_millis(1_500),
            election_timeout_min: Duration::from_millis(4_000),
            election_timeout_max: Duration::from_millis(6_000),
            first_election_timeout: Duration::from_millis(1_500),
            leaderless_patience: Duration::from_millis(300),
            leader_stickiness: Duration::from_millis(2_200),
            suspected_stickiness: Duration::from_millis(100),
            objection_time: Duration::from_millis(40),
            campaign_retry_min: Duration::from_millis(10),
            campaign_retry_max: Duration::from_millis(2_000),
            campaign_timeout: Duration::from_millis(100),
            append_retry_min: Duration::from_millis(2),
            append_retry_max: Duration::from_millis(200),
            perish: 0.005,
            retry_cost: Duration::from_millis(1),
            retries_per_entry: 0.3,
            retry_rebate: 6,
            remembered_attempts: 128,
            retry_saving: Duration::from_millis(1_000),
            quorum_doubt: Duration::from_millis(30),
            answerer_patience: Duration::from_millis(100),
            answerer_return: Duration::from_secs(10),
            follower_timeout: Duration::from_millis(1_000),
            client_hold: Duration::from_millis(20),
            client_hold_max: Duration::from_millis(200),
            suspicion_patience: Duration::from_millis(150),
            suspicion_window: Duration::from_secs(2),
            max_held_requests: 1_024,
            max_remembered_clients: 4_096,
            max_uncommitted: 4_096,
            max_put_bytes: 60_000,
            max_append_bytes: 60_000,
            max_append_entries: 512,
            max_term_jump: 1 << 20,
            #[cfg(test)]
            mistake: None,
        }
    }
}

impl Options {
    /// How long a new leader must let its predecessors' entries age before it commits anything.
    ///
    /// The old leader's clock may run slow by the drift ρ and ours fast by as much: a lease of Δ on
    /// its clock lasts up to Δ / (1 − ρ), and a wait of W on ours may be as short as W / (1 + ρ).
    /// So W = Δ · (1 + ρ) / (1 − ρ), rounded up.
    pub fn commit_deferral(&self) -> Duration {
        if self.makes(Mistake::NoDriftMargin) {
            return self.lease;
        }
        let lease = self.lease.as_nanos();
        let drift = u128::from(self.max_clock_drift_ppm);
        let nanos = (lease * (1_000_000 + drift)).div_ceil(1_000_000 - drift) + 1;
        Duration::from_nanos(u64::try_from(nanos).expect("leases are far below 584 years"))
    }

    /// Checks that the constants fit together.
    ///
    /// # Errors
    ///
    /// The relation that does not hold, as a sentence.
    pub fn check(&self) -> Result<(), String> {
        let relations = [
            (
                self.lease > Duration::ZERO && self.lease <= Duration::from_secs(3600),
                "lease must be above 0 and at most an hour",
            ),
            (
                self.max_clock_drift_ppm < 500_000,
                "max_clock_drift_ppm must be below 500,000",
            ),
            (
                Duration::ZERO < self.heartbeat_interval
                    && self.election_timeout_min >= 2 * self.heartbeat_interval,
                "heartbeat_interval must be above 0 and election_timeout_min at least two of them",
            ),
            (
                self.election_timeout_max > self.election_timeout_min,
                "election_timeout_max must be above election_timeout_min",
            ),
            (
                self.leader_stickiness.is_zero()
                    || self.heartbeat_interval < self.leader_stickiness
                        && self.leader_stickiness <= self.election_timeout_min,
                "leader_stickiness must be 0, or above heartbeat_interval and at most election_timeout_min",
            ),
            (
                self.suspected_stickiness <= self.leader_stickiness,
                "suspected_stickiness must be at most leader_stickiness",
            ),
            (
                Duration::ZERO < self.campaign_retry_min
                    && self.campaign_retry_min <= self.campaign_retry_max,
                "campaign_retry_min must be above 0 and at most campaign_retry_max",
            ),
            (
                Duration::ZERO < self.append_retry_min
                    && self.append_retry_min <= self.append_retry_max,
                "append_retry_min must be above 0 and at most append_retry_max",
            ),
            (
                Duration::ZERO < self.first_election_timeout
                    && Duration::ZERO < self.leaderless_patience,
                "first_election_timeout and leaderless_patience must be above 0",
            ),
            (
                self.objection_time <= self.campaign_timeout,
                "objection_time must be at most campaign_timeout",
            ),
            (
                Duration::ZERO < self.client_hold && self.client_hold <= self.client_hold_max,
                "client_hold must be above 0 and at most client_hold_max",
            ),
            (
                self.suspicion_patience <= self.election_timeout_min,
                "suspicion_patience must be at most election_timeout_min",
            ),
            (self.retry_rebate >= 1, "retry_rebate must be at least 1"),
            (
                (0.0..=1_000.0).contains(&self.retries_per_entry)
                    && (0.0..=1.0).contains(&self.perish),
                "retries_per_entry must be from 0 to 1,000 and perish from 0 to 1",
            ),
            (
                self.answerer_patience <= self.answerer_return,
                "answerer_return must be at least answerer_patience",
            ),
            (
                self.append_retry_max <= self.follower_timeout,
                "follower_timeout must be at least append_retry_max",
            ),
            (
                // One put is sent even if it is larger than that, with its entry's frame and a route.
                self.max_put_bytes.max(self.max_append_bytes) <= 65_507 - 2_500,
                "max_put_bytes and max_append_bytes must leave 2,500 of a datagram's 65,507 bytes",
            ),
            (
                self.max_append_entries >= 1 && self.max_uncommitted >= 2,
                "max_append_entries must be at least 1 and max_uncommitted at least 2",
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
        let options = Options {
            heartbeat_interval: Duration::from_secs(4),
            leader_stickiness: Duration::from_secs(5),
            ..Options::default()
        };
        let message = options.check().expect_err("heartbeats too rare");
        assert!(message.contains("election_timeout_min"), "{message}");
    }

    #[test]
    fn the_deferral_outlasts_the_lease_whatever_the_drift_within_bounds() {
        for ppm in [0, 1, 1_000, 50_000] {
            let options = Options {
                max_clock_drift_ppm: ppm,
                ..Options::default()
            };
            let drift = f64::from(ppm) / 1e6;
            let lease_at_most = options.lease.as_secs_f64() / (1.0 - drift);
            let wait_at_least = options.commit_deferral().as_secs_f64() / (1.0 + drift);
            assert!(wait_at_least >= lease_at_most, "{ppm} ppm");
        }
    }
}
