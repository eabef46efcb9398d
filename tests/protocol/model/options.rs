//! The options of the model: as few different times as possible, so that few states differ only by a time.

use std::time::Duration;

use leasekv::consensus::options::{Limits, Storage, Timing, Tuning};
use leasekv::kv;
use leasekv::replica::Options;

use crate::pinned;

/// All clocks go in steps of this.
pub(crate) const TICK: Duration = Duration::from_millis(1);
/// As good as a tick for who looks at a clock that goes in ticks.
const ALMOST: Duration = Duration::from_micros(900);
/// As good as a tick as well, and the same with any jitter on it.
const MOMENT: Duration = Duration::from_nanos(1);

/// Every time is a tick. The fractions leave no room for chance: whatever is drawn rounds up to the same tick.
pub(crate) fn coarse() -> Options {
    let mut options = pinned::replica();
    options.consensus.timing = Timing {
        lease: MOMENT,
        max_clock_drift_ppm: 0,
        heartbeat_interval: Duration::from_micros(250),
        // Half as long again is not a tick yet.
        election_timeout: Duration::from_micros(600),
        first_election_timeout: ALMOST,
        leaderless_patience: Duration::from_micros(450),
        // A follower may take any leader for dead at any time.
        leader_stickiness: Duration::ZERO,
        suspected_stickiness: Duration::ZERO,
        suspicion_patience: Duration::ZERO,
        objection_time: Duration::ZERO,
        campaign_retry_min: MOMENT,
        campaign_retry_max: MOMENT,
        campaign_timeout: MOMENT,
        retry_min: ALMOST,
        retry_max: ALMOST,
        quorum_doubt: ALMOST,
    };
    options.consensus.tuning = Tuning {
        // Sent again whatever that costs.
        message_price: Duration::ZERO,
        burst_routes: 1,
        remembered_attempts: 0,
        ..options.consensus.tuning
    };
    options.consensus.limits = Limits {
        // So that an append can stop between any two entries.
        max_append_entries: 1,
        ..options.consensus.limits
    };
    options.kv.timing = kv::options::Timing {
        client_hold: ALMOST,
        client_hold_max: ALMOST,
        suspicion_window: Duration::ZERO,
        answerer_patience: ALMOST,
        answerer_doubt: ALMOST,
        answerer_return: ALMOST,
    };
    options
}

/// The same with a disk for each replica.
pub(crate) fn stable(mut options: Options) -> Options {
    options.consensus.storage = Storage::Stable;
    options
}

/// With a lease that outlasts an election: that takes two ticks.
pub(crate) fn leased() -> Options {
    let mut options = coarse();
    options.consensus.timing.lease = TICK * 3 - MOMENT;
    options.consensus.timing.election_timeout = Duration::from_micros(1_300);
    options.consensus.timing.heartbeat_interval = Duration::from_micros(600);
    options
}

/// All that a follower lacks goes into one append.
pub(crate) fn batched() -> Options {
    let mut options = coarse();
    options.consensus.limits.max_append_entries = 512;
    options
}

/// What was inherited is left to an absent answerer for a tick longer than what was not.
pub(crate) fn patient() -> Options {
    let mut options = batched();
    options.kv.timing.answerer_return = TICK + ALMOST;
    options
}
