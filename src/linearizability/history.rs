//! Reads histories in the format of `--history`: JSON lines, one an event of an attempt.
//!
//! ```json
//! {"time_ns":5,"event":"invoke","op":"put","client":"0017","mid":"kOq","request":0,"key":"k","value":"v"}
//! {"time_ns":9,"event":"ok","op":"put","client":"0017","mid":"kOq","request":0,"key":"k"}
//! ```
//!
//! Each attempt (`mid`) has an `invoke` and at most one closing event, `ok`, `fail` or `redirect`.
//! `value` stands on a put's `invoke` and a get's `ok` and nowhere else; on the latter it may be `null`, for an answer
//! without a value, which counts as the empty one of a key that was never put. It must never take for a
//! history what is none: nothing is guessed, skipped or repaired.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::io::{self, BufRead, Read};
use std::sync::Arc;

use serde::{Deserialize, Deserializer};
use serde_json::error::Category;

use super::operation::{Kind, Operation};
use crate::id::Id;

/// The longest line that is read, its end included. No key or value of a store that speaks in
/// datagrams comes near it. A longer line makes a file no history.
pub const MAX_LINE_BYTES: usize = 1 << 20;
/// The most attempts that are read; they take about 2 GB. More make a file no history.
pub const MAX_ATTEMPTS: usize = 10_000_000;
/// How much of what is wrong with a line is told, which may quote it.
const MAX_SAID_CHARACTERS: usize = 200;

/// A history that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct History {
    /// What took effect or may have, by the time of invocation: attempts that were closed by `ok`,
    /// and puts that never returned.
    pub operations: Vec<Operation>,
}

/// Why a history could not be read.
#[derive(Debug)]
pub enum HistoryError {
    /// Reading failed.
    Unreadable(io::Error),
    /// What was read is no history.
    NotAHistory {
        /// The number of the line, from 1.
        line: usize,
        /// What is wrong with it, on one line.
        what: String,
    },
}

impl fmt::Display for HistoryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HistoryError::Unreadable(error) => write!(f, "{error}"),
            HistoryError::NotAHistory { line, what } => write!(f, "line {line}: {what}"),
        }
    }
}

impl std::error::Error for HistoryError {}

impl History {
    /// Reads a history line by line.
    ///
    /// # Errors
    ///
    /// [`HistoryError`] at the first line that is wrong.
    pub fn read(mut from: impl BufRead) -> Result<Self, HistoryError> {
        let mut reader = Reader::default();
        let mut bytes = Vec::new();
        let mut line = 0;
        loop {
            bytes.clear();
            let longest = MAX_LINE_BYTES as u64 + 1;
            let count = (&mut from)
                .take(longest)
                .read_until(b'\n', &mut bytes)
                .map_err(HistoryError::Unreadable)?;
            if count == 0 {
                return Ok(reader.finish());
            }
            line += 1;
            reader
                .line(&bytes)
                .map_err(|what| HistoryError::NotAHistory {
                    line,
                    what: on_one_line(&what),
                })?;
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum EventName {
    Invoke,
    Ok,
    Fail,
    Redirect,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Op {
    Get,
    Put,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Event<'a> {
    time_ns: u64,
    event: EventName,
    op: Op,
    client: Id,
    #[serde(borrow)]
    mid: Cow<'a, str>,
    request: u32,
    #[serde(borrow)]
    key: Cow<'a, str>,
    /// The inner nothing is `null`.
    #[serde(borrow, default, deserialize_with = "perhaps_null")]
    value: Option<Option<Cow<'a, str>>>,
}

/// A value that is there, be it `null`.
fn perhaps_null<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Option<Cow<'de, str>>>, D::Error> {
    Option::<Text<'de>>::deserialize(deserializer).map(|value| Some(value.map(|Text(text)| text)))
}

/// A text that is borrowed if it can be.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// What is known of an attempt's end.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Open,
    Done,
    WithoutEffect,
}

#[derive(Default)]
struct Reader {
    operations: Vec<Operation>,
    /// Of each operation.
    fates: Vec<Fate>,
    /// Which operation an attempt is.
    attempts: HashMap<Box<str>, usize>,
    /// Keys and values: most come several times.
    texts: HashSet<Arc<str>>,
    now_ns: u64,
}

impl Reader {
    /// Takes in a line; the error is what is wrong with it.
    fn line(&mut self, line: &[u8]) -> Result<(), String> {
        if line.len() > MAX_LINE_BYTES {
            return Err(format!("longer than {MAX_LINE_BYTES} bytes"));
        }
        let line = line.trim_ascii();
        if line.is_empty() {
            return Err("empty".to_owned());
        }
        let event: Event<'_> = serde_json::from_slice(line).map_err(|error| said(&error))?;
        if line[0] != b'{' {
            return Err("not a JSON object".to_owned());
        }
        if event.time_ns < self.now_ns {
            let before = self.now_ns;
            return Err(format!(
                "`time_ns` goes back from {before} to {}",
                event.time_ns
            ));
        }
        self.now_ns = event.time_ns;
        let (carries_value, place) = match (event.event, event.op) {
            (EventName::Invoke, Op::Put) => (true, "a put's `invoke`"),
            (EventName::Ok, Op::Get) => (true, "a get's `ok`"),
            (EventName::Invoke, Op::Get) => (false, "a get's `invoke`"),
            (EventName::Ok, Op::Put) => (false, "a put's `ok`"),
            (EventName::Fail, _) => (false, "a `fail`"),
            (EventName::Redirect, _) => (false, "a `redirect`"),
        };
        let may_be_null = (event.event, event.op) == (EventName::Ok, Op::Get);
        if event.value == Some(None) && !may_be_null {
            return Err(format!("{place} has `value` null"));
        }
        if event.value.is_some() != carries_value {
            let needs = if carries_value { "needs" } else { "has no" };
            return Err(format!("{place} {needs} `value`"));
        }
        match event.event {
            EventName::Invoke => self.invoke(&event),
            EventName::Ok => self.close(&event, Fate::Done),
            EventName::Fail | EventName::Redirect => self.close(&event, Fate::WithoutEffect),
        }
    }

    fn invoke(&mut self, event: &Event<'_>) -> Result<(), String> {
        let mid = event.mid.as_ref();
        if self.attempts.contains_key(mid) {
            return Err(format!("`mid` {mid:?} was invoked before"));
        }
        if self.operations.len() == MAX_ATTEMPTS {
            return Err(format!("more than {MAX_ATTEMPTS} attempts"));
        }
        self.attempts.insert(mid.into(), self.operations.len());
        let key = self.text(&event.key);
        let value = self.text(
            event
                .value
                .as_ref()
                .and_then(Option::as_deref)
                .unwrap_or(""),
        );
        self.fates.push(Fate::Open);
        self.operations.push(Operation {
            client: event.client,
            request: event.request,
            kind: event.op.into(),
            key,
            value,
            invoked_ns: event.time_ns,
            returned_ns: None,
        });
        Ok(())
    }

    fn close(&mut self, event: &Event<'_>, fate: Fate) -> Result<(), String> {
        let mid = event.mid.as_ref();
        let Some(&index) = self.attempts.get(mid) else {
            return Err(format!("`mid` {mid:?} was not invoked"));
        };
        if self.fates[index] != Fate::Open {
            return Err(format!("`mid` {mid:?} was closed before"));
        }
        let operation = &self.operations[index];
        let differs = [
            ("op", operation.kind != event.op.into()),
            ("client", operation.client != event.client),
            ("request", operation.request != event.request),
            ("key", *operation.key != *event.key),
        ];
        if let Some((field, _)) = differs.into_iter().find(|&(_, differs)| differs) {
            return Err(format!("`{field}` is not that of the `invoke` of {mid:?}"));
        }
        self.fates[index] = fate;
        if fate == Fate::Done {
            // No value is what a key has that was never put.
            let returned = event.value.as_ref();
            let returned = returned.map(|value| self.text(value.as_deref().unwrap_or("")));
            let operation = &mut self.operations[index];
            operation.returned_ns = Some(event.time_ns);
            if let Some(value) = returned {
                operation.value = value;
            }
        }
        Ok(())
    }

    fn text(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.texts.get(text) {
            return Arc::clone(known);
        }
        let text: Arc<str> = text.into();
        self.texts.insert(Arc::clone(&text));
        text
    }

    fn finish(self) -> History {
        let fates = self.fates.into_iter();
        let operations = self.operations.into_iter().zip(fates);
        let counts = |(operation, fate): &(Operation, Fate)| match fate {
            Fate::Open => operation.kind == Kind::Put,
            Fate::Done => true,
            Fate::WithoutEffect => false,
        };
        History {
            operations: operations.filter(counts).map(|(one, _)| one).collect(),
        }
    }
}

impl From<Op> for Kind {
    fn from(op: Op) -> Self {
        match op {
            Op::Get => Kind::Get,
            Op::Put => Kind::Put,
        }
    }
}

/// What serde says; the line is known better by others.
fn said(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let end = text.rfind(" at line ").unwrap_or(text.len());
    let (what, column) = (&text[..end], error.column());
    match error.classify() {
        Category::Data => format!("{what} (column {column})"),
        Category::Io | Category::Syntax | Category::Eof => {
            format!("not JSON: {what} (column {column})")
        }
    }
}

/// The beginning of a text, without control characters.
fn on_one_line(text: &str) -> String {
    let mut characters = text.chars();
    let mut short: String = characters.by_ref().take(MAX_SAID_CHARACTERS).collect();
    short = short.replace(char::is_control, " ");
    if characters.next().is_some() {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    const INVOKE: &str = r#"{"time_ns":5,"event":"invoke","op":"put","client":"0017","mid":"A","request":3,"key":"k","value":"v"}"#;
    const OK: &str =
        r#"{"time_ns":9,"event":"ok","op":"put","client":"0017","mid":"A","request":3,"key":"k"}"#;
    const GET: &str = r#"{"time_ns":9,"event":"invoke","op":"get","client":"0018","mid":"B","request":4,"key":"k"}"#;
    const GOT: &str = r#"{"time_ns":10,"event":"ok","op":"get","client":"0018","mid":"B","request":4,"key":"k","value":"v"}"#;

    fn read(lines: &[&str]) -> Result<Vec<Operation>, String> {
        History::read(lines.join("\n").as_bytes())
            .map(|history| history.operations)
            .map_err(|error| error.to_string())
    }

    #[track_caller]
    fn assert_refused(lines: &[&str], expected: &str) {
        let said = read(lines).expect_err("no history");
        assert_eq!(said, expected);
    }

    #[test]
    fn attempts_become_operations() {
        let put = Operation {
            client: Id(0x17),
            request: 3,
            kind: Kind::Put,
            key: "k".into(),
            value: "v".into(),
            invoked_ns: 5,
            returned_ns: Some(9),
        };
        let get = Operation {
            client: Id(0x18),
            request: 4,
            kind: Kind::Get,
            invoked_ns: 9,
            returned_ns: Some(10),
            ..put.clone()
        };
        assert_eq!(read(&[INVOKE, OK, GET, GOT]), Ok(vec![put.clone(), get]));
        let open = Operation {
            returned_ns: None,
            ..put
        };
        assert_eq!(read(&[INVOKE, GET]), Ok(vec![open]));
        assert_eq!(read(&[]), Ok(vec![]));
    }

    #[test]
    fn what_failed_or_was_redirected_had_no_effect() {
        for event in ["fail", "redirect"] {
            let closing = OK.replace("ok", event);
            assert_eq!(read(&[INVOKE, &closing]), Ok(vec![]));
        }
    }

    #[test]
    fn what_is_no_event_is_refused() {
        let with = |from: &str, to: &str| {
            assert!(INVOKE.contains(from));
            INVOKE.replace(from, to)
        };
        assert_refused(
            &[INVOKE, "hello"],
            "line 2: not JSON: expected value (column 1)",
        );
        assert_refused(&[INVOKE, "", OK], "line 2: empty");
        assert_refused(
            &[&INVOKE[..50]],
            "line 1: not JSON: EOF while parsing a value (column 50)",
        );
        assert_refused(
            &[r#"[5,"invoke","put","0017","A",3,"k","v"]"#],
            "line 1: not a JSON object",
        );
        assert_refused(
            &[&with(r#""op":"put","#, "")],
            "line 1: missing field `op` (column 90)",
        );
        assert_refused(
            &[&with(r#""op""#, r#""ob""#)],
            "line 1: unknown field `ob`, expected one of `time_ns`, `event`, `op`, `client`, \
             `mid`, `request`, `key`, `value` (column 34)",
        );
        assert_refused(
            &[&with(":5", ":-5")],
            "line 1: invalid value: integer `-5`, expected u64 (column 13)",
        );
        assert_refused(
            &[&with(r#""put""#, r#""append""#)],
            "line 1: unknown variant `append`, expected `get` or `put` (column 43)",
        );
        assert_refused(
            &[&with("0017", "17")],
            "line 1: invalid value: string \"17\", expected four hexadecimal digits (column 54)",
        );
    }

    #[test]
    fn what_contradicts_itself_is_refused() {
        assert_refused(&[OK], "line 1: `mid` \"A\" was not invoked");
        assert_refused(&[INVOKE, INVOKE], "line 2: `mid` \"A\" was invoked before");
        assert_refused(&[INVOKE, OK, OK], "line 3: `mid` \"A\" was closed before");
        let closing = |from: &str, to: &str| [INVOKE.to_owned(), OK.replace(from, to)];
        for (field, from, to) in [
            ("client", "0017", "0018"),
            ("request", ":3", ":4"),
            ("key", r#""k""#, r#""l""#),
        ] {
            let [invoke, ok] = closing(from, to);
            assert_refused(
                &[&invoke, &ok],
                &format!("line 2: `{field}` is not that of the `invoke` of \"A\""),
            );
        }
        let [invoke, ok] = closing("}", r#","value":"v"}"#);
        assert_refused(&[&invoke, &ok], "line 2: a put's `ok` has no `value`");
        let got = ok.replace("put", "get");
        assert_refused(
            &[&invoke, &got],
            "line 2: `op` is not that of the `invoke` of \"A\"",
        );
        let [invoke, early] = closing(":9", ":4");
        assert_refused(
            &[&invoke, &early],
            "line 2: `time_ns` goes back from 5 to 4",
        );
        assert_refused(
            &[GET, &GOT.replace(r#","value":"v""#, "")],
            "line 2: a get's `ok` needs `value`",
        );
        assert_refused(
            &[&INVOKE.replace(r#","value":"v""#, "")],
            "line 1: a put's `invoke` needs `value`",
        );
        assert_refused(
            &[&INVOKE.replace(r#""v""#, "null")],
            "line 1: a put's `invoke` has `value` null",
        );
        assert_refused(
            &[INVOKE, &OK.replace('}', r#","value":null}"#)],
            "line 2: a put's `ok` has `value` null",
        );
    }

    #[test]
    fn nothing_makes_reading_panic_or_answer_at_length() {
        let invalid = History::read(&b"\xff\xfe\n"[..]).expect_err("not UTF-8");
        assert!(invalid.to_string().starts_with("line 1: "), "{invalid}");
        let long = "x".repeat(MAX_LINE_BYTES + 1);
        assert_refused(&[&long], "line 1: longer than 1048576 bytes");
        let nasty = INVOKE.replace("put", &"\\u001b[31m".repeat(10_000));
        let said = read(&[&nasty]).expect_err("no op");
        assert!(said.chars().count() < 250);
        assert!(!said.contains('\u{1b}'), "{said}");
    }
}
