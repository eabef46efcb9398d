//! How fast virtual time goes, with every check on; prints a table, and what the time goes into.
//!
//! `cargo bench --bench virtual_time`. Each run is what a sweep plays and keeps: the clients'
//! history is recorded, all promises are checked after every step, the verdict is given and the
//! history is checked for linearizability, on one thread. A run's time is the fastest of several, as
//! other work on the machine only ever adds to it; then medians over many seeds.

use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use leasekv::bench::config::Config;
use leasekv::bench::drivers::virtual_time::order::Order;
use leasekv::bench::drivers::virtual_time::run::{Run, run};
use leasekv::bench::verdict::history_check::Linearizability;
use leasekv::bench::verdict::samples::Sample;
use leasekv::bench::verdict::scoring::judge;

const CONFIGS: [&str; 6] = [
    "advanced-4",
    "advanced-2",
    "simple-2",
    "crash-4",
    "extra/contention",
    "extra/chaos",
];
/// How many seeds of each config are played.
const SEEDS: u64 = 100;
/// How often each is played; the fastest counts.
const REPETITIONS: usize = 5;

/// What one seed took.
struct Taken {
    whole: Duration,
    without_checks: Duration,
    without_history: Duration,
    linearizability: Duration,
    verdict: Duration,
    steps: u64,
    messages: u64,
}

/// How long something takes, and what comes of it.
fn timed<T>(what: impl FnOnce() -> T) -> (Duration, T) {
    let start = Instant::now();
    let result = black_box(what());
    (start.elapsed(), result)
}

fn measure(config: &Arc<Config>, seed: u64) -> Taken {
    let order = Order::new(Arc::clone(config), seed);
    let without_checks = Order {
        check_steps: false,
        ..order.clone()
    };
    let without_history = Order {
        keep_history: false,
        ..order.clone()
    };
    let Run { report, steps, .. } = run(&order);
    let history = report.history.as_deref().expect("it was asked for");
    let mut taken = Taken {
        whole: Duration::MAX,
        without_checks: Duration::MAX,
        without_history: Duration::MAX,
        linearizability: Duration::MAX,
        verdict: Duration::MAX,
        steps,
        messages: report.counters.total_msgs,
    };
    for _ in 0..REPETITIONS {
        let play = |order: &Order| {
            let (time, sample) = timed(|| {
                let run = run(order);
                Sample::of(&run.report, run.violation.as_ref())
            });
            assert_eq!(sample.violation, None, "{} seed {seed}", config.name);
            time
        };
        let verdict = || judge(&report.config, &report.counters, &report.evidence);
        let measured = [
            (&mut taken.whole, play(&order)),
            (&mut taken.without_checks, play(&without_checks)),
            (&mut taken.without_history, play(&without_history)),
            (
                &mut taken.linearizability,
                timed(|| Linearizability::of(history)).0,
            ),
            (&mut taken.verdict, timed(verdict).0),
        ];
        for (fastest, time) in measured {
            *fastest = time.min(*fastest);
        }
    }
    taken
}

fn median<T: Ord + Copy>(taken: &[Taken], what: impl Fn(&Taken) -> T) -> T {
    let mut values: Vec<T> = taken.iter().map(what).collect();
    *values.select_nth_unstable(taken.len() / 2).1
}

fn main() {
    println!(
        "{:<18}{:>8}{:>11}{:>10}{:>8}{:>10}{:>9} | {:>10}{:>9}{:>17}{:>9}{:>21}",
        "config",
        "lasts",
        "a run takes",
        "ratio",
        "steps",
        "messages",
        "a step",
        "invariants",
        "history",
        "linearizability",
        "verdict",
        "cores and simulation"
    );
    for name in CONFIGS {
        let file = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("configs")
            .join(format!("{name}.json"));
        let config = Arc::new(Config::load(&file).expect("a config of this repository"));
        // The first runs fill caches.
        measure(&config, 0);
        let taken: Vec<Taken> = (0..SEEDS).map(|seed| measure(&config, seed)).collect();
        let whole = median(&taken, |taken| taken.whole);
        let steps = median(&taken, |taken| taken.steps);
        let share = |part: fn(&Taken) -> Duration| {
            100.0 * median(&taken, part).as_secs_f64() / whole.as_secs_f64()
        };
        let parts = [
            share(|taken| taken.whole.saturating_sub(taken.without_checks)),
            // Without a history there is nothing to check for linearizability.
            share(|taken| {
                let more = taken.whole.saturating_sub(taken.without_history);
                more.saturating_sub(taken.linearizability)
            }),
            share(|taken| taken.linearizability),
            share(|taken| taken.verdict),
        ];
        println!(
            "{:<18}{:>6} s{:>8.3} ms{:>9.0}x{:>8}{:>10}{:>6.0} ns | {:>9.1}%{:>8.1}%{:>16.1}%{:>8.1}%{:>20.1}%",
            config.name,
            config.total().as_secs(),
            whole.as_secs_f64() * 1e3,
            config.total().as_secs_f64() / whole.as_secs_f64(),
            steps,
            median(&taken, |taken| taken.messages),
            whole.as_nanos() as f64 / steps as f64,
            parts[0],
            parts[1],
            parts[2],
            parts[3],
            100.0 - parts.iter().sum::<f64>(),
        );
    }
}
