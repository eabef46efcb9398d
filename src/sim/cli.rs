//! The command line: reads arguments, runs what they ask for, tells the outcome as exit status.
//!
//! 0: passed. 1: a test failed. 2: bad usage, a bad config, or nothing could be run. 128 + n: ended
//! by signal n; 141: nobody read the output any more. With `--check`, see
//! [`history_check`].

use std::fs::File;
use std::io::{BufWriter, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use clap::error::ErrorKind;

use crate::sim::config::Config;
use crate::sim::output::{self, Paint};
use crate::sim::processes::{self, Order, RunError, Stage};
use crate::sim::report::Report;
use crate::sim::signals::Signals;
use crate::sim::suite::{TESTS, Test};
use crate::sim::terminal::Terminal;
use crate::sim::watchdog::{self, Watchdog};
use crate::sim::{history, history_check, json, table};

const FAILED: u8 = 1;
const UNUSABLE: u8 = 2;
/// What a shell reports for a program that SIGPIPE ended.
const PIPE_CLOSED: u8 = 141;

const EXAMPLES: &str = "\
Examples:
  run configs/simple-1.json            one test with the replica of this project
  run all --json results.jsonl         the seventeen tests of the course
  run -r ./3700kvstore -s advanced-4   another replica, its output not shown
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

    /// Write the results into FILE, a JSON object a line for each run
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,

    /// Write what the clients saw into FILE, a JSON object a line for each event; `all` puts each
    /// config's name before the extension and writes a file for each
    #[arg(long, value_name = "FILE")]
    history: Option<PathBuf>,

    /// Run nothing, but check a history file in the format of --history, `-` being the standard
    /// input
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with_all = ["replica", "silence", "seed", "json", "history", "test"]
    )]
    check: Option<PathBuf>,

    /// A config file, its name, or `all` for the seventeen tests of the course
    #[arg(value_name = "TEST", required_unless_present = "check")]
    test: Option<PathBuf>,
}

/// The simulator's whole life.
pub fn main() -> ExitCode {
    if std::env::args_os()
        .nth(1)
        .is_some_and(|first| first == watchdog::ARGUMENT)
    {
        return match watchdog::watch() {
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

/// A test to run, and where its history goes.
struct Task {
    test: Option<&'static Test>,
    config: Arc<Config>,
    /// How the user called the config.
    shown: String,
    seed: u64,
    history: Option<(PathBuf, File)>,
}

fn run(options: &Options) -> Result<u8, String> {
    if let Some(file) = &options.check {
        return history_check::check_file(file, &mut std::io::stdout());
    }
    let test = options.test.as_deref().unwrap_or(Path::new(""));
    let all = test.as_os_str() == "all";
    let mut tasks = if all {
        all_tasks(options)?
    } else {
        vec![single_task(test, options)?]
    };
    let program = replica_program(options)?;
    let mut json = match &options.json {
        None => None,
        Some(path) => Some((path.as_path(), create(path)?)),
    };
    for task in &mut tasks {
        if let Some(path) = &options.history {
            let path = if all {
                with_name(path, &task.config.name)
            } else {
                path.clone()
            };
            let file = create(&path)?;
            task.history = Some((path, file));
        }
    }
    let itself = std::env::current_exe()
        .map_err(|error| format!("the simulator does not find its own program: {error}"))?;
    let mut signals =
        Signals::install().map_err(|error| format!("signals cannot be handled: {error}"))?;
    let watchdog = Watchdog::start(&itself)
        .map_err(|error| format!("the watchdog does not start: {error}"))?;
    let mut terminal =
        Terminal::open().map_err(|error| format!("the terminal thread does not start: {error}"))?;
    let paint = Paint::new(terminal.colour());

    let tests = tasks.len();
    let mut reports: Vec<Report> = Vec::new();
    let mut stage = Stage {
        watchdog: &watchdog,
        signals: &mut signals,
        terminal: &mut terminal,
    };
    let mut last_group = "";
    for task in tasks {
        if let Some(test) = task.test.filter(|test| test.group != last_group) {
            stage.terminal.text(output::group(test.group, paint));
            last_group = test.group;
        } else if task.test.is_none() {
            let program = program.display().to_string();
            stage
                .terminal
                .text(output::heading(&task.shown, &program, task.seed, paint));
        }
        let order = Order {
            program: &program,
            config: Arc::clone(&task.config),
            seed: task.seed,
            keep_history: task.history.is_some(),
            show_notes: !all,
            show_output: !all && !options.silence,
        };
        let report = processes::run(&order, &mut stage).map_err(|error| match error {
            RunError::Program(_) => format!("replica {}: {error}", program.display()),
            RunError::System(_) => error.to_string(),
        })?;
        watchdog.forget_all();
        // The files come first: whoever reads the terminal may have gone.
        save(&report, task.history, json.as_mut())?;
        match task.test {
            None => stage.terminal.text(output::report(&report, paint)),
            Some(test) if report.complete => {
                stage.terminal.text(output::test_line(test, &report, paint));
            }
            Some(_) => {}
        }
        let complete = report.complete;
        if complete {
            reports.push(report);
        }
        if !complete || stage.signals.stop_requested() || stage.terminal.is_closed() {
            break;
        }
    }
    if all {
        terminal.text(format!("\n{}", table::table(&reports, tests, paint)));
        if reports.len() < tests {
            terminal.text(format!("Interrupted: {} tests were run.\n", reports.len()));
        }
    }
    let status = if let Some(signal) = signals.stop_signal().filter(|_| reports.len() < tests) {
        128 + signal
    } else if reports.len() < tests {
        PIPE_CLOSED
    } else if reports.iter().all(Report::passed) {
        0
    } else {
        FAILED
    };
    Ok(status)
}

fn save(
    report: &Report,
    history: Option<(PathBuf, File)>,
    json: Option<&mut (&Path, File)>,
) -> Result<(), String> {
    if let (Some((path, file)), Some(events)) = (history, &report.history) {
        history::write(events, &mut BufWriter::new(file))
            .map_err(|error| format!("{}: {error}", path.display()))?;
    }
    if let Some((path, file)) = json.filter(|_| report.complete) {
        let line = format!("{}\n", json::object(report));
        file.write_all(line.as_bytes())
            .map_err(|error| format!("{}: {error}", path.display()))?;
    }
    Ok(())
}

fn all_tasks(options: &Options) -> Result<Vec<Task>, String> {
    let mut tasks = Vec::with_capacity(TESTS.len());
    for (index, test) in TESTS.iter().enumerate() {
        let file = options.config_directory.join(format!("{}.json", test.name));
        let config = Config::load(&file).map_err(|error| error.to_string())?;
        let given = options.seed.map(|seed| seed.wrapping_add(index as u64));
        let shown = file.display().to_string();
        tasks.push(Task {
            test: Some(test),
            seed: seed(given, &config),
            config: Arc::new(config),
            shown,
            history: None,
        });
    }
    Ok(tasks)
}

fn single_task(test: &Path, options: &Options) -> Result<Task, String> {
    let file = find_config(test, &options.config_directory);
    let config = Config::load(&file).map_err(|error| error.to_string())?;
    Ok(Task {
        test: None,
        seed: seed(options.seed, &config),
        config: Arc::new(config),
        shown: file.display().to_string(),
        history: None,
    })
}

/// Where a TEST is: as given, or around the config directory. As given if it is nowhere.
fn find_config(test: &Path, directory: &Path) -> PathBuf {
    let mut named = test.as_os_str().to_owned();
    named.push(".json");
    let mut places = vec![test.to_owned()];
    places.extend(directory.parent().map(|parent| parent.join(test)));
    places.extend([directory.join(test), directory.join(named)]);
    places
        .into_iter()
        .find(|place| place.is_file())
        .unwrap_or_else(|| test.to_owned())
}

fn seed(given: Option<u64>, config: &Config) -> u64 {
    // A short one is easier to hand around.
    given
        .or(config.seed)
        .unwrap_or_else(|| u64::from(rand::random::<u32>()))
}

fn replica_program(options: &Options) -> Result<PathBuf, String> {
    let program = match &options.replica {
        Some(program) => program.clone(),
        None => {
            let itself = std::env::current_exe()
                .map_err(|error| format!("the simulator does not find its own program: {error}"))?;
            itself.with_file_name("leasekv")
        }
    };
    let shown = program.display();
    let metadata =
        std::fs::metadata(&program).map_err(|error| format!("replica {shown}: {error}"))?;
    if !metadata.is_file() {
        return Err(format!("replica {shown}: not a program file"));
    }
    if metadata.permissions().mode() & 0o111 == 0 {
        return Err(format!(
            "replica {shown}: not executable (chmod +x makes it so)"
        ));
    }
    // A bare name would be looked for in $PATH instead of here.
    std::path::absolute(&program).map_err(|error| format!("replica {shown}: {error}"))
}

fn create(path: &Path) -> Result<File, String> {
    File::create(path).map_err(|error| format!("{} cannot be written: {error}", path.display()))
}

/// `path` with a config's name before its extension.
fn with_name(path: &Path, name: &str) -> PathBuf {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let named = match path.extension() {
        Some(extension) => format!("{stem}.{name}.{}", extension.to_string_lossy()),
        None => format!("{stem}.{name}"),
    };
    path.with_file_name(named)
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
    fn a_history_of_all_has_a_file_for_each_config() {
        let named = |path: &str| with_name(Path::new(path), "crash-1");
        assert_eq!(named("a/h.jsonl"), Path::new("a/h.crash-1.jsonl"));
        assert_eq!(named("h"), Path::new("h.crash-1"));
    }
}
