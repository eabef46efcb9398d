//! Tests of the faults and events beyond the course's.

use super::*;

/// Pauses and resumptions, as `(paused, replica)`.
fn pauses(actions: &[Action<u32>]) -> Vec<(bool, usize)> {
    let pause = |action: &Action<u32>| match action {
        Action::Pause(replica) => Some((true, *replica)),
        Action::Resume(replica) => Some((false, *replica)),
        _ => None,
    };
    actions.iter().filter_map(pause).collect()
}

fn delays(actions: &[Action<u32>]) -> Vec<Duration> {
    let delay = |action: &Action<u32>| match action {
        Action::Deliver { after, .. } => Some(*after),
        _ => None,
    };
    actions.iter().filter_map(delay).collect()
}

/// A stage with these events that starts with replica 2 as the leader.
fn led(events: Value) -> Stage {
    let mut stage = stage(json!({ "events": events })).ready();
    stage.elect(Id(2));
    stage
}

#[test]
fn messages_are_as_late_as_the_config_says_and_arrive_twice_if_it_says_so() {
    let latency = json!({"type": "uniform", "min_ms": 3, "max_ms": 3});
    let mut stage = stage(json!({"latency": latency, "duplicate": 1})).ready();
    let actions = stage.send(0, Id(0), Body::Unicast(3, 7));
    assert_eq!(receivers(&actions), [3, 3]);
    let late = delays(&actions);
    assert_eq!(late[0], Duration::from_millis(3));
    assert!(late[0] <= late[1] && late[1] <= Duration::from_millis(13));
    assert_eq!(stage.counted(), (1, 0, 0), "a copy is not the sender's");
    let to_all = receivers(&stage.send(0, Id(0), Body::Broadcast(7)));
    assert_eq!(to_all, [1, 1, 2, 2, 3, 3, 4, 4]);
}

#[test]
fn requests_and_answers_get_lost_between_clients_and_replicas_and_stay_unanswered() {
    let mut deaf = stage(json!({"client_drops": 1})).ready();
    assert_eq!(requests(&deaf.until(2.0)), []);
    assert_eq!(deaf.simulation.counters.client_lost, 3);
    assert_eq!(receivers(&deaf.send(0, Id(0), Body::Unicast(3, 7))), [3]);

    let mut lossy = stage(json!({"client_drops": 0.5, "requests": 1000})).ready();
    let mut arrived = 0;
    for tenth in 10..=60 {
        for (to, request) in requests(&lossy.until(f64::from(tenth) / 10.0)) {
            arrived += 1;
            lossy.answer(to, &request, AnswerKind::Ok);
        }
    }
    let Counters {
        generated_put,
        completed,
        client_lost,
        ..
    } = lossy.simulation.counters;
    assert!((400..600).contains(&arrived), "half, not {arrived}");
    assert!((200..300).contains(&completed), "a quarter: {completed}");
    assert_eq!(client_lost, generated_put - completed);
    assert_eq!(lossy.counted(), (0, 0, 0));
    let evidence = lossy.report().evidence;
    assert_eq!(evidence.unanswered_put, generated_put - completed);
    assert_eq!(evidence.doomed, 0);
}

#[test]
fn an_isolated_leader_is_alone_and_forgotten() {
    let mut stage = led(json!([{"type": "isolate_leader", "time": 0}]));
    stage.until(1.0);
    assert_eq!(stage.simulation.leader, Id::UNKNOWN);
    assert_eq!(receivers(&stage.send(2, Id(2), Body::Broadcast(7))), NOBODY);
    assert_eq!(stage.simulation.leader, Id::UNKNOWN, "it does not count");
    let others = receivers(&stage.send(0, Id(0), Body::Broadcast(7)));
    assert_eq!(others, [1, 3, 4]);
    assert_eq!(stage.simulation.leader, Id(0));

    let mut leaderless = self::stage(events(&[("isolate_leader", 0.0)])).ready();
    leaderless.until(1.0);
    assert!(!leaderless.simulation.network.is_split());
}

#[test]
fn a_split_has_the_sides_it_names_and_forgets_a_leader_outside_of_the_majority() {
    let split = |sides: Value| led(json!([{"type": "split", "time": 0, "sides": sides}]));
    let mut kept = split(json!([["0000"], ["0001", "0002", "0003"]]));
    kept.until(1.0);
    assert_eq!(kept.simulation.leader, Id(2));
    assert_eq!(receivers(&kept.send(2, Id(2), Body::Broadcast(7))), [1, 3]);
    assert_eq!(receivers(&kept.send(4, Id(4), Body::Broadcast(7))), NOBODY);
    let mut lost = split(json!([["0002", "0003"], ["0000", "0001", "0004"]]));
    lost.until(1.0);
    assert_eq!(lost.simulation.leader, Id::UNKNOWN);
    let mut nobody = split(json!([["0002", "0003"], ["0000", "0001"]]));
    nobody.until(1.0);
    nobody.send(2, Id(2), Body::Broadcast(7));
    assert_eq!(nobody.simulation.leader, Id::UNKNOWN, "no side counts");
}

#[test]
fn a_cut_works_one_way_and_part_end_ends_it() {
    let mut stage = led(json!([
        {"type": "cut", "time": 0, "from": "leader", "to": "0004"},
        {"type": "part_end", "time": 1}
    ]));
    stage.until(1.0);
    assert_eq!(stage.simulation.leader, Id(2), "a cut forgets nobody");
    assert_eq!(
        receivers(&stage.send(2, Id(2), Body::Broadcast(7))),
        [0, 1, 3]
    );
    assert_eq!(receivers(&stage.send(4, Id(2), Body::Unicast(2, 7))), [2]);
    assert_eq!(stage.counted().2, 1);
    assert!(stage.simulation.status().split);
    stage.until(2.0);
    assert_eq!(receivers(&stage.send(2, Id(2), Body::Unicast(4, 7))), [4]);
}

#[test]
fn a_random_end_of_a_cut_is_never_the_other_end() {
    for (from, to) in [
        ("leader", "random"),
        ("random", "leader"),
        ("random", "random"),
    ] {
        for seed in 0..50 {
            let cut = json!([{"type": "cut", "time": 0, "from": from, "to": to}]);
            let mut stage = stage_with_seed(json!({ "events": cut }), seed).ready();
            stage.elect(Id(2));
            stage.until(1.0);
            assert!(stage.simulation.network.is_split(), "{from} {to} {seed}");
        }
    }
}

#[test]
fn a_pause_ends_after_its_duration_at_its_very_time() {
    let mut stage =
        led(json!([{"type": "pause", "time": 0.125, "replica": "leader", "duration": 0.125}]));
    assert_eq!(pauses(&stage.until(1.125)), [(true, 2)]);
    assert_eq!(
        stage.simulation.leader,
        Id(2),
        "it is not known to be paused"
    );
    assert_eq!(
        stage.simulation.next_deadline(),
        Duration::from_millis(1250)
    );
    assert_eq!(pauses(&stage.until(1.2499)), []);
    assert_eq!(pauses(&stage.until(1.25)), [(false, 2)]);
    assert_eq!(pauses(&stage.until(6.0)), []);
}

#[test]
fn a_pause_without_duration_ends_when_its_replica_or_everybody_is_resumed() {
    let mut stage = led(json!([
        {"type": "pause", "time": 0, "replica": "0001"},
        {"type": "pause", "time": 0, "replica": "0003"},
        {"type": "pause", "time": 0, "replica": "0003", "duration": 0.5},
        {"type": "resume", "time": 1, "replica": "0001"},
        {"type": "resume", "time": 1, "replica": "0004"},
        {"type": "resume", "time": 2}
    ]));
    assert_eq!(pauses(&stage.until(1.0)), [(true, 1), (true, 3)]);
    assert_eq!(pauses(&stage.until(1.9)), [], "the longer pause counts");
    assert_eq!(pauses(&stage.until(2.0)), [(false, 1)]);
    assert_eq!(pauses(&stage.until(3.0)), [(false, 3)]);
}

#[test]
fn the_dead_are_neither_paused_nor_resumed() {
    let mut stage = led(json!([
        {"type": "pause", "time": 0, "replica": "leader", "duration": 1},
        {"type": "kill_leader", "time": 0.5},
        {"type": "pause", "time": 0.6, "replica": "0002"},
        {"type": "pause", "time": 0.6, "replica": "leader"}
    ]));
    assert_eq!(pauses(&stage.until(1.0)), [(true, 2)]);
    assert_eq!(kills(&stage.until(1.5)), [2]);
    assert_eq!(pauses(&stage.until(6.0)), []);
}

#[test]
fn a_random_pause_hits_whom_the_seed_says() {
    let paused = |seed| {
        let pause = json!([{"type": "pause", "time": 0, "replica": "random"}]);
        let mut stage = stage_with_seed(json!({ "events": pause }), seed).ready();
        pauses(&stage.until(1.0))
    };
    assert_eq!(paused(1), paused(1));
    let hit: std::collections::HashSet<_> = (0..50).map(|seed| paused(seed)[0].1).collect();
    assert_eq!(hit.len(), 5);
}

/// What is stopped and started, as `(word, replica)`.
fn stops(actions: &[Action<u32>]) -> Vec<(&'static str, usize)> {
    let stop = |action: &Action<u32>| match *action {
        Action::Kill(replica) => Some(("kill", replica)),
        Action::Stop(replica) => Some(("stop", replica)),
        Action::Start { replica, wiped } => Some((if wiped { "empty" } else { "start" }, replica)),
        _ => None,
    };
    actions.iter().filter_map(stop).collect()
}

#[test]
fn who_is_stopped_starts_again_in_time_and_clients_know() {
    let mut stage = led(json!([
        {"type": "crash", "time": 1, "replica": "leader", "down": 0.5},
        {"type": "crash", "time": 1.2, "replica": "0002", "down": 9},
        {"type": "restart", "time": 2, "replica": "0001", "down": 0.25},
        {"type": "wipe", "time": 3, "replica": "0003", "down": 0}
    ]));
    // Events count from the end of the start wait.
    let mut seen = Vec::new();
    for quarter in 1..=40 {
        let time = f64::from(quarter) / 4.0;
        let stopped = stops(&stage.until(time));
        seen.extend(stopped.into_iter().map(|(word, who)| (time, word, who)));
    }
    let words: Vec<_> = seen.iter().map(|&(_, word, who)| (word, who)).collect();
    let expected = [
        ("kill", 2),
        ("start", 2),
        ("stop", 1),
        ("start", 1),
        ("kill", 3),
        ("empty", 3),
    ];
    assert_eq!(words, expected, "{seen:?}");
    assert_eq!(seen[1].0 - seen[0].0, 0.5);
    assert_eq!(seen[3].0 - seen[2].0, 0.25);
    assert!((0..5).all(|replica| stage.simulation.standings.is_alive(replica)));
}

#[test]
fn a_power_loss_stops_all_that_live() {
    let mut stage = led(json!([
        {"type": "kill_leader", "time": 1},
        {"type": "power_loss", "time": 2, "down": 0.5}
    ]));
    let times = (1..=40).map(|quarter| f64::from(quarter) / 4.0);
    let stopped: Vec<_> = times.flat_map(|time| stops(&stage.until(time))).collect();
    let all = |word| [0, 1, 3, 4].map(|replica| (word, replica));
    let expected: Vec<_> = std::iter::once(("kill", 2))
        .chain(all("kill"))
        .chain(all("start"))
        .collect();
    assert_eq!(stopped, expected);
}
