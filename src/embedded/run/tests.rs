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

#[test]
#[ignore]
fn many() {
    use std::collections::BTreeMap;
    let from: u64 = std::env::var("FROM").map_or(0, |text| text.parse().unwrap());
    let n: u64 = std::env::var("N").map_or(1000, |text| text.parse().unwrap());
    for test in TESTS {
        let config = course(test.name);
        let mut errors: BTreeMap<String, (u64, u64)> = BTreeMap::new();
        let mut tiers: [[u64; 4]; 4] = Default::default();
        let mut outages = Vec::new();
        let mut values: [Vec<f64>; 4] = Default::default();
        let start = std::time::Instant::now();
        for seed in from..from + n {
            let run = run(&Order { config: config.clone(), seed, options: Options::default(), keep_trace: false, keep_history: false });
            if let Some(v) = run.violation { println!("VIOLATION {} {seed} {v}", test.name); }
            for e in &run.report.verdict.errors {
                let e: String = e.chars().filter(|c| !c.is_ascii_digit()).take(60).collect();
                let entry = errors.entry(e).or_insert((0, seed)); entry.0 += 1;
            }
            if run.report.counters.incorrect > 0 { println!("INCORRECT {} {seed} {:?}", test.name, run.report.evidence.incorrect); }
            for m in 0..4 { tiers[m][run.report.verdict.tiers[m].number() as usize] += 1; values[m].push(run.report.verdict.values[m].unwrap_or(-1.0)); }
            outages.extend(run.report.counters.outages.iter().map(|d| d.as_millis()));
        }
        outages.sort();
        let q = |v: &mut Vec<f64>, p: f64| { v.sort_by(f64::total_cmp); v[((v.len() - 1) as f64 * p) as usize] };
        println!("{} {:.2}ms/run msgs {:?} med {} max {} fail p99 {} max {} dup {:?} max {} lat {:?} outage p50 {:?} p99 {:?} max {:?} errors {errors:?}", test.name, start.elapsed().as_secs_f64()*1e3/n as f64, tiers[0], q(&mut values[0], 0.5), q(&mut values[0], 1.0), q(&mut values[1], 0.99), q(&mut values[1], 1.0), tiers[2], q(&mut values[2], 1.0), tiers[3], outages.get(outages.len()/2), outages.get(outages.len()*99/100), outages.last());
    }
}
