//! Tests of reading configs, and small configs for tests elsewhere.

use super::*;
use serde_json::json;

/// A small valid config, for tests here and elsewhere.
pub(crate) fn example() -> Value {
    json!({
        "lifetime": 5, "replicas": 5, "requests": 10,
        "tests": {"benchmarks": {
            "total_msgs": [10, 20, 30], "failures": [0, 1, 2],
            "duplicates": [0, 2, 5], "median_latency": [0.001, 0.005, 0.05]
        }}
    })
}

/// `example()` with some keys replaced, as a config.
pub(crate) fn config(changes: Value) -> Config {
    let mut value = example();
    merge(&mut value, changes);
    parse(&value).unwrap()
}

fn merge(into: &mut Value, changes: Value) {
    match (into, changes) {
        (Value::Object(into), Value::Object(changes)) => {
            for (key, change) in changes {
                merge(into.entry(key).or_insert(Value::Null), change);
            }
        }
        (into, change) => *into = change,
    }
}

fn parse(value: &Value) -> Result<Config, ConfigError> {
    Config::parse(value.to_string().as_bytes(), "f.json", "f".to_owned())
}

#[test]
fn what_is_left_out_has_the_contracts_defaults() {
    let config = config(json!({}));
    assert_eq!(config.mix, 0.8);
    assert_eq!(config.start_wait, Duration::from_secs(5));
    assert_eq!(config.end_wait, Duration::from_secs(2));
    assert_eq!(config.total(), Duration::from_secs(12));
    assert_eq!(config.drops, 0.0);
    assert_eq!(config.max_packets, 20_000);
    assert_eq!(config.seed, None);
    assert!(config.events.is_empty());
    assert_eq!(config.maximum_get_fail_fraction, 0.5);
    assert_eq!(config.maximum_put_fail_fraction, 0.5);
    assert_eq!(config.maximum_get_generation_fail_fraction, 0.1);
    assert_eq!(config.maximum_appends_batched_fraction, 0.5);
}

#[test]
fn the_stray_key_at_the_top_level_is_accepted_and_ignored() {
    let config = config(json!({"maximum_get_generation_fail_fraction": 0.2}));
    assert_eq!(config.maximum_get_generation_fail_fraction, 0.1);
    config_with_the_key_in_its_place();
}

fn config_with_the_key_in_its_place() {
    let config = config(json!({"tests": {"maximum_get_generation_fail_fraction": 0.2}}));
    assert_eq!(config.maximum_get_generation_fail_fraction, 0.2);
}

#[test]
fn events_come_in_time_order_and_may_share_a_time() {
    let config = config(json!({"events": [
        {"type": "part_end", "time": 4.5}, {"type": "part_hard", "time": 0},
        {"type": "kill_leader", "time": 4.5}, {"type": "kill_non_leader", "time": 7}
    ]}));
    let kinds: Vec<_> = config
        .events
        .iter()
        .map(|event| event.kind.name())
        .collect();
    assert_eq!(
        kinds,
        ["part_hard", "part_end", "kill_leader", "kill_non_leader"]
    );
    assert_eq!(config.events[1].time, Duration::from_millis(4500));
}

#[test]
fn every_wrong_value_is_named_with_its_file_its_key_and_what_is_allowed() {
    for (changes, said) in [
        (
            json!({"lifetime": 4.9}),
            "f.json: lifetime = 4.9: a number from 5 to 86400 seconds",
        ),
        (
            json!({"lifetime": "30"}),
            "f.json: lifetime = \"30\": a number from 5",
        ),
        (
            json!({"replicas": 2}),
            "f.json: replicas = 2: a whole number from 3 to 21",
        ),
        (
            json!({"replicas": 22}),
            "f.json: replicas = 22: a whole number from 3 to 21",
        ),
        (
            json!({"replicas": 5.5}),
            "f.json: replicas = 5.5: a whole number",
        ),
        (
            json!({"requests": -1}),
            "f.json: requests = -1: a whole number from 0 to 1000000",
        ),
        (
            json!({"requests": 1_000_001}),
            "f.json: requests = 1000001: a whole number",
        ),
        (
            json!({"mix": 1.1}),
            "f.json: mix = 1.1: a number from 0 to 1",
        ),
        (
            json!({"drops": -0.1}),
            "f.json: drops = -0.1: a number from 0 to 1",
        ),
        (
            json!({"drops": null}),
            "f.json: drops = null: a number from 0 to 1",
        ),
        (
            json!({"start_wait": -1}),
            "f.json: start_wait = -1: a number from 0",
        ),
        (
            json!({"end_wait": 1e9}),
            "f.json: end_wait = 1000000000.0: a number from 0",
        ),
        (
            json!({"max_packets": 0}),
            "f.json: max_packets = 0: a whole number from 1",
        ),
        (json!({"seed": 1.5}), "f.json: seed = 1.5: a whole number"),
        (
            json!({"wait": 3}),
            "f.json: wait = 3: this key is called start_wait",
        ),
        (
            json!({"colour": 3}),
            "f.json: colour = 3: unknown key; known are lifetime, ",
        ),
        (json!({"tests": 3}), "f.json: tests = 3: an object"),
        (
            json!({"tests": {"x": 3}}),
            "f.json: tests.x = 3: unknown key; known are benchmarks",
        ),
        (
            json!({"tests": {"maximum_put_fail_fraction": 2}}),
            "f.json: tests.maximum_put_fail_fraction = 2: a number from 0 to 1",
        ),
        (
            json!({"tests": {"benchmarks": {"speed": []}}}),
            "f.json: tests.benchmarks.speed = []: unknown key; known are total_msgs, failures",
        ),
        (
            json!({"tests": {"benchmarks": {"failures": [1, 2]}}}),
            "f.json: tests.benchmarks.failures = [1,2]: three numbers from 0",
        ),
        (
            json!({"tests": {"benchmarks": {"failures": [3, 2, 4]}}}),
            "f.json: tests.benchmarks.failures = [3,2,4]: three numbers from 0",
        ),
        (
            json!({"tests": {"benchmarks": {"failures": [-1, 2, 4]}}}),
            "f.json: tests.benchmarks.failures = [-1,2,4]: three numbers from 0",
        ),
        (
            json!({"events": {}}),
            "f.json: events = {}: a list of at most 1000 events",
        ),
        (json!({"events": [7]}), "f.json: events[0] = 7: an event"),
        (
            json!({"events": [{"type": "rain", "time": 1}]}),
            "f.json: events[0].type = \"rain\": one of kill_leader, kill_non_leader, part_easy",
        ),
        (
            json!({"events": [{"time": 1}]}),
            "f.json: events[0].type is missing: one of",
        ),
        (
            json!({"events": [{"type": "part_end"}]}),
            "f.json: events[0].time is missing: a num",
        ),
        (
            json!({"events": [{"type": "part_end", "time": -0.1}]}),
            "f.json: events[0].time = -0.1: a number from 0 to 1000000000 seconds",
        ),
        (
            json!({"events": [{"type": "part_end", "time": 1, "who": 1}]}),
            "f.json: events[0].who = 1: unknown key; known are type, time",
        ),
    ] {
        let mut value = example();
        merge(&mut value, changes);
        let error = parse(&value).expect_err(said).to_string();
        assert!(error.starts_with(said), "{error}");
        assert!(!error.contains('\n'));
    }
}

#[test]
fn every_required_key_is_missed() {
    for key in ["lifetime", "replicas", "requests", "tests"] {
        let mut value = example();
        value.as_object_mut().unwrap().remove(key);
        let error = parse(&value).unwrap_err().to_string();
        assert!(
            error.starts_with(&format!("f.json: {key} is missing: ")),
            "{error}"
        );
    }
    for metric in Metric::ALL {
        let mut value = example();
        let benchmarks = value["tests"]["benchmarks"].as_object_mut().unwrap();
        benchmarks.remove(metric.name());
        let error = parse(&value).unwrap_err().to_string();
        let said = format!(
            "f.json: tests.benchmarks.{} is missing: three",
            metric.name()
        );
        assert!(error.starts_with(&said), "{error}");
    }
}

#[test]
fn what_is_not_a_json_object_is_said() {
    let error = |text: &str| {
        Config::parse(text.as_bytes(), "f.json", String::new())
            .unwrap_err()
            .to_string()
    };
    assert_eq!(error("[1]"), "f.json: [1]: a config is a JSON object");
    assert!(error("{\n \"a\": }").starts_with("f.json: not JSON: "));
    assert!(error("{\n \"a\": }").ends_with("at line 2 column 7"));
}

#[test]
fn what_is_odd_but_harmless_is_accepted() {
    assert_eq!(config(json!({"seed": -3})).seed, Some(u64::MAX - 2));
    assert_eq!(config(json!({"seed": u64::MAX})).seed, Some(u64::MAX));
    let huge: Value = serde_json::from_str("-123456789012345678901234567890").unwrap();
    assert!(config(json!({"seed": huge})).seed.is_some());
    let late = config(json!({"events": [{"type": "kill_leader", "time": 7.1}]}));
    assert_eq!(late.events.len(), 1);
    let equal = config(json!({"tests": {"benchmarks": {"failures": [0, 0, 0]}}}));
    assert_eq!(equal.benchmarks[1], [0.0; 3]);
}

#[test]
fn a_file_is_read_up_to_a_limit_whatever_length_it_claims() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("f.json");
    let mut text = example().to_string();
    text.push_str(&" ".repeat(MAX_FILE_BYTES as usize - text.len()));
    std::fs::write(&file, &text).unwrap();
    assert_eq!(Config::load(&file).unwrap(), config(json!({})));
    std::fs::write(&file, text + " ").unwrap();
    let error = Config::load(&file).unwrap_err().to_string();
    assert!(error.ends_with("larger than 1048576 bytes"), "{error}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_file_without_an_end_is_too_large() {
    let error = Config::load(Path::new("/dev/zero"))
        .unwrap_err()
        .to_string();
    assert_eq!(error, "/dev/zero: larger than 1048576 bytes");
}

mod faults;
