//! The answers behind the controls of Emp-F1: shuffled over the contexts, the best constant one, and cut to equal
//! length.
//!
//! Levels come from a closure; must not know the identifiers.

use std::collections::HashMap;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use super::emp_f1::{Levels, emp_f1};
use crate::data::Example;

/// A permutation of `0..n` that leaves nothing in its place and is one cycle (Sattolo 1986). The identity for fewer
/// than two.
pub fn derangement(n: usize, seed: u64) -> Vec<usize> {
    let mut order: Vec<usize> = (0..n).collect();
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    for last in (1..n).rev() {
        order.swap(last, rng.random_range(0..last));
    }
    order
}

/// Another context's answer for each context, by a permutation that depends on `seed` and their number only.
pub fn shuffled<'a>(responses: &[&'a str], seed: u64) -> Vec<&'a str> {
    let order = derangement(responses.len(), seed).into_iter();
    order.map(|at| responses[at]).collect()
}

/// Both answers to each context cut to the words of the shorter one. Words are what white space separates.
pub fn cut_to_equal_length(first: &[String], second: &[String]) -> (Vec<String>, Vec<String>) {
    let cut = |(first, second): (&String, &String)| {
        let words = |text: &str| text.split_whitespace().count();
        let shorter = words(first).min(words(second));
        (first_words(first, shorter), first_words(second, shorter))
    };
    first.iter().zip(second).map(cut).unzip()
}

/// The beginning of a text that has so many words.
fn first_words(text: &str, count: usize) -> String {
    let words: Vec<&str> = text.split_whitespace().take(count).collect();
    words.join(" ")
}

/// Finds the levels of each (context, response).
pub type Identify<'a, E> = &'a mut dyn FnMut(&[(&str, &str)]) -> Result<Vec<Levels>, E>;

/// The rounds of the search for the best constant: how many candidates are tried, each on so many contexts.
const ROUNDS: [(usize, usize); 3] = [(48, 16), (12, 64), (3, 256)];

/// The single answer with the highest Emp-F1 on a sample of the training examples; None without examples or a
/// target that has words. The same examples and seed give the same answer.
///
/// Candidates are the most frequent targets, of equally frequent ones the shortest. Sequential halving (Karnin, Koren
/// and Somekh 2013) bounds the cost: at most 2 560 pairs are identified, however many examples there are.
///
/// # Errors
/// `identify` fails.
pub fn best_constant<E>(
    train: &[&Example],
    seed: u64,
    identify: Identify<'_, E>,
) -> Result<Option<String>, E> {
    let mut left = candidates(train);
    left.truncate(ROUNDS[0].0);
    if left.is_empty() {
        return Ok(None);
    }
    let widest = ROUNDS.map(|(_, contexts)| contexts).into_iter().max();
    let sample = sample(train, widest.unwrap_or(0), seed);
    let all: Vec<String> = sample.iter().map(|one| one.context_text()).collect();
    let own = sample.iter().map(|one| one.target.as_str());
    let pairs: Vec<(&str, &str)> = all.iter().map(String::as_str).zip(own).collect();
    let targets = identify(&pairs)?;
    for (candidates, contexts) in ROUNDS {
        left.truncate(candidates);
        if left.len() == 1 {
            break;
        }
        let contexts = contexts.min(sample.len());
        let mut scored = Vec::with_capacity(left.len());
        for candidate in left {
            let pairs: Vec<(&str, &str)> = all[..contexts]
                .iter()
                .map(|context| (context.as_str(), candidate))
                .collect();
            let found = emp_f1(&targets[..contexts], &identify(&pairs)?);
            scored.push((found.map_or(0.0, |found| found.emp_f1), candidate));
        }
        // Stable: of equals the one that was ahead stays ahead.
        scored.sort_by(|a, b| b.0.total_cmp(&a.0));
        left = scored.into_iter().map(|(_, candidate)| candidate).collect();
    }
    Ok(left.first().map(|best| best.to_string()))
}

/// The distinct targets with words, the most frequent first, of equally frequent ones the shortest.
fn candidates<'a>(train: &[&'a Example]) -> Vec<&'a str> {
    let mut counts: HashMap<&str, usize> = HashMap::new();
    for example in train {
        *counts.entry(example.target.trim()).or_default() += 1;
    }
    let mut all: Vec<(&str, usize)> = counts.into_iter().collect();
    all.retain(|(text, _)| text.chars().any(char::is_alphanumeric));
    all.sort_unstable_by(|(a, of_a), (b, of_b)| {
        of_b.cmp(of_a)
            .then(a.len().cmp(&b.len()))
            .then_with(|| a.cmp(b))
    });
    all.into_iter().map(|(text, _)| text).collect()
}

/// So many of the examples, drawn without replacement.
fn sample<'a>(train: &[&'a Example], count: usize, seed: u64) -> Vec<&'a Example> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut order: Vec<usize> = (0..train.len()).collect();
    let count = count.min(order.len());
    for place in 0..count {
        let from = rng.random_range(place..order.len());
        order.swap(place, from);
    }
    order[..count].iter().map(|at| train[*at]).collect()
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;
    use crate::data::EmpathyLevel::{No, Strong, Weak};

    fn example(context: &str, target: &str) -> Example {
        Example {
            conversation: context.to_string(),
            turn: 2,
            emotion: String::new(),
            situation: String::new(),
            context: vec![context.to_string()],
            roles: Vec::new(),
            target: target.to_string(),
        }
    }

    /// Reads levels off a response: a question explores, "sorry" reacts.
    fn read(pairs: &[(&str, &str)]) -> Result<Vec<Levels>, Infallible> {
        let levels = |(_, response): &(&str, &str)| {
            let reaction = if response.contains("sorry") { Weak } else { No };
            let exploration = if response.contains('?') { Strong } else { No };
            [reaction, No, exploration]
        };
        Ok(pairs.iter().map(levels).collect())
    }

    fn best(train: &[Example]) -> Option<String> {
        let train: Vec<&Example> = train.iter().collect();
        let Ok(best) = best_constant(&train, 7, &mut read);
        best
    }

    #[test]
    fn a_derangement_is_one_cycle_and_depends_on_the_seed() {
        for n in [2, 3, 10, 501] {
            let order = derangement(n, 1);
            let (mut at, mut length) = (order[0], 1);
            while at != 0 {
                (at, length) = (order[at], length + 1);
            }
            assert_eq!(length, n, "every place is in the cycle, so none is its own");
        }
        assert_eq!(derangement(501, 1), derangement(501, 1));
        assert_ne!(derangement(501, 1), derangement(501, 2));
        assert_eq!(derangement(1, 1), [0]);
        assert!(derangement(0, 1).is_empty());
    }

    #[test]
    fn answers_are_shuffled_whole() {
        let answers = ["a", "b", "c", "d"];
        let mut moved = shuffled(&answers, 3);
        assert!(moved.iter().zip(&answers).all(|(moved, own)| moved != own));
        moved.sort_unstable();
        assert_eq!(moved, answers);
    }

    #[test]
    fn both_answers_are_cut_to_the_words_of_the_shorter() {
        let first = ["I am so sorry .", "Oh", ""].map(str::to_string);
        let second = ["Sorry  to hear", "Oh no , why ?", "Yes"].map(str::to_string);
        let (first, second) = cut_to_equal_length(&first, &second);
        assert_eq!(first, ["I am so", "Oh", ""]);
        assert_eq!(second, ["Sorry to hear", "Oh", ""]);
    }

    #[test]
    fn the_best_constant_has_the_commonest_levels() {
        let mut train: Vec<Example> = (0..80)
            .map(|i| example(&format!("c{i}"), &format!("That is number {i}.")))
            .collect();
        // More frequent than any of them, and of a level that few have.
        train.extend((0..20).map(|i| example(&format!("q{i}"), "Why?")));
        let found = best(&train).unwrap();
        assert!(found.starts_with("That is number"), "{found}");
        assert_eq!(best(&train), Some(found), "the same again");
    }

    #[test]
    fn one_candidate_needs_no_trial_and_none_is_none() {
        assert_eq!(best(&[]), None);
        assert_eq!(best(&[example("a", " … "), example("b", "")]), None);
        assert_eq!(best(&[example("a", " Oh! ")]), Some("Oh!".to_string()));
    }

    #[test]
    fn the_search_is_bounded_whatever_the_number_of_examples() {
        let train: Vec<Example> = (0..5000)
            .map(|i| example(&format!("c{i}"), &format!("word {i}")))
            .collect();
        let train: Vec<&Example> = train.iter().collect();
        let mut identified = 0;
        let found = best_constant(&train, 1, &mut |pairs| {
            identified += pairs.len();
            read(pairs)
        });
        assert!(found.is_ok_and(|found| found.is_some()));
        assert_eq!(identified, 256 + 48 * 16 + 12 * 64 + 3 * 256);
    }

    #[test]
    fn a_failure_to_identify_ends_the_search() {
        let train = [example("a", "Oh!"), example("b", "Yes.")];
        let train: Vec<&Example> = train.iter().collect();
        let failed = best_constant(&train, 1, &mut |_| Err("stopped"));
        assert_eq!(failed, Err("stopped"));
    }
}
