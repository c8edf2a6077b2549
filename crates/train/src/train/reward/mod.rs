//! Rewards: what a response is worth, as a total and a list of named terms.
//!
//! A new kind of term is a file beside `rules.rs`, a line in [`terms::Terms`] and its settings in `experiment/term.rs`;
//! metrics, alerts, plots, tables and rollouts read a reward's terms. Knows examples and texts; no policy, no trainer.

pub mod empathy;
mod error;
mod levels;
mod outside;
mod program;
mod rules;
pub mod terms;

use std::borrow::Cow;

use burn::tensor::Device;

pub use self::empathy::EmpathyReward;
pub use self::error::ScorerError;
pub use self::levels::{LevelShares, PayForLevels};
use self::terms::Terms;
use super::TrainError;
use super::identifier_set::IdentifierSet;
use super::material::Encoded;
use crate::data::Example;
use crate::experiment::{Alert, RewardSettings};
use crate::metrics::declared;

/// A response to be scored.
#[derive(Clone, Copy, Debug)]
pub struct Candidate<'a> {
    /// The example's place in the training set: the same throughout a run, so that what depends on the
    /// example alone can be cached.
    pub index: usize,
    /// What is answered: the context, and the listener's own answer as the target.
    pub example: &'a Example,
    pub response: &'a str,
}

/// The candidates of a batch: `responses` answer the examples at `indices`.
pub fn candidates<'a>(
    examples: &'a [Encoded],
    indices: &[usize],
    responses: &'a [String],
) -> Vec<Candidate<'a>> {
    indices
        .iter()
        .zip(responses)
        .map(|(&index, response)| Candidate {
            index,
            example: &examples[index].example,
            response,
        })
        .collect()
}

/// One part of a score.
#[derive(Clone, Debug, PartialEq)]
pub struct Term {
    /// The last part of its metric's key: `warmth` of `ppo/reward/warmth`.
    pub name: Cow<'static, str>,
    /// Before its weight.
    pub value: f32,
}

/// The score of one response, before shaping.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Score {
    /// The raw reward.
    pub total: f32,
    /// What it is made of; empty for a reward without parts.
    pub terms: Vec<Term>,
}

impl From<f32> for Score {
    /// A score without terms.
    fn from(total: f32) -> Self {
        Score {
            total,
            terms: Vec::new(),
        }
    }
}

/// Scores responses.
pub trait Reward {
    /// The key of the metric of its total.
    fn total_metric(&self) -> &'static str {
        declared::TOTAL_REWARD
    }

    /// One score for each candidate, in order.
    ///
    /// # Errors
    /// What the reward needs, such as a model or a service, failed.
    fn score(&mut self, candidates: &[Candidate<'_>]) -> Result<Vec<Score>, TrainError>;

    /// What went wrong since the last call, and went right when it was tried again.
    fn take_alerts(&mut self) -> Vec<Alert> {
        Vec::new()
    }
}

/// The reward that the settings ask for; `train` is what it is given for. Without `identifiers` there is none by
/// empathy.
///
/// # Errors
/// A scorer cannot be used as it is set.
pub fn chosen<'a>(
    settings: &RewardSettings,
    identifiers: Option<&'a IdentifierSet>,
    train: &'a [Encoded],
    device: &Device,
) -> Result<Box<dyn Reward + 'a>, TrainError> {
    let empathy = identifiers.filter(|_| settings.uses_identifiers());
    let empathy = empathy.map(|set| EmpathyReward::new(set, settings, train, device.clone()));
    Ok(match empathy {
        empathy if !settings.term.is_empty() => Box::new(Terms::new(&settings.term, empathy)?),
        Some(empathy) => Box::new(empathy),
        None => Box::new(NoReward),
    })
}

/// 0 for every response, which leaves only the KL penalty (the ablation "w/o Empathy Reward").
pub struct NoReward;

impl Reward for NoReward {
    fn score(&mut self, candidates: &[Candidate<'_>]) -> Result<Vec<Score>, TrainError> {
        Ok(vec![Score::default(); candidates.len()])
    }
}
