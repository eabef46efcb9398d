//! What a run counts and measures.
//!
//! Plain numbers; judging them is `verdict`'s business, showing them `show`'s.

use std::collections::BTreeMap;
use std::time::Duration;

/// The most message types that are counted each on its own.
const MAX_TYPES: usize = 50;
/// The longest name of a type that is kept, in characters.
const MAX_TYPE_CHARACTERS: usize = 40;
/// What is counted under this name beyond those limits.
const OTHER_TYPES: &str = "(other)";

/// What a run has counted and measured so far.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Counters {
    /// Replica-to-replica messages, a broadcast as one for each receiver, lost ones included.
    pub total_msgs: u64,
    /// Those of them that the network lost.
    pub lost: u64,
    /// Those of them that a partition cut.
    pub cut: u64,
    /// The same total by the messages' `type`.
    pub messages_by_type: BTreeMap<String, u64>,
    /// Requests and answers that were lost between clients and replicas.
    pub client_lost: u64,
    /// How many turns of the simulator fired how many requests, if any.
    pub bursts: BTreeMap<u32, u64>,
    /// The same, but events count as requests do.
    pub bursts_with_events: BTreeMap<u32, u64>,
    /// Gets among the requests as they were drawn before the run.
    pub generated_get: u64,
    /// Puts among the requests as they were drawn before the run.
    pub generated_put: u64,
    /// Gets that became puts, which changes neither of the two, because the client had no key to get.
    pub failed_to_generate_get: u64,
    /// Answers to attempts that had been answered with `ok` before.
    pub duplicates: u64,
    /// Redirect answers.
    pub redirects: u64,
    /// Fail answers to gets.
    pub get_failures: u64,
    /// Fail answers to puts.
    pub put_failures: u64,
    /// Messages that broke the rules, and wrong values.
    pub incorrect: u64,
    /// Requests that got their `ok`.
    pub completed: u64,
    /// From each answered attempt's making to its answer, in the order of the answers.
    pub answer_latencies: Vec<Duration>,
    /// From each completed request's first attempt to its `ok`, in the order of completion.
    pub request_latencies: Vec<Duration>,
    /// Per killed leader, the time until another replica acknowledged a put.
    pub outages: Vec<Duration>,
}

impl Counters {
    /// Counts replica-to-replica messages of a type.
    pub fn count_messages(&mut self, kind: &str, number: u64) {
        self.total_msgs += number;
        if let Some(count) = self.messages_by_type.get_mut(kind) {
            *count += number;
            return;
        }
        let too_many = self.messages_by_type.len() >= MAX_TYPES;
        let too_long = kind.chars().count() > MAX_TYPE_CHARACTERS;
        let name = if too_many || too_long {
            OTHER_TYPES
        } else {
            kind
        };
        *self.messages_by_type.entry(name.to_owned()).or_default() += number;
    }

    /// Messages that did not arrive because of the network.
    pub fn dropped(&self) -> u64 {
        self.lost + self.cut
    }
}

/// The element at `len/2` of the sorted times, which is how the course takes the median.
pub fn median(times: &[Duration]) -> Option<Duration> {
    nth_smallest(times, times.len() / 2)
}

/// The smallest time that at least the share `quantile` (0 to 1) of the times does not exceed.
pub fn percentile(times: &[Duration], quantile: f64) -> Option<Duration> {
    let rank = (quantile * times.len() as f64).ceil() as usize;
    nth_smallest(times, rank.saturating_sub(1))
}

/// The arithmetic mean.
pub fn mean(times: &[Duration]) -> Option<Duration> {
    let count = u32::try_from(times.len()).ok().filter(|&count| count > 0)?;
    Some(times.iter().sum::<Duration>() / count)
}

fn nth_smallest(times: &[Duration], index: usize) -> Option<Duration> {
    if index >= times.len() {
        return None;
    }
    let mut times = times.to_vec();
    Some(*times.select_nth_unstable(index).1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(numbers: &[u64]) -> Vec<Duration> {
        numbers.iter().copied().map(Duration::from_millis).collect()
    }

    #[test]
    fn the_median_of_an_even_number_is_the_upper_one() {
        let at = |numbers: &[u64]| median(&times(numbers)).map(|time| time.as_millis());
        assert_eq!(at(&[]), None);
        assert_eq!(at(&[5]), Some(5));
        assert_eq!(at(&[4, 1, 3, 2]), Some(3));
        assert_eq!(at(&[3, 1, 2]), Some(2));
    }

    #[test]
    fn percentiles_are_times_that_were_measured() {
        let hundred: Vec<u64> = (1..=100).collect();
        let at = |quantile| percentile(&times(&hundred), quantile).unwrap().as_millis();
        assert_eq!(at(0.5), 50);
        assert_eq!(at(0.99), 99);
        assert_eq!(at(1.0), 100);
        assert_eq!(percentile(&[], 0.5), None);
        assert_eq!(mean(&times(&[1, 2, 6])), Some(Duration::from_millis(3)));
        assert_eq!(mean(&[]), None);
    }

    #[test]
    fn no_flood_of_types_grows_the_table_and_its_sum_stays_the_total() {
        let mut counters = Counters::default();
        for number in 0..200 {
            counters.count_messages(&format!("t{number}"), 2);
        }
        counters.count_messages(&"long".repeat(100), 1);
        assert!(counters.messages_by_type.len() <= MAX_TYPES + 1);
        assert_eq!(counters.total_msgs, 401);
        assert_eq!(counters.messages_by_type.values().sum::<u64>(), 401);
    }
}
