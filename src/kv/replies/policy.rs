//! What a policy of who answers is asked, and what it says.

use std::fmt;
use std::sync::Arc;

use crate::consensus::log::Log;
use crate::consensus::{Consensus, Index, LogId, Time};
use crate::id::Id;
use crate::kv::command::{Command, Put, TakeOver};
use crate::kv::options::Options;

/// What replicas tell each other about answers, beside every message.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Note {
    /// The sender has applied the log through here, and answered all that it is to answer of it.
    pub applied: Index,
    /// All puts through here have been answered, as far as the sender knows. It can only know that of what it has
    /// applied.
    pub settled: Index,
    /// The sender has started again, and of the puts that it is to answer through here it does not know which it has
    /// answered before. It answers none of them. Zero for nothing of the kind.
    pub forgotten: Index,
}

impl fmt::Debug for Note {
    /// Leaves out what is hardly ever there.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Note {
            applied,
            settled,
            forgotten,
        } = self;
        let mut note = f.debug_struct("Note");
        note.field("applied", applied).field("settled", settled);
        if *forgotten > Index::ZERO {
            note.field("forgotten", forgotten);
        }
        note.finish()
    }
}

/// How a put to some key may stand in the way of a get.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Limbo {
    /// The get must wait until this replica has applied the log through here: somebody may have told a client by
    /// now that a put up to there has taken effect.
    pub through: Index,
    /// The get's own client has a put to that key of which it is not known whether it has been told. What the client is
    /// shown must be no more than it has been told, and no less.
    pub is_own_open: bool,
}

/// How a leader's consensus can help with answers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Help {
    /// Whose word is awaited, and from which index on.
    pub awaited: Option<(Id, Index)>,
    /// Who is missed.
    pub missed: Vec<Id>,
}

/// A policy of who answers.
pub(crate) trait Policy {
    /// As the leader: who is to answer the next put; none for whoever will be the last on its route.
    fn answerer(&self, consensus: &Consensus<Command>) -> Option<Id>;

    /// This replica has taken a put into its log as the leader.
    fn took_in(&mut self, at: LogId, put: &Arc<Put>);

    /// This replica begins to lead: the first entry of its term is at `opening`.
    fn begin_leading(&mut self, _opening: Index) {}

    /// Looks at what is new in the log; `truncated_after` as [`Consensus::take_truncation`] says.
    fn follow(&mut self, _consensus: &Consensus<Command>, _truncated_after: Option<Index>) {}

    /// Another replica tells something.
    fn hear(&mut self, _from: Id, _note: Note) {}

    /// What to tell the other replicas.
    fn note(&self) -> Option<Note> {
        None
    }

    /// Whether the entry at `index`, which is committed, must not be applied yet, because it is open who answers.
    fn is_open(&self, _log: &Log<Command>, _index: Index) -> bool {
        false
    }

    /// This replica starts again with its memory. Its log goes through `last`, and puts through `settled` are known to be
    /// answered. What it was to answer of the log it may have answered before, and must not answer again.
    fn start_again(&mut self, _last: Index, _settled: Index) {}

    /// The entry at `index` has been applied. Returns the puts whose clients this replica is to answer now.
    fn applied(&mut self, log: &Log<Command>, index: Index) -> Vec<Arc<Put>>;

    /// Through where a snapshot may cover the log: nobody owes an answer to anything before.
    fn settled(&self) -> Index {
        Index(u64::MAX)
    }

    /// A snapshot has taken the place of the log through its base, without this replica having applied what it covers.
    /// Returns the puts whose clients this replica is to answer now.
    fn installed(&mut self, log: &Log<Command>) -> Vec<Arc<Put>>;

    /// Returns the puts that this replica took in and of which it is certain now that they never take effect.
    fn overwritten(&mut self, log: &Log<Command>) -> Vec<Arc<Put>>;

    /// What stands in the way of a get.
    fn limbo(&self, _client: Id, _key: &str) -> Limbo {
        Limbo::default()
    }

    /// As the leader: how consensus can help.
    fn help(&self, _consensus: &Consensus<Command>) -> Help {
        Help::default()
    }

    /// As the leader: a take-over that is due.
    fn take_over(&self, _consensus: &Consensus<Command>, _options: &Options) -> Option<TakeOver> {
        None
    }

    /// As the leader: when a take-over will be due, if nothing is heard until then.
    fn take_over_at(&self, _consensus: &Consensus<Command>, _options: &Options) -> Option<Time> {
        None
    }

    /// How many entries are open: not committed, or with an answer of which nobody knows yet.
    fn count_open(&self, log: &Log<Command>) -> usize {
        (log.last_index().0 - log.commit().0) as usize
    }

    /// How many puts this replica may still have to answer.
    fn owed(&self) -> usize;
}
