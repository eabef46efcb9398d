//! Tests of the clients' behaviour.

use super::*;

const ALIVE: [bool; 5] = [true; 5];

struct Bench {
    clients: Clients,
    counters: Counters,
    now: Duration,
}

impl Bench {
    fn new(mix: f64) -> Self {
        let workload = Workload {
            mix,
            shared_keys: 0,
            own_values_are_current: true,
        };
        Bench::with(Roster::new(5), workload)
    }

    fn with(roster: Roster, workload: Workload) -> Self {
        let clients = Clients::new(roster, workload, 1, true);
        Bench {
            clients,
            counters: Counters::default(),
            now: Duration::ZERO,
        }
    }

    fn make(&mut self) -> Dispatch {
        self.clients
            .make_request(self.now, &ALIVE, &mut self.counters)
    }

    fn hear(&mut self, to: &ClientRequest, kind: AnswerKind, value: Option<&str>) -> Reaction {
        self.hear_from(to, kind, value, Id(2), &ALIVE)
    }

    fn hear_from(
        &mut self,
        to: &ClientRequest,
        kind: AnswerKind,
        value: Option<&str>,
        leader: Id,
        alive: &[bool],
    ) -> Reaction {
        let client = usize::from(to.client.0) - 21;
        let (mid, value) = (to.mid.as_str().into(), value.map(Into::into));
        let answer = Answer {
            client,
            kind,
            mid,
            value,
        };
        self.clients
            .hear(&answer, leader, self.now, alive, &mut self.counters)
    }

    /// Completes puts until every client has a key.
    fn give_keys(&mut self) {
        while self
            .clients
            .clients
            .iter()
            .any(|client| client.keys.is_empty())
        {
            let made = self.make().request;
            assert_eq!(made.op, Op::Put);
            assert_eq!(
                self.hear(&made, AnswerKind::Ok, None),
                Reaction::Completed(Op::Put)
            );
        }
    }
}

fn unanswered(gets: u64, puts: u64) -> Unanswered {
    Unanswered {
        gets,
        puts,
        doomed: 0,
    }
}

#[test]
fn a_put_is_of_a_new_key_or_derives_the_next_value_of_an_own_one() {
    let mut bench = Bench::new(0.0);
    let mut current: HashMap<Arc<str>, String> = HashMap::new();
    let mut owner = HashMap::new();
    let mut new_keys = 0;
    for _ in 0..1000 {
        let put = bench.make().request;
        let value = put.value.clone().unwrap();
        match current.get(&put.key) {
            None => {
                new_keys += 1;
                assert_eq!(put.key.len(), 32);
                assert_eq!(*value, *md5hex(&put.key));
            }
            Some(old) => assert_eq!(*value, *md5hex(old)),
        }
        assert_eq!(
            *owner.entry(Arc::clone(&put.key)).or_insert(put.client),
            put.client
        );
        current.insert(Arc::clone(&put.key), value.to_string());
        bench.hear(&put, AnswerKind::Ok, None);
    }
    assert!((430..590).contains(&new_keys), "about half, not {new_keys}");
}

#[test]
fn a_get_without_an_acknowledged_key_becomes_a_put_and_is_counted() {
    let mut bench = Bench::new(1.0);
    for _ in 0..30 {
        assert_eq!(bench.make().request.op, Op::Put);
    }
    assert_eq!(bench.counters.failed_to_generate_get, 30);
    assert!(!bench.clients.have_stored());
}

#[test]
fn the_mix_is_kept() {
    let mut bench = Bench::new(0.0);
    bench.give_keys();
    bench.clients.workload.mix = 0.8;
    let gets = (0..1000)
        .filter(|_| bench.make().request.op == Op::Get)
        .count();
    assert!((750..850).contains(&gets), "{gets}");
}

#[test]
fn gets_are_counted_as_drawn_whatever_becomes_of_them() {
    let gets = Bench::new(0.8).clients.gets_drawn(1000);
    assert!((750..850).contains(&gets), "{gets}");
    // Without an answer nobody has a key, and none of them is made.
    let mut bench = Bench::new(0.8);
    for _ in 0..1000 {
        assert_eq!(bench.make().request.op, Op::Put);
    }
    assert_eq!(bench.counters.failed_to_generate_get, u64::from(gets));
    assert_eq!(bench.clients.gets_drawn(1000), gets);
}

#[test]
fn requests_follow_the_leader_heard_of_while_it_lives() {
    let mut bench = Bench::new(0.0);
    let first = bench.make();
    assert_eq!(first.request.leader, Id::UNKNOWN);
    let redirect = bench.hear_from(&first.request, AnswerKind::Redirect, None, Id(3), &ALIVE);
    let Reaction::Retry(second) = redirect else {
        panic!("{redirect:?}")
    };
    assert_eq!((second.to, second.request.leader), (Some(3), Id(3)));
    let without_3 = [true, false, false, false, false];
    let fail = bench.hear_from(&second.request, AnswerKind::Fail, None, Id(3), &without_3);
    let Reaction::Retry(third) = fail else {
        panic!("{fail:?}")
    };
    assert_eq!((third.to, third.request.leader), (Some(0), Id::UNKNOWN));
    let nobody = [false; 5];
    let fail = bench.hear_from(&third.request, AnswerKind::Fail, None, Id(3), &nobody);
    let Reaction::Retry(fourth) = fail else {
        panic!("{fail:?}")
    };
    assert_eq!(fourth.to, None);
    assert_eq!(bench.clients.unanswered(), unanswered(0, 1));
}

#[test]
fn a_leader_that_is_no_replica_or_forgotten_is_not_followed() {
    let mut bench = Bench::new(0.0);
    let first = bench.make();
    let odd = bench.hear_from(&first.request, AnswerKind::Redirect, None, Id(0x15), &ALIVE);
    let Reaction::Retry(second) = odd else {
        panic!("{odd:?}")
    };
    assert_eq!(second.request.leader, Id::UNKNOWN);
    assert!(second.to.is_some());
    bench.hear(&second.request, AnswerKind::Ok, None);
    let client = usize::from(second.request.client.0) - 21;
    assert_eq!(bench.clients.clients[client].leader, Id(2));
    bench.clients.forget_leader();
    assert_eq!(bench.clients.clients[client].leader, Id::UNKNOWN);
}

#[test]
fn a_retry_is_the_same_request_under_a_new_mid_and_every_answer_is_measured() {
    let mut bench = Bench::new(0.0);
    let first = bench.make().request;
    bench.now = Duration::from_millis(10);
    let Reaction::Retry(second) = bench.hear(&first, AnswerKind::Fail, None) else {
        panic!()
    };
    let second = second.request;
    assert_ne!(second.mid, first.mid);
    let same = ClientRequest {
        mid: first.mid,
        leader: first.leader,
        ..second.clone()
    };
    assert_eq!(same, first);
    bench.now = Duration::from_millis(13);
    bench.hear(&second, AnswerKind::Ok, None);
    let ms = |times: &[Duration]| times.iter().map(Duration::as_millis).collect::<Vec<_>>();
    assert_eq!(ms(&bench.counters.answer_latencies), [10, 3]);
    assert_eq!(ms(&bench.counters.request_latencies), [13]);
    assert_eq!(
        (bench.counters.put_failures, bench.counters.get_failures),
        (1, 0)
    );
    assert_eq!(bench.clients.unanswered(), unanswered(0, 0));
    assert_eq!(bench.clients.attempts(), 2);
}

#[test]
fn a_second_answer_is_a_duplicate_after_ok_and_unexpected_after_a_redirect() {
    let mut bench = Bench::new(0.0);
    let put = bench.make().request;
    bench.hear(&put, AnswerKind::Ok, None);
    let leader_before = bench.clients.clients[usize::from(put.client.0) - 21].leader;
    let again = bench.hear_from(&put, AnswerKind::Fail, None, Id(4), &ALIVE);
    assert_eq!(again, Reaction::Duplicate);
    assert_eq!(bench.counters.duplicates, 1);
    assert_eq!(bench.counters.answer_latencies.len(), 1);
    let leader = bench.clients.clients[usize::from(put.client.0) - 21].leader;
    assert_eq!(leader, leader_before, "a duplicate tells nothing");
    let put = bench.make().request;
    bench.hear(&put, AnswerKind::Redirect, None);
    let again = bench.hear(&put, AnswerKind::Ok, None);
    assert!(matches!(again, Reaction::Unexpected(_)));
    assert_eq!(bench.counters.duplicates, 1);
}

#[test]
fn only_the_client_that_made_an_attempt_gets_its_answer() {
    let mut bench = Bench::new(0.0);
    let mut put = bench.make().request;
    put.client = if put.client == Id(21) { Id(22) } else { Id(21) };
    assert!(matches!(
        bench.hear(&put, AnswerKind::Ok, None),
        Reaction::Unexpected(_)
    ));
    put.mid = Mid(*b"0123456789abcdef");
    assert!(matches!(
        bench.hear(&put, AnswerKind::Ok, None),
        Reaction::Unexpected(_)
    ));
    assert_eq!(bench.clients.unanswered(), unanswered(0, 1));
}

#[test]
fn a_get_must_show_the_value_that_is_current_when_its_answer_arrives() {
    let mut bench = Bench::new(0.0);
    bench.give_keys();
    bench.clients.workload.mix = 1.0;
    let get = bench.make().request;
    assert_eq!(get.op, Op::Get);
    let client = usize::from(get.client.0) - 21;
    let value = bench.clients.clients[client].values[&get.key].clone();
    let done = bench.hear(&get, AnswerKind::Ok, Some(&value));
    assert_eq!(done, Reaction::Completed(Op::Get));
    for wrong in [None, Some(""), Some("other")] {
        let get = bench.make().request;
        let measured = bench.counters.answer_latencies.len();
        assert!(matches!(
            bench.hear(&get, AnswerKind::Ok, wrong),
            Reaction::Wrong(_)
        ));
        let counts = bench.counters.answer_latencies.len() == measured + 1;
        assert!(counts, "whatever its value");
        assert_eq!(bench.hear(&get, AnswerKind::Ok, wrong), Reaction::Duplicate);
    }
    // A put of the key that is acknowledged while the get is under way changes the answer.
    let get = bench.make().request;
    let client = usize::from(get.client.0) - 21;
    let put = loop {
        bench.clients.workload.mix = 0.0;
        let put = bench.make().request;
        if put.client == get.client && put.key == get.key {
            break put;
        }
    };
    let old = bench.clients.clients[client].values[&get.key].clone();
    bench.hear(&put, AnswerKind::Ok, None);
    assert!(matches!(
        bench.hear(&get, AnswerKind::Ok, Some(&old)),
        Reaction::Wrong(_)
    ));
}

#[test]
fn the_workload_of_a_seed_does_not_depend_on_retries() {
    let run = |failing: bool| {
        let mut bench = Bench::new(0.5);
        let mut asked = Vec::new();
        for _ in 0..100 {
            let mut made = bench.make().request;
            asked.push((made.client, made.op, made.key.clone(), made.value.clone()));
            if failing {
                let Reaction::Retry(next) = bench.hear(&made, AnswerKind::Fail, None) else {
                    panic!()
                };
                made = next.request;
            }
            let client = usize::from(made.client.0) - 21;
            let value = bench.clients.clients[client].values.get(&made.key).cloned();
            bench.hear(&made, AnswerKind::Ok, value.as_deref());
        }
        asked
    };
    assert_eq!(run(false), run(true));
}

#[test]
fn the_history_has_each_attempt_from_its_making_to_its_answer() {
    let mut bench = Bench::new(0.0);
    let put = bench.make().request;
    let Reaction::Retry(retry) = bench.hear(&put, AnswerKind::Redirect, None) else {
        panic!()
    };
    bench.hear(&retry.request, AnswerKind::Ok, None);
    bench.hear(&retry.request, AnswerKind::Ok, None);
    bench.hear(&put, AnswerKind::Ok, None);
    let history = bench.clients.into_history().unwrap();
    let seen: Vec<_> = history
        .iter()
        .map(|event| (event.event, event.mid, event.request, event.value.is_some()))
        .collect();
    let (first, second) = (put.mid, retry.request.mid);
    assert_eq!(
        seen,
        [
            (HistoryKind::Invoke, first, 0, true),
            (HistoryKind::Redirect, first, 0, false),
            (HistoryKind::Invoke, second, 0, true),
            (HistoryKind::Ok, second, 0, false),
        ]
    );
}

mod shared_keys;
