//! However much is put in, what a replica keeps stays within bounds.

use std::time::Duration;

use leasekv::course::state::StateWatch;
use leasekv::id::Id;
use leasekv::kv::{Operation, Request};
use leasekv::replica::Replica;

use crate::cluster::{Clock, Cluster, Parcel};
use crate::machine::ask;
use crate::pinned;

const HOP: Duration = Duration::from_micros(100);

/// A cluster of three of which 0 leads.
fn cluster(options: &str) -> Cluster<Replica> {
    let clock = Clock {
        start: Duration::ZERO,
        fast_ppm: 0,
    };
    let mut all = pinned::replica();
    all.set_from_text(options).expect("well-formed");
    let mut cluster = Cluster::new(&[clock; 3], &all, Box::new(|_, _| vec![HOP]));
    cluster.time_out(Id(0));
    let step = cluster.advance(Id(0));
    cluster.send(Id(0), step.outputs.letters);
    run(&mut cluster, Duration::from_secs(1));
    cluster
}

fn run(cluster: &mut Cluster<Replica>, time: Duration) {
    let end = cluster.now + time;
    while let Some(step) = cluster.next(end, &mut |_, _, _, _| true) {
        cluster.send(step.id, step.outputs.letters);
    }
}

fn put(cluster: &mut Cluster<Replica>, number: usize, keys: usize) {
    let request = Request {
        client: Id(0x15),
        mid: number.to_string(),
        operation: Operation::Put {
            key: format!("key {}", number % keys),
            value: format!("value {number}"),
        },
    };
    let ask = move |replica: &mut Replica, now| ask(replica, now, request);
    cluster.post(Duration::ZERO, Id(0), Parcel::Call(Box::new(ask)));
}

#[test]
fn the_log_and_what_is_told_of_it_stay_as_small_as_the_options_say() {
    const FLOOR: usize = 10_000;
    let mut cluster = cluster(&format!("log_floor={FLOOR},log_percent=0"));
    let mut watches = [(); 3].map(|()| StateWatch::default());
    let (mut longest, mut most_entries) = (0, 0);
    for number in 0..4_000 {
        put(&mut cluster, number, 100);
        run(&mut cluster, 4 * HOP);
        for (node, watch) in cluster.nodes.values().zip(&mut watches) {
            while watch.change(&node.machine.view()).is_some() {}
            let log = node.machine.view().log();
            longest = longest.max(log.bytes());
            most_entries = most_entries.max(log.entries().count());
        }
    }
    // A follower that is not on the route lags, and the leader keeps for it what it may.
    assert!(longest > FLOOR && longest <= 4 * FLOOR, "{longest} bytes");
    assert!(most_entries < 400, "{most_entries} entries");
    for (node, watch) in cluster.nodes.values().zip(&watches) {
        let view = node.machine.view();
        assert!(view.commit().0 > 3_900 && view.log().base().index.0 > 3_500);
        assert_eq!(view.service().store().len(), 100);
        assert!(watch.remembered() <= most_entries);
    }
}

#[test]
fn a_snapshot_that_came_in_hundreds_of_parts_makes_the_same_store() {
    let mut cluster = cluster("log_floor=10000,log_percent=0,max_append_bytes=500");
    cluster.partition(&[Id(2)]);
    for number in 0..2_000 {
        put(&mut cluster, number, 2_000);
        run(&mut cluster, 4 * HOP);
    }
    cluster.cut.clear();
    run(&mut cluster, Duration::from_secs(5));
    let [leader, follower] = [0, 2].map(|id| cluster.nodes[&Id(id)].machine.view());
    assert_eq!(follower.commit(), leader.commit());
    assert_eq!(follower.service().store().len(), 2_000);
    for number in 0..2_000 {
        let key = format!("key {number}");
        assert_eq!(follower.value(&key), leader.value(&key), "{key}");
    }
}
