use super::*;
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
        println!("{} {} {:?} steps={}", test.name, run.report.passed(), run.report.verdict, run.steps);
    }
}

#[test]
fn a_seed_replays_a_run_byte_for_byte() {
    let (first, second) = (run_traced("advanced-4", 7), run_traced("advanced-4", 7));
    assert_eq!(first.trace, second.trace);
    assert_eq!(first.report.history, second.report.history);
    assert_ne!(first.trace, run_traced("advanced-4", 8).trace);
}
