//! Whom this replica has sent to the leader lately. A client that comes back with its request soon after has not found
//! it: that is the quickest sign of a leader's death, and it costs nothing.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use super::client::{Operation, Request};
use crate::consensus::Time;
use crate::consensus::fingerprint::Measure;
use crate::id::Id;

/// Each client's last request that was redirected to the present leader, and when. Of requests, only a hash is kept: they
/// may be large.
#[derive(Clone, Debug, Default)]
pub(super) struct Redirects(BTreeMap<Id, (Time, u64)>);

impl Redirects {
    /// A client is sent to the leader.
    pub(super) fn note(&mut self, now: Time, request: &Request, limit: usize) {
        if self.0.len() >= limit {
            self.0.clear();
        }
        self.0
            .insert(request.client, (now, hash(&request.operation)));
    }

    /// Whether the client was sent to the present leader with the very same request within this time.
    /// Another request of the same client is no sign: it may have been under way meanwhile.
    pub(super) fn is_back(&self, now: Time, request: &Request, window: Duration) -> bool {
        self.0.get(&request.client).is_some_and(|(at, before)| {
            *before == hash(&request.operation) && now.since(*at) < window
        })
    }

    /// There is another leader, or none.
    pub(super) fn forget(&mut self) {
        self.0.clear();
    }

    /// What a model checker tells them apart by.
    pub(super) fn fingerprint(&self, measure: Measure, window: Duration, hasher: &mut impl Hasher) {
        for (client, (at, request)) in &self.0 {
            let left = measure.until(*at + window);
            if left > 0 {
                (client, left, request).hash(hasher);
            }
        }
    }
}

fn hash(operation: &Operation) -> u64 {
    let mut hasher = DefaultHasher::new();
    operation.hash(&mut hasher);
    hasher.finish()
}
