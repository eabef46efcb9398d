//! Reports in a real browser, as a user opens them: headless Chromium through its WebDriver.
//!
//! What the pages show is compared with the trace behind them. Where Chromium or its driver is missing
//! the tests are skipped, and say so; with `LEASEKV_BROWSER=required`, as in CI, that is a failure.
//! With `LEASEKV_SCREENSHOTS=DIR` each also leaves its picture there.

mod foreign;
mod runs;
mod storms;
mod sweeps;
mod traces;
mod violations;
mod webdriver;
