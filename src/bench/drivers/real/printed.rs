//! What replicas print: counted, limited on the terminal, kept for the trace.
//!
//! A replica may print without end. So the terminal gets so much of each and a line that says that there
//! is more; the trace gets all of it, up to a limit that no replica in its right mind reaches.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::bench::record::observed::Printed;
use crate::bench::show::terminal::Lines;
use crate::bench::trace::Output;
use crate::bench::trace::recording::nanoseconds;
use crate::id::Id;

/// How much of a replica's output is shown on the terminal in a run.
const MAX_SHOWN: Printed = Printed {
    lines: 2_000,
    bytes: 500_000,
};
/// How much of it is kept for the trace.
const MAX_KEPT: Printed = Printed {
    lines: 200_000,
    bytes: 16_000_000,
};

/// Where the output of a run's replicas goes.
#[derive(Debug)]
pub(super) struct Outputs {
    replicas: Vec<OutputOf>,
}

/// Where the output of one replica goes: both of its streams, each read by a thread.
#[derive(Clone, Debug)]
pub struct OutputOf {
    own: Id,
    /// Where it is shown, if it is.
    lines: Option<Lines>,
    /// Whether it is kept.
    keep: bool,
    so_far: Arc<Mutex<SoFar>>,
}

#[derive(Debug, Default)]
struct SoFar {
    all: Printed,
    shown: Printed,
    /// Whether it has been said that there is more than is shown.
    said: bool,
    kept_size: Printed,
    kept: Vec<Output>,
}

impl Outputs {
    /// Ways for the output of these replicas; `lines` shows it, `keep` keeps it for the trace.
    pub(super) fn new(
        replicas: impl Iterator<Item = Id>,
        lines: Option<&Lines>,
        keep: bool,
    ) -> Outputs {
        let of = |own| OutputOf {
            own,
            lines: lines.cloned(),
            keep,
            so_far: Arc::default(),
        };
        Outputs {
            replicas: replicas.map(of).collect(),
        }
    }

    /// The way for a replica, by index.
    pub(super) fn of(&self, replica: usize) -> OutputOf {
        self.replicas[replica].clone()
    }

    /// How much each replica has printed.
    pub(super) fn printed(&self) -> Vec<Printed> {
        let all = self.replicas.iter();
        all.map(|replica| replica.so_far().all).collect()
    }

    /// A line for each replica of which not all was shown.
    pub(super) fn not_shown(&self) -> Vec<String> {
        let all = self.replicas.iter().filter_map(|replica| {
            let so_far = replica.so_far();
            let lines = so_far.all.lines - so_far.shown.lines;
            let bytes = so_far.all.bytes - so_far.shown.bytes;
            (so_far.said && lines > 0).then(|| {
                format!(
                    "replica {} printed {lines} more lines ({:.1} MB) than are shown; --trace keeps them",
                    replica.own,
                    bytes as f64 / 1e6
                )
            })
        });
        all.collect()
    }

    /// What was kept, in the order of time, and how many lines were not.
    pub(super) fn into_kept(self) -> (Vec<Output>, u64) {
        let mut kept = Vec::new();
        let mut left_out = 0;
        for replica in &self.replicas {
            let mut so_far = replica.so_far();
            if replica.keep {
                left_out += so_far.all.lines - so_far.kept_size.lines;
            }
            kept.append(&mut so_far.kept);
        }
        kept.sort_by_key(|output| output.time_ns);
        (kept, left_out)
    }
}

impl OutputOf {
    /// A line that the replica printed.
    pub(super) fn take(&self, came: Duration, stream: &'static str, line: &str) {
        let mut so_far = self.so_far();
        so_far.all.add(line);
        if self.keep && so_far.kept_size.is_within(MAX_KEPT) {
            so_far.kept_size.add(line);
            so_far.kept.push(Output {
                time_ns: nanoseconds(came),
                replica: self.own,
                stream: stream.into(),
                text: line.to_owned(),
            });
        }
        let Some(lines) = &self.lines else { return };
        let time = came.as_secs_f64();
        let said = if so_far.shown.is_within(MAX_SHOWN) {
            so_far.shown.add(line);
            format!("[{time:.4}  Replica {}]: {line}", self.own)
        } else if !so_far.said {
            so_far.said = true;
            let shown = so_far.shown.lines;
            format!(
                "[{time:.4}  Replica {}]: … (it has printed {shown} lines; what follows is not shown)",
                self.own
            )
        } else {
            return;
        };
        // Whoever waits for the terminal must not hold up the other stream.
        drop(so_far);
        lines.send(said);
    }

    fn so_far(&self) -> MutexGuard<'_, SoFar> {
        self.so_far.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_counted_and_what_is_kept_has_a_limit() {
        let outputs = Outputs::new([Id(0), Id(1)].into_iter(), None, true);
        let line = "x".repeat(4_000);
        for at in 0..5_000 {
            outputs
                .of(1)
                .take(Duration::from_nanos(9_000 - at), "stdout", &line);
        }
        outputs.of(0).take(Duration::from_nanos(1), "stderr", "oh");
        let printed = outputs.printed();
        assert_eq!((printed[0].lines, printed[1].lines), (1, 5_000));
        let (kept, left_out) = outputs.into_kept();
        assert_eq!(kept.len() as u64 + left_out, 5_001);
        assert!(left_out > 0);
        assert_eq!((&*kept[0].stream, &*kept[0].text), ("stderr", "oh"));
        assert!(kept.is_sorted_by_key(|output| output.time_ns));
    }
}
