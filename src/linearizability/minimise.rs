//! Finds few operations on a key that prove that it is not linearizable.
//!
//! A set of operations proves something about the whole history if no put outside of it can have
//! been read by a get in it: then an order of the whole, restricted to the set, would be an order of
//! the set. It must never leave out a put that could explain a get which it keeps.

use std::collections::{HashMap, HashSet};

use super::register::{Decision, INITIAL, RegisterOperation, Search};

/// How many states all attempts to leave something out may cost together: a few seconds. At the
/// limit the set stays as it is, so it may be larger than necessary.
const MAX_STATES: u64 = 10_000_000;
/// How many operations all these attempts may look at together, for the same reason.
const MAX_OPERATIONS: u64 = 50_000_000;

/// The indices, in ascending order, of operations that prove a violation. None of them can be left
/// out but a put that only shows where a value came from. `history` must not be linearizable.
pub(super) fn minimise(history: &[RegisterOperation], search: &mut Search) -> Vec<usize> {
    let mut minimiser = Minimiser {
        history,
        search,
        start: (0..history.len()).collect(),
        states_left: MAX_STATES,
        operations_left: MAX_OPERATIONS,
    };
    minimiser.start = minimiser.first_violation();
    let mut smallest = minimiser.start.clone();
    // What is left depends on what is tried first.
    for latest_first in [false, true] {
        let kept = minimiser.leave_out(minimiser.start.clone(), false, latest_first);
        let kept = minimiser.leave_out(kept, true, latest_first);
        if kept.len() < smallest.len() {
            smallest = kept;
        }
    }
    minimiser.add_origins(&mut smallest);
    smallest
}

struct Minimiser<'a> {
    history: &'a [RegisterOperation],
    search: &'a mut Search,
    /// Where leaving out begins: a proof, and later puts can explain none of its gets.
    start: Vec<usize>,
    states_left: u64,
    operations_left: u64,
}

impl Minimiser<'_> {
    /// The operations until the first return of a get at which the history is not linearizable.
    fn first_violation(&mut self) -> Vec<usize> {
        let mut instants: Vec<u64> = self
            .history
            .iter()
            .filter(|operation| !operation.is_put)
            .filter_map(|operation| operation.returned_ns)
            .collect();
        instants.sort_unstable();
        instants.dedup();
        // What has begun later cannot explain a get that has returned, so a violation stays one.
        let first = instants.partition_point(|&instant| !self.is_violation(&self.until(instant)));
        let last = instants.get(first).or(instants.last());
        match last.map(|&instant| self.until(instant)) {
            Some(kept) if first < instants.len() => kept,
            _ => (0..self.history.len()).collect(),
        }
    }

    /// The puts that had begun and the gets that had returned at an instant.
    fn until(&self, instant_ns: u64) -> Vec<usize> {
        let is_in = |operation: &RegisterOperation| match operation.returned_ns {
            Some(returned) if !operation.is_put => returned <= instant_ns,
            _ => operation.invoked_ns <= instant_ns,
        };
        (0..self.history.len())
            .filter(|&index| is_in(&self.history[index]))
            .collect()
    }

    /// Leaves out as many as possible of the puts, or of the gets: first large pieces, in the end
    /// each alone.
    fn leave_out(&mut self, mut kept: Vec<usize>, puts: bool, latest_first: bool) -> Vec<usize> {
        let mut candidates: Vec<usize> = kept
            .iter()
            .copied()
            .filter(|&index| self.history[index].is_put == puts)
            .collect();
        candidates.sort_by_key(|&index| self.history[index].invoked_ns);
        if latest_first {
            candidates.reverse();
        }
        let mut size = candidates.len();
        while size > 0 {
            let mut staying = Vec::with_capacity(candidates.len());
            for piece in candidates.chunks(size) {
                if self.operations_left == 0 || self.states_left == 0 {
                    return kept;
                }
                let mut piece = piece.to_vec();
                piece.sort_unstable();
                let fewer: Vec<usize> = kept
                    .iter()
                    .copied()
                    .filter(|index| piece.binary_search(index).is_err())
                    .collect();
                if self.is_proof(&fewer) {
                    kept = fewer;
                } else {
                    staying.extend(piece);
                }
            }
            candidates = staying;
            size /= 2;
        }
        kept
    }

    fn is_proof(&mut self, kept: &[usize]) -> bool {
        self.operations_left = self.operations_left.saturating_sub(self.start.len() as u64);
        self.is_closed(kept) && self.is_violation(kept)
    }

    fn is_violation(&mut self, kept: &[usize]) -> bool {
        let operations: Vec<RegisterOperation> =
            kept.iter().map(|&index| self.history[index]).collect();
        let decision = self.search.decide(&operations, self.states_left);
        self.states_left = self.states_left.saturating_sub(self.search.states_seen());
        decision == Decision::NotLinearizable
    }

    /// Whether no get of the set can have read a put outside of it.
    fn is_closed(&self, kept: &[usize]) -> bool {
        let kept_operations = || kept.iter().map(|&index| &self.history[index]);
        // By the end of each kept put, the latest beginning of those that have ended by then.
        let mut overwritten: Vec<(u64, u64)> = kept_operations()
            .filter(|operation| operation.is_put)
            .filter_map(|put| Some((put.returned_ns?, put.invoked_ns)))
            .collect();
        overwritten.sort_unstable();
        let mut latest = 0;
        for (_, begun) in &mut overwritten {
            latest = latest.max(*begun);
            *begun = latest;
        }
        // For each value the gets of it: what a put must not have ended before, nor begun after.
        let mut gets: HashMap<u32, Vec<(u64, u64)>> = HashMap::new();
        for get in kept_operations().filter(|operation| !operation.is_put) {
            let ended = overwritten.partition_point(|&(ended, _)| ended < get.invoked_ns);
            let since = ended.checked_sub(1).map_or(0, |last| overwritten[last].1);
            let until = get.returned_ns.unwrap_or(u64::MAX);
            gets.entry(get.value).or_default().push((since, until));
        }
        let mut kept = kept.iter().copied().peekable();
        self.start.iter().all(|&index| {
            if kept.next_if_eq(&index).is_some() {
                return true;
            }
            let operation = &self.history[index];
            let returned = operation.returned_ns.unwrap_or(u64::MAX);
            !operation.is_put
                || gets.get(&operation.value).is_none_or(|gets| {
                    gets.iter()
                        .all(|&(since, until)| operation.invoked_ns > until || returned < since)
                })
        })
    }

    /// Adds for every value that is read, but put by none of the set, the put that it seems to come
    /// from, if there is any. It proves nothing, but shows what happened.
    fn add_origins(&self, kept: &mut Vec<usize>) {
        let (puts, gets): (Vec<usize>, Vec<usize>) =
            kept.iter().partition(|&&index| self.history[index].is_put);
        let mut has_put: HashSet<u32> = puts.iter().map(|&put| self.history[put].value).collect();
        has_put.insert(INITIAL);
        for get in gets {
            let get = &self.history[get];
            if !has_put.insert(get.value) {
                continue;
            }
            let is_origin = |&index: &usize| {
                let put = &self.history[index];
                put.is_put && put.value == get.value
            };
            let begun = |index: &usize| self.history[*index].invoked_ns;
            let is_later = |index: &usize| Some(begun(index)) > get.returned_ns;
            let origins = || (0..self.history.len()).filter(is_origin);
            let before = origins().filter(|index| !is_later(index)).max_by_key(begun);
            let after = || origins().min_by_key(begun);
            kept.extend(before.or_else(after));
        }
        kept.sort_unstable();
    }
}
