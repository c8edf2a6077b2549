//! The generator: maximum likelihood on dialogues, with early stopping (Sec. III-C, IV-B).
//!
//! It tunes a prefix, all of T5, or both. Also carries out T5's span corruption, whose loss and loop
//! are the same; only the pairs differ.

use std::path::Path;

use burn::module::Module;
use burn::optim::GradientsParams;
use burn::tensor::Device;
use serde::{Deserialize, Serialize};

use super::checkpoint::{read_json, write_json};
use super::error::TrainError;
use super::likelihood::{Pairs, cross_entropy, hidden_states};
use super::material::Encoded;
use super::optimizer::AdamW;
use super::policy::Policy;
use super::score::score;
use super::seed::{Draw, seed};
use super::session::{Asked, Ended, Session, Speed, memory, schedule};
use super::tensors::scalar;
use crate::data::batch::Batches;
use crate::experiment::{LrSchedule, Stage, Tuning};
use crate::metrics::{TargetLoss, declared, perplexity};
use crate::nn::Dropout;
use crate::text::Tokenizer;

/// What the loop needs to know besides the policy.
pub struct Likelihood<'a> {
    pub stage: Stage,
    pub tuning: Tuning,
    pub batch: usize,
    pub total: u64,
    pub lr: f64,
    pub lr_schedule: LrSchedule,
    pub weight_decay: f64,
    pub max_gradient_norm: f64,
    pub validate_every: u64,
    pub patience: u64,
    pub dropout: f64,
    pub order: Draw,
    pub dropout_draw: Draw,
    pub source: &'a dyn PairSource,
    pub validation: &'a [Encoded],
    pub tokenizer: &'a Tokenizer,
    /// Where T5's weights are, if this stage does not change them.
    pub base: Option<&'a Path>,
    pub keys: Keys,
}

/// Under which names the loop logs.
#[derive(Clone, Copy)]
pub struct Keys {
    pub loss: &'static str,
    pub validation_loss: &'static str,
    pub perplexity: Option<&'static str>,
    pub lr: &'static str,
    pub gradient_norm: &'static str,
    pub tokens_per_second: &'static str,
}

/// Where batches of (source, target) tokens come from.
pub trait PairSource {
    /// How many pairs one pass has.
    fn len(&self) -> usize;
    /// Whether there is nothing to learn from.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// Rough length of each pair, to batch like with like.
    fn lengths(&self) -> Vec<usize>;
    /// The pairs at `indices`, as seen in `epoch`.
    fn pairs(&self, indices: &[usize], epoch: u64) -> (Vec<Vec<u32>>, Vec<Vec<u32>>);
}

impl PairSource for Vec<Encoded> {
    fn len(&self) -> usize {
        Vec::len(self)
    }

    fn lengths(&self) -> Vec<usize> {
        self.iter()
            .map(|pair| pair.source.len() + pair.target.len())
            .collect()
    }

    fn pairs(&self, indices: &[usize], _epoch: u64) -> (Vec<Vec<u32>>, Vec<Vec<u32>>) {
        indices
            .iter()
            .map(|&index| (self[index].source.clone(), self[index].target.clone()))
            .unzip()
    }
}

/// The batches of the epoch in progress.
#[derive(Default)]
pub struct Order {
    epoch: Option<u64>,
    batches: Option<Batches>,
}

impl Order {
    /// The batch of `step`; `draw` makes those of an epoch when it begins.
    pub fn batch(
        &mut self,
        step: u64,
        per_epoch: u64,
        draw: impl FnOnce(u64) -> Batches,
    ) -> &[usize] {
        let epoch = step / per_epoch;
        if self.epoch != Some(epoch) {
            self.batches = Some(draw(epoch));
            self.epoch = Some(epoch);
        }
        let batch = (step % per_epoch) as usize;
        self.batches
            .as_ref()
            .and_then(|batches| batches.get(batch))
            .unwrap_or(&[])
    }
}

/// Early stopping: the best validation loss so far, and how often it was missed since.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Patience {
    best: Option<f64>,
    best_step: u64,
    misses: u64,
}

const STATE: &str = "state.json";
const OPTIMIZER: &str = "optimizer.safetensors";
const BEST: &str = "best";

/// Trains `policy` and returns the one with the best validation loss.
///
/// Goes on from the stage's last checkpoint if there is one.
pub fn train(
    session: &mut Session<'_>,
    task: &Likelihood<'_>,
    policy: Policy,
) -> Result<(Policy, Ended), TrainError> {
    let stage = task.stage;
    let device = session.device.clone();
    let start = policy.t5.config().decoder_start_token_id;
    let mut policy = policy.for_tuning(task.tuning);
    let mut best: Option<Policy> = None;
    let mut optimizer = AdamW::new(task.weight_decay);
    let mut patience = Patience::default();
    let mut step = 0;
    if let Some(checkpoint) = session.checkpoints.latest(stage)? {
        checkpoint.verify()?;
        step = checkpoint.listing.step;
        policy = policy
            .resume(&checkpoint.folder, &device, task.base.is_some())?
            .for_tuning(task.tuning);
        if checkpoint.listing.done {
            return Ok((policy, Ended::Done));
        }
        patience = read_json(&checkpoint.folder.join(STATE))?;
        optimizer.load(&policy, &checkpoint.folder.join(OPTIMIZER))?;
        let folder = checkpoint.folder.join(BEST);
        if folder.is_dir() {
            best = Some(
                policy
                    .clone()
                    .resume(&folder, &device, task.base.is_some())?,
            );
        }
    }
    let mut policy = policy.train();

    session.begin(stage, task.total);
    let lengths = task.source.lengths();
    let per_epoch = (lengths.len().div_ceil(task.batch)) as u64;
    let mut order = Order::default();
    let mut speed = Speed::start();
    let mut ended = Ended::Done;
    while step < task.total {
        let epoch = step / per_epoch;
        let indices = order.batch(step, per_epoch, |epoch| {
            Batches::new(
                &lengths,
                task.batch,
                seed(session.config.run.seed, task.order, 0),
                epoch,
            )
        });
        let (sources, targets) = task.source.pairs(indices, epoch);
        let pairs = Pairs::new(&sources, &targets, start, &device);
        let mut dropout = Dropout::new(
            task.dropout,
            seed(session.config.run.seed, task.dropout_draw, step),
        );
        let vectors = policy.vectors();
        let hidden = hidden_states(&policy, vectors.as_ref(), &pairs, &mut dropout);
        let loss = cross_entropy(policy.t5.logits(hidden), &targets);
        let value = scalar(loss.clone().inner());
        if !value.is_finite() {
            return Err(TrainError::NotFinite {
                stage,
                step,
                loss: value,
                setting: match stage {
                    Stage::Pretraining => "pretraining.lr",
                    _ => "generator.lr",
                },
            });
        }
        let gradients = GradientsParams::from_grads(loss.backward(), &policy);
        let lr = schedule(task.lr, task.lr_schedule, task.total).rate(step);
        let norm;
        (policy, norm) = optimizer.step(lr, policy, gradients, task.max_gradient_norm);
        step += 1;
        speed.count(pairs.contexts.real + pairs.responses.real);

        let mut values = vec![
            (task.keys.loss.to_string(), value),
            (task.keys.lr.to_string(), lr),
            (task.keys.gradient_norm.to_string(), norm),
            (task.keys.tokens_per_second.to_string(), speed.take()),
        ];
        values.extend(memory());
        let validate = step.is_multiple_of(task.validate_every) || step == task.total;
        if validate && !task.validation.is_empty() {
            let resting = policy.valid();
            let (loss, measured) = validated(session, task, &resting);
            values.extend(measured);
            if patience.best.is_none_or(|known| loss < known) {
                patience = Patience {
                    best: Some(loss),
                    best_step: step,
                    misses: 0,
                };
                best = Some(resting);
            } else {
                patience.misses += 1;
            }
        }
        session.metrics(stage, step, task.total, values);
        let exhausted = task.patience > 0 && patience.misses >= task.patience;
        if exhausted || step == task.total {
            break;
        }
        let save = |session: &mut Session<'_>| {
            session.checkpoint(stage, step, false, |folder| {
                policy.save(folder, task.tokenizer, task.base)?;
                optimizer.save(&policy, &folder.join(OPTIMIZER))?;
                if let Some(best) = &best {
                    let folder = folder.join(BEST);
                    std::fs::create_dir(&folder).map_err(TrainError::io(&folder))?;
                    best.save(&folder, task.tokenizer, task.base)?;
                }
                write_json(&folder.join(STATE), &patience)
            })
        };
        let mut saved = session.checkpoint_is_due(step);
        if saved {
            save(session)?;
        }
        let stop = session.attend(|session, asked| {
            match asked {
                // To look changes nothing: what is kept as the best comes of what was due.
                Asked::Evaluate if !task.validation.is_empty() => {
                    let (_, measured) = validated(session, task, &policy.valid());
                    session.metrics(stage, step, task.total, measured);
                }
                Asked::Checkpoint if !saved => {
                    save(session)?;
                    saved = true;
                }
                Asked::Evaluate | Asked::Checkpoint | Asked::Set(_) => {}
            }
            Ok(())
        })?;
        if stop {
            if !saved {
                save(session)?;
            }
            ended = Ended::Stopped;
            break;
        }
    }

    let policy = match best {
        Some(best) if ended == Ended::Done => best,
        _ => policy.valid(),
    };
    if ended == Ended::Done {
        session.checkpoint(stage, step, true, |folder| {
            policy.save(folder, task.tokenizer, task.base)
        })?;
        session.end(stage, step);
    }
    Ok((policy, ended))
}

/// The validation loss of a policy that is not being trained just now, and the metrics that tell it.
fn validated(
    session: &Session<'_>,
    task: &Likelihood<'_>,
    resting: &Policy,
) -> (f64, Vec<(String, f64)>) {
    let batch = session.config.evaluation.batch;
    let losses = target_losses(resting, task.validation, batch, &session.device);
    let ppl = perplexity(&losses).unwrap_or(f64::NAN);
    let loss = ppl.ln();
    let mut values = vec![(task.keys.validation_loss.to_string(), loss)];
    values.extend(task.keys.perplexity.map(|key| (key.to_string(), ppl)));
    (loss, values)
}

/// Summed negative log-likelihood and token count of every target, eos included.
pub fn target_losses(
    policy: &Policy,
    examples: &[Encoded],
    batch: usize,
    device: &Device,
) -> Vec<TargetLoss> {
    let vectors = policy.vectors();
    let start = policy.t5.config().decoder_start_token_id;
    let mut order: Vec<usize> = (0..examples.len()).collect();
    order.sort_by_key(|&index| (examples[index].source.len(), examples[index].target.len()));
    let mut losses = vec![
        TargetLoss {
            nll: 0.0,
            tokens: 0
        };
        examples.len()
    ];
    for indices in order.chunks(batch) {
        let sources: Vec<_> = indices
            .iter()
            .map(|&i| examples[i].source.as_slice())
            .collect();
        let targets: Vec<_> = indices
            .iter()
            .map(|&i| examples[i].target.as_slice())
            .collect();
        let pairs = Pairs::new(&sources, &targets, start, device);
        let hidden = hidden_states(policy, vectors.as_ref(), &pairs, &mut Dropout::off());
        let scores = score(policy.t5.logits(hidden), &targets);
        for (row, &index) in scores.log_prob_rows.iter().zip(indices) {
            let nll = row.iter().map(|&p| -f64::from(p)).sum();
            losses[index] = TargetLoss {
                nll,
                tokens: row.len(),
            };
        }
    }
    losses
}

/// Metric names of the generator stage.
pub const GENERATOR_KEYS: Keys = Keys {
    loss: declared::GENERATOR_LOSS,
    validation_loss: declared::GENERATOR_VALIDATION_LOSS,
    perplexity: Some(declared::GENERATOR_PPL),
    lr: declared::GENERATOR_LEARNING_RATE,
    gradient_norm: declared::GENERATOR_GRADIENT_NORM,
    tokens_per_second: declared::GENERATOR_TOKENS_PER_SECOND,
};

/// Metric names of the pre-training stage.
pub const PRETRAINING_KEYS: Keys = Keys {
    loss: declared::PRETRAINING_LOSS,
    validation_loss: declared::PRETRAINING_VALIDATION_LOSS,
    perplexity: None,
    lr: declared::PRETRAINING_LEARNING_RATE,
    gradient_norm: declared::PRETRAINING_GRADIENT_NORM,
    tokens_per_second: declared::PRETRAINING_TOKENS_PER_SECOND,
};

impl Policy {
    /// The trained parts as saved in `folder`; T5 as it is where it was frozen.
    pub fn resume(
        self,
        folder: &Path,
        device: &Device,
        t5_is_frozen: bool,
    ) -> Result<Self, TrainError> {
        if t5_is_frozen {
            let mut policy = self;
            policy.load_trained(folder, device)?;
            Ok(policy)
        } else {
            Ok(Policy::load(folder, device)?.0)
        }
    }
}
