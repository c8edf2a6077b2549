//! All that is random in a study, by its seed: contexts, orders, sides. The same seed gives the same draw.

use std::collections::BTreeMap;

use rand::RngExt;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use sha2::{Digest, Sha256};

/// A separate generator for each purpose, so that no draw depends on the number of others.
pub(super) fn stream(seed: u64, purpose: &str, number: u64) -> ChaCha8Rng {
    let digest = Sha256::digest(format!("{purpose}/{seed}/{number}").as_bytes());
    ChaCha8Rng::from_seed(digest.into())
}

/// `0..n` in random order.
pub(super) fn order(n: usize, rng: &mut ChaCha8Rng) -> Vec<usize> {
    let mut order: Vec<usize> = (0..n).collect();
    order.shuffle(rng);
    order
}

/// Draws `wanted` of the candidates with these emotions, in random order.
///
/// `stratified`: each emotion keeps its proportion, rounded by largest remainders, so that its count differs
/// from the exact one by less than one.
pub(super) fn contexts(
    emotions: &[Option<String>],
    wanted: usize,
    stratified: bool,
    seed: u64,
) -> Vec<usize> {
    let mut rng = stream(seed, "contexts", 0);
    if !stratified {
        let mut drawn = order(emotions.len(), &mut rng);
        drawn.truncate(wanted);
        return drawn;
    }
    let mut groups: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (at, emotion) in emotions.iter().enumerate() {
        groups
            .entry(emotion.as_deref().unwrap_or(""))
            .or_default()
            .push(at);
    }
    let mut groups: Vec<Vec<usize>> = groups.into_values().collect();
    groups.iter_mut().for_each(|group| group.shuffle(&mut rng));
    // Equal remainders are rounded up in random order.
    groups.shuffle(&mut rng);
    let all = emotions.len().max(1);
    let mut quotas: Vec<usize> = groups.iter().map(|g| wanted * g.len() / all).collect();
    let mut by_remainder: Vec<usize> = (0..groups.len()).collect();
    by_remainder.sort_by_key(|at| std::cmp::Reverse(wanted * groups[*at].len() % all));
    let short = wanted.saturating_sub(quotas.iter().sum());
    for at in by_remainder.into_iter().take(short) {
        quotas[at] += 1;
    }
    let mut drawn: Vec<usize> = groups
        .iter()
        .zip(quotas)
        .flat_map(|(group, quota)| group.iter().copied().take(quota))
        .collect();
    drawn.shuffle(&mut rng);
    drawn
}

/// A random order of the items in which those of one group, such as a context, are far apart: a round has one of each
/// group, and half of the groups come before the others in every round. Groups with fewer items than there are rounds are
/// in some of them.
pub(super) fn far_apart<T, G: Ord>(
    items: &[T],
    group: impl Fn(&T) -> G,
    rng: &mut ChaCha8Rng,
) -> Vec<usize> {
    let mut groups: BTreeMap<G, Vec<usize>> = BTreeMap::new();
    for at in order(items.len(), rng) {
        groups.entry(group(&items[at])).or_default().push(at);
    }
    let mut groups: Vec<Vec<usize>> = groups.into_values().collect();
    groups.shuffle(rng);
    let longest = groups.iter().map(Vec::len).max().unwrap_or(0);
    let half = groups.len() / 2;
    let mut rounds = vec![[Vec::new(), Vec::new()]; longest];
    for (number, group) in groups.into_iter().enumerate() {
        let first = rng.random_range(0..=longest - group.len());
        for (at, round) in group.into_iter().zip(&mut rounds[first..]) {
            round[usize::from(number >= half)].push(at);
        }
    }
    for part in rounds.iter_mut().flatten() {
        part.shuffle(rng);
    }
    rounds.concat().concat()
}

/// `n` sides, half of each; if `n` is odd, the extra one is random.
pub(super) fn sides(n: usize, rng: &mut ChaCha8Rng) -> Vec<bool> {
    let mut sides: Vec<bool> = (0..n + n % 2).map(|at| at % 2 == 1).collect();
    sides.shuffle(rng);
    sides.truncate(n);
    sides
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strata_keep_their_shares() {
        let emotions: Vec<Option<String>> = (0..1000)
            .map(|at| Some(format!("e{}", (at * at) % 17 % 7)))
            .collect();
        for seed in 0..20 {
            let drawn = contexts(&emotions, 100, true, seed);
            let mut different = drawn.clone();
            different.sort_unstable();
            different.dedup();
            assert_eq!(different.len(), 100);
            for emotion in emotions.iter().collect::<std::collections::BTreeSet<_>>() {
                let share = |of: &mut dyn Iterator<Item = &Option<String>>| {
                    of.filter(|e| *e == emotion).count()
                };
                let exact = share(&mut emotions.iter()) as f64 / 10.0;
                let found = share(&mut drawn.iter().map(|at| &emotions[*at])) as f64;
                assert!(
                    (found - exact).abs() < 1.0,
                    "{emotion:?}: {found} for {exact}"
                );
            }
            assert_eq!(contexts(&emotions, 100, true, seed), drawn);
            assert_ne!(contexts(&emotions, 100, true, seed + 1), drawn);
        }
        assert_eq!(contexts(&emotions, 1000, true, 1).len(), 1000);
    }

    #[test]
    fn items_of_a_group_are_far_apart() {
        let groups: Vec<usize> = (0..40).flat_map(|group| vec![group; 3]).collect();
        let groups: Vec<usize> = groups.into_iter().chain(40..46).collect();
        for seed in 0..20 {
            let order = far_apart(&groups, |group| *group, &mut stream(seed, "order", 1));
            let mut places = order.clone();
            places.sort_unstable();
            assert_eq!(places, (0..groups.len()).collect::<Vec<_>>());
            let mut last: BTreeMap<usize, usize> = BTreeMap::new();
            for (place, at) in order.iter().enumerate() {
                if let Some(before) = last.insert(groups[*at], place) {
                    assert!(place - before >= 15, "{} then {place}", before);
                }
            }
            let other = far_apart(&groups, |group| *group, &mut stream(seed + 20, "order", 1));
            assert_ne!(order, other);
        }
        let none: [usize; 0] = [];
        assert!(far_apart(&none, |group| *group, &mut stream(1, "order", 1)).is_empty());
    }

    #[test]
    fn sides_are_balanced_and_drawn() {
        for n in 0..50 {
            let sides = sides(n, &mut stream(1, "sides", n as u64));
            let right = sides.iter().filter(|side| **side).count();
            assert!(right.abs_diff(n - right) <= 1);
        }
        let first = sides(100, &mut stream(1, "sides", 1));
        assert_ne!(first, sides(100, &mut stream(2, "sides", 1)));
        assert_eq!(first, sides(100, &mut stream(1, "sides", 1)));
    }
}
