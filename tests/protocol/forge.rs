//! What scripts make up: logs as former leaders would have left them, and letters that no machine has sent.

use std::time::Duration;

use goldenscript::{Argument, Command};
use leasekv::consensus::message::{
    Append, AppendOutcome, AppendResponse, Receipt, VoteRequest, VoteResponse,
};
use leasekv::consensus::{Body, Entry, Incarnation, Index, LogId, Message, Payload, Term, Time};
use leasekv::id::Id;

use crate::script::{Result, Subject, positional, replica};
use crate::story::Story;

/// Gives a replica a log whose entries have the given terms, as leaders of those terms would
/// have done a while ago.
pub(crate) fn give_log<M: Subject>(
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
        story.forge(leader, id, M::letter(message, None));
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

pub(crate) fn forged<M: Subject>(story: &Story<M>, command: &Command) -> Result<M::Letter> {
    let forger = Forger {
        command,
        sender: replica(command, 0)?,
    };
    let term = Term(forger.number("term")?);
    let (index, commit) = (
        Index(forger.number("index")?),
        Index(forger.number("commit")?),
    );
    let at = LogId {
        term: Term(forger.number("at")?),
        index,
    };
    let entry_term = match forger.text("entry_term") {
        Some(term) => Term(term.parse()?),
        None => term,
    };
    let follower = forger.id("for")?.unwrap_or(forger.sender);
    let asker = &story.cluster.nodes[&replica(command, 1)?];
    let response = |outcome| {
        let receipt = receipt(story, follower, outcome);
        Body::AppendResponse(AppendResponse {
            receipts: vec![receipt],
            commit,
            // To an append of just now.
            sent_at: asker.clock.shows(story.cluster.now),
        })
    };
    let request = VoteRequest {
        last: at,
        leader_suspected: forger.has("suspicion"),
    };
    let granted = VoteResponse {
        granted: true,
        last: at,
    };
    let body = match positional(command, 2)? {
        "append" => Body::Append(Append {
            entries: forger.entries::<M>(entry_term, index),
            commit,
            response_wanted: !forger.has("quiet"),
            deferred: forger.has("deferred"),
            in_doubt: forger.has("in_doubt"),
            route: forger.id("then")?.into_iter().collect(),
            receipts: forger.receipts(story)?,
            ..empty(at)
        }),
        "matched" => response(AppendOutcome::Matched(index)),
        "refused" => response(AppendOutcome::Refused {
            previous: index,
            hint: at,
        }),
        "pre_vote" => Body::PreVote(request),
        "pre_vote_granted" => Body::PreVoteResponse(granted),
        "vote" => Body::Vote(request),
        "vote_granted" => Body::VoteResponse(granted),
        other => return Err(format!("cannot forge {other}").into()),
    };
    let message = Message {
        term,
        leader: forger.id("leader")?.unwrap_or(forger.sender),
        incarnation: incarnation(story, forger.sender),
        body,
    };
    let note = match (forger.text("applied"), forger.text("settled")) {
        (None, None) => None,
        _ => Some((
            Index(forger.number("applied")?),
            Index(forger.number("settled")?),
        )),
    };
    Ok(M::letter(message, note))
}

/// Reads what a letter that is made up says.
struct Forger<'a> {
    command: &'a Command,
    sender: Id,
}

impl Forger<'_> {
    fn text(&self, key: &str) -> Option<&str> {
        let mut arguments = self.command.args.iter();
        arguments.find_map(|argument| match argument {
            Argument::KeyValue(name, value) if name == key => Some(value.as_str()),
            _ => None,
        })
    }

    fn number(&self, key: &str) -> Result<u64> {
        Ok(self.text(key).unwrap_or("0").parse()?)
    }

    fn id(&self, key: &str) -> Result<Option<Id>> {
        let number = self.text(key).map(str::parse).transpose()?;
        Ok(number.map(Id))
    }

    fn has(&self, flag: &str) -> bool {
        let mut arguments = self.command.args.iter();
        arguments.any(|argument| matches!(argument, Argument::Positional(text) if text == flag))
    }

    fn entries<M: Subject>(&self, term: Term, before: Index) -> Vec<Entry<M::Command>> {
        let mut index = before;
        let names = self.text("entries").unwrap_or_default();
        let entries = names.split_terminator(',').map(|name| {
            index = index.next();
            let at = LogId { term, index };
            let command = M::command(name, at, self.sender);
            let payload = Payload::Command(command);
            Entry { term, payload }
        });
        entries.collect()
    }

    fn receipts<M: Subject>(&self, story: &Story<M>) -> Result<Vec<Receipt>> {
        let receipts = self.text("receipts").unwrap_or_default();
        let receipts = receipts.split_terminator(',').map(|text| {
            let (follower, index) = text.split_once(':').ok_or("ID:INDEX")?;
            let matched = AppendOutcome::Matched(Index(index.parse()?));
            Ok(receipt(story, Id(follower.parse()?), matched))
        });
        receipts.collect()
    }
}

fn receipt<M: Subject>(story: &Story<M>, follower: Id, outcome: AppendOutcome) -> Receipt {
    Receipt {
        follower,
        incarnation: incarnation(story, follower),
        outcome,
    }
}
