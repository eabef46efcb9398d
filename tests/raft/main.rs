//! The protocol core in readable scenarios: each file in `scripts/` is a story with its expected
//! course. `UPDATE_GOLDENFILES=1 cargo test --test raft` writes the courses anew; read the
//! difference before you commit it.
//!
//! The commands are described in `script.rs`. `chaos.rs` leaves the course of events to chance.

mod chaos;
mod cluster;
mod script;

use std::path::Path;

use script::Script;

macro_rules! scripts {
    ($($name:ident),* $(,)?) => {$(
        #[test]
        fn $name() {
            let path = Path::new(env!("CARGO_MANIFEST_DIR"))
                .join("tests/raft/scripts")
                .join(stringify!($name));
            goldenscript::run(&mut Script::default(), path).expect("the script can be run");
        }
    )*

    #[test]
    fn every_script_is_run() {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/raft/scripts");
        let mut files: Vec<String> = directory
            .read_dir()
            .expect("the scripts are there")
            .map(|entry| entry.expect("readable").file_name().to_string_lossy().into_owned())
            .collect();
        files.sort();
        let mut named = vec![$(stringify!($name).to_owned()),*];
        named.sort();
        assert_eq!(files, named);
    }
}; }

scripts! {
    answer_on_route,
    bad_messages,
    commit_rule,
    deferred_commit,
    doubt,
    election,
    election_split_vote,
    election_stale_candidate,
    election_thrifty_follower,
    fate_answered_before_the_crash,
    fate_answered_by_its_answerer,
    fate_left_and_inherited,
    fate_left_to_the_absent,
    fate_overwritten,
    fate_superseded,
    fate_take_over_undecided,
    fate_taken_over,
    fate_taken_over_in_turn,
    fate_taken_over_returns,
    fate_unknown_to_the_leader,
    figure_7_log_repair,
    figure_8_older_term,
    forged_receipts,
    fuller_log_wins,
    lease,
    lost_quorum,
    pre_vote_idle_cluster,
    pre_vote_refused,
    redirect_and_hold,
    repair_by_the_next_append,
    retry_budget,
    route,
    route_refused_in_the_middle,
    suspicion,
    thrifty_appends,
}
