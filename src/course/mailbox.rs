//! The replica's socket: what to do when its buffer is full, and how to notice that nobody is
//! there any more.

use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use log::{debug, warn};
use mio::net::UdpSocket;
use mio::{Events, Interest, Registry, Token};

use super::MAX_DATAGRAM_BYTES;

/// The most bytes of answers to clients kept while the socket's buffer is full; the ones after that are lost.
const MAX_UNSENT_BYTES: usize = 16 << 20;

/// For how long the other side's port must have been closed before the replica ends.
const GONE_AFTER: Duration = Duration::from_secs(1);

/// Refusals further apart than this are single ones. Far above the times for which a role may be
/// silent, which are options: a leader sends a heartbeat every two seconds, a follower asks for
/// pre-votes after seven.
const GONE_WITHIN: Duration = Duration::from_secs(60);

/// One socket, connected to the simulator's port: only the simulator is heard, and only it can be
/// told anything.
pub(super) struct Mailbox {
    socket: UdpSocket,
    received: Vec<u8>,
    /// Whether there may be datagrams to receive. The poll tells of new ones only, so this stays until
    /// receiving has found none; and without it, waking up for a timer spares that call.
    readable: bool,
    /// Answers that found the buffer full, in order.
    unsent: VecDeque<Vec<u8>>,
    unsent_bytes: usize,
    /// When the first and the latest of the refusals came that no received datagram has belied.
    refused: Option<(Instant, Instant)>,
    gone: bool,
}

/// How a datagram is treated when the buffer is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Care {
    /// It is lost: the protocol sends again.
    MayBeLost,
    /// It waits until there is room.
    Keep,
}

const SOCKET: Token = Token(0);

impl Mailbox {
    pub(super) fn open(port: u16, registry: &Registry) -> io::Result<Mailbox> {
        let mut socket = UdpSocket::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
        socket.connect(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))?;
        registry.register(&mut socket, SOCKET, Interest::READABLE)?;
        Ok(Mailbox {
            socket,
            received: vec![0; MAX_DATAGRAM_BYTES + 1],
            readable: true,
            unsent: VecDeque::new(),
            unsent_bytes: 0,
            refused: None,
            gone: false,
        })
    }

    /// Whether the other side has been away for so long that it will not come back.
    pub(super) fn is_abandoned(&self) -> bool {
        self.gone
    }

    /// Takes in what the poll has found.
    pub(super) fn note(&mut self, events: &Events) {
        self.readable |= !events.is_empty();
    }

    /// Whether [`receive`](Self::receive) has not yet found that there is nothing more.
    pub(super) fn may_have_more(&self) -> bool {
        self.readable
    }

    /// Whether answers wait for room in the socket's buffer.
    pub(super) fn has_kept(&self) -> bool {
        !self.unsent.is_empty()
    }

    /// The next datagram, if one is there.
    pub(super) fn receive(&mut self) -> Option<&[u8]> {
        while self.readable {
            match self.socket.recv(&mut self.received) {
                Ok(length) => {
                    self.refused = None;
                    return Some(&self.received[..length]);
                }
                Err(error) => match error.kind() {
                    ErrorKind::WouldBlock => self.readable = false,
                    ErrorKind::Interrupted => {}
                    ErrorKind::ConnectionRefused => self.note_refusal(),
                    _ => {
                        warn!("receiving failed: {error}");
                        self.readable = false;
                    }
                },
            }
        }
        None
    }

    /// Sends a datagram, or does with it what `care` says.
    pub(super) fn send(&mut self, datagram: &[u8], care: Care, registry: &Registry) {
        if !self.unsent.is_empty() && care == Care::Keep {
            return self.keep(datagram);
        }
        if !self.try_send(datagram) && care == Care::Keep {
            self.keep(datagram);
            self.set_interest(Interest::READABLE | Interest::WRITABLE, registry);
        }
    }

    /// Sends what was kept, as far as there is room now.
    pub(super) fn send_kept(&mut self, registry: &Registry) {
        if self.unsent.is_empty() {
            return;
        }
        while let Some(datagram) = self.unsent.pop_front() {
            if !self.try_send(&datagram) {
                self.unsent.push_front(datagram);
                return;
            }
            self.unsent_bytes -= datagram.len();
        }
        self.set_interest(Interest::READABLE, registry);
    }

    fn keep(&mut self, datagram: &[u8]) {
        let bytes = self.unsent_bytes + datagram.len();
        if bytes > MAX_UNSENT_BYTES {
            let count = self.unsent.len();
            return warn!("{count} answers wait for room in the socket's buffer: dropping one");
        }
        self.unsent_bytes = bytes;
        self.unsent.push_back(datagram.to_vec());
    }

    /// Returns whether the datagram is dealt with; if not, the buffer is full.
    fn try_send(&mut self, datagram: &[u8]) -> bool {
        // A pending refusal of an earlier datagram is reported in place of sending this one.
        for _ in 0..2 {
            match self.socket.send(datagram) {
                Ok(_) => return true,
                Err(error) => match error.kind() {
                    ErrorKind::WouldBlock => {
                        debug!("the socket's buffer is full");
                        return false;
                    }
                    ErrorKind::Interrupted => {}
                    ErrorKind::ConnectionRefused => self.note_refusal(),
                    _ => {
                        warn!("sending {} bytes failed: {error}", datagram.len());
                        return true;
                    }
                },
            }
        }
        true
    }

    fn note_refusal(&mut self) {
        let now = Instant::now();
        let (first, _) = self
            .refused
            .filter(|(_, latest)| now.duration_since(*latest) < GONE_WITHIN)
            .unwrap_or((now, now));
        self.refused = Some((first, now));
        self.gone = now.duration_since(first) >= GONE_AFTER;
    }

    fn set_interest(&mut self, interest: Interest, registry: &Registry) {
        if let Err(error) = registry.reregister(&mut self.socket, SOCKET, interest) {
            warn!("the socket cannot be watched: {error}");
        }
    }
}
