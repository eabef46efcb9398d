//! What to run in virtual time.

use std::sync::Arc;
use std::time::Duration;

use crate::bench::config::Config;
use crate::disk::Settings;
use crate::replica::Options;

/// What to run.
#[derive(Clone, Debug)]
pub struct Order {
    /// The config.
    pub config: Arc<Config>,
    /// The seed of everything random.
    pub seed: u64,
    /// The replicas' constants.
    pub options: Options,
    /// How the replicas' directories are kept, if they have any; with none, each has segments of another length.
    pub directories: Option<Settings>,
    /// Whether to keep the trace.
    pub keep_trace: bool,
    /// Whether the report shall have the clients' history.
    pub keep_history: bool,
    /// Whether to check every promise after each step. Only a measurement of what that costs may do
    /// without.
    pub check_steps: bool,
    /// Whether to record every message and change of state.
    pub keep_recording: bool,
}

impl Order {
    /// A run of the replica as it is, with the clients' history in its report.
    pub fn new(config: Arc<Config>, seed: u64) -> Order {
        Order {
            config,
            seed,
            options: Options::default(),
            directories: None,
            keep_trace: false,
            keep_history: true,
            check_steps: true,
            keep_recording: false,
        }
    }
}

/// The constants that embedded replicas run with, for traces; times in milliseconds.
pub fn constants(options: &Options) -> serde_json::Value {
    let ms = |time: Duration| time.as_secs_f64() * 1e3;
    let timing = &options.consensus.timing;
    serde_json::json!({
        "lease_ms": ms(timing.lease),
        "max_clock_drift_ppm": timing.max_clock_drift_ppm,
        "heartbeat_interval_ms": ms(timing.heartbeat_interval),
        "election_timeout_ms": [ms(timing.election_timeout), ms(timing.longest_election_timeout())],
    })
}
