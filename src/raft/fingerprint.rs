//! What makes two replicas the same for a model checker, which runs this very code and must know
//! when it has come back to a state.
//!
//! It must never change a replica, and never leave out anything that can decide what one does.
//! Every structure is taken apart field by field, so that a new field does not compile until it has
//! been considered here.

use std::hash::{Hash, Hasher};
use std::time::Duration;

use rand::SeedableRng;
use rand::rngs::Xoshiro256PlusPlus;

use super::options::Options;
use super::progress::Progress;
use super::reception::HeldRequest;
use super::replica::Replica;
use super::role::{Answering, Campaign, Follower, Leader, Left, Role, WaitingGet};
use super::time::Time;

/// Tells times as a replica can tell them apart: by how far from now they are, in steps of its
/// driver's clock.
#[derive(Clone, Copy)]
pub(super) struct Measure {
    now: Time,
    step_ns: u64,
    /// An age that no rule of the protocol tells from a greater one.
    horizon: Duration,
}

impl Measure {
    fn new(now: Time, step: Duration, options: &Options) -> Measure {
        let horizon = [
            options.lease,
            options.commit_deferral(),
            options.heartbeat_interval,
            options.append_retry_min,
            options.quorum_doubt,
            options.answerer_patience,
            options.follower_timeout,
            options.client_hold_max,
            options.retry_saving,
        ]
        .into_iter()
        .max()
        .expect("not empty");
        let step_ns = u64::try_from(step.as_nanos()).unwrap_or(u64::MAX).max(1);
        Measure {
            now,
            step_ns,
            horizon,
        }
    }

    /// For a time that only matters together with `duration`: the steps until that has passed
    /// since, 0 if it has.
    fn until(&self, at: Time, duration: Duration) -> u64 {
        let left = (at + duration).since(self.now).as_nanos();
        u64::try_from(left)
            .unwrap_or(u64::MAX)
            .div_ceil(self.step_ns)
    }

    /// The steps since a time that is past, as far as they matter.
    pub(super) fn age(&self, at: Time) -> u64 {
        let age = self.now.since(at).min(self.horizon).as_nanos();
        u64::try_from(age)
            .unwrap_or(u64::MAX)
            .div_ceil(self.step_ns)
    }
}

impl Replica {
    /// Feeds `hasher` with all that decides how this replica will behave from `now` on, so that
    /// replicas with equal fingerprints (and options, and a fresh [`reseed`](Self::reseed)) do the
    /// same for the same inputs, except that they may name different replicas to clients that they
    /// pass on for want of a leader.
    ///
    /// `step` is the grain of the driver's clock: the replica must only be called at times that lie
    /// whole steps apart. Points of time count by their distance from `now` in steps, ages by what
    /// the protocol can tell apart.
    pub fn fingerprint(&self, now: Time, step: Duration, hasher: &mut impl Hasher) {
        let Replica {
            id,
            peers,
            options,
            rng: _,
            now: _,
            term,
            voted_for,
            log,
            store,
            role,
            leader_heard_at,
            heard_at,
            // It only chooses whom a client is passed on to.
            passed_on: _,
            owed,
            settled,
            held,
            sent_to_leader,
            leader_suspected,
            // It only lengthens holds, where they may differ in length.
            led_at: _,
            suspicions,
            outputs,
        } = self;
        let measure = Measure::new(now, step, options);
        (id, peers, term, voted_for, store, outputs).hash(hasher);
        log.fingerprint(measure, hasher);
        role.fingerprint(measure, options, hasher);
        leader_heard_at
            .map_or((0, 0), |at| {
                let suspected = measure.until(at, options.suspected_stickiness);
                (suspected, measure.until(at, options.leader_stickiness))
            })
            .hash(hasher);
        // Whom a new leader asks first: who was heard last.
        let mut order: Vec<_> = heard_at.iter().map(|(peer, at)| (at, peer)).collect();
        order.sort_unstable();
        for (at, peer) in order {
            (peer, measure.until(*at, options.campaign_timeout) > 0).hash(hasher);
        }
        (leader_suspected, suspicions).hash(hasher);
        (owed, settled).hash(hasher);
        held.len().hash(hasher);
        for held in held {
            held.fingerprint(measure, hasher);
        }
        for (client, (at, operation)) in sent_to_leader {
            let left = measure.until(*at, options.suspicion_window);
            if left > 0 {
                (client, left, operation).hash(hasher);
            }
        }
    }

    /// Starts the source of chance anew, so that a model checker gets the same for the same input
    /// in the same state, whatever was drawn on the way there.
    pub fn reseed(&mut self, seed: u64) {
        self.rng = Xoshiro256PlusPlus::seed_from_u64(seed);
    }
}

impl HeldRequest {
    fn fingerprint(&self, measure: Measure, hasher: &mut impl Hasher) {
        let HeldRequest {
            request,
            since,
            until,
        } = self;
        (
            request,
            measure.age(*since),
            measure.until(*until, Duration::ZERO),
        )
            .hash(hasher);
    }
}

impl Role {
    fn fingerprint(&self, measure: Measure, options: &Options, hasher: &mut impl Hasher) {
        std::mem::discriminant(self).hash(hasher);
        match self {
            Role::Follower(Follower {
                leader,
                election_at,
            }) => (leader, measure.until(*election_at, Duration::ZERO)).hash(hasher),
            Role::PreCandidate(campaign) | Role::Candidate(campaign) => {
                campaign.fingerprint(measure, hasher);
            }
            Role::Leader(leader) => leader.fingerprint(measure, options, hasher),
        }
    }
}

impl Campaign {
    fn fingerprint(&self, measure: Measure, hasher: &mut impl Hasher) {
        let Campaign {
            supporters,
            answered,
            known,
            retry_at,
            retry_delay,
            leader_heard_by,
            stands_at,
            outdone,
            gives_up_at,
        } = self;
        // The order in which they answered makes no difference.
        for answers in [supporters, answered] {
            let mut sorted = answers.clone();
            sorted.sort_unstable();
            sorted.hash(hasher);
        }
        known.hash(hasher);
        (
            measure.until(*retry_at, Duration::ZERO),
            retry_delay,
            (measure.until(*stands_at, Duration::ZERO), outdone),
            measure.until(*leader_heard_by, Duration::ZERO),
            measure.until(*gives_up_at, Duration::ZERO),
        )
            .hash(hasher);
    }
}

impl Answering {
    fn fingerprint(&self, measure: Measure, hasher: &mut impl Hasher) {
        let Answering {
            answerer,
            settled,
            left,
            committed,
            last_put,
            told,
            opening,
        } = self;
        (answerer, settled, committed, last_put, told).hash(hasher);
        opening.hash(hasher);
        if let Some(Left {
            answerer,
            after,
            through,
            until,
            taken_over_at,
        }) = left
        {
            let until = until.map(|at| measure.until(at, Duration::ZERO));
            (answerer, after, through, until, taken_over_at).hash(hasher);
        }
    }
}

impl Leader {
    fn fingerprint(&self, measure: Measure, options: &Options, hasher: &mut impl Hasher) {
        let Leader {
            followers,
            progress_at,
            commits_from,
            lease_from,
            answering,
            round_trips,
            dispatched,
            retry_at,
            retry_delay,
            attempts,
            copies,
            first_failed,
            budget,
            first_attempts,
            waiting_puts,
            waiting_gets,
        } = self;
        for progress in followers.values() {
            let Progress {
                matched,
                next,
                confirmed,
                backlog,
                sent_at,
                awaiting,
                unanswered,
                // Only their order counts, see below.
                answered_at: _,
            } = progress;
            (matched, next, confirmed, backlog).hash(hasher);
            let awaiting = awaiting.map(|at| measure.age(at));
            (measure.age(*sent_at), awaiting, unanswered).hash(hasher);
        }
        // New entries go first to whom nothing was sent for the longest time, or else to who answered
        // last, however long ago it was.
        for time in [
            |progress: &Progress| progress.sent_at,
            |progress: &Progress| progress.answered_at,
        ] {
            let mut order: Vec<_> = followers
                .iter()
                .map(|(peer, progress)| (time(progress), peer))
                .collect();
            order.sort_unstable();
            for (_, peer) in order {
                peer.hash(hasher);
            }
        }
        (
            measure.age(*progress_at),
            // What was measured only matters within these limits.
            round_trips
                .timeout()
                .clamp(options.append_retry_min, options.append_retry_max),
            measure.until(*commits_from, Duration::ZERO),
            lease_from.map_or(0, |at| measure.until(at, options.lease)),
            dispatched,
            retry_at.map(|at| measure.until(at, Duration::ZERO)),
            retry_delay,
            copies,
            attempts,
            measure.age(budget.empty_at()),
            first_attempts,
            first_failed,
        )
            .hash(hasher);
        answering.fingerprint(measure, hasher);
        (waiting_puts.len(), waiting_gets.len()).hash(hasher);
        for held in waiting_puts {
            held.fingerprint(measure, hasher);
        }
        for WaitingGet { held, put, barrier } in waiting_gets {
            held.fingerprint(measure, hasher);
            (put, barrier).hash(hasher);
        }
    }
}
