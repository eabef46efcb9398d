//! What replicas say to each other. How it is written down is the wire format's business.

use std::fmt;

use super::entry::Entry;
use super::time::Time;
use super::types::{Incarnation, Index, LogId, Term};
use crate::id::Id;

/// A message from one replica to another; who sends and who receives stands beside it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Message<C> {
    /// The sender's term.
    pub term: Term,
    /// The leader of that term as far as the sender knows, or [`Id::UNKNOWN`].
    pub leader: Id,
    /// Which life of the sender's this is from.
    pub incarnation: Incarnation,
    /// What it says.
    pub body: Body<C>,
}

/// What a message says.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Body<C> {
    /// The leader's entries, or none: then it is a heartbeat (Raft §5.3).
    Append(Append<C>),
    /// The followers' answer to an append.
    AppendResponse(AppendResponse),
    /// A part of the leader's snapshot, for a follower that needs entries which are gone (Raft §7).
    Snapshot(SnapshotPart),
    /// The follower's answer to a part, unless that was the last one it needed: then it answers as to an append.
    SnapshotResponse(SnapshotResponse),
    /// "If I stood for election in the term after this one, would you vote for me?" (Ongaro's
    /// thesis §9.6)
    PreVote(VoteRequest),
    /// The answer to a pre-vote.
    PreVoteResponse(VoteResponse),
    /// "Vote for me in this term" (Raft §5.2).
    Vote(VoteRequest),
    /// The answer to a request for a vote.
    VoteResponse(VoteResponse),
}

/// The leader's entries for the followers on a route.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Append<C> {
    /// The entry before the first of the entries.
    pub previous: LogId,
    /// The entries behind it, in order.
    pub entries: Vec<Entry<C>>,
    /// The leader's commit index.
    pub commit: Index,
    /// Whether the leader wants a response even if all is well.
    pub response_wanted: bool,
    /// Whether nobody but the leader may take for committed what a quorum holds: so while a deposed
    /// leader may have a lease.
    pub deferred: bool,
    /// Whether the leader doubts that it reaches a quorum. Then this is no reason to stand by it.
    pub in_doubt: bool,
    /// Who receives this after its receiver, in order. Each passes it on to the next; the last one
    /// answers the leader for all.
    pub route: Vec<Id>,
    /// What became of it at those who had it before.
    pub receipts: Vec<Receipt>,
    /// The leader's clock when it sent this. It means nothing to the followers, which only return
    /// it, so that the leader learns the round trip's time even of what it sent again.
    pub sent_at: Time,
}

/// What became of an append along its route.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AppendResponse {
    /// A receipt from each follower on the route, in order. None at all: the append was from an old
    /// term.
    pub receipts: Vec<Receipt>,
    /// The sender's commit index, which may be ahead of the leader's.
    pub commit: Index,
    /// The append's own `sent_at`.
    pub sent_at: Time,
}

/// What a follower says to an append.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Receipt {
    /// The follower.
    pub follower: Id,
    /// Which life of the follower's this is from.
    pub incarnation: Incarnation,
    /// What it says.
    pub outcome: AppendOutcome,
}

/// How an append fared at a follower.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AppendOutcome {
    /// The follower's log equals the leader's through this index.
    Matched(Index),
    /// The follower's log does not hold the entry before the entries.
    Refused {
        /// The index before the entries that did not fit.
        previous: Index,
        /// The last entry of the follower's that may fit.
        hint: LogId,
    },
}

/// A part of a snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SnapshotPart {
    /// The last entry that the snapshot covers.
    pub last: LogId,
    /// How many items come before this part.
    pub start: u64,
    /// How many items there are up to the end of this part.
    pub end: u64,
    /// With the last part: the first entries of the terms that the snapshot covers; see [`Spans`](super::spans::Spans).
    pub whole: Option<Vec<LogId>>,
    /// As an append's.
    pub in_doubt: bool,
    /// The items.
    pub text: String,
    /// As an append's.
    pub sent_at: Time,
}

/// What a follower has of a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SnapshotResponse {
    /// The last entry that the snapshot covers.
    pub last: LogId,
    /// How many of its items have come without a gap.
    pub have: u64,
    /// The part's own `sent_at`.
    pub sent_at: Time,
}

/// A candidate's request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct VoteRequest {
    /// The candidate's last entry.
    pub last: LogId,
    /// Whether somebody has found the leader gone. Without such a sign a voter that has heard the
    /// leader lately is harder to win.
    pub leader_suspected: bool,
}

/// A voter's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct VoteResponse {
    /// Whether the voter is for the candidate.
    pub granted: bool,
    /// The voter's last entry.
    pub last: LogId,
}

impl<C> Body<C> {
    /// The kind of message, in a word.
    pub fn name(&self) -> &'static str {
        match self {
            Body::Append(_) => "append",
            Body::AppendResponse(_) => "append_response",
            Body::Snapshot(_) => "snapshot",
            Body::SnapshotResponse(_) => "snapshot_response",
            Body::PreVote(_) => "pre_vote",
            Body::PreVoteResponse(_) => "pre_vote_response",
            Body::Vote(_) => "vote",
            Body::VoteResponse(_) => "vote_response",
        }
    }
}

impl<C> fmt::Display for Message<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} term={}", self.body.name(), self.term)?;
        match &self.body {
            Body::Append(append) => {
                write!(f, " previous={}", append.previous)?;
                if !append.entries.is_empty() {
                    write!(f, " entries={}", append.entries.len())?;
                }
                write!(f, " commit={}", append.commit)?;
                let flags = [
                    (append.response_wanted, " response"),
                    (append.deferred, " deferred"),
                    (append.in_doubt, " in-doubt"),
                ];
                write_flags(f, &flags)?;
                write_receipts(f, &append.receipts)?;
                if !append.route.is_empty() {
                    f.write_str(" then")?;
                }
                append.route.iter().try_for_each(|id| write!(f, " {id}"))
            }
            Body::AppendResponse(response) if response.receipts.is_empty() => {
                f.write_str(" outdated")
            }
            Body::AppendResponse(response) => {
                write!(f, " commit={}", response.commit)?;
                write_receipts(f, &response.receipts)
            }
            Body::Snapshot(part) => {
                let SnapshotPart {
                    last, start, end, ..
                } = part;
                write!(f, " last={last} items={start}..{end}")?;
                let flags = [
                    (part.whole.is_some(), " whole"),
                    (part.in_doubt, " in-doubt"),
                ];
                write_flags(f, &flags)
            }
            Body::SnapshotResponse(SnapshotResponse { last, have, .. }) => {
                write!(f, " last={last} have={have}")
            }
            Body::PreVote(request) | Body::Vote(request) => write!(f, " {request}"),
            Body::PreVoteResponse(response) | Body::VoteResponse(response) => {
                write!(f, " {response}")
            }
        }
    }
}

fn write_flags(f: &mut fmt::Formatter<'_>, flags: &[(bool, &str)]) -> fmt::Result {
    let set = flags.iter().filter(|(is_set, _)| *is_set);
    set.map(|(_, word)| word)
        .try_for_each(|word| f.write_str(word))
}

fn write_receipts(f: &mut fmt::Formatter<'_>, receipts: &[Receipt]) -> fmt::Result {
    receipts
        .iter()
        .try_for_each(|receipt| write!(f, " {receipt}"))
}

impl fmt::Display for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let follower = self.follower;
        match self.outcome {
            AppendOutcome::Matched(index) => write!(f, "{follower}:matched={index}"),
            AppendOutcome::Refused { previous, hint } => {
                write!(f, "{follower}:refused={previous},hint={hint}")
            }
        }
    }
}

impl fmt::Display for VoteRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.leader_suspected {
            " suspicion"
        } else {
            ""
        };
        write!(f, "last={}{sign}", self.last)
    }
}

impl fmt::Display for VoteResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = if self.granted { "granted" } else { "refused" };
        write!(f, "{word} last={}", self.last)
    }
}
