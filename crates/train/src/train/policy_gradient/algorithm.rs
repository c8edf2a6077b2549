//! What an algorithm adds to the common stage: its step, its state, its metrics.

use std::collections::BTreeMap;

use burn::tensor::{Device, Tensor};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::checks::Old;
use super::metrics::Seconds;
use super::record::StepFigures;
use super::rollout::{PolicyEvaluation, Rollout};
use crate::experiment::{Change, Config, Problem, Stage, Tuning};
use crate::train::TrainError;
use crate::train::optimizer::AdamW;
use crate::train::policy::Policy;
use crate::train::reward::Score;
use crate::train::session::Values;

/// An algorithm that trains a policy from its own responses and their scores.
pub trait Algorithm {
    /// What changes from step to step besides weights and optimizer; saved in checkpoints.
    type State: LearnerState;
    /// The results of a step.
    type Outcome: StepFigures;

    fn stage(&self) -> Stage;

    fn pace(&self, config: &Config) -> Pace;

    /// Whether the policy has a value head.
    fn has_value_head(&self) -> bool {
        false
    }

    /// Step `number` (from 0) on a rollout sampled from the learner's policy, with one raw score per response.
    ///
    /// # Errors
    /// If a loss is not finite.
    fn step(
        &self,
        around: &Around<'_>,
        learner: Learner<Self::State>,
        rollout: &Rollout,
        scores: &[f32],
        number: u64,
    ) -> StepResult<Self::State, Self::Outcome>;

    /// All metrics of a step by declared key; the mean total of `scores` as `total_metric`.
    fn metrics(
        &self,
        rollout: &Rollout,
        total_metric: &'static str,
        scores: &[Score],
        outcome: &Self::Outcome,
        seconds: &Seconds,
    ) -> Values;

    /// The objective that the self-checks watch: that of a step, with the old policy's side given.
    fn checked_loss(&self, old: &Old, now: PolicyEvaluation, device: &Device) -> Tensor<1>;

    /// What a person should know of a stage that is complete, if anything.
    fn warning(&self, _state: &Self::State) -> Option<String> {
        None
    }
}

/// The learner after a step and the step's results.
pub type StepResult<S, O> = Result<(Learner<S>, O), Box<FailedStep<O>>>;

/// What changes from step to step besides weights and optimizer.
pub trait LearnerState: Serialize + DeserializeOwned {
    /// Before the first step.
    fn new(config: &Config) -> Self;

    /// Changes a setting from the next step on.
    ///
    /// # Errors
    /// The value is out of the setting's range.
    fn set(&mut self, change: &Change, config: &mut Config) -> Result<(), Problem>;

    /// The settings changed so far.
    fn changes(&self) -> &Changes;
}

/// Everything that a step changes.
pub struct Learner<S> {
    /// On a device with autodiff, frozen where it is not trained.
    pub policy: Policy,
    pub optimizer: AdamW,
    pub state: S,
}

/// What stays the same from step to step.
pub struct Around<'a> {
    pub config: &'a Config,
    /// `ρ` of Eq. 6.
    pub reference: &'a Policy,
    /// Without autodiff.
    pub device: &'a Device,
}

/// A step that failed, with what was computed before the updates.
#[derive(Debug)]
pub struct FailedStep<O> {
    pub error: TrainError,
    /// Without updates.
    pub outcome: O,
}

/// How the stage goes, by the algorithm's own settings.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    pub tuning: Tuning,
    pub steps: u64,
    /// Contexts a batch.
    pub batch: usize,
    /// Responses to each context.
    pub responses: usize,
    pub weight_decay: f64,
    /// Steps from one evaluation to the next.
    pub evaluate_every: u64,
}

/// Settings changed during a run, by path.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Changes(BTreeMap<String, f64>);

impl Changes {
    /// Changes a setting and remembers it.
    ///
    /// # Errors
    /// The value is out of the setting's range.
    pub fn make(&mut self, change: &Change, config: &mut Config) -> Result<(), Problem> {
        change.apply(config)?;
        self.0.insert(change.path().to_string(), change.value());
        Ok(())
    }

    /// Applies the changes so far to the settings that the run was started with.
    ///
    /// # Errors
    /// A value in the checkpoint is out of its setting's range.
    pub fn apply(&self, config: &mut Config) -> Result<(), Problem> {
        self.0
            .iter()
            .try_for_each(|(path, value)| Change::new(path, *value)?.apply(config))
    }
}
