//! Each rule, on what it looks for and on what it must not be mistaken about.

use std::time::Duration;

use serde_json::json;

use super::{Cause, Seen, causes};
use crate::bench::config::tests::config;
use crate::bench::protocol::message::{Mid, Op};
use crate::bench::record::ended::Evidence;
use crate::bench::record::observed::{
    Death, Deposed, EarlyAnswer, Observed, Printed, Redirected, Redirects, SeenReplica, SeenType,
    TwoLeaders, Unanswered,
};
use crate::bench::record::stats::Counters;
use crate::bench::verdict::history_check::Linearizability;
use crate::bench::verdict::scoring::judge;
use crate::id::Id;

/// What a scene changes of a run in which all is well.
struct Scene {
    counters: Counters,
    found: Evidence,
    observed: Observed,
    linearizability: Linearizability,
}

/// The causes of a run of 30 s with 5 replicas that all say hello at once, changed as asked.
fn after(change: impl Fn(&mut Scene)) -> Vec<Cause> {
    let mut scene = Scene {
        counters: Counters {
            total_msgs: 1_000,
            generated_get: 5,
            generated_put: 5,
            ..Counters::default()
        },
        found: Evidence {
            stored: true,
            ..Evidence::default()
        },
        observed: Observed {
            replicas: (0..5)
                .map(|index| SeenReplica {
                    hello: Some(Duration::from_millis(3)),
                    ..SeenReplica::new(Id(index))
                })
                .collect(),
            ..Observed::default()
        },
        linearizability: Linearizability::Holds,
    };
    change(&mut scene);
    let config = config(json!({"max_packets": 20_000}));
    let verdict = judge(&config, &scene.counters, &scene.found);
    causes(&Seen {
        config: &config,
        lasted: Duration::from_secs(30),
        counters: &scene.counters,
        found: &scene.found,
        observed: &scene.observed,
        verdict: &verdict,
        linearizability: &scene.linearizability,
    })
}

/// The kinds of the causes, in their order; what is only likely has a question mark.
fn kinds(causes: &[Cause]) -> Vec<String> {
    let name = |cause: &Cause| format!("{}{}", cause.kind, if cause.hint { "?" } else { "" });
    causes.iter().map(name).collect()
}

fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn fails(scene: &mut Scene) {
    scene.found.unanswered_put = 4;
}

fn death(time: Duration, words: &[&str]) -> Death {
    Death {
        time,
        how: "exit status 1".to_owned(),
        closed: false,
        last_words: words.iter().map(|it| (*it).to_owned()).collect(),
    }
}

#[test]
fn where_all_is_well_nothing_is_said() {
    assert_eq!(after(|_| {}), []);
}

#[test]
fn a_failure_that_no_rule_explains_has_the_broken_rule_as_its_cause() {
    let found = after(fails);
    assert_eq!(kinds(&found), ["rule"]);
    assert!(found[0].text.starts_with("4 puts unanswered"), "{found:?}");
}

#[test]
fn a_crash_is_named_by_the_last_line_and_quoted_in_whole() {
    let traceback = ["Traceback:", "  line 3", "KeyError: 'x'", ""];
    let found = after(|scene| {
        for (index, time) in [(3, 2), (1, 1)] {
            let replica = &mut scene.observed.replicas[index];
            replica.hello = None;
            replica.death = Some(death(s(time), &traceback));
        }
        scene.found.deaths = vec!["replica 0001 died before its hello: exit status 1".to_owned()];
        scene.found.stored = false;
    });
    assert_eq!(found[0].kind, "crash_at_start");
    assert_eq!(
        found[0].text,
        "replica 0001 crashed at the start, before its hello (1 more too) (exit status 1): KeyError: 'x'"
    );
    assert_eq!(found[0].quote, traceback);
    assert_eq!(found[0].time_ns(), Some(1_000_000_000));
    let later = after(|scene| {
        scene.observed.replicas[2].death = Some(death(s(12), &[]));
        scene.found.deaths = vec!["replica 0002 died on its own: exit status 1".to_owned()];
    });
    assert_eq!(kinds(&later), ["crash"]);
    assert_eq!(
        later[0].text,
        "replica 0002 crashed at 12.000 s (exit status 1): nothing on stderr"
    );
}

#[test]
fn who_says_no_hello_or_says_it_late_is_told_before_what_came_of_it() {
    let silent = after(|scene| {
        let replica = &mut scene.observed.replicas[4];
        replica.hello = None;
        replica.too_early = Some((s(5), Id(0x17)));
        scene.observed.two_leaders.add(TwoLeaders {
            time: s(9),
            one: Id(0),
            other: Id(1),
        });
        scene.found.deaths = vec!["replica 0004 counts as died".to_owned()];
    });
    assert_eq!(kinds(&silent), ["no_hello"], "nothing is guessed at");
    assert!(silent[0].text.starts_with("replica 0004 never said hello"));
    assert_eq!(silent[0].evidence[0].text, "0017 spoke to 0004, in vain");
    let late = after(|scene| {
        let replica = &mut scene.observed.replicas[4];
        replica.hello = Some(s(6));
        replica.too_early = Some((s(5), Id(0x17)));
        scene.found.deaths = vec!["replica 0004 counts as died".to_owned()];
    });
    assert_eq!(kinds(&late), ["late_hello"]);
    assert!(
        late[0]
            .text
            .contains("0017 spoke to 0004 at 5.000 s, its hello came at 6.000 s")
    );
}

#[test]
fn an_answer_before_the_quorum_is_the_cause_of_what_is_not_linearizable() {
    let early = |scene: &mut Scene| {
        scene.observed.early.add(EarlyAnswer {
            time: s(8),
            handed: s(8) - Duration::from_micros(200),
            by: Id(2),
            request: 17,
        });
    };
    assert_eq!(kinds(&after(early)), ["early_answer?"]);
    let found = after(|scene| {
        early(scene);
        scene.linearizability = Linearizability::Violated("no order\nexplains it".to_owned());
    });
    assert_eq!(kinds(&found), ["early_answer", "not_linearizable"]);
    assert!(
        found[0]
            .text
            .contains("replica 0002 answered 0.2 ms after it got it")
    );
    assert_eq!(found[0].evidence[0].request, Some(17));
}

#[test]
fn redirects_to_the_dead_and_in_circles_are_told_apart() {
    let to_the_dead = after(|scene| {
        fails(scene);
        scene.observed.replicas[0].killed = Some(s(10));
        let redirects = Redirects {
            count: 900,
            to_the_dead: 800,
            first_to_the_dead: Some((s(11), 5)),
        };
        scene.observed.redirects.insert((Id(1), Id(0)), redirects);
        scene.observed.most_redirected = Some(Redirected {
            request: 5,
            times: 800,
            first: s(11),
            last: s(29),
            hops: vec![(Id(1), Id(0)); 6],
        });
    });
    assert_eq!(kinds(&to_the_dead), ["redirects_to_the_dead"]);
    assert!(
        to_the_dead[0]
            .text
            .starts_with("0001 redirects clients to 0000, which is dead: 800")
    );
    let round = |hops: Vec<(Id, Id)>| {
        after(|scene| {
            fails(scene);
            scene.observed.most_redirected = Some(Redirected {
                request: 5,
                times: 800,
                first: s(11),
                last: s(29),
                hops: hops.clone(),
            });
        })
    };
    let circle = round(vec![(Id(1), Id(2)), (Id(2), Id(1)), (Id(1), Id(2))]);
    assert_eq!(circle[0].kind, "redirects_in_a_circle");
    assert!(
        circle[0]
            .text
            .ends_with("in the end 0001 → 0002 → 0001 → 0002"),
        "{circle:?}"
    );
    assert!(
        round(vec![(Id(1), Id(1)); 3])[0]
            .text
            .ends_with("by 0001 to itself")
    );
    let nobody = round(vec![(Id(1), Id::UNKNOWN); 3]);
    assert!(nobody[0].text.ends_with("without naming a leader"));
}

#[test]
fn a_cluster_that_does_not_recover_is_named_with_the_kill() {
    let found = after(|scene| {
        fails(scene);
        scene.observed.unended_outages = vec![(s(10), Id(2))];
        scene.observed.unanswered = vec![Unanswered {
            time: s(11),
            request: 80,
            mid: Mid(*b"abcdefghijklmnop"),
            op: Op::Put,
            to: Some(Id(3)),
            lost: None,
        }];
    });
    assert_eq!(found[0].kind, "no_recovery");
    assert!(
        found[0]
            .text
            .contains("the leader 0002 at 10.000 s no put was acknowledged any more, for 20.000 s")
    );
}

#[test]
fn a_storm_says_what_it_is_made_of() {
    let storm = |total: u64| {
        after(move |scene| {
            scene.counters.total_msgs = total;
            scene.observed.per_second = vec![10, total - 10];
            scene.observed.types = vec![
                SeenType {
                    kind: "beat".to_owned(),
                    phases: [total / 10, 0, 0, 0],
                    senders: vec![0, total / 10, 0, 0, 0],
                },
                SeenType {
                    kind: "echo\n".to_owned(),
                    phases: [0, total - total / 10, 0, 0],
                    senders: vec![total / 10; 5],
                },
            ];
        })
    };
    assert_eq!(kinds(&storm(900)), [""; 0]);
    assert_eq!(kinds(&storm(9_000)), ["message_storm?"]);
    let ended = storm(20_000);
    assert_eq!(ended[0].kind, "message_storm");
    assert!(
        ended[0]
            .text
            .ends_with("90 % `echo\u{FFFD}` by all and 10 % `beat` mostly by 0001"),
        "{ended:?}"
    );
}

#[test]
fn what_is_only_likely_says_so_and_comes_first_if_nothing_is_sure() {
    let found = after(|scene| {
        fails(scene);
        scene.observed.deposed.add(Deposed {
            time: s(9),
            from: Id(1),
            to: Id(2),
            silence: Duration::from_millis(310),
        });
        // One that was replaced while it spoke was not silent.
        scene.observed.deposed.add(Deposed {
            time: s(10),
            from: Id(2),
            to: Id(1),
            silence: Duration::from_millis(1),
        });
        scene.observed.replicas[3].printed = Printed {
            lines: 1_000_000,
            bytes: 507_000_000,
        };
    });
    assert_eq!(
        kinds(&found),
        ["silent_leader?", "prints_without_end?", "rule"]
    );
    assert!(
        found[0]
            .text
            .contains("0001 sent nothing for 310.0 ms, then 0002 led")
    );
    assert!(found[0].text.ends_with("that was seen once"));
    assert!(found[1].text.contains("507 MB in 1000000 lines"));
}
