//! The protocol without I/O: in readable scenarios, under chance, and under an exhaustive check.
//!
//! Each file in `scripts/` is a story with its expected course, about consensus alone or about replicas.
//! `UPDATE_GOLDENFILES=1 cargo test --test protocol` writes the courses anew; read the
//! difference before you commit it. The commands are described in `script.rs`.

mod chaos;
mod cluster;
mod consensus_script;
mod kv_script;
mod machine;
mod model;
mod pinned;
mod script;
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
    election,
}

scripts! { kv, crate::kv_script::KvScript:
    answer_on_route,
}
