//! A long log that is found to be committed all at once is applied a bit at a time, and nobody sees less than all of it.

use std::time::Duration;

use leasekv::consensus::options::Storage;
use leasekv::consensus::{Index, Time};
use leasekv::id::Id;
use leasekv::kv::options::Answerer;
use leasekv::kv::{Answer, Operation, Outcome, Request};
use leasekv::replica::{Options, Replica};

use crate::disk::Disk;
use crate::machine::{Machine, ask};
use crate::pinned;

const PUTS: u64 = 3_000;
/// More than one step may apply, and much less than the log holds.
const MOST_IN_A_STEP: u64 = 1_500;

fn request(number: u64, operation: Operation) -> Request {
    Request {
        client: Id(0x100),
        mid: number.to_string(),
        operation,
    }
}

/// A replica without peers, and its disk, which is done with everything at once.
struct Alone {
    replica: Replica,
    disk: Disk<leasekv::kv::Command>,
    now: Time,
}

impl Alone {
    /// Calls the replica until its disk is done. Returns what it says to clients.
    fn call(&mut self) -> Vec<Answer> {
        let mut answers = Machine::advance(&mut self.replica, self.now).answers;
        while let Some(write) = Machine::writes(&mut self.replica) {
            self.disk.hand(Duration::ZERO, write);
            let number = self.disk.end_sync();
            Machine::durable(&mut self.replica, self.now, number);
            answers.extend(Machine::advance(&mut self.replica, self.now).answers);
        }
        answers
    }

    /// Goes on to the replica's next deadline.
    fn pass(&mut self) -> Vec<Answer> {
        self.now = self.now.max(Machine::deadline(&self.replica));
        self.call()
    }
}

/// A replica that has its log on its disk and starts again with it.
fn started_again(options: &Options) -> Alone {
    let now = Time::from_epoch(Duration::from_secs(1));
    let mut alone = Alone {
        replica: <Replica as Machine>::new(Id(0), &[], options, 7, now),
        disk: Disk::default(),
        now,
    };
    while !alone.replica.view().consensus().leads() {
        alone.pass();
    }
    for number in 0..PUTS {
        let operation = Operation::Put {
            key: format!("key {}", number % 10),
            value: number.to_string(),
        };
        ask(&mut alone.replica, alone.now, request(number, operation));
        alone.call();
    }
    let stored = alone.disk.restored().expect("it has been here");
    alone.replica = <Replica as Machine>::restore(Id(0), &[], options, stored, 8, alone.now);
    assert_eq!(alone.replica.view().commit(), Index::ZERO);
    alone
}

fn a_long_log_is_applied_in_slices(answerer: Answerer) {
    let mut options = pinned::replica();
    options.consensus.storage = Storage::Stable;
    options.kv.replies = answerer;
    let mut alone = started_again(&options);
    let mut slices = 0;
    let mut asked = 0;
    let mut before = Index::ZERO;
    while alone.replica.view().service().applied().0 < PUTS {
        if alone.replica.view().consensus().leads() && asked < 5 {
            let key = format!("key {}", asked % 10);
            let get = request(PUTS + asked, Operation::Get { key });
            ask(&mut alone.replica, alone.now, get);
            asked += 1;
        }
        let answers = alone.pass();
        let view = alone.replica.view();
        let applied = view.service().applied();
        assert!(
            applied.0 - before.0 <= MOST_IN_A_STEP,
            "{before} to {applied}"
        );
        if applied > before && applied < view.commit() {
            slices += 1;
            assert!(
                Machine::deadline(&alone.replica) <= alone.now,
                "the rest is due at once"
            );
        }
        for answer in answers {
            let number: u64 = answer.mid.parse().expect("a number");
            let expected = (PUTS - 10 + (number - PUTS)).to_string();
            assert_eq!(answer.outcome, Outcome::Value(expected), "{}", answer.mid);
            assert_eq!(applied, view.commit());
        }
        before = applied;
    }
    assert!(slices >= 2 && asked > 0, "{slices} slices, {asked} gets");
}

#[test]
fn a_long_log_is_applied_in_slices_where_the_last_answers() {
    a_long_log_is_applied_in_slices(Answerer::Last);
}

#[test]
fn a_long_log_is_applied_in_slices_where_the_leader_answers() {
    a_long_log_is_applied_in_slices(Answerer::Leader);
}
