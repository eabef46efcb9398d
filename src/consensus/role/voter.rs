//! Votes: what a replica says to a candidate, whatever its own role.
//!
//! One vote a term, and only for a log that holds all that ours may have committed (Raft §5.2, §5.4.1). A pre-vote
//! binds nobody.

use ::log::info;

use crate::consensus::core::Core;
use crate::consensus::entry::Command;
use crate::consensus::message::VoteRequest;
use crate::consensus::mistakes::Mistake;
use crate::consensus::types::LogId;
use crate::id::Id;

/// Whether a candidate with such a log may have our (pre-)vote.
pub(crate) fn suffices<C: Command>(core: &Core<C>, last: LogId) -> bool {
    let holds_enough = last >= core.log.last() || core.options.makes(Mistake::NoUpToDateCheck);
    // Where nothing was ever stored, nobody can have forgotten anything.
    let may_judge = !core.is_newcomer || last == LogId::default();
    holds_enough && may_judge
}

/// Whether to vote for a candidate in our term; if so, that is the vote.
pub(crate) fn vote<C: Command>(core: &mut Core<C>, candidate: Id, request: VoteRequest) -> bool {
    let free = core.voted_for.is_none_or(|other| other == candidate)
        || core.options.makes(Mistake::VoteTwice);
    let granted = free && suffices(core, request.last);
    if granted {
        info!("voting for {candidate} in term {}", core.term);
        core.voted_for = Some(candidate);
        core.is_newcomer = false;
    }
    granted
}
