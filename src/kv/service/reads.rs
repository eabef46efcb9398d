//! Gets: served by the leader from its store, under its lease or behind a commit.

use super::{ReadPoint, Service};
use crate::consensus::Consensus;
use crate::kv::client::{Operation, Outcome, Request};
use crate::kv::command::Command;
use crate::kv::mistakes::Mistake;
use crate::kv::replies::policy::Limbo;

impl Service {
    pub(super) fn serve_get(&mut self, consensus: &mut Consensus<Command>, request: Request) {
        let limbo = self.limbo(&request);
        let is_leased = consensus.lease_left().is_some();
        if is_leased && !self.is_behind && limbo.through <= self.applied && !limbo.is_own_open {
            return self.answer_get(consensus, request);
        }
        let read_point = ReadPoint {
            through: limbo.through,
            barrier: consensus.log().last_index().next(),
        };
        let held = self.held_from_now(consensus.now(), request, read_point);
        if let Err(request) = self.reads.push(held, &self.options.limits) {
            return self.answer_here(consensus, *request, Outcome::Fail);
        }
        self.seek_lease(consensus);
    }

    /// What stands in the way of a get.
    fn limbo(&self, request: &Request) -> Limbo {
        match &request.operation {
            Operation::Get { key } if !self.options.makes(Mistake::GetOverlooksLimbo) => {
                self.replies.policy().limbo(request.client, key)
            }
            _ => Limbo::default(),
        }
    }

    /// Gets wait for a lease: if no entry is on its way whose commit would bring one, one is made.
    fn seek_lease(&mut self, consensus: &mut Consensus<Command>) {
        if consensus.lease_left().is_none() && !self.reads.is_empty() {
            consensus.seek_lease().expect("only a leader serves gets");
        }
    }

    /// Serves the gets that can be: all of them under a lease, else those that came before an
    /// entry which is committed now (its quorum shows that we still led after they came). Those to whose
    /// key a put is in limbo wait for that as well.
    pub(super) fn serve_reads(&mut self, consensus: &mut Consensus<Command>) {
        // Who has not applied yet what was committed before a get came may not answer it.
        if self.reads.is_empty() || self.is_behind {
            return;
        }
        let is_leased = consensus.lease_left().is_some();
        let (applied, commit) = (self.applied, consensus.log().commit());
        let mut reads = std::mem::take(&mut self.reads);
        let ready = reads.take_ready(|held| {
            let ReadPoint { through, barrier } = held.more;
            let shows_leadership = is_leased || barrier <= commit && barrier <= applied;
            shows_leadership && through <= applied && !self.limbo(&held.request).is_own_open
        });
        self.reads = reads;
        for held in ready {
            self.answer_get(consensus, held.request);
        }
        self.seek_lease(consensus);
    }

    pub(super) fn answer_get(&mut self, consensus: &Consensus<Command>, request: Request) {
        let Operation::Get { key } = &request.operation else {
            unreachable!("only gets are answered from the store");
        };
        let value = self.store.get(key).unwrap_or_default().to_owned();
        self.answer_here(consensus, request, Outcome::Value(value));
    }
}
