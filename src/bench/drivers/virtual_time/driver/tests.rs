//! Tests of clocks, of the order in which things arrive, and of what waits for a paused replica.

use serde_json::{Value, json};

use super::*;
use crate::bench::config::{Config, tests};
use crate::bench::drivers::virtual_time::clocked::TRUE_RATE_PPB;
use crate::kv::{Operation, Request};

fn config(changes: Value) -> Arc<Config> {
    Arc::new(tests::config(changes))
}

#[test]
fn clocks_run_at_different_rates_within_what_the_config_says() {
    let rates = |changes| -> Vec<u64> {
        let order = Order {
            keep_history: false,
            ..Order::new(config(changes), 1)
        };
        let cores = Driver::new(&order).cores;
        cores.iter().map(|core| core.clock_rate_ppb).collect()
    };
    assert_eq!(rates(json!({})), [TRUE_RATE_PPB; 5]);
    let mut drifting = rates(json!({"clock_drift_ppm": 500}));
    let bounds = TRUE_RATE_PPB - 500_000..=TRUE_RATE_PPB + 500_000;
    assert!(drifting.iter().all(|rate| bounds.contains(rate)));
    drifting.dedup();
    assert_eq!(drifting.len(), 5);
}

#[test]
fn what_is_delayed_is_overtaken_and_what_is_not_keeps_its_order() {
    let order = Order {
        keep_history: false,
        ..Order::new(config(json!({})), 1)
    };
    let mut driver = Driver::new(&order);
    for (number, after_ms) in [(0, 5), (1, 0), (2, 0), (3, 2), (4, 0)] {
        let parcel = Parcel(0, CoreInput::Request(get(number)), 0);
        driver.post(parcel, Duration::from_millis(after_ms));
    }
    let mut arrived = Vec::new();
    while let Some(parcel) = driver.queue.pop() {
        if let Parcel(_, CoreInput::Request(request), _) = parcel {
            arrived.push(request.mid);
        }
    }
    assert_eq!(arrived, ["1", "2", "4", "3", "0"]);
}

#[test]
fn for_a_paused_replica_300_datagrams_wait_and_the_rest_is_lost() {
    let order = Order {
        keep_history: false,
        ..Order::new(config(json!({})), 1)
    };
    let mut driver = Driver::new(&order);
    driver.cores[0].paused = Some(VecDeque::new());
    for number in 0..400 {
        let parcel = Parcel(0, CoreInput::Request(get(number)), 0);
        driver.queue.push(Duration::ZERO, parcel);
        driver.arrive();
    }
    assert_eq!(driver.steps, 0);
    assert_eq!(
        driver.cores[0].paused.as_ref().map(VecDeque::len),
        Some(300)
    );
    driver.now = Duration::from_millis(1);
    driver.resume(0);
    assert_eq!(driver.steps, 1, "all at once");
    let waiting = driver.cores[0].replica.view().service().waiting();
    assert_eq!(waiting, 300, "held for want of a leader");
}

fn get(number: usize) -> Request {
    Request {
        client: Id(0x15),
        mid: number.to_string(),
        operation: Operation::Get {
            key: "k".to_owned(),
        },
    }
}
