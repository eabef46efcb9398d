//! Signals to the simulator, turned into something a poll can wait for.
//!
//! A request to stop and the death of a child only wake the driver; nothing is done in a handler.

use std::io::{self, Read};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use signal_hook::consts::{SIGCHLD, SIGHUP, SIGINT, SIGTERM};
use signal_hook::{flag, low_level::pipe};

/// The signals that the simulator listens to, from [`Signals::install`] to the process's end.
#[derive(Debug)]
pub struct Signals {
    /// Readable after any of the signals.
    wake: mio::net::UnixStream,
    stop: Arc<AtomicUsize>,
}

impl Signals {
    /// Starts listening to requests to stop (SIGINT, SIGTERM, SIGHUP) and to children's deaths.
    ///
    /// # Errors
    ///
    /// If the system refuses.
    pub fn install() -> io::Result<Signals> {
        let (wake, woken) = UnixStream::pair()?;
        wake.set_nonblocking(true)?;
        let stop = Arc::new(AtomicUsize::new(0));
        for signal in [SIGINT, SIGTERM, SIGHUP] {
            let number = usize::try_from(signal).unwrap_or(1);
            flag::register_usize(signal, Arc::clone(&stop), number)?;
            pipe::register(signal, woken.try_clone()?)?;
        }
        pipe::register(SIGCHLD, woken)?;
        Ok(Signals {
            wake: mio::net::UnixStream::from_std(wake),
            stop,
        })
    }

    /// What becomes readable after a signal.
    pub fn source(&mut self) -> &mut mio::net::UnixStream {
        &mut self.wake
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
        self.stop_signal().is_some()
    }
}
