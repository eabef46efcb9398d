//! What is to be run, and where its results go.
//!
//! All of it is decided and checked before the first run. Must never run anything.

use std::path::PathBuf;
use std::sync::Arc;

use super::pictures::Pictures;
use super::places::{self, Target};
use super::replay;
use crate::bench::config::Config;
use crate::bench::config::suite::Test;
use crate::bench::drivers::virtual_time;
use crate::bench::trace::compile::Circumstances;
use crate::course::arguments::OPTIONS_VARIABLE;
use crate::replica::Options;

/// A test to run, and where its history goes.
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
    /// What decides the run besides its config and seed.
    pub(super) fn circumstances(&self, replicas: &Replicas) -> Circumstances {
        let seed = self.seed;
        match replicas {
            Replicas::Processes(program) => {
                let is_own = places::own_program()
                    .is_ok_and(|own| own.with_file_name("leasekv") == *program);
                let program = program.display().to_string();
                let replica = (!is_own).then_some(program.as_str());
                // They inherit it.
                let options = std::env::var(OPTIONS_VARIABLE).unwrap_or_default();
                let command = replay::command(&self.called, replica, &options, false);
                Circumstances {
                    is_virtual: false,
                    command: format!("{command} --seed {seed}"),
                    program,
                    constants: serde_json::Value::Null,
                }
            }
            Replicas::Embedded(options) => Circumstances {
                is_virtual: true,
                program: "embedded cores in virtual time".to_owned(),
                constants: virtual_time::order::constants(options),
                command: format!("{} --seed {seed}", self.virtual_command(options)),
            },
        }
    }

    /// The command that plays it in virtual time, without a seed.
    pub fn virtual_command(&self, options: &Options) -> String {
        replay::command(&self.called, None, &options.changes(), true)
    }
}

/// All that is to be run.
#[derive(Debug)]
pub struct Plan {
    /// The tests, in their order.
    pub tasks: Vec<Task>,
    /// Whether it is a suite: a line for each test, and a table at the end.
    pub is_suite: bool,
    /// What the replicas are.
    pub replicas: Replicas,
    /// Whether the replicas' output is shown.
    pub show_output: bool,
    /// Where the results go.
    pub json: Option<Target>,
    /// Where the report of a sweep goes.
    pub sweep_report: Option<Target>,
}

/// What the replicas of a run are.
#[derive(Clone, Debug, PartialEq)]
pub enum Replicas {
    /// Processes of this program, in real time.
    Processes(PathBuf),
    /// The cores of this crate with these options, in virtual time.
    Embedded(Box<Options>),
}
