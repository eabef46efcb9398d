//! How likely messages get through, as the leader has measured it: is a silence bad luck, or is somebody dead?
//!
//! Everything that depends on silence is judged by this, so the same rules hold in a network that
//! loses nothing, where two silences are a death, and in one that loses a third, where ten are nothing.

/// How likely it is, before anything is known, that whoever is silent is dead or cut off. As long as so much silence is
/// likelier than that by chance, it is taken for bad luck.
pub(crate) const DEATH: f64 = 0.003;

/// Silence that is less likely than this is no chance, whoever else it may cost: a second answer, say, if the silence is
/// that of another one on the same route.
const NO_CHANCE: f64 = 1e-5;

/// How often a first attempt to replicate an entry succeeds: an exponentially weighted average that
/// begins as a plain one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Delivery {
    rate: u32,
    attempts: u32,
}

const ALWAYS: u32 = 1 << 16;

/// What is taken for the rate before anything is known; it counts as one attempt.
const GUESS: u32 = ALWAYS / 4 * 3;

impl Delivery {
    /// Nothing is known yet: a guess that the first attempts replace. Without a memory, all succeed.
    pub(crate) fn unknown(remembered: u32) -> Delivery {
        let rate = match remembered {
            0 => ALWAYS,
            _ => GUESS,
        };
        Delivery { rate, attempts: 1 }
    }

    /// Notes how a first attempt went; about the last `remembered` count.
    pub(crate) fn note(&mut self, success: bool, remembered: u32) {
        if remembered == 0 {
            return;
        }
        self.attempts = (self.attempts + 1).min(remembered);
        self.rate -= self.rate / self.attempts;
        if success {
            self.rate += ALWAYS / self.attempts;
        }
    }

    /// How likely an attempt is to be acknowledged. That is nowhere taken for certain, nor for hopeless: then no silence
    /// would ever mean anything.
    pub(crate) fn success(self) -> f64 {
        (f64::from(self.rate) / f64::from(ALWAYS)).clamp(0.1, 0.985)
    }

    /// Whether so much was seen to be lost that a response may well be lost alone. The guess is not counted: nothing was
    /// lost yet.
    pub(crate) fn loses_much(self) -> bool {
        let seen = f64::from(self.attempts - 1);
        let succeeded = f64::from(self.rate) * f64::from(self.attempts) - f64::from(GUESS);
        succeeded < 0.97 * f64::from(ALWAYS) * seen
    }

    /// How likely it is by chance that as many attempts fail one after the other, or that a follower that lives is not
    /// heard of after as many appends: most of them come along a route as well.
    pub(crate) fn chance_of_silence(self, attempts: u32) -> f64 {
        power(1.0 - self.success(), attempts)
    }

    /// Whether so many attempts in vain are likelier a death than bad luck.
    pub(crate) fn is_death(self, attempts: u32) -> bool {
        attempts > 0 && self.chance_of_silence(attempts) < DEATH
    }

    /// Whether so many attempts in vain cannot be bad luck.
    pub(crate) fn is_no_chance(self, attempts: u32) -> bool {
        self.chance_of_silence(attempts) < NO_CHANCE
    }

    /// How likely one message arrives, if an attempt takes that many one after the other.
    pub(crate) fn arrival(self, hops: u32) -> f64 {
        let success = self.success();
        // By halving: the last bits of `powf` may differ between machines.
        let (mut low, mut high) = (0.0, 1.0);
        for _ in 0..24 {
            let middle = (low + high) / 2.0;
            match power(middle, hops) < success {
                true => low = middle,
                false => high = middle,
            }
        }
        (low + high) / 2.0
    }
}

/// How likely it is that what has this chance happens as many times running. Below what anybody asks for it does not
/// matter how far.
pub(crate) fn power(chance: f64, times: u32) -> f64 {
    const NEVER: f64 = 1e-9;
    let mut all = 1.0;
    for _ in 0..times {
        all *= chance;
        if all < NEVER {
            break;
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(losses_in_ten: u32) -> Delivery {
        let mut delivery = Delivery::unknown(64);
        for attempt in 0..1_000 {
            delivery.note(attempt % 10 >= losses_in_ten, 64);
        }
        delivery
    }

    #[test]
    fn silence_is_no_chance_after_a_while_and_where_much_gets_lost_later() {
        let patience = |losses_in_ten| {
            let delivery = after(losses_in_ten);
            let is_no_chance = |&attempts: &u32| delivery.chance_of_silence(attempts) < 1e-4;
            (1..100).find(is_no_chance).expect("some time")
        };
        assert_eq!([0, 4, 7].map(patience), [3, 10, 25]);
        // Even where nothing has ever got through, silence means something in the end.
        assert_eq!(patience(10), 88);
    }

    #[test]
    fn a_message_arrives_more_often_than_a_whole_attempt() {
        let arrival = after(4).arrival(3);
        assert!(
            (0.82..0.86).contains(&arrival),
            "{arrival}: 0.6 to the third"
        );
        assert!((after(4).arrival(1) - after(4).success()).abs() < 1e-6);
    }
}
