//! Says in a sentence what is wrong with a few operations on a key.
//!
//! It must say nothing that is not so: what it does not recognise it only states.

use std::collections::HashMap;

use super::operation::{Kind, Operation};
use super::picture::Names;

/// What is wrong with operations that prove a violation.
pub(super) fn explain(operations: &[Operation]) -> String {
    let names = Names::of(operations);
    let by_value = Uses::by_value(operations);
    nothing_put_it(operations, &names, &by_value)
        .or_else(|| stale(operations, &names, &by_value))
        .or_else(|| contradiction(operations, &names, &by_value))
        .unwrap_or_else(|| {
            "no order of these operations, each placed within its time, lets every get return the \
             latest put before it"
                .to_owned()
        })
}

/// Whoever writes or reads a value.
#[derive(Default)]
struct Uses<'a> {
    puts: Vec<&'a Operation>,
    gets: Vec<&'a Operation>,
}

impl<'a> Uses<'a> {
    fn by_value(operations: &'a [Operation]) -> HashMap<&'a str, Uses<'a>> {
        let mut uses: HashMap<&str, Uses<'_>> = HashMap::from([("", Uses::default())]);
        for operation in operations {
            let uses = uses.entry(&operation.value).or_default();
            match operation.kind {
                Kind::Put => uses.puts.push(operation),
                Kind::Get => uses.gets.push(operation),
            }
        }
        uses
    }
}

/// Whether the one was over when the other began.
fn is_before(one: &Operation, other: &Operation) -> bool {
    one.returned_ns
        .is_some_and(|returned| returned < other.invoked_ns)
}

/// A get returned what nothing had put.
fn nothing_put_it(
    operations: &[Operation],
    names: &Names,
    by_value: &HashMap<&str, Uses<'_>>,
) -> Option<String> {
    let mut gets = operations
        .iter()
        .filter(|operation| operation.kind == Kind::Get && !operation.value.is_empty());
    gets.find_map(|get| {
        let puts = &by_value[&*get.value].puts;
        let said = names.sentence(get);
        if puts.is_empty() {
            return Some(format!("{said}, which nothing ever put"));
        }
        puts.iter()
            .all(|put| is_before(get, put))
            .then(|| format!("{said}, which was not put before the get was over"))
    })
}

/// A get returned a value that had been replaced before it began.
fn stale(
    operations: &[Operation],
    names: &Names,
    by_value: &HashMap<&str, Uses<'_>>,
) -> Option<String> {
    let gets = || operations.iter().filter(|o| o.kind == Kind::Get);
    let puts = || operations.iter().filter(|o| o.kind == Kind::Put);
    for get in gets() {
        let origins = &by_value[&*get.value].puts;
        let is_over = |by: &Operation| origins.iter().all(|put| is_before(put, by));
        let said = names.sentence(get);
        let value = names.value(get);
        let newer = puts()
            .filter(|put| put.value != get.value && is_before(put, get) && is_over(put))
            .max_by_key(|put| put.invoked_ns);
        if let Some(newer) = newer {
            return Some(format!(
                "{said} although {} was acknowledged before it began, and nothing put {value} \
                 in between",
                names.noun(newer)
            ));
        }
        let seen = gets().find(|other| {
            let puts = &by_value[&*other.value].puts;
            other.value != get.value
                && is_before(other, get)
                && !other.value.is_empty()
                && puts.iter().all(|put| is_over(put))
        });
        if let Some(seen) = seen {
            return Some(format!(
                "{said} although {} was over before it began, and nothing put {value} in between",
                names.noun(seen)
            ));
        }
    }
    None
}

/// Two values that were put once each must each come before the other.
fn contradiction(
    operations: &[Operation],
    names: &Names,
    by_value: &HashMap<&str, Uses<'_>>,
) -> Option<String> {
    let mut values: Vec<&str> = operations.iter().map(|o| &*o.value).collect();
    values.sort_unstable();
    values.dedup();
    // The empty value is there at first as well.
    values.retain(|&value| !value.is_empty() && by_value[value].puts.len() == 1);
    let link = |one: &str, other: &str| {
        let ones = operations.iter().filter(|o| *o.value == *one);
        let mut pairs = ones.flat_map(|first| {
            let others = operations.iter().filter(|o| *o.value == *other);
            others.map(move |second| (first, second))
        });
        pairs.find(|(first, second)| is_before(first, second))
    };
    for (index, &one) in values.iter().enumerate() {
        for &other in &values[index + 1..] {
            let (Some(there), Some(back)) = (link(one, other), link(other, one)) else {
                continue;
            };
            let because = |(first, second): (&Operation, &Operation)| {
                format!(
                    "{} was over before {} began, so {} came first",
                    names.noun(first),
                    names.noun(second),
                    names.value(first)
                )
            };
            return Some(format!(
                "{} and {} come from one put each; {}, but {}",
                names.text(one),
                names.text(other),
                because(there),
                because(back)
            ));
        }
    }
    None
}
