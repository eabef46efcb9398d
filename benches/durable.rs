//! What durability costs on this disk, beside the bare cost of the same writes and reads.
//!
//! `cargo bench --bench durable [-- DIRECTORY]`. The directory decides which disk is measured; without one it is
//! the target directory's.

use std::collections::HashMap;
use std::fs::{self, File};
use std::hint::black_box;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use leasekv::disk::directory::Directory;
use leasekv::disk::header::Whose;
use leasekv::disk::real::RealFiles;
use leasekv::disk::{Batch, Recovered, Settings, Writer};
use leasekv::id::Id;

const PUT_BYTES: usize = 256;
const WRITERS: u64 = 64;
const PUTS: u64 = 40_000;
const SYNCS: usize = 2_000;
/// So many writes of one kind follow each other before the next kind's turn: all kinds meet the same state of a busy
/// machine.
const BLOCK: usize = 100;
const LOG_BYTES: u64 = 256 << 20;
const KEYS: u64 = 1_000_000;
const STARTS: usize = 5;

const WHOSE: Whose = Whose {
    cluster: 1,
    replica: Id(1),
};

fn main() {
    let given = std::env::args().skip(1).find(|it| !it.starts_with('-'));
    let place = given.map_or(PathBuf::from(env!("CARGO_TARGET_TMPDIR")), PathBuf::from);
    let place = place.join("durable");
    let fresh = || {
        // Left by a bench that was interrupted, if at all.
        let _ = fs::remove_dir_all(&place);
        fs::create_dir_all(&place).expect("a directory");
    };
    println!("puts of {PUT_BYTES} bytes, in {}", place.display());
    fresh();
    one_at_a_time(&place);
    fresh();
    many_writers(&place);
    fresh();
    start(&place);
    fs::remove_dir_all(&place).expect("it is there");
}

fn open(path: &Path) -> (Directory<RealFiles>, Recovered) {
    let opened = Directory::open(path, WHOSE, Settings::default());
    opened.unwrap_or_else(|error| panic!("{error}"))
}

/// What is in the entry of a put: a key and a value.
fn value(index: u64) -> [u8; PUT_BYTES] {
    let mut bytes = [index as u8; PUT_BYTES];
    let key = index.wrapping_mul(0x9E37_79B9_7F4A_7C15) % KEYS;
    bytes[..8].copy_from_slice(&key.to_le_bytes());
    bytes
}

/// A put alone in a batch.
fn put(index: u64) -> Batch {
    let mut batch = Batch::new();
    batch.entry(index, 7, &value(index));
    batch
}

/// One put after the other, in blocks that take turns with a bare append and fdatasync of as many bytes.
fn one_at_a_time(place: &Path) {
    let (mut directory, _) = open(&place.join("log"));
    let mut bare = File::create(place.join("bare")).expect("a file");
    let (woken, wakes) = mpsc::channel();
    let (threaded, _) = open(&place.join("threaded"));
    let writer = Writer::start(threaded, move || {
        let _ = woken.send(());
    });
    let mut times = [const { Vec::new() }; 3];
    let before = directory.bytes_written();
    let indices: Vec<u64> = (1..=SYNCS as u64).collect();
    for block in indices.chunks(BLOCK) {
        for _ in block {
            let began = Instant::now();
            bare.write_all(&[7; PUT_BYTES + 33]).expect("written");
            bare.sync_data().expect("synced");
            times[0].push(began.elapsed());
        }
        for &index in block {
            let batch = put(index);
            let began = Instant::now();
            directory.write([&batch]).expect("written");
            times[1].push(began.elapsed());
        }
        for &index in block {
            let batch = put(index);
            let began = Instant::now();
            writer.submit(index, batch).expect("there is room");
            while writer.progress().durable < index {
                wakes.recv().expect("it lives");
            }
            times[2].push(began.elapsed());
        }
    }
    let bytes = (directory.bytes_written() - before) as f64 / SYNCS as f64;
    println!(
        "one at a time: {bytes:.1} bytes a put, {:.2} times the put",
        bytes / PUT_BYTES as f64
    );
    let names = [
        "bare write and fdatasync",
        "a batch",
        "a batch by the thread",
    ];
    let medians: Vec<Duration> = times
        .into_iter()
        .map(|times| quantile(times, 0.5))
        .collect();
    for (name, median) in names.iter().zip(&medians) {
        let times = median.as_secs_f64() / medians[0].as_secs_f64();
        println!("  {name}: median {median:.1?}, {times:.2} times the bare one");
    }
}

/// As many puts under way as there are writers: each writer has the next one once its last is durable.
fn many_writers(place: &Path) {
    let (directory, _) = open(&place.join("log"));
    let (woken, wakes) = mpsc::channel();
    let writer = Writer::start(directory, move || {
        let _ = woken.send(());
    });
    let began = Instant::now();
    let (mut submitted, mut durable) = (0, 0);
    while durable < PUTS {
        while submitted < PUTS && submitted < durable + WRITERS {
            submitted += 1;
            writer.submit(submitted, put(submitted)).expect("room");
        }
        wakes.recv().expect("it lives");
        durable = writer.progress().durable;
    }
    let took = began.elapsed();
    let syncs = writer.close().syncs;
    let length: u64 = fs::read_dir(place.join("log"))
        .expect("a directory")
        .map(|entry| entry.expect("a file").metadata().expect("its").len())
        .sum();
    let bytes = length as f64 / PUTS as f64;
    println!(
        "{WRITERS} writers: {:.1} puts a sync, {:.0} puts a second, {bytes:.1} bytes a put, {:.2} times the put",
        PUTS as f64 / syncs as f64,
        PUTS as f64 / took.as_secs_f64(),
        bytes / PUT_BYTES as f64
    );
}

/// Opening a long log, beside reading the same bytes. Both with and without filling a map.
fn start(place: &Path) {
    let path = place.join("log");
    let (mut directory, _) = open(&path);
    let mut index = 0;
    while directory.bytes_written() < LOG_BYTES {
        let batches: Vec<Batch> = (0..1_000).map(|offset| put(index + offset + 1)).collect();
        directory.write(&batches).expect("written");
        index += batches.len() as u64;
    }
    drop(directory);
    let bare = place.join("bare");
    let values: Vec<u8> = (1..=index).flat_map(value).collect();
    fs::write(&bare, values).expect("written");
    let mut times = [const { Vec::new() }; 4];
    for _ in 0..STARTS {
        let began = Instant::now();
        let file = fs::read(&bare).expect("a file");
        times[0].push(began.elapsed());
        let map = fill(file.chunks_exact(PUT_BYTES));
        times[1].push(began.elapsed());
        drop((map, file));

        let began = Instant::now();
        let (directory, recovered) = open(&path);
        times[2].push(began.elapsed());
        let map = fill(recovered.entries.iter().map(|entry| entry.bytes));
        times[3].push(began.elapsed());
        assert_eq!(recovered.entries.len() as u64, index);
        drop((directory, map));
    }
    let [read, read_and_fill, opened, opened_and_filled] =
        times.map(|times| quantile(times, 0.5).as_secs_f64());
    println!(
        "start with {index} entries, {} MiB, from the system's memory:",
        LOG_BYTES >> 20
    );
    println!(
        "  read {read:.3} s, open {opened:.3} s: {:.2} times",
        opened / read
    );
    println!(
        "  read and fill a map {read_and_fill:.3} s, open and fill it {opened_and_filled:.3} s: {:.2} times",
        opened_and_filled / read_and_fill
    );
}

/// What a store would make of entries.
fn fill<'e>(entries: impl Iterator<Item = &'e [u8]>) -> HashMap<u64, Vec<u8>> {
    let mut map = HashMap::new();
    for bytes in entries {
        let key = u64::from_le_bytes(bytes[..8].try_into().expect("8 bytes"));
        map.insert(key, bytes[8..].to_vec());
    }
    black_box(map)
}

fn quantile(mut times: Vec<Duration>, at: f64) -> Duration {
    times.sort();
    times[((times.len() - 1) as f64 * at) as usize]
}
