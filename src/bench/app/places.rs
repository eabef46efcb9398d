//! Where things are: configs, the replica's program, the files to write.
//!
//! Every error is one line that names the path. Must never read what is in the files.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// How many letters may be wrong in a name for which another one is proposed.
const MAX_TYPOS: usize = 3;

/// A file to write. It is tried before the first run, so that a bad path costs no run, and only made when
/// there is something to write: a run that is ended early leaves no empty file, and an old one stays as it
/// is until then.
#[derive(Debug)]
pub struct Target {
    /// How the user called it.
    pub path: PathBuf,
    /// What is no file on a disk, as a pipe is not, is opened once and for all.
    opened: Option<File>,
}

impl Target {
    /// Tries whether the file can be written.
    ///
    /// # Errors
    ///
    /// If it cannot.
    pub fn try_out(path: &Path) -> Result<Target, String> {
        let opened = match std::fs::metadata(path) {
            Err(_) => File::create(path).and_then(|_| std::fs::remove_file(path).map(|()| None)),
            Ok(it) if it.is_file() => File::options().write(true).open(path).map(|_| None),
            Ok(_) => File::create(path).map(Some),
        };
        let opened =
            opened.map_err(|error| format!("{} cannot be written: {error}", path.display()))?;
        Ok(Target {
            path: path.to_owned(),
            opened,
        })
    }

    /// Makes the file, or empties it.
    ///
    /// # Errors
    ///
    /// If that is not possible any more.
    pub fn open(&mut self) -> io::Result<File> {
        self.opened
            .take()
            .map_or_else(|| File::create(&self.path), Ok)
    }

    /// Writes the file. Returns its path if it is one on a disk, about which a user wants to hear.
    ///
    /// # Errors
    ///
    /// One line that names the path.
    pub fn write(
        mut self,
        write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
    ) -> Result<Option<PathBuf>, String> {
        let is_file = self.opened.is_none();
        let written = self.open().and_then(|file| {
            let mut writer = BufWriter::new(file);
            write(&mut writer)?;
            writer.flush()
        });
        match written {
            Ok(()) => Ok(is_file.then_some(self.path)),
            Err(error) => Err(format!("{}: {error}", self.path.display())),
        }
    }
}

/// A file of lines that grows while runs are made, and is whole after each.
#[derive(Debug)]
pub struct GrowingFile {
    path: PathBuf,
    is_file: bool,
    is_empty: bool,
    /// Nothing after an error: half a line may be there then, and nothing must come behind it.
    file: Option<File>,
}

impl GrowingFile {
    /// Makes the file, or empties it: what is in it is of these runs only.
    ///
    /// # Errors
    ///
    /// One line that names the path.
    pub fn begin(mut target: Target) -> Result<GrowingFile, String> {
        let is_file = target.opened.is_none();
        let file = target.open();
        let file = file.map_err(|error| format!("{}: {error}", target.path.display()))?;
        Ok(GrowingFile {
            path: target.path,
            is_file,
            is_empty: true,
            file: Some(file),
        })
    }

    /// Adds whole lines.
    pub fn add(&mut self, lines: &str, written: &mut Written) {
        self.is_empty &= lines.is_empty();
        if let Some(file) = &mut self.file
            && let Err(error) = file.write_all(lines.as_bytes())
        {
            written.note("", Err(format!("{}: {error}", self.path.display())));
            self.file = None;
        }
    }

    /// Says that it is all there, if it is and has anything in it.
    pub fn end(self, what: &'static str, written: &mut Written) {
        if self.file.is_some() && !self.is_empty {
            written.note(what, Ok(self.is_file.then_some(self.path)));
        }
    }
}

/// What became of the files to write.
#[derive(Debug, Default)]
pub struct Written {
    /// What could not be written, a line each.
    pub trouble: Vec<String>,
    /// What was written: what it is, and where.
    files: Vec<(&'static str, PathBuf)>,
}

impl Written {
    /// Notes what [`Target::write`] returned for a thing of this name.
    pub fn note(&mut self, what: &'static str, result: Result<Option<PathBuf>, String>) {
        match result {
            Ok(path) => self.files.extend(path.map(|path| (what, path))),
            Err(error) => self.trouble.push(error),
        }
    }

    /// Adds what became of further files.
    pub fn add(&mut self, other: Written) {
        self.trouble.extend(other.trouble);
        self.files.extend(other.files);
    }

    /// What was written, a line for each kind of file.
    pub fn told(&self) -> String {
        let mut kinds: Vec<&str> = self.files.iter().map(|(what, _)| *what).collect();
        kinds.sort_unstable();
        kinds.dedup();
        let line = |kind: &str| {
            let paths = self.files.iter().filter(|(what, _)| *what == kind);
            let paths: Vec<_> = paths.map(|(_, path)| path.display()).collect();
            match &paths[..] {
                [first, .., last] => {
                    format!("Wrote {} files ({kind}): {first} to {last}\n", paths.len())
                }
                _ => format!("Wrote {} ({kind})\n", paths[0]),
            }
        };
        kinds.into_iter().map(line).collect()
    }
}

/// Where a TEST is: as given, around the config directory, or in a directory inside of it. What looks like
/// a path is taken as it is if it is nowhere.
///
/// # Errors
///
/// If it is a name that no config has: the nearest one, and all that there are.
pub fn find_config(test: &Path, directory: &Path) -> Result<PathBuf, String> {
    let mut named = test.as_os_str().to_owned();
    named.push(".json");
    let mut places = vec![test.to_owned()];
    places.extend(directory.parent().map(|parent| parent.join(test)));
    let inside = subdirectories(directory);
    for directory in std::iter::once(directory).chain(inside.iter().map(PathBuf::as_path)) {
        places.extend([directory.join(test), directory.join(&named)]);
    }
    if let Some(found) = places.into_iter().find(|place| place.is_file()) {
        return Ok(found);
    }
    let is_name = test.extension().is_none() && test.components().count() == 1;
    match is_name && directory.is_dir() && !test.exists() {
        true => Err(unknown(&test.to_string_lossy(), directory, &inside)),
        false => Ok(test.to_owned()),
    }
}

fn subdirectories(directory: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> = entries
        .map(|entry| entry.path())
        .filter(|path| path.is_dir())
        .collect();
    found.sort();
    found
}

/// What to say of a name that no config has.
fn unknown(name: &str, directory: &Path, inside: &[PathBuf]) -> String {
    let configs = |directory: &Path| -> Vec<String> {
        let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
        let paths = entries.map(|entry| entry.path());
        let paths = paths.filter(|path| path.extension().is_some_and(|it| it == "json"));
        let names = paths.filter_map(|path| Some(path.file_stem()?.to_string_lossy().into_owned()));
        let mut names: Vec<String> = names.collect();
        names.sort();
        names
    };
    let mut names = vec!["all".to_owned()];
    let mut listed = vec!["all".to_owned()];
    let groups = std::iter::once(directory).chain(inside.iter().map(PathBuf::as_path));
    for (place, group) in groups.enumerate() {
        let found = configs(group);
        if !found.is_empty() {
            let title = group.file_name().filter(|_| place > 0);
            let title = title.map(|it| format!("{}: ", it.to_string_lossy()));
            listed.push(format!("{}{}", title.unwrap_or_default(), found.join(", ")));
        }
        names.extend(found);
    }
    let near = |other: &&String| strsim::damerau_levenshtein(name, other);
    let nearest = names
        .iter()
        .min_by_key(near)
        .filter(|it| near(it) <= MAX_TYPOS);
    let hint = nearest.map_or_else(String::new, |it| format!("; did you mean {it}?"));
    format!(
        "{name}: no config has this name{hint}\n  {}",
        listed.join("\n  ")
    )
}

/// The replica's program: the given one, else `leasekv` beside the simulator's.
///
/// # Errors
///
/// If there is no program that can be started.
pub fn replica_program(given: Option<&Path>) -> Result<PathBuf, String> {
    let program = match given {
        Some(program) => program.to_owned(),
        None => own_program()?.with_file_name("leasekv"),
    };
    let shown = program.display();
    let metadata =
        std::fs::metadata(&program).map_err(|error| format!("replica {shown}: {error}"))?;
    if !metadata.is_file() {
        return Err(format!("replica {shown}: not a program file"));
    }
    if metadata.permissions().mode() & 0o111 == 0 {
        return Err(format!(
            "replica {shown}: not executable (chmod +x makes it so)"
        ));
    }
    // A bare name would be looked for in $PATH instead of here.
    std::path::absolute(&program).map_err(|error| format!("replica {shown}: {error}"))
}

/// Whether a replica's program is this project's, beside the simulator's.
pub fn is_own_replica(program: &Path) -> bool {
    own_program().is_ok_and(|own| own.with_file_name("leasekv") == program)
}

/// The simulator's own program.
///
/// # Errors
///
/// If the system does not tell.
pub fn own_program() -> Result<PathBuf, String> {
    std::env::current_exe()
        .map_err(|error| format!("the simulator does not find its own program: {error}"))
}

/// Whether two paths lead to the same file, which need not be there yet.
pub fn are_same(one: &Path, other: &Path) -> bool {
    let resolved = |path: &Path| -> Option<PathBuf> {
        std::fs::canonicalize(path).ok().or_else(|| {
            let path = std::path::absolute(path).ok()?;
            Some(
                std::fs::canonicalize(path.parent()?)
                    .ok()?
                    .join(path.file_name()?),
            )
        })
    };
    one == other || resolved(one).is_some_and(|path| resolved(other) == Some(path))
}

/// `path` with a config's name before its extension.
pub fn with_name(path: &Path, name: &str) -> PathBuf {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let named = match path.extension() {
        Some(extension) => format!("{stem}.{name}.{}", extension.to_string_lossy()),
        None => format!("{stem}.{name}"),
    };
    path.with_file_name(named)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_history_of_all_has_a_file_for_each_config() {
        let named = |path: &str| with_name(Path::new(path), "crash-1");
        assert_eq!(named("a/h.jsonl"), Path::new("a/h.crash-1.jsonl"));
        assert_eq!(named("h"), Path::new("h.crash-1"));
    }

    #[test]
    fn two_ways_to_a_file_are_the_same_even_before_it_is_there() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        std::fs::create_dir(path("d")).unwrap();
        assert!(are_same(&path("a"), &path("d/../a")));
        assert!(!are_same(&path("a"), &path("b")));
        std::fs::write(path("a"), "").unwrap();
        std::os::unix::fs::symlink(path("a"), path("b")).unwrap();
        assert!(are_same(&path("a"), &path("b")));
        assert!(!are_same(&path("no/a"), &path("no/b")));
    }
}
