//! A state as text, for who has to understand a broken promise.

use std::fmt;

use leasekv::kv::Command;

use super::State;

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for view in self.views() {
            let log: Vec<String> = view
                .entries()
                .map(|entry| match entry.command() {
                    None => format!("no-op@{}", entry.term),
                    Some(Command::Put(put)) => {
                        format!("put {}@{} by {}", put.mid, entry.term, put.answerer)
                    }
                    Some(Command::TakeOver(it)) => {
                        let term = entry.term;
                        format!(
                            "{} takes over from {} after {}@{term}",
                            it.by, it.from, it.after
                        )
                    }
                })
                .collect();
            writeln!(
                f,
                "{}{} {:?} in term {}, at {}, commit {}, applied {}, {log:?}",
                view.id(),
                if self.is_away(view.id()) { " away" } else { "" },
                view.role(),
                view.term(),
                view.now(),
                view.commit(),
                view.service().applied(),
            )?;
        }
        for envelope in self.post() {
            writeln!(f, "on its way: {envelope}")?;
        }
        write!(f, "{:?} {:?} {:?}", self.counts, self.past, self.broken)
    }
}
