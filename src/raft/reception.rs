//! Clients: served, redirected, held for a moment, or passed on.
//!
//! Nothing here is in the log, so any of these requests can be redirected without harm. A client
//! that comes back with its request soon after it was sent to the leader has not found it: that is the
//! quickest sign of a leader's death, and it costs nothing.

use std::time::Duration;

use ::log::info;

use super::client::{Operation, Outcome, Request};
use super::mistakes::Mistake;
use super::replica::Replica;
use super::role::Role;
use super::time::Time;
use crate::id::Id;

/// A request that waits for a leader.
#[derive(Clone, Debug, Hash)]
pub(super) struct HeldRequest {
    pub request: Request,
    /// When it came.
    pub since: Time,
    /// When its client is passed on to another replica.
    pub until: Time,
}

impl Replica {
    /// A client asks.
    pub(super) fn on_request(&mut self, request: Request) {
        if self.options.makes(Mistake::FollowerAnswersGets)
            && matches!(request.operation, Operation::Get { .. })
        {
            return self.answer_get(request);
        }
        match &self.role {
            Role::Leader(_) => self.serve(request),
            Role::Follower(follower) => match follower.leader {
                Some(leader) if self.missed_leader(&request) => {
                    info!(
                        "client {} was sent to leader {leader} and is back: suspecting it",
                        request.client
                    );
                    self.suspect_leader();
                    self.hold(request);
                }
                Some(leader) => self.redirect(request, leader),
                None => self.hold(request),
            },
            Role::PreCandidate(_) | Role::Candidate(_) => self.hold(request),
        }
    }

    /// Whether the client was sent to the present leader with the very same request a moment ago.
    /// Another request of the same client is no sign: it may have been under way meanwhile.
    fn missed_leader(&self, request: &Request) -> bool {
        self.sent_to_leader
            .get(&request.client)
            .is_some_and(|(at, operation)| {
                *operation == request.operation
                    && self.now.since(*at) < self.options.suspicion_window
            })
    }

    /// Takes the leader for dead, and asks for pre-votes unless it is heard meanwhile. Nothing is lost
    /// by waiting for that until it has been silent for a moment, since its lease lasts longer; and a
    /// leader that only lacks a quorum must not be suspected again and again.
    fn suspect_leader(&mut self) {
        let patience = self.options.suspicion_patience * 4u32.pow(self.suspicions.min(1));
        let heard_at = self.leader_heard_at.take().unwrap_or(self.now);
        self.suspicions += 1;
        self.leader_suspected = true;
        self.sent_to_leader.clear();
        let moment = self.random_duration(Duration::ZERO, self.options.campaign_retry_min);
        let soon = self.now.max(heard_at + patience) + moment;
        if let Role::Follower(follower) = &mut self.role {
            follower.leader = None;
            follower.election_at = follower.election_at.min(soon);
        }
    }

    fn redirect(&mut self, request: Request, leader: Id) {
        if self.sent_to_leader.len() >= self.options.max_remembered_clients {
            self.sent_to_leader.clear();
        }
        self.sent_to_leader
            .insert(request.client, (self.now, request.operation));
        self.answer(request.client, request.mid, leader, Outcome::Redirect);
    }

    fn hold(&mut self, request: Request) {
        if self.held.len() >= self.options.max_held_requests {
            return self.answer_here(request.client, request.mid, Outcome::Fail);
        }
        let held = self.held_from_now(request);
        self.held.push_back(held);
        let patience = self.options.leaderless_patience;
        let election_at = self.now + self.random_duration(patience, 2 * patience);
        if let Role::Follower(follower) = &mut self.role {
            follower.election_at = follower.election_at.min(election_at);
        }
    }

    pub(super) fn held_from_now(&self, request: Request) -> HeldRequest {
        HeldRequest {
            request,
            since: self.now,
            until: self.now + self.client_hold(),
        }
    }

    /// How long a client waits here: the longer there has been no leader the longer, lest many clients
    /// be passed around all the time.
    fn client_hold(&self) -> Duration {
        let leaderless = self.now.since(self.led_at);
        (leaderless / 8).clamp(self.options.client_hold, self.options.client_hold_max)
    }

    /// A leader has appeared: everybody who waits is sent there.
    pub(super) fn redirect_held(&mut self, leader: Id) {
        if self.held.is_empty() {
            return;
        }
        info!("redirecting {} held requests to {leader}", self.held.len());
        for held in std::mem::take(&mut self.held) {
            self.redirect(held.request, leader);
        }
    }

    /// This replica leads now: everybody who waits is served.
    pub(super) fn serve_held(&mut self) {
        if !self.held.is_empty() {
            info!("serving {} held requests", self.held.len());
        }
        for held in std::mem::take(&mut self.held) {
            self.serve(held.request);
        }
    }

    /// Clients that have waited long enough for a leader try their luck elsewhere: they reach
    /// replicas that we do not. Where a quorum is heard there will be a leader soon, so there they
    /// wait longer.
    pub(super) fn pass_on_overdue(&mut self) {
        let now = self.now;
        while let Some(mut held) = self.held.pop_front_if(|held| held.until <= now) {
            let longest = held.since + self.options.client_hold_max;
            if now < longest && self.hears_quorum() {
                held.until = longest.min(now + self.options.client_hold);
                self.held.push_back(held);
                continue;
            }
            self.pass_on(held.request);
        }
    }

    /// Sends a client on to another replica, because this one cannot serve it.
    pub(super) fn pass_on(&mut self, request: Request) {
        let to = self.next_to_try();
        info!("no leader: passing client {} on to {to}", request.client);
        self.answer(request.client, request.mid, to, Outcome::Redirect);
    }

    /// Whether a quorum has been heard lately, ourselves included.
    fn hears_quorum(&self) -> bool {
        let heard = self.peers.iter().filter(|peer| self.heard_lately(peer));
        heard.count() + 1 >= self.quorum()
    }

    fn heard_lately(&self, peer: &Id) -> bool {
        let since = self.now - self.options.campaign_timeout;
        self.heard_at.get(peer).is_some_and(|&at| at >= since)
    }

    /// Whom a client may ask while we know of no leader: in turn those of whom we have heard
    /// nothing lately, since a leader may be among them; if there are none, all.
    pub(super) fn next_to_try(&mut self) -> Id {
        let unheard = |peer: &&Id| !self.heard_lately(peer);
        let mut candidates: Vec<Id> = self.peers.iter().filter(unheard).copied().collect();
        if candidates.is_empty() {
            candidates.clone_from(&self.peers);
        }
        self.passed_on = self.passed_on.wrapping_add(1);
        match candidates.len() {
            0 => self.id,
            count => candidates[self.passed_on % count],
        }
    }
}
