//! What is to be run, and where its results go.
//!
//! All of it is decided and checked before the first run. Must never run anything.

use std::path::PathBuf;
use std::sync::Arc;

use super::baseline::Baseline;
use super::pictures::Pictures;
use super::places::{self, Target};
use super::replay;
use crate::bench::config::Config;
use crate::bench::config::suite::Test;
use crate::bench::drivers::virtual_time;
use crate::bench::trace::compile::Circumstances;
use crate::course::arguments::OPTIONS_VARIABLE;
use crate::replica::Options;

/// A run to be made, or in a sweep a config to be played with many seeds; and where its files go.
#[derive(Debug)]
pub struct Task {
    /// Which of the course's tests it is, if it is run as one of them.
    pub test: Option<&'static Test>,
    /// The config.
    pub config: Arc<Config>,
    /// The config's file.
    pub shown: String,
    /// How the user called the config.
    pub called: String,
    /// The seed.
    pub seed: u64,
    /// Where the clients' history goes.
    pub history: Option<Target>,
    /// Where the trace and its picture go.
    pub pictures: Pictures,
}

impl Task {
    /// The same with the seed of the n-th of several runs, and without files of its own.
    pub fn again(&self, run: u64) -> Task {
        Task {
            test: self.test,
            config: Arc::clone(&self.config),
            shown: self.shown.clone(),
            called: self.called.clone(),
            seed: self.seed.wrapping_add(run),
            history: None,
            pictures: Pictures::default(),
        }
    }

    /// What decides the run besides its config and seed.
    pub(super) fn circumstances(&self, replicas: &Replicas) -> Circumstances {
        let command = format!("{} --seed {}", self.command(replicas), self.seed);
        match replicas {
            Replicas::Processes(program) => Circumstances {
                is_virtual: false,
                command,
                program: program.display().to_string(),
                constants: serde_json::Value::Null,
            },
            Replicas::Embedded(options) => Circumstances {
                is_virtual: true,
                program: "embedded cores in virtual time".to_owned(),
                constants: virtual_time::order::constants(options),
                command,
            },
        }
    }

    /// The command that makes the run, without its seed.
    pub fn command(&self, replicas: &Replicas) -> String {
        match replicas {
            Replicas::Embedded(options) => {
                replay::command(&self.called, None, &options.changes(), true)
            }
            Replicas::Processes(program) => {
                let shown = program.display().to_string();
                let replica = (!places::is_own_replica(program)).then_some(shown.as_str());
                // They inherit it.
                let options = std::env::var(OPTIONS_VARIABLE).unwrap_or_default();
                replay::command(&self.called, replica, &options, false)
            }
        }
    }
}

/// All that is to be run.
#[derive(Debug)]
pub struct Plan {
    /// The runs, in their order; of a sweep, the configs.
    pub tasks: Vec<Task>,
    /// Whether it is a suite: a line for each test, and a table at the end.
    pub is_suite: bool,
    /// Whether every test is run several times: a line for each run, and tables over all at the end.
    pub is_repeated: bool,
    /// What the replicas are.
    pub replicas: Replicas,
    /// How many runs are made at a time.
    pub jobs: usize,
    /// Whether the replicas' output is shown.
    pub show_output: bool,
    /// Where the worst of the failed ones of many runs are kept.
    pub keep: PathBuf,
    /// What comes of many runs.
    pub ends: Ends,
}

/// Where the results of many runs go, and what they are held against.
#[derive(Debug, Default)]
pub struct Ends {
    /// Where the results go.
    pub json: Option<Target>,
    /// Where the page of a sweep goes.
    pub report: Option<Target>,
    /// What the results are held against.
    pub baseline: Option<Baseline>,
}

/// What the replicas of a run are.
#[derive(Clone, Debug, PartialEq)]
pub enum Replicas {
    /// Processes of this program, in real time.
    Processes(PathBuf),
    /// The cores of this crate with these options, in virtual time.
    Embedded(Box<Options>),
}
