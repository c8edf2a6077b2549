//! Proximal policy optimisation of the generator (Sec. III-E): rollout, reward, advantages, update.

use std::ops::Range;
use std::path::Path;
use std::time::Instant;

use burn::module::Module;
use burn::optim::GradientsParams;
use serde::{Deserialize, Serialize};

use super::advantage::{Estimate, estimate, explained_variance};
use super::checks::{Subject, check};
use super::kl::{self, KlControl};
use super::objective::{Minibatch, ObjectiveConfig, ObjectiveStatistics, ResponseRow, objective};
use super::reward::reward_vector;
use super::rollout::{Look, Rollout, against_reference, look};
use super::scorer::{Score, Scorer};
use super::shaping::{ScoreShaper, ShapingConfig};
use super::whiten::{Variance, moments, whiten};
use crate::data::Mechanism;
use crate::data::batch::Batches;
use crate::experiment::{Config, KlControlChoice, Severity, Stage};
use crate::metrics::declared;
use crate::nn::value_head::ValueHead;
use crate::text::Tokenizer;
use crate::train::TrainError;
use crate::train::checkpoint::{read_json, write_json};
use crate::train::evaluate::{Examiner, sampling};
use crate::train::generator::Order;
use crate::train::material::Encoded;
use crate::train::observer::Directive;
use crate::train::optimizer::AdamW;
use crate::train::policy::Policy;
use crate::train::seed::{Draw, seed, stream};
use crate::train::session::{Ended, Session, memory, schedule};
use crate::train::tensors::to_rows;

const STAGE: Stage = Stage::Ppo;
const STATE: &str = "state.json";
const OPTIMIZER: &str = "optimizer.safetensors";

/// What moves from step to step besides weights and optimizer.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct State {
    kl_control: KlControl,
    shaper: ScoreShaper,
    skipped: u64,
}

impl State {
    fn new(config: &Config) -> Self {
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

/// What the trainer works with besides its settings.
pub struct Task<'a> {
    pub train: &'a [Encoded],
    /// The fixed validation subset.
    pub validation: &'a [Encoded],
    pub tokenizer: &'a Tokenizer,
    pub scorer: &'a mut dyn Scorer,
    pub examiner: &'a Examiner<'a>,
    /// Where T5's weights are, if this stage does not change them; relative to a checkpoint.
    pub base: Option<&'a Path>,
}

/// Trains a policy that starts as `generator`, which stays the reference `ρ` of the KL.
///
/// Goes on from the stage's last checkpoint if there is one.
pub fn train(
    session: &mut Session<'_>,
    task: &mut Task<'_>,
    generator: &Policy,
) -> Result<(Policy, Ended), TrainError> {
    let config = session.config.clone();
    let settings = &config.ppo;
    let device = session.device.clone();
    let run_seed = config.run.seed;
    let total = settings.steps;

    // A frozen T5 is shared with the reference; only what is trained exists twice.
    let reference = generator.valid();
    let reference_vectors = reference.vectors();
    let mut policy = generator.clone();
    policy.value_head = Some(ValueHead::new(generator.t5.config().d_model, &device));
    let mut optimizer = AdamW::new(settings.weight_decay);
    let mut state = State::new(&config);
    let mut step = 0;
    if let Some(checkpoint) = session.checkpoints.latest(STAGE)? {
        checkpoint.verify()?;
        step = checkpoint.listing.step;
        policy = policy.resume(&checkpoint.folder, &device, task.base.is_some())?;
        if checkpoint.listing.done {
            return Ok((policy, Ended::Done));
        }
        state = read_json(&checkpoint.folder.join(STATE))?;
        policy = policy.for_tuning(settings.tuning);
        optimizer.load(&policy, &checkpoint.folder.join(OPTIMIZER))?;
    }
    let mut policy = policy.for_tuning(settings.tuning).train();

    session.begin(STAGE, total);
    if step == 0 {
        evaluate(session, task, &policy.valid(), 0, vec![])?;
    }
    let lengths: Vec<usize> = task
        .train
        .iter()
        .map(|example| example.source.len())
        .collect();
    let per_epoch = (lengths.len().div_ceil(settings.batch)) as u64;
    let mut order = Order::default();
    let mut first = true;
    while step < total {
        let indices = order
            .batch(step, per_epoch, |epoch| {
                Batches::new(
                    &lengths,
                    settings.batch,
                    seed(run_seed, Draw::RolloutOrder, 0),
                    epoch,
                )
            })
            .to_vec();

        let clock = Instant::now();
        let contexts = indices
            .iter()
            .map(|&i| task.train[i].source.clone())
            .collect();
        let mut streams: Vec<_> = (0..indices.len())
            .map(|row| stream(run_seed, Draw::Rollout, step, row as u64))
            .collect();
        let rollout = Rollout::draw(
            &policy.valid(),
            contexts,
            &sampling(&config.sampling),
            &mut streams,
            task.tokenizer,
        );
        let rollout_seconds = clock.elapsed().as_secs_f64();
        if first {
            first = false;
            let passed = check(&Subject {
                policy: &policy,
                tuning: settings.tuning,
                reference: &reference,
                reference_vectors: reference_vectors.as_ref(),
                rollout: &rollout,
                untouched: step == 0,
                device: &device,
            })?;
            session.note(STAGE, step, Severity::Info, passed);
        }

        let clock = Instant::now();
        let scores = task
            .scorer
            .score(task.train, &indices, &rollout.responses)?;
        let raw: Vec<f32> = scores.iter().map(|score| score.total).collect();
        let shaped = state.shaper.shape(&raw);
        let score_seconds = clock.elapsed().as_secs_f64();

        let clock = Instant::now();
        let rows = rollout.generated.len();
        let row_lengths: Vec<usize> = rollout.lengths().collect();
        // The first epoch's own forward pass gives the old log-probabilities and values.
        let alone = settings.minibatches == 1;
        let now = if alone {
            look(&policy, &rollout, 0..rows, &device)
        } else {
            look(&policy.valid(), &rollout, 0..rows, &device)
        };
        let Look {
            evaluation,
            log_probs: old_log_probs,
            logits,
        } = now;
        let old_values = to_rows(
            evaluation.values.clone().inner(),
            row_lengths.iter().copied(),
        );
        let mut ahead = alone.then_some(evaluation);
        let look_seconds = clock.elapsed().as_secs_f64();

        let clock = Instant::now();
        let against = against_reference(
            &reference,
            reference_vectors.as_ref(),
            &rollout,
            logits,
            &device,
        );
        let reward_seconds = score_seconds + clock.elapsed().as_secs_f64();

        let clock = Instant::now();
        let beta = state.kl_control.beta();
        let mut rewards: Vec<Vec<f32>> = (0..rows)
            .map(|row| {
                let penalty: Vec<f32> = (0..row_lengths[row])
                    .map(|t| {
                        config.reward.kl_estimator.estimate(
                            old_log_probs[row][t],
                            against.reference_log_probs[row][t],
                            against.full_kl[row][t],
                        )
                    })
                    .collect();
                reward_vector(&penalty, beta as f32, shaped[row])
            })
            .collect();
        if config.reward.whiten_rewards {
            whiten(&mut rewards, Variance::Unbiased, false);
        }
        let estimates: Vec<Estimate> = rewards
            .iter()
            .zip(&old_values)
            .map(|(rewards, values)| {
                estimate(
                    rewards,
                    values,
                    settings.gamma as f32,
                    settings.lambda as f32,
                )
            })
            .collect();
        let mut advantages: Vec<Vec<f32>> =
            estimates.iter().map(|e| e.advantages.clone()).collect();
        if settings.whiten_advantages {
            whiten(&mut advantages, Variance::Unbiased, true);
        }

        let objective_config = ObjectiveConfig {
            clip_range: settings.clip_range as f32,
            value_coefficient: settings.value_coefficient as f32,
            value_clip_range: (settings.value_clip_range > 0.0)
                .then_some(settings.value_clip_range as f32),
            ratio_threshold: settings.ratio_threshold as f32,
        };
        let lr = schedule(settings.lr, settings.lr_schedule, total).rate(step);
        let mut updates: Vec<(ObjectiveStatistics, f64)> = Vec::new();
        let mut skipped = 0;
        'epochs: for _ in 0..settings.epochs {
            for part in parts(rows, settings.minibatches) {
                let evaluation = match ahead.take() {
                    Some(evaluation) => evaluation,
                    None => look(&policy, &rollout, part.clone(), &device).evaluation,
                };
                let response_rows: Vec<ResponseRow<'_>> = part
                    .map(|row| ResponseRow {
                        log_probs: &old_log_probs[row],
                        values: &old_values[row],
                        advantages: &advantages[row],
                        returns: &estimates[row].returns,
                    })
                    .collect();
                let width = evaluation.log_probs.dims()[1];
                let minibatch = Minibatch::new(&response_rows, width, &device);
                let result = objective(&objective_config, &minibatch, evaluation);
                let statistics = result.statistics;
                if !statistics.total_loss.is_finite() {
                    return Err(TrainError::NotFinite {
                        stage: STAGE.key(),
                        step,
                        loss: statistics.total_loss.into(),
                        setting: "ppo.lr",
                    });
                }
                if result.skip {
                    skipped += 1;
                    updates.push((statistics, 0.0));
                    continue;
                }
                let gradients = GradientsParams::from_grads(result.loss.backward(), &policy);
                let norm;
                (policy, norm) = optimizer.step(lr, policy, gradients, settings.max_gradient_norm);
                updates.push((statistics, norm));
                if settings.target_kl > 0.0
                    && f64::from(statistics.approximate_kl) > settings.target_kl
                {
                    break 'epochs;
                }
            }
        }
        let update_seconds = look_seconds + clock.elapsed().as_secs_f64();
        state.skipped += skipped;
        step += 1;

        let measured = Measured {
            rollout: &rollout,
            scores: &scores,
            shaped: &shaped,
            old_log_probs: &old_log_probs,
            reference_log_probs: &against.reference_log_probs,
            full_kl: &against.full_kl,
            old_values: &old_values,
            returns: estimates.iter().map(|e| e.returns.clone()).collect(),
            updates: &updates,
        };
        let mut values = measured.values();
        let kl_per_response = kl_mean_per_response(&old_log_probs, &against.reference_log_probs);
        state.kl_control.update(kl_per_response, rows);
        let tokens: usize = row_lengths.iter().sum();
        let seconds = rollout_seconds + reward_seconds + update_seconds;
        values.extend(
            [
                (declared::KL_BETA, beta),
                (declared::PPO_LEARNING_RATE, lr),
                (declared::SKIPPED_MINIBATCHES, skipped as f64),
                (declared::ROLLOUT_SECONDS, rollout_seconds),
                (declared::REWARD_SECONDS, reward_seconds),
                (declared::UPDATE_SECONDS, update_seconds),
                (
                    declared::PPO_TOKENS_PER_SECOND,
                    tokens as f64 / seconds.max(1e-9),
                ),
            ]
            .map(|(key, value)| (key.to_string(), value)),
        );
        values.extend(memory());
        let directive = session.directive();
        if step.is_multiple_of(settings.evaluate_every)
            || step == total
            || directive == Directive::Evaluate
        {
            evaluate(session, task, &policy.valid(), step, values)?;
        } else {
            session.metrics(STAGE, step, total, values);
        }
        let stop = directive == Directive::Stop;
        if step < total
            && (stop || directive == Directive::Checkpoint || session.checkpoint_is_due(step))
        {
            session.checkpoint(STAGE, step, false, |folder| {
                policy.save(folder, task.tokenizer, task.base)?;
                optimizer.save(&policy, &folder.join(OPTIMIZER))?;
                write_json(&folder.join(STATE), &state)
            })?;
        }
        if stop && step < total {
            return Ok((policy.valid(), Ended::Stopped));
        }
    }
    session.checkpoint(STAGE, step, true, |folder| {
        policy.save(folder, task.tokenizer, task.base)
    })?;
    session.end(STAGE, step);
    if state.skipped > 0 {
        session.note(
            STAGE,
            step,
            Severity::Warning,
            format!(
                "{} updates were skipped because their mean ratio passed ppo.ratio_threshold",
                state.skipped
            ),
        );
    }
    Ok((policy.valid(), Ended::Done))
}

/// Answers the validation subset; logs its curve points together with the step's own values.
fn evaluate(
    session: &mut Session<'_>,
    task: &Task<'_>,
    policy: &Policy,
    step: u64,
    mut values: Vec<(String, f64)>,
) -> Result<(), TrainError> {
    let total = session.config.ppo.steps;
    let answers = task.examiner.answer(policy, task.validation);
    values.extend(task.examiner.curve(policy, task.validation, &answers));
    session.metrics(STAGE, step, total, values);
    let count = session.config.evaluation.samples;
    session.samples(
        STAGE,
        step,
        task.examiner.samples(task.validation, &answers, count),
    );
    Ok(())
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

/// Everything that the metrics of a step are made of.
struct Measured<'a> {
    rollout: &'a Rollout,
    scores: &'a [Score],
    shaped: &'a [f32],
    old_log_probs: &'a [Vec<f32>],
    reference_log_probs: &'a [Vec<f32>],
    full_kl: &'a [Vec<f32>],
    old_values: &'a [Vec<f32>],
    returns: Vec<Vec<f32>>,
    updates: &'a [(ObjectiveStatistics, f64)],
}

impl Measured<'_> {
    fn values(&self) -> Vec<(String, f64)> {
        let rows = self.rollout.generated.len() as f64;
        let per_response = |estimate: fn(f32, f32) -> f32| {
            let sum: f64 = self
                .old_log_probs
                .iter()
                .flatten()
                .zip(self.reference_log_probs.iter().flatten())
                .map(|(p, q)| f64::from(estimate(*p, *q)))
                .sum();
            sum / rows
        };
        let mean = |numbers: &mut dyn Iterator<Item = f64>, count: f64| {
            numbers.sum::<f64>() / count.max(1.0)
        };
        let returns = moments(&self.returns, Variance::Unbiased);
        let updates = self.updates.len() as f64;
        let update = |figure: fn(&ObjectiveStatistics) -> f32| {
            mean(
                &mut self.updates.iter().map(|(s, _)| f64::from(figure(s))),
                updates,
            )
        };
        let flat = |rows: &[Vec<f32>]| rows.iter().flatten().copied().collect::<Vec<_>>();

        let mut values: Vec<(&str, f64)> = vec![
            (
                declared::SHAPED_SCORE,
                mean(&mut self.shaped.iter().map(|s| f64::from(*s)), rows),
            ),
            (declared::KL_K1, per_response(kl::k1)),
            (declared::KL_K3, per_response(kl::k3)),
            (
                declared::KL_FULL,
                mean(
                    &mut self.full_kl.iter().flatten().map(|x| f64::from(*x)),
                    rows,
                ),
            ),
            (declared::RETURNS_MEAN, returns.mean),
            (declared::RETURNS_VARIANCE, returns.variance),
            (declared::POLICY_LOSS, update(|s| s.policy_loss)),
            (declared::VALUE_LOSS, update(|s| s.value_loss)),
            (declared::TOTAL_LOSS, update(|s| s.total_loss)),
            (declared::CLIP_FRACTION, update(|s| s.clip_fraction)),
            (
                declared::VALUE_CLIP_FRACTION,
                update(|s| s.value_clip_fraction),
            ),
            (declared::APPROX_KL, update(|s| s.approximate_kl)),
            (declared::RATIO_MEAN, update(|s| s.ratio_mean)),
            (
                declared::RATIO_MAX,
                self.updates
                    .iter()
                    .map(|(s, _)| f64::from(s.ratio_max))
                    .fold(0.0, f64::max),
            ),
            (declared::ENTROPY, update(|s| s.entropy)),
            (
                declared::RESPONSE_LENGTH,
                mean(
                    &mut self.rollout.lengths().map(|length| length as f64),
                    rows,
                ),
            ),
            (
                declared::ENDED_SHARE,
                mean(
                    &mut self
                        .rollout
                        .generated
                        .iter()
                        .map(|row| f64::from(u8::from(row.ended))),
                    rows,
                ),
            ),
            (
                declared::PPO_GRADIENT_NORM,
                mean(&mut self.updates.iter().map(|(_, norm)| *norm), updates),
            ),
        ];
        if let Some(explained) = explained_variance(&flat(self.old_values), &flat(&self.returns)) {
            values.push((declared::EXPLAINED_VARIANCE, explained));
        }
        let mut values: Vec<(String, f64)> = values
            .into_iter()
            .map(|(key, value)| (key.to_string(), value))
            .collect();
        let by_mechanism: Vec<[f32; 3]> = self
            .scores
            .iter()
            .filter_map(|score| score.per_mechanism)
            .collect();
        if !by_mechanism.is_empty() {
            let total = mean(
                &mut self.scores.iter().map(|score| f64::from(score.total)),
                rows,
            );
            values.push((declared::EMPATHY_REWARD.to_string(), total));
            for mechanism in Mechanism::ALL {
                let place = mechanism.index();
                let reward = mean(
                    &mut by_mechanism.iter().map(|row| f64::from(row[place])),
                    rows,
                );
                values.push((declared::REWARD_KEYS[place].to_string(), reward));
            }
        }
        values
    }
}
