//! Examples of small trees, to show that `paths` and `rules` find what they must, and nothing else.

use crate::paths;
use crate::rules::{MAX_LINES, Room, check};

const fn room(name: &'static str, uses: &'static [&'static str]) -> Room {
    let never = &[&["std::time::Instant", "std::thread"] as &[&str]];
    Room { name, uses, never }
}

const TABLE: [Room; 5] = [
    room("low", &[]),
    room("high", &["low"]),
    room("house::cellar", &["low::open"]),
    room("house", &[]),
    room("", &[]),
];

/// Whoever uses what the table lets them, so that no row of it is idle.
const IDLE: [(&str, &str); 5] = [
    (
        "src/lib.rs",
        "pub mod high;\npub mod house;\npub mod low;\n",
    ),
    ("src/low/mod.rs", "pub mod open;\nmod shut;\n"),
    ("src/low/open.rs", "pub struct Open;\n"),
    ("src/low/shut.rs", ""),
    ("src/house/cellar/mod.rs", "use crate::low::open::Open;\n"),
];

/// What is wrong with the idle files and these. One that is named again has another text.
fn faults(more: &[(&str, &str)]) -> Vec<String> {
    let mut files: Vec<(&str, &str)> = IDLE.to_vec();
    files.retain(|(path, _)| more.iter().all(|(other, _)| other != path));
    if more.iter().all(|(path, _)| !path.starts_with("src/high")) {
        files.push(("src/high.rs", "use crate::low::open::Open;\n"));
    }
    files.extend(more);
    let files: Vec<(String, String)> = files
        .into_iter()
        .map(|(path, text)| (path.to_owned(), text.to_owned()))
        .collect();
    check(&files, &TABLE)
}

/// What is wrong with a file of the room `low`, which may use nothing.
fn in_low(text: &str) -> Vec<String> {
    faults(&[("src/low/shut.rs", text)])
}

#[test]
fn a_tree_that_keeps_the_table_has_no_fault() {
    assert_eq!(faults(&[]), Vec::<String>::new());
}

#[test]
fn a_forbidden_edge_is_named_with_its_file_and_line() {
    assert_eq!(
        in_low("//! A file.\n\nuse crate::high::Thing;\n"),
        [
            "src/low/shut.rs:3: `low` may not use crate::high::Thing, which is in `high`; it may use \
             nothing"
        ]
    );
}

#[test]
fn an_edge_is_found_however_it_is_written() {
    for (text, line) in [
        ("use crate::high;", 1),
        ("pub(crate) use crate::high::*;", 1),
        ("use crate::high::Thing as Other;", 1),
        ("use crate::{low::open, high::Thing};", 1),
        (
            "use crate::{\n    low::{self, open::{Open}},\n    high::{\n        a,\n        b::{C},\n    },\n};",
            4,
        ),
        ("fn f() {\n    let x = crate::high::make();\n}", 2),
        ("fn f(x: &crate::high::Thing<'_>) {}", 1),
        ("fn f() {\n    use crate::high::Thing;\n}", 2),
        ("use super::super::high::Thing;", 1),
        (
            "mod inside {\n    use super::super::super::high::Thing;\n}",
            2,
        ),
        ("mod inside {}\nuse super::super::high::Thing;", 2),
        ("use crate as root;\nfn f() { root::high::make() }", 1),
        ("use leasekv::high::Thing;", 1),
    ] {
        let found = in_low(text);
        let place = format!("src/low/shut.rs:{line}: `low` may not use ");
        assert!(
            found.iter().any(|fault| fault.starts_with(&place)),
            "{text}: {found:?}"
        );
    }
}

#[test]
fn only_the_module_that_the_table_names_may_be_used() {
    let cellar = |text: &str| faults(&[("src/house/cellar/mod.rs", text)]);
    assert_eq!(
        cellar("use crate::low::open::{self, Open};"),
        Vec::<String>::new()
    );
    assert_eq!(
        cellar("use crate::low::open;\nfn f() { open::make() }"),
        Vec::<String>::new()
    );
    for text in [
        "use crate::low::shut::Shut;",
        "use crate::low;",
        "use crate::house::Thing;",
    ] {
        assert!(
            !cellar(&format!("use crate::low::open::Open;\n{text}")).is_empty(),
            "{text}"
        );
    }
}

#[test]
fn what_a_use_has_brought_in_is_followed() {
    let files = [(
        "src/house/cellar/mod.rs",
        "use crate::low::open;\nuse open::super_thing;\n",
    )];
    assert_eq!(faults(&files), Vec::<String>::new());
    let files = [
        ("src/high/mod.rs", "mod a;\nmod b;\nuse crate::low::open;\n"),
        (
            "src/high/a.rs",
            "use crate::high;\nfn f() { high::b::g() }\n",
        ),
        ("src/high/b.rs", "use super::a::f;\n"),
    ];
    assert_eq!(
        faults(&files),
        ["a circle of files: high::a → high::b → high::a"]
    );
}

#[test]
fn tests_comments_and_texts_do_not_count() {
    for text in [
        "#[cfg(test)]\nmod tests {\n    use crate::high::Thing;\n    fn f() { if true {} }\n}\n",
        "#[cfg(test)]\npub(crate) use crate::high::Thing;\n",
        "#[cfg(test)]\n#[allow(unused)]\nuse crate::high::{a, b};\n",
        "#[cfg(test)]\nfn f() -> crate::high::Thing { crate::high::make() }\n",
        "struct S {\n    #[cfg(test)]\n    field: crate::high::Thing,\n}\n",
        "// use crate::high::Thing;\n/// See [`crate::high`].\nfn f() {}\n",
        "/* use crate::high::Thing; /* crate::high */ crate::high */\n",
        "const A: &str = \"crate::high \\\" crate::high\";\n",
        "const A: &str = r#\"crate::high \" crate::high\"#;\n",
        "const A: (char, &'static str) = ('\"', \"crate::high\");\n",
        "const A: (char, char) = ('\\'', '\"');\nconst B: &str = \"crate::high\";\n",
        "pub(in crate::high) struct Thing;\n",
    ] {
        assert_eq!(in_low(text), Vec::<String>::new(), "{text}");
    }
    let files = [
        ("src/low/shut.rs", "#[cfg(test)]\npub(crate) mod tests;\n"),
        (
            "src/low/shut/tests.rs",
            "use crate::high::Thing;\nmod more;\n",
        ),
        ("src/low/shut/tests/more.rs", "use crate::high::Thing;\n"),
    ];
    assert_eq!(faults(&files), Vec::<String>::new());
}

#[test]
fn what_stands_behind_tests_and_texts_counts() {
    for before in [
        "#[cfg(test)]\nmod tests { fn f() { if true {} } }",
        "#[cfg(test)]\nuse crate::low::{open, shut};",
        "#[cfg(not(test))]\nfn f() {}",
        "struct S {\n    #[cfg(test)]\n    last: u8\n}",
        "const A: &str = r\"\\\";",
        "const A: &[u8] = br#\"\"\"#;",
        "fn f<'a>(x: &'a str) -> char { 'a' }",
        "const A: char = '\\u{41}';",
        "/* /* */ */",
        "struct r#type;",
    ] {
        let found = in_low(&format!("{before}\nuse crate::high::Thing;\n"));
        assert_eq!(found.len(), 1, "{before}: {found:?}");
    }
}

#[test]
fn what_must_never_be_known_of_the_outside_is_found() {
    for (text, never) in [
        ("use std::time::{Duration, Instant};", "std::time::Instant"),
        (
            "fn f() { std::time::Instant::now(); }",
            "std::time::Instant",
        ),
        ("use std::time;", "std::time::Instant"),
        ("use std::time::*;", "std::time::Instant"),
        ("fn f() { std::thread::spawn(g); }", "std::thread"),
    ] {
        let place = format!("src/low/shut.rs:1: `low` must never know {never}, here ");
        let found = in_low(text);
        assert!(
            found.iter().any(|fault| fault.starts_with(&place)),
            "{text}: {found:?}"
        );
    }
    for text in [
        "use std::time::Duration;",
        "use std::{fmt, sync::Arc};",
        "use threads::A;",
    ] {
        assert_eq!(in_low(text), Vec::<String>::new(), "{text}");
    }
}

#[test]
fn a_circle_of_files_is_found() {
    let files = [
        (
            "src/high/mod.rs",
            "mod a;\nmod b;\nuse crate::low::open::Open;\n",
        ),
        ("src/high/a.rs", "use super::b::B;\n"),
        ("src/high/b.rs", "use super::a::A;\n"),
    ];
    assert_eq!(
        faults(&files),
        ["a circle of files: high::a → high::b → high::a"]
    );
}

#[test]
fn a_file_that_uses_a_module_that_uses_it_is_a_circle() {
    let through = |module, child| {
        let module = format!("use crate::low::open::Open;\nmod child;\n{module}\n");
        faults(&[
            ("src/high.rs", module.as_str()),
            ("src/high/child.rs", child),
        ])
    };
    let circle = ["a circle of files: high → high::child → high"];
    assert_eq!(
        through("pub use child::Child;", "use super::Child;"),
        circle
    );
    assert_eq!(
        through("fn f() { child::make() }", "use super::Thing;"),
        circle
    );
    // To declare a module is not to use it, and a child may know its parent.
    assert_eq!(through("", "use super::Thing;"), Vec::<String>::new());
    assert_eq!(through("pub use child::Child;", ""), Vec::<String>::new());
}

#[test]
fn a_file_that_is_too_long_is_named() {
    let most = "\n".repeat(MAX_LINES);
    assert_eq!(faults(&[("src/low/page.js", &most)]), Vec::<String>::new());
    let more = most + "\n";
    assert_eq!(
        faults(&[("src/low/page.js", &more)]),
        ["src/low/page.js has 501 lines, more than 500"]
    );
}

#[test]
fn a_file_without_a_row_is_named() {
    assert_eq!(
        faults(&[("src/shed.rs", "")]),
        ["src/shed.rs: no row of the table has it"]
    );
}

#[test]
fn a_table_with_arrows_back_or_idle_ones_is_wrong() {
    let files = [("src/high.rs", ""), ("src/low.rs", "use crate::high::A;")];
    let files = files.map(|(path, text)| (path.to_owned(), text.to_owned()));
    let back = [room("low", &["high"]), room("high", &[])];
    assert_eq!(
        check(&files, &back),
        ["the table lets `low` use high, of which no row above it tells"]
    );
    let idle = [room("low", &[]), room("high", &["low"])];
    assert_eq!(
        check(&files[..1], &idle),
        ["the table lets `high` use low, but it does not"]
    );
}

#[test]
fn names_that_are_given_are_kept() {
    let source = paths::read("use a::{self, b as c, d::{E}};\nmod f;\nf::g::<h::I>();\n");
    let read: Vec<(String, Option<&str>)> = source
        .paths
        .iter()
        .map(|path| (path.segments.join("::"), path.called.as_deref()))
        .collect();
    let expected = [
        ("a", Some("a")),
        ("a::b", Some("c")),
        ("a::d::E", Some("E")),
        ("f::g", None),
        ("h::I", None),
    ];
    assert_eq!(
        read,
        expected.map(|(path, called)| (path.to_owned(), called))
    );
    assert_eq!(source.children, ["f"]);
}
