//! What the files in a directory are called.

/// The file that a process locks as long as it uses the directory.
pub(super) const LOCK: &str = "lock";
/// The file that says whose directory this is.
pub(super) const HEADER: &str = "header";

/// The end of the names of files that are still being written.
const TEMPORARY: &str = ".tmp";
const SEGMENT: &str = "log-";
const SNAPSHOT: &str = "snapshot-";

/// What a file is, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The lock.
    Lock,
    /// The header.
    Header,
    /// The segment of the log with this number.
    Segment(u64),
    /// The snapshot through this index.
    Snapshot(u64),
    /// A header or snapshot that was never finished.
    Temporary,
    /// Nothing of ours.
    Other,
}

/// The name of a segment of the log.
pub(super) fn segment(number: u64) -> String {
    format!("{SEGMENT}{number:012}")
}

/// The name of the snapshot through an index.
pub(super) fn snapshot(index: u64) -> String {
    format!("{SNAPSHOT}{index:012}")
}

/// What a file is called while it is written.
pub(super) fn temporary(name: &str) -> String {
    format!("{name}{TEMPORARY}")
}

/// What a file is. Only names that are written exactly as this module writes them are ours.
pub(super) fn kind(name: &str) -> Kind {
    if let Some(finished) = name.strip_suffix(TEMPORARY) {
        return match kind(finished) {
            Kind::Header | Kind::Snapshot(_) => Kind::Temporary,
            _ => Kind::Other,
        };
    }
    let number = |prefix| name.strip_prefix(prefix)?.parse::<u64>().ok();
    let read = match name {
        LOCK => Some(Kind::Lock),
        HEADER => Some(Kind::Header),
        _ => number(SEGMENT)
            .filter(|&number| segment(number) == name)
            .map(Kind::Segment)
            .or_else(|| {
                number(SNAPSHOT)
                    .filter(|&index| snapshot(index) == name)
                    .map(Kind::Snapshot)
            }),
    };
    read.unwrap_or(Kind::Other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back() {
        for number in [0, 1, 999_999_999_999, u64::MAX] {
            assert_eq!(kind(&segment(number)), Kind::Segment(number));
            assert_eq!(kind(&snapshot(number)), Kind::Snapshot(number));
            assert_eq!(kind(&temporary(&snapshot(number))), Kind::Temporary);
        }
        assert_eq!(kind(LOCK), Kind::Lock);
        assert_eq!(kind(HEADER), Kind::Header);
        assert_eq!(kind(&temporary(HEADER)), Kind::Temporary);
    }

    #[test]
    fn other_names_are_not_ours() {
        for name in [
            "",
            "log-1",
            "log-+00000000001",
            "log-000000000001.tmp",
            "lost+found",
            ".tmp",
        ] {
            assert_eq!(kind(name), Kind::Other, "{name:?}");
        }
    }
}
