//! The command line as it is written: its options, and `--help`.
//!
//! Must never do what they ask for.

use std::ops::Range;
use std::path::PathBuf;

use clap::Parser;

use super::sweep::MAX_SEEDS;

/// The most runs of a test.
const MAX_RUNS: u64 = 100_000;
/// The most runs at a time: the watchdog knows the replicas of so many.
const MAX_JOBS: u64 = 32;

const USAGE: &str = "\
run [OPTIONS] TEST
       run --from TRACE --report FILE
       run --check FILE
       run --disk DIRECTORY
       run --merge FILE... [--report FILE] [--baseline FILE]";

const EXAMPLES: &str = "\
Examples:
  run configs/simple-1.json            one test with the replica of this project
  run all --json results.jsonl         the seventeen tests of the course
  run -r ./3700kvstore -s advanced-4   another replica, its output not shown
  run all --jobs 9                     the same, nine at a time, in a minute and a half
  run crash-3 --runs 20 --jobs 8       how often what fails
  run all --virtual --seeds 1000       a thousand runs of each test in virtual time
  run all --virtual --seeds 1000 --baseline before.jsonl
                                       what is better or worse than with --json before.jsonl
  run crash-3 --report crash-3.html    a page that shows what happened
  run --check history.jsonl            whether what clients saw is linearizable
  run --disk /var/lib/leasekv/0001     what is in a replica's directory

Exit status: 0 passed, 1 a test failed or something is worse than the baseline, 2 bad usage, a bad
config or a file that could not be written, 130 interrupted.
With --check: 0 linearizable, 1 not, 2 not a history, 3 too hard to decide. With --disk: 0 sound,
1 damaged, 2 no directory.";

/// Puts a replicated key-value store through the tests of the course: real processes behind UDP
/// sockets, clients, losses, crashes and partitions.
#[derive(Parser, Debug)]
#[command(name = "run", bin_name = "run", version, after_help = EXAMPLES, override_usage = USAGE)]
pub struct Options {
    /// The replica's program [default: leasekv beside this program]
    #[arg(short, long, value_name = "PATH")]
    pub(super) replica: Option<PathBuf>,

    /// Do not show what the replicas print (`all` never does)
    #[arg(short, long)]
    pub(super) silence: bool,

    /// Where the config files are
    #[arg(
        short,
        long = "config_directory",
        visible_alias = "config-directory",
        value_name = "DIR",
        env = "LEASEKV_CONFIG_DIRECTORY",
        default_value = "configs"
    )]
    pub(super) config_directory: PathBuf,

    /// The seed of everything random; the i-th test of `all`, from 0, gets N+i [default: the
    /// config's, else a random one]
    #[arg(long, value_name = "N")]
    pub(super) seed: Option<u64>,

    /// Play in virtual time, with the cores of this project's replica, their promises checked after
    /// every step: a seed repeats a run exactly
    #[arg(long, conflicts_with = "replica")]
    pub(super) r#virtual: bool,

    /// With --virtual: play every seed from 0 to N-1, or from A to B-1, and sum up
    #[arg(long, value_name = "N|A..B", value_parser = read_seeds, requires = "virtual", conflicts_with = "seed")]
    pub(super) seeds: Option<Seeds>,

    /// Run the test, or each of `all`, N times, and sum up: how often what failed; the n-th run, from 0,
    /// has n added to its seed
    #[arg(
        long,
        value_name = "N",
        value_parser = clap::value_parser!(u64).range(1..=MAX_RUNS),
        conflicts_with_all = ["virtual", "history", "trace"]
    )]
    pub(super) runs: Option<u64>,

    /// Make J runs at a time [default: 1]. They share the machine, so their times are marked
    #[arg(
        long,
        value_name = "J",
        value_parser = clap::value_parser!(u64).range(1..=MAX_JOBS),
        conflicts_with = "virtual"
    )]
    pub(super) jobs: Option<u64>,

    /// With --runs: where the trace of the worst run of each kind of failure is kept
    #[arg(long, value_name = "DIR", default_value = "failed-runs")]
    pub(super) keep: PathBuf,

    /// Say what is better or worse than in FILE, an earlier --json of the same tests, by more than noise
    #[arg(long, value_name = "FILE")]
    pub(super) baseline: Option<PathBuf>,

    /// Write the results into FILE, a JSON object a line for each run
    #[arg(long, value_name = "FILE")]
    pub(super) json: Option<PathBuf>,

    /// Write what the clients saw into FILE, a JSON object a line for each event; `all` puts each
    /// config's name before the extension and writes a file for each
    #[arg(long, value_name = "FILE")]
    pub(super) history: Option<PathBuf>,

    /// Write all that happened into FILE, a JSON object a line for each message, fault and change of
    /// state; `all` puts each config's name before the extension and writes a file for each
    #[arg(long, value_name = "FILE", conflicts_with = "seeds")]
    pub(super) trace: Option<PathBuf>,

    /// Draw all that happened into FILE, an HTML page; `all` writes a file for each config, and
    /// --seeds one for the whole sweep
    #[arg(long, value_name = "FILE")]
    pub(super) report: Option<PathBuf>,

    /// The key under which messages between replicas bear a term, for the picture of those that do not
    /// tell of their state
    #[arg(long, value_name = "KEY", default_value = "term")]
    pub(super) term_key: String,

    /// Run nothing, but draw the trace FILE with --report
    #[arg(
        long,
        value_name = "FILE",
        requires = "report",
        conflicts_with_all = [
            "replica", "silence", "seed", "virtual", "seeds", "runs", "jobs", "baseline", "json", "history",
            "trace", "check", "merge", "test"
        ]
    )]
    pub(super) from: Option<PathBuf>,

    /// Run nothing, but check a history file in the format of --history, `-` being the standard
    /// input
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with_all = [
            "replica", "silence", "seed", "virtual", "seeds", "runs", "jobs", "baseline", "json", "history",
            "trace", "report", "merge", "test"
        ]
    )]
    pub(super) check: Option<PathBuf>,

    /// Run nothing, but say what is in a replica's directory: hard state, range of the log, snapshots, damage
    #[arg(
        long,
        value_name = "DIRECTORY",
        conflicts_with_all = [
            "replica", "silence", "seed", "virtual", "seeds", "runs", "jobs", "baseline", "json", "history",
            "trace", "report", "check", "from", "merge", "test"
        ]
    )]
    pub(super) disk: Option<PathBuf>,

    /// Run nothing, but sum up the results of several --json files, as of sweeps over parts of the seeds,
    /// with --report and --baseline if they are given
    #[arg(
        long,
        value_name = "FILE",
        num_args = 1..,
        conflicts_with_all = [
            "replica", "silence", "seed", "virtual", "seeds", "runs", "jobs", "json", "history", "trace", "test"
        ]
    )]
    pub(super) merge: Vec<PathBuf>,

    /// A config file, its name, or `all` for the seventeen tests of the course
    #[arg(value_name = "TEST", required_unless_present_any = ["check", "disk", "from", "merge"])]
    pub(super) test: Option<PathBuf>,
}

/// A range of seeds, the last excluded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seeds(pub Range<u64>);

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
