//! What replicas say to each other. How it is written down is the wire format's business.

use std::fmt;

use super::entry::Entry;
use super::time::Time;
use super::types::{Index, Position, Term};
use crate::id::Id;

/// A message from one replica to another; who sends and who receives stands beside it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Message {
    /// The sender's term.
    pub term: Term,
    /// The leader as far as the sender knows, or [`Id::UNKNOWN`].
    pub leader: Id,
    /// What it says.
    pub body: Body,
}

/// What a message says.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Body {
    /// The leader's entries, or none: then it is a heartbeat (Raft's AppendEntries).
    Append(Append),
    /// The followers' answer to an append.
    Appended(Appended),
    /// "If I stood for election in the term after this one, would you vote for me?" (Ongaro's
    /// thesis §9.6)
    PreVote(Standing),
    /// The answer to a pre-vote.
    PreVoted(Voted),
    /// "Vote for me in this term" (Raft's RequestVote).
    Vote(Standing),
    /// The answer to a request for a vote.
    Voted(Voted),
}

/// The leader's entries for a follower.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Append {
    /// The position before the first of the entries.
    pub previous: Position,
    /// Entries behind it, in order.
    pub entries: Vec<Entry>,
    /// The leader's commit index.
    pub commit: Index,
    /// All puts through here have been answered.
    pub settled: Index,
    /// Whether the leader wants an answer even if all is well.
    pub answer_wanted: bool,
    /// Whether whoever sees that a quorum holds the entries may take them for committed: not while a
    /// deposed leader may have a lease.
    pub may_commit: bool,
    /// Who gets this after its receiver, in order. Each passes it on to the next; the last one
    /// answers the clients whose answerer it is, and the leader for all.
    pub route: Vec<Id>,
    /// What became of it at those who had it before.
    pub receipts: Vec<Receipt>,
    /// The leader's clock when it sent this. It means nothing to the follower, which only returns
    /// it, so that the leader learns the round trip's time even of what it sent again.
    pub sent_at: Time,
}

/// What became of an append along its route.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Appended {
    /// A receipt from each follower on the route, in order. None at all: the append was from an old
    /// term.
    pub receipts: Vec<Receipt>,
    /// The sender has answered all puts through here that it is to answer.
    pub answered: Index,
    /// The append's own `sent_at`.
    pub sent_at: Time,
}

/// What a follower says to an append.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Receipt {
    /// The follower.
    pub follower: Id,
    /// What it says.
    pub reception: Reception,
}

/// How an append fared at a follower.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reception {
    /// The follower's log equals the leader's through this index.
    Matched(Index),
    /// The follower's log does not hold the position before the entries.
    Refused {
        /// The index before the entries that did not fit.
        previous: Index,
        /// The last position of the follower that may fit.
        hint: Position,
    },
}

/// How far a candidate's log goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Standing {
    /// The candidate's last entry.
    pub last: Position,
    /// Whether a client has found the leader gone. Without such a sign a voter that has heard the
    /// leader lately is harder to win.
    pub leader_suspected: bool,
}

/// A vote, and what the voter holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Voted {
    /// Whether the voter is for the candidate.
    pub granted: bool,
    /// The voter's last entry.
    pub last: Position,
    /// The voter has answered all puts through here that it is to answer.
    pub answered: Index,
}

impl Body {
    /// The kind of message, in a word.
    pub fn name(&self) -> &'static str {
        match self {
            Body::Append(_) => "append",
            Body::Appended(_) => "appended",
            Body::PreVote(_) => "prevote",
            Body::PreVoted(_) => "prevoted",
            Body::Vote(_) => "vote",
            Body::Voted(_) => "voted",
        }
    }
}

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let term = self.term;
        match &self.body {
            Body::Append(append) => {
                write!(f, "append term={term} previous={}", append.previous)?;
                if !append.entries.is_empty() {
                    write!(f, " entries={}", append.entries.len())?;
                }
                write!(f, " commit={}", append.commit)?;
                if append.answer_wanted {
                    write!(f, " answer")?;
                }
                if !append.may_commit {
                    write!(f, " deferred")?;
                }
                write_receipts(f, &append.receipts)?;
                if !append.route.is_empty() {
                    write!(f, " then")?;
                }
                append.route.iter().try_for_each(|id| write!(f, " {id}"))
            }
            Body::Appended(appended) if appended.receipts.is_empty() => {
                write!(f, "appended term={term} outdated")
            }
            Body::Appended(appended) => {
                write!(f, "appended term={term} answered={}", appended.answered)?;
                write_receipts(f, &appended.receipts)
            }
            Body::PreVote(standing) => write!(f, "prevote term={term} {standing}"),
            Body::Vote(standing) => write!(f, "vote term={term} {standing}"),
            Body::PreVoted(voted) => write!(f, "prevoted term={term} {voted}"),
            Body::Voted(voted) => write!(f, "voted term={term} {voted}"),
        }
    }
}

fn write_receipts(f: &mut fmt::Formatter<'_>, receipts: &[Receipt]) -> fmt::Result {
    receipts
        .iter()
        .try_for_each(|receipt| write!(f, " {receipt}"))
}

impl fmt::Display for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let follower = self.follower;
        match self.reception {
            Reception::Matched(index) => write!(f, "{follower}:matched={index}"),
            Reception::Refused { previous, hint } => {
                write!(f, "{follower}:refused={previous},hint={hint}")
            }
        }
    }
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.leader_suspected {
            " suspicion"
        } else {
            ""
        };
        write!(f, "last={}{sign}", self.last)
    }
}

impl fmt::Display for Voted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = if self.granted { "granted" } else { "refused" };
        write!(f, "{word} last={} answered={}", self.last, self.answered)
    }
}
