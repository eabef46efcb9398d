//! Tells whoever draws pictures of a run how the replica's state changes: a line on stderr for each
//! change, if the environment asks for it. Costs nothing otherwise.

use std::io::Write;

use serde::Serialize;

use super::state::{LINE_START, StateChange, StateWatch, VARIABLE};
use crate::replica::View;

/// Tells of changes.
pub(super) struct Teller {
    watch: StateWatch,
}

#[derive(Serialize)]
struct Line {
    /// When, on the replica's clock.
    at_ns: u64,
    #[serde(flatten)]
    change: StateChange,
}

impl Teller {
    /// One, if the environment asks for it.
    pub(super) fn if_wanted() -> Option<Teller> {
        std::env::var_os(VARIABLE).filter(|value| value == "1")?;
        let watch = StateWatch::default();
        Some(Teller { watch })
    }

    /// Tells what is new. A stderr that cannot be written is no error.
    pub(super) fn tell(&mut self, view: &View<'_>) {
        let at_ns = u64::try_from(view.now().since_epoch().as_nanos()).unwrap_or(u64::MAX);
        while let Some(change) = self.watch.change(view) {
            if let Ok(text) = serde_json::to_string(&Line { at_ns, change }) {
                let _ = writeln!(std::io::stderr(), "{LINE_START}{text}");
            }
        }
    }
}
