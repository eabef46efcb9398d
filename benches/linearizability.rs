//! How long it takes to check histories of the sizes that matter; prints a table.
//!
//! `cargo bench --bench linearizability`. The histories are drawn from a seed: clients that each
//! have one operation under way at a time, operations that take effect at an instant within their
//! time, and puts that never return and take effect late or never.

use std::sync::Arc;
use std::time::{Duration, Instant};

use leasekv::id::Id;
use leasekv::linearizability::{Kind, Operation, Outcome, check};
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

/// How often each history is checked; the fastest counts.
const REPETITIONS: usize = 5;

/// What a history looks like.
#[derive(Clone, Copy)]
struct Shape {
    name: &'static str,
    operations: usize,
    keys: usize,
    clients: usize,
    /// How long a client waits between operations, on average, in units of how long one takes.
    pause: f64,
    /// The share of puts that never return.
    never: f64,
    /// How many different values there are; 0 if each put has its own.
    values: usize,
    /// How many gets are made to return what their key held 20 operations on any key before.
    stale: usize,
}

const PLAIN: Shape = Shape {
    name: "",
    operations: 1_000,
    keys: 1,
    clients: 32,
    pause: 0.0,
    never: 0.0,
    values: 0,
    stale: 0,
};

fn shapes() -> Vec<Shape> {
    let mut shapes = vec![
        Shape {
            name: "a run of the course",
            operations: 300,
            keys: 100,
            clients: 8,
            pause: 50.0,
            ..PLAIN
        },
        Shape {
            name: "many keys",
            operations: 300_000,
            keys: 10_000,
            never: 0.02,
            ..PLAIN
        },
        Shape {
            name: "many keys, stale",
            operations: 300_000,
            keys: 10_000,
            never: 0.02,
            stale: 100,
            ..PLAIN
        },
        Shape {
            name: "one key, long",
            operations: 300_000,
            never: 0.02,
            ..PLAIN
        },
        Shape {
            name: "one key, long, stale",
            operations: 300_000,
            never: 0.02,
            stale: 1,
            ..PLAIN
        },
    ];
    for stale in [0, 1, 20] {
        for never in [0.0, 0.3, 0.9] {
            for values in [0, 300, 100, 30, 10, 3, 2] {
                shapes.push(Shape {
                    name: "hot key",
                    never,
                    values,
                    stale,
                    ..PLAIN
                });
            }
        }
    }
    shapes
}

fn draw(shape: &Shape, seed: u64) -> Vec<Operation> {
    let mut random = SmallRng::seed_from_u64(seed);
    let mut ready = vec![0_u64; shape.clients];
    let mut drawn: Vec<(Option<u64>, Operation)> = (0..shape.operations)
        .map(|index| {
            let client = index % shape.clients;
            let pause = random.random_range(0.0..=2.0 * shape.pause) * 1e6;
            let invoked = ready[client] + pause as u64 + random.random_range(0..1000);
            let effect = invoked + random.random_range(0..1_000_000);
            let returned = effect + random.random_range(0..1_000_000);
            ready[client] = returned;
            let is_put = random.random_bool(0.5);
            let returns = !is_put || !random.random_bool(shape.never);
            let late = effect + random.random_range(0..100_000_000);
            let effect = match returns {
                true => Some(effect),
                false => random.random_bool(0.5).then_some(late),
            };
            let value = match shape.values {
                0 => format!("value {index:026}"),
                values => format!("value {:026}", random.random_range(0..values)),
            };
            let operation = Operation {
                client: Id(client as u16),
                request: index as u32,
                kind: if is_put { Kind::Put } else { Kind::Get },
                key: format!("key {:028}", random.random_range(0..shape.keys)).into(),
                value: value.into(),
                invoked_ns: invoked,
                returned_ns: returns.then_some(returned),
            };
            (effect, operation)
        })
        .collect();
    drawn.sort_by_key(|&(effect, _)| effect);
    let mut held: std::collections::HashMap<Arc<str>, Arc<str>> = Default::default();
    for (_, operation) in drawn.iter_mut().filter(|(effect, _)| effect.is_some()) {
        if operation.kind == Kind::Put {
            held.insert(Arc::clone(&operation.key), Arc::clone(&operation.value));
        } else {
            operation.value = held.get(&operation.key).cloned().unwrap_or_default();
        }
    }
    // A stale get returns what another one of the same key did long before it.
    let mut left = shape.stale;
    while left > 0 {
        let at = random.random_range(shape.operations / 2..shape.operations);
        let (earlier, later) = drawn.split_at_mut(at);
        let get = &mut later[0].1;
        let is_older = |other: &&(Option<u64>, Operation)| {
            let other = &other.1;
            other.key == get.key
                && other.kind == Kind::Get
                && other.value != get.value
                && other
                    .returned_ns
                    .is_some_and(|end| end + 5_000_000 < get.invoked_ns)
        };
        if get.kind == Kind::Get
            && let Some((_, older)) = earlier.iter().rev().find(is_older)
        {
            get.value = Arc::clone(&older.value);
            left -= 1;
        }
    }
    let mut operations: Vec<Operation> = drawn.into_iter().map(|(_, one)| one).collect();
    operations.sort_by_key(|operation| operation.invoked_ns);
    operations
}

fn main() {
    println!(
        "{:<22}{:>10}{:>8}{:>9}{:>8}{:>7}{:>7}{:>14}  verdict",
        "history", "operations", "keys", "clients", "never", "values", "stale", "time"
    );
    for (seed, shape) in shapes().iter().enumerate() {
        let operations = draw(shape, seed as u64);
        let mut fastest = Duration::MAX;
        let mut outcome = None;
        for _ in 0..REPETITIONS {
            let start = Instant::now();
            outcome = Some(check(&operations));
            fastest = fastest.min(start.elapsed());
            if fastest > Duration::from_secs(1) {
                break;
            }
        }
        let verdict = match outcome {
            Some(Outcome::Linearizable { .. }) => "linearizable".to_owned(),
            Some(Outcome::Violation(violation)) => format!(
                "{} keys violated, shown with {} operations",
                violation.violated_keys,
                violation.operations.len()
            ),
            Some(Outcome::GaveUp { states, .. }) => format!("gave up after {states} states"),
            None => String::new(),
        };
        println!(
            "{:<22}{:>10}{:>8}{:>9}{:>7}%{:>7}{:>7}{:>11.3} ms  {verdict}",
            shape.name,
            shape.operations,
            shape.keys,
            shape.clients,
            shape.never * 100.0,
            match shape.values {
                0 => "own".to_owned(),
                values => values.to_string(),
            },
            shape.stale,
            fastest.as_secs_f64() * 1000.0,
        );
    }
}
