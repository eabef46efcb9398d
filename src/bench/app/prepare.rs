//! Checks all that was asked for before the first run, and makes a plan of it.
//!
//! Must never run anything, nor empty a file.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::arguments::Options;
use super::baseline::Baseline;
use super::pictures::Pictures;
use super::places::{self, Target};
use super::plan::{Ends, Plan, Replicas, Task};
use crate::bench::config::Config;
use crate::bench::config::suite::{TESTS, Test};
use crate::course::arguments::{OPTIONS_VARIABLE, parse_options};

/// Makes a plan.
///
/// # Errors
///
/// What is wrong with what was asked for; one line.
pub fn plan(options: &Options) -> Result<Plan, String> {
    let test = options.test.as_deref().unwrap_or(Path::new(""));
    let is_suite = test.as_os_str() == "all";
    let mut tasks = if is_suite {
        all_tasks(options)?
    } else {
        vec![single_task(test, options)?]
    };
    let replicas = replicas(options)?;
    if matches!(replicas, Replicas::Processes(_)) {
        tasks
            .iter()
            .try_for_each(|task| refuse_restarts(&task.config))?;
    }
    let is_repeated = options.runs.is_some();
    let is_sweep = is_repeated || options.seeds.is_some();
    let of_task = |path: &PathBuf, task: &Task| match is_suite {
        true => places::with_name(path, &task.config.name),
        false => path.clone(),
    };
    let per_task = [
        ("--history", options.history.as_ref()),
        ("--trace", options.trace.as_ref()),
        ("--report", options.report.as_ref().filter(|_| !is_sweep)),
    ];
    let once = [
        ("--json", options.json.as_ref()),
        ("--report", options.report.as_ref().filter(|_| is_sweep)),
    ];
    for task in &tasks {
        let wanted = per_task
            .iter()
            .filter_map(|&(name, path)| Some((name, of_task(path?, task))));
        let once = once
            .iter()
            .filter_map(|&(name, path)| Some((name, path?.clone())));
        refuse_same(&once.chain(wanted).collect::<Vec<_>>())?;
    }
    let ends = Ends {
        report: try_out(once[1].1)?,
        ..ends_of(options, false)?
    };
    for task in &mut tasks {
        let [history, trace, report] =
            per_task.map(|(_, path)| try_out(path.map(|path| of_task(path, task)).as_ref()));
        task.history = history?;
        task.pictures = Pictures {
            trace: trace?,
            report: report?,
            term_key: options.term_key.clone(),
        };
    }
    if let Some(runs) = options.runs {
        tasks = (0..runs)
            .flat_map(|run| tasks.iter().map(move |task| task.again(run)))
            .collect();
    }
    Ok(Plan {
        tasks,
        is_suite,
        is_repeated,
        replicas,
        jobs: usize::try_from(options.jobs.unwrap_or(1)).unwrap_or(1),
        show_output: !is_suite && !is_repeated && !options.silence,
        keep: options.keep.clone(),
        ends,
    })
}

/// Where the results of runs that were made before go, and what they are held against.
///
/// # Errors
///
/// What is wrong with it; one line.
pub fn ends(options: &Options) -> Result<Ends, String> {
    ends_of(options, true)
}

fn ends_of(options: &Options, with_report: bool) -> Result<Ends, String> {
    let baseline = options
        .baseline
        .as_deref()
        .map(Baseline::read)
        .transpose()?;
    Ok(Ends {
        json: try_out(options.json.as_ref())?,
        report: try_out(options.report.as_ref().filter(|_| with_report))?,
        baseline,
    })
}

fn try_out(path: Option<&PathBuf>) -> Result<Option<Target>, String> {
    path.map(|path| Target::try_out(path)).transpose()
}

/// Refuses a file for two things, which are named by their options.
fn refuse_same(wanted: &[(&str, PathBuf)]) -> Result<(), String> {
    for (place, (name, path)) in wanted.iter().enumerate() {
        let mut before = wanted[..place].iter();
        if let Some((other, _)) = before.find(|(_, other)| places::are_same(other, path)) {
            let path = path.display();
            return Err(format!("{path}: {other} and {name} need a file each"));
        }
    }
    Ok(())
}

/// Refuses configs whose replicas start again: processes have no memory to start again with.
fn refuse_restarts(config: &Config) -> Result<(), String> {
    if config.disk.is_some() {
        let name = &config.name;
        return Err(format!(
            "{name}: the key `disk`: replicas' disks are simulated in virtual time only; add --virtual"
        ));
    }
    let mut events = config.events.iter().map(|event| &event.kind);
    match events.find(|kind| kind.starts_again()) {
        None => Ok(()),
        Some(kind) => Err(format!(
            "{}: an event `{}`: replicas start again in virtual time only; add --virtual",
            config.name,
            kind.name()
        )),
    }
}

/// What the replicas are. Options of this project's replica are checked here: each process of a run would
/// say the same about them.
fn replicas(options: &Options) -> Result<Replicas, String> {
    let read = || parse_options(std::env::var_os(OPTIONS_VARIABLE));
    if options.r#virtual {
        return Ok(Replicas::Embedded(Box::new(read()?)));
    }
    let program = places::replica_program(options.replica.as_deref())?;
    if places::is_own_replica(&program) {
        read()?;
    }
    Ok(Replicas::Processes(program))
}

fn all_tasks(options: &Options) -> Result<Vec<Task>, String> {
    let task = |(index, test): (usize, &'static Test)| {
        let file = options.config_directory.join(format!("{}.json", test.name));
        let given = options.seed.map(|seed| seed.wrapping_add(index as u64));
        task(Some(test), &file, test.name, given)
    };
    TESTS.iter().enumerate().map(task).collect()
}

fn single_task(test: &Path, options: &Options) -> Result<Task, String> {
    let file = places::find_config(test, &options.config_directory)?;
    task(None, &file, &test.to_string_lossy(), options.seed)
}

fn task(
    test: Option<&'static Test>,
    file: &Path,
    called: &str,
    seed: Option<u64>,
) -> Result<Task, String> {
    let config = Config::load(file).map_err(|error| error.to_string())?;
    // A short one is easier to hand around.
    let drawn = || u64::from(rand::random::<u32>());
    Ok(Task {
        test,
        seed: seed.or(config.seed).unwrap_or_else(drawn),
        config: Arc::new(config),
        shown: file.display().to_string(),
        called: called.to_owned(),
        history: None,
        pictures: Pictures::default(),
    })
}
