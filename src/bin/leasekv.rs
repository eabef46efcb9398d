//! The replica: `leasekv <UDP port> <own ID> <peer ID> ...`.

use std::io::Write;
use std::process::ExitCode;

use leasekv::course::arguments::{self, Arguments, Command, HELP, OPTIONS_VARIABLE};
use leasekv::course::event_loop;

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
    match event_loop::serve(arguments, options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&format!("port {}: {error}", arguments.port));
            ExitCode::FAILURE
        }
    }
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
