//! What can be put into a cluster: a replica, or its consensus alone.

use std::fmt::{Debug, Display};

use leasekv::consensus::snapshot::Snapshot;
use leasekv::consensus::{self, Consensus, Index, Message, Restored, Time, Write};
use leasekv::id::Id;
use leasekv::kv::{Answer, Command, Request};
use leasekv::replica::{Input, Letter, Options, Output, Replica};

/// A state machine without I/O that talks to others of its kind.
pub(crate) trait Machine {
    /// What its log holds.
    type Command: consensus::Command;
    /// What it sends.
    type Letter: Clone + Debug + Display;
    /// What it says to others than its kind.
    type Answer;
    /// How it is made.
    type Options: Clone;

    fn new(id: Id, peers: &[Id], options: &Self::Options, seed: u64, now: Time) -> Self;
    /// One that starts again with what its disk holds, and through where it takes puts to be settled.
    fn restore(
        id: Id,
        peers: &[Id],
        options: &Self::Options,
        stored: (Restored<Self::Command>, Index),
        seed: u64,
        now: Time,
    ) -> Self;
    fn receive(&mut self, now: Time, from: Id, letter: Self::Letter);
    /// What is to be stored, and through where it takes puts to be settled.
    fn writes(&mut self) -> Option<(Write<Self::Command>, Index)>;
    /// A snapshot to be stored beside the log.
    fn snapshot_to_store(&mut self) -> Option<Snapshot>;
    /// Everything through that write is durable.
    fn durable(&mut self, now: Time, number: u64);
    fn advance(&mut self, now: Time) -> Outputs<Self>;
    fn deadline(&self) -> Time;
    fn consensus(&self) -> &Consensus<Self::Command>;
    /// The kind of a letter, in a word.
    fn kind(letter: &Self::Letter) -> &'static str;
}

/// What a machine wants to be done.
pub(crate) struct Outputs<M: Machine + ?Sized> {
    pub(crate) letters: Vec<(Id, M::Letter)>,
    pub(crate) answers: Vec<M::Answer>,
}

impl Outputs<Replica> {
    /// As the promises look at them.
    pub(crate) fn into_list(self) -> Vec<Output> {
        let answers = self.answers.into_iter().map(Output::Answer);
        let letters = self.letters.into_iter();
        let letters = letters.map(|(to, letter)| Output::Send { to, letter });
        answers.chain(letters).collect()
    }
}

impl Machine for Replica {
    type Command = Command;
    type Letter = Letter;
    type Answer = Answer;
    type Options = Options;

    fn new(id: Id, peers: &[Id], options: &Options, seed: u64, now: Time) -> Replica {
        Replica::new(id, peers, options.clone(), seed, now)
    }

    fn restore(
        id: Id,
        peers: &[Id],
        options: &Options,
        (consensus, settled): (Restored<Command>, Index),
        seed: u64,
        now: Time,
    ) -> Replica {
        let restored = leasekv::replica::Restored::with_state(consensus, settled, options);
        let restored = restored.expect("its own snapshot makes a store");
        let replica = Replica::restore(id, peers, options.clone(), restored, seed, now);
        replica.expect("it has written that itself")
    }

    fn receive(&mut self, now: Time, from: Id, letter: Letter) {
        self.receive(now, Input::Letter { from, letter });
    }

    fn writes(&mut self) -> Option<(Write<Command>, Index)> {
        let write = self.writes()?;
        Some((write.consensus, write.settled))
    }

    fn snapshot_to_store(&mut self) -> Option<Snapshot> {
        self.snapshot_to_store()
    }

    fn durable(&mut self, now: Time, number: u64) {
        self.receive(now, Input::Durable(number));
    }

    fn advance(&mut self, now: Time) -> Outputs<Replica> {
        self.advance(now);
        let (mut letters, mut answers) = (Vec::new(), Vec::new());
        for output in self.outputs() {
            match output {
                Output::Send { to, letter } => letters.push((to, letter)),
                Output::Answer(answer) => answers.push(answer),
            }
        }
        Outputs { letters, answers }
    }

    fn deadline(&self) -> Time {
        self.deadline()
    }

    fn consensus(&self) -> &Consensus<Command> {
        self.view().consensus()
    }

    fn kind(letter: &Letter) -> &'static str {
        letter.message.body.name()
    }
}

/// A client asks a replica.
pub(crate) fn ask(replica: &mut Replica, now: Time, request: Request) {
    replica.receive(now, Input::Request(request));
}

/// A command of which consensus knows nothing: a word.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Word(pub(crate) String);

impl consensus::Command for Word {
    fn size_bound(&self) -> usize {
        self.0.len()
    }

    fn check(&self, _: consensus::Index, _: &consensus::Members) -> Result<(), String> {
        match self.0.as_str() {
            "forbidden" => Err("a forbidden word".to_owned()),
            _ => Ok(()),
        }
    }
}

impl Machine for Consensus<Word> {
    type Command = Word;
    type Letter = Message<Word>;
    type Answer = std::convert::Infallible;
    type Options = consensus::Options;

    fn new(id: Id, peers: &[Id], options: &consensus::Options, seed: u64, now: Time) -> Self {
        Consensus::new(id, peers, options.clone(), seed, now)
    }

    fn restore(
        id: Id,
        peers: &[Id],
        options: &consensus::Options,
        (restored, _): (Restored<Word>, Index),
        seed: u64,
        now: Time,
    ) -> Self {
        let restored = Consensus::restore(id, peers, options.clone(), restored, seed, now);
        restored.expect("it has written that itself")
    }

    fn receive(&mut self, now: Time, from: Id, letter: Message<Word>) {
        self.receive(now, from, letter);
    }

    fn writes(&mut self) -> Option<(Write<Word>, Index)> {
        Some((self.writes()?, Index::ZERO))
    }

    fn snapshot_to_store(&mut self) -> Option<Snapshot> {
        self.snapshot_to_store()
    }

    fn durable(&mut self, now: Time, number: u64) {
        self.durable(now, number);
    }

    fn advance(&mut self, now: Time) -> Outputs<Self> {
        self.advance(now);
        self.flush(now);
        let letters = self.outbox();
        Outputs {
            letters: letters.map(|it| (it.to, it.message)).collect(),
            answers: Vec::new(),
        }
    }

    fn deadline(&self) -> Time {
        self.deadline()
    }

    fn consensus(&self) -> &Consensus<Word> {
        self
    }

    fn kind(letter: &Message<Word>) -> &'static str {
        letter.body.name()
    }
}
