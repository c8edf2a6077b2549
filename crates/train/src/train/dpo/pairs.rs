//! Preference pairs as tokens, and which of them are for validation.

use std::collections::{BTreeMap, HashSet};

use rand::seq::SliceRandom;

use crate::data::preferences::{PreferencePair, PreferenceSet};
use crate::experiment::DpoSettings;
use crate::train::TrainError;
use crate::train::model_tokenizer::ModelTokenizer;
use crate::train::seed::{Draw, stream};

/// Fewest tokens that are left to a context.
const LEAST_CONTEXT: usize = 8;

/// A pair as the model reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncodedPreference {
    /// Cut from the left, the same for both responses.
    pub context: Vec<u32>,
    /// Cut from the right, with the token that ends it.
    pub chosen: Vec<u32>,
    pub rejected: Vec<u32>,
}

impl EncodedPreference {
    /// # Errors
    /// The chat template refuses the context, or takes all the tokens itself.
    pub fn new(
        pair: &PreferencePair,
        settings: &DpoSettings,
        tokenizer: &ModelTokenizer,
    ) -> Result<Self, TrainError> {
        let room = settings.max_length.saturating_sub(LEAST_CONTEXT).max(1);
        let longest = match settings.max_completion_length {
            0 => room,
            own => own.min(room),
        };
        let [chosen, rejected] =
            [&pair.chosen, &pair.rejected].map(|text| tokenizer.response(text, longest));
        let left = settings.max_length - chosen.len().max(rejected.len());
        Ok(EncodedPreference {
            context: tokenizer.context(pair.turns(), settings.max_prompt_length.min(left))?,
            chosen,
            rejected,
        })
    }

    /// Tokens of both responses after the context.
    pub fn tokens(&self) -> usize {
        2 * self.context.len() + self.chosen.len() + self.rejected.len()
    }
}

/// The training and the validation pairs of a set. All pairs of one context are on the same side.
///
/// # Errors
/// No pair is left for training, or as [`EncodedPreference::new`].
pub fn training_pairs(
    set: &PreferenceSet,
    settings: &DpoSettings,
    run_seed: u64,
    tokenizer: &ModelTokenizer,
) -> Result<(Vec<EncodedPreference>, Vec<EncodedPreference>), TrainError> {
    let held_out = held_out(set, settings.validation_share, run_seed);
    let (mut train, mut validation) = (Vec::new(), Vec::new());
    for (index, pair) in set.pairs.iter().enumerate() {
        let side = match held_out.contains(&index) {
            true => &mut validation,
            false => &mut train,
        };
        side.push(EncodedPreference::new(pair, settings, tokenizer)?);
    }
    match train.is_empty() {
        true => Err(TrainError::Empty {
            what: format!("the set of preference pairs {}", set.name),
            fix: "import some".into(),
        }),
        false => Ok((train, validation)),
    }
}

/// The pairs for validation: those of a share of the contexts, drawn by seed; at least one, and never all.
fn held_out(set: &PreferenceSet, share: f64, run_seed: u64) -> HashSet<usize> {
    let mut by_context: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (index, pair) in set.pairs.iter().enumerate() {
        let key = pair.turns().text().to_lowercase();
        by_context.entry(key).or_default().push(index);
    }
    let mut contexts: Vec<Vec<usize>> = by_context.into_values().collect();
    if share == 0.0 || contexts.len() < 2 {
        return HashSet::new();
    }
    let count = (contexts.len() as f64 * share).round() as usize;
    let count = count.clamp(1, contexts.len() - 1);
    contexts.shuffle(&mut stream(run_seed, Draw::PreferenceSplit, 0, 0));
    contexts.into_iter().take(count).flatten().collect()
}

/// Training and validation pairs of a set, counted without reading their tokens.
pub(in crate::train) fn counts(
    set: &PreferenceSet,
    settings: &DpoSettings,
    run_seed: u64,
) -> (usize, usize) {
    let validation = held_out(set, settings.validation_share, run_seed).len();
    (set.pairs.len() - validation, validation)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(contexts: &[&str]) -> PreferenceSet {
        let pair = |context: &&str| PreferencePair {
            context: vec![context.to_string()],
            roles: Vec::new(),
            chosen: "yes".into(),
            rejected: "no".into(),
            judgement: None,
        };
        PreferenceSet {
            name: "mine".into(),
            fingerprint: String::new(),
            pairs: contexts.iter().map(pair).collect(),
        }
    }

    #[test]
    fn a_context_is_on_one_side() {
        let set = set(&["a", "b", "A", "c", "b", "d", "e", "f", "g", "h"]);
        for seed in 0..20 {
            let drawn = held_out(&set, 0.25, seed);
            assert_eq!(drawn, held_out(&set, 0.25, seed));
            let sides: BTreeMap<String, HashSet<bool>> =
                set.pairs
                    .iter()
                    .enumerate()
                    .fold(BTreeMap::new(), |mut sides, (at, pair)| {
                        let side: &mut HashSet<bool> =
                            sides.entry(pair.context[0].to_lowercase()).or_default();
                        side.insert(drawn.contains(&at));
                        sides
                    });
            assert!(sides.values().all(|side| side.len() == 1));
            assert_eq!(
                sides.values().filter(|side| side.contains(&true)).count(),
                2
            );
        }
    }

    #[test]
    fn something_is_always_left_to_learn_from() {
        assert!(held_out(&set(&["a", "a"]), 0.9, 1).is_empty());
        assert_eq!(held_out(&set(&["a", "b"]), 0.9, 1).len(), 1);
        assert_eq!(held_out(&set(&["a", "b"]), 0.01, 1).len(), 1);
        assert!(held_out(&set(&["a", "b"]), 0.0, 1).is_empty());
    }
}
