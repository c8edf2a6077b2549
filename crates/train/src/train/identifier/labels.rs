//! The labelled pairs of a run, split for training and validation, as tokens for each mechanism.

use std::collections::BTreeSet;

use rand::seq::SliceRandom;

use crate::data::{EmpathyLevel, LabelledPair, LevelSet, Mechanism};
use crate::experiment::IdentifierSettings;
use crate::train::error::TrainError;
use crate::train::pair_tokenizer::{EncodedPair, PairTokenizer};
use crate::train::seed::{Draw, stream};

/// A labelled pair as tokens, for one mechanism.
pub struct Item {
    pub pair: EncodedPair,
    /// Index of the level.
    pub level: usize,
}

/// Labelled pairs for training and for validation; no seeker post is on both sides.
pub struct LabelledPairs<'a> {
    settings: &'a IdentifierSettings,
    /// Name of the data set.
    name: &'a str,
    pub train: Vec<&'a LabelledPair>,
    pub validation: Vec<&'a LabelledPair>,
}

impl<'a> LabelledPairs<'a> {
    /// Splits by seeker post, at random by `seed`.
    pub fn split(set: &'a LevelSet, settings: &'a IdentifierSettings, seed: u64) -> Self {
        let posts: BTreeSet<&str> = set
            .pairs
            .iter()
            .map(|pair| pair.seeker_id.as_str())
            .collect();
        let mut posts: Vec<&str> = posts.into_iter().collect();
        posts.shuffle(&mut stream(seed, Draw::Split, 0, 0));
        let count = (posts.len() as f64 * settings.validation_share).round() as usize;
        let held_out: BTreeSet<&str> = posts.into_iter().take(count).collect();
        let (validation, train) = set
            .pairs
            .iter()
            .partition(|pair| held_out.contains(pair.seeker_id.as_str()));
        LabelledPairs {
            settings,
            name: &set.name,
            train,
            validation,
        }
    }

    /// Batches of an epoch of one mechanism.
    pub fn batches(&self, mechanism: Mechanism) -> u64 {
        let labelled = labelled(&self.train, mechanism).count();
        labelled.div_ceil(self.settings.batch) as u64
    }

    /// The `pairs` that are labelled for a mechanism, as tokens.
    ///
    /// # Errors
    /// There are none.
    pub fn items(
        &self,
        pairs: &[&LabelledPair],
        mechanism: Mechanism,
        tokenizer: &PairTokenizer,
    ) -> Result<Vec<Item>, TrainError> {
        let items: Vec<Item> = labelled(pairs, mechanism)
            .map(|(pair, level)| Item {
                pair: tokenizer.encode(&pair.seeker_post, &pair.response_post),
                level: level.index(),
            })
            .collect();
        if items.is_empty() {
            return Err(TrainError::Empty {
                what: format!("{} of {}", mechanism.title(), self.name),
                fix: "import the data set again, or change identifiers.validation_share".into(),
            });
        }
        Ok(items)
    }
}

fn labelled<'p>(
    pairs: &'p [&LabelledPair],
    mechanism: Mechanism,
) -> impl Iterator<Item = (&'p LabelledPair, EmpathyLevel)> {
    pairs
        .iter()
        .filter_map(move |pair| Some((*pair, pair.levels[mechanism.index()]?)))
}

/// Weight of each level: 1, or the inverse of its share (scikit-learn's "balanced").
pub fn class_weights(items: &[Item], balanced: bool) -> [f32; 3] {
    if !balanced {
        return [1.0; 3];
    }
    let mut counts = [0_usize; 3];
    for item in items {
        counts[item.level] += 1;
    }
    counts.map(|count| items.len() as f32 / (3 * count.max(1)) as f32)
}
