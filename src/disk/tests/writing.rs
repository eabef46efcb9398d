//! The thread that writes, on a simulated disk.

use std::sync::mpsc;
use std::time::Duration;

use super::model::{Change, State, WHOSE, batch};
use crate::disk::batch::Batch;
use crate::disk::directory::{Beside, Directory};
use crate::disk::settings::Settings;
use crate::disk::simulated::{Faults, SimulatedDisk};
use crate::disk::snapshot::About;
use crate::disk::writer::{MAX_WAITING_BYTES, Refused, Writer};

/// Nothing takes so long unless it never happens.
const PATIENCE: Duration = Duration::from_secs(60);

fn open(disk: &SimulatedDisk) -> (Directory<SimulatedDisk>, State) {
    let opened = Directory::open_in(disk.clone(), WHOSE, Settings::default());
    let (directory, recovered) = opened.unwrap_or_else(|error| panic!("{error}"));
    (directory, State::of(&recovered))
}

/// A writer, and a channel that hears when it wakes somebody.
fn start(directory: Directory<SimulatedDisk>) -> (Writer, mpsc::Receiver<()>) {
    let (woken, wakes) = mpsc::channel();
    let writer = Writer::start(directory, move || {
        // A test that is over does not listen any more.
        let _ = woken.send(());
    });
    (writer, wakes)
}

fn entry(index: u64) -> Batch {
    batch(&[Change::Entry(index, 1, vec![index as u8; 20])])
}

#[test]
fn all_batches_become_durable_in_their_order() {
    let disk = SimulatedDisk::new(0);
    let (writer, wakes) = start(open(&disk).0);
    for index in 1..=100 {
        writer.submit(index, entry(index)).expect("there is room");
    }
    while writer.progress().durable < 100 {
        wakes.recv_timeout(PATIENCE).expect("it wakes us");
    }
    let progress = writer.close();
    assert_eq!(progress.failure, None);
    assert!(progress.syncs <= 100);
    disk.lose_power();
    let found = open(&disk).1;
    assert!(found.log.keys().copied().eq(1..=100));
}

#[test]
fn what_was_handed_over_is_written_before_the_end() {
    let disk = SimulatedDisk::new(0);
    let (writer, _wakes) = start(open(&disk).0);
    for index in 1..=10 {
        writer.submit(index, entry(index)).expect("there is room");
    }
    assert_eq!(writer.close().durable, 10);
    disk.lose_power();
    assert_eq!(open(&disk).1.log.len(), 10);
}

#[test]
fn a_snapshot_is_written_beside_batches() {
    let disk = SimulatedDisk::new(0);
    let (writer, wakes) = start(open(&disk).0);
    let about = About {
        index: 5,
        term: 1,
        extra: vec![4],
    };
    writer.begin_snapshot(about.clone());
    for index in 1..=10 {
        writer.submit(index, entry(index)).expect("there is room");
        writer
            .add_piece(vec![index as u8; 100])
            .expect("there is room");
    }
    writer.finish_snapshot(Beside::EntriesBehind);
    while writer.progress().snapshot != Some(5) || writer.progress().durable < 10 {
        wakes.recv_timeout(PATIENCE).expect("it wakes us");
    }
    drop(writer);
    disk.lose_power();
    let found = open(&disk).1;
    let (its, bytes) = found.snapshot.expect("a snapshot");
    assert_eq!((its, bytes.len()), (about, 1_000));
    assert!(found.log.keys().copied().eq(6..=10));
}

#[test]
fn a_snapshot_that_replaces_the_log_does_so_in_the_order_of_batches() {
    let disk = SimulatedDisk::new(0);
    let (writer, _wakes) = start(open(&disk).0);
    for index in 1..=30 {
        writer.submit(index, entry(index)).expect("there is room");
    }
    writer.begin_snapshot(About {
        index: 20,
        term: 9,
        extra: Vec::new(),
    });
    writer.add_piece(vec![1; 10]).expect("there is room");
    writer.finish_snapshot(Beside::Nothing);
    for index in 21..=25 {
        writer
            .submit(index + 10, entry(index))
            .expect("there is room");
    }
    assert_eq!(writer.close().failure, None);
    disk.lose_power();
    let found = open(&disk).1;
    assert_eq!(found.through(), 20);
    assert!(found.log.keys().copied().eq(21..=25));
}

#[test]
fn a_failure_is_final_and_told_in_a_line() {
    let disk = SimulatedDisk::new(0);
    let (directory, _) = open(&disk);
    // The second batch's sync: a batch takes a write and a sync.
    disk.set_faults(Faults {
        fail_at: Some(4),
        ..Faults::default()
    });
    let (writer, wakes) = start(directory);
    writer.submit(1, entry(1)).expect("there is room");
    while writer.progress().durable < 1 {
        wakes.recv_timeout(PATIENCE).expect("it wakes us");
    }
    writer.submit(2, entry(2)).expect("there is room");
    let failure = loop {
        if let Some(failure) = writer.progress().failure {
            break failure;
        }
        wakes.recv_timeout(PATIENCE).expect("it wakes us");
    };
    let calls = disk.calls();
    let refused = writer.submit(3, entry(3)).expect_err("it has failed");
    assert!(matches!(refused, Refused::Failed(its) if its == failure));
    let said = failure.to_string();
    assert!(
        said.starts_with("disk/log-000000000001: cannot sync it: "),
        "{said}"
    );
    assert!(!said.contains('\n'), "{said}");
    assert_eq!(writer.close().durable, 1);
    assert_eq!(disk.calls(), calls, "nothing was tried again");
}

#[test]
fn a_full_disk_is_a_failure() {
    let disk = SimulatedDisk::new(0);
    let (directory, _) = open(&disk);
    disk.set_faults(Faults {
        capacity_bytes: Some(1_000),
        ..Faults::default()
    });
    let (writer, wakes) = start(directory);
    writer.submit(1, entry(1)).expect("there is room");
    while writer.progress().durable < 1 {
        wakes.recv_timeout(PATIENCE).expect("it wakes us");
    }
    let mut number = 1;
    let failure = loop {
        number += 1;
        if let Err(Refused::Failed(failure)) = writer.submit(number, entry(number)) {
            break failure;
        }
    };
    assert_eq!(failure.kind, std::io::ErrorKind::StorageFull);
    let durable = writer.close().durable;
    disk.lose_power();
    let found = open(&disk).1;
    assert!(found.log.len() as u64 >= durable && durable > 0);
}

#[test]
fn too_much_that_waits_is_handed_back() {
    let disk = SimulatedDisk::new(0);
    let (directory, _) = open(&disk);
    // Nothing ends while the writer waits to be let on by the callback.
    let (go, wait) = mpsc::channel::<()>();
    let wait = std::sync::Mutex::new(wait);
    let writer = Writer::start(directory, move || {
        // Once nobody holds it back, it goes on.
        let _ = wait.lock().expect("only this thread has it").recv();
    });
    let large = || {
        batch(&[
            Change::TruncateAfter(0),
            Change::Entry(1, 1, vec![0; 20 << 20]),
        ])
    };
    let mut number = 0;
    let refused = loop {
        number += 1;
        assert!(number < 20, "nothing is refused");
        if let Err(refused) = writer.submit(number, large()) {
            break refused;
        }
    };
    let Refused::Full(batch) = refused else {
        panic!("{refused:?}");
    };
    assert!(batch.bytes() * number as usize > MAX_WAITING_BYTES);
    drop(go);
    assert_eq!(writer.close().durable, number - 1);
}
