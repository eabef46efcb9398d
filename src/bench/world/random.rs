//! The run's random numbers: every concern draws from a stream of its own.
//!
//! All streams hang on the run's seed alone. They must never be shared: were drops and workload to
//! draw from one generator, the workload of a seed would depend on how messages happened to arrive.

use md5::{Digest, Md5};
use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt, SeedableRng};

/// The generator behind every stream: small, fast and the same on every machine.
pub type StreamRng = Xoshiro256PlusPlus;

/// What a stream of random numbers is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// What the user's n-th request is.
    Workload(u32),
    /// The names of attempts.
    Mids,
    /// Which replica a client turns to when it knows of no leader.
    Targets,
    /// Which messages the network loses.
    Drops,
    /// Whom the n-th event hits.
    Fault(usize),
    /// Embedded replicas' clocks and seeds.
    Clocks,
    /// How long each hop takes in virtual time.
    Hops,
    /// By how much each message is late.
    Latency,
    /// Which messages are held back, and for how long.
    Reorder,
    /// Which messages arrive twice, and how much later.
    Duplicates,
    /// Which requests and answers are lost.
    ClientDrops,
    /// How fast embedded replicas' clocks run.
    ClockRates,
    /// By how much a simulator that has waited wakes up late, in virtual time.
    Waits,
    /// How long each sync of an embedded replica's disk takes, and what a crash leaves.
    Disks,
}

impl Stream {
    /// The start of this stream for a run's seed.
    pub fn rng(self, seed: u64) -> StreamRng {
        let (purpose, index) = match self {
            Stream::Workload(request) => (1, u64::from(request)),
            Stream::Mids => (2, 0),
            Stream::Targets => (3, 0),
            Stream::Drops => (4, 0),
            Stream::Fault(event) => (5, event as u64),
            Stream::Clocks => (6, 0),
            Stream::Hops => (7, 0),
            Stream::Latency => (8, 0),
            Stream::Reorder => (9, 0),
            Stream::Duplicates => (10, 0),
            Stream::ClientDrops => (11, 0),
            Stream::ClockRates => (12, 0),
            Stream::Waits => (13, 0),
            Stream::Disks => (14, 0),
        };
        StreamRng::seed_from_u64(scramble(scramble(scramble(seed) ^ purpose) ^ index))
    }
}

/// SplitMix64's finalizer: neighbouring seeds get unrelated streams.
fn scramble(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// Random letters and digits.
pub fn alphanumeric<const LENGTH: usize>(rng: &mut StreamRng) -> [u8; LENGTH] {
    const ALPHABET: &[u8; 62] = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    std::array::from_fn(|_| ALPHABET[rng.random_range(0..ALPHABET.len() as u32) as usize])
}

/// The MD5 hash of `text` in 32 lower-case hexadecimal digits.
pub fn md5hex(text: &str) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let hash = Md5::digest(text.as_bytes());
    let mut text = String::with_capacity(2 * hash.len());
    for byte in hash {
        for digit in [byte >> 4, byte & 15] {
            text.push(char::from(DIGITS[usize::from(digit)]));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn md5hex_is_lower_case_hexadecimal() {
        assert_eq!(md5hex("hello world"), "5eb63bbbe01eeed093cb22bb8f5acdc3");
    }

    #[test]
    fn streams_repeat_for_a_seed_and_differ_from_each_other() {
        let draw = |stream: Stream, seed| -> u64 { stream.rng(seed).random() };
        assert_eq!(draw(Stream::Mids, 7), draw(Stream::Mids, 7));
        assert_ne!(draw(Stream::Mids, 7), draw(Stream::Mids, 8));
        assert_ne!(draw(Stream::Mids, 7), draw(Stream::Drops, 7));
        assert_ne!(draw(Stream::Fault(0), 7), draw(Stream::Fault(1), 7));
    }
}
