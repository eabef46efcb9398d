//! Why a run went as it did: the causes of what is wrong with it, the first one first.
//!
//! A list of simple rules, each a function of what was seen. They stand in the order in which one thing
//! leads to another: who crashes at the start says no hello, who says no hello answers nobody. So the
//! first rule that finds something names the cause, and the others what came of it. What is only likely
//! is a *hint* and says so.
//!
//! | file | rules about |
//! | --- | --- |
//! | `cause` | none: what a cause is, and what rules look at |
//! | `starting` | crashes and hellos |
//! | `answers` | answers that are wrong, too early, or missing; clients sent round |
//! | `traffic` | storms, silent leaders, two leaders, what is printed |
//!
//! Data only: the terminal, the JSON and the page show the same.

mod answers;
mod cause;
mod starting;
mod traffic;

pub use cause::{Cause, Evidence, Seen};
pub(super) use cause::{list, milliseconds, plural, seconds};
pub(super) use traffic::by_count;

/// The causes of what is wrong with a run, the first one first, and hints. A run that failed has one at
/// least, and its first is why it failed: a hint only if nothing is sure but that a rule was broken.
pub fn causes(seen: &Seen<'_>) -> Vec<Cause> {
    type Rule = fn(&Seen<'_>) -> Option<Cause>;
    const RULES: [Rule; 16] = [
        starting::crash_at_start,
        starting::no_hello,
        starting::late_hello,
        starting::crash,
        answers::early,
        answers::not_linearizable,
        answers::incorrect,
        traffic::storm,
        answers::redirects_to_the_dead,
        answers::redirects_in_a_circle,
        answers::no_recovery,
        answers::nothing,
        traffic::many_messages,
        traffic::two_leaders,
        traffic::silent_leader,
        traffic::prints_without_end,
    ];
    let mut found: Vec<Cause> = RULES.iter().filter_map(|rule| rule(seen)).collect();
    // Where replicas are missing, nothing else need be guessed at.
    const MISSING: [&str; 3] = ["crash_at_start", "no_hello", "late_hello"];
    if found.iter().any(|cause| MISSING.contains(&cause.kind)) {
        found.retain(|cause| !cause.hint);
    }
    // What is sure comes before what is likely.
    found.sort_by_key(|cause| cause.hint);
    if seen.failed() && found.iter().all(|cause| cause.hint) {
        // No rule is sure why. Then what is likely comes first, and the course's rule that was broken
        // after it.
        let errors = seen.verdict.errors.iter();
        let mut said = errors
            .filter(|text| !text.ends_with(':'))
            .map(|it| it.trim());
        let said = said.next().unwrap_or("the run was not correct");
        found.push(Cause::new("rule", said.to_owned()));
    }
    found
}

#[cfg(test)]
mod tests;
