//! Three replicas, each of which does everything by itself.

use leasekv::id::Id;

use super::bounded::Bounded;
use super::event::Event;
use super::options::{TICK, coarse, leased};
use super::scenes::three::{beginning, contested, just_leased, led};
use super::{check, check_widely};

/// Everybody may stand for election at any time. No clients.
fn elections() -> Bounded {
    Bounded {
        must_happen: vec![Event::Elected, Event::CommittedOnRoute],
        last_term: 3,
        entries: 3,
        in_flight: 2,
        timeouts: 2,
        active: vec![Id(0), Id(1), Id(2)],
        ..Bounded::from(vec![beginning(&coarse())])
    }
}

/// A leader has a put, and its successor inherits it or not.
fn succession() -> Bounded {
    Bounded {
        must_happen: vec![
            Event::StoredOnRoute,
            Event::CommittedInherited,
            Event::TookOver,
            Event::StoredByAnother,
            Event::Overwritten,
        ],
        last_term: 3,
        entries: 3,
        duplicates: 1,
        timeouts: 2,
        active: vec![Id(0), Id(1)],
        puts: 1,
        ..Bounded::from(vec![led(&coarse(), false)])
    }
}

/// Two logs that each hold what the other lacks (Raft's Figure 8).
fn contest() -> Bounded {
    Bounded {
        must_happen: vec![
            Event::CommittedInherited,
            Event::LostTakeOver,
            Event::KeptQuiet,
            Event::Overwritten,
        ],
        last_term: 4,
        entries: 4,
        timeouts: 5,
        active: vec![Id(0), Id(1)],
        ..Bounded::from(vec![contested(&coarse())])
    }
}

/// A leader is succeeded while its lease lasts, and asked by clients all the time. One clock for
/// all, and everybody may be called late.
fn reads() -> Bounded {
    Bounded {
        must_happen: vec![Event::Read, Event::ReadFromDeposed, Event::StoredTwice],
        last_term: 3,
        entries: 4,
        timeouts: 1,
        active: vec![Id(0), Id(1)],
        ask_leaders: true,
        puts: 1,
        gets: 1,
        time: 2 * TICK,
        ..Bounded::from(vec![just_leased(&leased())])
    }
}

#[test]
fn elections_are_safe() {
    check("elections", elections());
}

#[test]
fn succession_is_safe() {
    check("succession", succession());
}

#[test]
fn a_contest_is_safe() {
    check("contest", contest());
}

#[test]
fn reads_are_safe() {
    check("reads", reads());
}

#[test]
#[ignore = "takes minutes"]
fn elections_are_safe_widely() {
    let wide = |bounded| check_widely("elections", bounded);
    wide(Bounded {
        duplicates: 1,
        ..elections()
    });
    wide(Bounded {
        in_flight: 3,
        ..elections()
    });
    wide(Bounded {
        timeouts: 3,
        ..elections()
    });
}

#[test]
#[ignore = "takes minutes"]
fn succession_is_safe_widely() {
    let wide = |bounded| check_widely("succession", bounded);
    wide(Bounded {
        timeouts: 3,
        ..succession()
    });
    wide(Bounded {
        in_flight: 2,
        ..succession()
    });
    wide(Bounded {
        puts: 2,
        entries: 4,
        ..succession()
    });
}

#[test]
#[ignore = "takes minutes"]
fn a_contest_is_safe_widely() {
    let wide = |bounded| check_widely("contest", bounded);
    wide(Bounded {
        timeouts: 5,
        ..contest()
    });
    wide(Bounded {
        timeouts: 6,
        entries: 5,
        ..contest()
    });
    wide(Bounded {
        in_flight: 2,
        ..contest()
    });
}

#[test]
#[ignore = "takes minutes"]
fn reads_are_safe_widely() {
    let wide = |bounded| check_widely("reads", bounded);
    wide(Bounded {
        duplicates: 1,
        ..reads()
    });
    wide(Bounded { gets: 2, ..reads() });
    wide(Bounded {
        time: 3 * TICK,
        ..reads()
    });
    wide(Bounded {
        timeouts: 2,
        ..reads()
    });
    wide(Bounded {
        in_flight: 2,
        ..reads()
    });
}
