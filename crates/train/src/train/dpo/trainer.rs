//! The DPO stage: preference pairs, batch after batch, from the run's generator or from the model as it is. Where the
//! policy starts is the reference `ρ`.

use std::cell::OnceCell;
use std::collections::HashMap;
use std::path::Path;

use burn::module::Module;
use burn::tensor::Device;

use super::loss::{DpoLossConfig, PairFigures, PairLogProbs, figures};
use super::pairs::{EncodedPreference, training_pairs};
use super::step::{DpoLearner, DpoOutcome, log_probs, step};
use crate::data::preferences::PreferenceSet;
use crate::experiment::{Config, DpoSettings, Severity, Stage};
use crate::metrics::declared;
use crate::train::TrainError;
use crate::train::artifacts::Artifacts;
use crate::train::checkpoint::Checkpoint;
use crate::train::evaluate::{Exam, Examiner};
use crate::train::material::{Encoded, validation_subset};
use crate::train::model_tokenizer::ModelTokenizer;
use crate::train::optimizer::AdamW;
use crate::train::order::Order;
use crate::train::policy::{Policy, fresh_adapter};
use crate::train::seed::{Draw, seed};
use crate::train::session::{Ended, Session, Speed, Values};
use crate::train::stage::{self, Evaluation, StageTrainer, StepError, When};
use crate::train::tensors::by_length;

const STAGE: Stage = Stage::Dpo;
const OPTIMIZER: &str = "optimizer.safetensors";

/// Trains the run's policy on the preference pairs of its settings.
pub fn run(session: &mut Session<'_>, artifacts: &mut Artifacts) -> Result<Ended, TrainError> {
    let (config, device) = (session.config, session.device.clone());
    let Some(set) = artifacts.preferences.clone() else {
        return Ok(Ended::Done);
    };
    // Without a generator stage the model as it is takes the generator's place.
    let model = Policy::from(artifacts.model.clone());
    let reference = artifacts.generator.get_or_insert(model).clone();
    let adapter = match &reference.adapter {
        Some(adapter) => Some(adapter.clone()),
        None => fresh_adapter(config, config.dpo.tuning, &reference.model, &device)?,
    };
    let policy = Policy {
        adapter,
        ..reference.clone()
    };
    let (train, validation) =
        training_pairs(&set, &config.dpo, config.run.seed, &artifacts.tokenizer)?;
    if session.checkpoints.latest(STAGE)?.is_none() {
        let kept = (train.len(), validation.len());
        session.note(STAGE, 0, Severity::Info, provenance(&set, kept));
    }
    let examples = &artifacts.material.validation;
    let examples = validation_subset(examples, &config.evaluation, config.run.seed);
    let base = artifacts.base_under(config.dpo.tuning);
    let lengths = train.iter().map(EncodedPreference::tokens).collect();
    let order = seed(config.run.seed, Draw::PreferenceOrder, 0);
    let mut trainer = DpoTrainer {
        config,
        device,
        order: Order::new(lengths, config.dpo.batch, order),
        total: steps(&config.dpo, train.len()),
        train,
        validation,
        examples: &examples,
        tokenizer: &artifacts.tokenizer,
        examiner: &artifacts.examiner(config, &session.device),
        exam: OnceCell::new(),
        initial: policy,
        reference: reference.valid(),
        known: HashMap::new(),
        of_validation: OnceCell::new(),
        base: base.as_deref(),
        speed: Speed::start(),
    };
    let Some(policy) = stage::train(session, &mut trainer)? else {
        return Ok(Ended::Stopped);
    };
    artifacts.policy = Some(policy);
    Ok(Ended::Done)
}

/// Steps of the stage on so many training pairs.
pub(in crate::train) fn steps(settings: &DpoSettings, pairs: usize) -> u64 {
    let all = pairs.div_ceil(settings.batch) as u64 * settings.epochs;
    match settings.max_steps {
        0 => all,
        limit => all.min(limit),
    }
}

/// Which pairs these are, for the run's record.
fn provenance(set: &PreferenceSet, (train, validation): (usize, usize)) -> String {
    let mut text = format!(
        "Preference pairs of {} (SHA-256 {}): {train} for training, {validation} for validation, split by context",
        set.name, set.fingerprint
    );
    for study in set.studies() {
        text.push_str("; ");
        text.push_str(&study.words());
    }
    text
}

struct DpoTrainer<'a> {
    config: &'a Config,
    /// Without autodiff.
    device: Device,
    order: Order,
    total: u64,
    train: Vec<EncodedPreference>,
    validation: Vec<EncodedPreference>,
    /// The fixed validation subset of the dialogues; empty where the run reads none.
    examples: &'a [Encoded],
    tokenizer: &'a ModelTokenizer,
    examiner: &'a Examiner<'a>,
    exam: OnceCell<Exam<'a>>,
    /// The policy before the first step.
    initial: Policy,
    reference: Policy,
    /// The reference's log-probabilities of training pairs, by index.
    known: HashMap<usize, PairLogProbs>,
    of_validation: OnceCell<Vec<PairLogProbs>>,
    /// Where the model's weights are, if this stage does not change them; relative to a checkpoint.
    base: Option<&'a Path>,
    speed: Speed,
}

/// The learner and its position in the stage.
struct Progress {
    learner: DpoLearner,
    /// Steps done.
    step: u64,
}

impl DpoTrainer<'_> {
    /// The reference's log-probabilities of training pairs.
    ///
    /// Each pair by itself: which are new depends on where a run was resumed, and the last bits of a result depend
    /// on what else is in its batch.
    fn reference_of(&mut self, indices: &[usize]) -> Vec<PairLogProbs> {
        for index in indices {
            if !self.known.contains_key(index) {
                let found = log_probs(&self.reference, &[&self.train[*index]]);
                self.known
                    .extend(found.first().map(|found| (*index, *found)));
            }
        }
        indices.iter().map(|index| self.known[index]).collect()
    }

    /// A policy's log-probabilities of the validation pairs, in their order.
    fn of_validation(&self, policy: &Policy) -> Vec<PairLogProbs> {
        let pairs = &self.validation;
        let mut found = vec![PairLogProbs::default(); pairs.len()];
        for indices in by_length(pairs.len(), self.config.dpo.batch, |at| pairs[at].tokens()) {
            let batch: Vec<&EncodedPreference> = indices.iter().map(|&at| &pairs[at]).collect();
            for (&at, one) in indices.iter().zip(log_probs(policy, &batch)) {
                found[at] = one;
            }
        }
        found
    }

    fn validate(&self, policy: &Policy) -> Values {
        if self.validation.is_empty() {
            return Values::new();
        }
        let config = DpoLossConfig::from(&self.config.dpo);
        let reference = self
            .of_validation
            .get_or_init(|| self.of_validation(&self.reference));
        let own = self.of_validation(policy);
        let pairs = own.iter().zip(reference);
        let pairs: Vec<PairFigures> = pairs
            .map(|(own, reference)| figures(&config, *own, *reference))
            .collect();
        let loss = mean(&pairs, |pair| pair.loss);
        keyed(VALIDATION, loss, &pairs)
    }
}

/// Keys of the figures of pairs: loss, rewards, margin, accuracy, log-probabilities.
type Keys = [&'static str; 7];

const TRAINING: Keys = [
    declared::DPO_LOSS,
    declared::DPO_CHOSEN_REWARD,
    declared::DPO_REJECTED_REWARD,
    declared::DPO_MARGIN,
    declared::DPO_ACCURACY,
    declared::DPO_CHOSEN_LOG_PROB,
    declared::DPO_REJECTED_LOG_PROB,
];

const VALIDATION: Keys = [
    declared::DPO_VALIDATION_LOSS,
    declared::DPO_VALIDATION_CHOSEN_REWARD,
    declared::DPO_VALIDATION_REJECTED_REWARD,
    declared::DPO_VALIDATION_MARGIN,
    declared::DPO_VALIDATION_ACCURACY,
    declared::DPO_VALIDATION_CHOSEN_LOG_PROB,
    declared::DPO_VALIDATION_REJECTED_LOG_PROB,
];

fn mean(pairs: &[PairFigures], of: impl Fn(&PairFigures) -> f64) -> f64 {
    pairs.iter().map(of).sum::<f64>() / pairs.len().max(1) as f64
}

fn keyed(keys: Keys, loss: f64, pairs: &[PairFigures]) -> Values {
    let figures = [
        loss,
        mean(pairs, |pair| pair.chosen_reward),
        mean(pairs, |pair| pair.rejected_reward),
        mean(pairs, |pair| pair.chosen_reward - pair.rejected_reward),
        mean(pairs, |pair| f64::from(u8::from(pair.is_right()))),
        mean(pairs, |pair| pair.log_probs.chosen.into()),
        mean(pairs, |pair| pair.log_probs.rejected.into()),
    ];
    let keys = keys.map(str::to_string);
    keys.into_iter().zip(figures).collect()
}

impl StageTrainer for DpoTrainer<'_> {
    type Learner = Progress;
    type Trained = Policy;

    fn stage(&self) -> Stage {
        STAGE
    }

    fn total(&self) -> u64 {
        self.total
    }

    fn steps(&self, progress: &Progress) -> u64 {
        progress.step
    }

    fn step(
        &mut self,
        _session: &mut Session<'_>,
        progress: Progress,
    ) -> Result<(Progress, Values), StepError> {
        let Progress { learner, step: at } = progress;
        let indices = self.order.batch(at).to_vec();
        let reference = self.reference_of(&indices);
        let pairs: Vec<&EncodedPreference> = indices.iter().map(|&at| &self.train[at]).collect();
        let (settings, number) = (&self.config.dpo, (at, self.total));
        let (learner, outcome) = step(learner, settings, &pairs, &reference, number, &self.device)?;
        let DpoOutcome {
            pairs: figures,
            loss,
            gradient_norm,
            lr,
        } = outcome;
        self.speed
            .count(pairs.iter().map(|pair| pair.tokens()).sum());
        let mut values = keyed(TRAINING, loss, &figures);
        values.extend([
            (declared::DPO_LEARNING_RATE.into(), lr),
            (declared::DPO_GRADIENT_NORM.into(), gradient_norm),
            (declared::DPO_TOKENS_PER_SECOND.into(), self.speed.take()),
        ]);
        let progress = Progress {
            learner,
            step: at + 1,
        };
        Ok((progress, values))
    }

    /// Measures the validation pairs and answers the validation subset. Scheduled before the first step and after
    /// the last as well.
    fn evaluate(&self, progress: &mut Progress, when: When) -> Option<Evaluation> {
        let step = progress.step;
        let is_due = step.is_multiple_of(self.config.dpo.evaluate_every) || step == self.total;
        if when == When::Scheduled && !is_due {
            return None;
        }
        let policy = progress.learner.policy.valid();
        let mut values = self.validate(&policy);
        if self.examples.is_empty() {
            return (!values.is_empty()).then(|| Evaluation {
                values,
                ..Evaluation::default()
            });
        }
        let exam = self.exam.get_or_init(|| self.examiner.exam(self.examples));
        let answers = self.examiner.answer(&policy, exam);
        values.extend(self.examiner.curve(&policy, exam, &answers));
        let count = self.config.evaluation.samples;
        Some(Evaluation {
            values,
            samples: Some(self.examiner.samples(self.examples, &answers, count)),
            rollout: None,
        })
    }

    fn start(&mut self, from: Option<&Checkpoint>) -> Result<Progress, TrainError> {
        let settings = &self.config.dpo;
        let mut policy = self.initial.clone();
        let mut optimizer = AdamW::new(settings.weight_decay);
        let mut step = 0;
        if let Some(Checkpoint { folder, listing }) = from {
            policy = policy.resume(folder, &self.device, self.base.is_some())?;
            policy = policy.for_tuning(settings.tuning);
            optimizer.load(&policy, &folder.join(OPTIMIZER))?;
            step = listing.step;
        }
        self.speed = Speed::start();
        Ok(Progress {
            learner: DpoLearner {
                policy: policy.for_tuning(settings.tuning).train(),
                optimizer,
            },
            step,
        })
    }

    fn save(&self, progress: &Progress, folder: &Path) -> Result<(), TrainError> {
        let DpoLearner { policy, optimizer } = &progress.learner;
        policy.save(folder, self.tokenizer, self.base)?;
        Ok(optimizer.save(policy, &folder.join(OPTIMIZER))?)
    }

    fn finish(&mut self, progress: Progress) -> Policy {
        progress.learner.policy.valid()
    }

    fn save_trained(&self, policy: &Policy, folder: &Path) -> Result<(), TrainError> {
        policy.save(folder, self.tokenizer, self.base)
    }

    fn load_trained(&self, folder: &Path) -> Result<Policy, TrainError> {
        let initial = self.initial.clone();
        initial.resume(folder, &self.device, self.base.is_some())
    }
}
