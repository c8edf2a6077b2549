//! One PPO step on a given rollout and its scores: rewards (Eq. 7-8), advantages (Eq. 9-10) and the updates
//! ([`super::update`]). Knows no data, no scorer and no session.

use std::time::Instant;

use burn::module::Module;
use burn::tensor::Device;
use serde::{Deserialize, Serialize};

use super::advantage::{AdvantageEstimate, estimate, estimate_into_padding};
use super::objective::ResponseRow;
use super::token_rewards::token_rewards;
use super::update::Epochs;
pub use super::update::Update;
use super::whiten::{Variance, moments, whiten};
use crate::experiment::{Change, Config, KlControlChoice, Problem, TokenFigures, TruncatedFigures};
use crate::train::evaluate::sampling;
use crate::train::policy::Policy;
use crate::train::policy_gradient::algorithm::{
    Changes, FailedStep, Learner, LearnerState, StepResult,
};
use crate::train::policy_gradient::kl::KlControl;
use crate::train::policy_gradient::record::StepFigures;
use crate::train::policy_gradient::rollout::{
    AgainstReference, PolicyEvaluation, PolicyOutput, Rollout, against_reference, forward,
};
use crate::train::policy_gradient::shaping::ScoreShaper;
use crate::train::policy_gradient::truncation::TruncatedDistribution;
use crate::train::tensors::to_rows;

/// What changes from step to step besides weights and optimizer; saved in checkpoints.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PpoState {
    /// β and how it adapts.
    pub kl_control: KlControl,
    /// How scores are shaped into rewards.
    pub shaper: ScoreShaper,
    /// Updates skipped so far.
    pub skipped: u64,
    /// Settings changed during the run, by path.
    #[serde(default)]
    pub changes: Changes,
}

impl LearnerState for PpoState {
    fn new(config: &Config) -> Self {
        let reward = &config.reward;
        PpoState {
            kl_control: match reward.kl_control {
                KlControlChoice::Fixed => KlControl::Fixed { beta: reward.beta },
                KlControlChoice::Adaptive => KlControl::Adaptive {
                    beta: reward.beta,
                    target: reward.kl_target,
                    horizon: reward.kl_horizon,
                },
            },
            shaper: ScoreShaper::of(reward),
            skipped: 0,
            changes: Changes::default(),
        }
    }

    fn set(&mut self, change: &Change, config: &mut Config) -> Result<(), Problem> {
        self.changes.make(change, config)?;
        match change.path() {
            "reward.beta" => self.kl_control.set_beta(change.value()),
            "reward.kl_target" => self.kl_control.set_target(change.value()),
            _ => {}
        }
        Ok(())
    }

    fn changes(&self) -> &Changes {
        &self.changes
    }
}

/// Everything that a step changes; the policy has a value head.
pub type PpoLearner = Learner<PpoState>;

/// What stays the same from step to step.
pub struct Stepper<'a> {
    pub config: &'a Config,
    /// `ρ` of Eq. 6.
    pub reference: &'a Policy,
    /// Without autodiff.
    pub device: &'a Device,
}

/// The results of a step. Rows are responses, with one number for each token that takes part in the step.
#[derive(Debug)]
pub struct StepOutcome {
    /// Scores after shaping.
    pub shaped: Vec<f32>,
    /// `log π_old(a_t|s_t)`.
    pub old_log_probs: Vec<Vec<f32>>,
    /// `V_old(s_t)`.
    pub old_values: Vec<Vec<f32>>,
    pub against: AgainstReference,
    /// The two before under the full softmax, where those are of the truncated distribution
    /// (`ppo.score_truncated`).
    pub full: Option<FullFigures>,
    /// `r_t`, whitened if the run does so.
    pub rewards: Vec<Vec<f32>>,
    /// `Â_t`, whitened if the run does so.
    pub advantages: Vec<Vec<f32>>,
    /// `Â_t + V_old(s_t)` before whitening.
    pub returns: Vec<Vec<f32>>,
    /// One for each minibatch, in order.
    pub updates: Vec<Update>,
    /// β of this step's rewards.
    pub beta: f64,
    pub lr: f64,
    /// Seconds of the reference's forward pass.
    pub reference_seconds: f64,
    /// Seconds of everything else.
    pub update_seconds: f64,
}

/// Figures of the full, untempered softmax.
#[derive(Debug)]
pub struct FullFigures {
    /// `log π_old(a_t|s_t)`.
    pub log_probs: Vec<Vec<f32>>,
    pub against: AgainstReference,
}

impl StepFigures for StepOutcome {
    fn shaped(&self, row: usize) -> f32 {
        self.shaped[row]
    }

    fn tokens(&self, row: usize) -> Vec<TokenFigures> {
        let (log_probs, against) = match &self.full {
            Some(full) => (&full.log_probs, &full.against),
            None => (&self.old_log_probs, &self.against),
        };
        let truncated = |t: usize| TruncatedFigures {
            log_prob: self.old_log_probs[row][t],
            reference_log_prob: self.against.reference_log_probs[row][t],
            kl: self.against.full_kl[row][t],
        };
        (0..self.advantages[row].len())
            .map(|t| TokenFigures {
                log_prob: log_probs[row][t],
                reference_log_prob: against.reference_log_probs[row][t],
                full_kl: against.full_kl[row][t],
                truncated: self.full.is_some().then(|| truncated(t)),
                value: Some(self.old_values[row][t]),
                reward: Some(self.rewards[row][t]),
                advantage: self.advantages[row][t],
                returns: Some(self.returns[row][t]),
            })
            .collect()
    }
}

/// Policy and reference on the rollout, before the first update.
struct Before {
    old_log_probs: Vec<Vec<f32>>,
    old_values: Vec<Vec<f32>>,
    against: AgainstReference,
    full: Option<FullFigures>,
    truncation: Option<TruncatedDistribution>,
    /// The forward pass, if the first update is on the whole batch and can use it.
    ahead: Option<PolicyEvaluation>,
    forward_seconds: f64,
    reference_seconds: f64,
}

/// Rewards, advantages and returns.
struct Credit {
    /// The estimate of the KL at each token, before β.
    penalties: Vec<Vec<f32>>,
    rewards: Vec<Vec<f32>>,
    advantages: Vec<Vec<f32>>,
    returns: Vec<Vec<f32>>,
}

impl Stepper<'_> {
    /// Step `number` (from 0) on a rollout sampled from the learner's policy, with one raw score per response.
    ///
    /// # Errors
    /// If a loss is not finite.
    pub fn step(
        &self,
        mut learner: PpoLearner,
        rollout: &Rollout,
        scores: &[f32],
        number: u64,
    ) -> StepResult<PpoState, StepOutcome> {
        let settings = &self.config.ppo;
        let shaped = learner.state.shaper.shape(scores);
        let before = self.before(&learner.policy, rollout);
        let clock = Instant::now();
        let beta = learner.state.kl_control.beta();
        let credit = self.credit(&before, &shaped, beta);
        let lr = settings
            .lr_schedule
            .rate(settings.lr, number, settings.steps);

        let truncation = before.truncation;
        let mut outcome = StepOutcome {
            shaped,
            old_log_probs: before.old_log_probs,
            old_values: before.old_values,
            against: before.against,
            full: before.full,
            rewards: credit.rewards,
            advantages: credit.advantages,
            returns: credit.returns,
            updates: Vec::new(),
            beta,
            lr,
            reference_seconds: before.reference_seconds,
            update_seconds: before.forward_seconds,
        };
        let rows: Vec<ResponseRow<'_>> = (0..rollout.generated.len())
            .map(|row| ResponseRow {
                log_probs: &outcome.old_log_probs[row],
                values: &outcome.old_values[row],
                advantages: &outcome.advantages[row],
                returns: &outcome.returns[row],
            })
            .collect();
        let epochs = Epochs {
            settings,
            rollout,
            rows: &rows,
            truncation: truncation.as_ref(),
            lr,
            number,
            device: self.device,
        };
        let done = epochs.run(learner.policy, &mut learner.optimizer, before.ahead);
        let updates;
        (learner.policy, updates) = match done {
            Ok(done) => done,
            Err(error) => return Err(Box::new(FailedStep { error, outcome })),
        };
        let skipped = updates.iter().filter(|update| update.skipped);
        learner.state.skipped += skipped.count() as u64;
        let kl = kl_per_response(&credit.penalties);
        learner.state.kl_control.update(kl, rollout.generated.len());
        outcome.updates = updates;
        outcome.update_seconds += clock.elapsed().as_secs_f64();
        Ok((learner, outcome))
    }

    /// Forward passes of policy and reference over the rollout.
    fn before(&self, policy: &Policy, rollout: &Rollout) -> Before {
        let clock = Instant::now();
        let settings = &self.config.ppo;
        let truncation = settings
            .score_truncated
            .then(|| self.truncation(policy, rollout));
        let rows = 0..rollout.generated.len();
        // The first epoch's own forward pass gives the old log-probabilities and values.
        let alone = settings.minibatches == 1;
        let valid = (!alone).then(|| policy.valid());
        let policy = valid.as_ref().unwrap_or(policy);
        let PolicyOutput {
            evaluation,
            log_probs: mut old_log_probs,
            logits,
            full,
        } = forward(policy, rollout, rows, truncation.as_ref());
        let mut old_values = to_rows(evaluation.values.clone().inner(), rollout.lengths());
        let forward_seconds = clock.elapsed().as_secs_f64();
        let clock = Instant::now();
        let (full_log_probs, full_logits) = full.map(|full| (full.log_probs, full.logits)).unzip();
        let truncated = truncation.as_ref().zip(full_logits);
        let (mut against, full) = against_reference(self.reference, rollout, logits, truncated);
        let mut full = full_log_probs
            .zip(full)
            .map(|(log_probs, against)| FullFigures { log_probs, against });
        if settings.skip_first_token {
            without_first(&mut old_log_probs);
            without_first(&mut old_values);
            let full = full.iter_mut().flat_map(|full| {
                let FullFigures { log_probs, against } = full;
                [
                    log_probs,
                    &mut against.reference_log_probs,
                    &mut against.full_kl,
                ]
            });
            let own = [&mut against.reference_log_probs, &mut against.full_kl];
            own.into_iter()
                .chain(full)
                .for_each(|rows| without_first(rows));
        }
        Before {
            old_log_probs,
            old_values,
            against,
            full,
            truncation,
            ahead: alone.then_some(evaluation),
            forward_seconds,
            reference_seconds: clock.elapsed().as_secs_f64(),
        }
    }

    /// The truncated distributions that the rollout was sampled from.
    fn truncation(&self, policy: &Policy, rollout: &Rollout) -> TruncatedDistribution {
        let policy = policy.valid();
        let rows = 0..rollout.generated.len();
        let PolicyOutput { logits, .. } = forward(&policy, rollout, rows, None);
        let eos = policy.model.eos_token_ids();
        let sampling = sampling(&self.config.sampling);
        TruncatedDistribution::of(&sampling, eos, logits, &rollout.generated)
    }

    /// Rewards of every token (Eq. 7-8), advantages and returns (Eq. 9-10).
    fn credit(&self, before: &Before, shaped: &[f32], beta: f64) -> Credit {
        let (settings, reward) = (&self.config.ppo, &self.config.reward);
        let against = &before.against;
        let estimates = |(row, log_probs): (usize, &Vec<f32>)| -> Vec<f32> {
            let reference = &against.reference_log_probs[row];
            let full = &against.full_kl[row];
            (0..log_probs.len())
                .map(|t| {
                    let estimator = reward.kl_estimator;
                    estimator.estimate(log_probs[t], reference[t], full[t])
                })
                .collect()
        };
        let penalties: Vec<Vec<f32>> = before
            .old_log_probs
            .iter()
            .enumerate()
            .map(estimates)
            .collect();
        let mut rewards: Vec<Vec<f32>> = penalties
            .iter()
            .zip(shaped)
            .map(|(penalty, score)| token_rewards(penalty, beta as f32, *score))
            .collect();
        // The value that whitening gives to the zeros of the padding.
        let mut padding = 0.0;
        if reward.whiten_rewards {
            if reward.whiten_padding {
                padding = moments(&rewards, Variance::Unbiased).whitened(0.0, false);
            }
            whiten(&mut rewards, Variance::Unbiased, false);
        }
        let widest = rewards.iter().map(Vec::len).max().unwrap_or(0);
        let (gamma, lambda) = (settings.gamma as f32, settings.lambda as f32);
        let (mut advantages, returns): (Vec<_>, Vec<_>) = rewards
            .iter()
            .zip(&before.old_values)
            .map(|(rewards, values)| {
                let AdvantageEstimate {
                    advantages,
                    returns,
                } = if reward.whiten_padding {
                    let pads = widest - rewards.len();
                    estimate_into_padding(rewards, values, gamma, lambda, pads, padding)
                } else {
                    estimate(rewards, values, gamma, lambda)
                };
                (advantages, returns)
            })
            .unzip();
        if settings.whiten_advantages {
            whiten(&mut advantages, Variance::Unbiased, true);
        }
        Credit {
            penalties,
            rewards,
            advantages,
            returns,
        }
    }
}

/// Removes the first number of every row.
fn without_first(rows: &mut [Vec<f32>]) {
    for row in rows.iter_mut().filter(|row| !row.is_empty()) {
        row.remove(0);
    }
}

/// Mean over responses of the KL estimate summed over tokens.
fn kl_per_response(penalties: &[Vec<f32>]) -> f64 {
    let sum: f64 = penalties.iter().flatten().map(|kl| f64::from(*kl)).sum();
    sum / penalties.len().max(1) as f64
}
