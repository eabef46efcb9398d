//! Pages of sweeps.

use serde_json::{Value, json};

use crate::traces::simulator;
use crate::webdriver::Browser;

#[test]
#[ignore = "needs Debian\'s chromium and chromium-driver: cargo test --test browser -- --ignored"]
fn a_sweep_shows_how_its_metrics_are_spread_and_its_worst_seeds() {
    let browser = Browser::start();
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    let (page, results) = (path("sweep.html"), path("results.jsonl"));
    let output = simulator(&[
        "configs/crash-3.json",
        "--virtual",
        "--seeds",
        "12",
        "--report",
        page.to_str().unwrap(),
        "--json",
        results.to_str().unwrap(),
    ]);
    assert!(output.status.code() <= Some(1), "{output:?}");
    let text = std::fs::read_to_string(results).unwrap();
    let runs: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    browser.open(&page);
    let messages = |run: &Value| run["metrics"]["total_msgs"].as_u64().unwrap();
    let worst = runs
        .iter()
        .max_by_key(|run| (messages(run), std::cmp::Reverse(run["seed"].as_u64())));
    let worst = worst.unwrap();
    browser.click("figure:first-of-type summary");
    let figure = browser.text("figure:first-of-type");
    let most = messages(worst);
    for part in [
        "total messages".to_owned(),
        format!("greatest {most}"),
        "full < 4000".to_owned(),
        "partial < 5000 →".to_owned(),
        format!("--virtual --seed {} --report report.html", worst["seed"]),
    ] {
        assert!(figure.contains(&part), "{part}: {figure}");
    }
    let counts = "leasekv.data.sweeps[0].metrics[0].tiers.reduce((a, b) => a + b)";
    assert_eq!(browser.number(counts), 12.0);
    let outages = browser.number("leasekv.data.sweeps[0].metrics[5].values.count");
    let expected: usize = runs
        .iter()
        .map(|run| run["outages_ms"].as_array().unwrap().len())
        .sum();
    assert_eq!(outages, expected as f64);
    browser.screenshot("report-sweep");
    assert_eq!(browser.complaints(), json!([]));
}
