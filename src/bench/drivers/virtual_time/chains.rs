//! The beginnings of logs, by number: two logs are the same up to an entry if the numbers are the same.
//!
//! So a whole log is compared by one number.

use crate::raft::Index;
use crate::raft::entry::Entry;

/// The number of an entry with all before it, from 1: equal for equal ones. 0 is the empty log.
pub(super) type Chain = u64;

/// All entries that were ever in a log.
#[derive(Debug, Default)]
pub(super) struct Entries {
    /// By their indices; one for each term that had an entry there, so mostly one.
    seen: Vec<Vec<Seen>>,
    chains: Chain,
}

#[derive(Debug)]
struct Seen {
    entry: Entry,
    before: Chain,
    chain: Chain,
}

impl Entries {
    /// The number of the entry at `index` behind `before`; none if another entry of its term is known
    /// there, or other ones before it.
    pub(super) fn chain(&mut self, index: Index, before: Chain, entry: &Entry) -> Option<Chain> {
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

    /// The entry at `index` that has this number.
    pub(super) fn find(&self, index: Index, chain: Chain) -> Option<&Entry> {
        let here = &self.seen[index.0 as usize - 1];
        let seen = here.iter().find(|seen| seen.chain == chain)?;
        Some(&seen.entry)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::id::Id;
    use crate::raft::Term;
    use crate::raft::entry::{Command, Put};

    fn renewal(term: u64) -> Entry {
        Entry {
            term: Term(term),
            command: Command::Renew,
        }
    }

    fn put(term: u64, value: &str) -> Entry {
        Entry {
            term: Term(term),
            command: Command::Put(Arc::new(Put {
                key: "k".to_owned(),
                value: value.to_owned(),
                client: Id(0x15),
                mid: "m".to_owned(),
                answerer: Id(1),
            })),
        }
    }

    #[test]
    fn beginnings_of_logs_have_the_same_number_only_if_they_are_the_same() {
        let mut entries = Entries::default();
        let first = entries.chain(Index(1), 0, &renewal(1)).unwrap();
        let second = entries.chain(Index(2), first, &put(2, "v")).unwrap();
        assert_ne!(first, second);
        assert_eq!(entries.chain(Index(1), 0, &renewal(1)), Some(first));
        assert_eq!(entries.chain(Index(2), first, &put(2, "v")), Some(second));
        // Another leader's entry in the same place is another beginning.
        let other = entries.chain(Index(1), 0, &renewal(2)).unwrap();
        assert!(![first, second].contains(&other));
    }

    #[test]
    fn a_place_and_a_term_have_one_entry_and_one_past() {
        let mut entries = Entries::default();
        let first = entries.chain(Index(1), 0, &renewal(1)).unwrap();
        let other = entries.chain(Index(1), 0, &renewal(2)).unwrap();
        entries.chain(Index(2), first, &put(2, "v")).unwrap();
        assert_eq!(entries.chain(Index(2), first, &put(2, "w")), None);
        assert_eq!(entries.chain(Index(2), first, &renewal(2)), None);
        assert_eq!(entries.chain(Index(2), other, &put(2, "v")), None);
    }
}
