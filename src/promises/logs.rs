//! Logs as numbers: every different beginning of a log gets one, so that two are compared by
//! comparing numbers, whatever their length.

use crate::consensus::log::Log;
use crate::consensus::{Entry, Index, LogId, Term};
use crate::kv::Command;

/// The number of an entry with all before it, from 1: equal for equal ones. 0 is the empty log.
pub(super) type Chain = u64;

/// All entries that were ever in a log.
#[derive(Clone, Debug, Default)]
pub(super) struct Entries {
    /// By their indices; one for each term that had an entry there, so mostly one.
    seen: Vec<Vec<Seen>>,
    chains: Chain,
}

#[derive(Clone, Debug)]
struct Seen {
    entry: Entry<Command>,
    before: Chain,
    chain: Chain,
}

impl Entries {
    /// The number of the entry at `index` behind `before`; none if another entry of its term is known
    /// there, or other ones before it.
    fn chain(&mut self, index: Index, before: Chain, entry: &Entry<Command>) -> Option<Chain> {
        let place = index.0 as usize - 1;
        if self.seen.len() <= place {
            self.seen.resize_with(place + 1, Vec::new);
        }
        let here = &mut self.seen[place];
        if let Some(seen) = here.iter().find(|seen| seen.entry.term == entry.term) {
            // Replicas mostly share a put's memory, which this comparison knows.
            return (seen.before == before && seen.entry == *entry).then_some(seen.chain);
        }
        self.chains += 1;
        here.push(Seen {
            entry: entry.clone(),
            before,
            chain: self.chains,
        });
        Some(self.chains)
    }

    /// The entry of that number.
    pub(super) fn find(&self, index: Index, chain: Chain) -> Option<&Entry<Command>> {
        let here = self.seen.get(index.0 as usize - 1)?;
        let seen = here.iter().find(|seen| seen.chain == chain)?;
        Some(&seen.entry)
    }
}

/// A replica's log, and what a snapshot covers before it: per entry its term and the chain up to it.
#[derive(Clone, Debug, Default)]
pub(super) struct Mirror(Vec<(Term, Chain)>);

impl Mirror {
    /// The index of the last entry.
    pub(super) fn last(&self) -> Index {
        Index(self.0.len() as u64)
    }

    /// What is at an index; none where there is nothing.
    pub(super) fn at(&self, index: Index) -> Option<(Term, Chain)> {
        let place = index.0.checked_sub(1)?;
        self.0.get(place as usize).copied()
    }

    /// Whether it holds what the log's base says is covered by a snapshot.
    pub(super) fn holds_base(&self, log: &Log<Command>) -> bool {
        let base = log.base();
        let own = self.at(base.index).map(|(term, _)| term);
        base.index == Index::ZERO || own == Some(base.term)
    }

    /// Begins anew behind a snapshot, which covers so much of what is committed.
    pub(super) fn install(&mut self, covered: &[(Term, Chain)]) {
        self.0 = covered.to_vec();
    }

    /// Brings the mirror up to date.
    ///
    /// # Errors
    ///
    /// The log ID at which the log is like no other that holds it.
    pub(super) fn follow(
        &mut self,
        log: &Log<Command>,
        entries: &mut Entries,
    ) -> Result<(), LogId> {
        let length = log.last_index();
        self.0.truncate(length.0 as usize);
        let base = log.base().index;
        while let Some(&(term, _)) = self.0.last()
            && self.last() > base
            && log.id_at(self.last()).map(|id| id.term) != Some(term)
        {
            self.0.pop();
        }
        while self.last() < length {
            let index = self.last().next();
            let entry = log.entry(index).expect("an index within the log");
            let before = self.0.last().map_or(0, |&(_, chain)| chain);
            let term = entry.term;
            match entries.chain(index, before, entry) {
                Some(chain) => self.0.push((term, chain)),
                None => return Err(LogId { term, index }),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::consensus::Payload;
    use crate::id::Id;
    use crate::kv::Put;

    fn noop(term: u64) -> Entry<Command> {
        Entry {
            term: Term(term),
            payload: Payload::Noop,
        }
    }

    fn put(term: u64, value: &str) -> Entry<Command> {
        Entry {
            term: Term(term),
            payload: Payload::Command(Command::Put(Arc::new(Put {
                key: "k".to_owned(),
                value: value.to_owned(),
                client: Id(0x15),
                mid: "m".to_owned(),
                answerer: Id(1),
            }))),
        }
    }

    #[test]
    fn beginnings_of_logs_have_the_same_number_only_if_they_are_the_same() {
        let mut entries = Entries::default();
        let first = entries.chain(Index(1), 0, &noop(1)).unwrap();
        let second = entries.chain(Index(2), first, &put(2, "v")).unwrap();
        assert_ne!(first, second);
        assert_eq!(entries.chain(Index(1), 0, &noop(1)), Some(first));
        assert_eq!(entries.chain(Index(2), first, &put(2, "v")), Some(second));
        // Another leader's entry in the same place is another beginning.
        let other = entries.chain(Index(1), 0, &noop(2)).unwrap();
        assert!(![first, second].contains(&other));
    }

    #[test]
    fn a_place_and_a_term_have_one_entry_and_one_past() {
        let mut entries = Entries::default();
        let first = entries.chain(Index(1), 0, &noop(1)).unwrap();
        let other = entries.chain(Index(1), 0, &noop(2)).unwrap();
        entries.chain(Index(2), first, &put(2, "v")).unwrap();
        assert_eq!(entries.chain(Index(2), first, &put(2, "w")), None);
        assert_eq!(entries.chain(Index(2), first, &noop(2)), None);
        assert_eq!(entries.chain(Index(2), other, &put(2, "v")), None);
    }
}
