//! A follower's part: storing what the leader sends, committing what the receipts on it show
//! to be held by a quorum, passing it on along its route, and answering (Raft §5.3).
//!
//! It must never count towards a quorum but by the leader's own rule and with the leader's leave: entries of
//! the present term alone, each follower once, and nothing that is deferred.

use ::log::{error, info};

use crate::consensus::core::Core;
use crate::consensus::durable::OwedReceipt;
use crate::consensus::entry::{Command, Entry};
use crate::consensus::members::reached_by;
use crate::consensus::message::{Append, AppendOutcome, AppendResponse, Body, Receipt};
use crate::consensus::mistakes::Mistake;
use crate::consensus::options::Storage;
use crate::consensus::time::Time;
use crate::consensus::types::{Index, LogId};
use crate::id::Id;

/// Takes in an append of the leader of our term, which may have come through others on its route.
pub(crate) fn take_append<C: Command>(core: &mut Core<C>, leader: Id, append: Append<C>) {
    assert_eq!(
        core.leader,
        Some(leader),
        "an append is taken in by followers of its leader alone"
    );
    let outcome = if core.log.holds(append.previous) {
        let matched = match store(core, append.previous, &append.entries) {
            Ok(matched) => matched,
            Err(problem) => {
                return error!(
                    "ignoring an append from {leader} that no leader can have sent: {problem}"
                );
            }
        };
        // Our log equals the leader's through there, and so far goes what its commit index says of ours.
        commit_through(core, append.commit.min(matched));
        // What we may have promised before we forgot is in the log by now, if it is committed.
        core.is_newcomer &= append.commit > matched;
        if let Some(after) = core.awaited_write()
            && !core.options.makes(Mistake::ReceiptBeforeSync)
        {
            core.note_leader_commit(append.sent_at, append.commit);
            return answer_later(core, leader, matched, after, append);
        }
        if !append.deferred {
            commit_on_route(core, leader, &append.receipts, matched);
        }
        AppendOutcome::Matched(matched)
    } else {
        AppendOutcome::Refused {
            previous: append.previous.index,
            hint: core.log.conflict_hint(append.previous),
        }
    };
    core.note_leader_commit(append.sent_at, append.commit);
    if append.response_wanted || matches!(outcome, AppendOutcome::Refused { .. }) {
        pass_on(core, leader, outcome, append);
    }
}

/// What was stored is not durable yet, so the receipt must wait. Those behind us on the route need not: the append reaches them
/// without our receipt, and that goes straight to the leader afterwards.
fn answer_later<C: Command>(
    core: &mut Core<C>,
    leader: Id,
    matched: Index,
    after: u64,
    append: Append<C>,
) {
    let is_last = append.route.is_empty();
    core.port.owe(OwedReceipt {
        after,
        term: core.term,
        leader,
        matched,
        receipts: match is_last {
            true => append.receipts.clone(),
            false => Vec::new(),
        },
        counts: is_last && !append.deferred,
        response_wanted: append.response_wanted,
        sent_at: append.sent_at,
    });
    if !is_last && append.response_wanted {
        forward(core, leader, append);
    }
}

/// Gives the receipts whose entries are durable now, and commits what they show. A receipt is only given in the term that it
/// is from.
pub(crate) fn give_receipts<C: Command>(core: &mut Core<C>) {
    while let Some(owed) = core.port.take_payable() {
        let OwedReceipt {
            after: _,
            term,
            leader,
            matched,
            mut receipts,
            counts,
            response_wanted,
            sent_at,
        } = owed;
        if term != core.term {
            continue;
        }
        if counts {
            commit_on_route(core, leader, &receipts, matched);
        }
        if response_wanted {
            receipts.push(own_receipt(core, AppendOutcome::Matched(matched)));
            respond(core, leader, receipts, sent_at);
        }
    }
}

/// Makes the log equal to the leader's behind `previous`, and returns the last index at which it now is. Nothing is
/// changed unless all entries are ones that a leader can have sent.
fn store<C: Command>(
    core: &mut Core<C>,
    previous: LogId,
    entries: &[Entry<C>],
) -> Result<Index, String> {
    let mut last = previous;
    let mut first_new = None;
    for (place, entry) in entries.iter().enumerate() {
        let id = LogId {
            term: entry.term,
            index: last.index.next(),
        };
        if id.term < last.term || id.term > core.term {
            return Err(format!("{id} behind {last} in term {}", core.term));
        }
        // An entry that is there already stays: what follows it may be newer than this append.
        if first_new.is_none() && !core.log.holds(id) {
            if id.index <= core.log.commit() {
                return Err(format!("{id} in the place of what is committed"));
            }
            first_new = Some(place);
        }
        if let (Some(_), Some(command)) = (first_new, entry.command()) {
            command
                .check(id.index, &core.members)
                .map_err(|problem| format!("{id}: {problem}"))?;
        }
        last = id;
    }
    if let Some(place) = first_new {
        let kept = Index(previous.index.0 + place as u64);
        if kept < core.log.last_index() {
            let (from, term) = (kept.next(), core.term);
            info!("replacing entries from {from} on by those of term {term}");
            core.log.truncate_after(kept);
        }
        for entry in &entries[place..] {
            core.log.append(core.now, entry.clone());
        }
    }
    if core.options.makes(Mistake::TruncateMatching) {
        core.log.truncate_after(last.index.max(core.log.commit()));
    }
    Ok(last.index)
}

fn commit_through<C: Command>(core: &mut Core<C>, index: Index) {
    if index > core.log.commit() {
        core.log.commit_through(index);
    }
}

/// Commits what a quorum holds, as the receipts on the append show: ours, those of the followers before us
/// on the route, and the leader's, who made the entries; but not where it must write them first, for it sends them before.
/// The leader would conclude the same from them
/// (Raft §5.4.2, also that only entries of its own term count), one hop later.
fn commit_on_route<C: Command>(
    core: &mut Core<C>,
    leader: Id,
    receipts: &[Receipt],
    matched: Index,
) {
    let mut holders = vec![(core.own(), matched)];
    for receipt in receipts {
        let follower = receipt.follower;
        let is_another = leader != follower && holders.iter().all(|(other, _)| *other != follower);
        if let AppendOutcome::Matched(index) = receipt.outcome
            && is_another
            && core.knows(follower, receipt.incarnation)
        {
            holders.push((follower, index));
        }
    }
    let leader_holds = core.options.storage == Storage::Memory;
    let needed = match core.options.makes(Mistake::RouteIsNoQuorum) {
        true => 1,
        false => core.members.quorum() - usize::from(leader_holds),
    };
    let held = reached_by(needed, holders.iter().map(|(_, index)| *index)).min(matched);
    if core.is_of_this_term(held) {
        commit_through(core, held);
    }
}

/// Sends an append on to the next on its route, with our receipt; the last on the route
/// answers the leader. What others lack is no reason to keep it from the next.
fn pass_on<C: Command>(core: &mut Core<C>, leader: Id, outcome: AppendOutcome, append: Append<C>) {
    let mut append = append;
    // What we pass on or answer bears our term and our leader's name: a receipt is only ever given,
    // and counted, in the term of the leader that the append is from.
    append.receipts.push(own_receipt(core, outcome));
    match append.route.is_empty() {
        true => respond(core, leader, append.receipts, append.sent_at),
        false => forward(core, leader, append),
    }
}

fn own_receipt<C: Command>(core: &Core<C>, outcome: AppendOutcome) -> Receipt {
    Receipt {
        follower: core.own(),
        incarnation: core.incarnation(),
        outcome,
    }
}

fn respond<C: Command>(core: &mut Core<C>, leader: Id, receipts: Vec<Receipt>, sent_at: Time) {
    let response = AppendResponse {
        receipts,
        commit: core.log.commit(),
        sent_at,
    };
    core.send(leader, Body::AppendResponse(response));
}

/// Sends an append on to the next on its route.
fn forward<C: Command>(core: &mut Core<C>, leader: Id, append: Append<C>) {
    let mut append = append;
    let next = append.route.remove(0);
    if next == leader || !core.members.is_peer(next) {
        return error!("ignoring an append from {leader} by way of {next}, which is no follower");
    }
    core.send(next, Body::Append(append));
}
