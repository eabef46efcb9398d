//! Consensus knows no word of what is stored in it, or of the world outside.

use crate::sources;

/// Words that must not stand in `src/consensus`, in code, texts or comments: of the store and its clients, and of the
/// machine. The standard library's own `.get(` and the like are no words of ours.
const STORE: &[&str] = &[
    "put", "puts", "get", "gets", "key", "keys", "value", "values", "client", "clients", "mid",
    "mids",
];
const MACHINE: &[&str] = &[
    "instant",
    "systemtime",
    "socket",
    "sockets",
    "thread",
    "threads",
    "json",
    "disk",
    "disks",
];
const METHODS: &[&str] = &[".get(", ".get_mut(", ".values(", ".keys("];

/// The forbidden words in a text, each with its line's number.
fn found(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let mut line = line.to_owned();
        for method in METHODS {
            line = line.replace(method, "(");
        }
        let words = line.split(|c: char| !c.is_alphanumeric() && c != '_');
        for word in words {
            let word = word.to_lowercase();
            if STORE.contains(&word.as_str()) || MACHINE.contains(&word.as_str()) {
                found.push((number + 1, word));
            }
        }
    }
    found
}

#[test]
fn consensus_has_no_word_of_the_store_its_clients_or_the_machine() {
    let mut faults = Vec::new();
    for (file, text) in sources() {
        if file.starts_with("src/consensus/") {
            // What a module must never know is said where it is said what it is for.
            let must_never = |line: &&str| line.starts_with("//!");
            let text: Vec<&str> = text
                .lines()
                .map(|line| if must_never(&line) { "" } else { line })
                .collect();
            let words = found(&text.join("\n"));
            faults.extend(
                words
                    .into_iter()
                    .map(|(line, word)| format!("{file}:{line}: {word}")),
            );
        }
    }
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

#[test]
fn words_are_found_wherever_they_stand() {
    let text = "/// A client's word.\nlet a = map.get(&b);\nfn put() {}\nstruct Thread;\nby_key";
    let words: Vec<_> = found(text)
        .into_iter()
        .map(|(line, word)| format!("{line} {word}"))
        .collect();
    assert_eq!(words, ["1 client", "3 put", "4 thread"]);
}
