//! The command line: reads arguments, has done what they ask for, tells the outcome as exit status.
//!
//! 0: passed. 1: a test failed, or something is worse than the baseline. 2: bad usage, a bad config, nothing could be run, or a result could
//! not be written. 128 + n: ended by signal n; 141: nobody read the output any more. With `--check`,
//! see [`check`], with `--disk` [`disk`]. Must never run anything itself.

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;

use super::arguments::{Options, Seeds};
use super::places::{self, Written};
use super::prepare::{ends, plan};
use super::runner::{End, Outcome};
use super::{check, disk, merge, perform, pictures, runner};
use crate::bench::drivers::real::strays::Mark;
use crate::bench::drivers::real::watchdog;

const FAILED: u8 = 1;
const UNUSABLE: u8 = 2;
/// What a shell reports for a program that SIGPIPE ended.
const PIPE_CLOSED: u8 = 141;

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

fn run(options: &Options) -> Result<u8, String> {
    if let Some(file) = &options.check {
        return check::check_file(file, &mut std::io::stdout());
    }
    if let Some(directory) = &options.disk {
        return disk::show(directory, &mut std::io::stdout());
    }
    if let (Some(from), Some(report)) = (&options.from, &options.report) {
        if places::are_same(from, report) {
            let path = from.display();
            return Err(format!("{path}: --from and --report need a file each"));
        }
        let mut written = Written::default();
        written.note(
            "report",
            Ok(pictures::draw(from, report, &options.term_key)?),
        );
        // Whoever does not read it has the file all the same.
        let _ = std::io::stdout().write_all(written.told().as_bytes());
        return Ok(0);
    }
    if !options.merge.is_empty() {
        return Ok(status(&merge::merge(&options.merge, ends(options)?)?));
    }
    let outcome = match &options.seeds {
        Some(Seeds(range)) => {
            if options.history.is_some() && range.end - range.start > 1 {
                return Err("--history needs a single seed".to_owned());
            }
            perform::run(plan(options)?, range.clone())?
        }
        None => runner::run(plan(options)?)?,
    };
    Ok(status(&outcome))
}

/// The exit status of what was done. What could not be written is said here.
fn status(outcome: &Outcome) -> u8 {
    for trouble in &outcome.trouble {
        let _ = writeln!(std::io::stderr(), "error: {trouble}");
    }
    match outcome.end {
        End::Interrupted(signal) => 128 + signal,
        _ if !outcome.trouble.is_empty() => UNUSABLE,
        End::Unread => PIPE_CLOSED,
        End::Failed => FAILED,
        End::Passed => 0,
    }
}
