//! Whether sending again is worth it: the one place where messages and time are weighed against each other.
//!
//! One number says how: the price of a message, as the time that somebody may wait for want of it. Something is sent
//! again as soon as what that is expected to save is more than what it costs:
//!
//! > (the chance that it is needed) × (the chance that it helps) × (how long those who wait would otherwise wait)
//! > ≥ (messages) × (their price)
//!
//! What only the leader has perishes with it: an entry that has reached nobody else, and every read that waits for a
//! commit. Whoever asked for it then waits for ever, so their waiting counts for more.
//!
//! How long they would otherwise wait: until the next entry's append comes, since that carries what is missing as well;
//! or until the silent one is found dead, if it is; and what has waited long is likely to wait as long again.

use std::time::Duration;

use super::delivery::{DEATH, Delivery, power};

/// How much worse it is that only the leader has something than that somebody waits for it. That perishes with its leader, and
/// whoever asked for it waits for ever. Taken for this: leaders live for some ten seconds, and three minutes stand for ever.
const PERIL: f64 = 18.0;

/// How much worse it is that a read waits than that an entry does: somebody waits for it, and only its leader has it.
const READ: f64 = 1.0 + PERIL;

/// What is known of an attempt that is not acknowledged.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Silence {
    /// How likely attempts are acknowledged.
    pub delivery: Delivery,
    /// How likely one message arrives.
    pub arrival: f64,
    /// How many followers make a quorum with the leader: the length of a route.
    pub route: u32,
    /// How many attempts have failed.
    pub failures: u32,
    /// How many copies were sent besides, each to one more follower.
    pub copies: u32,
    /// How many entries wait for it.
    pub entries: u32,
    /// How many reads wait for it.
    pub reads: u32,
    /// How long the next entry is away, if that is known.
    pub gap: Option<Duration>,
    /// The longest that anything waits before it is sent again.
    pub longest: Duration,
}

/// Something that could be sent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Offer {
    /// How many messages it takes, responses included.
    pub messages: f64,
    /// The share that it is expected to save of the waiting for an entry.
    pub for_entry: f64,
    /// And of a read's.
    pub for_read: f64,
}

impl Silence {
    /// Whether it is likelier that somebody is dead than that so much is bad luck.
    pub(crate) fn is_death(&self) -> bool {
        self.delivery.is_death(self.failures)
    }

    /// How likely the last on a route has not got it, given that it has not been heard of.
    fn chance_unserved(&self) -> f64 {
        let arrival = self.arrival;
        let reached = power(arrival, self.route);
        let acknowledged = reached * arrival;
        power((1.0 - reached) / (1.0 - acknowledged), self.failures)
    }

    /// How likely nobody but the leader has it.
    fn chance_alone(&self) -> f64 {
        let arrival = self.arrival;
        let acknowledged = power(arrival, self.route + 1);
        power((1.0 - arrival) / (1.0 - acknowledged), self.failures)
            * power(1.0 - arrival, self.copies)
    }

    /// The whole route once more.
    pub(crate) fn route(&self) -> Offer {
        let arrival = self.arrival;
        let messages = (0..=self.route).map(|hop| power(arrival, hop)).sum();
        Offer {
            messages,
            for_entry: self.chance_unserved() * power(arrival, self.route),
            for_read: READ * power(arrival, self.route + 1),
        }
    }

    /// A route of its own to each of so many followers, or only to the last on the route.
    pub(crate) fn directly(&self, followers: usize) -> Offer {
        let arrival = self.arrival;
        Offer {
            messages: (1.0 + arrival) * followers as f64,
            for_entry: self.chance_unserved() * arrival,
            for_read: READ * power(arrival, 2),
        }
    }

    /// A copy to one more follower, so that the entry does not perish with its leader.
    pub(crate) fn copy(&self) -> Offer {
        Offer {
            messages: 1.0,
            for_entry: PERIL * self.chance_alone() * self.arrival,
            for_read: 0.0,
        }
    }

    /// How long those who wait must be expected to wait for the offer to be worth its price.
    pub(crate) fn pays_from(&self, offer: Offer, price: Duration) -> Duration {
        let saves =
            f64::from(self.entries) * offer.for_entry + f64::from(self.reads) * offer.for_read;
        let seconds = price.as_secs_f64() * offer.messages / saves.max(1e-9);
        Duration::from_secs_f64(seconds.min(1e6))
    }

    /// How long they must be expected to wait, after having waited for `waited`.
    pub(crate) fn wait(&self, waited: Duration) -> Duration {
        let chance = self.delivery.chance_of_silence(self.failures);
        let dead = DEATH / (DEATH + (1.0 - DEATH) * chance);
        let gap = self.gap.unwrap_or(self.longest).min(self.longest);
        let expected = gap.mul_f64(1.0 - dead) + self.longest.mul_f64(dead);
        expected.max(waited)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Five replicas, a new entry each 100 ms.
    fn silence(losses_in_hundred: u32) -> Silence {
        let mut delivery = Delivery::unknown(1_000);
        let acknowledged = power(1.0 - f64::from(losses_in_hundred) / 100.0, 3);
        let mut due = 0.0;
        for _ in 0..20_000 {
            due += acknowledged;
            delivery.note(due >= 1.0, 1_000);
            due -= if due >= 1.0 { 1.0 } else { 0.0 };
        }
        Silence {
            delivery,
            arrival: delivery.arrival(3),
            route: 2,
            failures: 1,
            copies: 0,
            entries: 1,
            reads: 0,
            gap: Some(Duration::from_millis(100)),
            longest: Duration::from_secs(1),
        }
    }

    #[test]
    fn chances_are_those_of_a_route_of_three_hops() {
        let silence = silence(15);
        let [unserved, alone] = [silence.chance_unserved(), silence.chance_alone()];
        // Of 0.386 that fail, 0.2775 fail before the last follower, 0.15 at the first hop.
        assert!((unserved - 0.2775 / 0.386).abs() < 0.02, "{unserved}");
        assert!((alone - 0.15 / 0.386).abs() < 0.02, "{alone}");
    }

    #[test]
    fn what_is_cheap_is_sent_and_what_is_dear_waits_for_the_next_entry() {
        let silence = silence(15);
        let wait = silence.wait(Duration::from_millis(2));
        let pays = |offer, price_ms| {
            let price = Duration::from_millis(price_ms);
            silence.pays_from(offer, price) <= wait
        };
        assert!(pays(silence.route(), 1) && !pays(silence.route(), 50));
        assert!(pays(silence.copy(), 50) && !pays(silence.copy(), 1_000));
        let with_a_read = Silence {
            reads: 1,
            ..silence
        };
        assert!(with_a_read.pays_from(silence.route(), Duration::from_millis(50)) <= wait);
        // What has waited for a second is likely to wait for another.
        let long = silence.wait(Duration::from_secs(1));
        assert!(silence.pays_from(silence.route(), Duration::from_millis(50)) < long);
    }

    #[test]
    fn a_silence_that_can_hardly_be_chance_is_worth_a_message() {
        let calm = Silence {
            failures: 2,
            ..silence(0)
        };
        let price = Duration::from_millis(30);
        let expected = calm.wait(Duration::ZERO);
        assert!(expected > Duration::from_millis(300), "{expected:?}");
        assert!(calm.pays_from(calm.route(), price) < expected);
    }
}
