//! The simulator's sockets, one for each replica, and the wait for them.
//!
//! Must never look into a datagram.

use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::sockopt;

/// The largest datagram there is, and one byte more than any can have.
const DATAGRAM_BYTES: usize = 1 << 16;
/// How much a socket to a replica holds that has not been received: some ten thousand datagrams.
const BUFFER_BYTES: usize = 8 << 20;

/// The sockets of a run.
#[derive(Debug)]
pub(super) struct Sockets {
    lines: Vec<Line>,
    buffer: Vec<u8>,
}

/// The line to one replica.
#[derive(Debug)]
struct Line {
    /// None once it is closed.
    socket: Option<UdpSocket>,
    port: u16,
    /// Where the replica's hello came from.
    replica: Option<SocketAddr>,
    /// Whether there was something to read when the last wait was over.
    readable: bool,
}

impl Sockets {
    /// Sockets for so many replicas.
    ///
    /// # Errors
    ///
    /// If the system refuses.
    pub(super) fn bind(replicas: usize) -> io::Result<Sockets> {
        let mut lines = Vec::with_capacity(replicas);
        for _ in 0..replicas {
            let socket = UdpSocket::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
            socket.set_nonblocking(true)?;
            enlarge_buffer(&socket);
            lines.push(Line {
                port: socket.local_addr()?.port(),
                socket: Some(socket),
                replica: None,
                readable: false,
            });
        }
        Ok(Sockets {
            lines,
            buffer: vec![0; DATAGRAM_BYTES],
        })
    }

    /// The port of the socket for a replica.
    pub(super) fn port(&self, replica: usize) -> u16 {
        self.lines[replica].port
    }

    /// Waits until a socket can be read, or `other` can, or the time is over. Returns whether `other` can.
    ///
    /// # Errors
    ///
    /// If the system refuses; a signal only ends the wait.
    pub(super) fn wait(&mut self, other: BorrowedFd<'_>, timeout: Duration) -> io::Result<bool> {
        let timeout = Timespec {
            tv_sec: i64::try_from(timeout.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: timeout.subsec_nanos().into(),
        };
        let open = self.lines.iter().filter_map(|line| line.socket.as_ref());
        let fds = open.map(AsFd::as_fd).chain([other]);
        let mut fds: Vec<PollFd<'_>> = fds
            .map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN))
            .collect();
        match poll(&mut fds, Some(&timeout)) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let readable: Vec<bool> = fds.iter().map(|fd| !fd.revents().is_empty()).collect();
        let mut readable = readable.into_iter();
        for line in &mut self.lines {
            line.readable = line.socket.is_some() && readable.next() == Some(true);
        }
        Ok(readable.next() == Some(true))
    }

    /// Whether a replica could be heard when the last wait was over.
    pub(super) fn is_readable(&self, replica: usize) -> bool {
        self.lines[replica].readable
    }

    /// Whether any replica could.
    pub(super) fn any_readable(&self) -> bool {
        self.lines.iter().any(|line| line.readable)
    }

    /// Takes a datagram of a replica's, and where it came from, if one was there when the last wait was
    /// over and none has been taken since.
    pub(super) fn take(&mut self, replica: usize) -> Option<(&[u8], SocketAddr)> {
        let line = &mut self.lines[replica];
        if !std::mem::take(&mut line.readable) {
            return None;
        }
        let socket = line.socket.as_ref()?;
        loop {
            match socket.recv_from(&mut self.buffer) {
                Ok((length, source)) => return Some((&self.buffer[..length], source)),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // A datagram that could not be had is a lost one.
                Err(_) => return None,
            }
        }
    }

    /// Notes where a replica is.
    pub(super) fn greet(&mut self, replica: usize, from: SocketAddr) {
        self.lines[replica].replica = Some(from);
    }

    /// Sends a replica a datagram. What the kernel refuses is lost, as with any network.
    pub(super) fn send(&self, to: usize, bytes: &[u8]) {
        let line = &self.lines[to];
        if let (Some(socket), Some(replica)) = (&line.socket, line.replica) {
            let _ = socket.send_to(bytes, replica);
        }
    }

    /// Closes the socket for a replica, with all that is in it.
    pub(super) fn close(&mut self, replica: usize) {
        let line = &mut self.lines[replica];
        line.socket = None;
        line.readable = false;
    }
}

/// Makes room for what a busy leader sends while the driver is not scheduled: what finds a socket's
/// buffer full is lost, and an answer that is lost nobody sends again.
fn enlarge_buffer(socket: &UdpSocket) {
    // Only a privileged process may go beyond the system's limit. The others get what they can, and
    // one that gets nothing has the default, with which everything works up to some thousand a second.
    if sockopt::set_socket_recv_buffer_size_force(socket, BUFFER_BYTES).is_err() {
        let _ = sockopt::set_socket_recv_buffer_size(socket, BUFFER_BYTES);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixStream;

    const LONG: Duration = Duration::from_secs(5);

    /// A replica's end of each line, connected to the simulator's.
    fn replicas(sockets: &Sockets) -> Vec<UdpSocket> {
        let connect = |at: usize| {
            let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
            socket.connect(("127.0.0.1", sockets.port(at))).unwrap();
            socket.set_read_timeout(Some(LONG)).unwrap();
            socket
        };
        (0..sockets.lines.len()).map(connect).collect()
    }

    #[test]
    fn one_datagram_of_each_is_had_after_each_wait() {
        let mut sockets = Sockets::bind(2).unwrap();
        let replicas = replicas(&sockets);
        let (other, far) = UnixStream::pair().unwrap();
        replicas[1].send(b"a").unwrap();
        replicas[1].send(b"").unwrap();
        assert!(!sockets.wait(other.as_fd(), LONG).unwrap());
        assert!(!sockets.is_readable(0) && sockets.is_readable(1));
        // What comes after the wait has to wait for the next.
        replicas[0].send(b"late").unwrap();
        assert!(sockets.take(0).is_none());
        let (bytes, from) = sockets.take(1).unwrap();
        assert_eq!(
            (bytes, from),
            (&b"a"[..], replicas[1].local_addr().unwrap())
        );
        assert!(sockets.take(1).is_none());
        drop(far);
        assert!(sockets.wait(other.as_fd(), LONG).unwrap());
        assert_eq!(sockets.take(0).unwrap().0, b"late");
        assert_eq!(sockets.take(1).unwrap().0, b"", "an empty one is one");
        sockets.wait(other.as_fd(), Duration::ZERO).unwrap();
        assert!(!sockets.any_readable());
    }

    #[test]
    fn nothing_is_had_of_a_closed_line_and_nothing_is_sent_on_it() {
        let mut sockets = Sockets::bind(2).unwrap();
        let replicas = replicas(&sockets);
        let (other, _far) = UnixStream::pair().unwrap();
        sockets.send(0, b"before its hello");
        sockets.greet(0, replicas[0].local_addr().unwrap());
        sockets.send(0, b"hello");
        let mut buffer = [0; 20];
        assert_eq!(replicas[0].recv(&mut buffer).unwrap(), 5);
        replicas[0].send(b"a").unwrap();
        replicas[1].send(b"b").unwrap();
        sockets.wait(other.as_fd(), LONG).unwrap();
        sockets.close(0);
        assert!(sockets.take(0).is_none());
        sockets.wait(other.as_fd(), LONG).unwrap();
        assert!(!sockets.is_readable(0));
        assert_eq!(sockets.take(1).unwrap().0, b"b");
        sockets.send(0, b"nobody hears it");
        // The system says so of the datagram before.
        let refused = (0..2).any(|_| replicas[0].send(b"c").is_err());
        assert!(refused, "nobody is there");
    }
}
