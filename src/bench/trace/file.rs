//! Writing and reading traces, a JSON object a line.
//!
//! Reading takes any bytes whatever, never panics and names the line that is wrong.

use std::io::{self, BufRead, Write};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::record::{FORMAT, Record, Start, Trace, VERSION};
use super::sound::{self, Logs};

/// The longest line that is read, in bytes: a datagram has at most 64 KiB, in a text with escapes
/// some times as many; results and configs stay far below.
const MAX_LINE_BYTES: u64 = 1 << 20;
/// The most lines that are read: more than any run can make.
const MAX_LINES: usize = 10_000_000;

/// Writes a trace, its lines in the order of time.
///
/// # Errors
///
/// If it cannot be written.
pub fn write(trace: &Trace, to: &mut impl Write) -> io::Result<()> {
    fn line<T: Serialize>(event: &str, record: &T) -> io::Result<String> {
        // Not by serde's tags: raw values do not survive them.
        let text = serde_json::to_string(record)?;
        let rest = text.strip_prefix('{').unwrap_or(&text);
        let comma = if rest == "}" { "" } else { "," };
        Ok(format!("{{\"event\":\"{event}\"{comma}{rest}\n"))
    }
    let mut lines: Vec<(u64, String)> = Vec::with_capacity(trace.messages.len() * 2);
    for leader in &trace.leaders {
        lines.push((leader.time_ns, line("leader", leader)?));
    }
    for fault in &trace.faults {
        lines.push((fault.time_ns, line("fault", fault)?));
    }
    for note in &trace.notes {
        lines.push((note.time_ns, line("note", note)?));
    }
    for message in &trace.messages {
        lines.push((message.time_ns, line("message", message)?));
    }
    for state in &trace.states {
        lines.push((state.time_ns, line("state", state)?));
    }
    for output in &trace.output {
        lines.push((output.time_ns, line("output", output)?));
    }
    for violation in &trace.violations {
        lines.push((violation.time_ns, line("violation", violation)?));
    }
    lines.sort_by_key(|(time, _)| *time);
    to.write_all(line("start", &trace.start)?.as_bytes())?;
    for (_, text) in lines {
        to.write_all(text.as_bytes())?;
    }
    to.write_all(line("end", &trace.end)?.as_bytes())?;
    to.flush()
}

/// Reads a trace.
///
/// # Errors
///
/// One line about what is wrong, with the number of the line in the file.
pub fn read(from: &mut impl BufRead) -> Result<Trace, String> {
    let mut trace: Option<Trace> = None;
    let mut ended = false;
    let mut now = 0;
    let mut logs = Logs::new([]);
    let mut line = Vec::new();
    for number in 1..=MAX_LINES {
        line.clear();
        let wrong = |what: String| format!("line {number}: {what}");
        let length = io::Read::take(&mut *from, MAX_LINE_BYTES + 1)
            .read_until(b'\n', &mut line)
            .map_err(|error| wrong(error.to_string()))?;
        if length == 0 {
            return match trace {
                None => Err("line 1: an empty file, expected a trace".to_owned()),
                Some(_) if !ended => Err(wrong(
                    "the trace is not whole: expected a last line with \"event\":\"end\"".into(),
                )),
                Some(trace) => Ok(trace),
            };
        }
        if length as u64 > MAX_LINE_BYTES {
            return Err(wrong(format!("longer than {MAX_LINE_BYTES} bytes")));
        }
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        let record = read_line(&line).map_err(wrong)?;
        if ended {
            return Err(wrong("expected nothing behind the event `end`".into()));
        }
        if let Some(time) = time(&record) {
            if time < now {
                return Err(wrong(format!(
                    "`time_ns` {time}, expected at least {now} as in the line above"
                )));
            }
            now = time;
        }
        match (&mut trace, record) {
            (None, Record::Start(start)) => {
                check_start(&start).map_err(wrong)?;
                logs = Logs::new(start.replicas.iter().copied());
                trace = Some(Trace::begin(*start));
            }
            (None, _) => return Err(wrong("expected the event `start` first".into())),
            (Some(_), Record::Start(_)) => {
                return Err(wrong("a second `start`, expected one run".into()));
            }
            (Some(trace), Record::Message(message)) => {
                let expected = trace.messages.last().map_or(0, |last| last.number + 1);
                if message.number != expected {
                    let number = message.number;
                    let what = format!("message number {number}, expected {expected}");
                    return Err(wrong(what));
                }
                sound::message(&message).map_err(wrong)?;
                trace.messages.push(*message);
            }
            (Some(trace), Record::State(state)) => {
                logs.follow(&state).map_err(wrong)?;
                trace.states.push(*state);
            }
            (Some(trace), Record::Output(output)) => {
                sound::output(&output, &trace.start).map_err(wrong)?;
                trace.output.push(output);
            }
            (Some(trace), Record::Leader(leader)) => trace.leaders.push(leader),
            (Some(trace), Record::Fault(fault)) => {
                sound::fault(&fault, &trace.start).map_err(wrong)?;
                trace.faults.push(fault);
            }
            (Some(trace), Record::Note(note)) => trace.notes.push(note),
            (Some(trace), Record::Violation(violation)) => trace.violations.push(*violation),
            (Some(trace), Record::End(end)) => {
                trace.end = *end;
                ended = true;
            }
        }
    }
    Err(format!("more than {MAX_LINES} lines"))
}

/// When something happened; nothing of the first line.
fn time(record: &Record) -> Option<u64> {
    Some(match record {
        Record::Start(_) => return None,
        Record::Message(message) => message.time_ns,
        Record::State(state) => state.time_ns,
        Record::Output(output) => output.time_ns,
        Record::Leader(leader) => leader.time_ns,
        Record::Fault(fault) => fault.time_ns,
        Record::Note(note) => note.time_ns,
        Record::Violation(violation) => violation.time_ns,
        Record::End(end) => end.time_ns,
    })
}

fn read_line(line: &[u8]) -> Result<Record, String> {
    /// What is looked at first. A raw value cannot be read through a tag, so the tag comes alone.
    #[derive(serde::Deserialize)]
    struct Tag {
        event: String,
    }
    fn body<T: DeserializeOwned>(line: &[u8], event: &str) -> Result<T, String> {
        serde_json::from_slice(line).map_err(|error| format!("`{event}`: {}", plain(&error)))
    }
    let tag: Tag = serde_json::from_slice(line)
        .map_err(|error| format!("no line of a trace: {}", plain(&error)))?;
    let event = tag.event.as_str();
    Ok(match event {
        "start" => Record::Start(body(line, event)?),
        "message" => Record::Message(body(line, event)?),
        "state" => Record::State(body(line, event)?),
        "output" => Record::Output(body(line, event)?),
        "leader" => Record::Leader(body(line, event)?),
        "fault" => Record::Fault(body(line, event)?),
        "note" => Record::Note(body(line, event)?),
        "violation" => Record::Violation(body(line, event)?),
        "end" => Record::End(body(line, event)?),
        _ => {
            let short: String = event.chars().take(40).collect();
            return Err(format!(
                "unknown event {short:?}, expected start, message, state, output, leader, fault, \
                 note, violation or end"
            ));
        }
    })
}

/// An error of JSON without the line number in its own text, which is always 1.
fn plain(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rfind(" at line ") {
        Some(at) => format!("{} (column {})", &text[..at], error.column()),
        None => text,
    }
}

fn check_start(start: &Start) -> Result<(), String> {
    if start.format != FORMAT {
        let short: String = start.format.chars().take(40).collect();
        return Err(format!("`format` {short:?}, expected {FORMAT:?}"));
    }
    if start.version != VERSION {
        return Err(format!("`version` {}, expected {VERSION}", start.version));
    }
    if start.replicas.is_empty() {
        return Err("`replicas` is empty, expected at least one".to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::trace::record::Fault;

    const START: &str = concat!(
        r#"{"event":"start","format":"leasekv-trace","version":1,"config":{},"seed":1,"#,
        r#""replicas":["0000"],"clients":[],"options":{},"command":""}"#,
        "\n"
    );
    const END: &str = concat!(
        r#"{"event":"end","time_ns":9,"complete":true,"passed":true,"left_out":0,"results":{}}"#,
        "\n"
    );
    const MESSAGE: &str = concat!(
        r#"{"event":"message","number":0,"time_ns":5,"from":"0000","to":"0001","type":"x","#,
        r#""fate":"lost","data":{"a": [1.50, "</script>"]}}"#,
        "\n"
    );

    fn fault(rest: &str) -> String {
        format!(r#"{{"event":"fault","time_ns":1,"text":"",{rest}}}"#)
    }

    fn state(log: &str) -> String {
        format!(r#"{{"event":"state","time_ns":1,"replica":"0000","log":{log}}}"#)
    }

    fn wrong(text: &str) -> String {
        read(&mut text.as_bytes()).unwrap_err()
    }

    #[test]
    fn what_is_written_is_read_and_written_the_same() {
        let text = format!("{START}{MESSAGE}{END}");
        let trace = read(&mut text.as_bytes()).unwrap();
        assert_eq!(
            trace.messages[0].data.get(),
            r#"{"a": [1.50, "</script>"]}"#
        );
        let mut again = Vec::new();
        write(&trace, &mut again).unwrap();
        assert_eq!(String::from_utf8(again).unwrap(), text);
    }

    #[test]
    fn lines_are_in_the_order_of_time() {
        let mut trace = read(&mut format!("{START}{MESSAGE}{END}").as_bytes()).unwrap();
        let fault = |time_ns| Fault {
            time_ns,
            ..Fault::default()
        };
        trace.faults = vec![fault(4), fault(6)];
        let mut text = Vec::new();
        write(&trace, &mut text).unwrap();
        let text = String::from_utf8(text).unwrap();
        let times: Vec<&str> = text.lines().map(|line| &line[10..13]).collect();
        assert_eq!(times, ["sta", "fau", "mes", "fau", "end"]);
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        let version = START.replace("\"version\":1", "\"version\":2");
        for (text, said) in [
            (String::new(), "line 1: an empty file"),
            ("x\n".to_owned(), "line 1: no line of a trace"),
            (MESSAGE.to_owned(), "line 1: expected the event `start`"),
            (version, "line 1: `version` 2, expected 1"),
            (START.to_owned(), "line 2: the trace is not whole"),
            (format!("{START}{START}"), "line 2: a second `start`"),
            (
                format!("{START}\n{}", MESSAGE.replace("lost", "gone")),
                "line 3: `message`: unknown variant `gone`",
            ),
            (
                format!("{START}{MESSAGE}{MESSAGE}"),
                "line 3: message number 0, expected 1",
            ),
            (
                format!("{START}{{\"event\":\"tea\"}}"),
                "line 2: unknown event \"tea\"",
            ),
            (format!("{START}{END}{END}"), "line 3: expected nothing"),
            (
                format!("{START}{MESSAGE}{}", END.replace(":9", ":4")),
                "line 3: `time_ns` 4, expected at least 5",
            ),
            (
                format!("{START}{}", MESSAGE.replace("lost", "delivered")),
                "line 2: `fate` is `delivered`, expected an `arrived_ns`",
            ),
            (
                format!("{START}{}", fault(r#""kind":"kill""#)),
                "line 2: a fault `kill`, expected a `replica`",
            ),
            (
                format!("{START}{}", fault(r#""kind":"died","replica":"0009""#)),
                "line 2: replica 0009, expected one of the `replicas`",
            ),
            (
                format!("{START}{}", fault(r#""kind":"tea""#)),
                "line 2: a fault \"tea\", expected kill, died",
            ),
            (
                format!("{START}{}", state(r#"{"from":0,"entries":[]}"#)),
                "line 2: `log` from index 0, expected 1 to 1",
            ),
            (
                format!("{START}{}", state(r#"{"from":3,"entries":[]}"#)),
                "line 2: `log` from index 3, expected 1 to 1",
            ),
        ] {
            let error = wrong(&text);
            assert!(error.starts_with(said), "{error}, expected {said}");
        }
    }
}
