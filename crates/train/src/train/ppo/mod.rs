//! Proximal policy optimisation of the generator (Eq. 6-15 of the paper), one file per part. The scores of
//! responses (Eq. 2-5) are in [`super::reward`], rollouts and what else it shares with other algorithms in
//! [`super::policy_gradient`].

pub mod advantage;
pub mod metrics;
pub mod objective;
pub mod step;
pub mod token_rewards;
mod update;
pub mod whiten;

use burn::tensor::{Device, Tensor};

use self::metrics::step_metrics;
use self::objective::{Minibatch, ObjectiveConfig, ResponseRow, objective};
use self::step::{PpoLearner, PpoState, StepOutcome, Stepper};
use crate::experiment::{Config, Stage};
use crate::train::policy_gradient::algorithm::{Algorithm, Around, Pace, StepResult};
use crate::train::policy_gradient::checks::Old;
use crate::train::policy_gradient::metrics::Seconds;
use crate::train::policy_gradient::rollout::{PolicyEvaluation, Rollout};
use crate::train::reward::Score;
use crate::train::session::Values;

/// PPO as an algorithm of the common stage.
pub struct Ppo;

impl Algorithm for Ppo {
    type State = PpoState;
    type Outcome = StepOutcome;

    fn stage(&self) -> Stage {
        Stage::Ppo
    }

    fn pace(&self, config: &Config) -> Pace {
        let settings = &config.ppo;
        Pace {
            tuning: settings.tuning,
            steps: settings.steps,
            batch: settings.batch,
            responses: 1,
            weight_decay: settings.weight_decay,
            evaluate_every: settings.evaluate_every,
        }
    }

    fn has_value_head(&self) -> bool {
        true
    }

    fn step(
        &self,
        around: &Around<'_>,
        learner: PpoLearner,
        rollout: &Rollout,
        scores: &[f32],
        number: u64,
    ) -> StepResult<PpoState, StepOutcome> {
        let stepper = Stepper {
            config: around.config,
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
        outcome: &StepOutcome,
        seconds: &Seconds,
    ) -> Values {
        step_metrics(rollout, total_metric, scores, outcome, seconds)
    }

    /// Without clipping of values, so that gradients reach the value head wherever it is.
    fn checked_loss(&self, old: &Old, now: PolicyEvaluation, device: &Device) -> Tensor<1> {
        let rows: Vec<ResponseRow<'_>> = (0..old.log_probs.len())
            .map(|row| ResponseRow {
                log_probs: &old.log_probs[row],
                values: &old.values[row],
                advantages: &old.advantages[row],
                returns: &old.returns[row],
            })
            .collect();
        let minibatch = Minibatch::new(&rows, now.log_probs.dims()[1], device);
        let config = ObjectiveConfig {
            value_clip_range: None,
            ..ObjectiveConfig::default()
        };
        objective(&config, &minibatch, now).loss
    }

    fn warning(&self, state: &PpoState) -> Option<String> {
        (state.skipped > 0).then(|| {
            format!(
                "{} updates were skipped because their mean ratio passed ppo.ratio_threshold",
                state.skipped
            )
        })
    }
}
