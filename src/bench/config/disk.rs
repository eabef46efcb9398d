//! What goes wrong with the replicas' simulated disks. Virtual time only.

use serde_json::Value;

use super::section::{ConfigError, Section};

/// The key that this module reads.
pub(super) const KEY: &str = "disk";

/// What goes wrong with each replica's disk, as shares of its syncs or starts.
#[derive(Clone, Debug, PartialEq)]
pub struct DiskFaults {
    /// The share of syncs that take 5 to 60 ms.
    pub slow: f64,
    /// The share of syncs that take 1 to 4 s.
    pub stuck: f64,
    /// The share of syncs in which a write or the sync itself fails. The replica ends.
    pub fail: f64,
    /// The share of syncs that find the disk full. The replica ends.
    pub full: f64,
    /// The share of starts that read a file with a bit turned over. The replica does not start then.
    pub flip: f64,
}

impl Default for DiskFaults {
    fn default() -> Self {
        DiskFaults {
            slow: 0.02,
            stuck: 0.0,
            fail: 0.0,
            full: 0.0,
            flip: 0.0,
        }
    }
}

/// Reads the section; none if there is none.
pub(super) fn read(top: &Section<'_>) -> Result<Option<DiskFaults>, ConfigError> {
    let Some(value) = top.map.get(KEY) else {
        return Ok(None);
    };
    let Value::Object(map) = value else {
        let allowed = "an object with any of \"slow\", \"stuck\", \"fail\", \"full\" and \"flip\"";
        return Err(top.wrong(KEY, value, allowed));
    };
    let section = Section {
        file: top.file,
        path: "disk.",
        map,
    };
    section.only(&["slow", "stuck", "fail", "full", "flip"])?;
    let default = DiskFaults::default();
    Ok(Some(DiskFaults {
        slow: section.fraction("slow", default.slow)?,
        stuck: section.fraction("stuck", default.stuck)?,
        fail: section.fraction("fail", default.fail)?,
        full: section.fraction("full", default.full)?,
        flip: section.fraction("flip", default.flip)?,
    }))
}
