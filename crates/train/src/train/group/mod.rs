//! Algorithms that weigh several responses to one context against each other, and so need no value head: GRPO (Shao
//! et al. 2024) with its variants, and RLOO (Ahmadian et al. 2024). Equal to TRL 0.25.1's trainers.
//!
//! They differ in how rewards become advantages ([`advantage`]) and in what one ratio is of ([`objective`]).

pub mod advantage;
pub mod metrics;
pub mod objective;
pub mod settings;
pub mod step;
mod update;

use burn::tensor::{Device, Tensor};

use self::metrics::step_metrics;
use self::objective::{GroupBatch, GroupRow, objective};
use self::settings::GroupSettings;
use self::step::{GroupOutcome, GroupState, GroupStepper};
use crate::experiment::{Config, Stage};
use crate::train::policy_gradient::algorithm::{Algorithm, Around, Learner, Pace, StepResult};
use crate::train::policy_gradient::checks::Old;
use crate::train::policy_gradient::metrics::Seconds;
use crate::train::policy_gradient::rollout::{PolicyEvaluation, Rollout};
use crate::train::reward::Score;
use crate::train::session::Values;

/// Which of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupMethod {
    Grpo,
    Rloo,
}

impl Algorithm for GroupMethod {
    type State = GroupState;
    type Outcome = GroupOutcome;

    fn stage(&self) -> Stage {
        match self {
            GroupMethod::Grpo => Stage::Grpo,
            GroupMethod::Rloo => Stage::Rloo,
        }
    }

    fn pace(&self, config: &Config) -> Pace {
        GroupSettings::of(*self, config).pace
    }

    fn step(
        &self,
        around: &Around<'_>,
        learner: Learner<GroupState>,
        rollout: &Rollout,
        scores: &[f32],
        number: u64,
    ) -> StepResult<GroupState, GroupOutcome> {
        let stepper = GroupStepper {
            method: *self,
            settings: GroupSettings::of(*self, around.config),
            reference: around.reference,
            device: around.device,
        };
        stepper.step(learner, rollout, scores, number)
    }

    fn metrics(
        &self,
        rollout: &Rollout,
        total_metric: &'static str,
        scores: &[Score],
        outcome: &GroupOutcome,
        seconds: &Seconds,
    ) -> Values {
        step_metrics(*self, rollout, total_metric, scores, outcome, seconds)
    }

    /// By token, without the KL. Responses take turns in being better and worse than their group.
    fn checked_loss(&self, old: &Old, now: PolicyEvaluation, device: &Device) -> Tensor<1> {
        let rows: Vec<GroupRow<'_>> = (0..)
            .zip(&old.log_probs)
            .map(|(row, log_probs)| GroupRow {
                log_probs,
                reference_log_probs: log_probs,
                advantage: if row % 2 == 0 { 1.0 } else { -0.5 },
                weight: 1.0 / log_probs.len().max(1) as f32,
            })
            .collect();
        let batch = GroupBatch::new(&rows, now.log_probs.dims()[1], device);
        objective(&Default::default(), &batch, now.log_probs).loss
    }
}
