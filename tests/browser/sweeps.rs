//! Pages of sweeps.

use serde_json::{Value, json};

use crate::traces::{Played, simulator};
use crate::webdriver::Browser;

#[test]
#[ignore = "needs Debian's chromium and chromium-driver: cargo test --test browser -- --ignored"]
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

/// Configs of which some fail are found from the top of the page, and times of runs that shared the machine are
/// marked, on the page of all and on that of a run.
#[test]
#[ignore = "needs Debian's chromium and chromium-driver: cargo test --test browser -- --ignored"]
fn a_page_of_many_configs_leads_to_those_that_failed() {
    let browser = Browser::start();
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).display().to_string();
    let (results, page) = (path("results.jsonl"), path("merged.html"));
    let all = ["all", "--virtual", "--seeds", "2", "--json", &results];
    assert_eq!(simulator(&all).status.code(), Some(0));
    // As if they had been made four at a time, and two had failed.
    let text = std::fs::read_to_string(&results).unwrap();
    let told = |line: &str| {
        let mut run: Value = serde_json::from_str(line).unwrap();
        run["jobs"] = json!(4);
        run["virtual"] = json!(false);
        let fails = run["config"] == "crash-2" || run["config"] == "advanced-4";
        if fails && run["seed"] == 1 {
            run["passed"] = json!(false);
            run["errors"] = json!(["9 puts unanswered"]);
        }
        format!("{run}\n")
    };
    std::fs::write(&results, text.lines().map(told).collect::<String>()).unwrap();
    let merged = simulator(&["--merge", &results, "--report", &page]);
    assert_eq!(merged.status.code(), Some(0), "{merged:?}");
    browser.open(page.as_ref());
    assert_eq!(browser.text("#verdict"), "2 FAILED");
    let wrong = browser.text("#wrong");
    assert_eq!(
        wrong,
        "Look at: crash-2 (1 of 2 failed) advanced-4 (1 of 2 failed)"
    );
    browser.click("#wrong a:last-of-type");
    let failed = browser.text("#advanced-4");
    assert!(failed.contains("9 puts unanswered"), "{failed}");
    let at = "document.getElementById('advanced-4').getBoundingClientRect().top";
    assert!(browser.number(at).abs() < 50.0, "it is scrolled to");
    let header = browser.text("header");
    assert!(
        header.contains("34 runs of real processes, 4 at a time"),
        "{header}"
    );
    let figures = browser.text("#crash-2");
    assert!(
        figures.contains("median latency, 4 runs at a time"),
        "{figures}"
    );

    let played = Played::new("configs/simple-1.json", 1);
    let mut lines = played.lines.clone();
    let shared = "8 runs were made at a time";
    browser.open(&played.redrawn(&lines));
    assert!(!browser.text("body").contains(shared));
    let end = lines.last_mut().unwrap();
    end["results"]["jobs"] = json!(8);
    browser.open(&played.redrawn(&lines));
    assert!(browser.text("body").contains(shared));
    assert_eq!(browser.complaints(), json!([]));
}
