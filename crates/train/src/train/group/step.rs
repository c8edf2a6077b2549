//! One step of GRPO or RLOO on a given rollout and its scores: rewards, advantages and the updates
//! ([`super::update`]). Knows no data, no scorer and no session.

use std::ops::Range;
use std::time::Instant;

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};

use super::GroupMethod;
use super::advantage::{GroupMoments, advantages, group_moments};
use super::objective::GroupRow;
use super::settings::GroupSettings;
pub use super::update::GroupUpdate;
use super::update::{Gathered, Updates};
use crate::experiment::{Change, Config, InGroup, LossType, Problem, TokenFigures};
use crate::train::policy::Policy;
use crate::train::policy_gradient::algorithm::{
    Changes, FailedStep, Learner, LearnerState, StepResult,
};
use crate::train::policy_gradient::kl::k1;
use crate::train::policy_gradient::record::StepFigures;
use crate::train::policy_gradient::rollout::{
    AgainstReference, PolicyEvaluation, PolicyOutput, Rollout, forward_tempered,
};
use crate::train::policy_gradient::shaping::ScoreShaper;
use crate::train::score::{full_kl, score};

/// What changes from step to step besides weights and optimizer; saved in checkpoints.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct GroupState {
    /// How scores are shaped into rewards.
    pub shaper: ScoreShaper,
    #[serde(default)]
    pub changes: Changes,
}

impl LearnerState for GroupState {
    fn new(config: &Config) -> Self {
        GroupState {
            shaper: ScoreShaper::of(&config.reward),
            changes: Changes::default(),
        }
    }

    fn set(&mut self, change: &Change, config: &mut Config) -> Result<(), Problem> {
        self.changes.make(change, config)
    }

    fn changes(&self) -> &Changes {
        &self.changes
    }
}

/// What stays the same from step to step.
pub struct GroupStepper<'a> {
    pub method: GroupMethod,
    pub settings: GroupSettings,
    pub reference: &'a Policy,
    /// Without autodiff.
    pub device: &'a Device,
}

/// The results of a step. Rows are responses, those to one context side by side.
#[derive(Debug)]
pub struct GroupOutcome {
    /// Scores after shaping.
    pub shaped: Vec<f32>,
    /// What advantages are made of: the same, in RLOO less the KL.
    pub rewards: Vec<f32>,
    pub advantages: Vec<f32>,
    /// Of the rewards of each group.
    pub moments: Vec<GroupMoments>,
    /// `log π_old(a_t|s_t)` and the distance from the reference, both untempered.
    pub old_log_probs: Vec<Vec<f32>>,
    pub against: AgainstReference,
    /// Mean entropy of a token, untempered.
    pub entropy: f64,
    /// Mean over responses of the summed k1 at the sampling temperature.
    pub reward_kl: f64,
    /// One for each update, in order.
    pub updates: Vec<GroupUpdate>,
    /// β of the loss in GRPO, of the reward in RLOO.
    pub beta: f64,
    pub lr: f64,
    /// Seconds of the reference's forward pass.
    pub reference_seconds: f64,
    /// Seconds of everything else.
    pub update_seconds: f64,
}

impl StepFigures for GroupOutcome {
    fn shaped(&self, row: usize) -> f32 {
        self.shaped[row]
    }

    fn group(&self, row: usize) -> Option<InGroup> {
        let size = self.advantages.len() / self.moments.len().max(1);
        let context = row / size.max(1);
        let moments = self.moments.get(context)?;
        Some(InGroup {
            context: context as u32,
            advantage: self.advantages[row],
            mean: moments.mean as f32,
            std: moments.std as f32,
        })
    }

    fn tokens(&self, row: usize) -> Vec<TokenFigures> {
        (0..self.old_log_probs[row].len())
            .map(|t| TokenFigures {
                log_prob: self.old_log_probs[row][t],
                reference_log_prob: self.against.reference_log_probs[row][t],
                full_kl: self.against.full_kl[row][t],
                value: None,
                reward: None,
                advantage: self.advantages[row],
                returns: None,
                truncated: None,
            })
            .collect()
    }
}

/// Policy and reference on the rollout or a part of it, before the first update.
#[derive(Default)]
struct Before {
    /// At the sampling temperature, as the objective has them.
    tempered: Vec<Vec<f32>>,
    tempered_reference: Vec<Vec<f32>>,
    log_probs: Vec<Vec<f32>>,
    reference_log_probs: Vec<Vec<f32>>,
    full_kl: Vec<Vec<f32>>,
    /// Summed over all tokens.
    entropy: f64,
    forward_seconds: f64,
    reference_seconds: f64,
}

impl Before {
    fn extend(&mut self, part: Before) {
        self.tempered.extend(part.tempered);
        self.tempered_reference.extend(part.tempered_reference);
        self.log_probs.extend(part.log_probs);
        self.reference_log_probs.extend(part.reference_log_probs);
        self.full_kl.extend(part.full_kl);
        self.entropy += part.entropy;
        self.forward_seconds += part.forward_seconds;
        self.reference_seconds += part.reference_seconds;
    }

    /// The sum of k1 over each response.
    fn distances(&self) -> Vec<f32> {
        let both = self.tempered.iter().zip(&self.tempered_reference);
        both.map(|(policy, reference)| policy.iter().zip(reference).map(|(p, q)| k1(*p, *q)).sum())
            .collect()
    }

    /// What is fixed of each response, with its advantage and the weight of its tokens.
    fn rows<'a>(&'a self, advantages: &[f32], weights: &[f32]) -> Vec<GroupRow<'a>> {
        let both = self.tempered.iter().zip(&self.tempered_reference);
        let given = advantages.iter().zip(weights);
        both.zip(given)
            .map(
                |((log_probs, reference_log_probs), (advantage, weight))| GroupRow {
                    log_probs,
                    reference_log_probs,
                    advantage: *advantage,
                    weight: *weight,
                },
            )
            .collect()
    }
}

impl GroupStepper<'_> {
    /// Step `number` (from 0) on a rollout sampled from the learner's policy, with one raw score per response.
    ///
    /// # Errors
    /// If a loss is not finite.
    pub fn step(
        &self,
        mut learner: Learner<GroupState>,
        rollout: &Rollout,
        scores: &[f32],
        number: u64,
    ) -> StepResult<GroupState, GroupOutcome> {
        let settings = &self.settings;
        let shaped = learner.state.shaper.shape(scores);
        let parts = parts(rollout.generated.len(), settings.parts);
        let weights = self.weights(rollout, &parts);
        let updates = Updates {
            method: self.method,
            settings,
            lr: settings
                .lr_schedule
                .rate(settings.lr, number, settings.pace.steps),
            number,
            device: self.device,
        };
        let group = settings.pace.responses;
        let advantages = |rewards: &[f32]| advantages(rewards, group, settings.baseline);

        // Where no KL is in the rewards, the advantages are known, and the pass that gives the old log-probabilities
        // is that of the first update too. So it is where there is one part.
        let known = (settings.reward_beta == 0.0).then(|| advantages(&shaped));
        let mut before = Before::default();
        let mut first = known.is_some().then(|| Ok(Gathered::new()));
        let mut ahead = None;
        let valid = (known.is_none() && parts.len() > 1).then(|| learner.policy.valid());
        for part in &parts {
            let policy = valid.as_ref().unwrap_or(&learner.policy);
            let (figures, evaluation) = self.compare(policy, rollout, part.clone());
            match (&known, first.take()) {
                (Some(advantages), Some(Ok(gathered))) => {
                    let rows = figures.rows(&advantages[part.clone()], &weights[part.clone()]);
                    let clock = Instant::now();
                    first = Some(updates.gather(gathered, policy, &rows, evaluation));
                    before.forward_seconds += clock.elapsed().as_secs_f64();
                }
                (_, failed) => {
                    first = failed;
                    ahead = (parts.len() == 1).then_some(evaluation);
                }
            }
            before.extend(figures);
        }

        let clock = Instant::now();
        let distances = before.distances();
        let rewards: Vec<f32> = match &known {
            Some(_) => shaped.clone(),
            None => {
                let beta = settings.reward_beta as f32;
                let both = shaped.iter().zip(&distances);
                both.map(|(score, kl)| score - beta * kl).collect()
            }
        };
        let advantages = known.unwrap_or_else(|| advantages(&rewards));
        let rows = before.rows(&advantages, &weights);
        if let (None, Some(evaluation)) = (&first, ahead) {
            first = Some(updates.gather(Gathered::new(), &learner.policy, &rows, evaluation));
        }
        let pass = |policy: &Policy, part| {
            forward_tempered(policy, rollout, part, settings.temperature).evaluation
        };
        let optimizer = &mut learner.optimizer;
        let done = match first.transpose() {
            Ok(first) => updates.run(learner.policy, optimizer, first, &parts, &rows, pass),
            Err(error) => Err(error),
        };
        let (policy, done) = match done {
            Ok((policy, done)) => (Ok(policy), done),
            Err(error) => (Err(error), Vec::new()),
        };

        let count = distances.len().max(1) as f64;
        let tokens = before.log_probs.iter().flatten().count().max(1) as f64;
        let outcome = GroupOutcome {
            moments: group_moments(&rewards, group),
            advantages,
            rewards,
            shaped,
            old_log_probs: before.log_probs,
            against: AgainstReference {
                reference_log_probs: before.reference_log_probs,
                full_kl: before.full_kl,
            },
            entropy: before.entropy / tokens,
            reward_kl: distances.iter().map(|kl| f64::from(*kl)).sum::<f64>() / count,
            updates: done,
            beta: settings.beta(),
            lr: updates.lr,
            reference_seconds: before.reference_seconds,
            update_seconds: before.forward_seconds + clock.elapsed().as_secs_f64(),
        };
        match policy {
            Ok(policy) => {
                learner.policy = policy;
                Ok((learner, outcome))
            }
            Err(error) => Err(Box::new(FailedStep { error, outcome })),
        }
    }

    /// Forward passes of policy and reference over the rows at `range`, and the policy's with its graph.
    fn compare(
        &self,
        policy: &Policy,
        rollout: &Rollout,
        range: Range<usize>,
    ) -> (Before, PolicyEvaluation) {
        let temperature = self.settings.temperature;
        let clock = Instant::now();
        let own = forward_tempered(policy, rollout, range.clone(), temperature);
        let own = Part::of(own, rollout, range.clone(), temperature);
        let forward_seconds = clock.elapsed().as_secs_f64();
        let clock = Instant::now();
        let other = forward_tempered(self.reference, rollout, range.clone(), temperature);
        let other = Part::of(other, rollout, range, temperature);
        let lengths: Vec<usize> = own.log_probs.iter().map(Vec::len).collect();
        let [policy_logits, reference_logits] =
            [own.output.logits, other.output.logits].map(|logits| untempered(logits, temperature));
        let figures = Before {
            full_kl: full_kl(policy_logits, reference_logits, &lengths),
            entropy: own.entropy,
            tempered: own.output.log_probs,
            log_probs: own.log_probs,
            tempered_reference: other.output.log_probs,
            reference_log_probs: other.log_probs,
            forward_seconds,
            reference_seconds: clock.elapsed().as_secs_f64(),
        };
        (figures, own.output.evaluation)
    }

    /// The weight of each response's tokens in the loss.
    fn weights(&self, rollout: &Rollout, parts: &[Range<usize>]) -> Vec<f32> {
        let settings = &self.settings;
        let lengths: Vec<f32> = rollout
            .lengths()
            .map(|length| length.max(1) as f32)
            .collect();
        let responses = lengths.len() as f32;
        let sum = |range: &Range<usize>| lengths[range.clone()].iter().sum::<f32>();
        let all = sum(&(0..lengths.len()));
        let of_row = |(row, length): (usize, &f32)| match settings.loss_type {
            LossType::Grpo => 1.0 / (length * responses),
            LossType::Bnpo => {
                let own = parts.iter().find(|part| part.contains(&row));
                1.0 / (own.map_or(all, sum) * parts.len() as f32)
            }
            LossType::DrGrpo => 1.0 / (responses * settings.longest as f32),
            LossType::Dapo => 1.0 / all,
        };
        lengths.iter().enumerate().map(of_row).collect()
    }
}

/// A forward pass with its untempered log-probabilities and entropy.
struct Part {
    /// At the sampling temperature.
    output: PolicyOutput,
    log_probs: Vec<Vec<f32>>,
    /// Summed over the tokens.
    entropy: f64,
}

impl Part {
    fn of(output: PolicyOutput, rollout: &Rollout, range: Range<usize>, temperature: f32) -> Self {
        let (log_probs, entropy) = match temperature == 1.0 {
            true => (
                output.log_probs.clone(),
                output.evaluation.entropy.clone().inner(),
            ),
            false => {
                let responses: Vec<&[u32]> = rollout.generated[range]
                    .iter()
                    .map(|row| row.tokens.as_slice())
                    .collect();
                let plain = score(untempered(output.logits.clone(), temperature), &responses);
                (plain.log_prob_rows, plain.entropy)
            }
        };
        // Pads are 0.
        let entropy = f64::from(entropy.sum().into_scalar::<f32>());
        Part {
            output,
            log_probs,
            entropy,
        }
    }
}

/// Logits that were divided by the temperature as the model gave them.
fn untempered(logits: Tensor<3>, temperature: f32) -> Tensor<3> {
    match temperature == 1.0 {
        true => logits,
        false => logits.mul_scalar(temperature),
    }
}

/// `rows` cut into `count` parts of nearly equal size.
fn parts(rows: usize, count: usize) -> Vec<Range<usize>> {
    (0..count)
        .map(|part| rows * part / count..rows * (part + 1) / count)
        .filter(|range| !range.is_empty())
        .collect()
}
