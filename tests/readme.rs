//! The samples of output in README.md and `docs/` are what the program prints.
//!
//! A sample is a fenced block that begins with `$ ./run …`. Here the command is run, and its output compared with
//! the block. `UPDATE_GOLDENFILES=1 cargo test --test readme` writes the blocks anew.
//!
//! If several such lines begin it, they are run one after the other in the same directory, and the last one's output counts.
//!
//! A comment above the block says which lines are shown, if not all are; `...` stands for the others:
//!
//! ```text
//! <!-- shown: "# Running"; "Leader:" to "Client put"; "## Over Time" to end -->
//! ```
//!
//! `"A"` is the next line that begins with `A`, `"A" to "B"` goes on to the next that begins with `B`, `"A" to blank` to
//! the last before an empty line, and `"A" to end` to the last of all.
//!
//! Virtual time repeats a run to the byte; only how long a sweep took is shown as `…`. Of real processes no figure is
//! compared. They take half a minute, so their test is run only if asked for (`-- --include-ignored`).

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
/// What the samples begin with.
const PROMPT: &str = "$ ";
/// What stands for lines that are not shown.
const LEFT_OUT: &str = "...";
/// The options whose value is a file that is written.
const WRITING: [&str; 4] = ["--report", "--trace", "--json", "--history"];

/// Two tests may want to rewrite the same page.
static PAGES: Mutex<()> = Mutex::new(());

#[test]
fn samples_in_virtual_time_are_what_is_printed() {
    hold_against_the_program(|command| command.contains(" --virtual "));
}

#[test]
#[ignore = "runs real processes for half a minute, and needs Python 3"]
fn samples_of_real_processes_have_the_shape_of_what_is_printed() {
    hold_against_the_program(|command| !command.contains(" --virtual "));
}

/// Whoever tries the commands does not find files in `git status` then.
#[test]
fn commands_in_the_pages_write_into_target_only() {
    for page in pages() {
        let mut text = read(&page);
        for sample in samples(&text) {
            // What the program advises is its own business.
            text = text.replace(&sample.output, "");
        }
        for line in text.lines().filter(|line| line.contains("./run ")) {
            let words: Vec<&str> = line.split_whitespace().collect();
            for pair in words.windows(2) {
                let file = pair[1].trim_end_matches(['`', '.', ',', ')']);
                let is_a_name = file.contains('.');
                assert!(
                    !(WRITING.contains(&pair[0]) && is_a_name) || file.starts_with("target/"),
                    "{}: `{line}` writes {file}, expected a file in target/",
                    page.display()
                );
            }
        }
    }
}

#[test]
fn links_lead_to_files_and_the_readme_to_every_page() {
    for page in pages() {
        let text = read(&page);
        let directory = page.parent().expect("a page is in a directory");
        for link in links(&text) {
            let file = link.split('#').next().unwrap_or_default();
            assert!(
                directory.join(file).exists(),
                "{}: there is no {link}",
                page.display()
            );
        }
    }
    let readme = read(&Path::new(ROOT).join("README.md"));
    let linked: Vec<&str> = links(&readme).collect();
    for page in pages() {
        let name = page.strip_prefix(ROOT).expect("a page is below the root");
        let name = name.to_str().expect("a name in plain letters");
        assert!(
            name == "README.md" || linked.contains(&name),
            "README.md has no link to {name}"
        );
    }
}

/// A file that was renamed must be renamed in the pages, too.
#[test]
fn files_that_the_pages_name_exist() {
    const ROOMS: [&str; 5] = ["src", "tests", "benches", "examples", "configs"];
    let mut files = Vec::new();
    for room in ROOMS {
        files.push(Path::new(ROOT).join(room));
        collect(&Path::new(ROOT).join(room), &mut files);
    }
    for page in pages() {
        let text = read(&page);
        let quoted = text.split('`').skip(1).step_by(2);
        let wanted = quoted.filter(|name| {
            let is_path = ROOMS
                .iter()
                .any(|room| name.starts_with(&format!("{room}/")));
            let is_plain = !name.contains([' ', '*', '<', '{']);
            is_plain && (is_path || name.ends_with(".rs"))
        });
        for name in wanted {
            let name = Path::new(name.trim_end_matches('/'));
            assert!(
                files.iter().any(|file| file.ends_with(name)),
                "{}: there is no `{}`",
                page.display(),
                name.display()
            );
        }
    }
}

/// `docs/options.md` is held against the code by a test of its own.
#[test]
fn options_in_the_readme_are_in_the_page_of_options() {
    let all = read(&Path::new(ROOT).join("docs/options.md"));
    let readme = read(&Path::new(ROOT).join("README.md"));
    let rows = readme.lines().filter(|line| line.starts_with("| `"));
    let names: Vec<&str> = rows.filter_map(|row| row.split('`').nth(1)).collect();
    assert!(names.len() >= 5, "README.md has a table of options");
    for name in names {
        let row = format!("| `{name}` |");
        assert!(all.contains(&row), "README.md: there is no option `{name}`");
    }
}

#[test]
fn readme_is_short() {
    let lines = read(&Path::new(ROOT).join("README.md")).lines().count();
    assert!(
        lines <= 200,
        "README.md has {lines} lines, expected 200 at most"
    );
}

/// Runs the samples whose command is wanted, and compares them or writes them anew.
fn hold_against_the_program(wanted: impl Fn(&str) -> bool) {
    let update = std::env::var_os("UPDATE_GOLDENFILES").is_some_and(|value| value == "1");
    let mut seen = 0;
    let mut stale = Vec::new();
    for page in pages() {
        for sample in samples(&read(&page)) {
            if !wanted(&sample.command) {
                continue;
            }
            seen += 1;
            let name = page.display();
            let output = run(&sample.command);
            let expected = excerpt(&output, sample.shown.as_deref())
                .unwrap_or_else(|error| panic!("{name}: $ {}: {error}\n{output}", sample.command));
            let is_current = match sample.command.contains(" --virtual ") {
                true => sample.output == expected,
                false => without_figures(&sample.output) == without_figures(&expected),
            };
            if is_current {
                continue;
            }
            if update {
                replace(&page, &sample, &expected);
            } else {
                stale.push(format!(
                    "{name}: $ {}\n--- the page\n{}--- the program\n{expected}",
                    sample.command, sample.output
                ));
            }
        }
    }
    assert!(seen > 0, "no page has such a sample");
    assert!(
        stale.is_empty(),
        "{}\nUPDATE_GOLDENFILES=1 writes the samples anew.",
        stale.join("\n")
    );
}

/// A fenced block with a command and what it prints.
struct Sample {
    /// The comment above the block: which lines are shown.
    shown: Option<String>,
    /// The command, without the prompt; each on a line of its own, if there are several.
    command: String,
    /// What the page says that it prints.
    output: String,
}

/// The samples of a page, in their order.
fn samples(text: &str) -> Vec<Sample> {
    let lines: Vec<&str> = text.lines().collect();
    let mut samples = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let Some(command) = line.strip_prefix(PROMPT) else {
            continue;
        };
        if !command.contains("./run ") || at == 0 || !lines[at - 1].starts_with("```") {
            continue;
        }
        let more = lines[at + 1..]
            .iter()
            .map_while(|line| line.strip_prefix(PROMPT));
        let commands: Vec<&str> = std::iter::once(command).chain(more).collect();
        let rest = &lines[at + commands.len()..];
        let length = rest.iter().position(|line| line.starts_with("```"));
        let length = length.expect("a fenced block has an end");
        let above = lines[..at - 1].iter().rfind(|line| !line.is_empty());
        let shown = above.and_then(|line| {
            let inside = line.strip_prefix("<!-- shown:")?.strip_suffix("-->")?;
            Some(inside.trim().to_owned())
        });
        samples.push(Sample {
            shown,
            command: commands.join("\n"),
            output: joined(&rest[..length]),
        });
    }
    samples
}

/// Writes a sample anew into its page.
fn replace(page: &Path, sample: &Sample, output: &str) {
    let _guard = PAGES.lock().expect("no test panics while it writes");
    let commands = sample.command.lines();
    let head: String = commands.map(|it| format!("{PROMPT}{it}\n")).collect();
    let old = format!("{head}{}```", sample.output);
    let text = read(page);
    assert!(text.contains(&old), "{} has changed", page.display());
    let text = text.replace(&old, &format!("{head}{output}```"));
    fs::write(page, text).expect("the page can be written");
}

/// The lines of an output that are to be shown, `...` standing for the others.
fn excerpt(output: &str, shown: Option<&str>) -> Result<String, String> {
    let Some(shown) = shown else {
        return Ok(output.to_owned());
    };
    let lines: Vec<&str> = output.lines().collect();
    let mut excerpt: Vec<&str> = Vec::new();
    let mut next = 0;
    let skip = |from: usize, to: usize, excerpt: &mut Vec<&str>| {
        let skipped = &lines[from..to];
        if skipped.iter().any(|line| !line.is_empty()) {
            excerpt.push(LEFT_OUT);
        } else if !skipped.is_empty() {
            excerpt.push("");
        }
    };
    for item in shown.split(';') {
        let find = |from: usize, quoted: &str| {
            let start = quoted
                .trim()
                .strip_prefix('"')
                .and_then(|rest| rest.strip_suffix('"'))
                .ok_or_else(|| format!("shown: {quoted}, expected a text in quotes"))?;
            let place = lines[from..].iter().position(|l| l.starts_with(start));
            place
                .map(|place| from + place)
                .ok_or_else(|| format!("no further line begins with {quoted}"))
        };
        let (first, last) = item.split_once(" to ").unwrap_or((item, "one"));
        let first = find(next, first)?;
        let end = match last.trim() {
            "one" => first + 1,
            "end" => lines.len(),
            "blank" => {
                let place = lines[first..].iter().position(|line| line.is_empty());
                place.map_or(lines.len(), |place| first + place)
            }
            last => find(first, last)? + 1,
        };
        skip(next, first, &mut excerpt);
        excerpt.extend(&lines[first..end]);
        next = end;
    }
    skip(next, lines.len(), &mut excerpt);
    Ok(joined(&excerpt))
}

/// Runs commands of the pages in a directory that looks like this one. Gives the last one's standard output.
fn run(commands: &str) -> String {
    let place = tempfile::tempdir().expect("a directory");
    for name in ["configs", "examples"] {
        std::os::unix::fs::symlink(Path::new(ROOT).join(name), place.path().join(name))
            .expect("a link");
    }
    fs::create_dir(place.path().join("target")).expect("a directory");
    let mut output = String::new();
    for command in commands.lines() {
        output = run_in(place.path(), command);
    }
    let left: Vec<_> = fs::read_dir(place.path())
        .expect("the directory")
        .map(|entry| entry.expect("an entry").file_name())
        .filter(|name| !["configs", "examples", "target"].iter().any(|n| name == n))
        .collect();
    assert!(left.is_empty(), "$ {commands} leaves {left:?}");
    output
}

fn run_in(place: &Path, command: &str) -> String {
    let mut program = Command::new(env!("CARGO_BIN_EXE_leasekv-sim"));
    // As for somebody whose terminal knows UTF-8, whatever it is here.
    program
        .current_dir(place)
        .env_remove("RUST_LOG")
        .env_remove("LEASEKV_OPTIONS")
        .env_remove("LEASEKV_CONFIG_DIRECTORY")
        .env("LC_ALL", "C.UTF-8");
    let mut words = command.split_whitespace();
    for word in words.by_ref().take_while(|word| *word != "./run") {
        let (name, value) = word.split_once('=').expect("NAME=value before ./run");
        program.env(name, value);
    }
    let output = program.args(words).output().expect("the bench runs");
    let status = output.status.code();
    assert!(
        matches!(status, Some(0 | 1)),
        "$ {command}: exit status {status:?}, expected 0 or 1\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    without_clock(&String::from_utf8(output.stdout).expect("UTF-8"))
}

/// A text without the time that a sweep took, the only one that a clock measures in virtual time.
fn without_clock(text: &str) -> String {
    let line = |line: &str| match line.split_once(" runs in ") {
        Some((runs, rest)) => {
            let rest = rest.split_once(" s, ").map_or(rest, |(_, rest)| rest);
            format!("{runs} runs in … s, {rest}\n")
        }
        None => format!("{line}\n"),
    };
    text.lines().map(line).collect()
}

/// A text without its figures, and without the widths that follow from them.
fn without_figures(text: &str) -> String {
    let word = |word: &str| match word.starts_with(|first: char| first.is_ascii_digit()) {
        true => "#".to_owned(),
        false => word.to_owned(),
    };
    let line = |line: &str| line.split_whitespace().map(word).collect::<Vec<_>>();
    text.lines()
        .map(|text| line(text).join(" ") + "\n")
        .collect()
}

/// Where the links of a page lead to, but for those into the world.
fn links(text: &str) -> impl Iterator<Item = &str> {
    text.split("](")
        .skip(1)
        .filter_map(|rest| rest.split(')').next())
        .filter(|link| !link.starts_with("http") && !link.starts_with('#'))
}

/// All files and directories below a directory.
fn collect(directory: &Path, files: &mut Vec<PathBuf>) {
    let entries = fs::read_dir(directory).unwrap_or_else(|e| panic!("{directory:?}: {e}"));
    for entry in entries {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            collect(&path, files);
        }
        files.push(path);
    }
}

/// All pages for people.
fn pages() -> Vec<PathBuf> {
    let root = Path::new(ROOT);
    let mut pages: Vec<PathBuf> = ["README.md", "NOTES.md", "CONTRIBUTING.md"]
        .iter()
        .map(|name| root.join(name))
        .collect();
    let directory = fs::read_dir(root.join("docs")).expect("docs/");
    pages.extend(
        directory
            .map(|entry| entry.expect("an entry").path())
            .filter(|path| path.extension().is_some_and(|end| end == "md")),
    );
    pages.sort();
    pages
}

fn read(page: &Path) -> String {
    fs::read_to_string(page).unwrap_or_else(|error| panic!("{}: {error}", page.display()))
}

fn joined(lines: &[&str]) -> String {
    lines.iter().flat_map(|line| [*line, "\n"]).collect()
}
