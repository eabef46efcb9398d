//! `--check` as a user meets it: exit status, what is said and where.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::Write;
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

/// A put of `v` to `k`, and a get of it that returns `{got}`.
fn history(got: &str) -> String {
    let mut lines = String::new();
    for (time_ns, event, op, mid, value) in [
        (1_000_000, "invoke", "put", "a", Some("v")),
        (2_000_000, "ok", "put", "a", None),
        (3_000_000, "invoke", "get", "b", None),
        (4_000_000, "ok", "get", "b", Some(got)),
    ] {
        let value = value.map_or(String::new(), |value| format!(r#","value":"{value}""#));
        writeln!(
            lines,
            r#"{{"time_ns":{time_ns},"event":"{event}","op":"{op}","client":"0015","mid":"{mid}","request":0,"key":"k"{value}}}"#
        )
        .unwrap();
    }
    lines
}

/// Checks a file `h.jsonl` of this text.
fn check(text: &str) -> Output {
    let directory = TempDir::new().unwrap();
    fs::write(directory.path().join("h.jsonl"), text).unwrap();
    simulator(&["--check", "h.jsonl"])
        .current_dir(directory.path())
        .output()
        .unwrap()
}

fn simulator(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_leasekv-sim"));
    command.args(arguments);
    command
}

/// The standard output without the seconds, which differ.
fn said(output: &Output) -> String {
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    let (first, rest) = text.split_once('\n').unwrap();
    let verdict = first.rfind(" (").map_or(first, |seconds| &first[..seconds]);
    format!("{verdict}\n{rest}")
}

fn complaint(output: &Output) -> String {
    assert!(output.stdout.is_empty());
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn a_linearizable_history_is_one_line_and_status_0() {
    let output = check(&history("v"));
    assert_eq!(
        said(&output),
        "h.jsonl: linearizable, 2 operations on 1 keys\n"
    );
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn a_violation_is_drawn_and_status_1() {
    let output = check(&history(""));
    assert_eq!(
        said(&output),
        r#"h.jsonl: not linearizable, 2 operations, violated keys: 1

Key "k":
2 operations that no order explains (drawn in the order of time, not to scale)

client  request  operation   from ms     to ms
0015          0  put "v"    1.000000  2.000000  |--|
0015          0  get ""     3.000000  4.000000         |--|

get by 0015 returned "" although put "v" by 0015 was acknowledged before it began, and nothing put
"" in between
"#
    );
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn what_is_no_history_is_named_with_its_line_and_status_2() {
    let output = check(&history("v").replace(r#""ok","op":"get""#, r#""done","op":"get""#));
    assert_eq!(
        complaint(&output),
        "error: h.jsonl: line 4: unknown variant `done`, expected one of `invoke`, `ok`, `fail`, \
         `redirect` (column 33)\n"
    );
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn a_file_that_is_not_there_is_status_2() {
    let output = simulator(&["--check", "nowhere.jsonl"]).output().unwrap();
    assert!(complaint(&output).starts_with("error: nowhere.jsonl: "));
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn a_minus_reads_the_standard_input() {
    let mut child = simulator(&["--check", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(history("v").as_bytes()).unwrap();
    drop(input);
    let output = child.wait_with_output().unwrap();
    assert_eq!(
        said(&output),
        "standard input: linearizable, 2 operations on 1 keys\n"
    );
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn the_status_tells_the_verdict_even_if_nobody_reads_it() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("h.jsonl");
    fs::write(&path, history("")).unwrap();
    let status = simulator(&["--check", path.to_str().unwrap()])
        .stdout(File::create("/dev/full").unwrap())
        .status()
        .unwrap();
    assert_eq!(status.code(), Some(1));
}

#[test]
fn a_test_and_a_check_do_not_go_together() {
    for arguments in [
        &["--check", "h", "all"][..],
        &["--check", "h", "--seed", "1"],
        &[],
    ] {
        let output = simulator(arguments).output().unwrap();
        assert!(complaint(&output).contains("Usage"), "{arguments:?}");
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
    }
}
