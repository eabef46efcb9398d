//! The scripts' commands.
//!
//! | command | what it does |
//! | --- | --- |
//! | `cluster N [batch=B] [options=TEXT]` | starts anew with N replicas, `0` to `N-1`, whose clocks do not agree, at most B entries in an append, and other options |
//! | `run 50ms` | lets time pass (a hop takes 0.1 ms) |
//! | `timeout ID` | puts the clock of that replica forward to its next deadline, as no real clock does: not for stories about leases |
//! | `put ID key=value... [client=C]` / `get ID key [client=C]` | a client asks that replica; several puts arrive together |
//! | `partition ID...` / `heal` | cuts those replicas off from the others / ends it |
//! | `lose FROM TO COUNT` | loses the next messages on that link |
//! | `kill ID` | for ever |
//! | `log ID TERM...` | gives the replica entries of those terms |
//! | `forge FROM TO append\|matched\|refused\|vote term=T [index=I] [at=T] [commit=C] [leader=ID] [then=ID] [receipts=ID:INDEX,...] [for=ID]` | delivers a message that nobody sent: an append on behalf of a leader, with one more on its route, and receipts on it; a receipt for another follower |
//! | `messages on|off` | shows each delivery, or only what it leads to |
//! | `count` | the messages sent since the last count |
//! | `status` | every replica's state |

use std::error::Error;
use std::time::Duration;

use goldenscript::{Argument, Command};
use leasekv::id::Id;
use leasekv::raft::message::{Append, Appended, Receipt, Reception, Standing};
use leasekv::raft::{Body, Index, Message, Options, Position, Term, Time};

use crate::cluster::Cluster;

#[derive(Default)]
pub(crate) struct Script {
    cluster: Option<Cluster>,
}

type Result<T> = std::result::Result<T, Box<dyn Error>>;

impl goldenscript::Runner for Script {
    type Command = Command;

    fn run(&mut self, command: &Command, _: &goldenscript::Context) -> Result<String> {
        if command.name == "cluster" {
            let size = positional(command, 0)?.parse()?;
            let mut arguments = command.consume_args();
            let mut options = Options::from_text(arguments.take_key("options").unwrap_or(""))?;
            if let Some(most) = arguments.take_key("batch") {
                options.max_append_entries = most.parse()?;
            }
            self.cluster = Some(Cluster::new(size, &options));
            return Ok(String::new());
        }
        let cluster = self.cluster.as_mut().ok_or("start with `cluster N`")?;
        match command.name.as_str() {
            "run" => cluster.run(duration(positional(command, 0)?)?),
            "timeout" => cluster.time_out(replica(command, 0)?),
            "put" => {
                let puts: Vec<_> = command
                    .args
                    .iter()
                    .filter_map(|argument| match argument {
                        Argument::KeyValue(key, value) if key != "client" => {
                            Some((key.clone(), value.clone()))
                        }
                        _ => None,
                    })
                    .collect();
                if puts.is_empty() {
                    return Err("put ID key=value".into());
                }
                cluster.put(replica(command, 0)?, client(command)?, &puts);
            }
            "get" => cluster.get(
                replica(command, 0)?,
                client(command)?,
                positional(command, 1)?,
            ),
            "partition" => cluster.partition(&replicas(command, 0)?),
            "heal" => cluster.heal(),
            "lose" => {
                let count = positional(command, 2)?.parse()?;
                cluster.lose(replica(command, 0)?, replica(command, 1)?, count);
            }
            "kill" => cluster.kill(replica(command, 0)?),
            "log" => {
                let terms: Vec<u64> = command
                    .args
                    .iter()
                    .skip(1)
                    .map(|argument| argument.to_string().parse())
                    .collect::<std::result::Result<_, _>>()?;
                cluster.give_log(replica(command, 0)?, &terms);
            }
            "forge" => {
                let message = forged(command)?;
                cluster.forge(replica(command, 0)?, replica(command, 1)?, message);
            }
            "messages" => cluster.show_messages(positional(command, 0)? == "on"),
            "count" => cluster.count(),
            "status" => cluster.status(),
            other => return Err(format!("unknown command {other}").into()),
        }
        Ok(std::mem::take(&mut cluster.story))
    }
}

fn positional(command: &Command, place: usize) -> Result<&str> {
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

fn replica(command: &Command, place: usize) -> Result<Id> {
    Ok(Id(positional(command, place)?.parse()?))
}

fn replicas(command: &Command, from: usize) -> Result<Vec<Id>> {
    (from..command.args.len())
        .map(|place| replica(command, place))
        .collect()
}

fn client(command: &Command) -> Result<Id> {
    match command.consume_args().take_key("client") {
        Some(number) => Ok(Id(0x15 + number.parse::<u16>()?)),
        None => Ok(Id(0x15)),
    }
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

fn forged(command: &Command) -> Result<Message> {
    let mut arguments = command.consume_args();
    let mut number =
        |key: &str| -> Result<u64> { Ok(arguments.take_key(key).unwrap_or("0").parse()?) };
    let term = Term(number("term")?);
    let index = Index(number("index")?);
    let at = Position {
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
    let receipts = receipts
        .split_terminator(',')
        .map(matched)
        .collect::<Result<_>>()?;
    let receipt = |reception| {
        Body::Appended(Appended {
            receipts: vec![Receipt {
                follower,
                reception,
            }],
            answered: Index::ZERO,
            sent_at: Time::ZERO,
        })
    };
    let body = match positional(command, 2)? {
        "append" => Body::Append(Append {
            previous: at,
            entries: Vec::new(),
            commit,
            answer_wanted: true,
            settled: Index::ZERO,
            may_commit: true,
            route: then.into_iter().collect(),
            receipts,
            sent_at: Time::ZERO,
        }),
        "matched" => receipt(Reception::Matched(index)),
        "refused" => receipt(Reception::Refused {
            previous: index,
            hint: at,
        }),
        "vote" => Body::Vote(Standing {
            last: at,
            leader_suspected: false,
        }),
        other => return Err(format!("cannot forge {other}").into()),
    };
    Ok(Message {
        term,
        leader: leader.unwrap_or(sender),
        body,
    })
}

/// The receipt `ID:INDEX` of a follower whose log equals the leader's through that index.
fn matched(text: &str) -> Result<Receipt> {
    let (follower, index) = text.split_once(':').ok_or("ID:INDEX")?;
    Ok(Receipt {
        follower: Id(follower.parse()?),
        reception: Reception::Matched(Index(index.parse()?)),
    })
}
