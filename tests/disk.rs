//! A replica's directory on a real disk: whose it is, who may use it, and what a killed process leaves.
#![cfg(feature = "disk")]

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use leasekv::disk::directory::{Beside, Directory, Recovered};
use leasekv::disk::header::Whose;
use leasekv::disk::inspect::inspect;
use leasekv::disk::real::RealFiles;
use leasekv::disk::{About, Batch, HardState, OpenError, Settings, Writer};
use leasekv::id::Id;

const WHOSE: Whose = Whose {
    cluster: 0xABC,
    replica: Id(3),
};
/// Where the other process of a test finds its directory.
const DIRECTORY_VARIABLE: &str = "LEASEKV_TEST_DIRECTORY";

fn open(path: &Path) -> Result<(Directory<RealFiles>, Recovered), OpenError> {
    Directory::open(path, WHOSE, Settings::with_segment_bytes(4_096))
}

fn entry(index: u64) -> Batch {
    let mut batch = Batch::new();
    batch.entry(index, 1 + index / 10, format!("entry {index}").as_bytes());
    batch
}

/// A directory with a hard state, a snapshot through 40, and entries up to 100.
fn fill(path: &Path) {
    let (mut directory, _) = open(path).expect("a new directory");
    let mut batch = Batch::new();
    batch.hard_state(HardState {
        term: 11,
        vote: Some(4),
        incarnation: 0xC0FFEE,
    });
    directory.write([&batch]).expect("written");
    for index in 1..=100 {
        directory.write([&entry(index)]).expect("written");
    }
    let about = About {
        index: 40,
        term: 5,
        extra: b"3 s".to_vec(),
    };
    directory.begin_snapshot(&about).expect("written");
    directory.add_piece(&[1; 3_000]).expect("written");
    directory
        .finish_snapshot(Beside::EntriesBehind)
        .expect("written");
}

fn line_of(error: &OpenError) -> String {
    let line = error.to_string();
    assert!(!line.contains('\n'), "{line}");
    line
}

#[test]
fn everything_is_back_when_it_is_opened_again() {
    let place = tempfile::tempdir().expect("a directory");
    // Two directories that are not there yet.
    let path = place.path().join("data/0003");
    fill(&path);
    let (_directory, recovered) = open(&path).expect("it is sound");
    let state = recovered.hard_state.expect("a hard state");
    assert_eq!(
        (state.term, state.vote, state.incarnation),
        (11, Some(4), 0xC0FFEE)
    );
    let snapshot = recovered.snapshot.expect("a snapshot");
    assert_eq!((snapshot.about.index, snapshot.about.term), (40, 5));
    assert_eq!(snapshot.about.extra, b"3 s");
    assert_eq!(snapshot.bytes(), 3_000);
    assert_eq!(recovered.entries.range(), Some((41, 100)));
    let last = recovered.entries.iter().last().expect("entries");
    assert_eq!((last.term, last.bytes), (11, &b"entry 100"[..]));
    assert!(recovered.torn.is_none());
}

#[test]
fn another_replicas_or_clusters_directory_is_refused() {
    let place = tempfile::tempdir().expect("a directory");
    fill(place.path());
    let refused = |whose| {
        let opened = Directory::open(place.path(), whose, Settings::default());
        line_of(&opened.expect_err("it is refused"))
    };
    let said = refused(Whose {
        replica: Id(4),
        ..WHOSE
    });
    assert!(said.contains("replica 0003, and replica 0004"), "{said}");
    let said = refused(Whose {
        cluster: 0xABD,
        ..WHOSE
    });
    assert!(said.contains("ABC, and cluster 0"), "{said}");
    let header = place.path().join("header");
    assert!(said.starts_with(&header.display().to_string()), "{said}");
}

#[test]
fn a_later_format_is_refused() {
    let place = tempfile::tempdir().expect("a directory");
    fill(place.path());
    let header = place.path().join("header");
    let text = fs::read(&header).expect("a header");
    let text = String::from_utf8_lossy(&text).replace("format 1", "format 2");
    fs::write(&header, text).expect("written");
    let said = line_of(&open(place.path()).expect_err("it is refused"));
    assert!(said.contains("format 2, and format 1"), "{said}");
}

#[test]
fn a_directory_is_used_once_at_a_time() {
    let place = tempfile::tempdir().expect("a directory");
    let first = open(place.path()).expect("a new directory");
    let said = line_of(&open(place.path()).expect_err("it is in use"));
    assert!(said.contains("another process uses it") || said.contains("another process uses this"));
    drop(first);
    open(place.path()).expect("it is free again");
}

/// A process of this program that runs one of the tests that are made for it.
fn other_process(test: &str, directory: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    command
        .args(["--ignored", "--exact", test, "--nocapture"])
        .env(DIRECTORY_VARIABLE, directory);
    command
}

/// The directory that another process was given.
fn given() -> Option<std::path::PathBuf> {
    std::env::var_os(DIRECTORY_VARIABLE).map(Into::into)
}

#[test]
#[ignore = "run by another test, as another process"]
fn finds_it_in_use() {
    if let Some(path) = given() {
        let opened = open(&path);
        assert!(matches!(opened, Err(OpenError::InUse { .. })), "{opened:?}");
    }
}

#[test]
fn another_process_is_kept_out() {
    let place = tempfile::tempdir().expect("a directory");
    let here = open(place.path()).expect("a new directory");
    let finds_it = || {
        let output = other_process("finds_it_in_use", place.path()).output();
        output.expect("it runs").status.success()
    };
    assert!(finds_it());
    drop(here);
    assert!(
        !finds_it(),
        "it is free, which the other process finds wrong"
    );
}

/// Writes entries one after the other, and prints the index of each that is durable.
#[test]
#[ignore = "run by another test, as another process"]
fn writes_until_it_is_killed() {
    let Some(path) = given() else { return };
    let (directory, recovered) = open(&path).expect("it can be opened");
    let mut last = recovered.entries.range().map_or(0, |(_, last)| last);
    let (woken, wakes) = mpsc::channel();
    let writer = Writer::start(directory, move || {
        let _ = woken.send(());
    });
    let mut told = last;
    loop {
        while last < told + 50 {
            last += 1;
            writer.submit(last, entry(last)).expect("there is room");
        }
        wakes.recv().expect("the writer lives");
        told = writer.progress().durable.max(told);
        println!("durable {told}");
    }
}

#[test]
fn what_was_durable_survives_kills() {
    let place = tempfile::tempdir().expect("a directory");
    let mut durable = 0;
    for round in 0..12 {
        let mut child = other_process("writes_until_it_is_killed", place.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("it runs");
        let lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        let told = lines.filter_map(|line| {
            let line = line.ok()?;
            line.strip_prefix("durable ")?.parse::<u64>().ok()
        });
        for index in told.take(1 + 7 * round) {
            durable = durable.max(index);
        }
        child.kill().expect("it lives");
        child.wait().expect("it is gone");
        let (_directory, recovered) = open(place.path()).expect("it can be opened");
        let mut next = 1;
        for found in recovered.entries.iter() {
            assert_eq!(found.index, next);
            assert_eq!(found.bytes, format!("entry {next}").as_bytes());
            next += 1;
        }
        assert!(next > durable, "{durable} was durable, {next} is missing");
    }
    assert!(durable > 100, "only {durable} entries");
}

#[test]
fn a_torn_tail_is_cut_and_told() {
    let place = tempfile::tempdir().expect("a directory");
    fill(place.path());
    let last = last_segment(place.path());
    let length = fs::metadata(&last).expect("a segment").len();
    let file = fs::OpenOptions::new().write(true).open(&last).expect("it");
    file.set_len(length - 5).expect("cut");
    let (directory, recovered) = open(place.path()).expect("only torn");
    let told = recovered.torn.expect("a torn tail").to_string();
    assert!(told.starts_with(&last.display().to_string()), "{told}");
    assert_eq!(recovered.entries.range(), Some((41, 99)));
    drop(directory);
    let (_directory, recovered) = open(place.path()).expect("it is sound");
    assert!(recovered.torn.is_none());
}

#[test]
fn damage_is_refused_with_file_and_offset_and_seen_by_an_inspection() {
    let place = tempfile::tempdir().expect("a directory");
    fill(place.path());
    let sound = inspect(place.path()).expect("it can be listed").to_string();
    for line in [
        "replica 0003 of cluster 00000000000000000000000000000ABC, format 1",
        "hard state: term 11, voted for 0004, incarnation 00C0FFEE",
        "log: entries 41 to 100 of terms 5 to 11, ",
        "  snapshot-000000000040: through entry 40 of term 5, 3000 bytes and 3 beside them",
        "damage: none",
    ] {
        assert!(sound.contains(line), "{line} is not in\n{sound}");
    }
    let last = last_segment(place.path());
    let mut bytes = fs::read(&last).expect("a segment");
    let at = bytes.len() - 10;
    bytes[at] ^= 4;
    fs::write(&last, &bytes).expect("written");
    let said = line_of(&open(place.path()).expect_err("it is damaged"));
    let expected = format!("{}, byte ", last.display());
    assert!(said.starts_with(&expected), "{said}");
    assert!(said.contains("its checksum differs"), "{said}");
    let seen = inspect(place.path()).expect("it can be listed");
    assert_eq!(seen.damage, [said]);
    assert_eq!(seen.whose, Some(WHOSE));
}

fn last_segment(path: &Path) -> std::path::PathBuf {
    let entries = fs::read_dir(path).expect("a directory");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let segments = paths.filter(|path| path.to_string_lossy().contains("/log-"));
    segments.max().expect("a segment")
}

#[cfg(feature = "simulator")]
#[test]
fn the_bench_shows_what_is_in_a_directory() {
    let place = tempfile::tempdir().expect("a directory");
    let show = |path: &Path| {
        let output = Command::new(env!("CARGO_BIN_EXE_leasekv-sim"))
            .arg("--disk")
            .arg(path)
            .output()
            .expect("it runs");
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8(text).expect("text");
        (output.status.code(), text)
    };
    fill(place.path());
    let in_use = open(place.path()).expect("it is sound");
    let (status, text) = show(place.path());
    assert_eq!(status, Some(0), "{text}");
    assert!(text.contains("log: entries 41 to 100"), "{text}");
    drop(in_use);
    fs::remove_file(place.path().join("header")).expect("it is there");
    let (status, text) = show(place.path());
    assert_eq!(status, Some(1), "{text}");
    assert!(text.contains("damage: "), "{text}");
    let (status, text) = show(&place.path().join("nowhere"));
    assert_eq!(status, Some(2), "{text}");
}

#[test]
fn a_writer_that_is_dropped_lets_the_directory_go() {
    let place = tempfile::tempdir().expect("a directory");
    let (directory, _) = open(place.path()).expect("a new directory");
    let (woken, wakes) = mpsc::channel();
    let writer = Writer::start(directory, move || {
        let _ = woken.send(());
    });
    writer.submit(1, entry(1)).expect("there is room");
    let minute = Duration::from_secs(60);
    wakes.recv_timeout(minute).expect("it wakes us");
    drop(writer);
    let (_directory, recovered) = open(place.path()).expect("it is free");
    assert_eq!(recovered.entries.len(), 1);
}
