//! What runs are judged by.
//!
//! Only names; must never know how anything is counted or judged.

/// What performance is judged by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Metric {
    /// Replica-to-replica messages.
    TotalMsgs,
    /// Fail answers and attempts without an answer.
    Failures,
    /// Second answers.
    Duplicates,
    /// The median over all answers, in seconds.
    MedianLatency,
}

impl Metric {
    /// All metrics, in the order of every list and array of them.
    pub const ALL: [Metric; 4] = [
        Metric::TotalMsgs,
        Metric::Failures,
        Metric::Duplicates,
        Metric::MedianLatency,
    ];

    /// How config files and results write it.
    pub fn name(self) -> &'static str {
        match self {
            Metric::TotalMsgs => "total_msgs",
            Metric::Failures => "failures",
            Metric::Duplicates => "duplicates",
            Metric::MedianLatency => "median_latency",
        }
    }
}
