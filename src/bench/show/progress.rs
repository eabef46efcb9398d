//! Progress bars: of a run, and of sweeps.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::bench::record::status::Status;

/// How often a second the bar is drawn at most.
const DRAWN_PER_SECOND: u8 = 10;

/// What a bar shows.
#[derive(Debug)]
pub(crate) enum Sight {
    /// A run under way.
    Run(Status),
    /// Many runs under way.
    Runs {
        /// How many are over.
        done: usize,
        /// How many there are.
        total: usize,
        /// How many are made at a time.
        at_a_time: usize,
    },
}

/// A bar on stderr that vanishes when dropped.
#[derive(Debug)]
pub(crate) struct Progress(ProgressBar);

impl Progress {
    /// A bar that is not drawn yet.
    pub(crate) fn new() -> Self {
        let target = ProgressDrawTarget::stderr_with_hz(DRAWN_PER_SECOND);
        let style = ProgressStyle::with_template("{prefix} [{bar:8.cyan}] {wide_msg}")
            .map(|style| style.progress_chars("=> "))
            .unwrap_or_else(|_| ProgressStyle::default_bar());
        Progress(ProgressBar::with_draw_target(Some(1), target).with_style(style))
    }

    /// Shows where the run is, or the runs are.
    pub(crate) fn show(&self, sight: &Sight) {
        let status = match sight {
            Sight::Run(status) => status,
            &Sight::Runs {
                done,
                total,
                at_a_time,
            } => {
                self.0.set_prefix(format!("{done}/{total} runs"));
                self.0.set_message(format!("{at_a_time} at a time"));
                self.0.set_length(total as u64);
                self.0.set_position(done as u64);
                return;
            }
        };
        let milliseconds = |time: std::time::Duration| time.as_millis() as u64;
        let (elapsed, total) = (status.elapsed.as_secs(), status.total.as_secs());
        self.0
            .set_prefix(format!("{} {elapsed}/{total} s", status.config));
        self.0.set_message(describe(status));
        self.0.set_length(milliseconds(status.total));
        self.0.set_position(milliseconds(status.elapsed));
    }

    /// Does something that writes to the terminal without the bar in its way.
    pub(crate) fn aside<R>(&self, print: impl FnOnce() -> R) -> R {
        self.0.suspend(print)
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// The most important first: a narrow terminal cuts the rest off.
fn describe(status: &Status) -> String {
    let leader = status
        .leader
        .map_or_else(|| "unknown".to_owned(), |leader| leader.to_string());
    let mut text = format!("leader {leader}, ");
    if status.split {
        text.push_str("split, ");
    }
    if status.dead > 0 {
        text.push_str(&format!("{} dead, ", status.dead));
    }
    text + &format!("requests {}/{}", status.completed, status.requests)
}

/// A bar on stderr with the rate and the time that is left; nothing where stderr is no terminal.
pub fn of_sweeps(runs: u64) -> ProgressBar {
    let target = ProgressDrawTarget::stderr_with_hz(DRAWN_PER_SECOND);
    let style = ProgressStyle::with_template(
        "{prefix} [{bar:24.cyan}] {pos}/{len} runs, {per_sec}, {eta} left",
    )
    .map_or_else(
        |_| ProgressStyle::default_bar(),
        |style| style.progress_chars("=> "),
    );
    ProgressBar::with_draw_target(Some(runs), target).with_style(style)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::Id;

    #[test]
    fn the_bar_says_who_leads_and_what_is_wrong() {
        let mut status = Status {
            completed: 7,
            requests: 10,
            ..Status::default()
        };
        assert_eq!(describe(&status), "leader unknown, requests 7/10");
        status.leader = Some(Id(3));
        status.split = true;
        status.dead = 2;
        let text = "leader 0003, split, 2 dead, requests 7/10";
        assert_eq!(describe(&status), text);
    }
}
