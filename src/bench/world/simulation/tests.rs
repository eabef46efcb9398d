//! Tests of the rules that need no replica to be checked.

use std::borrow::Cow;

use serde_json::{Value, json};

use super::*;
use crate::bench::config::tests::config;
use crate::bench::protocol::message::{Answer, AnswerKind, Body, ClientRequest, Envelope};
use crate::bench::verdict::report::Report;

const NOBODY: [usize; 0] = [];

/// A run whose replicas are played by the test.
struct Stage {
    simulation: Simulation<u32>,
    now: Duration,
}

/// Five replicas, 10 requests from second 1 on, one every half second, puts only; punctual, unless the
/// changes say otherwise.
fn stage(changes: Value) -> Stage {
    stage_with_seed(changes, 1)
}

fn stage_with_seed(changes: Value, seed: u64) -> Stage {
    let mut all = json!({"start_wait": 1, "end_wait": 1, "mix": 0, "punctual": true});
    let (Value::Object(all_keys), Value::Object(changes)) = (&mut all, changes) else {
        panic!("changes are an object")
    };
    all_keys.extend(changes);
    let config = config(all);
    Stage {
        simulation: Simulation::new(Arc::new(config), seed, true),
        now: Duration::ZERO,
    }
}

impl Stage {
    /// All replicas say hello.
    fn ready(mut self) -> Self {
        for replica in 0..self.simulation.config.replicas {
            assert_eq!(self.send(replica, Id::UNKNOWN, Body::Hello), []);
        }
        self
    }

    fn input(&mut self, input: Input<'_, u32>) -> Vec<Action<u32>> {
        self.simulation.step(self.now, input);
        self.actions()
    }

    fn actions(&mut self) -> Vec<Action<u32>> {
        std::iter::from_fn(|| self.simulation.next_action()).collect()
    }

    /// Fires whatever is past and may be fired.
    fn fire(&mut self) -> Vec<Action<u32>> {
        while self.simulation.fire(self.now) {}
        self.actions()
    }

    fn send(&mut self, from: usize, leader: Id, body: Body<'_, u32>) -> Vec<Action<u32>> {
        let src = self.simulation.roster.replica(from);
        let kind = Cow::Borrowed("kind");
        self.input(Input::Message(
            from,
            Envelope {
                src,
                leader,
                kind,
                body,
            },
        ))
    }

    /// A replica says who leads. It costs a message.
    fn elect(&mut self, leader: Id) {
        let from = self.simulation.roster.replica_index(leader).unwrap_or(0);
        self.send(from, leader, Body::Unicast(0, 0));
    }

    fn until(&mut self, seconds: f64) -> Vec<Action<u32>> {
        self.now = Duration::from_secs_f64(seconds);
        self.fire()
    }

    fn answer(&mut self, from: usize, to: &ClientRequest, kind: AnswerKind) -> Vec<Action<u32>> {
        let leader = self.simulation.leader;
        let mid = to.mid;
        let client = usize::from(to.client.0) - 21;
        let answer = Answer {
            client,
            kind,
            mid: mid.as_str().into(),
            value: None,
        };
        self.send(from, leader, Body::Answer(answer))
    }

    fn report(self) -> Report {
        Report::of(self.simulation.into_ended())
    }

    fn counted(&self) -> (u64, u64, u64) {
        let Counters {
            total_msgs,
            lost,
            cut,
            ..
        } = self.simulation.counters;
        (total_msgs, lost, cut)
    }
}

fn receivers(actions: &[Action<u32>]) -> Vec<usize> {
    let receiver = |action: &Action<u32>| match action {
        Action::Deliver { to, .. } => Some(*to),
        _ => None,
    };
    actions.iter().filter_map(receiver).collect()
}

fn requests(actions: &[Action<u32>]) -> Vec<(usize, ClientRequest)> {
    let request = |action: &Action<u32>| match action {
        Action::Request { to, request } => Some((*to, request.clone())),
        _ => None,
    };
    actions.iter().filter_map(request).collect()
}

fn kills(actions: &[Action<u32>]) -> Vec<usize> {
    let kill = |action: &Action<u32>| match action {
        Action::Kill(replica) => Some(*replica),
        _ => None,
    };
    actions.iter().filter_map(kill).collect()
}

fn events(list: &[(&str, f64)]) -> Value {
    let events: Vec<Value> = list
        .iter()
        .map(|(kind, time)| json!({"type": kind, "time": time}))
        .collect();
    json!({ "events": events })
}

#[test]
fn a_unicast_counts_one_and_a_broadcast_all_others() {
    let mut stage = stage(json!({})).ready();
    assert_eq!(stage.counted().0, 0, "hello is not counted");
    assert_eq!(receivers(&stage.send(0, Id(0), Body::Unicast(3, 7))), [3]);
    assert_eq!(stage.counted(), (1, 0, 0));
    assert_eq!(
        receivers(&stage.send(1, Id(0), Body::Broadcast(7))),
        [0, 2, 3, 4]
    );
    assert_eq!(stage.counted(), (5, 0, 0));
    assert_eq!(stage.simulation.counters.messages_by_type["kind"], 5);
}

#[test]
fn a_payload_is_passed_on_as_it_came() {
    let mut stage = stage(json!({})).ready();
    let actions = stage.send(0, Id(0), Body::Unicast(3, 4711));
    assert_eq!(
        actions,
        [Action::Deliver {
            to: 3,
            payload: 4711,
            after: Duration::ZERO
        }]
    );
}

#[test]
fn lost_and_cut_messages_and_those_to_the_dead_count_all_the_same() {
    let mut lossy = stage(json!({"drops": 1})).ready();
    assert_eq!(receivers(&lossy.send(1, Id(0), Body::Broadcast(7))), NOBODY);
    assert_eq!(lossy.counted(), (4, 4, 0));

    let mut split = stage(events(&[("part_hard", 0.0)])).ready();
    split.until(1.0);
    let reached = receivers(&split.send(1, Id(0), Body::Broadcast(7))).len();
    assert!(reached == 1 || reached == 2);
    assert_eq!(split.counted(), (4, 0, 4 - reached as u64));

    let mut crashed = stage(events(&[("kill_leader", 0.0)])).ready();
    crashed.elect(Id(2));
    crashed.until(1.0);
    assert_eq!(
        receivers(&crashed.send(1, Id(1), Body::Unicast(2, 7))),
        NOBODY
    );
    assert_eq!(crashed.counted(), (2, 0, 0));
}

#[test]
fn nothing_reaches_a_replica_before_its_hello() {
    let mut stage = stage(json!({}));
    stage.send(0, Id::UNKNOWN, Body::Hello);
    assert_eq!(receivers(&stage.send(0, Id(0), Body::Broadcast(7))), NOBODY);
    assert_eq!(stage.counted(), (4, 0, 0));
    stage.send(1, Id::UNKNOWN, Body::Hello);
    assert_eq!(receivers(&stage.send(0, Id(0), Body::Broadcast(7))), [1]);
}

#[test]
fn who_is_named_leader_is_believed_unless_the_speaker_is_in_the_minority() {
    let mut stage = stage(events(&[("part_easy", 0.0), ("part_end", 1.0)])).ready();
    stage.elect(Id(2));
    assert_eq!(stage.simulation.leader, Id(2));
    stage.until(1.0);
    assert_eq!(stage.simulation.leader, Id(2), "part_easy forgets nobody");
    let majority = stage.simulation.network.majority().unwrap();
    assert!(majority.contains(&Id(2)));
    let inside = (0..5)
        .find(|&r| r != 2 && majority.contains(&Id(r as u16)))
        .unwrap();
    let outside = (0..5).find(|&r| !majority.contains(&Id(r as u16))).unwrap();
    stage.send(outside, Id(4), Body::Broadcast(0));
    assert_eq!(stage.simulation.leader, Id(2));
    stage.send(inside, Id(4), Body::Broadcast(0));
    assert_eq!(stage.simulation.leader, Id(4));
    stage.send(inside, Id::UNKNOWN, Body::Broadcast(0));
    assert_eq!(stage.simulation.leader, Id::UNKNOWN);
    stage.until(2.0);
    stage.send(outside, Id(3), Body::Broadcast(0));
    assert_eq!(stage.simulation.leader, Id(3));
}

#[test]
fn a_hello_tells_nothing_about_the_leader() {
    let mut stage = stage(json!({})).ready();
    stage.elect(Id(2));
    stage.send(4, Id::UNKNOWN, Body::Hello);
    assert_eq!(stage.simulation.leader, Id(2));
}

#[test]
fn who_was_killed_is_silent_at_once() {
    let mut stage = stage(events(&[("kill_leader", 0.1)])).ready();
    stage.elect(Id(2));
    let (_, put) = requests(&stage.until(1.0)).remove(0);
    stage.until(1.1);
    stage.send(2, Id(2), Body::Broadcast(0));
    stage.answer(2, &put, AnswerKind::Ok);
    stage.input(Input::Malformed(2, "nonsense".to_owned()));
    stage.input(Input::Unreadable(2, "empty".to_owned()));
    assert_eq!(stage.simulation.leader, Id::UNKNOWN);
    assert_eq!(stage.counted().0, 1, "the one of before");
    let counters = &stage.simulation.counters;
    assert_eq!((counters.completed, counters.incorrect), (0, 0));
    assert!(stage.report().evidence.deaths.is_empty());
}

#[test]
fn part_hard_and_a_part_easy_without_leader_forget_the_leader() {
    let mut hard = stage(events(&[("part_hard", 0.0)])).ready();
    hard.elect(Id(2));
    let (to, first) = requests(&hard.until(1.0)).remove(0);
    assert_eq!(first.leader, Id::UNKNOWN);
    hard.answer(to, &first, AnswerKind::Ok);
    assert_eq!(hard.simulation.leader, Id::UNKNOWN);
    assert!(hard.simulation.network.is_split());

    let mut easy = stage(events(&[("part_easy", 0.0)])).ready();
    easy.elect(Id(0x15));
    easy.until(1.0);
    assert!(easy.simulation.network.is_split());
    assert_eq!(easy.simulation.leader, Id::UNKNOWN);
}

#[test]
fn clients_reach_everybody_through_losses_and_partitions() {
    let mut stage =
        stage(json!({"drops": 1, "events": [{"type": "part_hard", "time": 0}]})).ready();
    for second in 1..=5 {
        for (to, request) in requests(&stage.until(f64::from(second))) {
            stage.answer(to, &request, AnswerKind::Ok);
        }
    }
    assert_eq!(stage.simulation.counters.completed, 9);
    assert_eq!(stage.counted(), (0, 0, 0));
}

#[test]
fn requests_that_are_due_together_are_fired_together() {
    let mut stage = stage(json!({})).ready();
    assert_eq!(requests(&stage.until(0.99)).len(), 0);
    assert_eq!(requests(&stage.until(1.0)).len(), 1);
    assert_eq!(requests(&stage.until(2.6)).len(), 3);
    assert_eq!(stage.simulation.next_deadline(), Duration::from_secs(3));
}

#[test]
fn kill_leader_kills_whom_the_simulator_believes_and_everybody_forgets() {
    let mut stage = stage(events(&[("kill_leader", 0.1), ("kill_leader", 0.2)])).ready();
    stage.elect(Id(3));
    let (to, put) = requests(&stage.until(1.0)).remove(0);
    stage.answer(to, &put, AnswerKind::Ok);
    assert_eq!(kills(&stage.until(1.1)), [3]);
    assert_eq!(stage.simulation.leader, Id::UNKNOWN);
    assert_eq!(kills(&stage.until(1.2)), NOBODY, "nobody is known to lead");
    for (to, request) in requests(&stage.until(6.0)) {
        assert_ne!(to, 3);
        assert_eq!(request.leader, Id::UNKNOWN);
    }
    assert_eq!(stage.simulation.status().dead, 1);
}

#[test]
fn kill_non_leader_spares_the_leader_and_the_last_one() {
    for seed in 0..50 {
        let list = [("kill_non_leader", 0.0); 6];
        let mut stage = stage_with_seed(events(&list), seed).ready();
        stage.elect(Id(3));
        let killed = kills(&stage.until(1.0));
        assert_eq!(killed.len(), 4);
        assert!(!killed.contains(&3), "{killed:?}");
    }
    let mut leaderless = stage(events(&[("kill_non_leader", 0.0); 6])).ready();
    assert_eq!(kills(&leaderless.until(1.0)).len(), 4, "the last one lives");
}

#[test]
fn whom_a_fault_hits_depends_on_the_seed_and_not_on_messages() {
    let victims = |seed, messages: usize| {
        let list = [("kill_non_leader", 0.0), ("part_hard", 0.5)];
        let mut stage = stage_with_seed(
            json!({"drops": 0.5, "events": events(&list)["events"]}),
            seed,
        )
        .ready();
        for _ in 0..messages {
            stage.send(0, Id::UNKNOWN, Body::Broadcast(0));
        }
        let killed = kills(&stage.until(1.0));
        stage.until(1.5);
        (killed, stage.simulation.network.majority())
    };
    assert_eq!(victims(1, 0), victims(1, 100));
    assert!((2..20).any(|seed| victims(seed, 0) != victims(1, 0)));
}

#[test]
fn an_outage_lasts_from_a_leaders_kill_to_the_next_put_of_another_replica() {
    let mut stage = stage(events(&[("kill_leader", 0.75), ("kill_leader", 3.75)])).ready();
    stage.elect(Id(3));
    let waiting = requests(&stage.until(1.6));
    assert_eq!(waiting.len(), 2);
    stage.until(1.75);
    stage.now = Duration::from_secs_f64(1.80);
    stage.answer(3, &waiting[0].1, AnswerKind::Ok);
    let outages = &stage.simulation.counters.outages;
    assert_eq!(*outages, [], "it was in the dead one's socket");
    stage.now = Duration::from_secs_f64(1.95);
    stage.answer(1, &waiting[1].1, AnswerKind::Ok);
    let ms = |time: &Duration| time.as_millis();
    let outages = |simulation: &Simulation<u32>| -> Vec<u128> {
        simulation.counters.outages.iter().map(ms).collect()
    };
    assert_eq!(outages(&stage.simulation), [200]);
    stage.elect(Id(1));
    stage.until(4.75);
    stage.until(7.0);
    let report = stage.report();
    let lasting: Vec<u128> = report.counters.outages.iter().map(ms).collect();
    assert_eq!(lasting, [200, 2250], "nobody ended the second one");
}

#[test]
fn what_is_malformed_or_unexpected_counts_as_incorrect_and_is_said_up_to_a_limit() {
    let mut stage = stage(json!({})).ready();
    let (to, put) = requests(&stage.until(1.0)).remove(0);
    stage.answer(to, &put, AnswerKind::Redirect);
    stage.answer(to, &put, AnswerKind::Ok);
    assert_eq!(stage.simulation.counters.incorrect, 1);
    let mut said = 0;
    for _ in 0..100 {
        said += stage
            .input(Input::Malformed(4, "not UTF-8".to_owned()))
            .len();
    }
    assert_eq!(said, MAX_INCORRECT_TEXTS - 1);
    assert_eq!(stage.simulation.counters.incorrect, 101);
    assert!(!stage.report().passed());
}

#[test]
fn a_redirect_is_followed_at_once() {
    let mut stage = stage(json!({})).ready();
    stage.elect(Id(4));
    let (to, put) = requests(&stage.until(1.0)).remove(0);
    let again = requests(&stage.answer(to, &put, AnswerKind::Redirect));
    assert_eq!(again.len(), 1);
    assert_eq!((again[0].0, again[0].1.leader), (4, Id(4)));
    assert_eq!((&again[0].1.key, &again[0].1.value), (&put.key, &put.value));
}

#[test]
fn a_broadcast_spares_who_it_says_it_is_from() {
    let mut stage = stage(json!({})).ready();
    let envelope = Envelope {
        src: Id(3),
        leader: Id(0),
        kind: Cow::Borrowed("kind"),
        body: Body::Broadcast(7),
    };
    let actions = stage.input(Input::Message(1, envelope));
    assert_eq!(receivers(&actions), [0, 1, 2, 4]);
}

mod endings;
mod faults;
mod observed;
mod turns;
