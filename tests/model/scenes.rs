//! Where the checks begin: at the very beginning, or further on, so that what takes many steps to
//! come about lies within reach. Every scene is reached by steps of the model itself.

use std::time::Duration;

use leasekv::id::Id;
use leasekv::raft::{Options, Term};

use crate::cluster::{Action, Cluster, Kind, REPLICAS, TICK};

/// Longer than any timeout of [`coarse`].
pub(crate) const LONGEST_TIMEOUT: Duration = TICK.saturating_mul(2);

/// Options whose times are one or two ticks, just so that few states differ only by the time. The
/// fractions leave no room for chance: on a clock that goes in ticks they all round up.
pub(crate) fn coarse() -> Options {
    let almost = |ticks: u32| TICK * ticks - TICK / 10;
    Options {
        lease: Duration::from_nanos(1),
        max_clock_drift_ppm: 0,
        heartbeat_interval: almost(1),
        election_timeout_min: almost(2),
        election_timeout_max: TICK * 2,
        // A follower may take any leader for dead at any time.
        leader_stickiness: Duration::ZERO,
        suspected_stickiness: Duration::ZERO,
        campaign_retry_min: Duration::from_nanos(1),
        campaign_retry_max: Duration::from_nanos(1),
        campaign_timeout: Duration::from_nanos(1),
        append_retry_min: almost(1),
        append_retry_max: almost(1),
        quorum_doubt: almost(1),
        // Whatever that costs.
        retry_cost: Duration::ZERO,
        retry_saving: Duration::ZERO,
        remembered_attempts: 0,
        answerer_patience: almost(1),
        answerer_return: TICK * 2,
        follower_timeout: almost(2),
        client_hold: almost(1),
        client_hold_max: almost(1),
        first_election_timeout: TICK * 2,
        leaderless_patience: TICK * 2,
        objection_time: Duration::ZERO,
        suspicion_patience: Duration::ZERO,
        suspicion_window: Duration::ZERO,
        // So that an append can stop between any two entries.
        max_append_entries: 1,
        ..Options::default()
    }
}

/// Like [`coarse`], with a lease that outlasts an election.
pub(crate) fn leased() -> Options {
    Options {
        lease: TICK * 3 - Duration::from_nanos(1),
        ..coarse()
    }
}

/// Nothing has happened yet.
pub(crate) fn beginning(options: &Options, common_clock: bool) -> Cluster {
    Cluster::new(options, common_clock)
}

/// Replica 0 leads term 1, and everybody knows that its opening is committed.
pub(crate) fn led(options: &Options, common_clock: bool) -> Cluster {
    let mut cluster = beginning(options, common_clock);
    elect(&mut cluster, Id(0), &REPLICAS);
    for _ in 0..2 {
        wake(&mut cluster, Id(0));
        exchange(&mut cluster, &REPLICAS);
    }
    for view in cluster.views() {
        assert_eq!((view.term(), view.commit().0), (Term(1), 1), "{cluster:?}");
    }
    cluster.lose_everything();
    cluster
}

/// Replica 0 has got its first put committed with the help of replica 1, which held it at once but
/// was a tick late to say so; of the lease, which counts from the put's creation, a tick is gone.
/// Replica 2 has not heard of the put.
pub(crate) fn just_leased(options: &Options) -> Cluster {
    let mut cluster = led(options, true);
    cluster = cluster
        .after(&Action::Ask(Kind::Put, Id(0)))
        .expect("it goes into the log");
    deliver_to(&mut cluster, Id(1));
    cluster = cluster.after(&Action::Elapse).expect("time passes");
    deliver_to(&mut cluster, Id(0));
    let leader = cluster.view(Id(0));
    assert_eq!(leader.commit().0, 2, "{cluster:?}");
    assert!(leader.lease_left() >= Some(options.lease - TICK));
    assert_eq!(cluster.elapsed(), TICK);
    cluster.lose_everything();
    cluster
}

/// Raft's Figure 8 (b): replica 0 has a put that nobody else has, and replica 1 has been elected
/// without it in term 2, with an opening that nobody else has.
pub(crate) fn contested(options: &Options) -> Cluster {
    let mut cluster = led(options, false);
    cluster = cluster
        .after(&Action::Ask(Kind::Put, Id(0)))
        .expect("it goes into the log");
    elect(&mut cluster, Id(1), &[Id(1), Id(2)]);
    let terms = cluster.views().map(|view| view.term().0);
    let logs = cluster.views().map(|view| view.entries().count());
    assert_eq!((terms, logs), ([1, 2, 2], [2, 2, 1]), "{cluster:?}");
    cluster.lose_everything();
    cluster
}

/// Has a replica elected by the others of a group; its opening does not arrive yet.
fn elect(cluster: &mut Cluster, id: Id, group: &[Id]) {
    cluster.lose_everything();
    wake(cluster, id);
    while cluster.view(id).leader() != Some(id) {
        let envelope = cluster
            .sent()
            .filter(|envelope| group.contains(&envelope.from) && group.contains(&envelope.to))
            .filter(|envelope| envelope.from == id || envelope.to == id)
            .find_map(|envelope| cluster.after(&Action::Deliver(envelope.clone())));
        *cluster = envelope.expect("the election goes on");
    }
}

/// Delivers the only message to a replica.
fn deliver_to(cluster: &mut Cluster, id: Id) {
    let envelope = cluster.sent().find(|envelope| envelope.to == id);
    let envelope = envelope.expect("it was sent").clone();
    *cluster = cluster
        .after(&Action::Deliver(envelope))
        .expect("it matters");
}

/// Calls a replica at its next deadline.
fn wake(cluster: &mut Cluster, id: Id) {
    while !cluster.is_due(id) {
        *cluster = cluster.after(&Action::Elapse).expect("time passes");
    }
    *cluster = cluster.after(&Action::Wake(id)).expect("it was due");
}

/// Delivers everything within a group, and what that leads to, once.
fn exchange(cluster: &mut Cluster, group: &[Id]) {
    let mut delivered = Vec::new();
    loop {
        let envelope = cluster.sent().find(|envelope| {
            group.contains(&envelope.from)
                && group.contains(&envelope.to)
                && !delivered.contains(*envelope)
        });
        let Some(envelope) = envelope.cloned() else {
            return;
        };
        if let Some(next) = cluster.after(&Action::Deliver(envelope.clone())) {
            *cluster = next;
        }
        delivered.push(envelope);
    }
}
