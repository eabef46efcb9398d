//! The picture of a run, or of a sweep: one HTML file that needs nothing else.
//!
//! The page itself, its looks and its behaviour, is in `assets`; here it is only put together.
//!
//! | file | what it is about |
//! | --- | --- |
//! | `data` | a trace in the page's compact form |
//! | `bands` | which messages a page has one by one, and which as bands |
//! | `printed` | what replicas printed, as a page has it |
//! | `sweep` | a sweep in the page's form |
//! | `assets/model.js` | the run as the page knows it: who was in which state when, what belongs to a request |
//! | `assets/theme.js` | colours, dashes and shapes, light and dark |
//! | `assets/lanes.js` | what is drawn on the diagram's lanes: roles, leases, commits, who is cut off |
//! | `assets/bands.js` | what stands for very much: bands of messages, ticks of output |
//! | `assets/diagram.js` | the space-time diagram |
//! | `assets/plots.js` | what is plotted over time |
//! | `assets/violation.js` | operations and logs side by side |
//! | `assets/causes.js` | why it went so, and what replicas printed, in words |
//! | `assets/story.js` | the verdict in words |
//! | `assets/page.js` | everything around: filters, details, keys |
//! | `assets/sweep.js` | a sweep's distributions and worst seeds |
//!
//! This room draws what is in a [`Trace`] or in a sweep's samples. It must never know more about a run,
//! nor write a file.

mod bands;
mod data;
mod printed;
mod sweep;

use crate::bench::trace::Trace;
use crate::bench::verdict::samples::Sweep;

const STYLE: &str = include_str!("assets/style.css");
const RUN_SCRIPTS: [&str; 10] = [
    include_str!("assets/theme.js"),
    include_str!("assets/model.js"),
    include_str!("assets/lanes.js"),
    include_str!("assets/bands.js"),
    include_str!("assets/diagram.js"),
    include_str!("assets/plots.js"),
    include_str!("assets/violation.js"),
    include_str!("assets/causes.js"),
    include_str!("assets/story.js"),
    include_str!("assets/page.js"),
];
const SWEEP_SCRIPTS: [&str; 2] = [
    include_str!("assets/theme.js"),
    include_str!("assets/sweep.js"),
];

/// The page of a run. Messages between replicas bear their term under `term_key`, if they do.
pub fn of_run(trace: &Trace, term_key: &str) -> String {
    let name = trace.start.config["name"].as_str().unwrap_or("a run");
    let title = format!("{name}, seed {}", trace.start.seed);
    assemble(&title, &data::of(trace, term_key), &RUN_SCRIPTS)
}

/// The page of sweeps. So many runs were planned; fewer were played if it was interrupted.
pub fn of_sweeps(sweeps: &[Sweep], planned: u64) -> String {
    let title = match sweeps {
        [one] => format!("{}, {} runs", one.config, one.samples.len()),
        _ => format!("{} configs", sweeps.len()),
    };
    assemble(&title, &sweep::of(sweeps, planned), &SWEEP_SCRIPTS)
}

/// Puts a page together. `data` is JSON.
fn assemble(title: &str, data: &str, scripts: &[&str]) -> String {
    let title = title
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;");
    // Nothing in the data may end the element that it stands in. In JSON, `<` only stands in texts.
    let data = data.replace('<', "\\u003c");
    let mut page = String::with_capacity(data.len() + 200_000);
    page.push_str("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
    page.push_str("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
    page.push_str("<link rel=\"icon\" href=\"data:,\">\n");
    page.push_str(&format!("<title>{title} · leasekv</title>\n"));
    page.push_str(&format!("<style>\n{STYLE}</style>\n</head>\n<body>\n"));
    page.push_str("<noscript>This page draws with JavaScript, which is switched off.</noscript>\n");
    page.push_str("<script type=\"application/json\" id=\"data\">");
    page.push_str(&data);
    page.push_str("</script>\n<script>\n\"use strict\";\n");
    scripts.iter().for_each(|script| page.push_str(script));
    page.push_str("</script>\n</body>\n</html>\n");
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_data_ends_the_script() {
        let page = assemble("a<b", r#"{"x":"</script><script>alert(1)"}"#, &[]);
        assert!(page.contains(r#"{"x":"\u003c/script>\u003cscript>alert(1)"}"#));
        assert!(page.contains("<title>a&lt;b · leasekv</title>"));
    }
}
