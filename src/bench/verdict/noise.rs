//! Whether two sets of measurements differ by more than noise.
//!
//! By tests on ranks: they assume nothing about how values are spread, and one run that went wild moves
//! them no more than any other. The p-values are those of the normal approximation, with ties and
//! continuity corrected; far out, where it matters here, they are larger than the exact ones.

use std::f64::consts::FRAC_1_SQRT_2;

/// What a test found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Difference {
    /// How likely a difference as large is if there is nothing but noise.
    pub p: f64,
    /// Whether the second values are the larger ones.
    pub rose: bool,
}

/// Wilcoxon's signed-rank test on pairs: before and now, of the same seed. Pairs of equal values say
/// nothing and are left out.
pub fn of_pairs(pairs: &[(f64, f64)]) -> Difference {
    let differences = pairs.iter().map(|(before, now)| now - before);
    let differences: Vec<f64> = differences.filter(|it| *it != 0.0).collect();
    let sizes: Vec<f64> = differences.iter().map(|it| it.abs()).collect();
    let ranks = ranks(&sizes);
    let risen = differences.iter().zip(&ranks);
    let sum = risen.filter(|(it, _)| **it > 0.0).map(|(_, rank)| rank);
    // By chance each rank is in the sum or not.
    let mean = ranks.iter().sum::<f64>() / 2.0;
    let variance = ranks.iter().map(|rank| rank * rank).sum::<f64>() / 4.0;
    difference(sum.sum::<f64>() - mean, variance)
}

/// Mann and Whitney's test (Wilcoxon's rank-sum test) on values that have nothing to do with each other.
pub fn of_groups(before: &[f64], now: &[f64]) -> Difference {
    let all: Vec<f64> = before.iter().chain(now).copied().collect();
    let ranks = ranks(&all);
    let (count, drawn) = (all.len() as f64, now.len() as f64);
    let mean = ranks.iter().sum::<f64>() / count;
    let spread = ranks.iter().map(|rank| (rank - mean).powi(2)).sum::<f64>();
    let sum: f64 = ranks[before.len()..].iter().sum();
    // By chance the second values have any of the ranks.
    let variance = drawn * (count - drawn) / (count * (count - 1.0).max(1.0)) * spread;
    difference(sum - drawn * mean, variance)
}

/// So many pairs, if all of them change in the same direction, are told from noise at this level.
pub fn pairs_needed(level: f64) -> usize {
    let mut rising = Vec::new();
    while rising.len() < 1_000 && of_pairs(&rising).p >= level {
        rising.push((0.0, rising.len() as f64 + 1.0));
    }
    rising.len()
}

/// A sum of ranks that is off its mean by so much.
fn difference(off: f64, variance: f64) -> Difference {
    let rose = off > 0.0;
    if variance <= 0.0 {
        return Difference { p: 1.0, rose };
    }
    let z = (off.abs() - 0.5).max(0.0) / variance.sqrt();
    let p = libm::erfc(z * FRAC_1_SQRT_2);
    Difference { p, rose }
}

/// The rank of each value from 1 on; equal ones share the mean of theirs.
fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut ranks = vec![0.0; values.len()];
    let mut first = 0;
    for group in order.chunk_by(|&a, &b| values[a] == values[b]) {
        let last = first + group.len() - 1;
        let rank = (first + last) as f64 / 2.0 + 1.0;
        group.iter().for_each(|&place| ranks[place] = rank);
        first = last + 1;
    }
    ranks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_values_share_their_ranks() {
        assert_eq!(ranks(&[3.0, 1.0, 3.0, 2.0]), [3.5, 1.0, 3.5, 2.0]);
        assert_eq!(ranks(&[]), [0.0; 0]);
    }

    #[test]
    fn the_p_values_are_those_of_the_textbook() {
        // scipy.stats.wilcoxon(range(1, 21), mode="approx", correction=True): W = 0.
        let pairs: Vec<(f64, f64)> = (1..=20).map(|it| (0.0, f64::from(it))).collect();
        let found = of_pairs(&pairs);
        assert!((found.p - 9.569e-5).abs() < 1e-7 && found.rose, "{found:?}");
        let falling: Vec<(f64, f64)> = pairs.iter().map(|&(a, b)| (b, a)).collect();
        assert!((of_pairs(&falling).p - found.p).abs() < 1e-12);
        assert!(!of_pairs(&falling).rose);
        // scipy.stats.mannwhitneyu([1..10], [11..20], method="asymptotic"): U = 0.
        let values: Vec<f64> = (1..=20).map(f64::from).collect();
        let found = of_groups(&values[..10], &values[10..]);
        assert!(
            (found.p - 1.8267e-4).abs() < 1e-7 && found.rose,
            "{found:?}"
        );
    }

    #[test]
    fn nothing_and_no_change_are_noise() {
        for found in [
            of_pairs(&[]),
            of_pairs(&[(1.0, 1.0); 50]),
            of_groups(&[1.0; 50], &[1.0; 50]),
            of_groups(&[], &[1.0]),
        ] {
            assert_eq!(found.p, 1.0);
        }
    }

    #[test]
    fn a_few_wild_runs_are_noise_and_a_small_shift_of_all_is_none() {
        let wild: Vec<(f64, f64)> = (0..100)
            .map(|it| (100.0, if it < 3 { 1e9 } else { 100.0 }))
            .collect();
        assert!(of_pairs(&wild).p > 0.05);
        let shifted: Vec<(f64, f64)> = (0..30)
            .map(|it| (f64::from(it), f64::from(it) + 1.0))
            .collect();
        assert!(of_pairs(&shifted).p < 1e-6);
        let alone = |it: &(f64, f64)| it.0;
        let before: Vec<f64> = shifted.iter().map(alone).collect();
        let now: Vec<f64> = shifted.iter().map(|it| it.1).collect();
        assert!(
            of_groups(&before, &now).p > 0.05,
            "without pairs it is hidden by the spread"
        );
    }

    #[test]
    fn it_takes_more_pairs_the_surer_one_wants_to_be() {
        assert!(pairs_needed(0.01) < pairs_needed(1e-4));
        assert!(pairs_needed(1e-4) < 30);
    }
}
