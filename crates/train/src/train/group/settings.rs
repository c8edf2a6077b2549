//! The settings of either algorithm in one form.

use super::GroupMethod;
use super::objective::{GroupObjective, Ratio};
use crate::experiment::{
    Config, GrpoSettings, ImportanceSamplingLevel, LossType, LrSchedule, RlooSettings, ScaleRewards,
};
use crate::train::evaluate::sampling;
use crate::train::policy_gradient::algorithm::Pace;

/// How rewards become advantages.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Baseline {
    /// The mean of the group (GRPO), divided by a standard deviation.
    GroupMean(ScaleRewards),
    /// The mean of the others; divided by the batch's standard deviation if `normalize`.
    LeaveOneOut { normalize: bool },
}

/// What a step reads.
#[derive(Clone, Debug)]
pub struct GroupSettings {
    pub pace: Pace,
    pub baseline: Baseline,
    pub objective: GroupObjective,
    pub loss_type: LossType,
    /// Weight of a response's KL in its reward.
    pub reward_beta: f64,
    pub iterations: usize,
    /// Parts whose gradients are gathered for one update.
    pub parts: usize,
    pub lr: f64,
    pub lr_schedule: LrSchedule,
    pub max_gradient_norm: f64,
    /// For messages: the setting of the learning rate.
    pub lr_path: &'static str,
    /// What logits are divided by: log-probabilities are those of the sampling temperature, as in TRL.
    pub temperature: f32,
    /// Tokens of a response at most.
    pub longest: usize,
}

impl GroupSettings {
    pub fn of(method: GroupMethod, config: &Config) -> Self {
        match method {
            GroupMethod::Grpo => Self::of_grpo(&config.grpo, config),
            GroupMethod::Rloo => Self::of_rloo(&config.rloo, config),
        }
    }

    fn of_grpo(settings: &GrpoSettings, config: &Config) -> Self {
        GroupSettings {
            pace: Pace {
                tuning: settings.tuning,
                steps: settings.steps,
                batch: settings.batch,
                responses: settings.num_generations,
                weight_decay: settings.weight_decay,
                evaluate_every: settings.evaluate_every,
            },
            baseline: Baseline::GroupMean(settings.scale_rewards),
            objective: GroupObjective {
                clip_low: settings.epsilon as f32,
                clip_high: upper(settings.epsilon_high, settings.epsilon),
                beta: settings.beta as f32,
                ratio: match settings.importance_sampling_level {
                    ImportanceSamplingLevel::Token => Ratio::OfToken,
                    ImportanceSamplingLevel::Sequence => Ratio::MeanOfResponse,
                },
            },
            loss_type: settings.loss_type,
            reward_beta: 0.0,
            iterations: settings.num_iterations,
            parts: settings.gradient_accumulation_steps,
            lr: settings.lr,
            lr_schedule: settings.lr_schedule,
            max_gradient_norm: settings.max_gradient_norm,
            lr_path: "grpo.lr",
            temperature: sampling(&config.sampling).temperature,
            longest: config.sampling.max_new_tokens,
        }
    }

    fn of_rloo(settings: &RlooSettings, config: &Config) -> Self {
        GroupSettings {
            pace: Pace {
                tuning: settings.tuning,
                steps: settings.steps,
                batch: settings.batch,
                responses: settings.num_generations,
                weight_decay: settings.weight_decay,
                evaluate_every: settings.evaluate_every,
            },
            baseline: Baseline::LeaveOneOut {
                normalize: settings.normalize_advantages,
            },
            objective: GroupObjective {
                clip_low: settings.epsilon as f32,
                clip_high: upper(settings.epsilon_high, settings.epsilon),
                beta: 0.0,
                ratio: Ratio::OfResponse,
            },
            // With one ratio for a response, the mean over its tokens is the response's own loss.
            loss_type: LossType::Grpo,
            reward_beta: settings.beta,
            iterations: settings.num_iterations,
            parts: settings.gradient_accumulation_steps,
            lr: settings.lr,
            lr_schedule: settings.lr_schedule,
            max_gradient_norm: settings.max_gradient_norm,
            lr_path: "rloo.lr",
            temperature: sampling(&config.sampling).temperature,
            longest: config.sampling.max_new_tokens,
        }
    }

    /// β as it is logged: of the loss in GRPO, of the reward in RLOO.
    pub fn beta(&self) -> f64 {
        match self.baseline {
            Baseline::GroupMean(_) => f64::from(self.objective.beta),
            Baseline::LeaveOneOut { .. } => self.reward_beta,
        }
    }
}

/// 0 stands for the lower range.
fn upper(epsilon_high: f64, epsilon: f64) -> f32 {
    match epsilon_high > 0.0 {
        true => epsilon_high as f32,
        false => epsilon as f32,
    }
}
