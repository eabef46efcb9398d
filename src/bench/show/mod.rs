//! What is printed.

/// A report for the tests of whatever shows reports: no two of its numbers are the same.
#[cfg(test)]
pub(crate) mod golden;
