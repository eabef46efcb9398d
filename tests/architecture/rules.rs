//! Holds the paths of all files against a table of rooms.

use std::collections::{BTreeMap, BTreeSet};

use crate::paths::{self, Path, Source};

/// A room: a module with all that is in it, but for what has a row of its own.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Room {
    /// The module's path; empty for the crate's root, `bin::name` for a program.
    pub(crate) name: &'static str,
    /// What it may use besides itself: rooms, or modules in rooms, of rows above.
    pub(crate) uses: &'static [&'static str],
    /// What it must not use of other crates and the standard library, in lists.
    pub(crate) never: &'static [&'static [&'static str]],
}

/// No file is longer than so many lines.
pub(crate) const MAX_LINES: usize = 500;

/// What is wrong with a tree of files, a sentence each. A file is its path from `src` on and its text.
/// No files may use each other in a circle.
pub(crate) fn check(files: &[(String, String)], table: &[Room]) -> Vec<String> {
    let mut faults = table_faults(table);
    for (file, text) in files {
        let lines = text.lines().count();
        if lines > MAX_LINES {
            faults.push(format!("{file} has {lines} lines, more than {MAX_LINES}"));
        }
    }
    let tree = Tree::of(files);
    let mut edges: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let mut used: BTreeSet<(&str, &str)> = BTreeSet::new();
    for (module, file) in &tree.files {
        let Some(room) = room_of(table, module) else {
            faults.push(format!("{}: no row of the table has it", file.path));
            continue;
        };
        for path in &file.source.paths {
            let place = format!("{}:{}", file.path, path.line);
            match tree.resolve(module, path) {
                Resolved::Module(target) => {
                    if target != *module {
                        let other = tree.files.get_key_value(&target);
                        edges
                            .entry(module)
                            .or_default()
                            .extend(other.map(|(module, _)| module.as_str()));
                    }
                    let its = room_of(table, &target).map(|room| room.name);
                    let allowed = room.uses.iter().find(|allowed| is_in(&target, allowed));
                    match allowed {
                        Some(allowed) => {
                            used.insert((room.name, allowed));
                        }
                        None if its == Some(room.name) => {}
                        None => faults.push(format!(
                            "{place}: {} may not use {}, which is in {}; it may use {}",
                            called(room.name),
                            path.segments.join("::"),
                            its.map_or("no room".to_owned(), called),
                            list(room.uses),
                        )),
                    }
                }
                Resolved::Foreign => faults.extend(
                    (room.never.iter().copied().flatten())
                        .filter(|never| names(path, never))
                        .map(|never| {
                            let path = path.segments.join("::");
                            let room = called(room.name);
                            format!("{place}: {room} must never know {never}, here {path}")
                        }),
                ),
            }
        }
    }
    let allowed = table
        .iter()
        .flat_map(|room| room.uses.iter().map(|allowed| (room.name, *allowed)));
    let idle = allowed.filter(|edge| !used.contains(edge));
    faults.extend(idle.map(|(room, allowed)| {
        let room = called(room);
        format!("the table lets {room} use {allowed}, but it does not")
    }));
    if let Some(circle) = circle(&edges) {
        faults.push(format!("a circle of files: {}", circle.join(" → ")));
    }
    faults
}

/// What is wrong with the table itself: a room may only use what rows above have, so that no arrow runs
/// back.
fn table_faults(table: &[Room]) -> Vec<String> {
    let mut faults = Vec::new();
    for (place, room) in table.iter().enumerate() {
        for used in room.uses {
            if room_of(&table[..place], used).is_none_or(|other| other.name.is_empty()) {
                let room = called(room.name);
                faults.push(format!(
                    "the table lets {room} use {used}, of which no row above it tells"
                ));
            }
        }
    }
    faults
}

/// The room that a module is in: the row with the longest name that fits.
fn room_of<'t>(table: &'t [Room], module: &str) -> Option<&'t Room> {
    let fitting = table.iter().filter(|room| match room.name {
        "" => module.is_empty(),
        name => is_in(module, name),
    });
    fitting.max_by_key(|room| room.name.len())
}

/// Whether a module is another one or inside of it.
fn is_in(module: &str, outer: &str) -> bool {
    let rest = module.strip_prefix(outer);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

/// Whether a path names what must never be known: that, or something in it. `use` of a module that has
/// it counts, too.
fn names(path: &Path, never: &str) -> bool {
    let segments: Vec<&str> = path.segments.iter().map(String::as_str).collect();
    let segments = match segments.split_last() {
        Some((&"*", outer)) => outer,
        _ => &segments,
    };
    let written = segments.join("::");
    is_in(&written, never) || (path.called.is_some() && is_in(never, &written))
}

fn called(room: &str) -> String {
    match room {
        "" => "the crate's root".to_owned(),
        _ => format!("`{room}`"),
    }
}

fn list(uses: &[&str]) -> String {
    match uses.is_empty() {
        true => "nothing".to_owned(),
        false => uses.join(", "),
    }
}

/// All files but those for tests, by module.
struct Tree {
    files: BTreeMap<String, File>,
}

struct File {
    path: String,
    source: Source,
}

enum Resolved {
    /// The module of this crate that has it.
    Module(String),
    /// It is of another crate, or not a module's at all.
    Foreign,
}

impl Tree {
    fn of(files: &[(String, String)]) -> Tree {
        let sources = files.iter().filter(|(path, _)| path.ends_with(".rs"));
        let mut files: BTreeMap<String, File> = sources
            .map(|(path, text)| {
                let file = File {
                    path: path.clone(),
                    source: paths::read(text),
                };
                (module_of(path), file)
            })
            .collect();
        let tests: Vec<String> = files
            .iter()
            .flat_map(|(module, file)| {
                let children = file.source.test_children.iter();
                children.map(|child| inner(module, child))
            })
            .collect();
        files.retain(|module, _| !tests.iter().any(|test| is_in(module, test)));
        Tree { files }
    }

    /// The module that a path in a module leads to.
    fn resolve(&self, module: &str, path: &Path) -> Resolved {
        let Some(first) = path.segments.first().filter(|_| path.called.is_none()) else {
            return self.resolve_whole(module, path);
        };
        // Perhaps it goes on from what a `use` has brought in.
        let file = self.files.get(module);
        let mut paths = file.into_iter().flat_map(|file| &file.source.paths);
        match paths.find(|other| other.called.as_ref() == Some(first)) {
            None => self.resolve_whole(module, path),
            Some(other) => {
                let mut whole = other.clone();
                whole.segments.extend(path.segments[1..].iter().cloned());
                self.resolve_whole(module, &whole)
            }
        }
    }

    fn resolve_whole(&self, module: &str, path: &Path) -> Resolved {
        let mut at: Vec<&str> = module.split("::").filter(|name| !name.is_empty()).collect();
        at.extend(path.inside.iter().map(String::as_str));
        let mut segments = path.segments.iter().map(String::as_str).peekable();
        match segments.peek() {
            Some(&("crate" | "leasekv")) => {
                segments.next();
                at.clear();
            }
            Some(&("self" | "super")) => {
                segments.next_if_eq(&"self");
                while segments.next_if_eq(&"super").is_some() {
                    at.pop();
                }
            }
            Some(name) => {
                let file = self.files.get(module);
                let children = file.map(|file| &file.source.children);
                if !children.is_some_and(|children| children.iter().any(|child| child == name)) {
                    return Resolved::Foreign;
                }
            }
            None => return Resolved::Foreign,
        }
        at.extend(segments);
        // The longest beginning that is a module; what follows is in it.
        while !at.is_empty() && !self.files.contains_key(&at.join("::")) {
            at.pop();
        }
        Resolved::Module(at.join("::"))
    }
}

/// The module of a file: `src/a/mod.rs` and `src/a.rs` are `a`.
fn module_of(path: &str) -> String {
    let path = path.strip_prefix("src/").unwrap_or(path);
    let path = path.strip_suffix(".rs").unwrap_or(path);
    let path = path.strip_suffix("/mod").unwrap_or(path);
    match path {
        "lib" => String::new(),
        _ => path.replace('/', "::"),
    }
}

fn inner(module: &str, child: &str) -> String {
    match module.is_empty() {
        true => child.to_owned(),
        false => format!("{module}::{child}"),
    }
}

/// Modules that use each other in a circle, if there are any: the first again at the end.
fn circle<'m>(edges: &BTreeMap<&'m str, BTreeSet<&'m str>>) -> Option<Vec<&'m str>> {
    let mut done = BTreeSet::new();
    let mut way = Vec::new();
    edges
        .keys()
        .find_map(|module| walk(module, edges, &mut way, &mut done))
}

/// Goes on from a module. `way` leads to it; whatever is `done` leads into no circle.
fn walk<'m>(
    module: &'m str,
    edges: &BTreeMap<&'m str, BTreeSet<&'m str>>,
    way: &mut Vec<&'m str>,
    done: &mut BTreeSet<&'m str>,
) -> Option<Vec<&'m str>> {
    if let Some(place) = way.iter().position(|before| *before == module) {
        let mut circle = way[place..].to_vec();
        circle.push(module);
        return Some(circle);
    }
    if done.contains(module) {
        return None;
    }
    way.push(module);
    let next = edges.get(module).into_iter().flatten();
    let found = next.copied().find_map(|next| walk(next, edges, way, done));
    way.pop();
    done.insert(module);
    found
}
