//! The trace of a run: everything that happens in it, a line each, in the order in which it happens.
//!
//! Two runs are the same if their traces are: inputs and outputs stand in it with all they contain,
//! and times to the nanosecond. Written only for runs that ask for it; it must never influence a run.

use std::fmt::{self, Write as _};
use std::time::Duration;

use crate::bench::world::border::Action;
use crate::replica::{Input, Output};

/// The lines so far; none are kept unless they were asked for.
#[derive(Debug, Default)]
pub(super) struct Transcript(Option<String>);

impl Transcript {
    /// An empty one that keeps its lines if `is_kept`.
    pub(super) fn new(is_kept: bool) -> Transcript {
        Transcript(is_kept.then(String::new))
    }

    /// The text, if it was kept.
    pub(super) fn into_text(self) -> Option<String> {
        self.0
    }

    /// The replica with this index takes something in.
    pub(super) fn input(&mut self, now: Duration, index: usize, input: &Input) {
        match input {
            Input::Letter { from, letter } => self.line(
                now,
                format_args!("{from} -> {index:04X} {letter}: {letter:?}"),
            ),
            Input::Request(request) => self.line(
                now,
                format_args!(
                    "{} -> {index:04X} {} {:?}",
                    request.client, request.mid, request.operation
                ),
            ),
            Input::Durable(number) => {
                self.line(now, format_args!("disk -> {index:04X} write {number}"));
            }
        }
    }

    /// The disk of the replica with this index has ended it, or does not let it start.
    pub(super) fn disk(&mut self, now: Duration, index: usize, problem: &str) {
        self.line(now, format_args!("disk of {index:04X}: {problem}"));
    }

    /// The replica with this index is called without an input.
    pub(super) fn timer(&mut self, now: Duration, index: usize) {
        self.line(now, format_args!("{index:04X} timer"));
    }

    /// The replica with this index wants something done.
    pub(super) fn output(&mut self, now: Duration, index: usize, output: &Output) {
        self.line(now, format_args!("{index:04X} wants {output:?}"));
    }

    /// Something reaches the replica with this index that is dead, or is paused with a full socket.
    pub(super) fn missed(&mut self, now: Duration, index: usize, input: &Input) {
        self.line(now, format_args!("{index:04X} misses {input:?}"));
    }

    /// An output of the replica with this index reaches the simulator.
    pub(super) fn heard(&mut self, now: Duration, index: usize, output: &Output) {
        self.line(now, format_args!("simulator hears {index:04X}: {output:?}"));
    }

    /// The simulator acts.
    pub(super) fn action<P: fmt::Debug>(&mut self, now: Duration, action: &Action<P>) {
        match action {
            Action::Note(text) => self.line(now, format_args!("simulator {text}")),
            _ => self.line(now, format_args!("simulator acts: {action:?}")),
        }
    }

    fn line(&mut self, now: Duration, what: fmt::Arguments<'_>) {
        if let Some(text) = &mut self.0 {
            let (seconds, nanos) = (now.as_secs(), now.subsec_nanos());
            writeln!(text, "{seconds}.{nanos:09} {what}").expect("memory");
        }
    }
}
