//! Of which terms the entries were that are gone from a log: so a log ID that is older than the log can still be judged.

use super::types::{Index, LogId, Term};

/// How many terms are remembered: those of the last elections. So many fit beside what else a message with a part of a
/// snapshot says.
pub const MAX_SPANS: usize = 32;

/// The last terms, each with its first index, in ascending order; each ends where the next one begins.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Spans(Vec<LogId>);

impl Spans {
    /// Those that a message tells, of a log that ends with `last`.
    ///
    /// # Errors
    ///
    /// What is wrong with them.
    pub fn new(firsts: Vec<LogId>, last: LogId) -> Result<Spans, String> {
        let ascends = |pair: &[LogId]| pair[0].term < pair[1].term && pair[0].index < pair[1].index;
        let ends_so = firsts
            .last()
            .is_some_and(|first| first.term == last.term && first.index <= last.index);
        let begins_so = firsts
            .first()
            .is_some_and(|first| first.index > Index::ZERO);
        match firsts.windows(2).all(ascends) && begins_so && ends_so && firsts.len() <= MAX_SPANS {
            true => Ok(Spans(firsts)),
            false => Err(format!(
                "{firsts:?} are no first entries of terms up to {last}"
            )),
        }
    }

    /// The first entry of each.
    pub fn firsts(&self) -> &[LogId] {
        &self.0
    }

    /// The next entry is that one.
    pub(super) fn note(&mut self, id: LogId) {
        if self.0.last().is_some_and(|first| first.term == id.term) {
            return;
        }
        if self.0.len() == MAX_SPANS {
            self.0.remove(0);
        }
        self.0.push(id);
    }

    /// The term of the entry at an index, which must not lie behind the last one; none if it is not remembered.
    pub(super) fn term_at(&self, index: Index) -> Option<Term> {
        let behind = self.0.partition_point(|first| first.index <= index);
        Some(self.0.get(behind.checked_sub(1)?)?.term)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(term: u64, index: u64) -> LogId {
        LogId {
            term: Term(term),
            index: Index(index),
        }
    }

    #[test]
    fn the_terms_of_the_last_elections_are_remembered() {
        let mut spans = Spans::default();
        let terms = MAX_SPANS as u64 + 1;
        for term in 1..=terms {
            spans.note(id(term, 2 * term));
            spans.note(id(term, 2 * term + 1));
        }
        assert_eq!(spans.term_at(Index(3)), None);
        assert_eq!(spans.term_at(Index(4)), Some(Term(2)));
        assert_eq!(spans.term_at(Index(5)), Some(Term(2)));
        assert_eq!(spans.term_at(Index(2 * terms + 1)), Some(Term(terms)));
        assert_eq!(
            Spans::new(spans.firsts().to_vec(), id(terms, 2 * terms + 1)),
            Ok(spans)
        );
    }

    #[test]
    fn what_cannot_be_is_refused() {
        for (firsts, last) in [
            (vec![], id(1, 1)),
            (vec![id(1, 0)], id(1, 1)),
            (vec![id(1, 2)], id(1, 1)),
            (vec![id(1, 1)], id(2, 3)),
            (vec![id(2, 1), id(1, 2)], id(1, 3)),
            (vec![id(1, 2), id(2, 2)], id(2, 3)),
        ] {
            assert!(Spans::new(firsts.clone(), last).is_err(), "{firsts:?}");
        }
    }
}
