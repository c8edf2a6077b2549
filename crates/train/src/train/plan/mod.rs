//! A run's parameters, steps, memory and operations, estimated from settings and texts before it starts.
//!
//! Writes nothing; knows shapes only, except for [`speed`], which measures this machine.

mod bert;
mod identifiers;
mod llama;
mod memory;
mod model;
mod speed;
mod t5;
mod work;

use std::path::Path;

use serde::Serialize;

use self::memory::Sizes;
use self::work::{Lengths, Work};
use super::base::{self, Base};
use super::error::TrainError;
use super::material::{Material, Texts};
use super::model_tokenizer::ModelTokenizer;
use super::pipeline::{scratch_t5, scratch_tokenizer};
use super::{dpo, generator, identifier};
use crate::checkpoint;
use crate::experiment::{Config, SCRATCH, Stage};
use crate::nn::identifier::IdentifierConfig;
use crate::nn::t5::T5Config;
use crate::nn::{LanguageModelConfig, device};

pub use self::speed::Sample;

/// Parameters of a model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Parameters {
    pub trained: u64,
    pub frozen: u64,
}

/// Peak memory of a stage, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Memory {
    /// Every copy of every model in memory at once.
    pub weights: u64,
    /// Gradients of the trained parameters and AdamW's two moments.
    pub optimizer: u64,
    /// What a forward pass keeps for the backward pass, for texts of the maximum length.
    pub activations: u64,
}

impl Memory {
    pub fn total(&self) -> u64 {
        self.weights + self.optimizer + self.activations
    }
}

/// The estimate of a stage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StagePlan {
    pub stage: Stage,
    pub steps: u64,
    /// Whether early stopping may end it before.
    pub at_most: bool,
    pub memory: Memory,
    /// Bytes of its checkpoints.
    pub disk: u64,
    /// Multiplications and additions of all matrix products, at the mean lengths of the run's texts.
    pub operations: u64,
}

/// The estimate of a run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Plan {
    /// Tokens in the vocabulary.
    pub vocabulary: usize,
    /// Of each of the three identifiers; `None` if the run trains none.
    pub identifier: Option<Parameters>,
    pub generator: Option<Parameters>,
    /// With its value head, if it has one.
    pub policy: Option<Parameters>,
    /// In the order of the run.
    pub stages: Vec<StagePlan>,
    /// The step with which this machine's speed is measured.
    #[serde(skip)]
    pub sample: Sample,
}

/// A plan with this machine's speed.
#[derive(Clone, Debug, PartialEq)]
pub struct TimedPlan {
    pub plan: Plan,
    /// Operations a second, measured on the device that the settings name.
    pub speed: f64,
}

impl TimedPlan {
    /// Plans a run and measures the machine, which takes about a second.
    ///
    /// # Errors
    /// As [`Plan::of`]; the device is missing.
    pub fn of(config: &Config, store: &Path) -> Result<Self, TrainError> {
        let plan = Plan::of(config, store)?;
        let speed = plan.sample.speed(&device::resolve(&config.run.device)?)?;
        Ok(TimedPlan { plan, speed })
    }

    /// Duration of a stage, within a factor of three, on an otherwise idle machine.
    pub fn seconds(&self, stage: &StagePlan) -> f64 {
        stage.operations as f64 / self.speed
    }
}

impl Plan {
    /// Plans a run from its texts and the model's shape; trains the tokenizer of a model trained from scratch.
    ///
    /// # Errors
    /// Data or the model are missing or cannot be read.
    pub fn of(config: &Config, store: &Path) -> Result<Self, TrainError> {
        let texts = Texts::open(config, store)?;
        let levels = texts.levels.as_ref();
        let own = own_model(config, &texts)?;
        let (model, own_tokenizer) = own.unzip();
        let shapes = Shapes::of(config, model, store)?;
        let material = match &own_tokenizer {
            None => Material::default(),
            Some(tokenizer) => {
                let dialogues = texts.dialogues.as_ref();
                Material::prepare(dialogues, &config.data, config.run.seed, tokenizer)?
            }
        };
        let sizes = Sizes::of(config, &shapes)?;
        let of_encoder = config.encoder_folder().map(identifier::encoder_tokenizer);
        let of_encoder = of_encoder.transpose()?;
        let tokenizer = of_encoder.as_ref().or(own_tokenizer.as_deref());
        let lengths = Lengths::of(&material, levels.zip(tokenizer));
        let lengths = match own_tokenizer.as_deref() {
            Some(tokenizer) => lengths.with_pairs(&texts, config, tokenizer),
            None => lengths,
        };
        let work = Work::of(config, &shapes, &lengths);
        let has = |stage| config.run.stages.contains(&stage);
        let stages = config.run.stages.iter();
        let stages = stages
            .map(|&stage| {
                let (steps, at_most) = steps(config, stage, &material, &texts)?;
                Ok(StagePlan {
                    stage,
                    steps,
                    at_most,
                    memory: sizes.memory(config, &shapes, stage),
                    disk: sizes.disk(config, stage, steps),
                    operations: work.stage(stage, steps),
                })
            })
            .collect::<Result<_, TrainError>>()?;
        Ok(Plan {
            vocabulary: shapes.main().shape().vocab_size,
            identifier: config.trains_identifiers().then_some(Parameters {
                trained: sizes.identifier,
                frozen: 0,
            }),
            generator: has(Stage::Generator).then(|| sizes.parameters(config.generator.tuning, 0)),
            policy: config
                .policy_stages()
                .first()
                .map(|stage| sizes.policy(config, *stage)),
            stages,
            sample: Sample::of(config, &shapes, &lengths),
        })
    }

    /// What the policy is called beside its parameters.
    pub fn policy_name(&self) -> &'static str {
        let has_head = self.stages.iter().any(|stage| stage.stage == Stage::Ppo);
        match has_head {
            true => "Policy with value head",
            false => "Policy",
        }
    }

    /// Bytes of all checkpoints.
    pub fn disk(&self) -> u64 {
        self.stages.iter().map(|stage| stage.disk).sum()
    }

    /// The stage with the highest peak memory.
    pub fn peak(&self) -> Option<&StagePlan> {
        self.stages.iter().max_by_key(|plan| plan.memory.total())
    }
}

/// The shapes of a run's networks.
pub(super) struct Shapes {
    /// `None` if no stage reads one.
    model: Option<LanguageModelConfig>,
    /// Of the identifiers, trained or given; `None` if the run has none.
    identifier: Option<IdentifierConfig>,
}

impl Shapes {
    /// With the run's own model, if a stage reads one.
    ///
    /// # Errors
    /// The identifiers' encoder, or those that are given, cannot be read.
    fn of(
        config: &Config,
        model: Option<LanguageModelConfig>,
        store: &Path,
    ) -> Result<Self, TrainError> {
        let identifier = match config.given_identifiers() {
            Some(source) => {
                let runs = store.join(checkpoint::RUNS);
                let folder = identifier::given::folder("identifiers.source", source, &runs)?;
                Some(identifier::given::network(&folder, config)?)
            }
            None if config.trains_identifiers() => {
                Some(identifier::network(&config.identifiers, model.as_ref())?)
            }
            None => None,
        };
        Ok(Shapes { model, identifier })
    }

    /// The run's model; of identifiers alone, one that computes as they do.
    fn main(&self) -> LanguageModelConfig {
        let stands_for = || {
            self.identifier
                .as_ref()
                .map(self::identifiers::as_language_model)
        };
        let main = self.model.clone().or_else(stands_for);
        main.unwrap_or_else(|| LanguageModelConfig::T5(T5Config::default()))
    }
}

/// Shape and tokenizer of the run's own model, if a stage reads one. Trains the tokenizer of one made from nothing.
fn own_model(
    config: &Config,
    texts: &Texts,
) -> Result<Option<(LanguageModelConfig, ModelTokenizer)>, TrainError> {
    if !config.reads_model() {
        return Ok(None);
    }
    let (model, tokenizer) = if config.model.source == SCRATCH {
        let tokenizer = scratch_tokenizer(config, texts)?;
        let model = LanguageModelConfig::T5(scratch_t5(config, tokenizer.vocab_size()));
        let tokenizer = ModelTokenizer::new(tokenizer, None, &model)?;
        (model, tokenizer)
    } else {
        let base = Base::read(Path::new(&config.model.source))?;
        (base.config, base.tokenizer)
    };
    let tokenizer = tokenizer.with_special_tokens(config.model.special_tokens);
    Ok(Some((model, tokenizer)))
}

/// Of these stages the one with the highest peak memory, and that, from the settings alone: of a model trained from
/// scratch, as if its vocabulary were as large as it may be.
///
/// # Errors
/// The folder of the model or of an encoder, or the identifiers that are given, cannot be read.
pub fn peak_memory(
    config: &Config,
    stages: &[Stage],
    store: &Path,
) -> Result<Option<(Stage, Memory)>, TrainError> {
    let model = match config.model.source.as_str() {
        _ if !config.reads_model() => None,
        SCRATCH => Some(LanguageModelConfig::T5(scratch_t5(
            config,
            config.model.vocabulary,
        ))),
        source => Some(base::config(Path::new(source))?),
    };
    let shapes = Shapes::of(config, model, store)?;
    let sizes = Sizes::of(config, &shapes)?;
    let memory = stages
        .iter()
        .map(|&stage| (stage, sizes.memory(config, &shapes, stage)));
    Ok(memory.max_by_key(|(_, memory)| memory.total()))
}

/// Steps of a stage, and whether it may end earlier.
fn steps(
    config: &Config,
    stage: Stage,
    material: &Material,
    texts: &Texts,
) -> Result<(u64, bool), TrainError> {
    Ok(match stage {
        Stage::Pretraining => (config.pretraining.steps, false),
        Stage::Identifiers if config.identifiers.given().is_some() => (0, false),
        Stage::Identifiers => (
            texts.levels.as_ref().map_or(0, |set| {
                identifier::steps(set, &config.identifiers, config.run.seed)
            }),
            config.identifiers.patience > 0,
        ),
        Stage::Generator => (
            generator::steps(&config.generator, material.train.len()),
            config.generator.patience > 0,
        ),
        Stage::Ppo => (config.ppo.steps, false),
        Stage::Grpo => (config.grpo.steps, false),
        Stage::Rloo => (config.rloo.steps, false),
        Stage::Dpo => (
            texts.preferences.as_ref().map_or(0, |set| {
                let (train, _) = dpo::counts(set, &config.dpo, config.run.seed);
                dpo::trainer::steps(&config.dpo, train)
            }),
            false,
        ),
        // One per system: the generator, best of n, and the policy, if there are these.
        Stage::Evaluation => {
            let policies = config.policy_stages().len() as u64;
            let best_of = u64::from(config.evaluation.best_of > 0);
            (1 + best_of + policies, false)
        }
        Stage::Recorded => (0, false),
    })
}
