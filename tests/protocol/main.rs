//! The protocol without I/O: in readable scenarios, under chance, and under an exhaustive check.
//!
//! Each file in `scripts/` is a story with its expected course, about consensus alone or about replicas.
//! `UPDATE_GOLDENFILES=1 cargo test --test protocol` writes the courses anew; read the
//! difference before you commit it. The commands are described in `script.rs`.

mod bounded;
mod chaos;
mod cluster;
mod consensus_script;
mod disk;
mod forge;
mod kv_script;
mod machine;
mod model;
mod pinned;
mod script;
mod slices;
mod story;

use std::path::PathBuf;

fn directory(layer: &str) -> PathBuf {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    root.join("tests/protocol/scripts").join(layer)
}

/// A test for each script of a layer, and one that finds scripts which are not run.
macro_rules! scripts {
    ($layer:ident, $runner:path: $($name:ident),* $(,)?) => {
        mod $layer {
            $(
                #[test]
                fn $name() {
                    let path = crate::directory(stringify!($layer)).join(stringify!($name));
                    goldenscript::run(&mut <$runner>::default(), path).expect("the script can be run");
                }
            )*

            #[test]
            fn every_script_is_run() {
                let files = crate::directory(stringify!($layer)).read_dir().expect("the scripts are there");
                let mut files: Vec<String> = files
                    .map(|entry| entry.expect("readable").file_name().to_string_lossy().into_owned())
                    .collect();
                files.sort();
                let mut named = vec![$(stringify!($name).to_owned()),*];
                named.sort();
                assert_eq!(files, named);
            }
        }
    };
}

scripts! { consensus, crate::consensus_script::ConsensusScript:
    amnesia,
    amnesia_needs_storage,
    bad_content,
    bad_messages,
    behind_on_its_route,
    burst,
    catch_up,
    commit_deferred,
    commit_learned_from_followers,
    commit_own_term_only,
    copies,
    death_or_bad_luck,
    disk_commit,
    disk_receipt,
    disk_restart,
    disk_vote,
    doubt,
    doubt_ends_in_election,
    election,
    figure_7,
    figure_8,
    forged_commit,
    forged_receipts,
    fuller_log_wins,
    late_messages,
    lease,
    lost_first_entry,
    lost_quorum,
    message_price,
    one_vote_a_term,
    pre_vote_idle_cluster,
    pre_vote_refused,
    pre_vote_yields,
    repair,
    route,
    route_refused,
    routes_take_turns,
    split_vote,
    stale_candidate,
    star,
    suspicion,
}

scripts! { kv, crate::kv_script::KvScript:
    answer_on_route,
    answered_before_the_crash,
    answered_by_its_answerer,
    answerer_doubt,
    bad_content,
    bad_notes,
    compaction,
    delivered_twice,
    deposed_reads,
    disk_answers,
    disk_snapshots,
    held_bytes,
    leader_replies,
    leader_replies_deposed,
    late_snapshot,
    lease_reads,
    left_and_inherited,
    left_to_the_absent,
    limbo,
    limits,
    lost_take_over,
    overwritten,
    passed_on_in_order,
    paused,
    read_wakes_a_retry,
    redirect_and_hold,
    settled_too_early,
    snapshot_in_parts,
    star_last_replies,
    star_leader_replies,
    superseded,
    suspicion,
    take_over,
    take_over_in_turn,
    take_over_returns,
    take_over_undecided,
    two_absent_answerers,
}
