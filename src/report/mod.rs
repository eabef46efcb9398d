//! pages
use crate::trace::Trace;
/// page
pub fn page(_: &Trace) -> String {
    String::new()
}
