use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::bench::config::Config;
use crate::bench::config::suite::TESTS;
use crate::bench::trace::record::Fate;
use crate::bench::verdict::samples::Sample;
use crate::consensus::mistakes::Mistake;
use crate::disk::Settings;
use crate::disk::mistakes::Mistake as DiskMistake;
use crate::kv::mistakes::Mistake as ServiceMistake;
use crate::replica::Options;

/// A config of the course.
fn course(name: &str) -> Arc<Config> {
    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("configs")
        .join(format!("{name}.json"));
    Arc::new(Config::load(&file).expect("one of the seventeen"))
}

fn run_traced(name: &str, seed: u64) -> Run {
    run(&Order {
        keep_trace: true,
        ..Order::new(course(name), seed)
    })
}

#[test]
fn the_seventeen_run_without_a_broken_promise() {
    for test in TESTS {
        let run = run_traced(test.name, 1);
        assert_eq!(run.violation, None, "{}", test.name);
        assert_eq!(run.report.counters.incorrect, 0, "{}", test.name);
    }
}

#[test]
fn a_seed_replays_a_run_byte_for_byte() {
    let (first, second) = (run_traced("advanced-4", 7), run_traced("advanced-4", 7));
    assert_eq!(first.trace, second.trace);
    assert_eq!(first.report.history, second.report.history);
    assert_ne!(first.trace, run_traced("advanced-4", 8).trace);
}

/// A sweep that shows whether a mistake is found: a config, seeds and constants.
struct Search {
    name: &'static str,
    make: fn(&mut Order),
    config: &'static str,
    seeds: u64,
    /// Options besides [`PINNED`].
    options: &'static str,
}

/// The options of these searches: tuning a default is not to hide a mistake.
const PINNED: &str =
    "lease=300ms,heartbeat_interval=1500ms,message_price=1ms,answerer_doubt=100ms,burst_routes=1";

/// One entry at a time, so that a repair can be caught halfway.
const ONE_AT_A_TIME: &str = "max_append_entries=1";

/// A lease that outlasts an election.
const LONG_LEASE: &str = "lease=3s";

/// Campaigns that collide.
const HASTY: &str = "campaign_retry_min=1ms,objection_time=0ms";

macro_rules! search {
    (@ $mistake:ident, $make:expr, $config:literal, $seeds:literal, $options:expr) => {
        Search {
            name: stringify!($mistake),
            make: $make,
            config: $config,
            seeds: $seeds,
            options: $options,
        }
    };
    (consensus $mistake:ident, $($rest:tt)+) => {
        search!(@ $mistake, |order| order.options.consensus.mistake = Some(Mistake::$mistake), $($rest)+)
    };
    (service $mistake:ident, $($rest:tt)+) => {
        search!(@ $mistake, |order| order.options.kv.mistake = Some(ServiceMistake::$mistake), $($rest)+)
    };
    (disk $mistake:ident, $($rest:tt)+) => {
        search!(@ $mistake, |order| order.directories = Some(directories(DiskMistake::$mistake)), $($rest)+)
    };
}

/// Everything that is settled goes into a snapshot at once.
const SNAPSHOTS: &str = "log_floor=0,log_percent=0";

/// Directories with short segments, and a mistake.
fn directories(mistake: DiskMistake) -> Settings {
    // Damage in the middle of a segment is wanted there; elsewhere many segments.
    let segment_bytes = match mistake {
        DiskMistake::DamageTakenForEnd => 4_000,
        _ => 400,
    };
    Settings {
        mistake: Some(mistake),
        ..Settings::with_segment_bytes(segment_bytes)
    }
}

const SEARCHES: [Search; 28] = [
    search!(consensus CommitOlderTerms, "advanced-4", 5, ONE_AT_A_TIME),
    search!(consensus VoteTwice, "extra/contention", 5, HASTY),
    search!(consensus NoUpToDateCheck, "crash-4", 5, ""),
    search!(consensus TruncateMatching, "extra/reorder-duplicate", 5, ONE_AT_A_TIME),
    search!(consensus NoDeferral, "extra/chaos", 5, ""),
    search!(consensus NoDriftMargin, "extra/drift", 5, ""),
    search!(consensus ClockReadTooEarly, "extra/pause", 5, ""),
    search!(consensus LeaseFromAnswer, "extra/chaos", 10, ""),
    search!(consensus RouteIsNoQuorum, "extra/chaos", 10, ""),
    search!(consensus NoPreVoteRefusal, "partition-4", 2, ""),
    search!(consensus HeldSinceLost, "extra/chaos", 5, "log_floor=0,log_percent=0,replies=leader"),
    search!(consensus InstallOverNewer, "extra/reorder-duplicate", 5, SNAPSHOTS),
    search!(service SnapshotOfUnsettled, "extra/chaos", 10, SNAPSHOTS),
    search!(service AnswerBeforeQuorum, "simple-1", 2, ""),
    search!(service RedirectInLimbo, "extra/one-way", 5, ""),
    search!(service GetOverlooksLimbo, "extra/contention", 10, ""),
    search!(service FollowerAnswersGets, "advanced-4", 2, ""),
    search!(consensus VoteBeforeSync, "extra/crash-restart", 2, ""),
    search!(consensus ReceiptBeforeSync, "extra/crash-restart", 2, ""),
    search!(consensus LeaderCountsUnsynced, "extra/crash-restart", 5, ""),
    search!(consensus LeaseSurvivesRestart, "extra/crash-restart", 5, ""),
    search!(consensus RestoredTooOld, "extra/crash-restart", 10, LONG_LEASE),
    search!(service AnswerAgain, "extra/power-loss", 10, ""),
    search!(disk SyncRetried, "extra/disk-faults", 20, ""),
    search!(disk SnapshotRenamedBeforeSync, "extra/disk-faults", 20, SNAPSHOTS),
    search!(disk TornTakenForWhole, "extra/disk-faults", 20, ""),
    search!(disk DamageTakenForEnd, "extra/disk-faults", 20, ""),
    search!(disk StartNotSynced, "extra/disk-faults", 20, ""),
];

impl Search {
    /// The first seed whose run shows something no run may show.
    fn find(&self, is_made: bool) -> Option<(u64, String)> {
        let options = Options::from_text(&format!("{PINNED},{}", self.options));
        let options = options.expect("well-formed");
        let config = course(self.config);
        (0..self.seeds).find_map(|seed| {
            let mut order = Order {
                options: options.clone(),
                ..Order::new(Arc::clone(&config), seed)
            };
            if is_made {
                (self.make)(&mut order);
            }
            let run = run_whatever_happens(&order);
            let what = Sample::of(&run.report, run.violation.as_ref()).violation;
            what.map(|what| (seed, what))
        })
    }
}

#[test]
fn every_built_in_mistake_is_found_and_the_honest_build_survives_the_same_sweep() {
    let mut missed = Vec::new();
    for search in &SEARCHES {
        let name = search.name;
        match search.find(true) {
            Some((seed, what)) => println!("{name}: {} seed {seed}: {what}", search.config),
            None => missed.push(name),
        }
        assert_eq!(search.find(false), None, "{name}");
    }
    assert!(missed.is_empty(), "not found: {missed:?}");
}

/// With a log that may take hardly anything, everything that goes on goes on around snapshots.
#[test]
fn snapshots_are_taken_and_installed_all_the_time_and_no_promise_is_broken() {
    let snapshots = |name: &str, text: &str| {
        let run = run(&Order {
            options: Options::from_text(text).expect("well-formed"),
            ..Order::new(course(name), 1)
        });
        assert_eq!(run.violation, None, "{name} with {text}");
        assert_eq!(run.report.counters.incorrect, 0, "{name} with {text}");
        run.snapshots
    };
    // In one part, in many parts, and with a log that keeps a few entries.
    let ways = [
        SNAPSHOTS,
        "log_floor=0,log_percent=0,max_append_bytes=400",
        "log_floor=700,log_percent=0",
    ];
    let mut all = (0, 0);
    for name in [
        "crash-4",
        "advanced-4",
        "partition-4",
        "extra/chaos",
        "extra/one-way",
    ] {
        for text in ways {
            let (compactions, installs) = snapshots(name, text);
            assert!(compactions > 100, "{name} with {text}: {compactions}");
            all = (all.0 + compactions, all.1 + installs);
        }
    }
    assert!(all.0 > 5_000 && all.1 > 100, "{all:?}");
    // The course's tests never come so far with the defaults.
    assert_eq!(snapshots("simple-2", ""), (0, 0));
}

/// Whatever is kept for a trace, the run is the same, and the counts are the simulator's.
#[test]
fn a_recording_changes_nothing_and_agrees_with_the_counters() {
    let chaos = |keep_recording| {
        let file =
            std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("configs/extra/chaos.json");
        run(&Order {
            keep_trace: true,
            keep_recording,
            ..Order::new(Arc::new(Config::load(&file).expect("a config")), 3)
        })
    };
    let (plain, recorded) = (chaos(false), chaos(true));
    assert_eq!(plain.trace, recorded.trace);
    assert!(plain.recording.is_none());
    let counters = &recorded.report.counters;
    let Some(Recording {
        messages, states, ..
    }) = &recorded.recording
    else {
        panic!("no recording");
    };
    let between = |fate: Option<Fate>| {
        let peers = messages.iter().filter(|message| message.mid.is_none());
        let sent = peers.filter(|message| message.copy_of.is_none());
        let with = sent.filter(|message| fate.is_none_or(|fate| message.fate == fate));
        with.count() as u64
    };
    assert_eq!(between(None), counters.total_msgs);
    assert_eq!(between(Some(Fate::Lost)), counters.lost);
    assert_eq!(between(Some(Fate::Cut)), counters.cut);
    assert!(between(Some(Fate::Dead)) > 0);
    for message in messages {
        let times = [message.sent_ns, Some(message.time_ns), message.arrived_ns];
        let times: Vec<u64> = times.into_iter().flatten().collect();
        assert!(times.is_sorted(), "{message:?}");
        assert_eq!(
            message.arrived_ns.is_some(),
            message.fate == Fate::Delivered
        );
        assert!(message.sent_ns.is_some(), "{message:?}");
    }
    let caused = states
        .iter()
        .filter(|state| state.causes.as_ref().is_some_and(|it| !it.is_empty()));
    assert!(caused.count() > 1_000);
    for state in states {
        for &cause in state.causes.as_deref().unwrap_or_default() {
            let cause = &messages[cause];
            assert_eq!(
                (cause.to, cause.arrived_ns),
                (state.replica, Some(state.time_ns))
            );
        }
    }
}

/// What led to a core's own assertion can be shown.
#[test]
fn a_core_that_stops_leaves_its_recording() {
    let config = course("advanced-4");
    let stopped = (0..20).find_map(|seed| {
        let order = Order {
            keep_recording: true,
            ..Order::new(Arc::clone(&config), seed)
        };
        let mut order = order;
        order.options.consensus.limits.max_append_entries = 1;
        order.options.consensus.mistake = Some(Mistake::CommitOlderTerms);
        let run = run_whatever_happens(&order);
        let is_stop = run.violation.as_ref()?.promise == "a core stopped";
        is_stop.then_some(run)
    });
    let run = stopped.expect("the core asserts what a lease rests on");
    let violation = run.violation.expect("a violation");
    assert!(violation.time > Duration::ZERO && !violation.what.is_empty());
    assert!(!run.report.complete);
    let recording = run.recording.expect("a recording");
    assert!(recording.messages.len() > 10 && !recording.states.is_empty());
}
