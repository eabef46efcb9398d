//! Signals to the simulator, turned into something a poll can wait for.
//!
//! A request to stop and the death of a child only wake the driver; nothing is done in a handler. Who
//! asks a second time is not kept waiting by whatever holds the driver up.

use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use signal_hook::consts::{SIGCHLD, SIGHUP, SIGINT, SIGTERM};
use signal_hook::{flag, low_level::pipe};

/// How long after the first request to stop a further one is taken for impatience. `timeout` sends
/// its signal twice, to the process and to its group.
const IMPATIENT_AFTER: Duration = Duration::from_millis(300);

/// The requests to stop that are listened to.
const REQUESTS: [i32; 3] = [SIGINT, SIGTERM, SIGHUP];

/// The signals that the simulator listens to, from [`Signals::install`] to the process's end.
#[derive(Debug)]
pub struct Signals {
    /// Readable after any of the signals.
    wake: UnixStream,
    stop: Arc<AtomicUsize>,
    /// Whether all that is under way is to end, although no signal asks for it.
    abandoned: Arc<AtomicBool>,
}

impl Signals {
    /// Starts listening to requests to stop (SIGINT, SIGTERM, SIGHUP) and to children's deaths. A
    /// request to stop that is ignored so far, as `nohup` arranges, stays ignored. A second request
    /// ends the process at once, with status 128 + signal.
    ///
    /// # Errors
    ///
    /// If the system refuses.
    pub fn install() -> io::Result<Signals> {
        let (mut asked, asking) = UnixStream::pair()?;
        let stop = Arc::new(AtomicUsize::new(0));
        let impatient = Arc::new(AtomicBool::new(false));
        for signal in REQUESTS.into_iter().filter(|&signal| !is_ignored(signal)) {
            flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(&impatient))?;
            let number = usize::try_from(signal).unwrap_or(1);
            flag::register_usize(signal, Arc::clone(&stop), number)?;
            pipe::register(signal, asking.try_clone()?)?;
        }
        std::thread::Builder::new()
            .name("signals".to_owned())
            .spawn(move || {
                if asked.read_exact(&mut [0]).is_ok() {
                    std::thread::sleep(IMPATIENT_AFTER);
                    impatient.store(true, Ordering::Relaxed);
                }
            })?;
        Ok(Signals {
            wake: woken_by_signals()?,
            stop,
            abandoned: Arc::default(),
        })
    }

    /// The same signals for another thread, which is woken by them, too.
    ///
    /// # Errors
    ///
    /// If the system refuses.
    pub fn for_another_thread(&self) -> io::Result<Signals> {
        Ok(Signals {
            wake: woken_by_signals()?,
            stop: Arc::clone(&self.stop),
            abandoned: Arc::clone(&self.abandoned),
        })
    }

    /// Asks everybody who listens to stop, as a signal does; they find out when they look next.
    pub fn abandon(&self) {
        self.abandoned.store(true, Ordering::Relaxed);
    }

    /// What becomes readable after a signal.
    pub fn source(&self) -> BorrowedFd<'_> {
        self.wake.as_fd()
    }

    /// Empties what has become readable.
    pub fn drain(&mut self) {
        let mut bytes = [0; 64];
        while matches!(self.wake.read(&mut bytes), Ok(count) if count > 0) {}
    }

    /// The signal that asked the simulator to stop, if one did.
    pub fn stop_signal(&self) -> Option<u8> {
        u8::try_from(self.stop.load(Ordering::Relaxed))
            .ok()
            .filter(|&signal| signal != 0)
    }

    /// Whether somebody asked the simulator to stop.
    pub fn stop_requested(&self) -> bool {
        self.stop_signal().is_some() || self.abandoned.load(Ordering::Relaxed)
    }
}

/// What becomes readable after a request to stop that is listened to, and after a child's death.
fn woken_by_signals() -> io::Result<UnixStream> {
    let (wake, woken) = UnixStream::pair()?;
    wake.set_nonblocking(true)?;
    for signal in REQUESTS.into_iter().filter(|&signal| !is_ignored(signal)) {
        pipe::register(signal, woken.try_clone()?)?;
    }
    pipe::register(SIGCHLD, woken)?;
    Ok(wake)
}

/// Whether this process ignores the signal. Without Linux's `/proc` it is taken not to.
fn is_ignored(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    ignored_of(&status, signal)
}

fn ignored_of(status: &str, signal: i32) -> bool {
    status
        .lines()
        .find_map(|line| line.strip_prefix("SigIgn:"))
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .is_some_and(|mask| (1..=64).contains(&signal) && mask >> (signal - 1) & 1 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ignored_signals_are_read_from_the_mask() {
        let status =
            "SigBlk:\t0000000000000000\nSigIgn:\t0000000000001001\nSigCgt:\tffffffffffffffff\n";
        assert!(ignored_of(status, SIGHUP));
        assert!(ignored_of(status, 13));
        assert!(!ignored_of(status, SIGINT));
        assert!(!ignored_of("", SIGHUP));
    }
}
