//! Tests of the workload in which all clients share their keys.

use std::collections::HashSet;

use super::*;

fn bench(clients: usize, shared_keys: usize) -> Bench {
    let workload = Workload {
        mix: 0.5,
        shared_keys,
        own_values_are_current: false,
    };
    Bench::with(Roster::new(5).with_clients(clients), workload)
}

#[test]
fn gets_and_puts_choose_evenly_among_the_keys_that_all_share() {
    let mut bench = bench(8, 4);
    let mut asked: HashMap<(&str, String), HashSet<Id>> = HashMap::new();
    let mut counts: HashMap<(&str, String), usize> = HashMap::new();
    for _ in 0..4000 {
        let made = bench.make().request;
        let what = (made.op.name(), made.key.to_string());
        asked.entry(what.clone()).or_default().insert(made.client);
        *counts.entry(what).or_default() += 1;
    }
    assert_eq!(asked.len(), 8, "four keys, got and put");
    assert!(asked.values().all(|clients| clients.len() == 8));
    let even = |count: &usize| (400..600).contains(count);
    assert!(counts.values().all(even), "{counts:?}");
    assert_eq!(bench.counters.failed_to_generate_get, 0);
    assert!(!bench.clients.have_stored(), "nothing was acknowledged");
}

#[test]
fn no_value_is_put_twice_and_each_names_its_client_and_request() {
    let mut bench = bench(64, 1);
    let mut values = HashSet::new();
    let mut clients = HashSet::new();
    for number in 0..1000 {
        let made = bench.make().request;
        clients.insert(made.client);
        if let Some(value) = &made.value {
            assert_eq!(**value, format!("{}-{number}", made.client));
            assert!(values.insert(value.clone()));
        }
    }
    assert_eq!(clients.len(), 64);
}

#[test]
fn a_get_may_give_anothers_value_but_must_give_one() {
    let mut bench = bench(8, 1);
    for _ in 0..50 {
        let made = bench.make().request;
        let client = usize::from(made.client.0) - 21;
        if made.op == Op::Get && client < 8 {
            let done = bench.hear(&made, AnswerKind::Ok, Some("0016-4711"));
            assert_eq!(done, Reaction::Completed(Op::Get));
        }
    }
    let get = loop {
        let made = bench.make().request;
        if made.op == Op::Get {
            break made;
        }
    };
    let without = bench.hear(&get, AnswerKind::Ok, None);
    assert!(matches!(without, Reaction::Wrong(_)), "{without:?}");
}

#[test]
fn own_values_are_expected_of_the_courses_workload_without_client_losses_only() {
    let expected = |changes| {
        let config = crate::bench::config::tests::config(changes);
        Workload::of(&config).own_values_are_current
    };
    assert!(expected(serde_json::json!({})));
    assert!(!expected(serde_json::json!({"shared_keys": 1})));
    assert!(!expected(serde_json::json!({"client_drops": 0.01})));
}
