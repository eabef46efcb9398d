//! The scripts' commands.
//!
//! | command | what it does |
//! | --- | --- |
//! | `cluster N [OPTION=VALUE...]` | starts anew with N replicas, `0` to `N-1`, whose clocks do not agree, and options other than the pinned ones |
//! | `elected ID` | that replica is elected, everybody hears of it, and 400 ms pass |
//! | `run 50ms` | lets time pass (a hop takes 0.1 ms) |
//! | `timeout ID` | puts the clock of that replica forward to its next deadline, as no real clock does: not for stories about leases |
//! | `partition ID...` / `heal` | cuts those replicas off from the others / ends it |
//! | `lose FROM TO COUNT` | loses the next messages on that link |
//! | `kill ID` / `forget ID` | for ever / it starts again without its memory |
//! | `messages on\|off` | shows each delivery, or only what it leads to |
//! | `count` | the messages sent since the last count |
//! | `status` | every replica's state |
//! | `log ID TERM...` | gives the replica entries of those terms |
//! | `forge FROM TO append\|matched\|refused\|vote term=T [index=I] [at=T] [commit=C] [leader=ID] [then=ID] [receipts=ID:INDEX,...] [for=ID] [deferred] [in_doubt] [entry=E]` | delivers a message that nobody sent: an append on behalf of a leader, with one more on its route, receipts on it and an entry in it; a receipt for another follower |
//!
//! Of replicas:
//!
//! | command | what it does |
//! | --- | --- |
//! | `put ID key=value... [client=C] [mid=M]` / `get ID key [client=C]` | a client asks that replica; several puts arrive together |
//!
//! Of consensus alone:
//!
//! | command | what it does |
//! | --- | --- |
//! | `propose ID word...` | proposes commands to that replica |
//! | `suspect ID` | somebody tells that replica that the leader is gone |

use std::error::Error;
use std::time::Duration;

use goldenscript::{Argument, Command};
use leasekv::consensus::message::{Append, AppendOutcome, AppendResponse, Receipt, VoteRequest};
use leasekv::consensus::{Body, Entry, Incarnation, Index, LogId, Message, Payload, Term, Time};
use leasekv::id::Id;

use crate::machine::Machine;
use crate::story::Story;

pub(crate) type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// A machine that scripts can be about.
pub(crate) trait Subject: Machine {
    /// The pinned options, with what the script changes of them.
    fn options(changes: &str) -> Result<Self::Options>;

    /// A letter with that message.
    fn letter(message: Message<Self::Command>) -> Self::Letter;

    /// A command of the given name, for entries of a script's own.
    fn command(name: &str, at: LogId, named: Id) -> Self::Command;

    /// More about its state.
    fn state(&self) -> String;
}

/// What is common to all scripts.
pub(crate) struct Stage<M: Subject> {
    pub(crate) story: Option<Story<M>>,
}

impl<M: Subject> Default for Stage<M> {
    fn default() -> Self {
        Stage { story: None }
    }
}

impl<M: Subject> Stage<M> {
    pub(crate) fn story(&mut self) -> Result<&mut Story<M>> {
        self.story
            .as_mut()
            .ok_or_else(|| "start with `cluster N`".into())
    }

    /// Carries a command out, if it is one of those that all scripts have.
    pub(crate) fn run(
        &mut self,
        command: &Command,
        told: &mut dyn FnMut(&M::Answer) -> String,
    ) -> Result<bool> {
        if command.name == "cluster" {
            let size = positional(command, 0)?.parse()?;
            let mut changes = Vec::new();
            for argument in &command.args {
                if let Argument::KeyValue(name, value) = argument {
                    changes.push(format!("{name}={value}"));
                }
            }
            self.story = Some(Story::new(size, &M::options(&changes.join(","))?));
            return Ok(true);
        }
        let story = self.story()?;
        match command.name.as_str() {
            "elected" => {
                let id = replica(command, 0)?;
                story.quietly(|story| {
                    story.time_out(id, told);
                    story.run(Duration::from_millis(400), told);
                    story.count();
                });
                let leader = story.cluster.nodes[&id].machine.consensus();
                if !leader.leads() {
                    return Err(format!("{id} was not elected").into());
                }
            }
            "run" => story.run(duration(positional(command, 0)?)?, told),
            "timeout" => story.time_out(replica(command, 0)?, told),
            "partition" => story.partition(&replicas(command, 0)?),
            "heal" => story.heal(),
            "lose" => {
                let count = positional(command, 2)?.parse()?;
                story.lose(replica(command, 0)?, replica(command, 1)?, count);
            }
            "kill" => story.kill(replica(command, 0)?),
            "forget" => story.forget(replica(command, 0)?),
            "messages" => story.shows_letters = positional(command, 0)? == "on",
            "count" => story.count(),
            "status" => story.status(M::state),
            "log" => {
                let terms: Vec<u64> = command
                    .args
                    .iter()
                    .skip(1)
                    .map(|argument| argument.to_string().parse())
                    .collect::<std::result::Result<_, _>>()?;
                let id = replica(command, 0)?;
                story.quietly(|story| give_log(story, id, &terms, told));
            }
            "forge" => {
                let (from, to) = (replica(command, 0)?, replica(command, 1)?);
                let message = forged::<M>(story, command)?;
                story.forge(from, to, M::letter(message));
                story.run(Duration::ZERO, told);
            }
            _ => return Ok(false),
        }
        Ok(true)
    }
}

/// Gives a replica a log whose entries have the given terms, as leaders of those terms would
/// have done a while ago.
fn give_log<M: Subject>(
    story: &mut Story<M>,
    id: Id,
    terms: &[u64],
    told: &mut dyn FnMut(&M::Answer) -> String,
) {
    let members: Vec<Id> = story.cluster.nodes.keys().copied().collect();
    let mut previous = LogId::default();
    for &term in terms {
        let term = Term(term);
        let leader = phantom(&members, id, term);
        let at = LogId {
            term,
            index: previous.index.next(),
        };
        let payload = match previous.term < term {
            true => Payload::Noop,
            // In all logs the same: who that is follows from the term.
            false => {
                let named = members[(term.0 % members.len() as u64) as usize];
                Payload::Command(M::command(&format!("x{at}"), at, named))
            }
        };
        let append = Append {
            entries: vec![Entry { term, payload }],
            // What of it is committed is for the script's leader to find out.
            deferred: true,
            ..empty(previous)
        };
        let message = Message {
            term,
            leader,
            incarnation: incarnation(story, leader),
            body: Body::Append(append),
        };
        story.forge(leader, id, M::letter(message));
        story.run(Duration::ZERO, told);
        previous = at;
    }
    story.cluster.lose_all();
    // All that was long ago: nobody stands by a leader of those terms any more, none has a lease.
    story.cluster.node(id).clock.start += Duration::from_millis(2_200);
}

/// Some other member: one for each term, as there is one leader a term.
fn phantom(members: &[Id], id: Id, term: Term) -> Id {
    let others: Vec<Id> = members
        .iter()
        .copied()
        .filter(|&other| other != id)
        .collect();
    others[term.0 as usize % others.len()]
}

/// Which life of a replica's the others know.
fn incarnation<M: Subject>(story: &Story<M>, id: Id) -> Incarnation {
    match story.cluster.nodes.get(&id) {
        Some(node) => node.machine.consensus().incarnation(),
        None => Incarnation(0),
    }
}

fn empty<C>(previous: LogId) -> Append<C> {
    Append {
        previous,
        entries: Vec::new(),
        commit: Index::ZERO,
        response_wanted: true,
        deferred: false,
        in_doubt: false,
        route: Vec::new(),
        receipts: Vec::new(),
        sent_at: Time::ZERO,
    }
}

fn forged<M: Subject>(story: &Story<M>, command: &Command) -> Result<Message<M::Command>> {
    let mut arguments = command.consume_args();
    let mut number =
        |key: &str| -> Result<u64> { Ok(arguments.take_key(key).unwrap_or("0").parse()?) };
    let term = Term(number("term")?);
    let index = Index(number("index")?);
    let at = LogId {
        term: Term(number("at")?),
        index,
    };
    let commit = Index(number("commit")?);
    let sender = replica(command, 0)?;
    let mut id = |key: &str| -> Result<Option<Id>> {
        let number = arguments.take_key(key).map(|text| text.parse());
        Ok(number.transpose()?.map(Id))
    };
    let (leader, then, follower) = (id("leader")?, id("then")?, id("for")?);
    let follower = follower.unwrap_or(sender);
    let receipts = arguments.take_key("receipts").unwrap_or_default();
    let receipt = |follower: Id, outcome| Receipt {
        follower,
        incarnation: incarnation(story, follower),
        outcome,
    };
    let receipts = receipts
        .split_terminator(',')
        .map(|text| {
            let (follower, index) = text.split_once(':').ok_or("ID:INDEX")?;
            let matched = AppendOutcome::Matched(Index(index.parse()?));
            Ok(receipt(Id(follower.parse()?), matched))
        })
        .collect::<Result<_>>()?;
    let response = |outcome| {
        Body::AppendResponse(AppendResponse {
            receipts: vec![receipt(follower, outcome)],
            commit,
            sent_at: Time::ZERO,
        })
    };
    let has = |flag: &str| {
        let mut flags = command.args.iter();
        flags.any(|argument| matches!(argument, Argument::Positional(text) if text == flag))
    };
    let entry = arguments.take_key("entry").map(|name| Entry {
        term,
        payload: Payload::Command(M::command(
            name,
            LogId {
                term,
                index: index.next(),
            },
            sender,
        )),
    });
    let body = match positional(command, 2)? {
        "append" => Body::Append(Append {
            entries: entry.into_iter().collect(),
            commit,
            deferred: has("deferred"),
            in_doubt: has("in_doubt"),
            route: then.into_iter().collect(),
            receipts,
            ..empty(at)
        }),
        "matched" => response(AppendOutcome::Matched(index)),
        "refused" => response(AppendOutcome::Refused {
            previous: index,
            hint: at,
        }),
        "vote" => Body::Vote(VoteRequest {
            last: at,
            leader_suspected: false,
        }),
        other => return Err(format!("cannot forge {other}").into()),
    };
    Ok(Message {
        term,
        leader: leader.unwrap_or(sender),
        incarnation: incarnation(story, sender),
        body,
    })
}

pub(crate) fn positional(command: &Command, place: usize) -> Result<&str> {
    command
        .args
        .iter()
        .filter_map(|argument| match argument {
            Argument::Positional(text) => Some(text.as_str()),
            _ => None,
        })
        .nth(place)
        .ok_or_else(|| format!("{}: argument {place} is missing", command.name).into())
}

pub(crate) fn replica(command: &Command, place: usize) -> Result<Id> {
    Ok(Id(positional(command, place)?.parse()?))
}

fn replicas(command: &Command, from: usize) -> Result<Vec<Id>> {
    (from..command.args.len())
        .map(|place| replica(command, place))
        .collect()
}

fn duration(text: &str) -> Result<Duration> {
    let (number, unit) = text.split_at(text.find(char::is_alphabetic).ok_or("a unit")?);
    let number: f64 = number.parse()?;
    match unit {
        "ms" => Ok(Duration::from_secs_f64(number / 1e3)),
        "s" => Ok(Duration::from_secs_f64(number)),
        _ => Err("ms or s".into()),
    }
}
