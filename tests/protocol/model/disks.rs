//! Three replicas with disks, which are killed and start again: of what a disk was not done with, any beginning is left.
//!
//! The disks of some take their time; those of the others are done at once, which keeps the states few.

use leasekv::id::Id;

use super::bounded::Bounded;
use super::event::Event;
use super::options::{TICK, coarse, leased, stable};
use super::scenes::three::{just_leased, leased_by_one_that_restarted, led};
use super::{check, check_widely};

/// A voter is killed between its vote and the sync, while the two others stand for election.
fn voting() -> Bounded {
    Bounded {
        must_happen: vec![Event::Elected, Event::LostUnsynced],
        last_term: 3,
        entries: 3,
        timeouts: 2,
        active: vec![Id(0), Id(1), Id(2)],
        crash: vec![Id(0), Id(1), Id(2)],
        most_crashes: 1,
        ..Bounded::from(vec![
            led(&stable(coarse()), false).with_slow_disks(&[0, 1, 2]),
        ])
    }
}

/// A leader's put is committed with its own copy or without, and the leader is killed before its sync or after it.
fn leading() -> Bounded {
    Bounded {
        must_happen: vec![
            Event::Elected,
            Event::StoredOnRoute,
            Event::LostUnsynced,
            Event::LeaderRestarted,
            Event::CommittedBeforeLeader,
            Event::CommittedInherited,
        ],
        last_term: 3,
        entries: 3,
        timeouts: 2,
        active: vec![Id(0), Id(2)],
        ask_leaders: true,
        puts: 1,
        crash: vec![Id(0)],
        most_crashes: 1,
        ..Bounded::from(vec![led(&stable(coarse()), false).with_slow_disks(&[0])])
    }
}

/// A follower is killed between storing a put and its receipt.
fn following() -> Bounded {
    Bounded {
        must_happen: vec![Event::Elected, Event::Stored, Event::LostUnsynced],
        crash: vec![Id(1)],
        ..Bounded {
            scenes: vec![led(&stable(coarse()), false).with_slow_disks(&[1])],
            ..leading()
        }
    }
}

/// A leader with a lease is deposed, and it or the one that helped it to its lease starts again. One clock for all.
fn leasing() -> Bounded {
    let options = stable(leased());
    Bounded {
        must_happen: vec![
            Event::Read,
            Event::ReadFromDeposed,
            Event::LeaderRestarted,
            Event::Elected,
        ],
        last_term: 3,
        entries: 4,
        timeouts: 1,
        active: vec![Id(0), Id(1)],
        ask_leaders: true,
        gets: 1,
        time: 2 * TICK,
        crash: vec![Id(0)],
        most_crashes: 1,
        ..Bounded::from(vec![
            just_leased(&options),
            leased_by_one_that_restarted(&options),
        ])
    }
}

#[test]
fn a_voter_that_crashes_keeps_its_promises() {
    check("disks, voting", voting());
}

#[test]
fn a_put_is_safe_though_its_leader_crashes() {
    check("disks, leading", leading());
}

#[test]
fn a_put_is_safe_though_its_follower_crashes() {
    check("disks, following", following());
}

#[test]
fn a_lease_is_safe_though_replicas_restart() {
    check("disks, leasing", leasing());
}

#[test]
#[ignore = "takes minutes"]
fn crashes_do_no_harm_widely() {
    let wide = |name, bounded| check_widely(name, bounded);
    let both = |bounded: Bounded| Bounded {
        most_crashes: 2,
        crash: vec![Id(0), Id(1)],
        ..bounded
    };
    wide("disks, voting", both(voting()));
    wide("disks, leading", both(leading()));
    wide("disks, following", both(following()));
    wide("disks, leasing", both(leasing()));
    let slow = led(&stable(coarse()), false).with_slow_disks(&[0, 1, 2]);
    wide(
        "disks, all slow",
        Bounded {
            scenes: vec![slow],
            ..both(leading())
        },
    );
}
