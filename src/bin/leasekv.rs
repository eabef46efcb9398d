//! The replica: `leasekv <UDP port> <own ID> <peer ID> ...`.

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use leasekv::consensus::Storage;
use leasekv::course::arguments::{
    self, Arguments, Command, DIRECTORY_VARIABLE, HELP, OPTIONS_VARIABLE,
};
#[cfg(feature = "disk")]
use leasekv::course::directory;
use leasekv::course::event_loop;
use leasekv::course::memory::InProcess;
use leasekv::replica::Options;

fn main() -> ExitCode {
    let arguments = std::env::args_os()
        .skip(1)
        .map(|argument| argument.to_string_lossy().into_owned());
    match arguments::parse(arguments) {
        Ok(Command::Help) => print(HELP),
        Ok(Command::Version) => print(concat!("leasekv ", env!("CARGO_PKG_VERSION"), "\n")),
        Ok(Command::Serve(arguments)) => serve(&arguments),
        Err(message) => unusable(&message),
    }
}

/// Is a replica, and tells how that ended.
fn serve(arguments: &Arguments) -> ExitCode {
    let options = match arguments::parse_options(std::env::var_os(OPTIONS_VARIABLE)) {
        Ok(options) => options,
        Err(message) => return unusable(&message),
    };
    env_logger::Builder::from_env(env_logger::Env::default().default_filter_or("off"))
        .format_timestamp_micros()
        .format_target(false)
        .init();
    let directory = std::env::var_os(DIRECTORY_VARIABLE).filter(|path| !path.is_empty());
    let served = match directory {
        Some(path) => serve_from(Path::new(&path), arguments, options),
        None if options.consensus.storage == Storage::Stable => {
            return unusable(&format!(
                "{OPTIONS_VARIABLE}: storage=disk needs a directory in {DIRECTORY_VARIABLE}"
            ));
        }
        None => event_loop::serve(arguments, options, |_| Ok((InProcess, None))),
    };
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&error.to_string());
            ExitCode::FAILURE
        }
    }
}

/// Is a replica with a directory.
#[cfg(feature = "disk")]
fn serve_from(path: &Path, arguments: &Arguments, mut options: Options) -> io::Result<()> {
    options.consensus.storage = Storage::Stable;
    let found = options.clone();
    event_loop::serve(arguments, options, |registry| {
        directory::open(path, arguments, &found, registry)
    })
}

/// Without the feature `disk` there is none.
#[cfg(not(feature = "disk"))]
fn serve_from(path: &Path, _: &Arguments, _: Options) -> io::Result<()> {
    let path = path.display();
    Err(io::Error::other(format!(
        "{DIRECTORY_VARIABLE}={path}: this replica was built without the feature `disk`"
    )))
}

/// Says what is wrong with how the program was called.
fn unusable(message: &str) -> ExitCode {
    complain(message);
    ExitCode::from(2)
}

/// Prints a text; a reader that has gone away is no error.
fn print(text: &str) -> ExitCode {
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
    ExitCode::SUCCESS
}

/// Says on stderr what is wrong; a stderr that cannot be written is no error.
fn complain(message: &str) {
    let _ = writeln!(std::io::stderr(), "leasekv: {message}");
}
