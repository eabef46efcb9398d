//! Tests of the course's loop: what is fired when, what a kill takes with it, and who is closed or
//! taken for dead.

use super::*;

/// A run in turns, as the course's: requests a tenth of a second apart from second 1 on.
fn in_turns(changes: Value) -> Stage {
    let mut all = json!({"requests": 50, "punctual": false});
    let changes = changes.as_object().expect("an object").clone();
    all.as_object_mut().expect("an object").extend(changes);
    let mut stage = stage(all).ready();
    stage.fire();
    stage
}

impl Stage {
    /// A replica says something that tells nothing, and the turn ends.
    fn turn(&mut self, seconds: f64) -> Vec<Action<u32>> {
        self.now = Duration::from_secs_f64(seconds);
        let mut actions = self.send(0, self.simulation.leader, Body::Unicast(0, 0));
        actions.retain(|action| !matches!(action, Action::Deliver { .. }));
        actions.extend(self.fire());
        actions
    }
}

fn count(actions: &[Action<u32>]) -> usize {
    requests(actions).len()
}

#[test]
fn nothing_is_fired_before_a_datagram_comes_or_a_tenth_of_a_second_has_passed() {
    let mut stage = in_turns(json!({}));
    let deadline = |stage: &Stage| stage.simulation.next_deadline().as_secs_f64();
    assert_eq!(deadline(&stage), 0.1);
    assert_eq!(count(&stage.until(0.98)), 0, "long waits in vain");
    assert_eq!(deadline(&stage), 1.08);
    assert_eq!(
        count(&stage.until(1.05)),
        0,
        "it is past, but the wait is not over"
    );
    assert_eq!(deadline(&stage), 1.08);
    assert_eq!(count(&stage.until(1.08)), 1);
    assert_eq!(count(&stage.turn(1.09)), 0, "a turn, but nothing is past");
    assert_eq!(deadline(&stage), 1.19);
    assert_eq!(count(&stage.until(1.19)), 1);
    assert_eq!(count(&stage.turn(1.2001)), 1, "a datagram ends the wait");
    // The loop was held up: a burst.
    assert_eq!(count(&stage.until(1.55)), 3);
    let bursts = &stage.simulation.counters.bursts;
    assert_eq!(*bursts, [(1, 3), (3, 1)].into());
}

#[test]
fn a_burst_is_fired_with_nothing_in_between_and_each_at_its_own_time() {
    let mut stage = in_turns(json!({}));
    stage.now = Duration::from_secs_f64(1.25);
    for place in 0..3 {
        stage.now += Duration::from_micros(10);
        assert!(stage.simulation.fire(stage.now), "{place}");
        assert_eq!(count(&stage.actions()), 1);
    }
    assert!(!stage.simulation.fire(stage.now), "the turn is over");
    let history = stage.report().history.expect("it is kept");
    let times: Vec<u128> = history.iter().map(|event| event.time.as_micros()).collect();
    assert_eq!(times, [1_250_010, 1_250_020, 1_250_030]);
}

#[test]
fn a_retry_goes_out_before_anything_is_fired() {
    let mut stage = in_turns(json!({}));
    stage.elect(Id(4));
    stage.fire();
    let (to, first) = requests(&stage.turn(1.0)).remove(0);
    stage.now = Duration::from_secs_f64(1.3);
    let retried = requests(&stage.answer(to, &first, AnswerKind::Redirect));
    assert_eq!(retried.len(), 1);
    assert_eq!(retried[0].1.key, first.key);
    assert_eq!(count(&stage.fire()), 3);
}

#[test]
fn a_punctual_run_fires_everything_at_its_very_time() {
    let mut stage = in_turns(json!({"punctual": true}));
    for request in 0..5 {
        let due = stage.simulation.next_deadline();
        assert_eq!(due.as_millis(), 1000 + 100 * request);
        stage.now = due;
        assert_eq!(count(&stage.fire()), 1);
    }
    assert_eq!(stage.simulation.counters.bursts, [(1, 5)].into());
}

#[test]
fn events_count_in_bursts_where_it_is_said() {
    let mut stage = in_turns(events(&[("part_hard", 0.1), ("part_end", 0.15)]));
    stage.turn(1.12);
    let counters = &stage.simulation.counters;
    assert_eq!(counters.bursts, [(2, 1)].into());
    assert_eq!(counters.bursts_with_events, [(3, 1)].into());
}

#[test]
fn what_the_turn_of_a_kill_handed_to_the_killed_is_doomed() {
    let mut stage = in_turns(json!({"events": [{"type": "kill_leader", "time": 0.2}]}));
    stage.elect(Id(3));
    stage.fire();
    // So that every client knows it.
    let mut clients = std::collections::HashSet::new();
    let (to, early) = requests(&stage.turn(1.0)).remove(0);
    clients.insert(early.client);
    let (_, retried) = requests(&stage.answer(to, &early, AnswerKind::Redirect)).remove(0);
    stage.fire();
    let actions = stage.turn(1.25);
    let fired = requests(&actions);
    assert_eq!(fired.len(), 2, "the one at the tie comes before the kill");
    assert_eq!(kills(&actions), [3]);
    let to_leader = fired.iter().filter(|(to, _)| *to == 3).count() as u64;
    let order = |wanted: fn(&Action<u32>) -> bool| actions.iter().rposition(wanted);
    let kill = order(|action| matches!(action, Action::Kill(_)));
    assert!(order(|action| matches!(action, Action::Request { .. })) < kill);
    let leader_had_one_of_before = stage.simulation.clients.unanswered().doomed == to_leader;
    assert!(
        leader_had_one_of_before,
        "that of the turn before might have been answered"
    );
    // Somebody answers it all the same: it is no failure, and so not doomed.
    for (_, request) in &fired {
        stage.answer(0, request, AnswerKind::Ok);
    }
    stage.answer(0, &retried, AnswerKind::Ok);
    assert_eq!(stage.simulation.clients.unanswered().doomed, 0);
}

#[test]
fn a_retry_of_the_turn_of_a_kill_is_doomed_as_well() {
    let mut stage =
        in_turns(json!({"requests": 1, "events": [{"type": "kill_leader", "time": 0.2}]}));
    stage.elect(Id(3));
    stage.fire();
    let (to, first) = requests(&stage.turn(1.0)).remove(0);
    stage.now = Duration::from_secs_f64(1.21);
    let (to, _) = requests(&stage.answer(to, &first, AnswerKind::Redirect)).remove(0);
    assert_eq!(to, 3);
    assert_eq!(kills(&stage.fire()), [3]);
    let evidence = stage.report().evidence;
    assert_eq!((evidence.unanswered_put, evidence.doomed), (1, 1));
}

#[test]
fn what_clients_lose_is_not_doomed_for_nobody_got_it() {
    let mut stage = in_turns(json!({
        "requests": 1, "client_drops": 1, "events": [{"type": "kill_leader", "time": 0}]
    }));
    stage.elect(Id(3));
    assert_eq!(kills(&stage.turn(1.0)), [3]);
    let evidence = stage.report().evidence;
    assert_eq!((evidence.unanswered_put, evidence.doomed), (1, 0));
}

#[test]
fn who_is_sent_a_message_before_its_hello_is_taken_for_dead_but_goes_on() {
    let mut stage = stage(json!({"events": [{"type": "kill_non_leader", "time": 0}]}));
    for replica in 0..4 {
        stage.send(replica, Id::UNKNOWN, Body::Hello);
    }
    assert_eq!(
        receivers(&stage.send(0, Id(0), Body::Unicast(4, 7))),
        NOBODY
    );
    assert_eq!(stage.counted().0, 1, "it counts");
    stage.send(4, Id::UNKNOWN, Body::Hello);
    assert_eq!(receivers(&stage.send(0, Id(0), Body::Unicast(4, 7))), [4]);
    assert_eq!(
        receivers(&stage.send(4, Id(0), Body::Unicast(1, 7))),
        [1],
        "it is heard"
    );
    let actions = stage.until(6.0);
    assert!(
        kills(&actions)
            .iter()
            .all(|killed| *killed != 4 && *killed != 0)
    );
    assert!(requests(&actions).iter().all(|(to, _)| *to != 4));
    let report = stage.report();
    let said = "replica 0004 counts as died: it was sent something before its hello";
    assert_eq!(report.verdict.errors[0], said);
}

#[test]
fn a_lost_or_cut_message_makes_nobody_dead() {
    let mut stage = stage(json!({"drops": 1}));
    stage.send(0, Id::UNKNOWN, Body::Hello);
    stage.send(0, Id(0), Body::Broadcast(7));
    assert_eq!(stage.report().evidence.deaths, [""; 0]);
}

#[test]
fn who_is_asked_before_its_hello_is_taken_for_dead_and_the_request_stays_unanswered() {
    let mut stage = stage(json!({"requests": 5}));
    let asked = requests(&stage.until(6.0));
    assert_eq!(asked, []);
    let report = stage.report();
    assert_eq!(report.evidence.deaths.len(), 5);
    assert_eq!(
        (report.evidence.unanswered_put, report.evidence.doomed),
        (5, 0)
    );
}

#[test]
fn a_leader_that_is_taken_for_dead_can_be_killed_and_counts_as_died_all_the_same() {
    let mut stage = stage(events(&[("kill_leader", 0.0)]));
    for replica in [0, 1, 2, 4] {
        stage.send(replica, Id::UNKNOWN, Body::Hello);
    }
    stage.send(0, Id(3), Body::Unicast(3, 0));
    stage.send(3, Id::UNKNOWN, Body::Hello);
    assert_eq!(kills(&stage.until(1.0)), [3]);
    assert_eq!(stage.report().evidence.deaths.len(), 1);
}

#[test]
fn who_sends_what_is_no_text_is_closed_and_counts_as_died() {
    let mut stage = stage(json!({})).ready();
    stage.elect(Id(2));
    let (_, put) = requests(&stage.until(1.0)).remove(0);
    let actions = stage.input(Input::Unreadable(2, "empty".to_owned()));
    assert_eq!(kills(&actions), [2]);
    assert_eq!(
        stage.simulation.leader,
        Id(2),
        "nobody is told to forget it"
    );
    stage.answer(2, &put, AnswerKind::Ok);
    assert_eq!(
        stage.simulation.counters.completed, 0,
        "nothing of it is heard"
    );
    assert_eq!(
        receivers(&stage.send(1, Id(2), Body::Unicast(2, 7))),
        NOBODY
    );
    stage.input(Input::Unreadable(2, "empty".to_owned()));
    let report = stage.report();
    assert_eq!(
        report.verdict.errors[..3],
        [
            "replica 0002 is closed and counts as died, for its datagram is empty",
            "1 incorrect messages or values:",
            "  unreadable datagram from 0002: empty",
        ]
    );
}

#[test]
fn of_a_message_that_goes_nowhere_the_leader_is_noted_all_the_same() {
    let mut stage = stage(json!({})).ready();
    stage.send(1, Id(4), Body::Wrong("unknown destination".to_owned()));
    assert_eq!(stage.simulation.leader, Id(4));
    assert_eq!(stage.simulation.counters.incorrect, 1);
    assert_eq!(stage.counted().0, 0);
    stage.send(
        1,
        crate::bench::protocol::roster::Roster::STRANGER,
        Body::Unicast(0, 0),
    );
    let known = stage
        .simulation
        .roster
        .replica_index(stage.simulation.leader);
    assert_eq!(known, None);
}

/// No MID, then the type (`datagram` has these two), then whether it is completed, then whether it is
/// known; what is left counts, whatever its value.
#[test]
fn the_checks_of_an_answer_come_in_the_contracts_order_after_its_leader_is_noted() {
    let mut stage = stage(json!({})).ready();
    let (to, put) = requests(&stage.until(1.0)).remove(0);
    stage.answer(to, &put, AnswerKind::Ok);
    let hear = |stage: &mut Stage, leader: u16, mid: &str| {
        let answer = Answer {
            client: usize::from(put.client.0) - 21,
            kind: AnswerKind::Fail,
            mid: mid.to_owned().into(),
            value: None,
        };
        stage.send(to, Id(leader), Body::Answer(answer));
        assert_eq!(stage.simulation.leader, Id(leader));
        let Counters {
            duplicates,
            incorrect,
            put_failures,
            answer_latencies,
            ..
        } = &stage.simulation.counters;
        (
            *duplicates,
            *incorrect,
            *put_failures,
            answer_latencies.len(),
        )
    };
    let completed = put.mid.as_str();
    assert_eq!(hear(&mut stage, 3, completed), (1, 0, 0, 1));
    assert_eq!(hear(&mut stage, 0xFFFF, "0123456789abcdef"), (1, 1, 0, 1));
    stage.send(to, Id(2), Body::Wrong("no `MID`".to_owned()));
    assert_eq!(stage.simulation.leader, Id(2));
    assert_eq!(hear(&mut stage, 4, completed), (2, 2, 0, 1));
}

#[test]
fn gets_are_counted_as_they_were_drawn_before_the_run() {
    let stage = stage(json!({"mix": 1, "requests": 40}));
    let counters = &stage.simulation.counters;
    assert_eq!((counters.generated_get, counters.generated_put), (40, 0));
    let mut stage = stage.ready();
    for second in 1..7 {
        stage.until(f64::from(second));
    }
    let counters = &stage.report().counters;
    assert_eq!(counters.failed_to_generate_get, 40, "nobody had a key");
    assert_eq!((counters.generated_get, counters.generated_put), (40, 0));
}
