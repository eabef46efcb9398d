//! What replicas printed, as a page has it: the first and the last lines of each, so that all have room.

use serde::Serialize;

use crate::bench::trace::record::Output as Line;
use crate::id::Id;

/// The longest line of a replica's output, in bytes.
const MAX_LINE_BYTES: usize = 1_000;
/// What replicas printed.
#[derive(Default, Serialize)]
pub(super) struct Output<'a> {
    time: Vec<u64>,
    replica: Vec<i32>,
    stderr: Vec<u8>,
    text: Vec<&'a str>,
    /// How many lines of each replica are in the trace only, between its first and its last.
    left_out: Vec<usize>,
}

/// The first and the last lines of each replica, so that all have room.
pub(super) fn of<'a>(lines: &'a [Line], replicas: &[Id], room: usize) -> Output<'a> {
    let mut columns = Output {
        left_out: vec![0; replicas.len()],
        ..Output::default()
    };
    let each = room / replicas.len().max(1) / 2;
    let size = |line: &Line| line.text.len().min(MAX_LINE_BYTES) + 40;
    let mut shown: Vec<(&Line, i32)> = Vec::new();
    for (index, id) in replicas.iter().enumerate() {
        let own: Vec<&Line> = lines.iter().filter(|line| line.replica == *id).collect();
        let fitting = |lines: &mut dyn Iterator<Item = &&Line>| {
            let mut left = each;
            lines
                .take_while(|line| {
                    let fits = size(line) <= left;
                    left = left.saturating_sub(size(line));
                    fits
                })
                .count()
        };
        let first = fitting(&mut own.iter());
        let last = fitting(&mut own[first..].iter().rev());
        columns.left_out[index] = own.len() - first - last;
        let number = i32::try_from(index).unwrap_or(-1);
        let ends = own[..first].iter().chain(&own[own.len() - last..]);
        shown.extend(ends.map(|line| (*line, number)));
    }
    shown.sort_by_key(|(line, _)| line.time_ns);
    for (line, replica) in shown {
        columns.time.push(line.time_ns);
        columns.replica.push(replica);
        columns.stderr.push(u8::from(line.stream == "stderr"));
        let end = (0..=MAX_LINE_BYTES.min(line.text.len()))
            .rev()
            .find(|end| line.text.is_char_boundary(*end));
        columns.text.push(&line.text[..end.unwrap_or(0)]);
    }
    columns
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_much_output_the_ends_stay() {
        let line = |at: u64| Line {
            time_ns: at,
            replica: Id(u16::from(at.is_multiple_of(10))),
            stream: "stdout".into(),
            text: format!("line {at} {}", "é".repeat(700)),
        };
        let lines: Vec<Line> = (1..=1_000).map(line).collect();
        let columns = of(&lines, &[Id(0), Id(1)], 100_000);
        let size: usize = columns.text.iter().map(|text| text.len()).sum();
        assert!((50_000..100_000).contains(&size), "{size}");
        assert_eq!(
            columns.text.len() + columns.left_out.iter().sum::<usize>(),
            1_000
        );
        assert_eq!((columns.time[0], columns.time.last()), (1, Some(&1_000)));
        assert!(columns.time.is_sorted());
    }
}
