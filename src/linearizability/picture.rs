//! Draws operations as lanes on a common axis of time.
//!
//! It must not draw a line of more than [`WIDTH`] columns, whatever the values are.

use std::collections::HashMap;
use std::fmt::{self, Write};

use super::operation::{Kind, Operation, Violation};

/// The greatest width of a line, in columns.
const WIDTH: usize = 100;
/// How many characters of a value are shown.
const VALUE_CHARACTERS: usize = 12;
/// How many characters of a key are shown.
const KEY_CHARACTERS: usize = 80;
/// How many operations are drawn. A minimal violation has a handful.
const MAX_LANES: usize = 60;

/// Short names for values, different for different values. They are of printable ASCII and `…`.
pub(super) struct Names {
    names: HashMap<Box<str>, String>,
}

impl Names {
    /// Names for the values of some operations.
    pub(super) fn of(operations: &[Operation]) -> Self {
        let mut names = HashMap::new();
        let mut given: HashMap<String, usize> = HashMap::new();
        for operation in operations {
            if names.contains_key(&*operation.value) {
                continue;
            }
            let short = shorten(&operation.value, VALUE_CHARACTERS);
            let times = given.entry(short.clone()).or_insert(0);
            *times += 1;
            let name = match times {
                1 => format!("\"{short}\""),
                _ => format!("\"{short}\"#{times}"),
            };
            names.insert(operation.value.as_ref().into(), name);
        }
        Names { names }
    }

    /// The name of a value, in quotation marks.
    pub(super) fn text(&self, value: &str) -> &str {
        self.names.get(value).map_or("\"\"", String::as_str)
    }

    /// The name of an operation's value.
    pub(super) fn value(&self, operation: &Operation) -> &str {
        self.text(&operation.value)
    }

    /// A get as a noun and a verb: `get by 0017 returned "v"`.
    pub(super) fn sentence(&self, get: &Operation) -> String {
        format!("get by {} returned {}", get.client, self.value(get))
    }

    /// An operation as a noun: `put "v" by 0017`.
    pub(super) fn noun(&self, operation: &Operation) -> String {
        let value = self.value(operation);
        match operation.kind {
            Kind::Put => format!("put {value} by {}", operation.client),
            Kind::Get => format!("get of {value} by {}", operation.client),
        }
    }
}

/// At most so many characters of a text, all of printable ASCII, and `…` if there are more.
fn shorten(text: &str, characters: usize) -> String {
    let mut escaped = text.escape_default();
    let mut short: String = escaped.by_ref().take(characters).collect();
    if escaped.next().is_some() {
        short.pop();
        short.push('…');
    }
    short
}

/// A time in milliseconds, to the nanosecond.
fn milliseconds(time_ns: u64) -> String {
    format!("{}.{:06}", time_ns / 1_000_000, time_ns % 1_000_000)
}

impl fmt::Display for Violation {
    /// Some lines of text, the last without its end; no line is wider than 100 columns.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        draw(self, f)
    }
}

/// Draws a violation: the operations, a lane each, and what is wrong with them.
fn draw(violation: &Violation, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let operations = &violation.operations;
    let key = shorten(&violation.key, KEY_CHARACTERS);
    writeln!(f, "Key \"{key}\":")?;
    writeln!(
        f,
        "{} operations that no order explains (drawn in the order of time, not to scale)\n",
        operations.len()
    )?;
    let names = Names::of(operations);
    let drawn = &operations[..operations.len().min(MAX_LANES)];
    let rows: Vec<[String; 5]> = drawn.iter().map(|o| row(o, &names)).collect();
    let header = ["client", "request", "operation", "from ms", "to ms"];
    let widths: [usize; 5] = std::array::from_fn(|column| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.max().unwrap_or(0).max(header[column].len())
    });
    let axis = Axis::new(drawn, WIDTH - widths.iter().sum::<usize>() - 10);
    let mut line = String::new();
    let mut write_row = |cells: [&str; 5], lane: &str| {
        let [client, request, operation, from, to] = cells;
        let [w0, w1, w2, w3, w4] = widths;
        line.clear();
        write!(
            line,
            "{client:w0$}  {request:>w1$}  {operation:w2$}  {from:>w3$}  {to:>w4$}  {lane}"
        )?;
        writeln!(f, "{}", line.trim_end())
    };
    write_row(header, "")?;
    for (operation, cells) in drawn.iter().zip(&rows) {
        write_row(cells.each_ref().map(String::as_str), &axis.lane(operation))?;
    }
    if drawn.len() < operations.len() {
        writeln!(f, "... and {} more", operations.len() - drawn.len())?;
    }
    writeln!(f)?;
    f.write_str(&wrapped(&violation.explanation))
}

/// The cells before the lane.
fn row(operation: &Operation, names: &Names) -> [String; 5] {
    let value = names.value(operation);
    [
        operation.client.to_string(),
        operation.request.to_string(),
        match operation.kind {
            Kind::Put => format!("put {value}"),
            Kind::Get => format!("get {value}"),
        },
        milliseconds(operation.invoked_ns),
        operation
            .returned_ns
            .map_or_else(|| "never".to_owned(), milliseconds),
    ]
}

/// Where instants are in a lane: in their order, equally far apart.
struct Axis {
    instants: Vec<u64>,
    columns: usize,
}

impl Axis {
    fn new(operations: &[Operation], columns: usize) -> Self {
        let mut instants: Vec<u64> = operations
            .iter()
            .flat_map(|operation| [Some(operation.invoked_ns), operation.returned_ns])
            .flatten()
            .collect();
        instants.sort_unstable();
        instants.dedup();
        // Wider would only be longer to look at.
        let columns = columns.min(4 * instants.len());
        Axis { instants, columns }
    }

    /// The column of one of the instants; what never returns goes to the end.
    fn column(&self, instant_ns: u64) -> usize {
        let rank = self.instants.partition_point(|&other| other < instant_ns);
        rank * self.columns.saturating_sub(2) / self.instants.len().max(1)
    }

    fn lane(&self, operation: &Operation) -> String {
        let from = self.column(operation.invoked_ns);
        let (to, end) = match operation.returned_ns {
            Some(returned) => (self.column(returned).max(from + 1), '|'),
            None => (self.columns.saturating_sub(1).max(from + 1), '>'),
        };
        let bar = "-".repeat(to - from - 1);
        format!("{}|{bar}{end}", " ".repeat(from))
    }
}

/// A sentence in lines of at most [`WIDTH`] columns.
fn wrapped(sentence: &str) -> String {
    let mut text = String::new();
    let mut column = 0;
    for word in sentence.split(' ') {
        let length = word.chars().count();
        if column > 0 && column + 1 + length > WIDTH {
            text.push('\n');
            column = 0;
        } else if column > 0 {
            text.push(' ');
            column += 1;
        }
        text.push_str(word);
        column += length;
    }
    text
}
