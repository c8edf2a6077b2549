//! The identifier stage: one empathy identifier for each mechanism, trained one after the other on labelled
//! pairs (Sec. III-D, Table I).

mod encoder;
pub mod given;
mod labels;
mod released;
mod validation;

use std::path::Path;

use burn::module::Module;
use burn::optim::GradientsParams;
use burn::tensor::activation::log_softmax;
use burn::tensor::{Device, Tensor, TensorData};
use serde::{Deserialize, Serialize};

use self::encoder::Encoder;
pub use self::encoder::{OwnModel, encoder_tokenizer, network};
use self::labels::{Item, LabelledPairs, class_weights};
use self::validation::{curve, summary, validate};
use super::checkpoint::{Checkpoint, read_json, write_json};
use super::early_stopping::{Best, Patience};
use super::error::TrainError;
use super::identifier_set::{IdentifierSet, weights_file};
use super::optimizer::AdamW;
use super::order::Order;
use super::seed::{Draw, seed};
use super::session::{Session, Values};
use super::stage::{self, Evaluation, StageTrainer, StepError, When};
use super::tensors::scalar;
use crate::data::{LevelSet, Mechanism};
use crate::experiment::{IdentifierSettings, Report, Severity, Stage};
use crate::metrics::identified::SCORES_FILE;
use crate::metrics::{IdentifierScores, declared};
use crate::nn::Dropout;
use crate::nn::identifier::Identifier;

const STAGE: Stage = Stage::Identifiers;
const STATE: &str = "state.json";
const OPTIMIZER: &str = "optimizer.safetensors";
const CURRENT: &str = "current.safetensors";
const BEST: &str = "best.safetensors";

/// Trains the run's identifiers, or takes those that it is given; `None` if it was stopped. `own` is the run's own
/// model, where a stage reads it.
///
/// # Errors
/// There are no labelled pairs, the encoder cannot be read or does not suit the settings; or as [`stage::train`].
pub fn run(
    session: &mut Session<'_>,
    run_folder: &Path,
    levels: Option<&LevelSet>,
    own: Option<OwnModel<'_>>,
) -> Result<Option<IdentifierSet>, TrainError> {
    let config = session.config;
    let settings = &config.identifiers;
    if let Some(source) = settings.given() {
        return given::run(session, run_folder, source).map(Some);
    }
    let levels = levels.ok_or_else(|| TrainError::Empty {
        what: config.data.levels.clone(),
        fix: "import labelled pairs, and name them as data.levels".into(),
    })?;
    let encoder = Encoder::open(config, own, &session.device)?;
    if let Some(doubt) = encoder.doubtful_rate(settings.lr)
        && session.checkpoints.latest(STAGE)?.is_none()
    {
        session.note(STAGE, 0, Severity::Warning, doubt);
    }
    let pairs = LabelledPairs::split(levels, settings, settings.seed(config.run.seed));
    let mut trainer = IdentifierTrainer {
        settings,
        seed: settings.seed(config.run.seed),
        encoder,
        device: session.device.clone(),
        batches: Mechanism::ALL.map(|mechanism| pairs.batches(mechanism)),
        pairs,
    };
    let trained = stage::train(session, &mut trainer)?;
    Ok(trained.map(|trained| trained.set))
}

/// Steps of the stage, over its three mechanisms, if none stops early.
pub fn steps(set: &LevelSet, settings: &IdentifierSettings, run_seed: u64) -> u64 {
    let pairs = LabelledPairs::split(set, settings, settings.seed(run_seed));
    let batches = Mechanism::ALL.map(|mechanism| pairs.batches(mechanism));
    batches.iter().sum::<u64>() * settings.epochs
}

struct IdentifierTrainer<'a> {
    settings: &'a IdentifierSettings,
    /// Every draw of the stage derives from it.
    seed: u64,
    encoder: Encoder,
    /// Without autodiff.
    device: Device,
    pairs: LabelledPairs<'a>,
    /// Batches of an epoch, by mechanism.
    batches: [u64; 3],
}

/// The state that a step changes.
#[derive(Default)]
struct Learner {
    /// The identifiers that are trained, in the order of [`Mechanism::ALL`].
    finished: Vec<Identifier>,
    scores: Vec<IdentifierScores>,
    /// The one in training; `None` before its first step.
    current: Option<Current>,
}

/// An identifier in training.
struct Current {
    identifier: Identifier,
    optimizer: AdamW,
    /// Steps of this identifier.
    step: u64,
    best: Best<Identifier>,
    mechanism: Mechanism,
    order: Order,
    train: Vec<Item>,
    validation: Vec<Item>,
    /// Of the levels, in the loss.
    class_weights: [f32; 3],
}

/// The part of [`Learner`] that is neither weights nor moments.
#[derive(Serialize, Deserialize)]
struct State {
    /// Identifiers that are trained.
    finished: usize,
    /// Steps of the one in training.
    step: u64,
    #[serde(flatten)]
    patience: Patience,
    scores: Vec<IdentifierScores>,
}

/// The trained identifiers and how good they are.
struct Trained {
    set: IdentifierSet,
    scores: Vec<IdentifierScores>,
}

impl IdentifierTrainer<'_> {
    /// Steps of the stage before those of the identifier at `index`. Numbers continue over the three
    /// mechanisms; one that stops early leaves a gap.
    fn offset(&self, index: usize) -> u64 {
        self.batches[..index].iter().sum::<u64>() * self.settings.epochs
    }

    /// The identifier at `index` as it is initialised.
    fn initial(&self, index: usize) -> Identifier {
        let weights = seed(self.seed, Draw::Identifier, index as u64);
        self.encoder.identifier(&self.device, weights)
    }

    /// The identifier at `index` before its first step.
    fn begin(&self, index: usize, identifier: Identifier) -> Result<Current, TrainError> {
        let settings = self.settings;
        let mechanism = Mechanism::ALL[index];
        let (pairs, tokenizer) = (&self.pairs, &self.encoder.tokenizer);
        let train = pairs.items(&pairs.train, mechanism, tokenizer)?;
        let validation = pairs.items(&pairs.validation, mechanism, tokenizer)?;
        let lengths = train
            .iter()
            .map(|item| item.pair.context.len() + item.pair.response.len());
        let order = seed(self.seed, Draw::IdentifierOrder, index as u64);
        Ok(Current {
            identifier: identifier.train(),
            optimizer: AdamW::new(settings.weight_decay),
            step: 0,
            best: Best::default(),
            mechanism,
            order: Order::new(lengths.collect(), settings.batch, order),
            class_weights: class_weights(&train, settings.class_weights),
            train,
            validation,
        })
    }

    fn load(&self, path: &Path) -> Result<Identifier, TrainError> {
        Ok(Identifier::load(&self.encoder.network, path, &self.device)?)
    }

    /// Whether an identifier is trained: after its last epoch, or when early stopping ends it.
    fn is_trained(&self, current: &Current) -> bool {
        let settings = self.settings;
        let steps = current.order.per_epoch() * settings.epochs;
        current.step >= steps || current.best.is_exhausted(settings.patience)
    }
}

impl StageTrainer for IdentifierTrainer<'_> {
    type Learner = Learner;
    type Trained = Trained;

    fn stage(&self) -> Stage {
        STAGE
    }

    fn total(&self) -> u64 {
        self.offset(Mechanism::ALL.len())
    }

    fn steps(&self, learner: &Learner) -> u64 {
        let current = learner.current.as_ref().map_or(0, |current| current.step);
        self.offset(learner.finished.len()) + current
    }

    fn step(
        &mut self,
        _session: &mut Session<'_>,
        mut learner: Learner,
    ) -> Result<(Learner, Values), StepError> {
        let index = learner.finished.len();
        let mut current = match learner.current.take() {
            Some(current) => current,
            None => self.begin(index, self.initial(index))?,
        };
        let (settings, step) = (self.settings, current.step);
        let draw = (index as u64) << 32 | step;
        let dropout_seed = seed(self.seed, Draw::IdentifierDropout, draw);
        let mut dropout = Dropout::new(self.encoder.dropout, dropout_seed);

        let (identifier, train) = (current.identifier, &current.train);
        let batch = current.order.batch(step).iter().map(|&item| &train[item]);
        let (logits, levels) = forward(&identifier, batch, &self.device, &mut dropout);
        let loss = weighted_cross_entropy(logits, &levels, &current.class_weights);
        let loss_value = scalar(loss.clone().inner());
        if !loss_value.is_finite() {
            return Err(StepError::Fatal(TrainError::NotFinite {
                stage: STAGE,
                step: self.offset(index) + step,
                loss: loss_value,
                setting: "identifiers.lr",
            }));
        }
        let gradients = GradientsParams::from_grads(loss.backward(), &identifier);
        let steps = current.order.per_epoch() * settings.epochs;
        let lr = settings.lr_schedule.rate(settings.lr, step, steps);
        let max_norm = settings.max_gradient_norm;
        (current.identifier, _) = current.optimizer.step(lr, identifier, gradients, max_norm);
        current.step += 1;

        learner.current = Some(current);
        let key = declared::IDENTIFIER_LOSS[index];
        Ok((learner, vec![(key.to_string(), loss_value)]))
    }

    /// Scheduled after each epoch.
    fn evaluate(&self, learner: &mut Learner, when: When) -> Option<Evaluation> {
        let current = learner.current.as_mut()?;
        let is_scheduled = when == When::Scheduled;
        if is_scheduled && !current.step.is_multiple_of(current.order.per_epoch()) {
            return None;
        }
        let identifier = current.identifier.valid();
        let (items, mechanism) = (&current.validation, current.mechanism);
        let scores = validate(&identifier, items, mechanism, &self.device);
        if is_scheduled {
            current.best.offer(scores.loss, identifier);
        }
        Some(Evaluation {
            values: curve(&scores),
            ..Evaluation::default()
        })
    }

    /// Moves a trained identifier to the finished ones.
    fn after_step(&mut self, session: &mut Session<'_>, learner: &mut Learner, _evaluated: bool) {
        let step = self.steps(learner);
        let Some(current) = learner.current.take_if(|current| self.is_trained(current)) else {
            return;
        };
        let last = current.identifier;
        let identifier = current.best.model.unwrap_or_else(|| last.valid());
        let (items, mechanism) = (&current.validation, current.mechanism);
        let scores = validate(&identifier, items, mechanism, &self.device);
        session.note(STAGE, step, Severity::Info, summary(&scores));
        learner.finished.push(identifier);
        learner.scores.push(scores);
    }

    /// Not between two identifiers.
    fn can_pause(&self, learner: &Learner) -> bool {
        learner.current.is_some()
    }

    fn start(&mut self, from: Option<&Checkpoint>) -> Result<Learner, TrainError> {
        let Some(Checkpoint { folder, .. }) = from else {
            return Ok(Learner::default());
        };
        let state: State = read_json(&folder.join(STATE))?;
        let finished = Mechanism::ALL[..state.finished]
            .iter()
            .map(|mechanism| self.load(&folder.join(weights_file(*mechanism))))
            .collect::<Result<Vec<_>, _>>()?;
        let identifier = self.load(&folder.join(CURRENT))?;
        let mut current = self.begin(state.finished, identifier)?;
        let optimizer = &mut current.optimizer;
        optimizer.load(&current.identifier, &folder.join(OPTIMIZER))?;
        current.step = state.step;
        current.best.patience = state.patience;
        if state.patience.best.is_some() {
            current.best.model = Some(self.load(&folder.join(BEST))?);
        }
        Ok(Learner {
            finished,
            scores: state.scores,
            current: Some(current),
        })
    }

    fn save(&self, learner: &Learner, folder: &Path) -> Result<(), TrainError> {
        for (mechanism, identifier) in Mechanism::ALL.iter().zip(&learner.finished) {
            identifier.save(&folder.join(weights_file(*mechanism)))?;
        }
        let Some(current) = &learner.current else {
            return Ok(());
        };
        let identifier = &current.identifier;
        identifier.valid().save(&folder.join(CURRENT))?;
        if let Some(best) = &current.best.model {
            best.save(&folder.join(BEST))?;
        }
        let optimizer = &current.optimizer;
        optimizer.save(identifier, &folder.join(OPTIMIZER))?;
        let state = State {
            finished: learner.finished.len(),
            step: current.step,
            patience: current.best.patience,
            scores: learner.scores.clone(),
        };
        write_json(&folder.join(STATE), &state)
    }

    fn finish(&mut self, learner: Learner) -> Trained {
        let (network, tokenizer) = (self.encoder.network.clone(), self.encoder.tokenizer.clone());
        Trained {
            set: IdentifierSet::new(learner.finished, network, tokenizer),
            scores: learner.scores,
        }
    }

    fn save_trained(&self, trained: &Trained, folder: &Path) -> Result<(), TrainError> {
        trained.set.save(folder)?;
        write_json(&folder.join(SCORES_FILE), &trained.scores)
    }

    fn load_trained(&self, folder: &Path) -> Result<Trained, TrainError> {
        Ok(Trained {
            scores: read_json(&folder.join(SCORES_FILE))?,
            set: IdentifierSet::load(folder, &self.device)?,
        })
    }

    fn report_trained(&self, session: &mut Session<'_>, trained: &Trained) {
        let scores = trained.scores.clone();
        session.observer.report(Report::Identifiers { scores });
    }
}

/// Logits `[items, 3]` and the true levels.
fn forward<'a>(
    identifier: &Identifier,
    items: impl Iterator<Item = &'a Item>,
    device: &Device,
    dropout: &mut Dropout,
) -> (Tensor<2>, Vec<usize>) {
    let (pairs, levels): (Vec<_>, Vec<_>) = items.map(|item| (&item.pair, item.level)).unzip();
    let contexts: Vec<&[u32]> = pairs.iter().map(|pair| pair.context.as_slice()).collect();
    let responses: Vec<&[u32]> = pairs.iter().map(|pair| pair.response.as_slice()).collect();
    let logits = identifier.forward(&contexts, &responses, device, dropout);
    (logits, levels)
}

/// Cross-entropy, each item counted by its level's weight.
fn weighted_cross_entropy(logits: Tensor<2>, levels: &[usize], weights: &[f32; 3]) -> Tensor<1> {
    let total: f32 = levels.iter().map(|&level| weights[level]).sum();
    let mut share = vec![0.0; levels.len() * 3];
    for (row, &level) in share.chunks_mut(3).zip(levels) {
        row[level] = weights[level] / total;
    }
    let share = Tensor::from_data(
        TensorData::new(share, [levels.len(), 3]),
        &logits.device().without_autodiff(),
    );
    (log_softmax(logits, 1) * share).sum().neg()
}
