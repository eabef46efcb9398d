//! Scenes of three replicas.

use leasekv::id::Id;
use leasekv::replica::Options;

use crate::model::action::Action;
use crate::model::options::TICK;
use crate::model::state::State;

/// Nothing has happened yet.
pub(crate) fn beginning(options: &Options) -> State {
    State::new(3, options, false)
}

/// Replica 0 leads term 1, and everybody knows that its opening is committed.
pub(crate) fn led(options: &Options, common_clock: bool) -> State {
    let mut state = State::new(3, options, common_clock);
    while !state.is_due(Id(0)) {
        state = state.step(&Action::Elapse);
    }
    state = state.elect(0, &[1, 2]).exchange();
    for _ in 0..2 {
        state = state.wake_at_deadline(0).exchange();
    }
    for view in state.views() {
        assert_eq!((view.term().0, view.commit().0), (1, 1), "{state:?}");
    }
    state.begin()
}

/// Replica 0 has got its first put committed with the help of replica 1, which held it at once but
/// was a tick late to say so; of the lease, which counts from the put's creation, a tick is gone.
/// Replica 2 has not heard of the put.
pub(crate) fn just_leased(options: &Options) -> State {
    let state = led(options, true).put(0).deliver_to(1);
    leased_with(state, options)
}

/// The same, but replica 1 has started again with its disk as soon as it had said so.
pub(crate) fn leased_by_one_that_restarted(options: &Options) -> State {
    let state = led(options, true).put(0).deliver_to(1);
    leased_with(state.step(&Action::Crash(Id(1), 0)), options)
}

/// Replica 0 gets the receipt for its put a tick after it was made.
fn leased_with(state: State, options: &Options) -> State {
    let state = state.step(&Action::Elapse).deliver_to(0);
    let leader = state.view(Id(0));
    assert_eq!(leader.commit().0, 2, "{state:?}");
    let left = options.consensus.timing.lease - TICK;
    assert_eq!(leader.lease_left(), Some(left), "{state:?}");
    assert_eq!(state.elapsed(), TICK);
    state.begin()
}

/// Raft's Figure 8 (b): replica 0 has a put that nobody else has, and replica 1 has been elected
/// without it in term 2, with an opening that nobody else has.
pub(crate) fn contested(options: &Options) -> State {
    let state = led(options, false).put(0).lose_all().elect(1, &[2]);
    let terms: Vec<u64> = state.views().map(|view| view.term().0).collect();
    let logs: Vec<u64> = state.views().map(|view| view.last().index.0).collect();
    assert_eq!((terms, logs), (vec![1, 2, 2], vec![2, 2, 1]), "{state:?}");
    state.begin()
}

/// Replica 0 has a put that is committed with the help of 1, which does not act any more before it starts again without
/// its memory. 2 has not heard of the put. Whether 1 and 2 have heard of each other is to be said.
pub(crate) fn stored(options: &Options, introduced: bool) -> State {
    let mut state = led(options, false);
    if introduced {
        state = state.introduce_all().wake_at_deadline(0).exchange();
    }
    let state = state.begin().put(0).deliver_to(1);
    let commits: Vec<u64> = state.views().map(|view| view.commit().0).collect();
    assert_eq!(commits, [1, 2, 1], "{state:?}");
    state.begin()
}
