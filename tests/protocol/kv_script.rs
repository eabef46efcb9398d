//! Scripts about replicas: the service on consensus.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::Arc;

use goldenscript::{Argument, Command};
use leasekv::consensus::{Index, LogId, Message};
use leasekv::id::Id;
use leasekv::kv::{self, Answer, Note, Operation, Outcome, Put, Request, TakeOver};
use leasekv::replica::{Letter, Options, Replica};

use crate::machine::ask;
use crate::pinned;
use crate::script::{Result, Stage, Subject, positional, replica};

#[derive(Default)]
pub(crate) struct KvScript {
    stage: Stage<Replica>,
    asked: usize,
    outcomes: HashMap<(Id, String), Outcome>,
}

impl Subject for Replica {
    fn options(changes: &str) -> Result<Options> {
        let mut options = pinned::replica();
        options.set_from_text(changes)?;
        Ok(options)
    }

    fn letter(message: Message<kv::Command>, note: Option<(Index, Index)>) -> Letter {
        let note = note.map(|(applied, settled)| Note {
            applied,
            settled,
            forgotten: Index::ZERO,
        });
        Letter { message, note }
    }

    /// A put of that name, answered by `named`; or `take_over:FROM:BY:AFTER`, or `stranger`: a put that nobody of the
    /// cluster answers.
    fn command(name: &str, _: LogId, named: Id) -> kv::Command {
        let parts: Vec<u64> = name
            .split(':')
            .filter_map(|part| part.parse().ok())
            .collect();
        if let [from, by, after] = parts[..] {
            return kv::Command::TakeOver(TakeOver {
                from: Id(from as u16),
                by: Id(by as u16),
                after: Index(after),
            });
        }
        kv::Command::Put(Arc::new(Put {
            key: "k".to_owned(),
            value: name.to_owned(),
            client: Id(0x20),
            mid: name.to_owned(),
            answerer: if name == "stranger" { Id(0x77) } else { named },
        }))
    }

    fn state(&self) -> String {
        let view = self.view();
        let service = view.service();
        let mut text = format!(" applied={}", service.applied());
        if service.owed() > 0 {
            write!(text, " owed={}", service.owed()).expect("memory");
        }
        if service.waiting() > 0 {
            write!(text, " waiting={}", service.waiting()).expect("memory");
        }
        text
    }
}

impl goldenscript::Runner for KvScript {
    type Command = Command;

    fn run(&mut self, command: &Command, _: &goldenscript::Context) -> Result<String> {
        let KvScript {
            stage,
            asked,
            outcomes,
        } = self;
        if command.name == "cluster" {
            *asked = 0;
            outcomes.clear();
        }
        let mut told = |answer: &Answer| tell(outcomes, answer);
        if !stage.run(command, &mut told)? {
            let story = stage.story()?;
            match command.name.as_str() {
                "put" | "get" => {
                    let to = replica(command, 0)?;
                    for mut operation in operations(command)? {
                        *asked += 1;
                        let mut arguments = command.consume_args();
                        let client = arguments.take_key("client").unwrap_or("0");
                        let client = Id(0x15 + client.parse::<u16>()?);
                        let mid = arguments.take_key("mid").map(str::to_owned);
                        let mid = mid.unwrap_or_else(|| format!("m{asked}"));
                        let what = match &operation {
                            Operation::Get { key } => format!("get {key}"),
                            Operation::Put { key, value } => format!("put {key}={value}"),
                        };
                        story.tell(&format!("{client} asks {to} {mid}: {what}"));
                        let pad: usize = arguments.take_key("pad").unwrap_or("0").parse()?;
                        if let Operation::Put { value, .. } = &mut operation {
                            value.push_str(&"~".repeat(pad));
                        }
                        let request = Request {
                            client,
                            mid,
                            operation,
                        };
                        story.post(to, |replica: &mut Replica, now| ask(replica, now, request));
                    }
                    story.run(std::time::Duration::ZERO, &mut told);
                }
                other => return Err(format!("unknown command {other}").into()),
            }
        }
        Ok(stage.story()?.take_text())
    }
}

fn operations(command: &Command) -> Result<Vec<Operation>> {
    if command.name == "get" {
        let key = positional(command, 1)?.to_owned();
        return Ok(vec![Operation::Get { key }]);
    }
    let puts: Vec<_> = command
        .args
        .iter()
        .filter_map(|argument| match argument {
            Argument::KeyValue(key, value) if !["client", "mid", "pad"].contains(&key.as_str()) => {
                Some(Operation::Put {
                    key: key.clone(),
                    value: value.clone(),
                })
            }
            _ => None,
        })
        .collect();
    match puts.is_empty() {
        true => Err("put ID key=value".into()),
        false => Ok(puts),
    }
}

fn tell(outcomes: &mut HashMap<(Id, String), Outcome>, answer: &Answer) -> String {
    let outcome = match &answer.outcome {
        Outcome::Stored => "ok".to_owned(),
        Outcome::Value(value) => format!("ok {value:?}"),
        Outcome::Redirect => format!("redirect to {}", answer.leader),
        Outcome::Fail => "fail".to_owned(),
    };
    let attempt = (answer.client, answer.mid.clone());
    let again = match outcomes.get(&attempt) {
        None => "",
        Some(Outcome::Stored | Outcome::Value(_)) => " (DUPLICATE)",
        Some(Outcome::Redirect | Outcome::Fail) => " (UNEXPECTED)",
    };
    outcomes.insert(attempt, answer.outcome.clone());
    format!("answers {} {}: {outcome}{again}", answer.client, answer.mid)
}
