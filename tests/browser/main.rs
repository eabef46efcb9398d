//! Reports in a real browser, as a user opens them: headless Chromium through its WebDriver.
//!
//! What the pages show is compared with the trace behind them. As it takes Chromium and its driver, each is
//! marked as ignored, and told so by `cargo test`; `cargo test --test browser -- --ignored` runs them, and CI
//! does. Without a browser they fail then: what was not looked at is never `ok`.
//! With `LEASEKV_SCREENSHOTS=DIR` each also leaves its picture there.

mod foreign;
mod runs;
mod storms;
mod sweeps;
mod traces;
mod violations;
mod webdriver;
