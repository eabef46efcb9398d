//! What a directory's user may choose.

use super::mistakes::{Made, Mistake};

/// What a directory's user may choose.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// A new segment of the log is begun once the present one has so many bytes. Small enough that what a
    /// snapshot has made needless soon goes, large enough that hardly any time goes into making files.
    pub segment_bytes: u64,
    /// A mistake to make, for testing the tests.
    pub(crate) mistake: Made,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings::with_segment_bytes(64 << 20)
    }
}

impl Settings {
    /// The defaults, but for [`Settings::segment_bytes`].
    pub fn with_segment_bytes(segment_bytes: u64) -> Settings {
        let mistake = Default::default();
        Settings {
            segment_bytes,
            mistake,
        }
    }

    /// Whether this mistake is to be made.
    #[cfg(test)]
    pub(super) fn makes(&self, mistake: Mistake) -> bool {
        self.mistake == Some(mistake)
    }

    /// Whether this mistake is to be made: never.
    #[cfg(not(test))]
    #[allow(clippy::unused_self)]
    pub(super) const fn makes(&self, _: Mistake) -> bool {
        false
    }
}
