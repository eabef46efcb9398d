//! Many seeds of misfortunes, and the mistakes that they must find.

use super::lives::{Counts, play};
use crate::disk::mistakes::Mistake;

/// How many seeds are played, unless this variable says otherwise.
const SEEDS: u64 = 2_000;
const SEEDS_VARIABLE: &str = "LEASEKV_DISK_SEEDS";
/// A mistake must be found within so many.
const SEEDS_FOR_MISTAKES: u64 = 400;

#[test]
fn what_was_durable_survives_every_misfortune() {
    let seeds = std::env::var(SEEDS_VARIABLE).map_or(SEEDS, |text| {
        text.parse().expect("a number of seeds in the variable")
    });
    let mut all = Counts::default();
    for seed in 0..seeds {
        let counts = play(seed, None).unwrap_or_else(|said| panic!("{said}"));
        all.opened += counts.opened;
        all.torn += counts.torn;
        all.refused += counts.refused;
        all.writes += counts.writes;
        all.survived += counts.survived;
        all.snapshots += counts.snapshots;
        all.full += counts.full;
        all.failed += counts.failed;
        all.cut_segments += counts.cut_segments;
    }
    println!("{seeds} seeds: {all:?}");
    // Every kind of misfortune was there.
    assert!(all.torn > seeds / 10, "{all:?}");
    assert!(all.refused > seeds / 10, "{all:?}");
    assert!(all.survived > seeds / 10, "{all:?}");
    assert!(all.snapshots > seeds, "{all:?}");
    assert!(all.full > seeds / 20, "{all:?}");
    assert!(all.failed > seeds / 20, "{all:?}");
    assert!(all.cut_segments > seeds / 10, "{all:?}");
}

#[track_caller]
fn is_found(mistake: Mistake) {
    let found = (0..SEEDS_FOR_MISTAKES).find_map(|seed| play(seed, Some(mistake)).err());
    let said = found.expect("it was not found");
    println!("{mistake:?}: {said}");
}

#[test]
fn a_snapshot_that_is_renamed_before_it_is_synced_is_found() {
    is_found(Mistake::SnapshotRenamedBeforeSync);
}

#[test]
fn a_log_that_is_cut_before_the_snapshot_is_durable_is_found() {
    is_found(Mistake::LogCutBeforeSnapshot);
}

#[test]
fn a_sync_that_is_retried_is_found() {
    is_found(Mistake::SyncRetried);
}

#[test]
fn a_torn_tail_that_is_taken_for_whole_is_found() {
    is_found(Mistake::TornTakenForWhole);
}

#[test]
fn damage_that_is_taken_for_the_end_is_found() {
    is_found(Mistake::DamageTakenForEnd);
}

#[test]
fn a_start_that_makes_nothing_durable_is_found() {
    is_found(Mistake::StartNotSynced);
}
