//! The loop: wait, receive, step the replica, carry out what it wants.

use std::io::{self, ErrorKind};
use std::time::{Duration, Instant};

use log::{debug, info, warn};
use mio::{Events, Poll, Registry};

use super::arguments::Arguments;
use super::decode::{Incoming, decode};
use super::encode::{encode_answer, encode_hello, encode_letter};
use super::mailbox::{Care, Mailbox};
use super::memory::Memory;
use super::teller::Teller;
use crate::consensus::Time;
use crate::id::Id;
use crate::replica::{Input, Options, Output, Replica, Restored};

/// The most datagrams taken in before the replica gets to act: its timers are on time even under a flood. More than a
/// socket's buffer holds on Linux, so that a process that stood still for a while has taken in all that has happened
/// before it answers anybody.
const MAX_RECEIVED_AT_ONCE: usize = 512;

/// Is a replica until the simulator is gone. `open` opens its memory, and says what is in it.
///
/// # Errors
///
/// If the memory cannot be opened or fails, a replica of this cluster cannot have left it, or the socket cannot be opened or
/// waited for.
pub fn serve<M: Memory>(
    arguments: &Arguments,
    options: Options,
    open: impl FnOnce(&Registry) -> io::Result<(M, Option<Restored>)>,
) -> io::Result<()> {
    let mut poll = Poll::new()?;
    let (mut memory, restored) = open(poll.registry())?;
    let mut events = Events::with_capacity(4);
    let port = arguments.port;
    let mut mailbox = Mailbox::open(port, poll.registry())
        .map_err(|error| io::Error::new(error.kind(), format!("port {port}: {error}")))?;
    let clock = Clock(Instant::now());
    let (id, peers, now) = (arguments.id, &arguments.peers, clock.now());
    let mut replica = match restored {
        Some(restored) => Replica::restore(id, peers, options, restored, rand::random(), now)
            .map_err(io::Error::other)?,
        None => Replica::new(id, peers, options, rand::random(), now),
    };
    let mut datagram = Vec::with_capacity(1024);
    let mut teller = Teller::if_wanted();
    encode_hello(&mut datagram, arguments.id);
    mailbox.send(&datagram, Care::Keep, poll.registry());
    info!(
        "replica {} with peers {:?}",
        arguments.id,
        Peers(&arguments.peers)
    );
    loop {
        for _ in 0..MAX_RECEIVED_AT_ONCE {
            let Some(bytes) = mailbox.receive() else {
                break;
            };
            debug!("<- {}", String::from_utf8_lossy(bytes));
            if let Some(input) = read(bytes, arguments) {
                // The clock is read after the message has arrived: had the process been stopped
                // in between, a lease judged by an earlier reading could be over.
                replica.receive(clock.now(), input);
            }
        }
        if let Some(number) = memory.durable()? {
            replica.receive(clock.now(), Input::Durable(number));
        }
        replica.advance(clock.now());
        for output in replica.outputs() {
            let care = match &output {
                Output::Send { to, letter } => {
                    encode_letter(&mut datagram, arguments.id, *to, letter);
                    Care::MayBeLost
                }
                Output::Answer(answer) => {
                    encode_answer(&mut datagram, arguments.id, answer);
                    Care::Keep
                }
            };
            debug!("-> {}", String::from_utf8_lossy(&datagram));
            mailbox.send(&datagram, care, poll.registry());
        }
        // The disk is given its work once others have theirs.
        memory.store(&mut replica)?;
        // Last, so that nobody waits for it.
        if let Some(teller) = &mut teller {
            teller.tell(&replica.view());
        }
        if mailbox.is_abandoned() {
            info!("nobody listens on port {port} any more: ending");
            return Ok(());
        }
        if !mailbox.may_have_more() || mailbox.has_kept() {
            let wait = match mailbox.may_have_more() {
                true => Duration::ZERO,
                false => replica.deadline().since(clock.now()),
            };
            match poll.poll(&mut events, Some(wait)) {
                Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error),
                _ => {}
            }
            mailbox.note(&events);
        }
        mailbox.send_kept(poll.registry());
    }
}

/// The replica's monotonic clock.
struct Clock(Instant);

impl Clock {
    fn now(&self) -> Time {
        Time::from_epoch(self.0.elapsed())
    }
}

/// What a datagram means to this replica; nothing if it cannot be read or is not for it.
fn read(bytes: &[u8], arguments: &Arguments) -> Option<Input> {
    let incoming = match decode(bytes) {
        Ok(incoming) => incoming,
        Err(error) => {
            warn!("ignoring a datagram of {} bytes: {error}", bytes.len());
            return None;
        }
    };
    let (to, input) = match incoming {
        Incoming::Request { to, request } => {
            let client = request.client;
            if client.is_unknown() || client == arguments.id || arguments.peers.contains(&client) {
                warn!("ignoring a request from {client}, which is no client");
                return None;
            }
            (to, Input::Request(request))
        }
        Incoming::Letter { from, to, letter } => (to, Input::Letter { from, letter }),
    };
    if to != arguments.id && to != Id::BROADCAST {
        warn!("ignoring a datagram for {to}");
        return None;
    }
    Some(input)
}

/// Displays IDs as people write them.
struct Peers<'a>(&'a [Id]);

impl std::fmt::Debug for Peers<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list()
            .entries(self.0.iter().map(|id| format_args!("{id}").to_string()))
            .finish()
    }
}
