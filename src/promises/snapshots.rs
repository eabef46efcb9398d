//! What may stand in the place of a log: the state that what is committed makes, and nothing that somebody still has to
//! answer.

use std::hash::{DefaultHasher, Hasher};

use super::Promises;
use super::broken::{Checked, broken};
use crate::consensus::Index;
use crate::kv::options::Answerer;
use crate::kv::store::Store;
use crate::kv::{Command, TakeOver};
use crate::replica::View;

impl Promises {
    /// A replica has installed a snapshot.
    pub(super) fn check_installed(&mut self, view: &View<'_>) -> Checked {
        let (id, base) = (view.id(), view.log().base());
        let covered = self.committed.get(..base.index.0 as usize);
        let Some(covered) = covered.filter(|it| it.last().map(|last| last.0) == Some(base.term))
        else {
            return broken(
                "a snapshot covers what is committed",
                format!("{id} has installed one through {base}, which is not committed"),
            );
        };
        let known = &mut self.replicas[usize::from(id.0)];
        known.mirror.install(covered);
        let answered = known.answered;
        self.installs += 1;
        // What was applied since in the same step is in the store as well.
        let through = view.service().applied();
        let mut expected = Store::new(view.service().options().limits.max_remembered_puts);
        for index in (1..=through.0).map(Index) {
            if let Some(Command::Put(put)) = self.committed_command(index) {
                expected.apply(put);
            }
        }
        if through.0 as usize <= self.committed.len()
            && sum(&expected) != sum(view.service().store())
        {
            return broken(
                "a snapshot is the state that its entries make",
                format!("{id} has installed another one through {base}"),
            );
        }
        self.check_unanswered(view, answered)
    }

    /// Nobody is carried past a put that it is to answer: it would never do so, and others would believe that it has.
    fn check_unanswered(&self, view: &View<'_>, answered: Index) -> Checked {
        let (id, base) = (view.id(), view.log().base().index);
        let is_last = view.service().options().replies == Answerer::Last;
        for index in (answered.next().0..=base.0).map(Index) {
            let Some(Command::Put(put)) = self.committed_command(index) else {
                continue;
            };
            let is_taken_over = (index.next().0..=self.committed.len() as u64).any(|later| {
                match self.committed_command(Index(later)) {
                    Some(Command::TakeOver(TakeOver { from, after, .. })) => {
                        *from == id && *after < index
                    }
                    _ => false,
                }
            });
            if put.answerer == id && !is_taken_over && is_last {
                return broken(
                    "a snapshot covers what is answered",
                    format!(
                        "{id} has installed one through {base} without having answered {} at {index}",
                        put.mid
                    ),
                );
            }
        }
        Ok(())
    }

    /// The command that is committed at an index.
    fn committed_command(&self, index: Index) -> Option<&Command> {
        let &(_, chain) = self.committed.get(index.0 as usize - 1)?;
        self.entries.find(index, chain)?.command()
    }

    /// How often a log has let go of entries, and how many snapshots have been installed.
    pub fn snapshots(&self) -> (u64, u64) {
        (self.compactions, self.installs)
    }
}

fn sum(store: &Store) -> u64 {
    let mut hasher = DefaultHasher::new();
    store.fingerprint(&mut hasher);
    hasher.finish()
}
