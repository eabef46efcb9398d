//! Who answers a put that is in the log.
//!
//! A put in the log may commit under this leader or a later one, or never. Its client must be
//! answered once in the whole cluster, so exactly one replica *owes* the answer:
//!
//! - at first the leader that took the put in. If it commits the put, it answers `ok`;
//! - a new leader finds puts in its log that it does not know to be committed. Those that its
//!   predecessor can have committed, it presumes to be answered; the rest it takes over, and
//!   answers when it commits them. Its word on where the line runs stands in the log, in the
//!   opening of its term ([`Lead::answered_through`]), for everybody to read once it is committed;
//! - a deposed leader thus learns of each put that it still owes, once entries of a later term are
//!   committed: taken over (it keeps quiet), presumed to be answered by it (it answers now), or
//!   overwritten (the client is redirected). Only the replica that had the request from its client
//!   redirects it, and only when another entry is *committed* in the put's place: until then the
//!   put may still come back with a later leader (Raft's Figure 8).
//!
//! The presumption errs where the predecessor lost its office or its life between the followers'
//! storing an entry and the arrival of their acknowledgements. Then a deposed leader that lives makes
//! it good, and a dead one leaves those attempts unanswered. A predecessor that is not known to have
//! committed anything in its term is presumed to have answered nothing: it may have had to wait for
//! older leases.

use std::collections::BTreeMap;
use std::sync::Arc;

use ::log::{info, warn};

use super::client::Outcome;
use super::entry::{Command, Lead, Put};
use super::log::Log;
use super::replica::Replica;
use super::role::{Holding, Role};
use super::types::{Index, Position, Term};
use crate::id::Id;

/// The puts for which this replica owes an answer, by their place in the log and their term.
#[derive(Clone, Debug, Default, Hash)]
pub(super) struct Owed {
    puts: BTreeMap<Position2, Debt>,
}

/// Index first, so that debts are in the order of the log.
type Position2 = (Index, Term);

#[derive(Clone, Debug, Hash)]
struct Debt {
    put: Arc<Put>,
    /// The term in which this replica, as its leader, was to answer.
    responsible: Term,
    /// Whether the client's request came to this replica, rather than being inherited.
    own: bool,
}

/// What is to become of a debt.
enum Settlement {
    /// It is not certain yet.
    Open,
    /// The put took effect and nobody has said so.
    Ok,
    /// The put never takes effect.
    Redirect,
    /// Somebody else answers, or nobody can.
    Silence,
}

impl Owed {
    /// A put that this replica has just taken into its log as the leader of `term`.
    pub(super) fn add_own(&mut self, index: Index, term: Term, put: Arc<Put>) {
        let debt = Debt {
            put,
            responsible: term,
            own: true,
        };
        let before = self.puts.insert((index, term), debt);
        assert!(before.is_none(), "a place in the log is taken once a term");
    }

    /// The new leader of `term` takes over the puts after `answered_through`, up to `inherited`.
    pub(super) fn take_over(
        &mut self,
        log: &Log,
        answered_through: Index,
        inherited: Index,
        term: Term,
    ) {
        let start = answered_through.next();
        for (offset, entry) in log.from(start).enumerate() {
            let index = Index(start.0 + offset as u64);
            assert!(index <= inherited, "only inherited entries are taken over");
            if let Command::Put(put) = &entry.command {
                self.puts
                    .entry((index, entry.term))
                    .and_modify(|debt| debt.responsible = term)
                    .or_insert_with(|| Debt {
                        put: put.clone(),
                        responsible: term,
                        own: false,
                    });
            }
        }
    }

    /// How many answers are owed.
    pub(super) fn len(&self) -> usize {
        self.puts.len()
    }
}

impl Replica {
    /// Settles what the latest commit has decided, in the order of the log: answers must leave in
    /// the order in which they took effect. `up_to_date` is whether this replica's commit index is
    /// the leader's: only then does it know what came after a put.
    pub(super) fn settle_owed(&mut self, up_to_date: bool) {
        let commit = self.log.commit();
        let Some(Position { term, .. }) = self.log.position(commit) else {
            unreachable!("what is committed is in the log");
        };
        // Every later leader's log holds the entry at the commit index and has no older terms behind
        // it: that decides debts of older terms wherever they stand.
        let due: Vec<Position2> = self
            .owed
            .puts
            .keys()
            .copied()
            .filter(|&(index, created)| index <= commit || created < term)
            .collect();
        for at in due {
            let debt = &self.owed.puts[&at];
            let settlement = self.settlement(at, debt, up_to_date);
            if matches!(settlement, Settlement::Open) {
                continue;
            }
            let debt = self.owed.puts.remove(&at).expect("it was there just now");
            let (client, mid) = (debt.put.client, debt.put.mid.clone());
            match settlement {
                Settlement::Ok => self.answer_here(client, mid, Outcome::Stored),
                Settlement::Redirect => {
                    info!(
                        "put {mid} of {client} at {} was overwritten: redirecting",
                        at.0
                    );
                    let leader = self.leader().unwrap_or_else(|| self.next_to_try());
                    self.answer(client, mid, leader, Outcome::Redirect);
                }
                Settlement::Silence | Settlement::Open => {}
            }
        }
    }

    /// A mistake ([`Mistake::RedirectInLimbo`](super::mistakes::Mistake)): redirects whatever is owed.
    pub(super) fn redirect_owed(&mut self) {
        for debt in std::mem::take(&mut self.owed.puts).into_values() {
            let leader = self.next_to_try();
            self.answer(
                debt.put.client,
                debt.put.mid.clone(),
                leader,
                Outcome::Redirect,
            );
        }
    }

    fn settlement(&self, at: Position2, debt: &Debt, up_to_date: bool) -> Settlement {
        let (index, term) = at;
        if !self.log.matches(Position { term, index }) {
            return if debt.own {
                Settlement::Redirect
            } else {
                Settlement::Silence
            };
        }
        let leads = matches!(self.role, Role::Leader(_));
        if leads && debt.responsible == self.term {
            return Settlement::Ok;
        }
        // A take-over only counts if the opening that announced it has come to stay.
        let responsible = if self.log.has_committed_lead(debt.responsible) {
            debt.responsible
        } else if debt.own {
            term
        } else {
            return Settlement::Silence;
        };
        match self.log.committed_lead_after(index, responsible) {
            None => Settlement::Open,
            Some(lead) if lead.answered_through < index => Settlement::Silence,
            Some(_) if !leads && !up_to_date => Settlement::Open,
            Some(_) if !leads && self.is_superseded(index, &debt.put) => {
                // A client that hears of its puts in another order than they took effect would
                // take the older value for the current one.
                warn!(
                    "put {} was superseded before it could be answered",
                    debt.put.mid
                );
                Settlement::Silence
            }
            Some(_) => Settlement::Ok,
        }
    }

    /// Whether a later put of the same client to the same key is committed.
    fn is_superseded(&self, index: Index, put: &Put) -> bool {
        let behind = (self.log.commit().0 - index.0) as usize;
        self.log.from(index.next()).take(behind).any(|entry| {
            matches!(
                &entry.command,
                Command::Put(later) if later.key == put.key && later.client == put.client
            )
        })
    }
}

/// Through which index a new leader may presume that its inherited puts have been answered: as far
/// as its predecessor can have seen a quorum.
///
/// A replica of which nothing is known may hold everything. That errs towards "answered", as it
/// should: between the storing of an entry by a quorum and its leader's answer there is one message,
/// a fraction of a millisecond, so an entry that a quorum may hold has very likely been answered.
///
/// Where messages get lost all the time that message may be one of them, and the leader does not ask
/// again at any price. There only what is known to be committed counts as answered: a second answer
/// does less harm than none.
pub(super) fn answered_through(
    log: &Log,
    own: Id,
    peers: &[Id],
    quorum: usize,
    known: &BTreeMap<Id, Holding>,
    messages_get_lost: bool,
) -> Index {
    let last = log.last();
    let committed = known
        .values()
        .map(|holding| holding.commit.min(last.index))
        .fold(log.commit(), Index::max);
    // The predecessor commits by counting entries of its own term (Raft §5.4.2), from its opening,
    // and may have had to wait with that (deferred commit): if nobody knows it to have committed
    // its opening, it has answered nothing, and its own word on what it inherited stands.
    let Some((
        opening,
        Lead {
            leader,
            answered_through,
        },
    )) = log.last_lead()
    else {
        return committed;
    };
    if committed < opening {
        return committed.max(answered_through.min(last.index));
    }
    if messages_get_lost {
        return committed;
    }
    let may_hold = |peer: &Id, index: Index| {
        let position = Position {
            term: last.term,
            index,
        };
        *peer == leader
            || known
                .get(peer)
                .is_none_or(|holding| holding.last >= position)
    };
    (committed.next().0..=last.index.0)
        .rev()
        .map(Index)
        .find(|&index| {
            let others = peers
                .iter()
                .filter(|&peer| *peer != own && may_hold(peer, index))
                .count();
            others + 1 >= quorum
        })
        .unwrap_or(committed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::raft::entry::Entry;
    use crate::raft::time::Time;

    const QUORUM: usize = 3;
    const PREDECESSOR: Id = Id(0);
    const OWN: Id = Id(1);
    const OTHERS: [Id; 3] = [Id(2), Id(3), Id(4)];

    /// A log of an opening of term 1 at index 1, and puts of that term through index 4.
    fn log(commit: u64) -> Log {
        let mut log = Log::default();
        open(&mut log, 1, 0);
        for _ in 2..=4 {
            push(&mut log, 1, Command::Renew);
        }
        log.commit_through(Index(commit));
        log
    }

    fn open(log: &mut Log, term: u64, answered_through: u64) {
        let lead = Lead {
            leader: PREDECESSOR,
            answered_through: Index(answered_through),
        };
        push(log, term, Command::Lead(lead));
    }

    fn push(log: &mut Log, term: u64, command: Command) {
        let term = Term(term);
        log.append(Time::ZERO, Entry { term, command });
    }

    /// The line if the three others hold as much as given, as index and term, and know of commits.
    fn line(log: &Log, holdings: [Option<(u64, u64, u64)>; 3]) -> u64 {
        let peers = [&[PREDECESSOR][..], &OTHERS[..]].concat();
        let known = OTHERS
            .into_iter()
            .zip(holdings)
            .filter_map(|(peer, holding)| {
                let (index, term, commit) = holding?;
                let last = Position {
                    term: Term(term),
                    index: Index(index),
                };
                let commit = Index(commit);
                Some((peer, Holding { last, commit }))
            })
            .collect();
        answered_through(log, OWN, &peers, QUORUM, &known, false).0
    }

    #[test]
    fn an_empty_log_has_nothing_answered() {
        assert_eq!(line(&Log::default(), [None; 3]), 0);
    }

    #[test]
    fn the_line_runs_where_a_quorum_may_hold_the_entries() {
        let log = log(1);
        // We and the predecessor hold all four entries; it takes a third.
        assert_eq!(line(&log, [Some((1, 1, 1)); 3]), 1);
        let one = |index| [Some((index, 1, 1)), Some((1, 1, 1)), Some((1, 1, 1))];
        assert_eq!(line(&log, one(3)), 3);
        assert_eq!(line(&log, one(4)), 4);
        // Who is not heard of may hold everything.
        assert_eq!(line(&log, [None, Some((1, 1, 1)), Some((1, 1, 1))]), 4);
        // Entries of an older term are not these entries, however many they are.
        assert_eq!(line(&log, [Some((9, 0, 1)); 3]), 1);
    }

    #[test]
    fn what_anybody_knows_to_be_committed_is_answered() {
        let holdings = [Some((3, 1, 3)), Some((1, 1, 1)), Some((1, 1, 1))];
        assert_eq!(line(&log(1), holdings), 3);
        let holdings = [Some((2, 1, 2)), Some((1, 1, 1)), Some((1, 1, 1))];
        assert_eq!(line(&log(1), holdings), 2);
        // Nobody may claim more than there is.
        assert_eq!(line(&log(1), [Some((9, 1, 9)); 3]), 4);
    }

    #[test]
    fn a_predecessor_that_has_committed_nothing_has_answered_nothing() {
        assert_eq!(line(&log(0), [Some((4, 1, 0)); 3]), 0);
        // Its word on what it had inherited stands.
        let mut log = log(1);
        open(&mut log, 2, 3);
        push(&mut log, 2, Command::Renew);
        assert_eq!(line(&log, [Some((6, 2, 1)); 3]), 3);
        // Once it has committed its opening, what it may have committed counts again.
        assert_eq!(line(&log, [Some((6, 2, 5)); 3]), 6);
    }
}
