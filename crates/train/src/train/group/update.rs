//! The updates of one step: iterations over its batch, each gathering the gradients of all parts. Advantages and
//! forward passes are given; knows no rewards, no rollout and no scorer.

use std::ops::Range;

use burn::optim::{GradientsAccumulator, GradientsParams};
use burn::tensor::Device;

use super::GroupMethod;
use super::objective::{GroupBatch, GroupRow, GroupStatistics, objective};
use super::settings::GroupSettings;
use crate::train::TrainError;
use crate::train::optimizer::AdamW;
use crate::train::policy::Policy;
use crate::train::policy_gradient::algorithm::Algorithm;
use crate::train::policy_gradient::rollout::PolicyEvaluation;

/// The result of one update.
#[derive(Clone, Debug)]
pub struct GroupUpdate {
    /// Means over its parts; the loss is their sum, the largest ratio that of all.
    pub statistics: GroupStatistics,
    /// Norm of the gradients before clipping.
    pub norm: f64,
}

/// The updates from one batch.
pub(super) struct Updates<'a> {
    pub method: GroupMethod,
    pub settings: &'a GroupSettings,
    pub lr: f64,
    /// The step, from 0.
    pub number: u64,
    /// Without autodiff.
    pub device: &'a Device,
}

/// The gradients of the parts that were passed so far.
pub(super) struct Gathered {
    gradients: GradientsAccumulator<Policy>,
    statistics: Vec<GroupStatistics>,
}

impl Gathered {
    pub fn new() -> Self {
        Gathered {
            gradients: GradientsAccumulator::new(),
            statistics: Vec::new(),
        }
    }
}

impl Updates<'_> {
    /// Runs all updates. `first` has the gradients of the first, if the caller gathered them; for the others, `pass` is
    /// the forward pass over the rows of a part, and `rows` what the rollout fixed of each.
    ///
    /// # Errors
    /// If a loss is not finite.
    pub fn run(
        &self,
        mut policy: Policy,
        optimizer: &mut AdamW,
        mut first: Option<Gathered>,
        parts: &[Range<usize>],
        rows: &[GroupRow<'_>],
        pass: impl Fn(&Policy, Range<usize>) -> PolicyEvaluation,
    ) -> Result<(Policy, Vec<GroupUpdate>), TrainError> {
        let mut updates = Vec::new();
        for _ in 0..self.settings.iterations {
            let mut gathered = match first.take() {
                Some(gathered) => gathered,
                None => {
                    let mut gathered = Gathered::new();
                    for part in parts {
                        let evaluation = pass(&policy, part.clone());
                        gathered =
                            self.gather(gathered, &policy, &rows[part.clone()], evaluation)?;
                    }
                    gathered
                }
            };
            let norm;
            let max_norm = self.settings.max_gradient_norm;
            let gradients = gathered.gradients.grads();
            (policy, norm) = optimizer.step(self.lr, policy, gradients, max_norm);
            updates.push(GroupUpdate {
                statistics: together(&gathered.statistics),
                norm,
            });
        }
        Ok((policy, updates))
    }

    /// Adds the gradients of a part, from its forward pass and what the rollout fixed of its rows.
    ///
    /// # Errors
    /// If the loss is not finite.
    pub fn gather(
        &self,
        mut gathered: Gathered,
        policy: &Policy,
        rows: &[GroupRow<'_>],
        evaluation: PolicyEvaluation,
    ) -> Result<Gathered, TrainError> {
        let width = evaluation.log_probs.dims()[1];
        let batch = GroupBatch::new(rows, width, self.device);
        let done = objective(&self.settings.objective, &batch, evaluation.log_probs);
        if !done.statistics.loss.is_finite() {
            return Err(TrainError::NotFinite {
                stage: self.method.stage(),
                step: self.number + 1,
                loss: done.statistics.loss.into(),
                setting: self.settings.lr_path,
            });
        }
        let gradients = GradientsParams::from_grads(done.loss.backward(), policy);
        gathered.gradients.accumulate(policy, gradients);
        gathered.statistics.push(done.statistics);
        Ok(gathered)
    }
}

fn together(parts: &[GroupStatistics]) -> GroupStatistics {
    let sum = |figure: fn(&GroupStatistics) -> f32| parts.iter().map(figure).sum::<f32>();
    let mean = |figure| sum(figure) / parts.len().max(1) as f32;
    GroupStatistics {
        loss: sum(|part| part.loss),
        kl: mean(|part| part.kl),
        clip_low: mean(|part| part.clip_low),
        clip_high: mean(|part| part.clip_high),
        ratio_mean: mean(|part| part.ratio_mean),
        ratio_max: parts.iter().map(|part| part.ratio_max).fold(0.0, f32::max),
        approximate_kl: mean(|part| part.approximate_kl),
    }
}
