//! One PPO step from a given rollout and its scores: rewards (Eq. 7-8), advantages (Eq. 9-10) and
//! the updates (Eq. 13-15). Knows no data, no scorer, no session and no clock on the wall.

use std::ops::Range;
use std::time::Instant;

use burn::module::Module;
use burn::optim::GradientsParams;
use burn::tensor::Device;
use serde::{Deserialize, Serialize};

use super::advantage::{Estimate, estimate};
use super::kl::{self, KlControl};
use super::objective::{
    Evaluation, Minibatch, ObjectiveConfig, ObjectiveStatistics, ResponseRow, objective,
};
use super::reward::reward_vector;
use super::rollout::{AgainstReference, Look, Rollout, against_reference, look};
use super::shaping::{ScoreShaper, ShapingConfig};
use super::whiten::{Variance, whiten};
use crate::experiment::{Config, KlControlChoice, PpoSettings, Stage};
use crate::nn::prefix::PrefixVectors;
use crate::train::TrainError;
use crate::train::optimizer::AdamW;
use crate::train::policy::Policy;
use crate::train::session::schedule;
use crate::train::tensors::to_rows;

/// What moves from step to step besides weights and optimizer. Its serialised form is the whole.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct State {
    /// β and how it moves.
    pub kl_control: KlControl,
    /// What is done to scores before they are rewards.
    pub shaper: ScoreShaper,
    /// Updates that were skipped so far.
    pub skipped: u64,
}

impl State {
    /// The state before the first step.
    pub fn new(config: &Config) -> Self {
        let reward = &config.reward;
        State {
            kl_control: match reward.kl_control {
                KlControlChoice::Fixed => KlControl::Fixed { beta: reward.beta },
                KlControlChoice::Adaptive => KlControl::Adaptive {
                    beta: reward.beta,
                    target: reward.kl_target,
                    horizon: reward.kl_horizon,
                },
            },
            shaper: ScoreShaper::new(ShapingConfig {
                scale: reward.scale_scores,
                normalise: reward.normalise_scores,
                clip: (reward.clip_scores > 0.0).then_some(reward.clip_scores as f32),
            }),
            skipped: 0,
        }
    }
}

/// Everything that a step changes.
pub struct Learner {
    /// On a device with autodiff, with a value head, frozen where it is not trained.
    pub policy: Policy,
    pub optimizer: AdamW,
    pub state: State,
    /// Whether decoding and teacher forcing were found to say the same.
    checked: bool,
}

impl Learner {
    /// A learner whose next step first checks the device's arithmetic.
    pub fn new(policy: Policy, optimizer: AdamW, state: State) -> Self {
        Self {
            policy,
            optimizer,
            state,
            checked: false,
        }
    }
}

/// What stays the same from step to step.
pub struct Stepper<'a> {
    pub config: &'a Config,
    /// `ρ` of Eq. 6.
    pub reference: &'a Policy,
    pub reference_vectors: Option<PrefixVectors>,
    /// Without autodiff.
    pub device: &'a Device,
}

/// What a step came to. Rows are responses, with one number for each of their tokens.
pub struct Stepped {
    /// Scores after shaping.
    pub shaped: Vec<f32>,
    /// `log π_old(a_t|s_t)`.
    pub old_log_probs: Vec<Vec<f32>>,
    /// `V_old(s_t)`.
    pub old_values: Vec<Vec<f32>>,
    pub against: AgainstReference,
    /// `r_t`, whitened if the run does so.
    pub rewards: Vec<Vec<f32>>,
    /// `Â_t`, whitened if the run does so.
    pub advantages: Vec<Vec<f32>>,
    /// `Â_t + V_old(s_t)` before whitening.
    pub returns: Vec<Vec<f32>>,
    /// Figures and gradient norm of every update, in their order; norm 0 where one was skipped.
    pub updates: Vec<(ObjectiveStatistics, f64)>,
    pub skipped: u64,
    /// β of this step's rewards.
    pub beta: f64,
    pub lr: f64,
    /// Seconds that the reference took.
    pub reference_seconds: f64,
    /// Seconds of everything else.
    pub update_seconds: f64,
}

/// What policy and reference said of the rollout before the first update.
struct Before {
    old_log_probs: Vec<Vec<f32>>,
    old_values: Vec<Vec<f32>>,
    against: AgainstReference,
    /// The first update's own forward pass, where it looks at the whole batch.
    ahead: Option<Evaluation>,
    look_seconds: f64,
    reference_seconds: f64,
}

/// Rewards and what follows from them.
struct Credit {
    rewards: Vec<Vec<f32>>,
    advantages: Vec<Vec<f32>>,
    returns: Vec<Vec<f32>>,
}

impl Stepper<'_> {
    /// Carries out step `number` (from 0) on a rollout drawn from the learner's policy; `scores`
    /// holds one raw score for each response.
    ///
    /// # Errors
    /// If a loss is not finite, or if this device scores responses other than it drew them.
    pub fn step(
        &self,
        mut learner: Learner,
        rollout: &Rollout,
        scores: &[f32],
        number: u64,
    ) -> Result<(Learner, Stepped), TrainError> {
        let settings = &self.config.ppo;
        let shaped = learner.state.shaper.shape(scores);
        let before = self.before(&mut learner, rollout)?;
        let clock = Instant::now();
        let beta = learner.state.kl_control.beta();
        let credit = self.credit(&before, &shaped, beta);
        let lr = schedule(settings.lr, settings.lr_schedule, settings.steps).rate(number);

        let Before {
            old_log_probs,
            old_values,
            against,
            ahead,
            look_seconds,
            reference_seconds,
        } = before;
        let rows: Vec<ResponseRow<'_>> = (0..rollout.generated.len())
            .map(|row| ResponseRow {
                log_probs: &old_log_probs[row],
                values: &old_values[row],
                advantages: &credit.advantages[row],
                returns: &credit.returns[row],
            })
            .collect();
        let updates;
        (learner, updates) = self.update(learner, rollout, &rows, ahead, lr, number)?;
        let skipped = updates.iter().filter(|update| update.skipped).count() as u64;
        learner.state.skipped += skipped;
        let kl_per_response = kl_mean_per_response(&old_log_probs, &against.reference_log_probs);
        learner
            .state
            .kl_control
            .update(kl_per_response, rollout.generated.len());

        let stepped = Stepped {
            shaped,
            old_log_probs,
            old_values,
            against,
            rewards: credit.rewards,
            advantages: credit.advantages,
            returns: credit.returns,
            updates: updates
                .into_iter()
                .map(|update| (update.statistics, update.norm))
                .collect(),
            skipped,
            beta,
            lr,
            reference_seconds,
            update_seconds: look_seconds + clock.elapsed().as_secs_f64(),
        };
        Ok((learner, stepped))
    }

    /// What policy and reference say of the rollout now.
    fn before(&self, learner: &mut Learner, rollout: &Rollout) -> Result<Before, TrainError> {
        let clock = Instant::now();
        let rows = 0..rollout.generated.len();
        // The first epoch's own forward pass gives the old log-probabilities and values.
        let alone = self.config.ppo.minibatches == 1;
        let Look {
            evaluation,
            log_probs: old_log_probs,
            logits,
        } = if alone {
            look(&learner.policy, rollout, rows, self.device)
        } else {
            look(&learner.policy.valid(), rollout, rows, self.device)
        };
        let old_values = to_rows(evaluation.values.clone().inner(), rollout.lengths());
        let look_seconds = clock.elapsed().as_secs_f64();
        if !learner.checked {
            check_rollout(rollout, &old_log_probs)?;
            learner.checked = true;
        }
        let clock = Instant::now();
        let against = against_reference(
            self.reference,
            self.reference_vectors.as_ref(),
            rollout,
            logits,
            self.device,
        );
        Ok(Before {
            old_log_probs,
            old_values,
            against,
            ahead: alone.then_some(evaluation),
            look_seconds,
            reference_seconds: clock.elapsed().as_secs_f64(),
        })
    }

    /// Rewards of every token (Eq. 7-8), advantages and returns (Eq. 9-10).
    fn credit(&self, before: &Before, shaped: &[f32], beta: f64) -> Credit {
        let (settings, reward) = (&self.config.ppo, &self.config.reward);
        let against = &before.against;
        let mut rewards: Vec<Vec<f32>> = before
            .old_log_probs
            .iter()
            .enumerate()
            .map(|(row, log_probs)| {
                let penalty: Vec<f32> = log_probs
                    .iter()
                    .enumerate()
                    .map(|(t, log_prob)| {
                        reward.kl_estimator.estimate(
                            *log_prob,
                            against.reference_log_probs[row][t],
                            against.full_kl[row][t],
                        )
                    })
                    .collect();
                reward_vector(&penalty, beta as f32, shaped[row])
            })
            .collect();
        if reward.whiten_rewards {
            whiten(&mut rewards, Variance::Unbiased, false);
        }
        let (mut advantages, returns): (Vec<_>, Vec<_>) = rewards
            .iter()
            .zip(&before.old_values)
            .map(|(rewards, values)| {
                let (gamma, lambda) = (settings.gamma as f32, settings.lambda as f32);
                let Estimate {
                    advantages,
                    returns,
                } = estimate(rewards, values, gamma, lambda);
                (advantages, returns)
            })
            .unzip();
        if settings.whiten_advantages {
            whiten(&mut advantages, Variance::Unbiased, true);
        }
        Credit {
            rewards,
            advantages,
            returns,
        }
    }

    /// All epochs over the batch (Eq. 13-15).
    fn update(
        &self,
        mut learner: Learner,
        rollout: &Rollout,
        rows: &[ResponseRow<'_>],
        mut ahead: Option<Evaluation>,
        lr: f64,
        number: u64,
    ) -> Result<(Learner, Vec<Update>), TrainError> {
        let settings = &self.config.ppo;
        let objective_config = objective_config(settings);
        let mut updates = Vec::new();
        for _ in 0..settings.epochs {
            for part in parts(rows.len(), settings.minibatches) {
                let evaluation = match ahead.take() {
                    Some(evaluation) => evaluation,
                    None => look(&learner.policy, rollout, part.clone(), self.device).evaluation,
                };
                let width = evaluation.log_probs.dims()[1];
                let minibatch = Minibatch::new(&rows[part], width, self.device);
                let result = objective(&objective_config, &minibatch, evaluation);
                let statistics = result.statistics;
                if !statistics.total_loss.is_finite() {
                    return Err(TrainError::NotFinite {
                        stage: Stage::Ppo.key(),
                        step: number,
                        loss: statistics.total_loss.into(),
                        setting: "ppo.lr",
                    });
                }
                let mut norm = 0.0;
                if !result.skip {
                    let gradients = result.loss.backward();
                    let gradients = GradientsParams::from_grads(gradients, &learner.policy);
                    let most = settings.max_gradient_norm;
                    (learner.policy, norm) =
                        learner.optimizer.step(lr, learner.policy, gradients, most);
                }
                updates.push(Update {
                    statistics,
                    norm,
                    skipped: result.skip,
                });
                let moved = f64::from(statistics.approximate_kl);
                if !result.skip && settings.target_kl > 0.0 && moved > settings.target_kl {
                    return Ok((learner, updates));
                }
            }
        }
        Ok((learner, updates))
    }
}

/// One minibatch's figures.
struct Update {
    statistics: ObjectiveStatistics,
    /// Of the gradients, before clipping.
    norm: f64,
    skipped: bool,
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

/// Decoding token by token and teacher forcing must say the same, else the ratio means nothing.
fn check_rollout(rollout: &Rollout, old_log_probs: &[Vec<f32>]) -> Result<(), TrainError> {
    const TOLERANCE: f32 = 1e-3;
    let largest = rollout
        .generated
        .iter()
        .zip(old_log_probs)
        .flat_map(|(row, old)| row.logprobs.iter().zip(old))
        .map(|(drawn, scored)| (drawn - scored).abs())
        .fold(0.0, f32::max);
    if largest <= TOLERANCE {
        Ok(())
    } else {
        Err(TrainError::RolloutDisagrees {
            largest,
            tolerance: TOLERANCE,
        })
    }
}

/// `rows` cut into `count` parts of nearly equal size.
fn parts(rows: usize, count: usize) -> impl Iterator<Item = Range<usize>> {
    (0..count)
        .map(move |part| rows * part / count..rows * (part + 1) / count)
        .filter(|range| !range.is_empty())
}

/// Mean over responses of the k1 estimate summed over their tokens.
fn kl_mean_per_response(log_probs: &[Vec<f32>], reference: &[Vec<f32>]) -> f64 {
    let sum: f64 = log_probs
        .iter()
        .flatten()
        .zip(reference.iter().flatten())
        .map(|(p, q)| f64::from(kl::k1(*p, *q)))
        .sum();
    sum / log_probs.len().max(1) as f64
}
