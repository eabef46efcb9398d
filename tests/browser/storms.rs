//! Pages of runs in which very much happened.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::traces::Played;
use crate::webdriver::Browser;

/// How many messages a storm has.
const STORM: u64 = 300_000;
/// How many lines a replica prints in it.
const LINES: u64 = 100_000;

/// The page of a storm is small and soon drawn; what repeats is one band with its count, what failed and
/// what completed requests is there one by one.
#[test]
#[ignore = "needs Debian's chromium and chromium-driver: cargo test --test browser -- --ignored"]
fn a_storm_is_drawn_as_bands() {
    let browser = Browser::start();
    let played = Played::new("configs/crash-3.json", 3);
    let (ids, begin, end) = (["0000", "0001", "0002", "0003", "0004"], 8e9, 30e9);
    let mut lines: Vec<Value> = played.lines.clone();
    let last = lines.pop().expect("an end");
    let at = |n: u64, of: u64| (begin + (end - begin) * n as f64 / of as f64) as u64;
    for n in 0..STORM {
        let (from, to) = (ids[n as usize % 5], ids[(n as usize + 1) % 5]);
        let time = at(n, STORM);
        let fate = if n == 123_456 { "lost" } else { "delivered" };
        let mut line = json!({"event": "message", "time_ns": time, "from": from, "to": to, "type": "echo",
            "fate": fate, "data": {"src": from, "dst": to, "leader": "FFFF", "type": "echo", "n": n}});
        if fate == "delivered" {
            line["arrived_ns"] = json!(time + 50_000);
        }
        lines.push(line);
    }
    for n in 0..LINES {
        lines.push(
            json!({"event": "output", "time_ns": at(n, LINES), "replica": "0002",
            "stream": "stdout", "text": format!("line number {n} of very many")}),
        );
    }
    lines[1..].sort_by_key(|line| line["time_ns"].as_u64());
    let mut number = 0;
    let mut place_of = std::collections::HashMap::new();
    for line in lines.iter_mut().filter(|line| line["event"] == "message") {
        if let Some(before) = line["number"].as_u64() {
            place_of.insert(before, number);
        }
        line["number"] = json!(number);
        number += 1;
    }
    for line in lines.iter_mut().filter(|line| line["event"] == "state") {
        let causes = line["causes"].as_array().cloned().unwrap_or_default();
        let moved = causes.iter().filter_map(|it| place_of.get(&it.as_u64()?));
        line["causes"] = json!(moved.collect::<Vec<_>>());
    }
    lines.push(last);
    let page = played.redrawn(&lines);
    let size = std::fs::metadata(&page).expect("a page").len();
    assert!(size <= 10_000_000, "{size} bytes");
    let begun = Instant::now();
    browser.open(&page);
    let took = begun.elapsed();
    println!("a storm of {STORM} messages: {size} bytes, drawn after {took:?}");
    if std::env::var("LEASEKV_BROWSER").is_ok_and(|it| it == "required") {
        assert!(took <= Duration::from_secs(3), "the page took {took:?}");
    }
    assert_eq!(browser.complaints(), json!([]));
    // Nothing is missing in the count, and the lost one is there.
    let shown = browser.number("leasekv.diagram.shown()");
    assert!(shown >= number as f64 * 0.99, "{shown} of {number}");
    assert_eq!(browser.number("leasekv.model.total"), f64::from(number));
    let lost = "leasekv.data.messages.fate.filter((fate) => fate === 1).length";
    assert_eq!(browser.number(lost), 1.0);
    let completed = "leasekv.data.messages.effect.filter((effect) => effect === 0).length";
    let expected = played
        .of("message")
        .filter(|it| it["effect"] == "completed");
    assert_eq!(browser.number(completed), expected.count() as f64);
    // A band tells what it stands for, and what was printed can be searched.
    let band = browser.run("leasekv.showBand(leasekv.model.bands[0]); return null");
    assert_eq!(band, Value::Null);
    let panel = browser.text("#panel");
    assert!(
        panel.contains("× ") && panel.contains("trace only"),
        "{panel}"
    );
    browser.type_into("#search", "number 17 of\n");
    let panel = browser.text("#panel");
    assert!(panel.contains("line number 17 of very many"), "{panel}");
    browser.screenshot("storm");
}
