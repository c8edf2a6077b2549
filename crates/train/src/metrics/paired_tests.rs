//! Tests of whether two systems differ: by examples, by seeds, and corrected for their number.
//!
//! Knows figures and indices only. The sign test of human judgements is in `study::statistics`.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use super::bootstrap::Bootstrap;

/// The most assignments that are all looked at; of more so many are drawn.
const ENUMERATED: u64 = 1 << 16;

/// Differences of equal size differ by rounding.
const ROUNDING: f64 = 1e-12;

/// Two-sided p that two systems' figures over `items` examples differ by chance, by approximate randomisation (Noreen
/// 1989): each example's answers change sides or not, `(rounds at least as far apart + 1) / (rounds + 1)`. None without
/// items or where a figure is undefined.
///
/// `figure` gets indices into the answers of the first system followed by those of the second, one an example.
pub fn randomisation_p(
    bootstrap: &Bootstrap,
    items: usize,
    mut figure: impl FnMut(&[usize]) -> f64,
) -> Option<f64> {
    let mut first: Vec<usize> = (0..items).collect();
    let mut second: Vec<usize> = (items..2 * items).collect();
    let mut apart = |first: &[usize], second: &[usize]| (figure(first) - figure(second)).abs();
    let observed = Some(apart(&first, &second)).filter(|value| value.is_finite() && items > 0)?;
    let enough = observed - ROUNDING * observed.max(1.0);
    let mut rng = ChaCha8Rng::seed_from_u64(bootstrap.seed);
    let mut reached = 0;
    for _ in 0..bootstrap.resamples {
        for (one, other) in first.iter_mut().zip(&mut second) {
            if rng.random::<bool>() {
                std::mem::swap(one, other);
            }
        }
        let found = apart(&first, &second);
        reached += usize::from(found.is_nan() || found >= enough);
    }
    Some((reached + 1) as f64 / (bootstrap.resamples + 1) as f64)
}

/// Two-sided p that paired differences, one a seed, are of mean 0: the share of all assignments of signs whose mean is
/// at least as far from 0 (the sign-flip test). Of n seeds it is never below `2 / 2ⁿ`. None without differences.
pub fn sign_flip_p(differences: &[f64]) -> Option<f64> {
    let n = differences.len();
    if n == 0 || !differences.iter().all(|value| value.is_finite()) {
        return None;
    }
    let sum = |flipped: &dyn Fn(usize) -> bool| -> f64 {
        let signed = differences.iter().enumerate();
        signed
            .map(|(at, value)| if flipped(at) { -value } else { *value })
            .sum()
    };
    let observed = sum(&|_| false).abs();
    let as_far = |sum: f64| sum.abs() >= observed - ROUNDING * observed.max(1.0);
    if n < 64 && 1u64 << n <= ENUMERATED {
        let all = 1u64 << n;
        let reached = (0..all).filter(|signs| as_far(sum(&|at| signs >> at & 1 == 1)));
        return Some(reached.count() as f64 / all as f64);
    }
    let mut rng = ChaCha8Rng::seed_from_u64(0);
    let reached = (0..ENUMERATED).filter(|_| {
        let signs: Vec<bool> = (0..n).map(|_| rng.random()).collect();
        as_far(sum(&|at| signs[at]))
    });
    Some((reached.count() + 1) as f64 / (ENUMERATED + 1) as f64)
}

/// Two-sided p that two groups of seeds have the same mean, where their seeds are not paired: the share of all ways to
/// part the scores into groups of these sizes whose means are at least as far apart. None where a group is empty.
pub fn permutation_p(first: &[f64], second: &[f64]) -> Option<f64> {
    let all: Vec<f64> = first.iter().chain(second).copied().collect();
    let (n, k) = (all.len(), first.len());
    if first.is_empty() || second.is_empty() || !all.iter().all(|value| value.is_finite()) {
        return None;
    }
    let total: f64 = all.iter().sum();
    let apart = |sum: f64| (sum / k as f64 - (total - sum) / (n - k) as f64).abs();
    let observed = apart(first.iter().sum());
    let as_far = |sum: f64| apart(sum) >= observed - ROUNDING * observed.max(1.0);
    if n <= 16 {
        let parts = (0u32..1 << n).filter(|part| part.count_ones() as usize == k);
        let (mut reached, mut of) = (0, 0);
        for part in parts {
            let chosen = all.iter().enumerate().filter(|(at, _)| part >> at & 1 == 1);
            reached += usize::from(as_far(chosen.map(|(_, value)| value).sum()));
            of += 1;
        }
        return Some(f64::from(reached as u32) / f64::from(of));
    }
    let mut rng = ChaCha8Rng::seed_from_u64(0);
    let mut order = all;
    let reached = (0..ENUMERATED).filter(|_| {
        for place in 0..k {
            let from = rng.random_range(place..n);
            order.swap(place, from);
        }
        as_far(order[..k].iter().sum())
    });
    Some((reached.count() + 1) as f64 / (ENUMERATED + 1) as f64)
}

/// Holm's step-down correction (1979): p-values as they may be compared with one level though there are several, in
/// the same order.
pub fn holm(p: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|a, b| p[*a].total_cmp(&p[*b]));
    let mut corrected = vec![0.0; p.len()];
    let mut least = 0.0f64;
    for (rank, at) in order.into_iter().enumerate() {
        least = least.max((p[at] * (p.len() - rank) as f64).min(1.0));
        corrected[at] = least;
    }
    corrected
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_are_flipped_in_every_way() {
        // All of one sign: only this assignment and its opposite are as far.
        assert_eq!(sign_flip_p(&[1.0, 2.0, 3.0, 1.5, 0.5]), Some(2.0 / 32.0));
        assert_eq!(sign_flip_p(&[1.0, -1.0]), Some(1.0));
        assert_eq!(sign_flip_p(&[0.3]), Some(1.0));
        assert_eq!((sign_flip_p(&[]), sign_flip_p(&[f64::NAN])), (None, None));
        let many: Vec<f64> = (0..40).map(|i| 1.0 + f64::from(i % 3)).collect();
        assert!(sign_flip_p(&many).unwrap() < 1e-4);
    }

    #[test]
    fn unpaired_groups_are_parted_in_every_way() {
        // Of the ten ways to take two of five, one is as far apart.
        assert_eq!(permutation_p(&[9.0, 8.0], &[1.0, 2.0, 3.0]), Some(0.1));
        assert_eq!(permutation_p(&[1.0], &[1.0]), Some(1.0));
        assert_eq!(permutation_p(&[], &[1.0]), None);
        let (low, high): (Vec<f64>, Vec<f64>) =
            (0..10).map(|i| (f64::from(i), f64::from(i) + 50.0)).unzip();
        assert!(permutation_p(&high, &low).unwrap() < 1e-3);
    }

    #[test]
    fn answers_that_change_sides_tell_chance_from_difference() {
        let mean = |values: Vec<f64>| {
            move |drawn: &[usize]| {
                drawn.iter().map(|at| values[*at]).sum::<f64>() / drawn.len() as f64
            }
        };
        let first: Vec<f64> = (0..60).map(|i| f64::from(i % 7)).collect();
        let p = |second: Vec<f64>| {
            let both: Vec<f64> = first.iter().copied().chain(second).collect();
            randomisation_p(&Bootstrap::default(), 60, mean(both)).unwrap()
        };
        let higher: Vec<f64> = first.iter().map(|value| value + 1.0).collect();
        assert_eq!(p(higher), 1.0 / 1001.0);
        assert_eq!(p(first.clone()), 1.0);
        let mixed: Vec<f64> = first.iter().rev().copied().collect();
        assert!(p(mixed) > 0.5);
        assert_eq!(randomisation_p(&Bootstrap::default(), 0, |_| 1.0), None);
    }

    #[test]
    fn correction_never_puts_p_values_in_another_order() {
        let near = |found: Vec<f64>, expected: &[f64]| {
            let close = |(a, b): (&f64, &f64)| (a - b).abs() < 1e-12;
            assert!(found.iter().zip(expected).all(close), "{found:?}");
        };
        near(holm(&[0.04, 0.01, 0.03]), &[0.06, 0.03, 0.06]);
        near(holm(&[0.9, 0.6]), &[1.0, 1.0]);
        assert!(holm(&[]).is_empty());
    }
}
