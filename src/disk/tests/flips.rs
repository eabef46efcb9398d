//! Every byte of a small directory changed once.

use super::model::{Change, State, WHOSE, batch};
use crate::disk::directory::{Beside, Directory};
use crate::disk::errors::{Damage, OpenError};
use crate::disk::inspect::inspect_in;
use crate::disk::item::HardState;
use crate::disk::settings::Settings;
use crate::disk::simulated::{Faults, SimulatedDisk};
use crate::disk::snapshot::About;

fn settings() -> Settings {
    Settings {
        segment_bytes: 400,
        ..Settings::default()
    }
}

/// A directory with a snapshot and three segments. Entries are small, large, and full of zeros.
fn small(disk: &SimulatedDisk) -> (Directory<SimulatedDisk>, State) {
    let opened = Directory::open_in(disk.clone(), WHOSE, settings());
    let (mut directory, _) = opened.expect("a new directory");
    let mut state = State::default();
    for (index, length) in (1..).zip([30, 0, 1_400, 3, 300, 40, 20, 1_600, 10]) {
        let byte = if index == 8 { 0 } else { index as u8 };
        let changes = [
            Change::HardState(HardState {
                term: index,
                vote: None,
                incarnation: 5,
            }),
            Change::Entry(index, index, vec![byte; length]),
        ];
        changes.iter().for_each(|change| state.change(change));
        directory.write([&batch(&changes)]).expect("written");
        if index == 4 {
            // What it has fills the first segment, which so is gone.
            let about = About {
                index: 3,
                term: 3,
                extra: vec![0; 9],
            };
            let beside = Beside::EntriesBehind;
            state.snapshot(about.clone(), b"all that".to_vec(), beside);
            directory.begin_snapshot(&about).expect("written");
            directory.add_piece(b"all that").expect("written");
            directory.finish_snapshot(beside).expect("written");
        }
    }
    (directory, state)
}

fn reopen(disk: &SimulatedDisk) -> Result<State, OpenError> {
    let opened = Directory::open_in(disk.clone(), WHOSE, settings());
    opened.map(|(_, recovered)| State::of(&recovered))
}

#[test]
fn every_changed_byte_is_refused_with_its_file_and_place() {
    let disk = SimulatedDisk::new(1);
    let (directory, state) = small(&disk);
    drop(directory);
    assert_eq!(reopen(&disk).expect("sound"), state);
    let mut changed = 0;
    for (name, length) in disk.lengths() {
        for byte in 0..length {
            for bits in [1, 2, 0x10, 0x80, 0xFF] {
                let bad = disk.copy(0);
                bad.flip(&name, byte, bits);
                match reopen(&bad).expect_err("it is refused") {
                    OpenError::Damaged(Damage { place, offset, .. }) => {
                        assert_eq!(place, format!("disk/{name}"), "byte {byte}");
                        assert!(offset <= byte as u64, "{name}, {byte}: {offset}");
                    }
                    OpenError::Foreign { what, .. } => {
                        assert_eq!((what, &*name), ("format", "header"))
                    }
                    other => panic!("{name}, byte {byte}: {other}"),
                }
                assert!(!inspect_in(bad).expect("listed").damage.is_empty());
                changed += 1;
            }
        }
    }
    assert!(changed > 10_000, "{changed}");
}

#[test]
fn a_changed_byte_beside_a_torn_tail_loses_nothing_durable() {
    let disk = SimulatedDisk::new(2);
    let (mut directory, state) = small(&disk);
    disk.set_faults(Faults {
        stop_at: Some(1),
        ..Faults::default()
    });
    let torn = [Change::Entry(10, 1, vec![3; 900])];
    directory
        .write([&batch(&torn)])
        .expect_err("the machine stops");
    disk.kill();
    let (opened, recovered) =
        Directory::open_in(disk.copy(0), WHOSE, settings()).expect("it is only torn");
    drop(opened);
    let tail = recovered.torn.expect("a torn tail");
    assert!(tail.bytes > 10, "{tail}");
    let (mut refused, mut cut) = (0, 0);
    for (name, length) in disk.lengths() {
        for byte in 0..length {
            let bad = disk.copy(0);
            bad.flip(&name, byte, 0x20);
            match reopen(&bad) {
                Ok(found) => {
                    assert_eq!(found, state, "{name}, byte {byte}");
                    cut += 1;
                }
                Err(OpenError::Damaged(_) | OpenError::Foreign { .. }) => refused += 1,
                Err(other) => panic!("{name}, byte {byte}: {other}"),
            }
        }
    }
    assert!(refused > 1_000 && cut > 10, "{refused} refused, {cut} cut");
}

#[test]
fn a_missing_file_is_damage() {
    let disk = SimulatedDisk::new(3);
    drop(small(&disk));
    use crate::disk::files::Files;
    let names: Vec<String> = disk.lengths().into_iter().map(|(name, _)| name).collect();
    let last = names.iter().rfind(|name| name.starts_with("log-"));
    let last = last.expect("a segment").clone();
    for name in names {
        let mut bad = disk.copy(0);
        bad.remove(&name).expect("it is there");
        let result = reopen(&bad);
        // That there was another segment at the end, nothing tells.
        assert_eq!(result.is_ok(), name == last, "{name}: {result:?}");
    }
}

#[test]
fn a_segment_that_is_shorter_than_it_was_is_damage() {
    let disk = SimulatedDisk::new(4);
    drop(small(&disk));
    use crate::disk::files::Files;
    let lengths = disk.lengths();
    let (name, length) = lengths
        .iter()
        .find(|(name, _)| name.starts_with("log-"))
        .expect("one");
    for kept in 0..*length {
        let mut bad = disk.copy(0);
        let mut file = bad.open(name).expect("it is there");
        bad.cut(&mut file, kept as u64).expect("cut");
        let result = reopen(&bad);
        assert!(
            matches!(result, Err(OpenError::Damaged(_))),
            "{kept}: {result:?}"
        );
    }
}

#[test]
fn zeros_behind_the_end_are_a_torn_tail() {
    let disk = SimulatedDisk::new(5);
    let (directory, state) = small(&disk);
    drop(directory);
    use crate::disk::files::Files;
    let lengths = disk.lengths();
    let (name, length) = lengths
        .iter()
        .rfind(|(name, _)| name.starts_with("log-"))
        .expect("one");
    for zeros in [1, 25, 26, 27, 511, 512, 5_000] {
        let mut torn = disk.copy(0);
        let mut file = torn.open(name).expect("it is there");
        torn.write(&mut file, *length as u64, &vec![0; zeros])
            .expect("written");
        assert_eq!(reopen(&torn).expect("only torn"), state, "{zeros} zeros");
    }
    // Anything else there is no torn tail.
    let mut bad = disk.copy(0);
    let mut file = bad.open(name).expect("it is there");
    bad.write(&mut file, *length as u64, &[9; 600])
        .expect("written");
    assert!(matches!(reopen(&bad), Err(OpenError::Damaged(_))));
}
