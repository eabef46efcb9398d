//! The command line: reads arguments, plans what they ask for, tells the outcome as exit status.
//!
//! 0: passed. 1: a test failed. 2: bad usage, a bad config, nothing could be run, or a result could
//! not be written. 128 + n: ended by signal n; 141: nobody read the output any more. With `--check`,
//! see [`check`]. Must never run anything itself.

use std::io::Write;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use clap::error::ErrorKind;

use super::check;
use super::perform;
use super::pictures::{self, Pictures};
use super::places::{self, Target};
use super::plan::{Plan, Replicas, Task};
use super::runner::{self, End};
use super::sweep::MAX_SEEDS;
use crate::bench::config::Config;
use crate::bench::config::suite::{TESTS, Test};
use crate::bench::drivers::real::strays::Mark;
use crate::bench::drivers::real::watchdog;
use crate::course::arguments::{self, OPTIONS_VARIABLE};

const FAILED: u8 = 1;
const UNUSABLE: u8 = 2;
/// What a shell reports for a program that SIGPIPE ended.
const PIPE_CLOSED: u8 = 141;

const EXAMPLES: &str = "\
Examples:
  run configs/simple-1.json            one test with the replica of this project
  run all --json results.jsonl         the seventeen tests of the course
  run -r ./3700kvstore -s advanced-4   another replica, its output not shown
  run all --virtual --seeds 1000       a thousand runs of each test in virtual time
  run crash-3 --report crash-3.html    a page that shows what happened
  run --check history.jsonl            whether what clients saw is linearizable

Exit status: 0 passed, 1 a test failed, 2 bad usage or a bad config, 130 interrupted.
With --check: 0 linearizable, 1 not, 2 not a history, 3 too hard to decide.";

/// Puts a replicated key-value store through the tests of the course: real processes behind UDP
/// sockets, clients, losses, crashes and partitions.
#[derive(Parser, Debug)]
#[command(name = "run", bin_name = "run", version, after_help = EXAMPLES)]
struct Options {
    /// The replica's program [default: leasekv beside this program]
    #[arg(short, long, value_name = "PATH")]
    replica: Option<PathBuf>,

    /// Do not show what the replicas print (`all` never does)
    #[arg(short, long)]
    silence: bool,

    /// Where the config files are
    #[arg(
        short,
        long = "config_directory",
        visible_alias = "config-directory",
        value_name = "DIR",
        env = "LEASEKV_CONFIG_DIRECTORY",
        default_value = "configs"
    )]
    config_directory: PathBuf,

    /// The seed of everything random; the i-th test of `all`, from 0, gets N+i [default: the
    /// config's, else a random one]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,

    /// Play in virtual time, with the cores of this project's replica, their promises checked after
    /// every step: a seed repeats a run exactly
    #[arg(long, conflicts_with = "replica")]
    r#virtual: bool,

    /// With --virtual: play every seed from 0 to N-1, or from A to B-1, and sum up
    #[arg(long, value_name = "N|A..B", value_parser = read_seeds, requires = "virtual", conflicts_with = "seed")]
    seeds: Option<Seeds>,

    /// Write the results into FILE, a JSON object a line for each run
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,

    /// Write what the clients saw into FILE, a JSON object a line for each event; `all` puts each
    /// config's name before the extension and writes a file for each
    #[arg(long, value_name = "FILE")]
    history: Option<PathBuf>,

    /// Write all that happened into FILE, a JSON object a line for each message, fault and change of
    /// state; `all` puts each config's name before the extension and writes a file for each
    #[arg(long, value_name = "FILE", conflicts_with = "seeds")]
    trace: Option<PathBuf>,

    /// Draw all that happened into FILE, an HTML page; `all` writes a file for each config, and
    /// --seeds one for the whole sweep
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,

    /// The key under which messages between replicas bear a term, for the picture of those that do not
    /// tell of their state
    #[arg(long, value_name = "KEY", default_value = "term")]
    term_key: String,

    /// Run nothing, but draw the trace FILE with --report
    #[arg(
        long,
        value_name = "FILE",
        requires = "report",
        conflicts_with_all = [
            "replica", "silence", "seed", "virtual", "seeds", "json", "history", "trace", "check", "test"
        ]
    )]
    from: Option<PathBuf>,

    /// Run nothing, but check a history file in the format of --history, `-` being the standard
    /// input
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with_all = [
            "replica", "silence", "seed", "json", "history", "trace", "report", "test"
        ]
    )]
    check: Option<PathBuf>,

    /// A config file, its name, or `all` for the seventeen tests of the course
    #[arg(value_name = "TEST", required_unless_present_any = ["check", "from"])]
    test: Option<PathBuf>,
}

/// The simulator's whole life.
pub fn main() -> ExitCode {
    if std::env::args_os()
        .nth(1)
        .is_some_and(|first| first == watchdog::ARGUMENT)
    {
        let mark = std::env::args_os().nth(2);
        let mark = mark.and_then(|text| Mark::read(text.to_str()?));
        return match watchdog::watch(mark.as_ref()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::from(UNUSABLE),
        };
    }
    let options = match Options::try_parse() {
        Ok(options) => options,
        Err(said) => {
            // A reader that has gone away misses it.
            let _ = said.print();
            return match said.kind() {
                ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => ExitCode::SUCCESS,
                _ => ExitCode::from(UNUSABLE),
            };
        }
    };
    match run(&options) {
        Ok(status) => ExitCode::from(status),
        Err(said) => {
            let _ = writeln!(std::io::stderr(), "error: {said}");
            ExitCode::from(UNUSABLE)
        }
    }
}

/// A range of seeds, the last excluded.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Seeds(Range<u64>);

fn read_seeds(text: &str) -> Result<Seeds, String> {
    let range: Option<Range<u64>> = match text.split_once("..") {
        None => text.parse().ok().map(|count| 0..count),
        Some((first, end)) => first.parse().ok().zip(end.parse().ok()).map(|(a, b)| a..b),
    };
    range
        .filter(|range| (1..=MAX_SEEDS).contains(&range.end.saturating_sub(range.start)))
        .map(Seeds)
        .ok_or_else(|| format!("expected a number N or a range A..B with 1 to {MAX_SEEDS} seeds"))
}

fn run(options: &Options) -> Result<u8, String> {
    if let Some(file) = &options.check {
        return check::check_file(file, &mut std::io::stdout());
    }
    if let (Some(from), Some(report)) = (&options.from, &options.report) {
        if places::are_same(from, report) {
            let path = from.display();
            return Err(format!("{path}: --from and --report need a file each"));
        }
        return pictures::draw(from, report, &options.term_key).map(|()| 0);
    }
    if let Some(Seeds(range)) = &options.seeds {
        return run_sweeps(options, range);
    }
    let outcome = runner::run(plan(options)?)?;
    for trouble in &outcome.trouble {
        let _ = writeln!(std::io::stderr(), "error: {trouble}");
    }
    Ok(match outcome.end {
        End::Interrupted(signal) => 128 + signal,
        _ if !outcome.trouble.is_empty() => UNUSABLE,
        End::Unread => PIPE_CLOSED,
        End::Failed => FAILED,
        End::Passed => 0,
    })
}

/// Plays every seed of a range with one config or all.
fn run_sweeps(options: &Options, seeds: &Range<u64>) -> Result<u8, String> {
    if options.history.is_some() && seeds.end - seeds.start > 1 {
        return Err("--history needs a single seed".to_owned());
    }
    let plan = plan(options)?;
    Ok(match perform::run(plan, seeds.clone())? {
        perform::End::Sound => 0,
        perform::End::Violated => FAILED,
        perform::End::Interrupted(signal) => 128 + signal,
    })
}

/// Checks everything that can be checked before the first run.
fn plan(options: &Options) -> Result<Plan, String> {
    let test = options.test.as_deref().unwrap_or(Path::new(""));
    let is_suite = test.as_os_str() == "all";
    let mut tasks = if is_suite {
        all_tasks(options)?
    } else {
        vec![single_task(test, options)?]
    };
    let replicas = match options.r#virtual {
        true => {
            let text = std::env::var_os(OPTIONS_VARIABLE);
            Replicas::Embedded(Box::new(arguments::parse_options(text)?))
        }
        false => Replicas::Processes(places::replica_program(options.replica.as_deref())?),
    };
    let of_task = |path: &PathBuf, task: &Task| match is_suite {
        true => places::with_name(path, &task.config.name),
        false => path.clone(),
    };
    let is_sweep = options.seeds.is_some();
    let per_task = [
        ("--history", options.history.as_ref()),
        ("--trace", options.trace.as_ref()),
        ("--report", options.report.as_ref().filter(|_| !is_sweep)),
    ];
    let once = [
        ("--json", options.json.as_ref()),
        ("--report", options.report.as_ref().filter(|_| is_sweep)),
    ];
    // Before any of the files is emptied.
    for task in &tasks {
        let wanted = per_task
            .iter()
            .filter_map(|&(name, path)| Some((name, of_task(path?, task))));
        let once = once
            .iter()
            .filter_map(|&(name, path)| Some((name, path?.clone())));
        let wanted: Vec<_> = once.chain(wanted).collect();
        for (place, (name, path)) in wanted.iter().enumerate() {
            let same = wanted[..place]
                .iter()
                .find(|(_, other)| places::are_same(other, path));
            if let Some((other, _)) = same {
                let path = path.display();
                return Err(format!("{path}: {other} and {name} need a file each"));
            }
        }
    }
    let create = |path: Option<&PathBuf>| path.map(|path| Target::create(path)).transpose();
    let [json, sweep_report] = once.map(|(_, path)| create(path));
    let (json, sweep_report) = (json?, sweep_report?);
    for task in &mut tasks {
        let [history, trace, report] =
            per_task.map(|(_, path)| create(path.map(|path| of_task(path, task)).as_ref()));
        task.history = history?;
        task.pictures = Pictures {
            trace: trace?,
            report: report?,
            term_key: options.term_key.clone(),
        };
    }
    Ok(Plan {
        tasks,
        is_suite,
        replicas,
        show_output: !is_suite && !options.silence,
        json,
        sweep_report,
    })
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
    let file = places::find_config(test, &options.config_directory);
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

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_sound() {
        Options::command().debug_assert();
    }

    #[test]
    fn seeds_are_a_number_or_a_range() {
        assert_eq!(read_seeds("3"), Ok(Seeds(0..3)));
        assert_eq!(read_seeds("7..9"), Ok(Seeds(7..9)));
        for bad in ["", "0", "9..7", "7..7", "-1", "a..b", "1..99999999999"] {
            assert!(read_seeds(bad).is_err(), "{bad}");
        }
    }
}
