//! Pages of runs that broke a promise.

use serde_json::{Value, json};

use crate::traces::{Played, simulator};
use crate::webdriver::Browser;

/// How many seeds are tried at a time, and the most in all.
const BATCH: u64 = 8;
const SEEDS: u64 = 200;

/// A seed with which clocks beyond the documented bound break the lease.
fn seed_of_a_violation() -> u64 {
    let violated = |first: u64| {
        let range = format!("{first}..{}", first + BATCH);
        let output = simulator(&[
            "configs/extra/beyond-bound.json",
            "--virtual",
            "--seeds",
            &range,
        ]);
        let text = String::from_utf8(output.stdout).expect("text");
        let mut lines = text
            .lines()
            .skip_while(|line| !line.starts_with("VIOLATION"));
        let command = lines.find(|line| line.contains("--seed "))?.to_owned();
        let seed = command.split("--seed ").nth(1)?;
        let digits: String = seed.chars().take_while(char::is_ascii_digit).collect();
        digits.parse().ok()
    };
    (0..SEEDS)
        .step_by(BATCH as usize)
        .find_map(violated)
        .expect("clocks that far off break the lease with one of the seeds")
}

#[test]
#[ignore = "needs Debian's chromium and chromium-driver: cargo test --test browser -- --ignored"]
fn a_broken_promise_opens_at_its_moment_with_the_logs_side_by_side() {
    let browser = Browser::start();
    let played = Played::new("configs/extra/beyond-bound.json", seed_of_a_violation());
    let violation = played.one("violation");
    browser.open(&played.page());
    assert_eq!(browser.text("#verdict"), "✗ VIOLATION");
    let section = browser.text(".violation");
    for part in ["name", "text"] {
        assert!(
            section.contains(violation[part].as_str().unwrap()),
            "{section}"
        );
    }
    let command = played.one("start")["command"].as_str().unwrap();
    assert!(section.contains(command), "{section}");
    let at = violation["time_ns"].as_f64().unwrap();
    let (from, to) = (
        browser.number("leasekv.diagram.view.from"),
        browser.number("leasekv.diagram.view.to"),
    );
    assert!(from < at && at < to && to - from < 5e9, "{from} {at} {to}");
    if violation["kind"] == "invariant" {
        assert_eq!(
            browser.number("document.querySelectorAll('.violation thead th').length"),
            6.0,
            "a column for the index and one for each replica"
        );
        // What the logs say there is what the replicas had told.
        for replica in 0..5u64 {
            let id = format!("{replica:04X}");
            let commit = browser.number(&format!("leasekv.model.stateAt({replica}, {at}).commit"));
            let told = played.told(&id, at as u64, "commit");
            assert_eq!(commit, told.as_f64().unwrap_or(0.0), "{id}");
        }
    } else {
        let rows = browser.number("document.querySelectorAll('.operations tbody tr').length");
        assert_eq!(
            rows,
            violation["operations"].as_array().unwrap().len() as f64
        );
    }
    // The sentence names replicas by their IDs and a put by its MID, so that it can be followed.
    if violation["name"] == "lease" {
        let text = violation["text"].as_str().unwrap();
        let named = |line: &&Value| line["MID"].as_str().is_some_and(|mid| text.contains(mid));
        let asked = played
            .of("message")
            .find(named)
            .expect("the put is in the trace");
        let attempts = browser.run("return leasekv.state.followed.attempts.length");
        assert!(attempts.as_u64() > Some(0), "{text}");
        let panel = browser.text("#panel");
        let client = asked["from"].as_str().unwrap();
        assert!(panel.contains(client), "{client}: {panel}");
        assert!(browser.text(".violation .named").contains(client));
    }
    browser.screenshot("report-violation");
    assert_eq!(browser.complaints(), json!([]));
}

/// A get that reads what had been overwritten before it was asked, told into the trace of a run.
#[test]
#[ignore = "needs Debian's chromium and chromium-driver: cargo test --test browser -- --ignored"]
fn operations_that_no_order_explains_stand_side_by_side() {
    let browser = Browser::start();
    let played = Played::new("configs/simple-2.json", 2);
    let operation = |request: u32, op: &str, value: &str, from: u64, to: Value| {
        json!({"client": "0015", "request": request, "op": op, "key": "k<b>", "value": value,
            "invoked_ns": from, "returned_ns": to})
    };
    let violation = json!({"event": "violation", "time_ns": 9_300_000_000u64, "kind": "history",
    "name": "linearizability", "text": "the get returned \"v1\", which \"v2\" had overwritten",
    "operations": [
        operation(1, "put", "v1", 9_000_000_000, json!(9_100_000_000u64)),
        operation(2, "put", "v2", 9_120_000_000, json!(9_200_000_000u64)),
        operation(4, "put", "v3", 9_130_000_000, Value::Null),
        operation(3, "get", "v1", 9_250_000_000, json!(9_300_000_000u64)),
    ]});
    let mut lines = played.lines.clone();
    let later = |line: &Value| line["time_ns"].as_u64() > violation["time_ns"].as_u64();
    let place = lines
        .iter()
        .position(later)
        .expect("it lies within the run");
    lines.insert(place, violation);
    browser.open(&played.redrawn(&lines));
    assert_eq!(browser.text("#verdict"), "✗ VIOLATION");
    assert_eq!(
        browser.number("document.querySelectorAll('.operations tbody tr').length"),
        4.0
    );
    let table = browser.text(".operations");
    for part in ["get → “v1”", "put “v2”", "250 ms", "never"] {
        assert!(table.contains(part), "{part}: {table}");
    }
    assert!(
        browser
            .text(".violation")
            .contains("which \"v2\" had overwritten")
    );
    let from = browser.number("leasekv.diagram.view.from");
    assert!(from < 9e9 && from > 8.9e9, "{from}");
    browser.click(".operations tbody tr:nth-child(2) .link");
    let attempts = played.of("message").filter(|line| line["request"] == 2);
    assert_eq!(
        browser.number("leasekv.state.followed.attempts.length"),
        attempts.count() as f64
    );
    assert!(browser.text("#panel").starts_with("Request #2"));
    assert_eq!(browser.complaints(), json!([]));
}
