//! Three replicas, one of which starts again under its ID without its memory. That election safety, leader completeness
//! and state machine safety hold all the same is the matter of these checks; that it answers no put twice is not.
//!
//! The first leader is established, and everybody has heard it. (Within the very first election, when all logs are empty,
//! who starts again may vote twice: it cannot know.) Two ways are left in which it may do harm, where nobody
//! who could tell has heard of its first life; both are searched for here, so that whoever mends them hears of it.

use leasekv::id::Id;

use super::bounded::Bounded;
use super::event::Event;
use super::options::coarse;
use super::scenes::three::{beginning, stored};
use super::{check, check_widely, find};

fn forgotten() -> Bounded {
    Bounded {
        last_term: 3,
        entries: 4,
        timeouts: 2,
        forget: vec![Id(1)],
        most_forgotten: 1,
        ..Bounded::from(Vec::new())
    }
}

/// All know each other's lives: they do not listen to another one. Everybody acts, and anybody may forget.
fn introduced() -> Bounded {
    Bounded {
        scenes: vec![stored(&coarse(), true)],
        must_happen: vec![Event::Forgot, Event::Elected],
        active: vec![Id(0), Id(1), Id(2)],
        forget: vec![Id(0), Id(1), Id(2)],
        ..forgotten()
    }
}

/// Replica 2 has not heard of 1 before. So it is on 1 to refuse its vote, as long as it does not know what it has
/// forgotten. It does not stand for election itself.
fn not_introduced() -> Bounded {
    Bounded {
        scenes: vec![stored(&coarse(), false)],
        must_happen: vec![Event::Forgot, Event::Elected],
        active: vec![Id(0), Id(2)],
        timeouts: 3,
        ..forgotten()
    }
}

#[test]
fn who_has_forgotten_is_not_listened_to() {
    check("forgotten, introduced", introduced());
}

#[test]
fn who_has_forgotten_refuses_its_vote() {
    check("forgotten, not introduced", not_introduced());
}

/// Who stands for election with an empty log takes itself for one that has been there from the beginning. Then it votes
/// for one that lacks what it has helped to commit.
#[test]
fn who_has_forgotten_and_has_stood_for_election_votes() {
    let bounded = Bounded {
        active: vec![Id(1), Id(2)],
        ..not_introduced()
    };
    find("forgotten, stood", bounded, "leader completeness");
}

/// What the leader sent long ago, when nothing was committed, comes late. Who has forgotten takes it for all that there
/// is.
#[test]
fn who_has_forgotten_believes_an_old_letter() {
    let mut old = beginning(&coarse()).elect(0, &[1, 2]);
    let letters = old.post().filter(|it| it.to == Id(1));
    let letters = letters.cloned().collect();
    old = stored(&coarse(), false).with_letters(letters);
    let bounded = Bounded {
        scenes: vec![old],
        ..not_introduced()
    };
    find("forgotten, old letter", bounded, "leader completeness");
}

#[test]
#[ignore = "takes minutes"]
fn who_has_forgotten_does_no_harm_widely() {
    let wide = |bounded| check_widely("forgotten", bounded);
    wide(Bounded {
        timeouts: 3,
        ..introduced()
    });
    wide(Bounded {
        timeouts: 4,
        ..not_introduced()
    });
    wide(Bounded {
        in_flight: 2,
        ..not_introduced()
    });
}
