//! Pages of runs that kept every promise.

use std::collections::{HashMap, HashSet};

use serde_json::{Value, json};

use crate::traces::Played;
use crate::webdriver::Browser;

const MAX_PAGE_BYTES: u64 = 10_000_000;

fn count(lines: impl Iterator<Item = impl Sized>) -> f64 {
    lines.count() as f64
}

fn size(played: &Played) -> u64 {
    std::fs::metadata(played.page()).expect("a page").len()
}

#[test]
#[ignore = "needs Debian's chromium and chromium-driver: cargo test --test browser -- --ignored"]
fn a_clean_run_says_so_at_once_and_shows_every_message() {
    let browser = Browser::start();
    let played = Played::new("configs/simple-1.json", 1);
    assert!(size(&played) < MAX_PAGE_BYTES);
    browser.open(&played.page());
    assert_eq!(browser.text("#verdict"), "✓ PASSED");
    assert!(browser.text("#story").contains("Nothing went wrong"));
    let led = played.of("state").filter(|line| line["role"] == "leader");
    let elections = browser.number("document.querySelectorAll('.event.election').length");
    assert_eq!(elections, count(led));
    assert_eq!(browser.number("leasekv.model.lanes"), 6.0);
    assert_eq!(
        browser.number("leasekv.model.count"),
        count(played.of("message"))
    );
    assert_eq!(
        browser.number("leasekv.diagram.shown()"),
        count(played.of("message"))
    );
    assert_eq!(browser.number("leasekv.model.requests.size"), 500.0);
    let committed = browser.number("leasekv.model.commits.flat().length");
    assert_eq!(
        committed,
        count(
            played
                .of("state")
                .filter(|line| line["commit"].as_u64() > Some(0))
        )
    );
    let answered = browser.number("leasekv.plots.points.filter((it) => it.kind === 'ok').length");
    assert_eq!(
        answered,
        count(played.of("message").filter(|line| line["type"] == "ok"))
    );
    // Not wider than the screen, on a large one and on a small one.
    for width in [1280, 400] {
        browser.resize(width, 800);
        browser.drawn();
        let overhang =
            "document.documentElement.scrollWidth - document.documentElement.clientWidth";
        assert_eq!(browser.number(overhang), 0.0, "{width}");
    }
    browser.resize(1280, 800);
    browser.screenshot("report-clean");
    // Both looks, by the system's wish and by the button.
    let theme = "return document.documentElement.dataset.theme";
    browser.prefer("dark");
    assert_eq!(browser.run(theme), "dark");
    browser.click("#theme");
    assert_eq!(browser.run(theme), "light");
    assert_eq!(browser.complaints(), json!([]));
}

#[test]
#[ignore = "needs Debian's chromium and chromium-driver: cargo test --test browser -- --ignored"]
fn a_partition_can_be_looked_into() {
    let browser = Browser::start();
    let played = Played::new("configs/advanced-4.json", 7);
    browser.open(&played.page());
    let faults = |kind: &str| count(played.of("fault").filter(|line| line["kind"] == kind));
    assert_eq!(
        browser.number("leasekv.model.splits.length"),
        faults("split")
    );
    let dead = browser.number("leasekv.model.lives.filter((it) => it.dead < Infinity).length");
    assert_eq!(dead, faults("kill"));
    let buttons = browser.number("document.querySelectorAll('.event.fault').length");
    assert_eq!(buttons, count(played.of("fault")));
    browser.screenshot("report-partition");

    // The mouse: wheel and drag.
    let span = "leasekv.diagram.view.to - leasekv.diagram.view.from";
    let before = browser.number(span);
    browser.wheel("#diagram", (400.0, 200.0), -240);
    let closer = browser.number(span);
    assert!(closer < before * 0.6, "{before} {closer}");
    let from = browser.number("leasekv.diagram.view.from");
    browser.drag("#diagram", (400.0, 80.0), -200);
    assert!(browser.number("leasekv.diagram.view.from") > from);
    assert!(
        (browser.number(span) / closer - 1.0).abs() < 1e-6,
        "panning keeps the scale"
    );
    // The keys.
    browser.type_into("#diagram", "+");
    assert!((browser.number(span) / closer - 0.5).abs() < 1e-3);
    let left = "leasekv.diagram.view.from";
    let was = browser.number(left);
    browser.type_into("#diagram", "\u{E012}"); // the left arrow
    assert!(browser.number(left) < was);
    browser.type_into("#diagram", "\u{E011}"); // Home
    assert!(browser.number(span) >= before);

    a_message_is_shown(&browser, &played);
    filters_let_through_what_they_say(&browser, &played);
    a_request_is_followed(&browser, &played);
    a_lane_tells_its_state(&browser, &played);
    fit_buttons_go_there(&browser, &played);
    assert_eq!(browser.complaints(), json!([]));
}

/// A click on a message shows its datagram, its fate and what it changed.
fn a_message_is_shown(browser: &Browser, played: &Played) {
    let is_put_in = |line: &&Value| line["causes"] != json!([]) && line["log"]["from"] == 50;
    let state = played
        .of("state")
        .find(is_put_in)
        .expect("entry 50 arrives");
    let number = state["causes"][0].as_u64().expect("a cause");
    let cut = played
        .of("message")
        .find(|line| line["fate"] == "cut")
        .expect("a cut message");
    for number in [number, cut["number"].as_u64().unwrap()] {
        let line = played
            .of("message")
            .find(|line| line["number"] == number)
            .unwrap();
        let at = line["sent_ns"].as_u64().unwrap();
        // Close enough that nothing else is as near to its middle.
        browser.run(&format!(
            "leasekv.diagram.setView({at} - 30e3, {at} + 120e3)"
        ));
        browser.drawn();
        // Near the middle, but on no lane, for that would be shown instead.
        let middle = browser.run(&format!(
            "const [a, b, c, d] = leasekv.diagram.lineOf({number}); \
             const lanes = Array.from({{ length: 20 }}, (_, lane) => leasekv.diagram.laneY(lane)); \
             const off = (y) => Math.min(...lanes.filter(Number.isFinite).map((lane) => Math.abs(lane - y))); \
             const places = [0.5, 0.45, 0.55, 0.4, 0.6].map((s) => [a + (c - a) * s, b + (d - b) * s]); \
             return places.sort((p, q) => off(q[1]) - off(p[1]))[0]"
        ));
        let point = (middle[0].as_f64().unwrap(), middle[1].as_f64().unwrap());
        browser.hover_at("#diagram", point);
        let tip = browser.text("#tip");
        assert!(tip.contains(line["type"].as_str().unwrap()), "{tip}");
        browser.click_at("#diagram", point);
        assert_eq!(browser.number("leasekv.state.selected"), number as f64);
        let shown: Value = serde_json::from_str(&browser.text("#panel .json")).expect("JSON");
        assert_eq!(shown, line["data"]);
        let panel = browser.text("#panel");
        let fate = match line["fate"].as_str() {
            Some("cut") => "cut by a partition",
            _ => "arrived",
        };
        assert!(panel.contains(fate), "{panel}");
        let title = format!(
            "{} {} → {}",
            line["type"].as_str().unwrap(),
            line["from"].as_str().unwrap(),
            line["to"].as_str().unwrap()
        );
        assert!(panel.contains(&title), "{panel}");
        assert!(browser.text("#live").contains(&title));
    }
    browser.run(&format!("leasekv.showMessage({number}, true)"));
    let panel = browser.text("#panel .changes");
    let entry = &state["log"]["entries"][0];
    let mid = entry[3].as_str().unwrap();
    assert!(panel.contains("[50]") && panel.contains(mid), "{panel}");
    browser.screenshot("report-message");
}

fn filters_let_through_what_they_say(browser: &Browser, played: &Played) {
    let passing = || browser.number("leasekv.diagram.passing()");
    let all = count(played.of("message"));
    let of_type = |kind: &str| count(played.of("message").filter(|line| line["type"] == kind));
    browser.click("[data-kind=append]");
    assert_eq!(passing(), all - of_type("append"));
    browser.click("[data-kind=append_response]");
    assert_eq!(
        passing(),
        all - of_type("append") - of_type("append_response")
    );
    browser.click("#reset");
    assert_eq!(passing(), all);
    browser.click("[data-replica='0003']");
    let with = |id: &str| {
        count(
            played
                .of("message")
                .filter(|line| line["from"] == id || line["to"] == id),
        )
    };
    assert_eq!(passing(), with("0003"));
    browser.click("#reset");
    browser.click("#client option:nth-child(3)");
    let client = played.one("start")["clients"][1].as_str().unwrap();
    let of_client = count(played.of("message").filter(|line| {
        line["from"] == client
            || line["to"] == client
            || line["data"].to_string().contains(&format!("\"{client}\""))
    }));
    assert_eq!(passing(), of_client);
    browser.click("#reset");
    let key = played
        .of("message")
        .find_map(|line| line["data"]["key"].as_str())
        .unwrap();
    browser.type_into("#search", key);
    browser.click("#only");
    let mids: HashSet<&str> = played
        .of("message")
        .filter(|line| line["data"]["key"] == key)
        .filter_map(|line| line["MID"].as_str())
        .collect();
    let of_key = count(played.of("message").filter(|line| {
        let text = line["data"].to_string();
        mids.iter().any(|mid| text.contains(mid))
    }));
    assert_eq!(passing(), of_key);
    browser.click("#reset");
    assert_eq!(passing(), all);
}

/// Everything that names the attempts of a request lights up, in the order of time.
fn a_request_is_followed(browser: &Browser, played: &Played) {
    // One that was sent elsewhere first.
    let redirected = played
        .of("message")
        .find(|line| line["type"] == "redirect" && line["time_ns"].as_u64() > Some(20_000_000_000))
        .expect("a redirect");
    let mid = redirected["MID"].as_str().unwrap();
    let asked = played
        .of("message")
        .find(|line| line["MID"] == mid)
        .unwrap();
    let request = &asked["request"];
    let attempts: HashSet<&str> = played
        .of("message")
        .filter(|line| line["request"] == *request)
        .filter_map(|line| line["MID"].as_str())
        .collect();
    browser.type_into("#search", mid);
    browser.click("#follow");
    let lit = browser.run(
        "return leasekv.state.followed.steps.filter((it) => it.message !== undefined).map((it) => it.message)",
    );
    let lit: HashSet<u64> = lit
        .as_array()
        .unwrap()
        .iter()
        .filter_map(Value::as_u64)
        .collect();
    let naming = played.of("message").filter(|line| {
        let text = line["data"].to_string();
        attempts.iter().any(|mid| text.contains(mid))
    });
    let mut named = 0;
    for line in naming {
        named += 1;
        assert!(lit.contains(&line["number"].as_u64().unwrap()), "{line}");
    }
    assert!(
        named >= 2 * attempts.len(),
        "each attempt has a request and an answer"
    );
    assert!(attempts.len() >= 2, "it was redirected");
    let steps = browser.run("return leasekv.state.followed.steps.map((it) => [it.time, it.kind])");
    let steps = steps.as_array().unwrap();
    assert!(steps.is_sorted_by_key(|step| step[0].as_u64()));
    if asked["type"] == "put" {
        for kind in ["request", "append", "stored", "ack", "commit", "answer"] {
            assert!(steps.iter().any(|step| step[1] == kind), "{kind}");
        }
    }
    let panel = browser.text("#panel");
    assert!(panel.starts_with(&format!("Request #{request}")), "{panel}");
    browser.screenshot("report-request");
    browser.click("#unfollow");
    assert_eq!(browser.run("return leasekv.state.followed"), Value::Null);
}

/// A click on a lane shows what the replica was at that time.
fn a_lane_tells_its_state(browser: &Browser, played: &Played) {
    browser.run("leasekv.diagram.setView(27.9e9, 28.0e9)");
    browser.drawn();
    let y = browser.number("leasekv.diagram.laneY(2)");
    // A message may cross the lane anywhere: then the click shows that.
    let hit = (300..800).step_by(17).any(|x| {
        browser.click_at("#diagram", (f64::from(x), y + 2.0));
        browser.run("return leasekv.state.lane !== null") == true
    });
    assert!(hit, "messages cover the whole lane");
    let time = browser.number("leasekv.state.lane.time") as u64;
    assert_eq!(browser.number("leasekv.state.lane.replica"), 1.0);
    let panel = browser.text("#panel");
    for field in ["role", "term", "commit"] {
        let told = played.told("0001", time, field);
        let told = told
            .as_str()
            .map_or_else(|| told.to_string(), str::to_owned);
        assert!(
            panel.contains(&format!("{field} {told}")),
            "{field} {told}: {panel}"
        );
    }
    // And at every other moment at which anything changed.
    let mut now: HashMap<&str, [Value; 4]> = HashMap::new();
    let mut moments: HashMap<(&str, u64), [Value; 4]> = HashMap::new();
    for line in played.of("state") {
        let replica = line["replica"].as_str().unwrap();
        let state = now
            .entry(replica)
            .or_insert_with(|| [json!("follower"), json!(0), json!(0), json!(0)]);
        for (place, field) in ["role", "term", "commit"].into_iter().enumerate() {
            if !line[field].is_null() {
                state[place] = line[field].clone();
            }
        }
        if let Some(entries) = line["log"]["entries"].as_array() {
            state[3] = json!(line["log"]["from"].as_u64().unwrap() - 1 + entries.len() as u64);
        }
        moments.insert((replica, line["time_ns"].as_u64().unwrap()), state.clone());
    }
    let moments: Vec<Value> = moments
        .into_iter()
        .map(|((replica, time), state)| json!([replica, time, state]))
        .collect();
    assert!(moments.len() > 1_000);
    let wrong = browser.run(&format!(
        "return {}.filter(([id, time, state]) => {{ \
           const it = leasekv.model.stateAt(leasekv.model.number.get(id), time); \
           const shown = [it.role, it.term, it.commit, it.log.length]; \
           return JSON.stringify(shown) !== JSON.stringify(state); }}).slice(0, 3)",
        json!(moments)
    ));
    assert_eq!(wrong, json!([]));
}

fn fit_buttons_go_there(browser: &Browser, played: &Played) {
    let kill = played
        .of("fault")
        .find(|line| line["kind"] == "kill")
        .expect("a kill");
    let at = kill["time_ns"].as_f64().unwrap();
    let place = browser.number(
        "[...document.querySelectorAll('.event')].findIndex((it) => it.textContent.includes('Kills'))",
    );
    browser.click(&format!(".event:nth-child({})", place + 1.0));
    let (from, to) = (
        browser.number("leasekv.diagram.view.from"),
        browser.number("leasekv.diagram.view.to"),
    );
    assert!(from < at && at < to && to - from < 3e9, "{from} {at} {to}");
    assert!(
        browser
            .text("#panel")
            .starts_with(kill["replica"].as_str().unwrap())
    );
    browser.screenshot("report-kill");
}

/// Of replicas that tell nothing of themselves, everything that the simulator saw is there.
#[test]
#[ignore = "needs Debian's chromium and chromium-driver: cargo test --test browser -- --ignored"]
fn a_foreign_replica_is_drawn_from_outside() {
    let browser = Browser::start();
    let played = Played::new("configs/crash-3.json", 3);
    let outside: Vec<Value> = played
        .lines
        .iter()
        .filter(|line| line["event"] != "state")
        .cloned()
        .collect();
    browser.open(&played.redrawn(&outside));
    assert_eq!(browser.text("#verdict"), "✓ PASSED");
    assert_eq!(
        browser.number("leasekv.model.count"),
        count(played.of("message"))
    );
    assert!(browser.number("leasekv.model.reigns.length") >= 2.0);
    assert!(browser.number("document.querySelectorAll('.event.election').length") >= 2.0);
    // Where no message is near.
    browser.run("leasekv.diagram.setView(2.5e9, 2.501e9)");
    browser.drawn();
    let y = browser.number("leasekv.diagram.laneY(1)");
    browser.click_at("#diagram", (300.0, y + 1.0));
    let panel = browser.text("#panel");
    assert!(panel.contains("does not tell of its state"), "{panel}");
    browser.run("leasekv.showMessage(leasekv.data.messages.kind.findIndex((it) => leasekv.data.kinds[it] === 'append'))");
    assert!(browser.text("#panel").contains("Not known"));
    assert_eq!(browser.complaints(), json!([]));
}

/// Every change of the view is one frame, however many messages there are, and each is drawn.
#[test]
#[ignore = "needs Debian's chromium and chromium-driver: cargo test --test browser -- --ignored"]
fn twenty_thousand_messages_stay_fluid_and_small() {
    let browser = Browser::start();
    let directory = tempfile::tempdir().unwrap();
    let config = directory.path().join("many.json");
    let text = json!({"lifetime": 30, "replicas": 5, "requests": 6000, "mix": 0.5, "drops": 0.05,
        "max_packets": 100_000, "punctual": true, "start_wait": 2, "end_wait": 2,
        "events": [{"type": "part_hard", "time": 5}, {"type": "part_end", "time": 10}],
        "tests": {"benchmarks": {"total_msgs": [1e5, 2e5, 3e5], "failures": [1, 2, 10],
            "duplicates": [1, 3, 10], "median_latency": [0.05, 0.1, 0.2]}}});
    std::fs::write(&config, text.to_string()).unwrap();
    let played = Played::new(config.to_str().unwrap(), 1);
    let messages = count(played.of("message"));
    assert!(messages >= 20_000.0, "{messages}");
    assert!(size(&played) < MAX_PAGE_BYTES);
    browser.open(&played.page());
    assert_eq!(browser.number("leasekv.diagram.shown()"), messages);
    // No element for each message.
    assert!(browser.number("document.querySelectorAll('*').length") < 3_000.0);
    let frames = browser.run(
        "const d = leasekv.diagram; const before = d.frames(); let left = 20; \
         return new Promise((done) => { const next = () => { \
           if (left === 0) { done(d.frames() - before); return; } \
           left -= 1; d.zoom(0.8); d.pan(0.01); d.draw(); requestAnimationFrame(next); }; next(); })",
    );
    assert_eq!(
        frames,
        json!(20),
        "one frame for each step, whatever was asked for in between"
    );
    // Closer up, only what can be seen is looked at.
    let (first, last) = (
        browser
            .number("leasekv.model.visible(leasekv.diagram.view.from, leasekv.diagram.view.to)[0]"),
        browser
            .number("leasekv.model.visible(leasekv.diagram.view.from, leasekv.diagram.view.to)[1]"),
    );
    assert!(last - first < messages / 10.0, "{first} {last}");
    browser.screenshot("report-many");
    assert_eq!(browser.complaints(), json!([]));
}
