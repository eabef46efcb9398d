//! A loss of power at every point of a scenario, with many ways in which it can go.

use super::model::{Change, State, WHOSE, batch};
use crate::disk::directory::{Beside, Directory};
use crate::disk::item::HardState;
use crate::disk::settings::Settings;
use crate::disk::simulated::{Faults, SimulatedDisk};
use crate::disk::snapshot::About;

/// So many ways of losing power are tried at each point.
const WAYS: u64 = 40;

fn settings() -> Settings {
    Settings {
        segment_bytes: 300,
        ..Settings::default()
    }
}

fn open(disk: &SimulatedDisk) -> (Directory<SimulatedDisk>, State) {
    let opened = Directory::open_in(disk.clone(), WHOSE, settings());
    let (directory, recovered) = opened.unwrap_or_else(|error| panic!("{error}"));
    (directory, State::of(&recovered))
}

/// A directory with entries 1 to 30 in several segments, and a snapshot through 5.
fn scenario(disk: &SimulatedDisk) -> (Directory<SimulatedDisk>, State) {
    let (mut directory, mut state) = open(disk);
    for index in 1..=30 {
        let mut changes = vec![Change::Entry(index, 1, vec![index as u8; 40])];
        if index % 7 == 0 {
            changes.push(Change::HardState(HardState {
                term: index,
                vote: Some(1),
                incarnation: 9,
            }));
        }
        changes.iter().for_each(|change| state.change(change));
        directory.write([&batch(&changes)]).expect("written");
    }
    take(&mut directory, &mut state, 5, Beside::EntriesBehind).expect("written");
    (directory, state)
}

fn take(
    directory: &mut Directory<SimulatedDisk>,
    state: &mut State,
    index: u64,
    beside: Beside,
) -> Result<(), crate::disk::Failure> {
    let about = About {
        index,
        term: 1,
        extra: vec![1, 2],
    };
    let bytes = vec![7; 2_000];
    state.snapshot(about.clone(), bytes.clone(), beside);
    directory.begin_snapshot(&about)?;
    bytes
        .chunks(700)
        .try_for_each(|piece| directory.add_piece(piece))?;
    directory.finish_snapshot(beside)
}

/// Loses power at every point of a snapshot. What is found must be as before or as after it.
fn lose_power_everywhere(index: u64, beside: Beside) {
    let (mut before_found, mut after_found) = (0, 0);
    for stop_at in 1.. {
        let mut was_stopped = false;
        for way in 0..WAYS {
            let disk = SimulatedDisk::new(way);
            let (mut directory, before) = scenario(&disk);
            let mut after = before.clone();
            disk.set_faults(Faults {
                stop_at: Some(stop_at),
                ..Faults::default()
            });
            let result = take(&mut directory, &mut after, index, beside);
            was_stopped = disk.is_stopped();
            disk.lose_power();
            let (mut directory, found) = open(&disk);
            assert!(
                (result.is_err() && found == before) || found == after,
                "stopped at call {stop_at}, way {way}: {found:?}"
            );
            before_found += u64::from(found == before);
            after_found += u64::from(found == after);
            // And it goes on from there.
            let mut state = found;
            let next = Change::Entry(state.last_index() + 1, 2, vec![8; 50]);
            state.change(&next);
            directory.write([&batch(&[next])]).expect("written");
            disk.lose_power();
            assert_eq!(open(&disk).1, state, "after call {stop_at}, way {way}");
        }
        if !was_stopped {
            // A snapshot with its pieces takes at least seven calls, and several segments go.
            assert!(stop_at > 10, "only {stop_at} calls");
            break;
        }
    }
    assert!(before_found > WAYS && after_found > WAYS);
}

#[test]
fn power_may_be_lost_at_every_point_of_a_snapshot() {
    lose_power_everywhere(20, Beside::EntriesBehind);
}

#[test]
fn power_may_be_lost_at_every_point_of_a_snapshot_of_more_than_the_log() {
    lose_power_everywhere(35, Beside::EntriesBehind);
}

#[test]
fn power_may_be_lost_at_every_point_of_a_snapshot_that_replaces_the_log() {
    lose_power_everywhere(20, Beside::Nothing);
    lose_power_everywhere(50, Beside::Nothing);
}

#[test]
fn what_a_snapshot_makes_needless_is_removed() {
    let disk = SimulatedDisk::new(0);
    let (mut directory, mut state) = scenario(&disk);
    let segments = |disk: &SimulatedDisk| {
        let lengths = disk.lengths();
        lengths
            .iter()
            .filter(|(name, _)| name.starts_with("log-"))
            .count()
    };
    let many = segments(&disk);
    take(&mut directory, &mut state, 29, Beside::EntriesBehind).expect("written");
    assert!(
        many > 4 && segments(&disk) <= 2,
        "{many} before, {:?}",
        disk.lengths()
    );
    let snapshots = disk.lengths();
    let snapshots = snapshots
        .iter()
        .filter(|(name, _)| name.starts_with("snapshot-"));
    assert_eq!(snapshots.count(), 1);
    drop(directory);
    assert_eq!(open(&disk).1, state);
}
