//! The texts of a run as tokens: what every stage reads.

use rand::seq::SliceRandom;

use super::error::TrainError;
use super::seed::{Draw, stream};
use crate::data::{DialogueSet, Example};
use crate::experiment::DataSettings;
use crate::text::Tokenizer;

/// An example with its tokens.
#[derive(Clone, Debug)]
pub struct Encoded {
    pub example: Example,
    /// Context, cut from the left, eos last.
    pub source: Vec<u32>,
    /// Target response, cut from the right, eos last.
    pub target: Vec<u32>,
}

/// The dialogues of a run.
#[derive(Clone, Debug)]
pub struct Material {
    pub train: Vec<Encoded>,
    pub validation: Vec<Encoded>,
    pub test: Vec<Encoded>,
}

impl Material {
    /// Draws the examples that the settings ask for and encodes them.
    pub fn prepare(
        set: &DialogueSet,
        settings: &DataSettings,
        run_seed: u64,
        tokenizer: &Tokenizer,
    ) -> Result<Self, TrainError> {
        let part = |examples: &[Example], limit: usize, row: u64, what: &str| {
            let mut order: Vec<usize> = (0..examples.len()).collect();
            if limit > 0 && limit < examples.len() {
                order.shuffle(&mut stream(run_seed, Draw::Subset, 0, row));
                order.truncate(limit);
                order.sort_unstable();
            }
            if order.is_empty() {
                return Err(TrainError::Empty {
                    what: format!("the {what} split of {}", set.name),
                    mend: "import the data set again".into(),
                });
            }
            order
                .into_iter()
                .map(|index| encode(&examples[index], settings, tokenizer))
                .collect::<Result<Vec<_>, _>>()
        };
        Ok(Material {
            train: part(&set.train, settings.train_limit, 0, "train")?,
            validation: part(&set.validation, settings.validation_limit, 1, "validation")?,
            test: part(&set.test, settings.test_limit, 2, "test")?,
        })
    }
}

fn encode(example: &Example, settings: &DataSettings, tokenizer: &Tokenizer) -> Result<Encoded, TrainError> {
    Ok(Encoded {
        source: keep_latest(tokenizer.encode(&example.context_text())?, settings.max_source),
        target: keep_first(tokenizer.encode(&example.target)?, settings.max_target),
        example: example.clone(),
    })
}

/// The last `max` tokens: the latest utterances are what the answer is about.
pub fn keep_latest(mut tokens: Vec<u32>, max: usize) -> Vec<u32> {
    let excess = tokens.len().saturating_sub(max);
    tokens.drain(..excess);
    tokens
}

/// The first `max` tokens, the eos kept at the end.
pub fn keep_first(mut tokens: Vec<u32>, max: usize) -> Vec<u32> {
    if tokens.len() > max {
        let eos = tokens[tokens.len() - 1];
        tokens.truncate(max);
        tokens[max - 1] = eos;
    }
    tokens
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_contexts_lose_their_oldest_tokens_and_long_targets_their_last() {
        assert_eq!(keep_latest(vec![5, 6, 7, 1], 3), [6, 7, 1]);
        assert_eq!(keep_first(vec![5, 6, 7, 1], 3), [5, 6, 1]);
        assert_eq!(keep_first(vec![5, 1], 3), [5, 1]);
    }
}
