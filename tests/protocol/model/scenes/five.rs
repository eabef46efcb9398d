//! Scenes of five replicas: an entry's route leads over two followers, the last of which answers, and a successor
//! need not hold what was answered.

use leasekv::id::Id;
use leasekv::kv::Command;
use leasekv::replica::Options;

use crate::model::state::State;

/// Replica 0 leads term 1, and everybody knows that its opening is committed, and has heard everybody. The next route
/// is 0 → 1 → 2.
pub(crate) fn led(options: &Options) -> State {
    let mut state = State::new(5, options, false);
    state = state.elect(0, &[1, 2, 3, 4]).exchange();
    state = state.introduce_all();
    for _ in 0..2 {
        state = state.wake_at_deadline(0).exchange();
    }
    for view in state.views() {
        assert_eq!((view.term().0, view.commit().0), (1, 1), "{state:?}");
    }
    state.begin()
}

/// How far an append has come along its route 0 → 1 → 2 when the rest of it is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reached {
    First,
    Last,
}

/// Replica 0 has a put that is replica 2's to answer. The append has come so far; of the answer to it 0 does not hear.
fn put_on_route(options: &Options, reached: Reached) -> State {
    let state = led(options).put(0).deliver_to(1);
    let state = match reached {
        Reached::First => state,
        Reached::Last => state.deliver_to(2),
    };
    let is_told = state.view(Id(2)).commit().0 == 2;
    assert_eq!(is_told, reached == Reached::Last, "{state:?}");
    state.lose_all()
}

/// After [`put_on_route`] replicas 0 and 2 are gone. Replica 1 has been elected by 3 and 4; all three know that its
/// opening is committed, and with it the put. It has asked 2 for an answer, and will not wait for it any longer.
pub(crate) fn answerer_absent(options: &Options, reached: Reached) -> State {
    let state = put_on_route(options, reached);
    let state = state.gone(0).gone(2);
    let state = state.elect(1, &[3, 4]).exchange();
    let state = state.wake_at_deadline(1).exchange();
    let commits: Vec<u64> = state.views().map(|view| view.commit().0).collect();
    let last = if reached == Reached::Last { 2 } else { 1 };
    assert_eq!(commits, [1, 3, last, 3, 3], "{state:?}");
    let next = state.clone().wake_at_deadline(1);
    let entry = next.view(Id(1)).entries().last().expect("not empty");
    assert!(
        matches!(entry.command(), Some(Command::TakeOver(_))),
        "{next:?}"
    );
    state.begin()
}

/// After [`answerer_absent`], 1 has got another put, which is replica 4's to answer, and which has come so far on its
/// route 1 → 3 → 4. Then 4 has gone as well, and 0 has come back. 1 waits for neither of the two any longer.
pub(crate) fn two_answerers_absent(options: &Options, first: Reached, second: Reached) -> State {
    let state = answerer_absent(options, first);
    let state = state.returned(0).put(1).deliver_to(3);
    let state = match second {
        Reached::First => state,
        Reached::Last => state.deliver_to(4),
    };
    state.lose_all().gone(4).begin()
}

/// After [`answerer_absent`] 0 is back, and 1 has a take-over in its log, which has come so many hops along its route.
pub(crate) fn taking_over(options: &Options, reached: Reached, hops: usize) -> State {
    let state = answerer_absent(options, reached).returned(0);
    let mut state = state.wake_at_deadline(1);
    for id in [3, 4].into_iter().take(hops) {
        state = state.deliver_to(id);
    }
    state.begin()
}

/// Raft's Figure 8 (c): replica 0 has a put of term 1, which 1 has as well. 4 has been elected without it in term 2, with
/// an opening that nobody else has, and 0 once more in term 3, of which 4 knows. What 0 sends then is on its way.
pub(crate) fn contested(options: &Options) -> State {
    let state = led(options).put(0).deliver_to(1).lose_all();
    let state = state.elect(4, &[2, 3]).lose_all();
    // Each learns of the other's term from a follower.
    let state = state.wake_at_deadline(0).deliver_to(3).deliver_to(0);
    let state = state.lose_all().elect(0, &[1, 2]);
    let opening: Vec<_> = state.post().cloned().collect();
    let state = state.lose_all().wake_at_deadline(4).deliver_to(2);
    let state = state.deliver_to(4).lose_all();
    let terms: Vec<u64> = state.views().map(|view| view.term().0).collect();
    let logs: Vec<u64> = state.views().map(|view| view.last().index.0).collect();
    assert_eq!(terms, [3, 3, 3, 2, 3], "{state:?}");
    assert_eq!(logs, [3, 2, 1, 1, 2], "{state:?}");
    state.begin().with_letters(opening)
}
