//! Small histories by hand, in both verdicts.

use super::*;
use crate::id::Id;

mod chance;

/// Reads a history of the key `k`, a line for each operation. A lane is as in the pictures: `|` is
/// where it begins and ends, `>` is the end of one that never returned; a column is a millisecond.
///
/// ```text
/// put a   |---|
/// get a     |---|
/// get -            |-|
/// ```
///
/// `-` stands for the empty value. Clients are numbered by lines, from 1.
fn history(picture: &str) -> Vec<Operation> {
    let lines = picture.lines().filter(|line| !line.trim().is_empty());
    lines
        .enumerate()
        .map(|(index, line)| {
            let lane_at = line.find('|').expect("a beginning");
            let words: Vec<&str> = line[..lane_at].split_whitespace().collect();
            let column = |at: usize| at as u64 * 1_000_000;
            let end = line[lane_at + 1..].find('|');
            assert!(end.is_some() || line.ends_with('>'), "an end: {line}");
            Operation {
                client: Id(index as u16 + 1),
                request: index as u32,
                kind: match words[0] {
                    "put" => Kind::Put,
                    "get" => Kind::Get,
                    other => panic!("{other}?"),
                },
                key: "k".into(),
                value: words[1].replace('-', "").into(),
                invoked_ns: column(lane_at),
                returned_ns: end.map(|end| column(lane_at + 1 + end)),
            }
        })
        .collect()
}

#[track_caller]
fn assert_linearizable(picture: &str) {
    let outcome = check(&history(picture));
    if let Outcome::Violation(violation) = &outcome {
        panic!("{violation}");
    }
    assert_eq!(outcome, Outcome::Linearizable { keys: 1 });
}

/// The history is a violation of just the operations of the given lines (from 1), and the sentence
/// is this one.
#[track_caller]
fn assert_violation(picture: &str, lines: &[u16], explanation: &str) {
    let operations = history(picture);
    let Outcome::Violation(violation) = check(&operations) else {
        panic!("no violation found");
    };
    let mut found: Vec<u16> = violation.operations.iter().map(|o| o.client.0).collect();
    found.sort_unstable();
    assert_eq!(found, lines, "{violation}");
    assert_eq!(violation.explanation, explanation);
}

#[test]
fn nothing_is_linearizable() {
    assert_eq!(check(&[]), Outcome::Linearizable { keys: 0 });
}

#[test]
fn one_after_the_other() {
    assert_linearizable(
        "
        get -  |-|
        put a     |-|
        get a        |-|
        put b           |-|
        get b              |-|
        ",
    );
}

#[test]
fn concurrent_puts_in_either_order() {
    for last in ["a", "b"] {
        assert_linearizable(&format!(
            "
            put a   |----|
            put b     |----|
            get {last}           |-|
            get {last}               |-|
            "
        ));
    }
}

#[test]
fn a_get_may_see_a_concurrent_put_or_not() {
    assert_linearizable(
        "
        put a   |-----------|
        get -     |-|
        get a         |-|
        get a               |-|
        ",
    );
}

#[test]
fn what_touches_is_concurrent() {
    assert_linearizable(
        "
        put a   |--|
        get -      |--|
        ",
    );
}

#[test]
fn a_put_that_never_returned_may_take_effect_late_or_never() {
    assert_linearizable(
        "
        put a   |->
        get -       |-|
        get -            |-|
        ",
    );
    assert_linearizable(
        "
        put a   |->
        put b   |-|
        get b       |-|
        get a            |-|
        ",
    );
}

#[test]
fn a_put_that_never_returned_need_not_take_effect_when_its_value_is_read_for_the_last_time() {
    assert_linearizable(
        "
        put a   |-|
        get a       |-------------------|
        put b         |-|
        get b             |-|
        put a                 |->
        get b                               |-|
        ",
    );
}

#[test]
fn a_get_that_never_returned_says_nothing() {
    assert_linearizable(
        "
        get x   |->
        get -   |-|
        ",
    );
}

#[test]
fn a_retried_put_explains_a_value_that_comes_back() {
    assert_linearizable(
        "
        put a   |->
        put a        |-|
        put b             |-|
        get b                  |-|
        get a                       |-|
        ",
    );
}

#[test]
fn equal_values_are_used_in_the_order_that_works() {
    // The first a must be used for the first get: it is over soon.
    assert_linearizable(
        "
        put a   |-------|
        put a     |--------------------------|
        put b        |------|
        get a   |----|
        get b               |-|
        get a                    |-|
        ",
    );
}

#[test]
fn a_stale_read() {
    assert_violation(
        "
        put a   |-|
        put b        |-|
        get b             |-|
        get a                  |-|
        ",
        &[1, 2, 4],
        r#"get by 0004 returned "a" although put "b" by 0002 was acknowledged before it began, and nothing put "a" in between"#,
    );
}

#[test]
fn a_lost_put() {
    assert_violation(
        "
        get -   |-|
        put a       |-|
        get -           |-|
        get a               |-|
        ",
        &[2, 3],
        r#"get by 0003 returned "" although put "a" by 0002 was acknowledged before it began, and nothing put "" in between"#,
    );
}

#[test]
fn a_value_out_of_thin_air() {
    assert_violation(
        "
        put a   |-|
        get x       |-|
        ",
        &[2],
        r#"get by 0002 returned "x", which nothing ever put"#,
    );
}

#[test]
fn a_read_from_the_future() {
    assert_violation(
        "
        put a   |-|
        get b       |-|
        put b           |-|
        get b               |-|
        ",
        &[2, 3],
        r#"get by 0002 returned "b", which was not put before the get was over"#,
    );
}

#[test]
fn a_put_that_never_returned_is_seen_and_then_unseen() {
    assert_violation(
        "
        put a   |->
        get a      |-|
        get -           |-|
        ",
        &[1, 2, 3],
        r#"get by 0003 returned "" although get of "a" by 0002 was over before it began, and nothing put "" in between"#,
    );
}

#[test]
fn concurrent_puts_are_seen_in_opposite_orders() {
    assert_violation(
        "
        put a   |-------------------|
        put b   |-------------------|
        get a      |-|
        get b           |-|
        get b      |-|
        get a           |-|
        ",
        &[1, 2, 3, 4, 5, 6],
        r#""a" and "b" come from one put each; get of "a" by 0003 was over before get of "b" by 0004 began, so "a" came first, but get of "b" by 0005 was over before get of "a" by 0006 began, so "b" came first"#,
    );
}

#[test]
fn a_value_comes_back_too_often() {
    // Two puts of a, but three times a that are apart.
    assert_violation(
        "
        put a   |-----------------------------|
        put a   |-----------------------------|
        put b   |-----------------------------|
        put b   |-----------------------------|
        get a      |-|
        get b           |-|
        get a                |-|
        get b                     |-|
        get a                          |-|
        ",
        &[1, 2, 3, 4, 5, 6, 7, 8, 9],
        "no order of these operations, each placed within its time, lets every get return the \
         latest put before it",
    );
}

#[test]
fn a_put_that_could_explain_a_get_is_never_left_out() {
    // Without line 3, lines 1, 2 and 4 would look like a stale read.
    assert_violation(
        "
        put a   |-|
        put b       |-|
        put a           |-|
        get a               |-|
        put c                   |-|
        get a                       |-|
        ",
        &[3, 5, 6],
        r#"get by 0006 returned "a" although put "c" by 0005 was acknowledged before it began, and nothing put "a" in between"#,
    );
}

#[test]
fn keys_are_independent_and_violated_ones_are_counted() {
    let mut operations = Vec::new();
    for key in 0..100 {
        let is_violated = key % 10 == 7;
        let value = if is_violated { "x" } else { "a" };
        let picture = format!("put a |-|\nget {value}      |-|");
        operations.extend(history(&picture).into_iter().map(|operation| Operation {
            key: format!("key {key}").into(),
            ..operation
        }));
    }
    operations.reverse();
    let Outcome::Violation(violation) = check(&operations) else {
        panic!("no violation found");
    };
    assert_eq!(violation.violated_keys, 10);
    // The first that the history mentions.
    assert_eq!(&*violation.key, "key 97");
}

#[test]
fn the_picture_of_a_violation() {
    let operations = history(
        "
        put 0123456789abcdef0123456789abcdee   |->
        put 0123456789abcdef0123456789abcdef   |--------|
        put x                                       |---|
        get 0123456789abcdef0123456789abcdef                  |-|
        get 0123456789abcdef0123456789abcdee                      |----|
        get 0123456789abcdef0123456789abcdef                             |-|
        ",
    );
    let Outcome::Violation(violation) = check(&operations) else {
        panic!("no violation found");
    };
    assert_eq!(
        violation.to_string(),
        r##"Key "k":
4 operations that no order explains (drawn in the order of time, not to scale)

client  request  operation               from ms      to ms
0001          0  put "0123456789a…"    47.000000      never  |---------------------->
0002          1  put "0123456789a…"#2  47.000000  56.000000  |--|
0005          4  get "0123456789a…"    66.000000  71.000000         |---|
0006          5  get "0123456789a…"#2  73.000000  75.000000                |---|

"0123456789a…" and "0123456789a…"#2 come from one put each; get of "0123456789a…" by 0005 was over
before get of "0123456789a…"#2 by 0006 began, so "0123456789a…" came first, but put "0123456789a…"#2
by 0002 was over before get of "0123456789a…" by 0005 began, so "0123456789a…"#2 came first"##
    );
}

#[test]
fn a_picture_is_never_wider_than_a_hundred_columns() {
    let long = "ü\u{1b}[31m\n".repeat(1000);
    let operations: Vec<Operation> = (0..300)
        .map(|index| Operation {
            client: Id(u16::MAX),
            request: u32::MAX,
            kind: Kind::Get,
            key: long.as_str().into(),
            value: format!("{long}{index}").into(),
            invoked_ns: u64::MAX - 1000 + index,
            returned_ns: Some(u64::MAX - index),
        })
        .collect();
    let violation = Violation {
        key: Arc::clone(&operations[0].key),
        explanation: explanation::explain(&operations),
        operations,
        violated_keys: 1,
        undecided_keys: 0,
    };
    let text = violation.to_string();
    for line in text.lines() {
        assert!(line.chars().count() <= 100, "{line}");
    }
    assert!(text.contains("... and 240 more"), "{text}");
    assert!(!text.contains('\u{1b}'));
}

#[test]
fn too_hard_a_key_is_given_up_honestly() {
    let operations = history("put a  |-|\nget a      |-|");
    let outcome = check_within(&operations, 1);
    let Outcome::GaveUp { keys, states, .. } = outcome else {
        panic!("{outcome:?}");
    };
    assert_eq!(keys, 1);
    assert!(states > 1);
}
