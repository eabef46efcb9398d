//! Scripts about consensus alone, which agrees on words.

use std::convert::Infallible;
use std::time::Duration;

use goldenscript::Command;
use leasekv::consensus::{Consensus, Index, LogId, Message, Options, Wishes};
use leasekv::id::Id;

use crate::machine::Word;
use crate::pinned;
use crate::script::{Result, Stage, Subject, duration, number, positional, replica};
use crate::story::Story;

#[derive(Default)]
pub(crate) struct ConsensusScript {
    stage: Stage<Consensus<Word>>,
}

impl Subject for Consensus<Word> {
    fn options(changes: &str) -> Result<Options> {
        let mut options = pinned::replica();
        options.set_from_text(changes)?;
        Ok(options.consensus)
    }

    fn letter(message: Message<Word>, _: Option<(Index, Index)>) -> Message<Word> {
        message
    }

    fn command(name: &str, _: LogId, _: Id) -> Word {
        Word(name.to_owned())
    }

    fn state(&self) -> String {
        String::new()
    }
}

impl goldenscript::Runner for ConsensusScript {
    type Command = Command;

    fn run(&mut self, command: &Command, _: &goldenscript::Context) -> Result<String> {
        let mut told = |answer: &Infallible| match *answer {};
        if !self.stage.run(command, &mut told)? {
            let story = self.stage.story()?;
            let id = replica(command, 0)?;
            match command.name.as_str() {
                "propose" => {
                    let words = command.args.iter().skip(1);
                    propose(story, id, words.map(|word| word.to_string()));
                }
                "propose_many" => {
                    let count: u64 = number(command, 1)?;
                    propose(story, id, (1..=count).map(|word| word.to_string()));
                }
                "stream" => {
                    let count: u64 = number(command, 1)?;
                    let interval = duration(positional(command, 2)?)?;
                    story.quietly(|story| {
                        for word in 1..=count {
                            propose(story, id, std::iter::once(word.to_string()));
                            story.run(interval, &mut told);
                        }
                        story.count();
                    });
                }
                "seek_lease" => act(story, id, |consensus| {
                    consensus.seek_lease().expect("a leader is asked");
                }),
                "suspect" => act(story, id, Consensus::suspect_leader),
                "hurry" => act(story, id, Consensus::hurry_election),
                "wish" => {
                    let wishes = wishes(command)?;
                    act(story, id, |consensus| consensus.wish(wishes));
                }
                other => return Err(format!("unknown command {other}").into()),
            }
            story.run(Duration::ZERO, &mut told);
        }
        Ok(self.stage.story()?.take_text())
    }
}

fn act(
    story: &mut Story<Consensus<Word>>,
    id: Id,
    act: impl FnOnce(&mut Consensus<Word>) + 'static,
) {
    story.post(id, |consensus: &mut Consensus<Word>, now| {
        consensus.set_clock(now);
        act(consensus);
    });
}

fn propose(story: &mut Story<Consensus<Word>>, id: Id, words: impl Iterator<Item = String>) {
    for word in words {
        act(story, id, |consensus| {
            let proposed = consensus.propose(|_| Word(word));
            proposed.expect("a leader is asked");
        });
    }
}

fn wishes(command: &Command) -> Result<Wishes> {
    let mut arguments = command.consume_args();
    let awaited = arguments.take_key("awaited").map(|text| -> Result<_> {
        let (id, index) = text.split_once(':').ok_or("ID:INDEX")?;
        Ok((Id(id.parse()?), Index(index.parse()?)))
    });
    let missed = arguments.take_key("missed").map(str::parse).transpose()?;
    let reads = arguments.take_key("reads").unwrap_or("0").parse()?;
    Ok(Wishes {
        awaited: awaited.transpose()?,
        missed: missed.into_iter().map(Id).collect(),
        reads,
    })
}
