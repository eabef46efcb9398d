//! Watches, beside a run, what may hold it up: who is kept waiting for a processor, and which sockets
//! are full. Linux tells it in `/proc`; elsewhere nothing is found.
//!
//! On a thread of its own, a few times a second, so that it costs the routing nothing.

use std::collections::HashMap;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::bench::record::lateness::{Lateness, Waiter};
use crate::id::Id;

/// How often it looks for who is kept waiting.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// How many of these looks pass between two at the sockets.
const SOCKETS_EVERY: u32 = 10;
/// A wait for a processor that is worth a word: so much within one look.
const LONG_WAIT: Duration = Duration::from_millis(20);

/// A watch over a run.
#[derive(Debug)]
pub(super) struct Watch {
    /// Ends the watch when it is dropped.
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<Found>>,
    ports: Arc<[AtomicU16]>,
}

/// What was found.
#[derive(Debug, Default)]
struct Found {
    waits: Vec<(Waiter, Duration)>,
    /// By the port of a socket, how many datagrams it had no room for.
    overflowed: HashMap<u16, u64>,
}

/// One that may be kept waiting.
struct Watched {
    who: Waiter,
    file: PathBuf,
    /// How long it had waited in all by the last look.
    before: Option<Duration>,
    longest: Duration,
}

impl Watch {
    /// Watches the calling thread and these replicas, by their processes.
    pub(super) fn start(replicas: &[(Id, u32)]) -> Watch {
        let ports: Arc<[AtomicU16]> = replicas.iter().map(|_| AtomicU16::new(0)).collect();
        let own = rustix::thread::gettid().as_raw_nonzero();
        let own = (
            Waiter::Simulator,
            format!("/proc/self/task/{own}/schedstat"),
        );
        let others = replicas.iter().map(|(id, process)| {
            let file = format!("/proc/{process}/schedstat");
            (Waiter::Replica(*id), file)
        });
        let mut watched: Vec<Watched> = std::iter::once(own)
            .chain(others)
            .map(|(who, file)| Watched {
                who,
                file: file.into(),
                before: None,
                longest: Duration::ZERO,
            })
            .collect();
        let (stop, stopped) = channel();
        let work = move || {
            let mut found = Found::default();
            for look in 0_u32.. {
                watched.iter_mut().for_each(Watched::look);
                if look % SOCKETS_EVERY == 0 {
                    found.look_at_sockets();
                }
                if stopped.recv_timeout(LOOK_EVERY) != Err(RecvTimeoutError::Timeout) {
                    break;
                }
            }
            watched.iter_mut().for_each(Watched::look);
            found.look_at_sockets();
            let long = watched.iter().filter(|one| one.longest >= LONG_WAIT);
            found.waits = long.map(|one| (one.who, one.longest)).collect();
            found
        };
        let thread = thread::Builder::new().name("watch".to_owned()).spawn(work);
        Watch {
            stop: Some(stop),
            // Without it a run is as good; it only tells less of itself.
            thread: thread.ok(),
            ports,
        }
    }

    /// A replica has said where its socket is.
    pub(super) fn greet(&self, replica: usize, port: u16) {
        self.ports[replica].store(port, Ordering::Relaxed);
    }

    /// Ends the watch, while all sockets are there, and adds what it found; `own` are the simulator's ports.
    pub(super) fn end(&mut self, own: &[u16], lateness: &mut Lateness) {
        self.stop = None;
        let found = self.thread.take().and_then(|thread| thread.join().ok());
        let found = found.unwrap_or_default();
        let of = |port: &u16| found.overflowed.get(port).copied().unwrap_or(0);
        lateness.overflowed_here = own.iter().map(of).sum();
        let theirs = self.ports.iter().map(|port| port.load(Ordering::Relaxed));
        lateness.overflowed_there = theirs.map(|port| of(&port)).sum();
        lateness.waits = found.waits;
    }
}

impl Watched {
    fn look(&mut self) {
        let text = fs::read_to_string(&self.file).unwrap_or_default();
        let Some(now) = waited(&text) else { return };
        if let Some(before) = self.before.replace(now) {
            self.longest = self.longest.max(now.saturating_sub(before));
        }
    }
}

impl Found {
    fn look_at_sockets(&mut self) {
        for file in ["/proc/net/udp", "/proc/net/udp6"] {
            let text = fs::read_to_string(file).unwrap_or_default();
            for (port, count) in text.lines().filter_map(overflow) {
                let most = self.overflowed.entry(port).or_default();
                *most = count.max(*most);
            }
        }
    }
}

/// How long a thread has waited for a processor in all, of its `schedstat`: time on a processor, time
/// waiting, and how often.
fn waited(schedstat: &str) -> Option<Duration> {
    let nanoseconds = schedstat.split_whitespace().nth(1)?;
    nanoseconds.parse().ok().map(Duration::from_nanos)
}

/// A socket's port and how many datagrams it had no room for, if any, of a line of `/proc/net/udp`.
fn overflow(line: &str) -> Option<(u16, u64)> {
    let mut columns = line.split_whitespace();
    let (_, port) = columns.nth(1)?.rsplit_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let count = columns.next_back()?.parse().ok()?;
    (count > 0).then_some((port, count))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_linux_tells_is_read() {
        let nanos = Duration::from_nanos;
        assert_eq!(waited("553812 3204487 2\n"), Some(nanos(3_204_487)));
        assert_eq!(waited(""), None);
        let head = "   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   \
                    uid  timeout inode ref pointer drops";
        let line = |drops: u32| {
            format!(
                " 1160: 0100007F:D2F1 00000000:0000 07 00000000:00000300 00:00000000 00000000     \
                 0        0 2403870 2 0000000000000000 {drops}"
            )
        };
        assert_eq!(overflow(head), None);
        assert_eq!(overflow(&line(0)), None);
        assert_eq!(overflow(&line(17)), Some((0xD2F1, 17)));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn datagrams_that_find_a_socket_full_are_found() {
        use std::net::UdpSocket;
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        rustix::net::sockopt::set_socket_recv_buffer_size(&socket, 1).unwrap();
        let mut watch = Watch::start(&[(Id(3), std::process::id())]);
        let port = socket.local_addr().unwrap().port();
        watch.greet(0, port);
        let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
        for _ in 0..100 {
            sender.send_to(&[0; 1000], ("127.0.0.1", port)).unwrap();
        }
        let mut lateness = Lateness::default();
        watch.end(&[], &mut lateness);
        if fs::read_to_string("/proc/net/udp")
            .is_ok_and(|text| text.contains(&format!("{port:04X}")))
        {
            assert!(lateness.overflowed_there > 50, "{lateness:?}");
        }
        assert_eq!(lateness.overflowed_here, 0);
    }
}
