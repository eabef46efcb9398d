//! The port to stable storage, as its user sees it: writes go out, word of them comes back, and a replica starts again with
//! what they left.

use ::log::info;

use super::core::Core;
use super::durable::{Restored, Write};
use super::entry::Command;
use super::members::Members;
use super::mistakes::Mistake;
use super::node::Consensus;
use super::options::Options;
use super::replication::storing;
use super::role::Role;
use super::role::follower::Follower;
use super::role::leader::Leader;
use super::time::Time;
use crate::id::Id;

impl<C: Command> Consensus<C> {
    /// A replica that starts again with its memory: a follower, whatever it was, in the term in which it stopped, with its
    /// vote, its log and its name among its peers.
    ///
    /// What rests on a memory of time begins anew. It has no lease. It holds every entry since `now`, so as a leader it lets
    /// others' leases end; and as a voter it stands by the leader that it may have heard just before it stopped, as if it
    /// had heard it at `now`. How far the log is committed it learns from the leader, or as one.
    ///
    /// # Errors
    ///
    /// What of `restored` no replica of this cluster can have left.
    ///
    /// # Panics
    ///
    /// As [`new`](Self::new).
    pub fn restore(
        id: Id,
        peers: &[Id],
        options: Options,
        restored: Restored<C>,
        seed: u64,
        now: Time,
    ) -> Result<Consensus<C>, String> {
        if let Err(relation) = options.check() {
            panic!("the options do not fit together: {relation}");
        }
        let members = Members::new(id, peers);
        restored.check(&members)?;
        let mut core = Core::restored(members, options, restored, seed, now);
        info!(
            "starting again in term {} with a log through {}",
            core.term,
            core.log.last()
        );
        let led = core.voted_for == Some(id) && core.log.last().term == core.term;
        let role = match led && core.options.makes(Mistake::LeaseSurvivesRestart) {
            true => Role::Leader(Box::new(Leader::resume(&mut core))),
            false => Role::Follower(Follower::at_restart(&mut core)),
        };
        Ok(Consensus { core, role })
    }

    /// Hands over what is to be stored since the last call, if there is anything. To be called after each
    /// [`flush`](Self::flush). Writes must be stored in their order; they may be made durable together.
    pub fn writes(&mut self) -> Option<Write<C>> {
        self.core.take_write()
    }

    /// All writes through that number are durable, as was known at `now`. To be followed by [`advance`](Self::advance) and
    /// [`flush`](Self::flush), as a message is.
    ///
    /// # Panics
    ///
    /// If no such write was handed over.
    pub fn durable(&mut self, now: Time, number: u64) {
        self.core.set_clock(now);
        self.core.note_durable(number);
        storing::give_receipts(&mut self.core);
        if let Role::Candidate(own) = &mut self.role {
            let transition = own.count_own_vote(&self.core);
            self.change(transition);
        }
        self.assert_invariants();
    }
}
