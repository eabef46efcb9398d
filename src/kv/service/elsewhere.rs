//! Clients that are served elsewhere: sent to the leader, held for want of one, passed on.
//!
//! Nothing here is in the log, so any of these requests can be redirected without harm.

use std::time::Duration;

use ::log::info;

use super::Service;
use crate::consensus::{Consensus, Time};
use crate::id::Id;
use crate::kv::client::{Outcome, Request};
use crate::kv::command::Command;
use crate::kv::queue::Held;

impl Service {
    /// Passes on the clients that have waited long enough for a leader, or for a leader that doubts its quorum: they
    /// reach replicas that we do not. Where a quorum is heard there will be a leader soon, so there they
    /// wait longer.
    pub fn pass_on_overdue(&mut self, consensus: &Consensus<Command>) {
        let now = consensus.now();
        let leads = consensus.leads();
        if leads && !consensus.doubts_quorum() {
            return;
        }
        while let Some(mut held) = self.held.pop_ended(now) {
            let longest = held.since + self.options.timing.client_hold_max;
            if !leads && now < longest && self.hears_quorum(consensus) {
                held.until = longest.min(now + self.options.timing.client_hold);
                let back = self.held.push(held, &self.options.limits);
                back.expect("there was room for it just now");
                continue;
            }
            self.pass_on(consensus, held.request);
        }
        while let Some(held) = self.reads.pop_ended(now) {
            self.pass_on(consensus, held.request);
        }
    }

    pub(super) fn redirect(&mut self, now: Time, request: Request, leader: Id) {
        let limit = self.options.limits.max_remembered_clients;
        self.redirects.note(now, &request, limit);
        self.answer(request.client, request.mid, leader, Outcome::Redirect);
    }

    pub(super) fn hold(&mut self, consensus: &mut Consensus<Command>, request: Request) {
        let held = self.held_from_now(consensus.now(), request, ());
        if let Err(request) = self.held.push(held, &self.options.limits) {
            return self.answer_here(consensus, *request, Outcome::Fail);
        }
        consensus.hurry_election();
    }

    pub(super) fn held_from_now<T>(&self, now: Time, request: Request, more: T) -> Held<T> {
        Held {
            request,
            since: now,
            until: now + self.client_hold(now),
            more,
        }
    }

    /// How long a client waits here: the longer there has been no leader the longer, lest many clients
    /// be passed around all the time.
    fn client_hold(&self, now: Time) -> Duration {
        let timing = &self.options.timing;
        let leaderless = now.since(self.led_at);
        (leaderless / 8).clamp(timing.client_hold, timing.client_hold_max)
    }

    /// Sends a client on to another replica, because this one cannot serve it.
    fn pass_on(&mut self, consensus: &Consensus<Command>, request: Request) {
        let to = self.next_to_try(consensus);
        info!("no leader: passing client {} on to {to}", request.client);
        self.answer(request.client, request.mid, to, Outcome::Redirect);
    }

    /// Whether a quorum has been heard lately, ourselves included.
    fn hears_quorum(&self, consensus: &Consensus<Command>) -> bool {
        let members = consensus.members();
        let heard = members.peers().iter();
        let heard = heard.filter(|peer| heard_lately(consensus, **peer));
        heard.count() + 1 >= members.quorum()
    }

    /// Whom a client may ask while we know of no leader: in turn those of whom we have heard
    /// nothing lately, since a leader may be among them; if there are none, all.
    pub(super) fn next_to_try(&mut self, consensus: &Consensus<Command>) -> Id {
        let peers = consensus.members().peers();
        let unheard = peers.iter().copied();
        let unheard: Vec<Id> = unheard
            .filter(|peer| !heard_lately(consensus, *peer))
            .collect();
        let candidates = if unheard.is_empty() { peers } else { &unheard };
        self.passed_on = self.passed_on.wrapping_add(1);
        match candidates.len() {
            0 => consensus.members().own(),
            count => candidates[self.passed_on % count],
        }
    }
}

/// Whether a peer has been heard within the time of a campaign.
fn heard_lately(consensus: &Consensus<Command>, peer: Id) -> bool {
    let since = consensus.now() - consensus.options().timing.campaign_timeout;
    consensus.heard_at(peer).is_some_and(|at| at >= since)
}
