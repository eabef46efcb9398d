//! Scripts about consensus alone, which agrees on words.

use std::time::Duration;

use goldenscript::Command;
use leasekv::consensus::{Consensus, LogId, Message, Options};
use leasekv::id::Id;

use crate::machine::Word;
use crate::pinned;
use crate::script::{Result, Stage, Subject, replica};

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

    fn letter(message: Message<Word>) -> Message<Word> {
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
        let mut told = |answer: &std::convert::Infallible| match *answer {};
        if !self.stage.run(command, &mut told)? {
            let story = self.stage.story()?;
            let id = replica(command, 0)?;
            match command.name.as_str() {
                "propose" => {
                    for word in command.args.iter().skip(1).map(|word| word.to_string()) {
                        story.post(id, move |consensus: &mut Consensus<Word>, now| {
                            consensus.set_clock(now);
                            let proposed = consensus.propose(|_| Word(word));
                            proposed.expect("a leader is asked");
                        });
                    }
                }
                "seek_lease" => story.post(id, |consensus: &mut Consensus<Word>, now| {
                    consensus.set_clock(now);
                    consensus.seek_lease().expect("a leader is asked");
                }),
                "suspect" => story.post(id, |consensus: &mut Consensus<Word>, now| {
                    consensus.set_clock(now);
                    consensus.suspect_leader();
                }),
                other => return Err(format!("unknown command {other}").into()),
            }
            story.run(Duration::ZERO, &mut told);
        }
        Ok(self.stage.story()?.take_text())
    }
}
