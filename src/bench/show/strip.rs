//! A run at a glance, as text: who led, what was done to the cluster and how many requests waited, a
//! column for each slice of time.
//!
//! Only draws; no line is wider than it is told.

use std::time::Duration;

use super::paint::Paint;
use crate::bench::record::timeline::{FaultKind, Timeline};
use crate::bench::verdict::report::Report;
use crate::id::Id;

/// How wide the names of the rows are, in columns.
const NAMES: usize = 12;
/// The width without a terminal, and the greatest, in columns.
const WIDTH: usize = 80;
const MAX_WIDTH: usize = 120;
/// Fewer slices than this say nothing.
const MIN_SLICES: usize = 20;
/// Requests that wait for less are not worth a sign: an undisturbed one takes about a millisecond.
const WAITS: Duration = Duration::from_millis(50);

/// How a chart is drawn.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    /// The width of the terminal, if it is one.
    pub columns: Option<u16>,
    /// Whether characters beyond ASCII may be used.
    pub unicode: bool,
    /// The colours.
    pub paint: Paint,
}

/// The chart; nothing of a run that took no time.
pub fn chart(report: &Report, look: Look) -> String {
    let total = report.lasted;
    if total.is_zero() {
        return String::new();
    }
    let width = look.columns.map_or(WIDTH, usize::from).min(MAX_WIDTH);
    let slices = width.saturating_sub(NAMES + 1).max(MIN_SLICES);
    let slices = Slices {
        count: slices,
        total,
    };
    let timeline = &report.timeline;
    let mut legend = vec![digits(report.config.roster().replicas())];
    let (faults, named) = faults(timeline, &slices, look);
    legend.extend(named);
    let waiting = waiting(timeline, &slices, look);
    let mut text = format!("\n{}\n", look.paint.heading("## Over Time"));
    for (name, row) in [
        ("s", axis(&slices)),
        ("leader", leaders(report, &slices, look)),
        ("faults", faults),
        ("unanswered", waiting),
    ] {
        let row = row.trim_end();
        text.push_str(format!("{name:<NAMES$}{row}").trim_end());
        text.push('\n');
    }
    legend.push("unanswered: requests that wait for 50 ms or more, + from 10 on".to_owned());
    for line in wrapped(&legend, width) {
        text.push_str(&line);
        text.push('\n');
    }
    text
}

/// Whether the environment says that the terminal knows more than ASCII.
pub fn knows_unicode() -> bool {
    let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let locale = set("LC_ALL")
        .or_else(|| set("LC_CTYPE"))
        .or_else(|| set("LANG"));
    locale.is_some_and(|locale| {
        let locale = locale.to_ascii_lowercase();
        locale.contains("utf-8") || locale.contains("utf8")
    })
}

/// Equal parts of a run.
struct Slices {
    count: usize,
    total: Duration,
}

impl Slices {
    fn of(&self, time: Duration) -> usize {
        let share = time.as_secs_f64() / self.total.as_secs_f64();
        ((share * self.count as f64) as usize).min(self.count - 1)
    }

    fn begin(&self, slice: usize) -> Duration {
        self.total.mul_f64(slice as f64 / self.count as f64)
    }
}

/// Seconds, as many as have room.
fn axis(slices: &Slices) -> String {
    let seconds = slices.total.as_secs_f64();
    let step = [1, 2, 5, 10, 20, 60, 120, 300, 600, 1800, 3600]
        .into_iter()
        .find(|step| *step as f64 / seconds * slices.count as f64 >= 6.0)
        .unwrap_or(36_000);
    let mut row = vec![' '; slices.count];
    for second in (0..=seconds as u64).step_by(step) {
        let digits = second.to_string();
        let at = slices.of(Duration::from_secs(second));
        if at + digits.len() <= slices.count {
            row.splice(at..at + digits.len(), digits.chars());
        }
    }
    row.into_iter().collect()
}

/// What the signs of leaders mean.
fn digits(replicas: usize) -> String {
    let same = "leader: the last digit of its ID";
    match replicas.checked_sub(17).map(|last| last as u32 + 16) {
        None => same.to_owned(),
        Some(last) => format!("{same}, G to {} for 0010 to {last:04X}", sign(last)),
    }
}

/// The sign of the replica with this index: beyond 16 of them a digit of the ID is not enough.
fn sign(replica: u32) -> char {
    let digit = char::from_digit(replica % 36, 36).unwrap_or('?');
    digit.to_ascii_uppercase()
}

fn leaders(report: &Report, slices: &Slices, look: Look) -> String {
    let roster = report.config.roster();
    // Per slice, for how long each led; nobody comes last.
    let replicas = roster.replicas();
    let mut led = vec![vec![0.0; replicas + 1]; slices.count];
    let changes = &report.timeline.leaders;
    let mut from = Duration::ZERO;
    let mut leader = replicas;
    let ends = changes
        .iter()
        .map(|&(time, id)| (time, roster.replica_index(id)));
    for (time, next) in ends.chain([(slices.total, None)]) {
        let time = time.min(slices.total);
        for (slice, led) in led
            .iter_mut()
            .enumerate()
            .take(slices.of(time) + 1)
            .skip(slices.of(from))
        {
            let begin = slices.begin(slice).max(from);
            let end = slices.begin(slice + 1).min(time);
            led[leader] += end.saturating_sub(begin).as_secs_f64();
        }
        from = time;
        leader = next.unwrap_or(replicas);
    }
    let nobody = if look.unicode { '·' } else { '.' };
    let row = led.iter().map(|led| {
        let most = led.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1));
        match most
            .map(|(leader, _)| leader)
            .filter(|leader| *leader < replicas)
        {
            Some(leader) => {
                let sign = sign(leader as u32);
                look.paint.one_of(leader, &sign.to_string())
            }
            None => nobody.to_string(),
        }
    });
    row.collect()
}

fn faults(timeline: &Timeline, slices: &Slices, look: Look) -> (String, Vec<String>) {
    let (line, wave) = if look.unicode {
        ('─', '┄')
    } else {
        ('=', '-')
    };
    let mut row = vec![' '; slices.count];
    let mut legend: Vec<String> = Vec::new();
    let mut name = |text: String| {
        if !legend.contains(&text) {
            legend.push(text);
        }
    };
    let mut split: Option<usize> = None;
    let mut paused: Vec<(Id, usize)> = Vec::new();
    let mut splits = Vec::new();
    // What lasts first, then what happens, so that no sign is covered. A replica's pause lasts until it
    // goes on or is dead, whatever becomes of the others.
    for fault in &timeline.faults {
        let at = slices.of(fault.time);
        match &fault.kind {
            FaultKind::Split { .. } | FaultKind::Cut(..) => split = split.or(Some(at)),
            FaultKind::Heal => splits.extend(split.take().map(|from| (from, at))),
            FaultKind::Pause(replica) => {
                if paused.iter().all(|(id, _)| id != replica) {
                    paused.push((*replica, at));
                }
            }
            FaultKind::Start(_) => {}
            FaultKind::Resume(replica)
            | FaultKind::Kill { replica, .. }
            | FaultKind::Died(replica) => {
                if let Some(place) = paused.iter().position(|(id, _)| id == replica) {
                    let (_, from) = paused.swap_remove(place);
                    row[from..at].fill(wave);
                }
            }
        }
    }
    for (_, from) in paused {
        row[from..].fill(wave);
    }
    splits.extend(split.map(|from| (from, slices.count)));
    for (from, to) in splits {
        row[from..to].fill(line);
    }
    for fault in &timeline.faults {
        let (sign, meaning) = match &fault.kind {
            FaultKind::Kill { .. } => ('X', "X kill".to_owned()),
            FaultKind::Died(_) => ('!', "! died by itself".to_owned()),
            FaultKind::Start(_) => ('A', "A started again".to_owned()),
            FaultKind::Pause(_) => ('P', format!("P{wave} pause")),
            FaultKind::Resume(_) => ('R', "R resume".to_owned()),
            FaultKind::Split { .. } => ('S', format!("S{line} split")),
            FaultKind::Cut(..) => ('C', format!("C{line} one-way cut")),
            FaultKind::Heal => ('H', "H heal".to_owned()),
        };
        name(meaning);
        let at = slices.of(fault.time);
        // What is fatal is never covered.
        if !matches!(row[at], 'X' | '!') {
            row[at] = sign;
        }
    }
    let row: String = row
        .into_iter()
        .map(|sign| match sign {
            'X' | '!' => look.paint.bad(&sign.to_string()),
            _ => sign.to_string(),
        })
        .collect();
    (row, legend)
}

fn waiting(timeline: &Timeline, slices: &Slices, look: Look) -> String {
    let mut counts = vec![0usize; slices.count];
    for &(made, done) in &timeline.requests {
        let end = done.unwrap_or(slices.total);
        if end.saturating_sub(made) >= WAITS {
            counts[slices.of(made)..=slices.of(end)]
                .iter_mut()
                .for_each(|count| *count += 1);
        }
    }
    let nobody = if look.unicode { '·' } else { '.' };
    let row = counts.into_iter().map(|count| match count {
        0 => nobody.to_string(),
        1..10 => look.paint.warning(&count.to_string()),
        _ => look.paint.warning("+"),
    });
    row.collect()
}

/// Items with two spaces between them, in lines that are not too wide.
fn wrapped(items: &[String], width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for item in items {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 2 + item.chars().count() <= width => {
                line.push_str("; ");
                line.push_str(item);
            }
            _ => lines.push(item.clone()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::record::timeline::Fault;
    use crate::bench::show::golden;

    fn drawn(columns: u16, unicode: bool) -> String {
        let s = Duration::from_secs;
        let mut report = golden::report();
        report.lasted = s(40);
        let fault = |time, kind| Fault {
            time: s(time),
            kind,
            said: String::new(),
        };
        report.timeline = Timeline {
            leaders: vec![(s(4), Id(0)), (s(20), Id::UNKNOWN), (s(22), Id(3))],
            faults: vec![
                fault(
                    8,
                    FaultKind::Split {
                        sides: Vec::new(),
                        majority: None,
                    },
                ),
                fault(12, FaultKind::Heal),
                fault(
                    20,
                    FaultKind::Kill {
                        replica: Id(0),
                        leader: true,
                    },
                ),
            ],
            requests: vec![
                (s(5), Some(s(5))),
                (s(20), Some(s(22))),
                (s(21), Some(s(22))),
                (s(36), None),
            ],
            ..Timeline::default()
        };
        chart(
            &report,
            Look {
                columns: Some(columns),
                unicode,
                paint: Paint::new(false),
            },
        )
    }

    #[test]
    fn leaders_faults_and_waiting_requests_stand_at_their_times() {
        let expected = "
## Over Time
s           0         10        20        30
leader      ....0000000000000000..333333333333333333
faults              S===H       X
unanswered  ....................122.............1111
leader: the last digit of its ID; S= split; H heal
X kill
unanswered: requests that wait for 50 ms or more, + from 10 on
";
        assert_eq!(drawn(53, false), expected);
    }

    #[test]
    fn pauses_that_overlap_each_have_their_end() {
        let fault = |time, kind| Fault {
            time: Duration::from_secs(time),
            kind,
            said: String::new(),
        };
        let timeline = Timeline {
            faults: vec![
                fault(2, FaultKind::Pause(Id(1))),
                fault(4, FaultKind::Pause(Id(2))),
                fault(6, FaultKind::Resume(Id(1))),
                fault(9, FaultKind::Resume(Id(2))),
                fault(11, FaultKind::Pause(Id(2))),
                fault(12, FaultKind::Cut(Id(0), Id(1))),
                fault(14, FaultKind::Heal),
            ],
            ..Timeline::default()
        };
        let slices = Slices {
            count: 20,
            total: Duration::from_secs(20),
        };
        let look = Look {
            columns: None,
            unicode: false,
            paint: Paint::new(false),
        };
        assert_eq!(faults(&timeline, &slices, look).0, "  P-P-R--R PC=H-----");
    }

    #[test]
    fn beyond_sixteen_replicas_signs_are_explained() {
        assert_eq!(digits(16), "leader: the last digit of its ID");
        let said = "leader: the last digit of its ID, G to K for 0010 to 0014";
        assert_eq!(digits(21), said);
    }

    #[test]
    fn no_row_is_wider_than_the_terminal_and_ascii_stays_ascii() {
        for columns in [40, 60, 80, 100, 200] {
            let text = drawn(columns, true);
            let rows = text.lines().skip(2).take(4);
            let widest = rows.map(|row| row.chars().count()).max();
            assert!(widest < Some(usize::from(columns)), "{text}");
            assert!(text.contains("S─ split"), "{text}");
            assert!(drawn(columns, false).is_ascii());
        }
    }
}
