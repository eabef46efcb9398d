//! Pages of what our own replicas do not do, told into the trace of a run.

use serde_json::{Value, json};

use crate::traces::Played;
use crate::webdriver::Browser;

/// The types of foreign messages are any texts: those of built-in properties, and such with every
/// remainder that a hash can have.
#[test]
#[ignore = "needs Debian's chromium and chromium-driver: cargo test --test browser -- --ignored"]
fn any_type_of_message_is_drawn() {
    let browser = Browser::start();
    let played = Played::new("configs/crash-3.json", 3);
    let mut lines = played.lines.clone();
    let names = [
        "constructor",
        "__proto__",
        "toString",
        "",
        "</script><b>",
        "é\u{2028}",
    ];
    let peers = lines
        .iter_mut()
        .filter(|line| line["event"] == "message" && line["MID"].is_null());
    for (place, line) in peers.enumerate() {
        line["type"] = match names.get(place % 12) {
            Some(name) => json!(name),
            None => json!(format!("t{}", place % 97)),
        };
    }
    browser.open(&played.redrawn(&lines));
    assert_eq!(browser.text("#verdict"), "✓ PASSED");
    let shown = browser.number("leasekv.diagram.shown()");
    assert_eq!(shown, played.of("message").count() as f64);
    let chips = browser.number("document.querySelectorAll('.kinds .chip').length");
    assert!(chips <= 25.0, "rare types share a chip: {chips}");
    assert_eq!(browser.run("return {}.polluted"), Value::Null);
    assert_eq!(browser.complaints(), json!([]));
}

/// Each of two kills at the same moment has its own outage, button and lane.
#[test]
#[ignore = "needs Debian's chromium and chromium-driver: cargo test --test browser -- --ignored"]
fn two_kills_at_the_same_moment_are_told_apart() {
    let browser = Browser::start();
    let played = Played::new("configs/crash-3.json", 3);
    let mut lines = played.lines.clone();
    let place = lines.iter().position(|line| line["kind"] == "kill");
    let place = place.expect("crash-3 kills the leader");
    let mut second = lines[place].clone();
    let first = second["replica"].as_str().unwrap().to_owned();
    let other = if first == "0000" { "0001" } else { "0000" };
    second["replica"] = json!(other);
    second["text"] = json!(format!("kills the leader, replica {other}"));
    lines.insert(place + 1, second);
    browser.open(&played.redrawn(&lines));
    for (row, replica) in [(1, first.as_str()), (2, other)] {
        browser.click(&format!(".outages tbody tr:nth-child({row}) .link"));
        let panel = browser.text("#panel");
        assert!(panel.starts_with(replica), "{replica}: {panel}");
    }
    assert_eq!(browser.complaints(), json!([]));
}

/// A put may be answered by any replica; what follows it copes with that, by the keys, too.
#[test]
#[ignore = "needs Debian's chromium and chromium-driver: cargo test --test browser -- --ignored"]
fn an_answer_of_a_follower_belongs_to_its_request() {
    let browser = Browser::start();
    let played = Played::new("configs/simple-2.json", 2);
    let mut lines = played.lines.clone();
    let asked = played.of("message").filter(|line| line["type"] == "put");
    let mids: Vec<&str> = asked.filter_map(|line| line["MID"].as_str()).collect();
    let is_ok = |line: &&mut Value| {
        line["type"] == "ok" && line["MID"].as_str().is_some_and(|mid| mids.contains(&mid))
    };
    let answer = lines.iter_mut().find(is_ok).expect("a put is answered");
    let follower = if answer["from"] == "0000" {
        "0001"
    } else {
        "0000"
    };
    answer["from"] = json!(follower);
    answer["data"]["src"] = json!(follower);
    let (number, mid) = (answer["number"].clone(), answer["MID"].clone());
    browser.open(&played.redrawn(&lines));
    // The message is chosen, then the key follows its request.
    browser.run(&format!("leasekv.showMessage({number}, true)"));
    browser.type_into("#diagram", "f");
    let steps = browser
        .run("return leasekv.state.followed.steps.map((it) => [it.kind, it.message, it.text])");
    let steps = steps.as_array().unwrap();
    let last = steps
        .iter()
        .find(|step| step[1] == number)
        .expect("it lights up");
    assert_eq!(last[0], "answer");
    assert!(last[2].as_str().unwrap().starts_with(follower), "{last}");
    for kind in ["request", "append", "stored", "ack", "commit"] {
        assert!(steps.iter().any(|step| step[0] == kind), "{kind}");
    }
    assert!(browser.text("#panel").contains(mid.as_str().unwrap()));
    // And the keys show the replicas one after the other.
    for replica in ["0000", "0001"] {
        browser.type_into("#diagram", "l");
        let panel = browser.text("#panel");
        assert!(panel.starts_with(replica), "{replica}: {panel}");
    }
    assert_eq!(browser.complaints(), json!([]));
}

/// Of replicas that tell nothing, the picture has what their messages say: their terms, under the key that
/// is asked for. A dead one leads no more, whatever the others still say.
#[test]
#[ignore = "needs Debian's chromium and chromium-driver: cargo test --test browser -- --ignored"]
fn terms_and_deaths_of_strangers_are_seen() {
    let browser = Browser::start();
    let played = Played::new("configs/crash-3.json", 3);
    let kill = played.of("fault").find(|line| line["kind"] == "kill");
    let kill = kill.expect("crash-3 kills the leader").clone();
    let time = kill["time_ns"].as_u64().unwrap();
    let mut lines: Vec<Value> = (played.lines.iter())
        .filter(|line| line["event"] != "state")
        // The others go on naming the dead leader for good.
        .filter(|line| line["event"] != "leader" || line["time_ns"].as_u64() < Some(time))
        .cloned()
        .collect();
    for line in &mut lines {
        if line["event"] == "message" && line["MID"].is_null() {
            line["data"]["epoch"] = json!(41);
        }
    }
    let page = played.redrawn_with(&lines, &["--term-key", "epoch"]);
    browser.open(&page);
    let reigns = browser.run("return leasekv.model.reigns.map((it) => [it.term, it.to])");
    let reigns = reigns.as_array().unwrap();
    assert!(!reigns.is_empty());
    for reign in reigns {
        assert_eq!(reign[0], 41);
        assert!(reign[1].as_u64() <= Some(time), "it is dead: {reign}");
    }
    assert_eq!(browser.complaints(), json!([]));
}

/// Types of which the page has no idea look different from each other.
#[test]
#[ignore = "needs Debian's chromium and chromium-driver: cargo test --test browser -- --ignored"]
fn strange_types_look_different() {
    let browser = Browser::start();
    let played = Played::new("configs/simple-1.json", 3);
    let mut lines = played.lines.clone();
    let peers = lines
        .iter_mut()
        .filter(|line| line["event"] == "message" && line["MID"].is_null());
    for (place, line) in peers.enumerate() {
        line["type"] = json!(format!("kind-{}", place % 12));
    }
    browser.open(&played.redrawn(&lines));
    let looks = browser
        .number("new Set(leasekv.data.kinds.map((it) => JSON.stringify(leasekv.style(it)))).size");
    let kinds = browser.number("leasekv.data.kinds.length");
    assert_eq!(looks, kinds);
    assert_eq!(browser.complaints(), json!([]));
}
