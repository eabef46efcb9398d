//! Where things are: configs, the replica's program, the files to write.
//!
//! Every error is one line that names the path. Must never read what is in the files.

use std::fs::File;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// A file to write, opened before the first run, so that a bad path costs no run.
#[derive(Debug)]
pub struct Target {
    /// How the user called it.
    pub path: PathBuf,
    /// The file, empty.
    pub file: File,
}

impl Target {
    /// Makes the file, or empties it.
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    pub fn create(path: &Path) -> Result<Target, String> {
        let file = File::create(path)
            .map_err(|error| format!("{} cannot be written: {error}", path.display()))?;
        Ok(Target {
            path: path.to_owned(),
            file,
        })
    }
}

/// Where a TEST is: as given, or around the config directory. As given if it is nowhere.
pub fn find_config(test: &Path, directory: &Path) -> PathBuf {
    let mut named = test.as_os_str().to_owned();
    named.push(".json");
    let mut places = vec![test.to_owned()];
    places.extend(directory.parent().map(|parent| parent.join(test)));
    places.extend([directory.join(test), directory.join(named)]);
    places
        .into_iter()
        .find(|place| place.is_file())
        .unwrap_or_else(|| test.to_owned())
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
