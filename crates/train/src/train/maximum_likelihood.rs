//! Maximum likelihood of target tokens given source tokens: the step of the generator stage and of
//! pre-training, which differ in their pairs and settings. Tunes a prefix, the whole model, or both.

use std::fs;
use std::path::{Path, PathBuf};

use burn::module::Module;
use burn::optim::GradientsParams;
use burn::tensor::Device;
use serde::{Deserialize, Serialize};

use super::checkpoint::{Checkpoint, read_json, write_json};
use super::early_stopping::{Best, Patience};
use super::error::TrainError;
use super::likelihood::{cross_entropy, target_losses};
use super::material::{Encoded, PairSource};
use super::model_tokenizer::ModelTokenizer;
use super::optimizer::AdamW;
use super::order::Order;
use super::policy::Policy;
use super::seed::{Draw, seed};
use super::session::{Session, Speed, Values};
use super::stage::{Evaluation, StageTrainer, StepError, When};
use super::tensors::scalar;
use crate::experiment::{Config, LrSchedule, Stage, Tuning};
use crate::metrics::perplexity;
use crate::nn::Dropout;

/// What differs between the two stages.
pub struct LikelihoodSettings {
    pub stage: Stage,
    pub tuning: Tuning,
    pub batch: usize,
    /// Steps, if the stage does not stop early.
    pub total: u64,
    pub lr: f64,
    pub lr_schedule: LrSchedule,
    /// The path of the setting `lr`.
    pub lr_setting: &'static str,
    pub weight_decay: f64,
    pub max_gradient_norm: f64,
    pub validate_every: u64,
    /// Validations without improvement before the stage stops; 0 for no early stopping.
    pub patience: u64,
    pub order: Draw,
    pub dropout: Draw,
    pub keys: MetricKeys,
}

/// Keys of a stage's metrics.
#[derive(Clone, Copy)]
pub struct MetricKeys {
    pub loss: &'static str,
    pub validation_loss: &'static str,
    pub perplexity: Option<&'static str>,
    pub lr: &'static str,
    pub gradient_norm: &'static str,
    pub tokens_per_second: &'static str,
}

/// A stage's inputs besides its settings.
pub struct LikelihoodInputs<'a> {
    pub config: &'a Config,
    /// Without autodiff.
    pub device: Device,
    pub tokenizer: &'a ModelTokenizer,
    pub train: &'a dyn PairSource,
    /// Empty for no validation.
    pub validation: &'a [Encoded],
    /// The policy before the first step.
    pub policy: Policy,
    /// The folder of the model's weights, if this stage does not change them; relative to a checkpoint.
    pub base: Option<PathBuf>,
}

/// Trains a policy by maximum likelihood; the result is the one of the best validation loss.
pub struct LikelihoodTrainer<'a> {
    settings: LikelihoodSettings,
    inputs: LikelihoodInputs<'a>,
    order: Order,
    speed: Speed,
}

/// The state that a step changes.
pub struct Learner {
    /// On a device with autodiff, frozen where it is not trained.
    policy: Policy,
    optimizer: AdamW,
    step: u64,
    best: Best<Policy>,
    best_step: u64,
}

/// The part of [`Learner`] that is neither weights nor moments.
#[derive(Serialize, Deserialize)]
struct State {
    #[serde(flatten)]
    patience: Patience,
    best_step: u64,
}

const STATE: &str = "state.json";
const OPTIMIZER: &str = "optimizer.safetensors";
const BEST: &str = "best";

impl<'a> LikelihoodTrainer<'a> {
    pub fn new(settings: LikelihoodSettings, inputs: LikelihoodInputs<'a>) -> Self {
        let seed = seed(inputs.config.run.seed, settings.order, 0);
        LikelihoodTrainer {
            order: Order::new(inputs.train.lengths(), settings.batch, seed),
            settings,
            inputs,
            speed: Speed::start(),
        }
    }

    /// Reads a policy; parts that the stage does not train are those of `like`.
    fn load_policy(&self, like: &Policy, folder: &Path) -> Result<Policy, TrainError> {
        let LikelihoodInputs { device, base, .. } = &self.inputs;
        like.clone().resume(folder, device, base.is_some())
    }

    fn save_policy(&self, policy: &Policy, folder: &Path) -> Result<(), TrainError> {
        policy.save(folder, self.inputs.tokenizer, self.inputs.base.as_deref())
    }
}

impl StageTrainer for LikelihoodTrainer<'_> {
    type Learner = Learner;
    type Trained = Policy;

    fn stage(&self) -> Stage {
        self.settings.stage
    }

    fn total(&self) -> u64 {
        self.settings.total
    }

    fn steps(&self, learner: &Learner) -> u64 {
        learner.step
    }

    fn is_complete(&self, learner: &Learner) -> bool {
        learner.step >= self.settings.total || learner.best.is_exhausted(self.settings.patience)
    }

    fn step(
        &mut self,
        _session: &mut Session<'_>,
        learner: Learner,
    ) -> Result<(Learner, Values), StepError> {
        let LikelihoodSettings { stage, keys, .. } = self.settings;
        let config = self.inputs.config;
        let Learner {
            policy,
            mut optimizer,
            step,
            ..
        } = learner;

        let epoch = self.order.epoch(step);
        let (sources, targets) = self.inputs.train.pairs(self.order.batch(step), epoch);
        let dropout_seed = seed(config.run.seed, self.settings.dropout, step);
        let mut dropout = Dropout::new(config.model.dropout, dropout_seed);

        let (model, adapter) = (&policy.model, policy.adapter_weights());
        let hidden = model.forward(&sources, &targets, adapter.as_ref(), &mut dropout);
        let loss = cross_entropy(model.logits(hidden), &targets);
        let loss_value = scalar(loss.clone().inner());
        if !loss_value.is_finite() {
            return Err(StepError::Fatal(TrainError::NotFinite {
                stage,
                step,
                loss: loss_value,
                setting: self.settings.lr_setting,
            }));
        }
        let gradients = GradientsParams::from_grads(loss.backward(), &policy);
        let LikelihoodSettings { lr, total, .. } = self.settings;
        let lr = self.settings.lr_schedule.rate(lr, step, total);
        let max_norm = self.settings.max_gradient_norm;
        let (policy, norm) = optimizer.step(lr, policy, gradients, max_norm);

        self.speed
            .count(sources.iter().chain(&targets).map(Vec::len).sum());
        let values = [
            (keys.loss, loss_value),
            (keys.lr, lr),
            (keys.gradient_norm, norm),
            (keys.tokens_per_second, self.speed.take()),
        ];
        let learner = Learner {
            policy,
            optimizer,
            step: step + 1,
            ..learner
        };
        Ok((
            learner,
            values.map(|(key, value)| (key.into(), value)).into(),
        ))
    }

    fn evaluate(&self, learner: &mut Learner, when: When) -> Option<Evaluation> {
        let (inputs, settings) = (&self.inputs, &self.settings);
        let step = learner.step;
        let is_due =
            step > 0 && (step.is_multiple_of(settings.validate_every) || step == settings.total);
        let is_scheduled = when == When::Scheduled;
        if inputs.validation.is_empty() || (is_scheduled && !is_due) {
            return None;
        }
        let policy = learner.policy.valid();
        let batch = inputs.config.evaluation.batch;
        let losses = target_losses(&policy, inputs.validation, batch);
        let ppl = perplexity(&losses).unwrap_or(f64::NAN);
        let loss = ppl.ln();
        if is_scheduled && learner.best.offer(loss, policy) {
            learner.best_step = step;
        }
        let keys = &settings.keys;
        let mut values = vec![(keys.validation_loss.to_string(), loss)];
        values.extend(keys.perplexity.map(|key| (key.to_string(), ppl)));
        Some(Evaluation {
            values,
            ..Evaluation::default()
        })
    }

    fn start(&mut self, from: Option<&Checkpoint>) -> Result<Learner, TrainError> {
        let tuning = self.settings.tuning;
        let mut policy = self.inputs.policy.clone().for_tuning(tuning);
        let mut optimizer = AdamW::new(self.settings.weight_decay);
        let (mut step, mut best, mut best_step) = (0, Best::default(), 0);
        if let Some(Checkpoint { folder, listing }) = from {
            step = listing.step;
            policy = self.load_policy(&policy, folder)?.for_tuning(tuning);
            optimizer.load(&policy, &folder.join(OPTIMIZER))?;
            let state: State = read_json(&folder.join(STATE))?;
            (best.patience, best_step) = (state.patience, state.best_step);
            let folder = folder.join(BEST);
            if folder.is_dir() {
                best.model = Some(self.load_policy(&policy, &folder)?);
            }
        }
        self.speed = Speed::start();
        Ok(Learner {
            policy: policy.train(),
            optimizer,
            step,
            best,
            best_step,
        })
    }

    fn save(&self, learner: &Learner, folder: &Path) -> Result<(), TrainError> {
        let policy = &learner.policy;
        self.save_policy(policy, folder)?;
        learner.optimizer.save(policy, &folder.join(OPTIMIZER))?;
        if let Some(best) = &learner.best.model {
            let folder = folder.join(BEST);
            fs::create_dir(&folder).map_err(TrainError::io(&folder))?;
            self.save_policy(best, &folder)?;
        }
        let state = State {
            patience: learner.best.patience,
            best_step: learner.best_step,
        };
        write_json(&folder.join(STATE), &state)
    }

    fn finish(&mut self, learner: Learner) -> Policy {
        let last = learner.policy;
        learner.best.model.unwrap_or_else(|| last.valid())
    }

    fn save_trained(&self, policy: &Policy, folder: &Path) -> Result<(), TrainError> {
        self.save_policy(policy, folder)
    }

    fn load_trained(&self, folder: &Path) -> Result<Policy, TrainError> {
        let policy = self.load_policy(&self.inputs.policy, folder)?;
        Ok(policy.for_tuning(self.settings.tuning))
    }
}
