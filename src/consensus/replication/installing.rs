//! A follower's part when it needs entries that are gone: it takes in a snapshot, part by part (Raft §7).
//!
//! A snapshot must never replace a log that holds what the snapshot covers, or that has committed as much. And what it
//! covers counts as held since it was installed: a lease may rest on it, of which nothing else is known here.

use ::log::{error, info};

use crate::consensus::core::Core;
use crate::consensus::durable::OwedReceipt;
use crate::consensus::entry::Command;
use crate::consensus::message::{
    AppendOutcome, AppendResponse, Body, Receipt, SnapshotPart, SnapshotResponse,
};
use crate::consensus::mistakes::Mistake;
use crate::consensus::snapshot::{Incoming, Snapshot, State};
use crate::consensus::time::Time;
use crate::consensus::types::{Index, LogId};
use crate::id::Id;
use std::sync::Arc;

/// Takes in a part of a snapshot of the leader of our term.
pub(crate) fn take_part<C: Command>(core: &mut Core<C>, leader: Id, part: &SnapshotPart) {
    let last = part.last;
    if last.index == Index::ZERO || last.term > core.term {
        return error!("ignoring a snapshot through {last} from {leader}: there is none such");
    }
    if !is_needed(core, last) {
        core.incoming.take_if(|incoming| incoming.last() == last);
        return answer_matched(core, leader, last.index, part.sent_at);
    }
    let term = core.term;
    core.incoming
        .take_if(|incoming| incoming.gives_way_to(term, last));
    let incoming = core
        .incoming
        .get_or_insert_with(|| Incoming::begin(term, last));
    if incoming.last() != last {
        // A part of one that has given way.
        return;
    }
    if let Err(problem) = incoming.take(term, part) {
        return error!("ignoring a part of a snapshot from {leader}: {problem}");
    }
    if incoming.whole().is_none() {
        let response = SnapshotResponse {
            last,
            have: incoming.have(),
            sent_at: part.sent_at,
        };
        core.send(leader, Body::SnapshotResponse(response));
    }
}

/// Whether what a snapshot through there covers is lacking here.
fn is_needed<C: Command>(core: &Core<C>, last: LogId) -> bool {
    let is_new = last.index > core.log.commit() && !core.log.holds(last);
    is_new || core.options.makes(Mistake::InstallOverNewer)
}

/// Sets a snapshot that has come as a whole in the place of the log; `state` is what it makes. Returns whether that was
/// done: not if the log has got further meanwhile.
pub(crate) fn install<C: Command>(core: &mut Core<C>, state: Arc<dyn State>) -> bool {
    let Some(incoming) = core.incoming.take() else {
        return false;
    };
    let (last, Some(spans)) = (incoming.last(), incoming.whole()) else {
        return false;
    };
    let is_needed = is_needed(core, last) && !core.leads();
    if is_needed {
        info!("installing a snapshot through {last}");
        match core.options.makes(Mistake::InstallOverNewer) {
            true => core.log.restart(core.now, last, spans.clone()),
            false => core.log.restart_behind(core.now, last, spans.clone()),
        }
        if core.options.makes(Mistake::HeldSinceLost) {
            core.log.forget_base_time();
        }
        core.snapshot = Some(Snapshot {
            last,
            spans: spans.clone(),
            state,
        });
        // It is stored with the log's next write.
        core.is_snapshot_new = false;
    }
    if let Some(leader) = core.leader
        && leader != core.own()
        && incoming.term() == core.term
    {
        answer_matched(core, leader, last.index, incoming.sent_at());
    }
    is_needed
}

/// Tells the leader that our log equals its own through there, once that is durable: it is committed, so the leader has it.
fn answer_matched<C: Command>(core: &mut Core<C>, leader: Id, index: Index, sent_at: Time) {
    if let Some(after) = core.awaited_write()
        && !core.options.makes(Mistake::ReceiptBeforeSync)
    {
        return core.port.owe(OwedReceipt {
            after,
            term: core.term,
            leader,
            matched: index,
            receipts: Vec::new(),
            counts: false,
            response_wanted: true,
            sent_at,
        });
    }
    let receipt = Receipt {
        follower: core.own(),
        incarnation: core.incarnation(),
        outcome: AppendOutcome::Matched(index),
    };
    let response = AppendResponse {
        receipts: vec![receipt],
        commit: core.log.commit(),
        sent_at,
    };
    core.send(leader, Body::AppendResponse(response));
}
