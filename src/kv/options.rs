//! Every constant of how clients are served, with its unit, its reason, and how it must relate to the others.

use std::time::Duration;

use super::mistakes::{Made, Mistake};

/// The constants.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Options {
    /// Who answers a put.
    pub replies: Answerer,
    /// How long things last.
    pub timing: Timing,
    /// How much there may be of things.
    pub limits: Limits,
    /// A mistake to make, for checking the checks.
    pub(crate) mistake: Made,
}

/// Who answers a put.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Answerer {
    /// The last replica on its route, for clients that every replica can reach: it is the first to know, and
    /// its death starts no election.
    #[default]
    Last,
    /// The leader that took it in, for clients whose connection ends there.
    Leader,
}

/// How long things last.
#[derive(Clone, Debug, PartialEq)]
pub struct Timing {
    /// How long a request waits for a leader before its client is passed on to another replica; longer,
    /// where there has been none for a while.
    pub client_hold: Duration,
    /// The longest such wait, also at a replica that hears a quorum and can expect a leader soon.
    pub client_hold_max: Duration,
    /// A client that comes back with the same request so soon after it was sent to the leader has
    /// not found it.
    pub suspicion_window: Duration,
    /// How long the replica that answers a put must be silent at least for the leader to answer in its
    /// place, where so little gets lost that its word would have come if it had answered, unless it went just then.
    pub answerer_patience: Duration,
    /// The same where much gets lost. It may well have answered, and only its word to the leader be lost, the more so
    /// where that is not asked for at once (`message_price`). So this is longer than many partitions last: till then only
    /// the puts' clients wait, and gets by them, of their keys.
    pub answerer_doubt: Duration,
    /// How long a leader leaves to an answerer that is away what it has inherited. That has likely been answered, so
    /// this is long.
    pub answerer_return: Duration,
}

/// How much there may be of things.
#[derive(Clone, Debug, PartialEq)]
pub struct Limits {
    /// The most requests held at a time, in each queue; one more is answered with `fail`.
    pub max_held_requests: usize,
    /// The most bytes that their texts may take, in each queue; one more is answered with `fail`.
    pub max_held_bytes: usize,
    /// The most clients whose last redirect is remembered; with more, the memory starts anew.
    pub max_remembered_clients: usize,
    /// The most puts that are remembered to recognise one that the network delivers again.
    pub max_remembered_puts: usize,
    /// The most puts in the log that are not known to be answered; further puts are held.
    pub max_unsettled: usize,
    /// The largest put, as the bound of its encoded size in bytes; a larger one is answered with
    /// `fail`, because no datagram could carry it to the followers.
    pub max_put_bytes: usize,
    /// How many bytes the log may take at least before a snapshot takes the place of what is older. Far more than a
    /// run of the course's suite needs, and little memory.
    pub log_floor: usize,
    /// How many the log may take in percent of what the store does, if that is more: the larger the store, the more a
    /// snapshot of it costs.
    pub log_percent: u32,
}

impl Default for Timing {
    fn default() -> Self {
        Timing {
            client_hold: Duration::from_millis(20),
            client_hold_max: Duration::from_millis(200),
            suspicion_window: Duration::from_secs(2),
            answerer_patience: Duration::from_millis(100),
            answerer_doubt: Duration::from_secs(4),
            answerer_return: Duration::from_secs(10),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            max_held_requests: 1_024,
            max_held_bytes: 16 << 20,
            max_remembered_clients: 4_096,
            max_remembered_puts: 1_024,
            max_unsettled: 4_096,
            max_put_bytes: 60_000,
            log_floor: 4 << 20,
            log_percent: 50,
        }
    }
}

impl Options {
    /// Whether this replica makes that mistake.
    #[cfg(test)]
    pub(crate) fn makes(&self, mistake: Mistake) -> bool {
        self.mistake == Some(mistake)
    }

    /// Whether this replica makes that mistake: outside of tests it makes none.
    #[cfg(not(test))]
    #[inline(always)]
    pub(crate) const fn makes(&self, _: Mistake) -> bool {
        false
    }

    /// Checks that the constants fit together.
    ///
    /// # Errors
    ///
    /// The relation that does not hold, as a sentence.
    pub fn check(&self) -> Result<(), String> {
        let (timing, limits) = (&self.timing, &self.limits);
        let relations = [
            (
                Duration::ZERO < timing.client_hold && timing.client_hold <= timing.client_hold_max,
                "client_hold must be above 0 and at most client_hold_max",
            ),
            (
                timing.answerer_patience <= timing.answerer_doubt
                    && timing.answerer_doubt <= timing.answerer_return,
                "answerer_doubt must be at least answerer_patience, and answerer_return at least answerer_doubt",
            ),
            (
                limits.max_unsettled >= 2,
                "max_unsettled must be at least 2",
            ),
        ];
        match relations.into_iter().find(|(holds, _)| !holds) {
            None => Ok(()),
            Some((_, relation)) => Err(relation.to_owned()),
        }
    }
}
