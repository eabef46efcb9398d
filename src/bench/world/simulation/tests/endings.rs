//! Tests of how runs end: in time, early, and with dead replicas.

use super::*;

#[test]
fn a_packet_storm_ends_the_run_early() {
    let mut stage = stage(json!({"max_packets": 8})).ready();
    stage.send(0, Id(0), Body::Broadcast(7));
    assert!(!stage.simulation.is_finished());
    stage.send(0, Id(0), Body::Broadcast(7));
    assert!(stage.simulation.is_finished());
    stage.send(0, Id(0), Body::Broadcast(7));
    let report = stage.report();
    assert_eq!(report.counters.total_msgs, 8);
    assert!(report.warnings[0].contains("packet storm"));
}

#[test]
fn a_replica_that_dies_on_its_own_fails_the_run_and_is_dead() {
    let mut stage = stage(json!({})).ready();
    stage.elect(Id(2));
    stage.input(Input::Died(2, "exit status 1".to_owned()));
    assert!(!stage.simulation.is_finished());
    assert!(requests(&stage.until(7.0)).iter().all(|(to, _)| *to != 2));
    let report = stage.report();
    assert!(report.complete && !report.passed());
    assert_eq!(
        report.verdict.errors[0],
        "replica 0002 died on its own: exit status 1"
    );
}

#[test]
fn a_replica_that_dies_before_its_hello_ends_the_run() {
    let mut stage = stage(json!({}));
    stage.input(Input::Died(2, "exit status 1".to_owned()));
    assert!(stage.simulation.is_finished());
    let report = stage.report();
    assert_eq!(
        report.verdict.errors[0],
        "replica 0002 died before its hello: exit status 1"
    );
}

#[test]
fn a_death_counts_even_if_it_is_learnt_after_a_kill_or_after_the_end() {
    let mut stage = stage(events(&[("kill_leader", 0.0)])).ready();
    stage.elect(Id(2));
    assert_eq!(kills(&stage.until(1.0)), [2]);
    stage.input(Input::Died(2, "exit status 1".to_owned()));
    stage.until(7.0);
    assert!(stage.simulation.is_finished());
    stage.input(Input::Died(3, "exit status 2".to_owned()));
    stage.input(Input::LastWords(3, vec!["oh".to_owned(), "no".to_owned()]));
    stage.input(Input::LastWords(2, Vec::new()));
    stage.input(Input::LastWords(4, vec!["it lives".to_owned()]));
    let report = stage.report();
    assert_eq!(
        report.evidence.deaths,
        [
            "replica 0002 died on its own: exit status 1",
            "replica 0003 died on its own: exit status 2",
        ]
    );
    let words = |replica: usize| {
        let death = report.observed.replicas[replica].death.as_ref();
        death.map(|death| death.last_words.clone())
    };
    assert_eq!(words(2), Some(Vec::new()));
    assert_eq!(words(3), Some(vec!["oh".to_owned(), "no".to_owned()]));
    assert_eq!(words(4), None, "it lives");
}

#[test]
fn time_never_runs_backwards_and_the_run_ends_with_its_end_wait() {
    let mut stage = stage(json!({})).ready();
    stage.until(3.0);
    stage.until(2.0);
    assert_eq!(stage.simulation.status().elapsed, Duration::from_secs(3));
    stage.until(6.999);
    assert!(!stage.simulation.is_finished());
    stage.until(7.0);
    assert!(stage.simulation.is_finished());
    let report = stage.report();
    assert_eq!(report.evidence.unanswered_put, 10);
    let history = report.history.unwrap();
    assert_eq!(history.len(), 10);
    assert!(history.is_sorted_by_key(|event| event.time));
}

#[test]
fn a_request_storm_ends_the_run_early() {
    let mut stage = stage(json!({})).ready();
    let (mut to, mut request) = requests(&stage.until(1.0)).remove(0);
    let mut answers = 0;
    while !stage.simulation.is_finished() {
        answers += 1;
        assert!(answers <= MAX_RETRIES + 10, "it goes on for ever");
        let mut again = requests(&stage.answer(to, &request, AnswerKind::Redirect));
        if let Some(next) = again.pop() {
            (to, request) = next;
        }
    }
    let report = stage.report();
    assert!(report.warnings[0].contains("request storm"));
    assert!(answers >= MAX_RETRIES);
}
