//! Chance against a checker that tries all orders.

use std::collections::HashSet;

use proptest::prelude::*;

use super::*;

/// Tries all orders of what is not yet in `placed`, a bit for each operation; `hopeless` has the
/// situations that were tried before in vain.
fn has_an_order<'a>(
    operations: &[&'a Operation],
    placed: u32,
    value: &'a str,
    hopeless: &mut HashSet<(u32, &'a str)>,
) -> bool {
    let rest = || (0..operations.len()).filter(|index| placed >> index & 1 == 0);
    let Some(first_end) = rest()
        .filter_map(|index| operations[index].returned_ns)
        .min()
    else {
        return true;
    };
    if !hopeless.insert((placed, value)) {
        return false;
    }
    rest().any(|index| {
        let next = operations[index];
        let is_possible = next.kind == Kind::Put || *next.value == *value;
        next.invoked_ns <= first_end
            && is_possible
            && has_an_order(operations, placed | 1 << index, &next.value, hopeless)
    })
}

/// Whether there is an order; for at most 32 operations.
fn brute_force(operations: &[Operation]) -> bool {
    let said: Vec<&Operation> = operations
        .iter()
        .filter(|o| o.kind == Kind::Put || o.returned_ns.is_some())
        .collect();
    has_an_order(&said, 0, "", &mut HashSet::new())
}

prop_compose! {
    fn any_operation(values: usize, instants: u64)(
        is_put: bool,
        value in 0..values,
        begin in 0..instants,
        length in 0..instants / 2,
        returns in prop::bool::weighted(0.85),
    ) -> Operation {
        Operation {
            client: Id(0),
            request: 0,
            kind: if is_put { Kind::Put } else { Kind::Get },
            key: "k".into(),
            value: ["", "a", "b", "c", "d"][value].into(),
            invoked_ns: begin,
            returned_ns: returns.then_some(begin + length),
        }
    }
}

fn any_history() -> impl Strategy<Value = Vec<Operation>> {
    (2..=5_usize, 4..60_u64).prop_flat_map(|(values, instants)| {
        prop::collection::vec(any_operation(values, instants), 1..17)
    })
}

/// What a run of a register could have looked like: each operation takes effect at an instant of
/// its time. One value may be falsified.
fn likely_history() -> impl Strategy<Value = Vec<Operation>> {
    let falsified = prop::option::of((any::<prop::sample::Index>(), 0..5_usize));
    (any_history(), falsified).prop_map(|(mut operations, falsified)| {
        operations
            .sort_by_key(|o| o.invoked_ns + o.returned_ns.map_or(3, |end| end - o.invoked_ns) / 2);
        let mut value: Arc<str> = "".into();
        for operation in &mut operations {
            match operation.kind {
                Kind::Put => value = Arc::clone(&operation.value),
                Kind::Get => operation.value = Arc::clone(&value),
            }
        }
        if let Some((index, value)) = falsified {
            let index = index.index(operations.len());
            operations[index].value = ["", "a", "b", "c", "d"][value].into();
        }
        operations
    })
}

/// The verdict is that of brute force; a violation's operations are a violation by themselves, and
/// need each get.
fn agrees_with_brute_force(operations: &[Operation]) -> Result<(), TestCaseError> {
    match check(operations) {
        Outcome::Linearizable { .. } => prop_assert!(brute_force(operations)),
        Outcome::Violation(violation) => {
            prop_assert!(!brute_force(operations));
            prop_assert!(!brute_force(&violation.operations));
            prop_assert!(!violation.to_string().is_empty());
            for (index, operation) in violation.operations.iter().enumerate() {
                let mut rest = violation.operations.clone();
                rest.remove(index);
                prop_assert!(
                    operation.kind == Kind::Put || brute_force(&rest),
                    "superfluous: {operation:?} in {violation}"
                );
            }
        }
        Outcome::GaveUp { .. } => prop_assert!(false, "gave up"),
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn any_small_history_gets_the_verdict_of_brute_force(operations in any_history()) {
        agrees_with_brute_force(&operations)?;
    }

    #[test]
    fn a_likely_small_history_gets_the_verdict_of_brute_force(operations in likely_history()) {
        agrees_with_brute_force(&operations)?;
    }
}
