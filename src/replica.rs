//! A replica, without I/O: the key-value service on consensus. This is what every driver drives.

use std::hash::Hasher;
use std::time::Duration;

use crate::consensus::fingerprint::Measure;
use crate::consensus::log::Log;
use crate::consensus::snapshot::Snapshot;
use crate::consensus::{self, Consensus, Entry, Index, LogId, Message, RoleName, Term, Time};
use crate::id::Id;
use crate::kv::store::Store;
use crate::kv::{self, Answer, Command, Note, Request, Service};

/// All constants of a replica.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Options {
    /// Of agreeing on a log.
    pub consensus: consensus::Options,
    /// Of serving clients.
    pub kv: kv::Options,
}

/// One replica.
///
/// Its driver calls [`receive`](Self::receive) for each input, then [`advance`](Self::advance)
/// once no more input is at hand (so that entries which came together leave together) and whenever
/// [`deadline`](Self::deadline) is reached, and carries out what [`outputs`](Self::outputs) yields.
#[derive(Clone, Debug)]
pub struct Replica {
    consensus: Consensus<Command>,
    service: Service,
}

/// What can happen to a replica from outside, besides time passing.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Input {
    /// A letter from another replica.
    Letter {
        /// The sender.
        from: Id,
        /// What it says.
        letter: Letter,
    },
    /// A client's request.
    Request(Request),
    /// All writes through this number are durable.
    Durable(u64),
}

/// What one replica sends to another: a message of its consensus, and beside it what its service has to tell.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Letter {
    /// The message.
    pub message: Message<Command>,
    /// What the service tells.
    pub note: Option<Note>,
}

/// Something to be stored.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Write {
    /// What consensus must remember.
    pub consensus: consensus::Write<Command>,
    /// Through where puts are known to be answered. It may be lost: it only saves answers that nobody needs.
    pub settled: Index,
}

/// What a replica finds when it starts again.
#[derive(Clone, Debug)]
pub struct Restored {
    /// What consensus remembers.
    pub consensus: consensus::Restored<Command>,
    /// The store that the snapshot there makes.
    pub store: Store,
    /// The last [`Write::settled`] that is left.
    pub settled: Index,
}

impl Restored {
    /// Where the store is in the snapshot's state only.
    ///
    /// # Errors
    ///
    /// If that state makes none.
    pub fn with_state(
        consensus: consensus::Restored<Command>,
        settled: Index,
        options: &Options,
    ) -> Result<Restored, String> {
        let limit = options.kv.limits.max_remembered_puts;
        let store = match &consensus.snapshot {
            Some(snapshot) => Store::of(&*snapshot.state, limit)?,
            None => Store::new(limit),
        };
        Ok(Restored {
            consensus,
            store,
            settled,
        })
    }
}

/// What a replica wants to be done.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Output {
    /// Send a letter to another replica. It may get lost.
    Send {
        /// The receiver.
        to: Id,
        /// What to say.
        letter: Letter,
    },
    /// Answer a client. Each attempt is answered at most once by a replica.
    Answer(Answer),
}

impl Replica {
    /// A replica at the start of its life, a follower in term 0 with an empty log.
    ///
    /// `peers` are the other members of the cluster; `seed` seeds its only source of chance.
    ///
    /// # Panics
    ///
    /// If the options do not fit together ([`Options::check`]), or `peers` contains `id` or an ID
    /// twice.
    pub fn new(id: Id, peers: &[Id], options: Options, seed: u64, now: Time) -> Replica {
        if let Err(relation) = options.check() {
            panic!("the options do not fit together: {relation}");
        }
        Replica {
            consensus: Consensus::new(id, peers, options.consensus, seed, now),
            service: Service::new(id, options.kv, now),
        }
    }

    /// A replica that starts again with its memory: see [`Consensus::restore`]. Its store is made anew from its log.
    ///
    /// # Errors
    ///
    /// What of `restored` no replica of this cluster can have left.
    ///
    /// # Panics
    ///
    /// As [`new`](Self::new).
    pub fn restore(
        id: Id,
        peers: &[Id],
        options: Options,
        restored: Restored,
        seed: u64,
        now: Time,
    ) -> Result<Replica, String> {
        if let Err(relation) = options.check() {
            panic!("the options do not fit together: {relation}");
        }
        let Restored {
            consensus,
            store,
            settled,
        } = restored;
        let consensus = Consensus::restore(id, peers, options.consensus, consensus, seed, now)?;
        let service = Service::restore(id, options.kv, store, consensus.log(), settled, now);
        Ok(Replica { consensus, service })
    }

    /// Hands over what is to be stored since the last call, if there is anything: to be called after each
    /// [`advance`](Self::advance). Nothing of the outputs need wait for it: what must, comes out later.
    pub fn writes(&mut self) -> Option<Write> {
        let consensus = self.consensus.writes()?;
        let settled = self.service.note().map(|note| note.settled);
        Some(Write {
            consensus,
            settled: settled.unwrap_or_default(),
        })
    }

    /// Hands over a snapshot to be stored beside the log: see [`Consensus::snapshot_to_store`].
    pub fn snapshot_to_store(&mut self) -> Option<Snapshot> {
        self.consensus.snapshot_to_store()
    }

    /// Takes an input that arrived at `now`, which must have been read after it arrived: a lease
    /// is judged by it.
    pub fn receive(&mut self, now: Time, input: Input) {
        match input {
            Input::Letter { from, letter } => {
                if self.consensus.receive(now, from, letter.message)
                    && let Some(note) = letter.note
                {
                    self.service.hear(from, note);
                }
            }
            Input::Request(request) => self.service.ask(request),
            Input::Durable(number) => self.consensus.durable(now, number),
        }
    }

    /// Does what is due at `now`, and sends what the inputs since the last call have led to.
    pub fn advance(&mut self, now: Time) {
        self.consensus.advance(now);
        self.service.advance(&mut self.consensus);
        self.consensus.flush(now);
        // After that, since a further attempt may be what makes a leader doubt.
        self.service.pass_on_overdue(&self.consensus);
    }

    /// When [`advance`](Self::advance) must next be called at the latest.
    pub fn deadline(&self) -> Time {
        let deadline = self.consensus.deadline();
        let service = self.service.deadline(&self.consensus);
        service.map_or(deadline, |at| at.min(deadline))
    }

    /// Takes what is to be done since the last [`advance`](Self::advance), in order: answers first, for somebody waits for
    /// them.
    pub fn outputs(&mut self) -> impl Iterator<Item = Output> {
        let note = self.service.note();
        let letters = self.consensus.outbox().map(move |envelope| {
            let (to, message) = (envelope.to, envelope.message);
            let letter = Letter { message, note };
            Output::Send { to, letter }
        });
        self.service.answers().map(Output::Answer).chain(letters)
    }

    /// A read-only look at this replica.
    pub fn view(&self) -> View<'_> {
        View { replica: self }
    }

    /// Feeds `hasher` with all that decides how this replica will behave from now on, so that
    /// replicas with equal fingerprints (and options, and a fresh [`reseed`](Self::reseed)) do the
    /// same for the same inputs, except that they may name different replicas to clients that they
    /// pass on for want of a leader.
    ///
    /// `step` is the grain of the driver's clock: the replica must only be called at times that lie
    /// whole steps apart. Points of time count by their distance from `now` in steps, ages by what
    /// the protocol can tell apart.
    pub fn fingerprint(&self, now: Time, step: Duration, hasher: &mut impl Hasher) {
        let Replica { consensus, service } = self;
        // That is how long a silent answerer is waited for; see `Service`.
        let horizon = service.options().timing.answerer_return;
        let measure = Measure::new(now, step, horizon);
        consensus.fingerprint(measure, hasher);
        service.fingerprint(measure, hasher);
    }

    /// Starts the source of chance anew, so that a model checker gets the same for the same input
    /// in the same state, whatever was drawn on the way there.
    pub fn reseed(&mut self, seed: u64) {
        self.consensus.reseed(seed);
    }
}

impl Options {
    /// Checks that the constants fit together.
    ///
    /// # Errors
    ///
    /// The relation that does not hold, as a sentence.
    pub fn check(&self) -> Result<(), String> {
        /// The largest datagram that UDP over IPv4 carries, without the room for an append's frame and route.
        const ROOM: usize = 65_507 - 3_000;
        self.consensus.check()?;
        self.kv.check()?;
        let entries = self.consensus.limits.max_append_bytes;
        if entries.max(self.kv.limits.max_put_bytes) > ROOM {
            return Err(format!(
                "max_put_bytes and max_append_bytes must be at most {ROOM}, so that an append fits into a datagram"
            ));
        }
        Ok(())
    }
}

impl std::fmt::Display for Letter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.message)?;
        match self.note {
            Some(note) => {
                let Note {
                    applied,
                    settled,
                    forgotten,
                } = note;
                write!(f, " applied={applied} settled={settled}")?;
                match forgotten {
                    Index::ZERO => Ok(()),
                    _ => write!(f, " forgotten={forgotten}"),
                }
            }
            None => Ok(()),
        }
    }
}

/// What can be seen of a replica at one moment.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    replica: &'a Replica,
}

impl<'a> View<'a> {
    /// What it knows of the log and its leader.
    pub fn consensus(&self) -> &'a Consensus<Command> {
        &self.replica.consensus
    }

    /// What it does for clients.
    pub fn service(&self) -> &'a Service {
        &self.replica.service
    }

    /// The replica's ID.
    pub fn id(&self) -> Id {
        self.consensus().members().own()
    }

    /// The time of its latest call, on its own clock.
    pub fn now(&self) -> Time {
        self.consensus().now()
    }

    /// Its role.
    pub fn role(&self) -> RoleName {
        self.consensus().role()
    }

    /// Its term.
    pub fn term(&self) -> Term {
        self.consensus().term()
    }

    /// The leader of its term, as far as it knows.
    pub fn leader(&self) -> Option<Id> {
        self.consensus().leader()
    }

    /// Its log.
    pub fn log(&self) -> &'a Log<Command> {
        self.consensus().log()
    }

    /// Its commit index.
    pub fn commit(&self) -> Index {
        self.log().commit()
    }

    /// The last entry of its log.
    pub fn last(&self) -> LogId {
        self.log().last()
    }

    /// The entry at an index of its log.
    pub fn entry(&self, index: Index) -> Option<&'a Entry<Command>> {
        self.log().entry(index)
    }

    /// Its log's entries behind the base.
    pub fn entries(&self) -> impl DoubleEndedIterator<Item = &'a Entry<Command>> + use<'a> {
        self.log().entries().map(|(_, entry)| entry)
    }

    /// The value of a key in its store.
    pub fn value(&self, key: &str) -> Option<&'a str> {
        self.service().store().get(key)
    }

    /// For how much longer, as of its latest step, it may answer gets alone.
    pub fn lease_left(&self) -> Option<Duration> {
        self.consensus().lease_left()
    }
}
