//! A report in which no two numbers are the same, and how it is shown: a field that is shown in the
//! place of another is found.

use serde_json::json;

use std::sync::Arc;
use std::time::Duration;

use super::output;
use super::paint::Paint;
use super::table;
use crate::bench::config::tests::config;
use crate::bench::protocol::message::{Mid, Op};
use crate::bench::record::ended::Evidence;
use crate::bench::record::lateness::{Lateness, Waiter};
use crate::bench::record::observed::{Duplicate, Observed, SeenType, Unanswered};
use crate::bench::record::stats::Counters;
use crate::bench::record::timeline::Timeline;
use crate::bench::trace::results;
use crate::bench::verdict::history_check::Linearizability;
use crate::bench::verdict::report::Report;
use crate::bench::verdict::scoring::Tier;
use crate::bench::verdict::scoring::Verdict;
use crate::id::Id;

/// The report of a run that passed, although nothing in it fits together.
pub(crate) fn report() -> Report {
    let microseconds = |times: &[u64]| -> Vec<Duration> {
        times.iter().copied().map(Duration::from_micros).collect()
    };
    let mut config = config(json!({"requests": 9001, "tests": {"benchmarks": {
        "total_msgs": [101, 102, 103], "failures": [104, 105, 106],
        "duplicates": [107, 108, 109], "median_latency": [0.110, 0.111, 0.112]
    }}}));
    config.name = "unreliable-3".to_owned();
    let counters = Counters {
        total_msgs: 1001,
        lost: 1002,
        cut: 1003,
        messages_by_type: [("append".to_owned(), 1004), ("vote".to_owned(), 1005)].into(),
        bursts: [(1, 1017), (2, 1018)].into(),
        bursts_with_events: [(1, 1019), (3, 1020)].into(),
        generated_get: 1006,
        generated_put: 1007,
        failed_to_generate_get: 1008,
        duplicates: 1009,
        redirects: 1010,
        get_failures: 1011,
        put_failures: 1012,
        incorrect: 1013,
        client_lost: 1016,
        completed: 1014,
        answer_latencies: microseconds(&[1100, 2200, 5700]),
        request_latencies: (1..=200).map(|n| Duration::from_micros(n * 1015)).collect(),
        outages: microseconds(&[216_000, 317_000]),
    };
    Report {
        config: Arc::new(config),
        seed: 2001,
        lasted: Duration::from_millis(2002),
        complete: true,
        leader: Id(0x2003),
        counters,
        evidence: Evidence {
            unanswered_get: 3001,
            unanswered_put: 3002,
            doomed: 3003,
            stored: true,
            somebody_leads: true,
            deaths: Vec::new(),
            incorrect: Vec::new(),
        },
        warnings: vec!["a warning".to_owned()],
        verdict: Verdict {
            errors: Vec::new(),
            values: [Some(4001.0), Some(4002.0), Some(4003.0), Some(0.404)],
            tiers: [Tier::Bonus, Tier::Full, Tier::Partial, Tier::None],
            reachable: [Tier::Bonus, Tier::Bonus, Tier::Full, Tier::Partial],
        },
        causes: Vec::new(),
        observed: observed(),
        linearizability: Linearizability::Holds,
        history: None,
        lateness: Lateness {
            turns: 6001,
            by: Duration::from_millis(6002),
            overflowed_here: 6003,
            overflowed_there: 6004,
            waits: vec![
                (Waiter::Simulator, Duration::from_micros(6005)),
                (Waiter::Replica(Id(6)), Duration::from_micros(6006)),
            ],
            others: 6006,
        },
        timeline: Timeline::default(),
    }
}

/// What was seen of the same run.
fn observed() -> Observed {
    let at = Duration::from_millis;
    Observed {
        types: vec![SeenType {
            kind: "vote".to_owned(),
            phases: [7001, 7002, 7003, 7004],
            senders: vec![7005],
        }],
        duplicates: vec![Duplicate {
            time: at(7010),
            by: Id(0x7011),
            first: (at(7006), Id(0x7007)),
            request: 7008,
            mid: Mid(*b"7009abcdefghijkl"),
            op: Op::Put,
        }],
        unanswered: vec![Unanswered {
            time: at(7012),
            request: 7013,
            mid: Mid(*b"7014abcdefghijkl"),
            op: Op::Get,
            to: Some(Id(0x7015)),
            lost: None,
        }],
        unended_outages: vec![(at(7016), Id(0x7017))],
        ..Observed::default()
    }
}

#[test]
fn every_field_is_in_its_place_in_the_json() {
    let shown = serde_json::to_string_pretty(&results::object(&report())).unwrap();
    assert_eq!(shown.trim(), include_str!("golden/report.json").trim());
}

#[test]
fn every_field_is_in_its_place_in_the_text() {
    let shown = output::report(&report(), false, Paint::new(false));
    assert_eq!(shown.trim(), include_str!("golden/report.txt").trim());
}

#[test]
fn every_field_is_in_its_place_in_the_table() {
    let shown = table::table(&[report()], 5001, Paint::new(false), None);
    assert_eq!(shown.trim(), include_str!("golden/table.txt").trim());
}
