//! The paper's reward (Eq. 2-5): how well the empathy levels of a response agree with its target's.
//!
//! Three identifiers, one for each mechanism, find the levels. In every array of three the order is
//! emotional reaction, interpretation, exploration.

use std::collections::{HashMap, HashSet};

use burn::tensor::Device;

use super::{Candidate, LevelShares, PayForLevels, Reward, Score, Term};
use crate::data::{EmpathyLevel, Example, Mechanism};
use crate::experiment::{ClassWeights, RewardSettings};
use crate::metrics::declared;
use crate::train::TrainError;
use crate::train::identifier_set::{IdentifierSet, LevelLogProbs, levels};
use crate::train::material::Encoded;

/// How well the empathy of one response agrees with its target's (Eq. 2-3).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EmpathyScore {
    /// `R_emp = exp(-Σ w_i · CE_i)`, in `[0, 1]`; 0 where every mechanism is switched off. Or what [`PayForLevels`]
    /// makes of it.
    pub total: f32,
    /// `exp(-CE_i)`: the probability that each identifier gives to the target's level, whatever
    /// the weights.
    pub per_mechanism: [f32; 3],
}

/// Scores one response (Eq. 2-5).
///
/// `log_probs[i]` is the log-probability that identifier `i` gives, for the response, to the level
/// that it found for the target (`-CE_i`); `weights[i]` scales it, and 0 switches the mechanism off.
/// The paper's weights are all 1.
pub fn empathy_score(log_probs: [f32; 3], weights: [f32; 3]) -> EmpathyScore {
    let mut negative_loss = 0.0;
    let mut any = false;
    for (log_prob, weight) in log_probs.into_iter().zip(weights) {
        // Not `weight * log_prob`: 0 × -inf would be NaN.
        if weight != 0.0 {
            negative_loss += weight * log_prob;
            any = true;
        }
    }
    EmpathyScore {
        total: if any { negative_loss.exp() } else { 0.0 },
        per_mechanism: log_probs.map(f32::exp),
    }
}

/// `-CE` of each mechanism (Eq. 3): the log-probability of the target's level.
pub fn target_log_probs(log_probs: &LevelLogProbs, target: &[EmpathyLevel; 3]) -> [f32; 3] {
    [0, 1, 2].map(|mechanism| log_probs[mechanism][target[mechanism].index()])
}

/// Weights of the three mechanisms in Eq. 3.
pub fn mechanism_weights(settings: &RewardSettings) -> [f32; 3] {
    [
        settings.emotional_reaction as f32,
        settings.interpretation as f32,
        settings.exploration as f32,
    ]
}

/// Training targets that the shares of levels are taken from, at most; at equal distances.
const SHARES_OF: usize = 4_096;

/// The empathy reward. Levels of targets are identified once and cached.
pub struct EmpathyReward<'a> {
    identifiers: &'a IdentifierSet,
    weights: [f32; 3],
    class_weights: bool,
    log_prior: bool,
    /// Where the shares of levels are taken from.
    train: &'a [Encoded],
    /// Unless the reward has the paper's form; found at the first score.
    pay: Option<PayForLevels>,
    device: Device,
    /// Levels of the targets that were met so far, by the example's index.
    targets: HashMap<usize, [EmpathyLevel; 3]>,
}

impl<'a> EmpathyReward<'a> {
    /// The reward of these settings; `train` are the run's training examples.
    pub fn new(
        identifiers: &'a IdentifierSet,
        settings: &RewardSettings,
        train: &'a [Encoded],
        device: Device,
    ) -> Self {
        EmpathyReward {
            identifiers,
            weights: mechanism_weights(settings),
            class_weights: settings.class_weights == ClassWeights::Balanced,
            log_prior: settings.log_prior,
            train,
            pay: None,
            device,
            targets: HashMap::new(),
        }
    }

    fn is_papers_form(&self) -> bool {
        !self.class_weights && !self.log_prior
    }

    /// How levels count, by their shares among the training targets; `None` for the paper's form.
    fn pay(&mut self) -> Option<PayForLevels> {
        if self.pay.is_none() && !self.is_papers_form() {
            let every = self.train.len().div_ceil(SHARES_OF).max(1);
            let examples = self.train.iter().step_by(every).map(|one| &one.example);
            let contexts: Vec<String> = examples.clone().map(Example::context_text).collect();
            let targets = examples.map(|example| example.target.as_str());
            let pairs: Vec<_> = contexts.iter().map(String::as_str).zip(targets).collect();
            let found = self.identifiers.log_probs(&pairs, 32, &self.device);
            let found: Vec<_> = found.iter().map(levels).collect();
            self.pay = Some(PayForLevels {
                shares: LevelShares::of(&found),
                class_weights: self.class_weights,
                log_prior: self.log_prior,
            });
        }
        self.pay
    }

    /// Identifies the targets that are not cached yet.
    ///
    /// One at a time and apart from the responses: which targets are new depends on where a run was
    /// resumed, and the last bits of a result depend on what else is in its batch.
    fn cache_targets(&mut self, candidates: &[Candidate<'_>], contexts: &[String]) {
        let mut new = HashSet::new();
        let (indices, pairs): (Vec<usize>, Vec<(&str, &str)>) = candidates
            .iter()
            .zip(contexts)
            .filter(|(candidate, _)| !self.targets.contains_key(&candidate.index))
            // Several responses may answer one example.
            .filter(|(candidate, _)| new.insert(candidate.index))
            .map(|(candidate, context)| {
                let pair = (context.as_str(), candidate.example.target.as_str());
                (candidate.index, pair)
            })
            .unzip();
        let found = self.identifiers.log_probs(&pairs, 1, &self.device);
        self.targets
            .extend(indices.into_iter().zip(found.iter().map(levels)));
    }
}

impl Reward for EmpathyReward<'_> {
    fn total_metric(&self) -> &'static str {
        match self.is_papers_form() {
            true => declared::EMPATHY_REWARD,
            false => declared::TOTAL_REWARD,
        }
    }

    fn score(&mut self, candidates: &[Candidate<'_>]) -> Result<Vec<Score>, TrainError> {
        let contexts: Vec<String> = candidates
            .iter()
            .map(|candidate| candidate.example.context_text())
            .collect();
        let pay = self.pay();
        self.cache_targets(candidates, &contexts);
        let pairs: Vec<(&str, &str)> = contexts
            .iter()
            .zip(candidates)
            .map(|(context, candidate)| (context.as_str(), candidate.response))
            .collect();
        let found = self
            .identifiers
            .log_probs(&pairs, pairs.len().max(1), &self.device);
        Ok(candidates
            .iter()
            .zip(&found)
            .map(|(candidate, log_probs)| {
                let target = &self.targets[&candidate.index];
                let log_probs = target_log_probs(log_probs, target);
                let mut score = empathy_score(log_probs, self.weights);
                if let Some(pay) = pay {
                    score.total = pay.total(log_probs, target, self.weights);
                }
                score.into()
            })
            .collect())
    }
}

impl From<EmpathyScore> for Score {
    fn from(score: EmpathyScore) -> Self {
        let term = |mechanism: Mechanism| Term {
            name: mechanism.key().into(),
            value: score.per_mechanism[mechanism.index()],
        };
        Score {
            total: score.total,
            terms: Mechanism::ALL.map(term).to_vec(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::declared;

    fn close(left: f32, right: f32) {
        assert!((left - right).abs() < 1e-5, "{left} against {right}");
    }

    #[test]
    fn the_reward_is_the_product_of_the_three_probabilities() {
        for (probability, expected) in [(0.9f32, 0.729), (0.6, 0.216), (1.0 / 3.0, 0.037_037)] {
            let score = empathy_score([probability.ln(); 3], [1.0; 3]);
            close(score.total, expected);
            for mechanism in score.per_mechanism {
                close(mechanism, probability);
            }
        }
    }

    #[test]
    fn a_mechanism_switched_off_does_not_count_even_when_impossible() {
        let score = empathy_score(
            [0.5f32.ln(), f32::NEG_INFINITY, 0.4f32.ln()],
            [1.0, 0.0, 1.0],
        );
        close(score.total, 0.2);
        close(score.per_mechanism[1], 0.0);
        assert_eq!(empathy_score([-1.0; 3], [0.0; 3]).total, 0.0);
        close(empathy_score([0.5f32.ln(); 3], [2.0, 0.0, 0.0]).total, 0.25);
    }

    #[test]
    fn an_impossible_level_gives_no_reward() {
        assert_eq!(
            empathy_score([0.0, f32::NEG_INFINITY, 0.0], [1.0; 3]).total,
            0.0
        );
    }

    #[test]
    fn its_terms_are_the_mechanisms_under_their_declared_metrics() {
        let score = Score::from(empathy_score([-1.0, -2.0, -3.0], [1.0; 3]));
        let keys: Vec<String> = score
            .terms
            .iter()
            .map(|t| declared::term_key(&t.name))
            .collect();
        assert_eq!(keys, declared::REWARD_KEYS);
        assert_eq!(score.terms[1].value, (-2.0f32).exp());
    }
}
