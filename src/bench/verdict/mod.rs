//! Whether a run was good.
//!
//! | file | what it decides |
//! | --- | --- |
//! | [`scoring`] | whether the course's rules were kept, and how well |
//! | [`history_check`] | whether what clients saw can be explained by one copy of the data |
//! | [`violation`] | what no run may show: broken promises, wrong answers, histories without an order |
//! | [`causes`] | why it went as it did |
//! | [`costs`] | what a tier that was missed was lost to |
//! | [`report`] | a run with all of these verdicts |
//! | [`samples`] | what is kept of many runs |
//! | [`comparison`] | what is better or worse than in earlier runs, by more than noise |
//! | [`noise`] | whether two sets of measurements differ by more than noise |
//!
//! All are functions of what a run left behind. This room must never know what made the run, nor how
//! a verdict is shown.

pub mod causes;
pub mod comparison;
pub mod costs;
pub mod history_check;
pub mod noise;
pub mod report;
pub mod samples;
pub mod scoring;
pub mod violation;
