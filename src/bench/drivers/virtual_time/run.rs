//! One run in virtual time, from its order to what became of it.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::driver::Driver;
use super::order::Order;
use crate::bench::trace::Recording;
use crate::bench::trace::recording::raw;
use crate::bench::verdict::report::Report;
use crate::bench::verdict::violation::Violation;
use crate::course::encode::encode_letter;

/// What became of it.
#[derive(Clone, Debug)]
pub struct Run {
    /// What the simulator reports.
    pub report: Report,
    /// Every message and change of state, if it was asked for.
    pub recording: Option<Recording>,
    /// The first promise that was broken, if any was.
    pub violation: Option<Violation>,
    /// Everything that happened, a line each, if it was asked for.
    pub trace: Option<String>,
    /// How many steps the replicas took.
    pub steps: u64,
    /// How often a replica's log has let go of entries, and how many snapshots were installed.
    pub snapshots: (u64, u64),
}

/// Makes a run. Ends at the first broken promise.
pub fn run(order: &Order) -> Run {
    let mut driver = Driver::new(order);
    driver.play();
    driver.start_once_more();
    finish(driver, None)
}

/// The same, but a core that stops by one of its own assertions ends the run as a broken promise does,
/// so that what led to it can be shown.
pub fn run_whatever_happens(order: &Order) -> Run {
    let mut driver = Driver::new(order);
    let played = catch_unwind(AssertUnwindSafe(|| {
        driver.play();
        driver.start_once_more();
    }));
    let stopped = played.err().map(|panic| {
        let said = panic.downcast_ref::<String>().cloned();
        let said = said.or_else(|| panic.downcast_ref::<&str>().map(|&text| text.to_owned()));
        Violation {
            promise: "a core stopped",
            time: driver.now,
            what: said.unwrap_or_else(|| "it does not say why".to_owned()),
        }
    });
    finish(driver, stopped)
}

fn finish(driver: Driver, stopped: Option<Violation>) -> Run {
    let Driver {
        mut simulation,
        violation,
        trace,
        steps,
        recorder,
        ref promises,
        ..
    } = driver;
    let snapshots = promises.snapshots();
    let journal = simulation.take_journal();
    let recording = journal.zip(recorder).map(|(journal, recorder)| {
        Recording::new(journal, recorder.into_states(), |from, to, posted| {
            let mut datagram = Vec::new();
            encode_letter(&mut datagram, from, to, &posted.letter);
            raw(&datagram)
        })
    });
    Run {
        report: Report::of(simulation.into_ended()),
        recording,
        violation: violation.or(stopped),
        trace: trace.into_text(),
        steps,
        snapshots,
    }
}

#[cfg(test)]
mod fault_tests;
#[cfg(test)]
mod tests;
