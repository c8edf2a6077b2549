//! The updates of one step: iterations over its batch, each gathering the gradients of all parts. Advantages are
//! given; knows no rewards and no scorer.

use std::ops::Range;

use burn::optim::{GradientsAccumulator, GradientsParams};
use burn::tensor::Device;

use super::GroupMethod;
use super::objective::{GroupBatch, GroupLoss, GroupRow, GroupStatistics, objective};
use super::settings::GroupSettings;
use crate::train::TrainError;
use crate::train::optimizer::AdamW;
use crate::train::policy::Policy;
use crate::train::policy_gradient::algorithm::Algorithm;
use crate::train::policy_gradient::rollout::{PolicyEvaluation, Rollout, forward_tempered};

/// The result of one update.
#[derive(Clone, Debug)]
pub struct GroupUpdate {
    /// Means over its parts; the loss is their sum, the largest ratio that of all.
    pub statistics: GroupStatistics,
    /// Norm of the gradients before clipping.
    pub norm: f64,
}

/// All updates from one batch.
pub(super) struct Iterations<'a> {
    pub method: GroupMethod,
    pub settings: &'a GroupSettings,
    pub rollout: &'a Rollout,
    /// What the rollout fixed of each response.
    pub rows: &'a [GroupRow<'a>],
    pub parts: &'a [Range<usize>],
    pub lr: f64,
    /// The step, from 0.
    pub number: u64,
    /// Without autodiff.
    pub device: &'a Device,
}

impl Iterations<'_> {
    /// Runs all updates. `ahead` is the forward pass of the first part, if the caller has it.
    ///
    /// # Errors
    /// If a loss is not finite.
    pub fn run(
        &self,
        mut policy: Policy,
        optimizer: &mut AdamW,
        mut ahead: Option<PolicyEvaluation>,
    ) -> Result<(Policy, Vec<GroupUpdate>), TrainError> {
        let mut updates = Vec::new();
        for _ in 0..self.settings.iterations {
            let mut accumulated = GradientsAccumulator::new();
            let mut statistics = Vec::new();
            for part in self.parts {
                let done = self.objective(&policy, part.clone(), ahead.take())?;
                let gradients = GradientsParams::from_grads(done.loss.backward(), &policy);
                accumulated.accumulate(&policy, gradients);
                statistics.push(done.statistics);
            }
            let norm;
            let max_norm = self.settings.max_gradient_norm;
            (policy, norm) = optimizer.step(self.lr, policy, accumulated.grads(), max_norm);
            updates.push(GroupUpdate {
                statistics: together(&statistics),
                norm,
            });
        }
        Ok((policy, updates))
    }

    /// The objective of the rows at `part`; `ahead` is their forward pass, if the caller has it.
    fn objective(
        &self,
        policy: &Policy,
        part: Range<usize>,
        ahead: Option<PolicyEvaluation>,
    ) -> Result<GroupLoss, TrainError> {
        let settings = self.settings;
        let evaluation = match ahead {
            Some(evaluation) => evaluation,
            None => {
                let part = part.clone();
                forward_tempered(policy, self.rollout, part, settings.temperature).evaluation
            }
        };
        let width = evaluation.log_probs.dims()[1];
        let batch = GroupBatch::new(&self.rows[part], width, self.device);
        let result = objective(&settings.objective, &batch, evaluation.log_probs);
        if result.statistics.loss.is_finite() {
            return Ok(result);
        }
        Err(TrainError::NotFinite {
            stage: self.method.stage(),
            step: self.number + 1,
            loss: result.statistics.loss.into(),
            setting: settings.lr_path,
        })
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
