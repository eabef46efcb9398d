use super::*;
use crate::embedded::sweep::{Sample, sweep};
use crate::raft::mistakes::Mistake;
use crate::sim::suite::TESTS;

/// A config of the course.
fn course(name: &str) -> Arc<Config> {
    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("configs")
        .join(format!("{name}.json"));
    Arc::new(Config::load(&file).expect("one of the seventeen"))
}

fn run_traced(name: &str, seed: u64) -> Run {
    run(&Order {
        config: course(name),
        seed,
        options: Options::default(),
        keep_trace: true,
        keep_history: true,
    })
}

#[test]
fn the_seventeen_run_without_a_broken_promise() {
    for test in TESTS {
        let run = run_traced(test.name, 1);
        assert_eq!(run.violation, None, "{}", test.name);
        assert_eq!(run.report.counters.incorrect, 0, "{}", test.name);
        println!(
            "{} {} {:?} steps={}",
            test.name,
            run.report.passed(),
            run.report.verdict,
            run.steps
        );
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

/// Election timeouts that end together, so that candidates collide.
fn everybody_at_once(options: &mut Options) {
    options.election_timeout_max = options.election_timeout_min + Duration::from_millis(1);
}

/// One entry at a time, so that a repair can be caught halfway.
fn one_at_a_time(options: &mut Options) {
    options.max_append_entries = 1;
}

const SEARCHES: [Search; 8] = [
    search(
        Mistake::CommitOlderTerms,
        &["advanced-2", "advanced-3"],
        400,
        one_at_a_time,
    ),
    search(Mistake::VoteTwice, &["simple-1"], 50, everybody_at_once),
    search(Mistake::NoUpToDateCheck, &["crash-4"], 50, unchanged),
    search(Mistake::AnswerBeforeQuorum, &["simple-2"], 5, unchanged),
    search(Mistake::NoDeferral, &["partition-4"], 200, unchanged),
    search(
        Mistake::LeaseFromAnswer,
        &["advanced-4", "advanced-1"],
        400,
        unchanged,
    ),
    search(Mistake::FollowerAnswersGets, &["simple-1"], 5, unchanged),
    search(Mistake::NoPreVoteRefusal, &["crash-4"], 50, unchanged),
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
                let sweep = sweep(&course(name), seed..=seed, &options, Sample::of);
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
        let honest = Search {
            seeds: search.seeds.min(60),
            ..*search
        };
        assert_eq!(honest.find(None), None, "{:?}", search.mistake);
    }
}
