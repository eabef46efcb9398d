//! What a trace consists of. Every time is in nanoseconds since the start of the run.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::bench::record::journal::Effect;
use crate::course::state::StateChange;
use crate::id::Id;

/// The `format` of the first line.
pub const FORMAT: &str = "leasekv-trace";
/// The `version` of the first line: of the format that is written, and the only one that is read.
pub const VERSION: u32 = 1;

/// A run.
#[derive(Clone, Debug)]
pub struct Trace {
    /// What was run.
    pub start: Start,
    /// What happened, in the order of time.
    pub messages: Vec<Message>,
    /// What replicas told of themselves, in the order of time.
    pub states: Vec<State>,
    /// What replicas printed, in the order of time.
    pub output: Vec<Output>,
    /// Whom the simulator believed to lead from when on.
    pub leaders: Vec<Leader>,
    /// What was done to the cluster.
    pub faults: Vec<Fault>,
    /// What the simulator said.
    pub notes: Vec<Note>,
    /// What no run may ever show.
    pub violations: Vec<Violation>,
    /// How it ended.
    pub end: End,
}

impl Trace {
    /// A trace of which only the beginning is known.
    pub fn begin(start: Start) -> Trace {
        Trace {
            start,
            messages: Vec::new(),
            states: Vec::new(),
            output: Vec::new(),
            leaders: Vec::new(),
            faults: Vec::new(),
            notes: Vec::new(),
            violations: Vec::new(),
            end: End::default(),
        }
    }
}

/// A line of a trace. The first is a [`Start`], the last an [`End`].
#[derive(Clone, Debug)]
pub enum Record {
    /// What is run.
    Start(Box<Start>),
    /// A message between replicas, a request or an answer.
    Message(Box<Message>),
    /// A replica's state has changed.
    State(Box<State>),
    /// A replica prints a line.
    Output(Output),
    /// The simulator believes somebody else to lead.
    Leader(Leader),
    /// Something is done to the cluster.
    Fault(Fault),
    /// The simulator says something.
    Note(Note),
    /// Something happens that never may.
    Violation(Box<Violation>),
    /// The run is over.
    End(Box<End>),
}

/// What is run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Start {
    /// [`FORMAT`].
    pub format: String,
    /// [`VERSION`].
    pub version: u32,
    /// The config's name and its keys, as the simulator understood them.
    pub config: Value,
    /// The seed.
    pub seed: u64,
    /// The replicas, in their order.
    pub replicas: Vec<Id>,
    /// The clients, in their order.
    pub clients: Vec<Id>,
    /// What else decided the run: `virtual` (whether time was), `program` (the replicas'), and
    /// `replica` (the constants of embedded replicas).
    pub options: Value,
    /// The command that repeats the run.
    pub command: String,
}

/// A message.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Message {
    /// Its number, from 0.
    pub number: usize,
    /// When the simulator dealt with it.
    pub time_ns: u64,
    /// When its sender sent it, if that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent_ns: Option<u64>,
    /// When its receiver got it, if it did. With real processes: when it was handed over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arrived_ns: Option<u64>,
    /// Who sent it.
    pub from: Id,
    /// Whom it is for.
    pub to: Id,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: String,
    /// What became of it.
    pub fate: Fate,
    /// The message of which the network made this copy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub copy_of: Option<usize>,
    /// Of requests and answers, the attempt.
    #[serde(default, rename = "MID", skip_serializing_if = "Option::is_none")]
    pub mid: Option<String>,
    /// Of requests, the number of the user's request, from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<u32>,
    /// Of answers, what the client made of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effect: Option<Effect>,
    /// The datagram. One that is no proper JSON is a text.
    pub data: Box<RawValue>,
}

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// It arrived.
    Delivered,
    /// The network lost it.
    Lost,
    /// A partition or a cut stood between.
    Cut,
    /// Its receiver was dead, or died before it arrived.
    Dead,
    /// Its receiver had not said hello, or a client had nobody to ask.
    NotReady,
    /// Too many messages were waiting for its receiver, which stood still.
    Overflow,
    /// The run was over before it arrived.
    UnderWay,
}

/// A change of a replica's state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// When.
    pub time_ns: u64,
    /// The replica.
    pub replica: Id,
    /// The numbers of the messages that brought it about, if that is known; none are a timer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub causes: Option<Vec<usize>>,
    /// What is new.
    #[serde(flatten)]
    pub change: StateChange,
}

/// A line that a replica printed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Output {
    /// When it came.
    pub time_ns: u64,
    /// The replica.
    pub replica: Id,
    /// `stdout` or `stderr`.
    pub stream: Cow<'static, str>,
    /// The line, without its end.
    pub text: String,
}

/// The simulator believes somebody to lead.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leader {
    /// From when on.
    pub time_ns: u64,
    /// Whom; `FFFF` is nobody.
    pub leader: Id,
}

/// Something is done to the cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// When.
    pub time_ns: u64,
    /// `kill`, `died`, `start`, `pause`, `resume`, `split`, `cut` or `heal`.
    pub kind: String,
    /// To which replica.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replica: Option<Id>,
    /// Of a kill, whether the replica was believed to lead.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub leader: bool,
    /// Of a split, its sides.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sides: Vec<Vec<Id>>,
    /// Of a split, which of them has the majority.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub majority: Option<usize>,
    /// Of a cut, from whom to whom.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cut: Option<(Id, Id)>,
    /// The same in words.
    pub text: String,
}

/// The simulator says something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// When.
    pub time_ns: u64,
    /// What.
    pub text: String,
}

/// Something that never may happen.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Violation {
    /// When it showed.
    pub time_ns: u64,
    /// `invariant`: a promise of the protocol; `history`: what clients saw is not linearizable;
    /// `incorrect`: a malformed message or a wrong answer.
    pub kind: String,
    /// Which promise.
    pub name: String,
    /// What is wrong, in a sentence.
    pub text: String,
    /// Of a history, the operations that no order explains.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub operations: Vec<Operation>,
}

/// An operation of a client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operation {
    /// The client.
    pub client: Id,
    /// The number of the user's request.
    pub request: u32,
    /// `get` or `put`.
    pub op: String,
    /// The key.
    pub key: String,
    /// What a put wrote or a get returned.
    pub value: String,
    /// When it began.
    pub invoked_ns: u64,
    /// When it returned, if it did.
    pub returned_ns: Option<u64>,
}

/// How a run ended.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct End {
    /// When.
    pub time_ns: u64,
    /// Whether the run came to its end; an interrupted one did not.
    pub complete: bool,
    /// Whether it passed, and no violation was found.
    pub passed: bool,
    /// How many messages are not in the trace because of its limit.
    pub left_out: usize,
    /// How many lines of the replicas' output are not, for the same reason.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub output_left_out: u64,
    /// All results, as `--json` writes them.
    pub results: Value,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}
