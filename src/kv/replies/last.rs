//! The last replica on a put's route answers it, for clients that any replica can reach.
//!
//! Nobody can tell from outside whether a dead replica has answered. So the put's entry names its *answerer*: the last on
//! the route, which is the first to see that a quorum holds the put, and whose death starts no election.
//!
//! - The answerer says `ok` when it applies the put, whoever leads by then. A new leader need not guess what was
//!   answered: who has *applied* the log through a put that it is to answer has answered it, and beside every message
//!   replicas tell each other how far that is.
//! - A put is *settled* when its answerer is known to have applied it. Until all are, new puts get the same answerer, so
//!   that answers leave in the order in which they take effect.
//! - The leader asks an answerer for its word until that seems gone, and then by heartbeats alone. When so much silence
//!   cannot be chance, it says in the log that it answers in its place (`TakeOver`), and answers when it applies that.
//! - The answerer, should it return, looks ahead as far as its log goes before it applies a put: it keeps quiet if that is
//!   taken over, and waits if the take-over is not decided. It may have answered just before it went: that is the one way
//!   to a second answer. So where much gets lost, the leader waits for longer than many partitions last; and what it has
//!   inherited it leaves to the answerer for longer still.
//! - A replica answers only what its own log holds on stable storage. So when it starts again with its memory, whatever it has
//!   answered is in its log, and it answers nothing of that again: it tells the others that it has *forgotten*, and does not
//!   apply such a put before that is known to be settled, or is taken over, which the leader does at once. As the leader it
//!   gives them up, for nobody could take them over.

use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use ::log::{error, info, warn};

use super::ledger::{Duty, Item, Ledger};
use super::policy::{Help, Limbo, Note, Policy};
use super::taken::Taken;
use crate::consensus::log::Log;
use crate::consensus::view::Silence;
use crate::consensus::{Consensus, Index, LogId, Time};
use crate::id::Id;
use crate::kv::command::{Command, Put, TakeOver};
use crate::kv::options::{Options, Timing};

/// The policy.
#[derive(Clone, Debug)]
pub(crate) struct LastAnswers {
    own: Id,
    taken: Taken,
    ledger: Ledger,
    /// How far each replica has applied the log, as it last said; our own one is true.
    applied: BTreeMap<Id, Index>,
    /// Through where somebody has said that all puts are settled.
    told_settled: Index,
    /// How far each replica's log went when it started again, as long as it does not know what it has answered of that.
    forgotten: BTreeMap<Id, Index>,
    /// Of the log through here this replica does not know what it has answered before it started again.
    own_forgotten: Index,
    /// Whether this replica leads.
    leads: bool,
    /// The first entry of the term that this replica led last.
    opening: Index,
    /// Whether more may be settled than has been noted.
    has_news: bool,
}

impl LastAnswers {
    pub(crate) fn new(own: Id) -> LastAnswers {
        LastAnswers {
            own,
            taken: Taken::default(),
            ledger: Ledger::default(),
            applied: BTreeMap::new(),
            told_settled: Index::ZERO,
            forgotten: BTreeMap::new(),
            own_forgotten: Index::ZERO,
            leads: false,
            opening: Index::ZERO,
            has_news: false,
        }
    }

    fn applied_by(&self, id: Id) -> Index {
        self.applied.get(&id).copied().unwrap_or_default()
    }

    /// Through where all puts are settled.
    fn settled_through(&self) -> Index {
        let applied = self.applied_by(self.own);
        let first = self.ledger.first();
        first.map_or(applied, |index| index.previous().min(applied))
    }

    /// Lets go of the puts that are known to be settled. Only a leader can tell by what others have applied: it alone is
    /// sure to know of every take-over that they may have known.
    fn settle(&mut self, leads: bool) {
        if !std::mem::take(&mut self.has_news) {
            return;
        }
        let own = self.applied_by(self.own);
        let is_settled = |&(index, item): &(Index, &Item)| {
            index <= self.told_settled || leads && self.has_answered(item.duty())
        };
        let settled = self.ledger.open_through(own).filter(is_settled);
        let settled: Vec<Index> = settled.map(|(index, _)| index).collect();
        for index in settled {
            self.ledger.settle(index);
        }
    }

    fn has_answered(&self, duty: Duty) -> bool {
        self.applied_by(duty.whose) >= duty.since
    }

    /// Whether the put at `index` will be this replica's to answer at `since`, but for a take-over that is not decided.
    fn is_contested(&self, item: &Item, since: Index, commit: Index) -> bool {
        let decided = item.duty_as_of(commit);
        decided.whose == self.own && decided.since == since && item.duty() != decided
    }

    /// Whether the put at `place` must wait before the entry at `since` is applied: because it is open whose answer it is;
    /// because it is this replica's, and that entry is not on its disk yet; or because this replica does not know whether
    /// it has answered it, and another can do it.
    fn is_item_open(
        &self,
        log: &Log<Command>,
        (place, item): (Index, &Item),
        since: Index,
    ) -> bool {
        let own = Duty {
            whose: self.own,
            since,
        };
        let is_due =
            item.duty_as_of(log.commit()) == own && place > self.told_settled && !item.is_answered;
        let is_safe = since <= log.durable() && (since > self.own_forgotten || self.leads);
        is_due && !is_safe || self.is_contested(item, since, log.commit())
    }

    /// Whether a later put of the same client to the same key is committed that somebody else answers, or
    /// that has been answered. A client that hears of its puts in another order than they took effect would
    /// take the older value for the current one.
    fn is_superseded(&self, index: Index, put: &Put, commit: Index) -> bool {
        let later = self.ledger.of_key(&put.key).rev();
        later
            .take_while(|(place, _)| *place > index)
            .filter(|(place, _)| *place <= commit)
            .any(|(_, item)| {
                let is_own = item.duty_as_of(commit).whose == self.own;
                item.put.client == put.client && (!is_own || item.is_answered)
            })
    }

    /// Whether answers of `from`, since an index behind `after` and no further than `through`, are not known to be given.
    fn is_owed(
        &self,
        consensus: &Consensus<Command>,
        from: Id,
        after: Index,
        through: Index,
    ) -> bool {
        let mut open = self.ledger.open_through(consensus.log().last_index());
        open.any(|(_, item)| {
            let Duty { whose, since } = item.duty();
            whose == from && after < since && since <= through
        })
    }

    fn take_over_from(&self, from: Id, after: Index) -> TakeOver {
        let by = self.own;
        TakeOver { from, by, after }
    }

    /// Takes out all that it took in, whatever becomes of it: a mistake.
    pub(crate) fn forget_all(&mut self) -> Vec<Arc<Put>> {
        self.taken.take_all()
    }

    /// What a model checker tells policies apart by.
    pub(crate) fn fingerprint(&self, leads: bool, hasher: &mut impl Hasher) {
        let LastAnswers {
            own: _,
            taken,
            ledger,
            applied,
            told_settled,
            forgotten,
            own_forgotten,
            // It is the stance, as of the last step.
            leads: _,
            opening,
            has_news,
        } = self;
        (forgotten, own_forgotten).hash(hasher);
        taken.fingerprint(hasher);
        ledger.fingerprint(hasher);
        // What is settled here was settled whoever says so.
        let told_settled = self.settled_through().max(*told_settled);
        (applied, told_settled, has_news).hash(hasher);
        // Who begins to lead notes another one.
        leads.then_some(opening).hash(hasher);
    }
}

impl Policy for LastAnswers {
    fn answerer(&self, consensus: &Consensus<Command>) -> Option<Id> {
        let last = self.ledger.last_open()?.duty().whose;
        let is_missing = consensus.silence(last).is_some_and(|it| it.is_missing);
        (!is_missing).then_some(last)
    }

    fn took_in(&mut self, at: LogId, put: &Arc<Put>) {
        self.taken.add(at, put);
    }

    fn begin_leading(&mut self, opening: Index) {
        self.opening = opening;
        self.has_news = true;
    }

    fn follow(&mut self, consensus: &Consensus<Command>, truncated_after: Option<Index>) {
        self.leads = consensus.leads();
        // What comes in the place of what was removed is new here.
        self.own_forgotten =
            truncated_after.map_or(self.own_forgotten, |kept| self.own_forgotten.min(kept));
        self.ledger.follow(consensus.log(), truncated_after);
        self.settle(consensus.leads());
    }

    fn start_again(&mut self, last: Index, settled: Index) {
        self.own_forgotten = last;
        self.told_settled = settled;
    }

    fn hear(&mut self, from: Id, note: Note) {
        if note.settled > note.applied {
            return error!(
                "ignoring {from}, which takes for settled what it has not applied: {note:?}"
            );
        }
        let applied = self.applied.entry(from).or_default();
        self.has_news |= note.applied > *applied || note.settled > self.told_settled;
        *applied = note.applied.max(*applied);
        match note.forgotten {
            Index::ZERO => self.forgotten.remove(&from),
            through => self.forgotten.insert(from, through),
        };
        self.told_settled = self.told_settled.max(note.settled);
    }

    fn note(&self) -> Option<Note> {
        let applied = self.applied_by(self.own);
        let has_passed = applied >= self.own_forgotten;
        Some(Note {
            applied,
            settled: self.settled_through(),
            forgotten: if has_passed {
                Index::ZERO
            } else {
                self.own_forgotten
            },
        })
    }

    fn is_open(&self, log: &Log<Command>, index: Index) -> bool {
        match log.entry(index).and_then(|entry| entry.command()) {
            None => false,
            Some(Command::Put(_)) => {
                let item = self.ledger.get(index);
                item.is_some_and(|item| self.is_item_open(log, (index, item), index))
            }
            Some(Command::TakeOver(_)) => {
                let mut items = self.ledger.open_through(index);
                items.any(|item| self.is_item_open(log, item, index))
            }
        }
    }

    fn applied(&mut self, log: &Log<Command>, index: Index) -> Vec<Arc<Put>> {
        let at = log.id_at(index).expect("what is applied is in the log");
        self.taken.take_committed(at);
        self.applied.insert(self.own, index);
        self.has_news = true;
        let commit = log.commit();
        let own = Duty {
            whose: self.own,
            since: index,
        };
        let is_due = |&(place, item): &(Index, &Item)| {
            let is_open = place > self.told_settled && !item.is_answered;
            is_open && item.duty_as_of(commit) == own
        };
        let due: Vec<Index> = match log.entry(index).and_then(|entry| entry.command()) {
            None => Vec::new(),
            Some(Command::Put(_)) => {
                let item = self.ledger.get(index).map(|item| (index, item));
                item.filter(is_due)
                    .map(|(place, _)| place)
                    .into_iter()
                    .collect()
            }
            Some(Command::TakeOver(_)) => {
                let due = self.ledger.open_through(index).filter(is_due);
                due.map(|(place, _)| place).collect()
            }
        };
        let mut answers = Vec::new();
        for place in due {
            let Some(item) = self.ledger.get_mut(place) else {
                continue;
            };
            item.is_answered = true;
            let put = Arc::clone(&item.put);
            if item.was_ever(self.own, self.own_forgotten) {
                info!("put {} may have been answered before this start", put.mid);
                continue;
            }
            if self.is_superseded(place, &put, commit) {
                warn!("put {} was superseded before it could be answered", put.mid);
                continue;
            }
            answers.push(put);
        }
        answers
    }

    fn settled(&self) -> Index {
        self.settled_through()
    }

    fn installed(&mut self, log: &Log<Command>) -> Vec<Arc<Put>> {
        let base = log.base().index;
        // Whoever made the snapshot knew that all of these are settled: so this replica owes no answer to any.
        self.told_settled = self.told_settled.max(base);
        self.applied.insert(self.own, base);
        self.has_news = true;
        self.ledger.restart_behind(base);
        self.taken.take_covered(log);
        Vec::new()
    }

    fn overwritten(&mut self, log: &Log<Command>) -> Vec<Arc<Put>> {
        self.taken.take_overwritten(log)
    }

    fn limbo(&self, client: Id, key: &str) -> Limbo {
        let own_applied = self.applied_by(self.own);
        let mut limbo = Limbo::default();
        for (index, item) in self.ledger.of_key(key) {
            if index > own_applied {
                limbo.through = index;
            }
            limbo.is_own_open |= item.put.client == client && !item.is_settled;
        }
        limbo
    }

    fn help(&self, consensus: &Consensus<Command>) -> Help {
        let awaited = self.answerer(consensus).filter(|&whose| whose != self.own);
        let from = awaited.and_then(|whose| {
            let mut open = self.ledger.open_through(consensus.log().last_index());
            open.find(|(_, item)| item.duty().whose == whose)
                .map(|(index, _)| index)
        });
        let others = self.ledger.holders();
        Help {
            awaited: awaited.zip(from),
            missed: others
                .filter(|&whose| whose != self.own && Some(whose) != awaited)
                .collect(),
        }
    }

    fn take_over(&self, consensus: &Consensus<Command>, options: &Options) -> Option<TakeOver> {
        let first = self.ledger.first()?;
        if first > consensus.log().commit() {
            // Nobody can have answered what is not committed.
            return None;
        }
        let now = consensus.now();
        let timing = &options.timing;
        for from in self.ledger.holders().filter(|&from| from != self.own) {
            let answered = self.applied_by(from);
            if let Some(&through) = self.forgotten.get(&from)
                && self.is_owed(consensus, from, answered, through)
            {
                info!("{from} has started again: taking over its answers after {answered}");
                return Some(self.take_over_from(from, answered));
            }
            let Some(silence) = consensus.silence(from) else {
                continue;
            };
            let Some(time) = silence.since.map(|since| now.since(since)) else {
                continue;
            };
            let is_gone = patience(silence, timing).is_some_and(|patience| time >= patience);
            let is_too_long =
                time >= timing.answerer_return || self.ledger.len() > options.limits.max_unsettled;
            let after = match (is_too_long, is_gone) {
                (true, _) => answered,
                // What was inherited is left to it for longer.
                (false, true) => answered.max(self.opening),
                (false, false) => continue,
            };
            if self.is_owed(consensus, from, after, consensus.log().last_index()) {
                info!("{from} is gone: taking over its answers after {after}");
                return Some(self.take_over_from(from, after));
            }
        }
        None
    }

    fn take_over_at(&self, consensus: &Consensus<Command>, options: &Options) -> Option<Time> {
        let timing = &options.timing;
        let holders = self.ledger.holders().filter(|&whose| whose != self.own);
        let moments = holders.filter_map(|whose| {
            let silence = consensus.silence(whose)?;
            let since = silence.since?;
            let soon = patience(silence, timing).map(|patience| since + patience);
            Some([soon, Some(since + timing.answerer_return)])
        });
        let moments = moments.flatten().flatten();
        moments.filter(|&at| at > consensus.now()).min()
    }

    fn count_open(&self, _: &Log<Command>) -> usize {
        self.ledger.count_open()
    }

    fn owed(&self) -> usize {
        self.taken.len()
    }
}

/// How long an answerer must be silent for the leader to answer in its place what was added in its own term; none if
/// so much silence may be chance.
fn patience(silence: Silence, timing: &Timing) -> Option<Duration> {
    let patience = match silence.may_have_heard {
        true => timing.answerer_doubt,
        false => timing.answerer_patience,
    };
    silence.is_no_chance.then_some(patience)
}
