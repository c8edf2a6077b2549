//! The updates of one PPO step (Eq. 13-15): epochs over its batch, minibatches, accumulation, clipping.
//! Advantages and returns are given; knows no rewards, no reference and no scorer.

use std::ops::Range;

use burn::optim::{GradientsAccumulator, GradientsParams};
use burn::tensor::Device;

use super::objective::{
    Minibatch, Objective, ObjectiveConfig, ObjectiveStatistics, ResponseRow, objective,
};
use crate::experiment::{PpoSettings, Stage};
use crate::train::TrainError;
use crate::train::optimizer::AdamW;
use crate::train::policy::Policy;
use crate::train::policy_gradient::rollout::{PolicyEvaluation, Rollout, forward};
use crate::train::policy_gradient::truncation::TruncatedDistribution;

/// All epochs over one batch (Eq. 13-15).
pub(super) struct Epochs<'a> {
    pub settings: &'a PpoSettings,
    pub rollout: &'a Rollout,
    /// Old log-probabilities, values, advantages and returns of each response.
    pub rows: &'a [ResponseRow<'a>],
    pub truncation: Option<&'a TruncatedDistribution>,
    pub lr: f64,
    /// The step, from 0.
    pub number: u64,
    /// Without autodiff.
    pub device: &'a Device,
}

impl Epochs<'_> {
    /// Runs all epochs, or stops early once the policy has moved past `target_kl`. `ahead` is the forward pass of
    /// the first minibatch, if the caller has it.
    ///
    /// # Errors
    /// If a loss is not finite.
    pub fn run(
        &self,
        mut policy: Policy,
        optimizer: &mut AdamW,
        mut ahead: Option<PolicyEvaluation>,
    ) -> Result<(Policy, Vec<Update>), TrainError> {
        let settings = self.settings;
        let parts: Vec<Range<usize>> = parts(self.rows.len(), settings.minibatches).collect();
        let mut updates = Vec::new();
        for _ in 0..settings.epochs {
            for group in parts.chunks(settings.accumulation) {
                let first = self.number == 0 && updates.is_empty();
                let max_norm = if settings.clip_once && !first {
                    0.0
                } else {
                    settings.max_gradient_norm
                };
                let done;
                (policy, done) = self.update(policy, optimizer, group, ahead.take(), max_norm)?;
                let moved = |update: &Update| f64::from(update.statistics.approximate_kl);
                let far = done
                    .iter()
                    .any(|update| !update.skipped && moved(update) > settings.target_kl);
                updates.extend(done);
                if settings.target_kl > 0.0 && far {
                    return Ok((policy, updates));
                }
            }
        }
        Ok((policy, updates))
    }

    /// One update from the accumulated gradients of the minibatches in `group`, clipped to `max_norm` unless that
    /// is 0.
    fn update(
        &self,
        mut policy: Policy,
        optimizer: &mut AdamW,
        group: &[Range<usize>],
        mut ahead: Option<PolicyEvaluation>,
        max_norm: f64,
    ) -> Result<(Policy, Vec<Update>), TrainError> {
        let mut accumulated = GradientsAccumulator::new();
        let mut done = Vec::new();
        for part in group {
            let result = self.objective(&policy, part.clone(), ahead.take())?;
            if !result.skip {
                let loss = result.loss.mul_scalar(self.share(part, group));
                let gradients = GradientsParams::from_grads(loss.backward(), &policy);
                accumulated.accumulate(&policy, gradients);
            }
            done.push(Update {
                statistics: result.statistics,
                norm: 0.0,
                skipped: result.skip,
            });
        }
        if done.iter().any(|update| !update.skipped) {
            let norm;
            (policy, norm) = optimizer.step(self.lr, policy, accumulated.grads(), max_norm);
            for update in done.iter_mut().filter(|update| !update.skipped) {
                update.norm = norm;
            }
        }
        Ok((policy, done))
    }

    /// The objective of the rows at `part`; `ahead` is their forward pass, if the caller has it.
    fn objective(
        &self,
        policy: &Policy,
        part: Range<usize>,
        ahead: Option<PolicyEvaluation>,
    ) -> Result<Objective, TrainError> {
        let (settings, device) = (self.settings, self.device);
        let evaluation = match ahead {
            Some(evaluation) => evaluation,
            None => forward(policy, self.rollout, part.clone(), self.truncation).evaluation,
        };
        let width = evaluation.log_probs.dims()[1];
        let first = usize::from(settings.skip_first_token);
        let minibatch = Minibatch::from_column(first, &self.rows[part], width, device);
        let result = objective(&objective_config(settings), &minibatch, evaluation);
        if result.statistics.total_loss.is_finite() {
            Ok(result)
        } else {
            Err(TrainError::NotFinite {
                stage: Stage::Ppo,
                step: self.number + 1,
                loss: result.statistics.total_loss.into(),
                setting: "ppo.lr",
            })
        }
    }

    /// Weight of a minibatch in its update: its share of the tokens, so that accumulation equals one large
    /// minibatch, or the same for all.
    fn share(&self, part: &Range<usize>, group: &[Range<usize>]) -> f32 {
        let tokens = |part: &Range<usize>| -> usize {
            let rows = self.rows[part.clone()].iter();
            rows.map(|row| row.log_probs.len()).sum()
        };
        let all: usize = group.iter().map(tokens).sum();
        if self.settings.equal_parts || all == 0 {
            1.0 / group.len() as f32
        } else {
            tokens(part) as f32 / all as f32
        }
    }
}

/// The result of one minibatch.
#[derive(Clone, Debug)]
pub struct Update {
    pub statistics: ObjectiveStatistics,
    /// Norm of its update's gradients before clipping; 0 if it was skipped.
    pub norm: f64,
    /// The mean ratio passed its threshold, so the gradients were not used.
    pub skipped: bool,
}

fn objective_config(settings: &PpoSettings) -> ObjectiveConfig {
    ObjectiveConfig {
        clip_range: settings.clip_range as f32,
        value_coefficient: settings.value_coefficient as f32,
        value_clip_range: (settings.value_clip_range > 0.0)
            .then_some(settings.value_clip_range as f32),
        ratio_threshold: settings.ratio_threshold as f32,
    }
}

/// `rows` cut into `count` parts of nearly equal size.
fn parts(rows: usize, count: usize) -> impl Iterator<Item = Range<usize>> {
    (0..count)
        .map(move |part| rows * part / count..rows * (part + 1) / count)
        .filter(|range| !range.is_empty())
}
