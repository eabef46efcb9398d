//! The replica's command line, as the course's simulator calls it, and its environment.

use std::ffi::OsString;

use crate::consensus::members::MAX_MEMBERS;
use crate::id::Id;
use crate::replica::Options;

/// The environment variable with the protocol's options: the course's command line has no room for them.
pub const OPTIONS_VARIABLE: &str = "LEASEKV_OPTIONS";

/// The environment variable with the path of the replica's directory. Without it the replica's memory ends with its process.
pub const DIRECTORY_VARIABLE: &str = "REPLICA_DIRECTORY";

/// The most peers that a replica may have.
pub const MAX_PEERS: usize = MAX_MEMBERS - 1;

/// What `--help` prints.
pub const HELP: &str = "\
A replica of a key-value store, for the course's simulator or for leasekv-sim.

Usage: leasekv <UDP port> <own ID> <peer ID> [<peer ID> ...]

Arguments:
  <UDP port>  the simulator's port for this replica on 127.0.0.1, 1 to 65535
  <own ID>    four hexadecimal digits, not FFFF
  <peer ID>   the other replicas' IDs, in any order

Options:
  -h, --help     print this
  -V, --version  print the version

Environment:
  RUST_LOG         what is told on stderr: info (roles, terms, leaders, leases), debug (every message)
  LEASEKV_OPTIONS  the protocol's options, such as lease=250ms,heartbeat_interval=1s; the same for all
                   replicas of a cluster, or its promises are void
  REPLICA_DIRECTORY  a directory of this replica's own, in which it keeps its memory: started again with it, it is the
                   same replica. Without it, all that it knows ends with its process

A replica sends `hello` to the port and ends by itself soon after nobody listens there any more.
";

/// What the command line asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Be a replica.
    Serve(Arguments),
    /// Print [`HELP`].
    Help,
    /// Print the version.
    Version,
}

/// Who the replica is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arguments {
    /// The simulator's port.
    pub port: u16,
    /// The replica's own ID.
    pub id: Id,
    /// The other replicas' IDs.
    pub peers: Vec<Id>,
}

/// Reads the arguments, the program's name excluded.
///
/// # Errors
///
/// One line that names the argument, its value and what was expected.
pub fn parse(arguments: impl IntoIterator<Item = String>) -> Result<Command, String> {
    let arguments: Vec<String> = arguments.into_iter().collect();
    for argument in &arguments {
        match argument.as_str() {
            "-h" | "--help" => return Ok(Command::Help),
            "-V" | "--version" => return Ok(Command::Version),
            option if option.starts_with('-') => {
                return Err(format!(
                    "unknown option {option:?}; there are --help and --version"
                ));
            }
            _ => {}
        }
    }
    let [port, id, peers @ ..] = arguments.as_slice() else {
        return Err(format!(
            "expected <UDP port> <own ID> <peer ID> ..., found {} arguments",
            arguments.len()
        ));
    };
    let port = match port.parse() {
        Ok(0) | Err(_) => {
            return Err(format!(
                "UDP port {port:?}: expected a number from 1 to 65535"
            ));
        }
        Ok(port) => port,
    };
    let id = member("own ID", id)?;
    if peers.is_empty() || peers.len() > MAX_PEERS {
        return Err(format!(
            "expected 1 to {MAX_PEERS} peer IDs, found {}",
            peers.len()
        ));
    }
    let mut members = vec![id];
    for peer in peers {
        let peer = member("peer ID", peer)?;
        if members.contains(&peer) {
            return Err(format!(
                "peer ID {peer}: expected IDs that differ from each other"
            ));
        }
        members.push(peer);
    }
    Ok(Command::Serve(Arguments {
        port,
        id,
        peers: members.split_off(1),
    }))
}

/// Reads the value of [`OPTIONS_VARIABLE`]; without one, all options keep their defaults.
///
/// # Errors
///
/// One line that names the variable, the option, its value and what was expected.
pub fn parse_options(value: Option<OsString>) -> Result<Options, String> {
    let value = value.unwrap_or_default();
    let text = value
        .to_str()
        .ok_or_else(|| format!("{OPTIONS_VARIABLE}: {value:?} is not UTF-8"))?;
    Options::from_text(text).map_err(|error| format!("{OPTIONS_VARIABLE}: {error}"))
}

fn member(what: &str, text: &str) -> Result<Id, String> {
    match text.parse::<Id>() {
        Ok(id) if !id.is_unknown() => Ok(id),
        _ => Err(format!(
            "{what} {text:?}: expected four hexadecimal digits, not FFFF"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse_line(line: &str) -> Result<Command, String> {
        parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn the_courses_command_line_is_read() {
        assert_eq!(
            parse_line("4711 0001 0002 0000"),
            Ok(Command::Serve(Arguments {
                port: 4711,
                id: Id(1),
                peers: vec![Id(2), Id(0)],
            }))
        );
        assert_eq!(parse_line("4711 --help"), Ok(Command::Help));
        assert_eq!(parse_line("-V"), Ok(Command::Version));
    }

    #[test]
    fn a_bad_argument_is_named_with_its_value_and_what_was_expected() {
        for (line, expected) in [
            ("", "found 0 arguments"),
            ("4711", "found 1 arguments"),
            ("4711 0001", "expected 1 to 20 peer IDs, found 0"),
            ("0 0001 0002", "\"0\": expected a number from 1 to 65535"),
            ("65536 0001 0002", "\"65536\": expected a number"),
            ("port 0001 0002", "\"port\": expected a number"),
            (
                "4711 1 0002",
                "own ID \"1\": expected four hexadecimal digits",
            ),
            ("4711 FFFF 0002", "own ID \"FFFF\": expected"),
            ("4711 0001 00G2", "peer ID \"00G2\": expected"),
            ("4711 0001 0002 0002", "0002: expected IDs that differ"),
            ("4711 0001 0001", "0001: expected IDs that differ"),
            ("4711 0001 0002 --fast", "unknown option \"--fast\""),
        ] {
            let message = parse_line(line).expect_err(line);
            assert!(message.contains(expected), "{line}: {message}");
        }
    }

    #[test]
    fn options_come_from_the_environment_and_mistakes_in_them_are_named() {
        assert_eq!(parse_options(None), Ok(Options::default()));
        let options = parse_options(Some("lease=250ms".into())).expect("an option");
        let lease = options.consensus.timing.lease;
        assert_eq!(lease, std::time::Duration::from_millis(250));
        let message = parse_options(Some("lease=soon".into())).expect_err("no time");
        assert!(
            message.starts_with("LEASEKV_OPTIONS: lease: \"soon\" is not a time"),
            "{message}"
        );
    }
}
