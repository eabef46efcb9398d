//! Whether what clients saw of a key-value store can be explained by one copy of the data.
//!
//! A history is *linearizable* (Herlihy & Wing) if every operation can be given one instant between
//! its invocation and its return so that, in the order of these instants, every get returns the
//! value of the last put before it, or `""` if there is none. It is so if it is so for each key
//! alone, so each key is decided alone.
//!
//! This module knows histories. It must never know Raft, nor how a history came about.
//!
//! | file | what it does |
//! | --- | --- |
//! | [`operation`] | the nouns: operations, and what can be found out |
//! | [`history`] | reads a history file |
//! | `register` | decides one key |
//! | `minimise` | finds the few operations that a violation needs |
//! | `explanation` | says in a sentence what is wrong with them |
//! | `picture` | draws them |

mod explanation;
pub mod history;
mod minimise;
pub mod operation;
mod picture;
mod register;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;

pub use operation::{Kind, Operation, Outcome, Violation};
use register::{Decision, RegisterOperation, Search};

/// How many states of the search one key may cost in [`check`], which takes a few seconds. At the
/// limit the key is given up. Keys whose puts all have different values stay far below it.
pub const MAX_STATES_PER_KEY: u64 = 4_000_000;

/// Whether a history is linearizable. The order of `operations` does not matter.
pub fn check(operations: &[Operation]) -> Outcome {
    check_within(operations, MAX_STATES_PER_KEY)
}

/// [`check`] with another limit than [`MAX_STATES_PER_KEY`].
pub fn check_within(operations: &[Operation], max_states_per_key: u64) -> Outcome {
    let groups = Groups::by_key(operations);
    let mut search = Search::default();
    let mut register = Register::default();
    let mut violated: Vec<&[usize]> = Vec::new();
    let mut undecided: Vec<(&[usize], u64)> = Vec::new();
    for members in groups.iter() {
        register.load(operations, members);
        match search.decide(&register.operations, max_states_per_key) {
            Decision::Linearizable => {}
            Decision::NotLinearizable => violated.push(members),
            Decision::GaveUp { states } => undecided.push((members, states)),
        }
    }
    let key = |members: &[usize]| Arc::clone(&operations[members[0]].key);
    if let Some(members) = violated.first() {
        register.load(operations, members);
        let needed = minimise::minimise(&register.operations, &mut search);
        let mut needed: Vec<Operation> = needed
            .into_iter()
            .map(|index| operations[register.origins[index]].clone())
            .collect();
        needed.sort_by_key(|operation| (operation.invoked_ns, operation.returned_ns));
        return Outcome::Violation(Violation {
            key: key(members),
            explanation: explanation::explain(&needed),
            operations: needed,
            violated_keys: violated.len(),
            undecided_keys: undecided.len(),
        });
    }
    match undecided.first() {
        Some(&(members, states)) => Outcome::GaveUp {
            keys: undecided.len(),
            key: key(members),
            states,
        },
        None => Outcome::Linearizable {
            keys: groups.ends.len(),
        },
    }
}

/// The indices of the operations on each key, keys in the order in which they first occur.
struct Groups {
    members: Vec<usize>,
    /// Where each group ends in `members`.
    ends: Vec<usize>,
}

impl Groups {
    fn by_key(operations: &[Operation]) -> Self {
        let mut numbers: HashMap<&str, usize> = HashMap::with_capacity(operations.len().min(1024));
        let mut ends: Vec<usize> = Vec::new();
        let mut number_of: Vec<usize> = Vec::with_capacity(operations.len());
        for operation in operations {
            let number = *numbers.entry(&operation.key).or_insert_with(|| {
                ends.push(0);
                ends.len() - 1
            });
            ends[number] += 1;
            number_of.push(number);
        }
        let mut next = Vec::with_capacity(ends.len());
        let mut total = 0;
        for end in &mut ends {
            next.push(total);
            total += *end;
            *end = total;
        }
        let mut members = vec![0; operations.len()];
        for (index, number) in number_of.into_iter().enumerate() {
            members[next[number]] = index;
            next[number] += 1;
        }
        Groups { members, ends }
    }

    fn iter(&self) -> impl Iterator<Item = &[usize]> {
        let mut start = 0;
        self.ends.iter().map(move |&end| {
            let group = &self.members[start..end];
            start = end;
            group
        })
    }
}

/// The operations on one key, with numbers for values.
#[derive(Default)]
struct Register<'a> {
    operations: Vec<RegisterOperation>,
    /// Which operation of the history each is.
    origins: Vec<usize>,
    numbers: HashMap<&'a str, u32>,
}

impl<'a> Register<'a> {
    /// Takes in the given members of a history. Leaves out gets that never returned.
    fn load(&mut self, history: &'a [Operation], members: &[usize]) {
        self.operations.clear();
        self.origins.clear();
        self.numbers.clear();
        self.numbers.insert("", register::INITIAL);
        for &index in members {
            let operation = &history[index];
            let is_put = operation.kind == Kind::Put;
            if !is_put && operation.returned_ns.is_none() {
                continue;
            }
            let unused = self.numbers.len() as u32;
            self.operations.push(RegisterOperation {
                is_put,
                value: *self.numbers.entry(&operation.value).or_insert(unused),
                invoked_ns: operation.invoked_ns,
                returned_ns: operation
                    .returned_ns
                    .map(|returned| returned.max(operation.invoked_ns)),
            });
            self.origins.push(index);
        }
    }
}
