//! The options of the scripts and the model check. They are pinned here, one by one, so that tuning a default changes
//! no script; a script that is about an option names it.

use std::time::Duration;

use leasekv::consensus::options::{Limits, Options, Plan, Timing, Tuning};
use leasekv::kv;
use leasekv::replica;

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

pub(crate) fn consensus() -> Options {
    let mut options = Options::default();
    options.timing = Timing {
        lease: ms(300),
        max_clock_drift_ppm: 1_000,
        heartbeat_interval: ms(1_500),
        election_timeout: ms(4_000),
        first_election_timeout: ms(1_500),
        leaderless_patience: ms(300),
        leader_stickiness: ms(2_200),
        suspected_stickiness: ms(100),
        suspicion_patience: ms(150),
        objection_time: ms(40),
        campaign_retry_min: ms(10),
        campaign_retry_max: ms(2_000),
        campaign_timeout: ms(100),
        retry_min: ms(2),
        retry_max: ms(1_000),
        quorum_doubt: ms(30),
    };
    options.limits = Limits {
        max_append_bytes: 60_000,
        max_append_entries: 512,
        max_term_jump: 1 << 20,
    };
    options.tuning = Tuning {
        plan: Plan::Route,
        message_price: ms(1),
        burst_routes: 1,
        remembered_attempts: 128,
    };
    options
}

pub(crate) fn replica() -> replica::Options {
    let mut options = replica::Options {
        consensus: consensus(),
        ..Default::default()
    };
    options.kv.replies = kv::options::Answerer::Last;
    options.kv.timing = kv::options::Timing {
        client_hold: ms(20),
        client_hold_max: ms(200),
        suspicion_window: ms(2_000),
        answerer_patience: ms(100),
        answerer_doubt: ms(100),
        answerer_return: ms(10_000),
    };
    options.kv.limits = kv::options::Limits {
        max_held_requests: 1_024,
        max_held_bytes: 16 << 20,
        max_remembered_clients: 4_096,
        max_remembered_puts: 1_024,
        max_unsettled: 4_096,
        log_floor: 4 << 20,
        log_percent: 50,
        max_put_bytes: 60_000,
    };
    options
}
