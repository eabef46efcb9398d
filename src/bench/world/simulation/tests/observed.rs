//! Tests of what is seen of a run, for whoever asks why it went so.

use super::*;
use crate::bench::record::observed::{Phase, Unanswered};

/// The requests that are asked until then, all of them to replica 0, which everybody takes for the leader.
fn asked(stage: &mut Stage, seconds: f64) -> Vec<ClientRequest> {
    let asked = requests(&stage.until(seconds)).into_iter();
    asked.map(|(_, request)| request).collect()
}

#[test]
fn who_answers_twice_and_what_is_never_answered_is_known() {
    let mut stage = stage(json!({})).ready();
    stage.elect(Id(0));
    let first = asked(&mut stage, 1.0).remove(0);
    stage.now = Duration::from_millis(1_010);
    stage.answer(2, &first, AnswerKind::Ok);
    stage.now = Duration::from_millis(1_030);
    stage.answer(3, &first, AnswerKind::Ok);
    let seen = stage.report().observed;
    let [twice] = &seen.duplicates[..] else {
        panic!("{:?}", seen.duplicates)
    };
    assert_eq!((twice.by, twice.request), (Id(3), 0));
    assert_eq!(twice.first, (Duration::from_millis(1_010), Id(2)));
    assert_eq!(twice.time, Duration::from_millis(1_030));
    let left: &[Unanswered] = &seen.unanswered;
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn an_attempt_without_an_answer_was_last_seen_where_it_was_handed_to() {
    let mut stage = stage(json!({})).ready();
    stage.elect(Id(0));
    asked(&mut stage, 1.5);
    let seen = stage.report().observed;
    let at: Vec<_> = seen
        .unanswered
        .iter()
        .map(|it| (it.request, it.to))
        .collect();
    assert_eq!(at.len(), 2);
    assert_eq!(at[1].0, 1);
    assert!(at.iter().all(|(_, to)| to.is_some()));
}

#[test]
fn a_put_is_acknowledged_early_only_by_who_has_heard_nothing_since() {
    let mut stage = stage(json!({})).ready();
    stage.elect(Id(1));
    let all = requests(&stage.until(2.0));
    let (alone, first) = all[0].clone();
    stage.answer(alone, &first, AnswerKind::Ok);
    let (to, second) = all[1].clone();
    // Somebody tells it something, and may have told it that a quorum has the put.
    stage.send((to + 1) % 5, Id(1), Body::Unicast(to, 7));
    stage.answer(to, &second, AnswerKind::Ok);
    // It is another one that answers: it can only have the put from the one that was asked.
    let (to, third) = all[2].clone();
    stage.answer((to + 1) % 5, &third, AnswerKind::Ok);
    let seen = stage.report().observed;
    assert_eq!(seen.early.count, 1, "{:?}", seen.early);
    assert_eq!(seen.early.first[0].request, 0);
    assert_eq!(usize::from(seen.early.first[0].by.0), alone);
}

#[test]
fn messages_are_counted_in_the_phase_in_which_they_are_sent() {
    let kill = json!({"events": [
        {"type": "part_easy", "time": 2.75}, {"type": "part_end", "time": 2.8},
        {"type": "kill_leader", "time": 2.9}]});
    let mut stage = stage(kill).ready();
    stage.elect(Id(0));
    stage.until(0.5);
    stage.send(0, Id(0), Body::Broadcast(1));
    stage.until(1.01);
    stage.send(0, Id(0), Body::Unicast(1, 1));
    stage.until(3.76);
    stage.send(0, Id(0), Body::Broadcast(1));
    stage.until(3.95);
    stage.send(1, Id(0), Body::Unicast(2, 1));
    let seen = stage.report().observed;
    assert_eq!(seen.types.len(), 1);
    let phases: Vec<_> = Phase::ALL.iter().map(|it| it.name()).collect();
    assert_eq!(phases, ["idle", "steady", "elections", "partitions"]);
    // The message that elected it was sent while nobody was believed to lead.
    assert_eq!(seen.types[0].phases, [5, 1, 1, 4]);
    assert_eq!(seen.types[0].senders, [10, 1, 0, 0, 0]);
}

#[test]
fn a_leader_is_followed_without_a_fault_or_with_one() {
    let speak = |stage: &mut Stage, replica: usize, seconds: f64| {
        stage.until(seconds);
        let own = stage.simulation.roster.replica(replica);
        stage.send(replica, own, Body::Unicast((replica + 1) % 5, 1));
    };
    let mut quiet = stage(json!({})).ready();
    speak(&mut quiet, 0, 3.0);
    speak(&mut quiet, 1, 4.5);
    speak(&mut quiet, 0, 4.6);
    let seen = quiet.report().observed;
    // And the other way round, after a moment.
    assert_eq!(seen.deposed.count, 2);
    assert_eq!(seen.deposed.first[1].silence, Duration::from_millis(100));
    let deposed = &seen.deposed.first[0];
    assert_eq!((deposed.from, deposed.to), (Id(0), Id(1)));
    assert_eq!(deposed.silence, Duration::from_millis(1_500));
    assert_eq!(seen.two_leaders.count, 0, "the first had long been silent");
    let mut both = stage(json!({})).ready();
    for (turn, replica) in [0, 1, 0, 1].into_iter().enumerate() {
        speak(&mut both, replica, 3.0 + 0.1 * turn as f64);
    }
    let seen = both.report().observed;
    assert_eq!(seen.two_leaders.count, 2);
    // Of one that stands still nothing else can be expected.
    let pause = json!({"events": [{"type": "pause", "time": 1, "replica": "leader"}]});
    let mut paused = stage(pause).ready();
    speak(&mut paused, 0, 1.9);
    speak(&mut paused, 1, 4.9);
    assert_eq!(paused.report().observed.deposed.count, 0);
}

#[test]
fn redirects_are_counted_by_request_and_those_to_the_dead_apart() {
    let kill = json!({"events": [{"type": "kill_leader", "time": 0.25}]});
    let mut stage = stage(kill).ready();
    stage.elect(Id(0));
    let mut all = requests(&stage.until(1.0));
    stage.until(1.25);
    stage.simulation.believe_in(Id(0));
    let (_, mut request) = all.remove(0);
    for turn in 0..4 {
        stage.now = Duration::from_secs_f64(2.0 + 0.2 * f64::from(turn));
        let again = requests(&stage.answer(1, &request, AnswerKind::Redirect));
        request = again.into_iter().next().expect("it asks again").1;
        stage.simulation.believe_in(Id(0));
    }
    let seen = stage.report().observed;
    let redirects = &seen.redirects[&(Id(1), Id(0))];
    assert_eq!((redirects.count, redirects.to_the_dead), (4, 2));
    let most = seen.most_redirected.expect("a request");
    assert_eq!((most.request, most.times), (0, 4));
    assert_eq!(most.hops, [(Id(1), Id(0)); 4]);
}
