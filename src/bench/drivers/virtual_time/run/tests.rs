use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::bench::app::sweep::sweep;
use crate::bench::config::Config;
use crate::bench::config::suite::TESTS;
use crate::bench::trace::record::Fate;
use crate::bench::verdict::samples::Sample;
use crate::raft::Options;
use crate::raft::mistakes::Mistake;

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

/// A sweep that shows whether a mistake is found: configs of the course, seeds and constants.
struct Search {
    mistake: Mistake,
    configs: &'static [&'static str],
    seeds: u64,
    change: fn(&mut Options),
}

fn unchanged(_: &mut Options) {}

/// One entry at a time, so that a repair can be caught halfway.
fn one_at_a_time(options: &mut Options) {
    options.max_append_entries = 1;
}

const SEARCHES: [Search; 14] = [
    search(Mistake::CommitOlderTerms, &["advanced-4"], 5, one_at_a_time),
    search(Mistake::VoteTwice, &["extra/contention"], 5, unchanged),
    search(Mistake::NoUpToDateCheck, &["crash-4"], 5, unchanged),
    search(
        Mistake::TruncateMatching,
        &["extra/reorder-duplicate"],
        5,
        one_at_a_time,
    ),
    search(Mistake::AnswerBeforeQuorum, &["simple-1"], 2, unchanged),
    search(Mistake::NoDeferral, &["extra/chaos"], 5, unchanged),
    search(Mistake::NoDriftMargin, &["extra/drift"], 5, unchanged),
    search(Mistake::ClockReadTooEarly, &["extra/pause"], 5, unchanged),
    search(Mistake::LeaseFromAnswer, &["extra/chaos"], 10, unchanged),
    search(
        Mistake::RedirectInLimbo,
        &["extra/contention"],
        5,
        unchanged,
    ),
    search(
        Mistake::GetOverlooksLimbo,
        &["extra/contention"],
        10,
        unchanged,
    ),
    search(Mistake::RouteIsNoQuorum, &["extra/chaos"], 10, unchanged),
    search(Mistake::FollowerAnswersGets, &["advanced-4"], 2, unchanged),
    search(
        Mistake::NoPreVoteRefusal,
        &["extra/shared-keys"],
        2,
        unchanged,
    ),
];

const fn search(
    mistake: Mistake,
    configs: &'static [&'static str],
    seeds: u64,
    change: fn(&mut Options),
) -> Search {
    Search {
        mistake,
        configs,
        seeds,
        change,
    }
}

impl Search {
    /// The first run that shows something no run may show.
    fn find(&self, mistake: Option<Mistake>) -> Option<(u64, String, &'static str, String)> {
        let mut options = Options::default();
        (self.change)(&mut options);
        options.mistake = mistake;
        let mut runs = 0;
        for seed in 0..self.seeds {
            for &name in self.configs {
                runs += 1;
                let sweep = sweep(
                    &course(name),
                    seed..=seed,
                    &options,
                    || false,
                    |run| Sample::of(&run.report, run.violation.as_ref()),
                );
                if let Some((_, what)) = sweep.violations().next() {
                    return Some((runs, format!("{name} seed {seed}"), name, what.to_owned()));
                }
            }
        }
        None
    }
}

#[test]
fn every_built_in_mistake_is_found_and_the_honest_build_survives_the_same_sweep() {
    for search in &SEARCHES {
        let found = search.find(Some(search.mistake));
        let (runs, place, _, what) =
            found.unwrap_or_else(|| panic!("{:?} was not found", search.mistake));
        println!("{:?}: after {runs} runs, {place}: {what}", search.mistake);
        assert_eq!(search.find(None), None, "{:?}", search.mistake);
    }
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
    let file =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("configs/extra/contention.json");
    let config = Arc::new(Config::load(&file).expect("a config"));
    let stopped = (0..20).find_map(|seed| {
        let order = Order {
            keep_recording: true,
            options: Options {
                mistake: Some(Mistake::VoteTwice),
                ..Options::default()
            },
            ..Order::new(Arc::clone(&config), seed)
        };
        let run = run_whatever_happens(&order);
        let is_stop = run.violation.as_ref()?.invariant == "a core stopped";
        is_stop.then_some(run)
    });
    let run = stopped.expect("the core asserts that nobody votes twice");
    let violation = run.violation.expect("a violation");
    assert!(violation.time > Duration::ZERO && !violation.what.is_empty());
    assert!(!run.report.complete);
    let recording = run.recording.expect("a recording");
    assert!(recording.messages.len() > 10 && !recording.states.is_empty());
}
