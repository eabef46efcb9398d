//! The scripts' commands.
//!
//! | command | what it does |
//! | --- | --- |
//! | `cluster N [OPTION=VALUE...]` | starts anew with N replicas, `0` to `N-1`, whose clocks do not agree, and options other than the pinned ones |
//! | `elected ID` | that replica is elected, everybody hears of it, and 400 ms pass |
//! | `log ID TERM...` | gives the replica entries of those terms |
//! | `run 50ms` | lets time pass (a hop takes 0.1 ms) |
//! | `timeout ID` | puts the clock of that replica forward to its next deadline, as no real clock does: not for stories about leases |
//! | `kill ID` / `forget ID` | for ever / it starts again without its memory |
//! | `crash ID [parts=N]` / `restart ID` | with `storage=disk`: it is killed, and so many parts of what was not durable have reached its disk (0) / it starts again with its disk |
//! | `sync ID 5ms` | with `storage=disk`: a write of that replica takes so long (1 ms) |
//! | `pause ID` / `resume ID` | its process stands still, and what arrives waits / takes it in together and goes on |
//! | `messages on\|off` | shows each delivery, or only what it leads to |
//! | `count` | the messages sent since the last count |
//! | `status` | every replica's state |
//!
//! The network:
//!
//! | command | what it does |
//! | --- | --- |
//! | `partition ID...` | cuts those replicas off from the others |
//! | `deaf ID` | nothing reaches that replica, though what it sends arrives |
//! | `cut FROM TO` | nothing arrives in that direction |
//! | `heal` | ends all of that |
//! | `lose FROM TO COUNT` | loses the next messages on that link |
//! | `lossy N` | loses every Nth message; 0: none |
//! | `delay FROM TO COUNT 5ms` | the next messages that are sent on that link take so long |
//! | `double FROM TO COUNT` | the next messages that are sent on that link arrive twice |
//!
//! Letters that no machine has sent: `forge FROM TO KIND [KEY=VALUE...] [FLAG...]`
//!
//! | kind | keys and flags |
//! | --- | --- |
//! | all | `term`; `leader`: whom it names (else the sender); `applied`, `settled`: what a replica's service tells |
//! | `append` | `index`, `at`: index and term of the entry before; `entries=E,...`, of another term than the leader's: `entry_term`; `commit`; `receipts=ID:INDEX,...`; `then`: next on the route; `quiet`: no response is wanted; `deferred`; `in_doubt` |
//! | `matched`, `refused` | `index`, `at`; `for`: another follower than the sender; `commit` |
//! | `pre_vote`, `vote` | `index`, `at`: the last entry; `suspicion` |
//! | `pre_vote_granted`, `vote_granted` | `index`, `at`: the last entry |
//!
//! Of replicas:
//!
//! | command | what it does |
//! | --- | --- |
//! | `put ID key=value... [client=C] [mid=M] [pad=BYTES]` / `get ID key [client=C]` | a client asks that replica; several puts arrive together; the values are longer by so much than is shown |
//!
//! Of consensus alone:
//!
//! | command | what it does |
//! | --- | --- |
//! | `propose ID word...` / `propose_many ID COUNT` | proposes commands to that replica |
//! | `stream ID COUNT 10ms` | proposes so many, at this interval, without a word |
//! | `seek_lease ID` | somebody wants that leader to have a lease |
//! | `suspect ID` / `hurry ID` | somebody tells that replica that the leader is gone / waits there for a leader |
//! | `wish ID [awaited=ID:INDEX] [missed=ID] [reads=N]` | what the user of that leader wishes from now on |

use std::error::Error;
use std::time::Duration;

use goldenscript::{Argument, Command};
use leasekv::consensus::{Index, LogId, Message};
use leasekv::id::Id;

use crate::forge::{forged, give_log};
use crate::machine::Machine;
use crate::story::{HOP, Story};

pub(crate) type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// A machine that scripts can be about.
pub(crate) trait Subject: Machine {
    /// The pinned options, with what the script changes of them.
    fn options(changes: &str) -> Result<Self::Options>;

    /// A letter with that message, and through where its sender's service has applied the log and takes it to be
    /// settled.
    fn letter(message: Message<Self::Command>, note: Option<(Index, Index)>) -> Self::Letter;

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
            "deaf" => story.deafen(replica(command, 0)?),
            "cut" => story.cut(replica(command, 0)?, replica(command, 1)?),
            "heal" => story.heal(),
            "lose" => {
                let count = number(command, 2)?;
                story.lose(replica(command, 0)?, replica(command, 1)?, count);
            }
            "lossy" => story.lose_every(number(command, 0)?),
            "delay" => {
                let time = duration(positional(command, 3)?)?;
                let (from, to) = (replica(command, 0)?, replica(command, 1)?);
                story.warp(from, to, number(command, 2)?, vec![time]);
            }
            "double" => {
                let (from, to) = (replica(command, 0)?, replica(command, 1)?);
                story.warp(from, to, number(command, 2)?, vec![HOP, HOP]);
            }
            "kill" => story.kill(replica(command, 0)?),
            "forget" => story.forget(replica(command, 0)?),
            "crash" => {
                let mut arguments = command.consume_args();
                let parts = arguments.take_key("parts").unwrap_or("0").parse()?;
                story.crash(replica(command, 0)?, parts);
            }
            "restart" => story.restart(replica(command, 0)?),
            "sync" => {
                let takes = duration(positional(command, 1)?)?;
                story.cluster.node(replica(command, 0)?).disk.takes = takes;
            }
            "pause" => story.pause(replica(command, 0)?),
            "resume" => {
                story.resume(replica(command, 0)?);
                story.run(Duration::ZERO, told);
            }
            "messages" => story.shows_letters = positional(command, 0)? == "on",
            "count" => story.count(),
            "status" => story.status(M::state),
            "log" => {
                let terms: Vec<u64> = (1..command.args.len())
                    .map(|place| number(command, place))
                    .collect::<Result<_>>()?;
                let id = replica(command, 0)?;
                story.quietly(|story| give_log(story, id, &terms, told));
            }
            "forge" => {
                let (from, to) = (replica(command, 0)?, replica(command, 1)?);
                let letter = forged(story, command)?;
                story.forge(from, to, letter);
                story.run(Duration::ZERO, told);
            }
            _ => return Ok(false),
        }
        Ok(true)
    }
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

/// The number in that place.
pub(crate) fn number<N>(command: &Command, place: usize) -> Result<N>
where
    N: std::str::FromStr<Err = std::num::ParseIntError>,
{
    Ok(positional(command, place)?.parse()?)
}

pub(crate) fn replica(command: &Command, place: usize) -> Result<Id> {
    Ok(Id(positional(command, place)?.parse()?))
}

fn replicas(command: &Command, from: usize) -> Result<Vec<Id>> {
    (from..command.args.len())
        .map(|place| replica(command, place))
        .collect()
}

pub(crate) fn duration(text: &str) -> Result<Duration> {
    let (number, unit) = text.split_at(text.find(char::is_alphabetic).ok_or("a unit")?);
    let number: f64 = number.parse()?;
    match unit {
        "ms" => Ok(Duration::from_secs_f64(number / 1e3)),
        "s" => Ok(Duration::from_secs_f64(number)),
        _ => Err("ms or s".into()),
    }
}
