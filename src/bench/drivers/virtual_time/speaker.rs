//! Who speaks when a core logs something, and when in the run. A logger asks for it: cores know neither
//! their driver nor its time.

use std::cell::Cell;
use std::time::Duration;

use log::debug;

use crate::id::Id;
use crate::replica::{Input, Output};

thread_local! {
    /// Which core acts on this thread, and since when in its run.
    static SPEAKER: Cell<Option<(Duration, Id)>> = const { Cell::new(None) };
}

/// Whose step it is on this thread, and when in its run; nobody's between steps.
pub fn speaker() -> Option<(Duration, Id)> {
    SPEAKER.get()
}

/// A core acts now, or none does.
pub(super) fn set(who: Option<(Duration, Id)>) {
    SPEAKER.set(who);
}

/// The core that acts takes something in.
pub(super) fn hears(input: &Input) {
    match input {
        Input::Letter { from, letter } => debug!("<- {from} {letter:?}"),
        Input::Request(request) => debug!("<- {request:?}"),
        Input::Durable(number) => debug!("<- write {number} is durable"),
    }
}

/// The core that acts wants something done.
pub(super) fn says(output: &Output) {
    match output {
        Output::Send { to, letter } => debug!("-> {to} {letter:?}"),
        Output::Answer(answer) => debug!("-> {answer:?}"),
    }
}
