//! Five replicas. An election is one step here, which may happen between any two others; what may come in between its
//! own letters is the matter of three replicas. So are appends that hold one entry each: here they hold all that is
//! lacking.
//!
//! Only leaders are called without input (retries, heartbeats, take-overs) and asked by clients. One letter is on its way
//! at a time: each way of losing the others is tried, and that letter may arrive as late as it likes. So an append
//! can be held up anywhere on its route while leaders come and go.

use leasekv::id::Id;

use super::bounded::Bounded;
use super::event::Event;
use super::options::{batched, coarse, patient};
use super::scenes::five::{
    Reached, answerer_absent, contested, led, taking_over, two_answerers_absent,
};
use super::state::State;
use super::{check, check_widely};

fn ids(numbers: &[u16]) -> Vec<Id> {
    numbers.iter().copied().map(Id).collect()
}

/// All electorates of so many voters and more.
fn electorates(sizes: std::ops::RangeInclusive<usize>) -> Vec<Vec<Id>> {
    let sets = (0..1u16 << 5).map(|set| {
        let members = (0..5).filter(|id| set >> id & 1 == 1);
        members.map(Id).collect::<Vec<_>>()
    });
    sets.filter(|set| sizes.contains(&set.len())).collect()
}

fn bounded(scenes: Vec<State>) -> Bounded {
    Bounded {
        active: ids(&[0, 1, 2, 3, 4]),
        only_leaders_act: true,
        ask_leaders: true,
        // Who is not among them has been silent.
        electorates: electorates(2..=4),
        ..Bounded::from(scenes)
    }
}

/// A put is on its way along 0 → 1 → 2, or not yet there, or long there. 0 is cut off or deposed or goes on; 1, 2 or 3
/// (4 is as 3) is elected by whatever quorum. Bounded: one put, one further leader, one retry, by the old or the new
/// leader. That is room for: the put lost at each hop, the last one's answer lost, late or never needed, its word late, a
/// successor with or without the put, and without having heard the last one.
fn route() -> Bounded {
    Bounded {
        must_happen: vec![
            Event::Relayed,
            Event::CommittedOnRoute,
            Event::StoredOnRoute,
            Event::CommittedInherited,
            Event::TookOver,
            Event::Overwritten,
        ],
        last_term: 2,
        timeouts: 1,
        puts: 1,
        elections: 1,
        candidates: ids(&[1, 2, 3]),
        leave: ids(&[0]),
        ..bounded(vec![led(&batched())])
    }
}

/// The same, and 1 or 2 starts again under its ID without its memory, whenever it likes. All know each other's first lives, so
/// nobody listens to a second one, and it counts for nothing; what its first life has sent may still arrive. Bounded: 1 succeeds, with
/// the least electorates. (The vote of who has forgotten, and whom nobody knows, is the matter of three replicas.)
fn forgotten_on_route() -> Bounded {
    Bounded {
        must_happen: vec![
            Event::Forgot,
            Event::StoredOnRoute,
            Event::CommittedInherited,
            Event::TookOver,
            Event::StoredByAnother,
        ],
        candidates: ids(&[1]),
        electorates: electorates(2..=2),
        forget: ids(&[1, 2]),
        most_forgotten: 1,
        ..route()
    }
}

/// A successor takes over, and the answerer comes back whenever it likes: before that, when it is not decided, after
/// that; and the successor may go as well, and have a successor. Bounded: 0 stays away, so that all depends on 2.
fn answerer_returns() -> Bounded {
    Bounded {
        must_happen: vec![
            Event::TookOver,
            Event::StoredByAnother,
            Event::StoredTwice,
            Event::Waits,
            Event::KeptQuiet,
            Event::LostTakeOver,
        ],
        last_term: 3,
        timeouts: 2,
        elections: 1,
        candidates: ids(&[2, 3]),
        leave: ids(&[1]),
        come_back: ids(&[2]),
        ..bounded(vec![
            answerer_absent(&batched(), Reached::First),
            answerer_absent(&batched(), Reached::Last),
        ])
    }
}

/// Two answerers are absent, each with a put of its own, one inherited and one not; both may come back, in any order.
fn two_answerers_return() -> Bounded {
    let scene = |first, second| two_answerers_absent(&batched(), first, second);
    Bounded {
        must_happen: vec![
            Event::TookOver,
            Event::StoredByAnother,
            Event::StoredTwice,
            Event::Waits,
            Event::KeptQuiet,
        ],
        last_term: 3,
        timeouts: 1,
        elections: 1,
        candidates: ids(&[2, 3]),
        leave: ids(&[1]),
        come_back: ids(&[2, 4]),
        ..bounded(vec![
            scene(Reached::First, Reached::First),
            scene(Reached::First, Reached::Last),
            scene(Reached::Last, Reached::First),
            scene(Reached::Last, Reached::Last),
        ])
    }
}

/// The absent answerer comes back and leads itself, and may be gone before it has committed anything.
fn absent_answerer_leads() -> Bounded {
    let scene = |reached| answerer_absent(&batched(), reached).returned(0).begin();
    Bounded {
        must_happen: vec![Event::TookOver, Event::StoredByAnother, Event::KeptQuiet],
        last_term: 4,
        timeouts: 1,
        elections: 2,
        candidates: ids(&[2, 3]),
        electorates: electorates(2..=2),
        leave: ids(&[1, 2]),
        come_back: ids(&[2]),
        ..bounded(vec![scene(Reached::First), scene(Reached::Last)])
    }
}

/// A take-over is in the successor's log, and perhaps in another one, when it goes; later leaders know of it or not.
fn take_over_is_overwritten() -> Bounded {
    let scene = |reached, hops| taking_over(&batched(), reached, hops);
    Bounded {
        must_happen: vec![Event::LostTakeOver, Event::StoredTwice],
        last_term: 3,
        timeouts: 1,
        elections: 1,
        candidates: ids(&[3, 4]),
        electorates: electorates(2..=2),
        leave: ids(&[1]),
        come_back: ids(&[1, 2]),
        ..bounded(vec![
            scene(Reached::First, 0),
            scene(Reached::First, 1),
            scene(Reached::Last, 0),
            scene(Reached::Last, 1),
        ])
    }
}

/// Raft's Figure 8, where the old entry goes along a route.
fn contest() -> Bounded {
    Bounded {
        must_happen: vec![
            Event::CommittedOnRoute,
            Event::CommittedInherited,
            Event::Overwritten,
        ],
        last_term: 5,
        timeouts: 2,
        elections: 1,
        candidates: ids(&[4]),
        electorates: electorates(2..=2),
        ..bounded(vec![contested(&batched())])
    }
}

#[test]
fn a_put_is_safe_along_its_route() {
    check("route", route());
}

#[test]
fn a_put_is_safe_though_its_route_forgets() {
    check("route forgets", forgotten_on_route());
}

#[test]
fn an_answerer_returns_safely() {
    check("answerer returns", answerer_returns());
}

#[test]
fn two_answerers_return_safely() {
    check("two answerers return", two_answerers_return());
}

#[test]
fn an_absent_answerer_leads_safely() {
    check("absent answerer leads", absent_answerer_leads());
}

#[test]
fn a_take_over_is_overwritten_safely() {
    check("take-over overwritten", take_over_is_overwritten());
}

#[test]
fn a_contest_with_routes_is_safe() {
    check("contest with routes", contest());
}

#[test]
#[ignore = "takes minutes"]
fn a_put_is_safe_along_its_route_widely() {
    let wide = |bounded| check_widely("route", bounded);
    wide(Bounded {
        timeouts: 2,
        ..route()
    });
    wide(Bounded {
        in_flight: 2,
        electorates: electorates(2..=2),
        ..route()
    });
    wide(Bounded {
        scenes: vec![led(&coarse())],
        timeouts: 2,
        ..route()
    });
    wide(Bounded { puts: 2, ..route() });
    wide(Bounded {
        duplicates: 1,
        ..route()
    });
}

#[test]
#[ignore = "takes minutes"]
fn a_put_is_safe_though_its_route_forgets_widely() {
    let wide = |bounded| check_widely("route forgets", bounded);
    wide(Bounded {
        candidates: ids(&[1, 2, 3]),
        electorates: electorates(2..=4),
        ..forgotten_on_route()
    });
    wide(Bounded {
        timeouts: 2,
        ..forgotten_on_route()
    });
    wide(Bounded {
        most_forgotten: 2,
        ..forgotten_on_route()
    });
}

#[test]
#[ignore = "takes minutes"]
fn an_answerer_returns_safely_widely() {
    let wide = |bounded| check_widely("answerer returns", bounded);
    wide(Bounded {
        timeouts: 3,
        ..answerer_returns()
    });
    wide(Bounded {
        in_flight: 2,
        ..answerer_returns()
    });
    wide(Bounded {
        elections: 2,
        last_term: 4,
        ..answerer_returns()
    });
    let scene = |reached| answerer_absent(&patient(), reached);
    let scenes = vec![scene(Reached::First), scene(Reached::Last)];
    wide(Bounded {
        scenes,
        timeouts: 3,
        ..answerer_returns()
    });
}

#[test]
#[ignore = "takes minutes"]
fn two_answerers_return_safely_widely() {
    let wide = |bounded| check_widely("two answerers return", bounded);
    wide(Bounded {
        timeouts: 2,
        ..two_answerers_return()
    });
    wide(Bounded {
        in_flight: 2,
        ..two_answerers_return()
    });
    wide(Bounded {
        elections: 2,
        last_term: 4,
        ..two_answerers_return()
    });
}

#[test]
#[ignore = "takes minutes"]
fn an_absent_answerer_leads_safely_widely() {
    let wide = |bounded| check_widely("absent answerer leads", bounded);
    wide(Bounded {
        timeouts: 2,
        ..absent_answerer_leads()
    });
    wide(Bounded {
        in_flight: 2,
        ..absent_answerer_leads()
    });
    wide(Bounded {
        electorates: electorates(2..=4),
        ..absent_answerer_leads()
    });
}

#[test]
#[ignore = "takes minutes"]
fn a_take_over_is_overwritten_safely_widely() {
    let wide = |bounded| check_widely("take-over overwritten", bounded);
    wide(Bounded {
        timeouts: 2,
        ..take_over_is_overwritten()
    });
    wide(Bounded {
        in_flight: 2,
        ..take_over_is_overwritten()
    });
    wide(Bounded {
        elections: 2,
        last_term: 4,
        ..take_over_is_overwritten()
    });
}

#[test]
#[ignore = "takes minutes"]
fn a_contest_with_routes_is_safe_widely() {
    let wide = |bounded| check_widely("contest with routes", bounded);
    let all = || Bounded {
        candidates: ids(&[1, 3, 4]),
        leave: ids(&[0]),
        ..contest()
    };
    wide(all());
    wide(Bounded {
        timeouts: 1,
        elections: 2,
        ..all()
    });
    wide(Bounded {
        timeouts: 1,
        in_flight: 2,
        ..all()
    });
}
