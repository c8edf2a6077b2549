//! What scores a response: the empathy reward, or any other rule in its place.
//!
//! Knows examples and texts; no policy, no tensors of it.

use std::collections::HashMap;

use burn::tensor::Device;

use super::reward::empathy_reward;
use crate::data::EmpathyLevel;
use crate::train::TrainError;
use crate::train::evaluate::level_rewards;
use crate::train::identifier_set::{IdentifierSet, levels};
use crate::train::material::Encoded;

/// The score of one response, before shaping.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Score {
    pub total: f32,
    /// exp(-CE) of each mechanism, where the score is made of them.
    pub per_mechanism: Option<[f32; 3]>,
}

/// Scores responses to training examples.
pub trait Scorer {
    /// One score for each of `responses`, which answer the examples at `indices`.
    fn score(
        &mut self,
        examples: &[Encoded],
        indices: &[usize],
        responses: &[String],
    ) -> Result<Vec<Score>, TrainError>;
}

/// The empathy reward (Eq. 2-5). Levels of the targets are found once and kept.
pub struct EmpathyScorer<'a> {
    identifiers: &'a IdentifierSet,
    weights: [f32; 3],
    device: Device,
    targets: HashMap<usize, [EmpathyLevel; 3]>,
}

impl<'a> EmpathyScorer<'a> {
    /// With the weights of the three mechanisms in Eq. 3.
    pub fn new(identifiers: &'a IdentifierSet, weights: [f32; 3], device: Device) -> Self {
        EmpathyScorer {
            identifiers,
            weights,
            device,
            targets: HashMap::new(),
        }
    }
}

impl Scorer for EmpathyScorer<'_> {
    fn score(
        &mut self,
        examples: &[Encoded],
        indices: &[usize],
        responses: &[String],
    ) -> Result<Vec<Score>, TrainError> {
        let unknown: Vec<usize> = indices
            .iter()
            .copied()
            .filter(|i| !self.targets.contains_key(i))
            .collect();
        let contexts: Vec<String> = indices
            .iter()
            .map(|&i| examples[i].example.context_text())
            .collect();
        let new_contexts: Vec<String> = unknown
            .iter()
            .map(|&i| examples[i].example.context_text())
            .collect();
        // One at a time, and apart from the responses: which targets are new depends on where a run was
        // resumed, and what a batch comes to, to the last bit, on what else is in it.
        let targets: Vec<(&str, &str)> = unknown
            .iter()
            .zip(&new_contexts)
            .map(|(&i, context)| (context.as_str(), examples[i].example.target.as_str()))
            .collect();
        let targets = self.identifiers.log_probs(&targets, 1, &self.device);
        self.targets
            .extend(unknown.iter().copied().zip(targets.iter().map(levels)));
        let pairs: Vec<(&str, &str)> = contexts
            .iter()
            .map(String::as_str)
            .zip(responses.iter().map(String::as_str))
            .collect();
        let generated = self
            .identifiers
            .log_probs(&pairs, pairs.len().max(1), &self.device);
        Ok(indices
            .iter()
            .zip(&generated)
            .map(|(index, log_probs)| {
                let reward =
                    empathy_reward(level_rewards(log_probs, &self.targets[index]), self.weights);
                Score {
                    total: reward.total,
                    per_mechanism: Some(reward.per_mechanism),
                }
            })
            .collect())
    }
}

/// No score at all: what is left is the KL penalty (the ablation "w/o Empathy Reward").
pub struct NoScore;

impl Scorer for NoScore {
    fn score(
        &mut self,
        _: &[Encoded],
        indices: &[usize],
        _: &[String],
    ) -> Result<Vec<Score>, TrainError> {
        Ok(vec![
            Score {
                total: 0.0,
                per_mechanism: None
            };
            indices.len()
        ])
    }
}
