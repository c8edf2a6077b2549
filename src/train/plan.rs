//! What a run would be, without starting it: parameters, steps and memory, from settings and texts.
//!
//! Writes nothing and makes no network; knows shapes only.

use std::path::Path;

use serde::Serialize;

use super::error::TrainError;
use super::identifier;
use super::material::Material;
use super::pipeline::{generator_steps, scratch_shape, scratch_tokenizer};
use crate::data::{LevelSet, library};
use crate::experiment::{Config, HeadChoice, PrefixSettings, Stage, Tuning};
use crate::nn::t5::{FeedForward, T5Config};
use crate::text::Tokenizer;

/// Bytes of an f32.
const F32: u64 = 4;
const IDENTIFIERS: u64 = 3;

/// Parameters of a model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Parameters {
    pub trained: u64,
    pub frozen: u64,
}

/// Bytes that a stage holds at its fullest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Memory {
    /// Every copy of every model that is there at once.
    pub weights: u64,
    /// Gradients and AdamW's two moments of what is trained.
    pub optimizer: u64,
    /// What a forward pass leaves for the backward pass, at the longest texts that are allowed.
    pub activations: u64,
}

impl Memory {
    /// All of it.
    pub fn total(&self) -> u64 {
        self.weights + self.optimizer + self.activations
    }
}

/// A stage before it begins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StagePlan {
    pub stage: Stage,
    pub steps: u64,
    /// Whether it may end earlier, when the validation loss no longer falls.
    pub at_most: bool,
    pub memory: Memory,
}

/// A run before it is started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// Tokens that the model knows.
    pub vocabulary: usize,
    /// Of one identifier; there are three alike. None where the run trains none.
    pub identifier: Option<Parameters>,
    pub generator: Option<Parameters>,
    /// With its value head.
    pub policy: Option<Parameters>,
    /// In the order of the run.
    pub stages: Vec<StagePlan>,
}

impl Plan {
    /// Looks at the texts and at the model's shape; trains the tokenizer of a model made from nothing.
    ///
    /// # Errors
    /// What is missing or cannot be read, as the run itself would say.
    pub fn of(config: &Config, store: &Path) -> Result<Self, TrainError> {
        let dialogues = match config.reads_dialogues() {
            true => Some(library::open_dialogues(store, &config.data.dialogues)?),
            false => None,
        };
        let levels = match config.reads_levels() {
            true => Some(library::open_levels(store, &config.data.levels)?),
            false => None,
        };
        let (shape, tokenizer) = if config.model.source == "scratch" {
            let tokenizer = scratch_tokenizer(config, dialogues.as_ref(), levels.as_ref())?;
            (scratch_shape(config, tokenizer.vocab_size()), tokenizer)
        } else {
            let folder = Path::new(&config.model.source);
            let tokenizer = Tokenizer::from_file(folder.join("tokenizer.json"))?;
            (T5Config::read(folder)?, tokenizer)
        };
        let material = match &dialogues {
            Some(set) => Material::prepare(set, &config.data, config.run.seed, &tokenizer)?,
            None => Material::default(),
        };
        let sizes = Sizes::of(config, &shape);
        let has = |stage| config.run.stages.contains(&stage);
        let stages = config.run.stages.iter();
        let stages = stages
            .map(|&stage| {
                let (steps, at_most) = steps(config, stage, &material, levels.as_ref())?;
                Ok(StagePlan {
                    stage,
                    steps,
                    at_most,
                    memory: sizes.memory(config, &shape, stage),
                })
            })
            .collect::<Result<_, TrainError>>()?;
        Ok(Plan {
            vocabulary: shape.vocab_size,
            identifier: has(Stage::Identifiers).then_some(Parameters {
                trained: sizes.identifier,
                frozen: 0,
            }),
            generator: has(Stage::Generator)
                .then(|| sizes.parameters(config.generator.tuning, config, 0)),
            policy: has(Stage::Ppo)
                .then(|| sizes.parameters(config.ppo.tuning, config, sizes.value_head)),
            stages,
        })
    }

    /// The stage that holds the most, and what it holds.
    pub fn peak(&self) -> Option<&StagePlan> {
        self.stages.iter().max_by_key(|plan| plan.memory.total())
    }
}

/// How many steps a stage has, and whether it may end earlier.
fn steps(
    config: &Config,
    stage: Stage,
    material: &Material,
    levels: Option<&LevelSet>,
) -> Result<(u64, bool), TrainError> {
    Ok(match stage {
        Stage::Pretraining => (config.pretraining.steps, false),
        Stage::Identifiers => (
            levels.map_or(0, |set| {
                identifier::steps(set, &config.identifiers, config.run.seed)
            }),
            config.identifiers.patience > 0,
        ),
        Stage::Generator => (
            generator_steps(&config.generator, material.train.len()),
            config.generator.patience > 0,
        ),
        Stage::Ppo => (config.ppo.steps, false),
        // One a system: the generator, and the policy where there is one.
        Stage::Evaluation => (
            1 + u64::from(config.run.stages.contains(&Stage::Ppo)),
            false,
        ),
    })
}

/// Parameters of each part.
#[derive(Clone, Copy, Debug)]
struct Sizes {
    t5: u64,
    prefix: u64,
    value_head: u64,
    identifier: u64,
}

impl Sizes {
    fn of(config: &Config, shape: &T5Config) -> Self {
        Sizes {
            t5: t5(shape),
            prefix: match config.generator.tuning.has_prefix() {
                true => prefix(&config.prefix, shape),
                false => 0,
            },
            value_head: shape.d_model as u64 + 1,
            identifier: identifier_size(config.identifiers.head, shape),
        }
    }

    /// Those of the generator, or with `more` of the policy.
    fn parameters(&self, tuning: Tuning, config: &Config, more: u64) -> Parameters {
        let prefix = match config.generator.tuning.has_prefix() {
            true => self.prefix,
            false => 0,
        };
        let mut trained = more;
        trained += if tuning.trains_t5() { self.t5 } else { 0 };
        trained += if tuning.has_prefix() { prefix } else { 0 };
        Parameters {
            trained,
            frozen: self.t5 + prefix + more - trained,
        }
    }

    fn memory(&self, config: &Config, shape: &T5Config, stage: Stage) -> Memory {
        let stages = &config.run.stages;
        let before = |other: Stage| {
            stages
                .iter()
                .take_while(|s| **s != stage)
                .any(|s| *s == other)
        };
        let (data, ids) = (&config.data, &config.identifiers);
        let answers = config.sampling.max_new_tokens;
        let generator = self.parameters(config.generator.tuning, config, 0).trained;
        let policy = self
            .parameters(config.ppo.tuning, config, self.value_head)
            .trained;
        let judge = match before(Stage::Identifiers) {
            true => IDENTIFIERS * self.identifier,
            false => 0,
        };
        // What is trained stands beside what it started from, and beside its best so far.
        let (weights, trained, activations) = match stage {
            Stage::Pretraining => (
                2 * self.t5,
                self.t5,
                sequence(
                    shape,
                    config.pretraining.batch,
                    data.max_source,
                    data.max_source,
                ),
            ),
            Stage::Identifiers => (
                self.t5 + (IDENTIFIERS + 1) * self.identifier,
                self.identifier,
                encoder(shape, ids.batch, ids.max_context)
                    + encoder(shape, ids.batch, ids.max_response),
            ),
            Stage::Generator => (
                self.t5 + 2 * generator + judge,
                generator,
                sequence(
                    shape,
                    config.generator.batch,
                    data.max_source,
                    data.max_target,
                ),
            ),
            Stage::Ppo => (
                self.t5 + generator + policy + judge,
                policy,
                // The reference's logits too.
                sequence(shape, config.ppo.batch, data.max_source, answers)
                    + (config.ppo.batch * answers * shape.vocab_size) as u64,
            ),
            Stage::Evaluation => (
                self.t5
                    + generator
                    + match before(Stage::Ppo) {
                        true => policy,
                        false => 0,
                    }
                    + judge,
                0,
                (config.evaluation.batch * data.max_target * shape.vocab_size) as u64,
            ),
        };
        Memory {
            weights: F32 * weights,
            optimizer: F32 * 3 * trained,
            activations: F32 * activations,
        }
    }
}

/// Parameters of an attention's four products.
fn attention(shape: &T5Config) -> u64 {
    (4 * shape.d_model * shape.inner()) as u64
}

fn feed_forward(shape: &T5Config) -> u64 {
    let products = match shape.feed_forward {
        FeedForward::Relu => 2,
        FeedForward::GatedGelu => 3,
    };
    (products * shape.d_model * shape.d_ff) as u64
}

/// A stack's layers with `norms` each, its last norm and its position bias.
fn stack(shape: &T5Config, layers: usize, attentions: u64, norms: u64) -> u64 {
    let width = shape.d_model as u64;
    let layer = attentions * attention(shape) + feed_forward(shape) + norms * width;
    layers as u64 * layer + width + (shape.relative_attention_num_buckets * shape.num_heads) as u64
}

fn embedding(shape: &T5Config) -> u64 {
    (shape.vocab_size * shape.d_model) as u64
}

fn t5(shape: &T5Config) -> u64 {
    let tables = if shape.tie_word_embeddings { 1 } else { 2 };
    tables * embedding(shape)
        + stack(shape, shape.num_layers, 1, 2)
        + stack(shape, shape.num_decoder_layers, 2, 3)
}

fn prefix(settings: &PrefixSettings, shape: &T5Config) -> u64 {
    let part = |positions: usize, layers: usize| {
        let (width, hidden) = (shape.d_model, settings.hidden);
        let out = layers * 2 * shape.inner();
        match positions {
            0 => 0,
            _ => (positions * width + (width + 1) * hidden + (hidden + 1) * out) as u64,
        }
    };
    part(settings.encoder, shape.num_layers)
        + part(settings.decoder, shape.num_decoder_layers)
        + part(settings.cross, shape.num_decoder_layers)
}

fn identifier_size(head: HeadChoice, shape: &T5Config) -> u64 {
    let width = shape.d_model as u64;
    let dense = |input: u64, output: u64| (input + 1) * output;
    let encoder = embedding(shape) + stack(shape, shape.num_layers, 1, 2);
    let head = match head {
        HeadChoice::Linear => dense(width, 3),
        HeadChoice::Mlp => dense(width, width / 2) + dense(width / 2, 3),
    };
    2 * encoder + 4 * dense(width, width) + head
}

/// Numbers that one layer keeps of each token besides its attention weights: what norms, products and
/// residuals read.
fn layer(shape: &T5Config, attentions: usize) -> usize {
    let inside = match shape.feed_forward {
        FeedForward::Relu => 2,
        FeedForward::GatedGelu => 4,
    };
    attentions * (3 * shape.d_model + 4 * shape.inner()) + 3 * shape.d_model + inside * shape.d_ff
}

/// Numbers that an encoder keeps for the backward pass.
fn encoder(shape: &T5Config, batch: usize, tokens: usize) -> u64 {
    let weights = 2 * shape.num_heads * tokens;
    (batch * tokens * shape.num_layers * (layer(shape, 1) + weights)) as u64
}

/// The same of encoder and decoder; with logits, their derivative and their gradient.
fn sequence(shape: &T5Config, batch: usize, source: usize, target: usize) -> u64 {
    let weights = 2 * shape.num_heads * (target + source);
    let decoder = batch * target * shape.num_decoder_layers * (layer(shape, 2) + weights);
    let logits = 3 * batch * target * shape.vocab_size;
    encoder(shape, batch, source) + (decoder + logits) as u64
}

#[cfg(test)]
mod tests {
    use burn::module::Module;
    use burn::tensor::Device;

    use super::*;
    use crate::nn::identifier::Identifier;
    use crate::nn::prefix::{Prefix, PrefixConfig};
    use crate::nn::t5::T5;
    use crate::nn::value_head::ValueHead;

    fn shape() -> T5Config {
        T5Config {
            vocab_size: 37,
            d_model: 12,
            d_kv: 5,
            d_ff: 20,
            num_layers: 2,
            num_decoder_layers: 3,
            num_heads: 3,
            ..T5Config::default()
        }
    }

    #[test]
    fn parameters_are_those_of_the_networks() {
        let device = Device::flex();
        for (feed_forward, tied) in [(FeedForward::Relu, true), (FeedForward::GatedGelu, false)] {
            let shape = T5Config {
                feed_forward,
                tie_word_embeddings: tied,
                ..shape()
            };
            let network = T5::new(&shape, &device, 1);
            assert_eq!(t5(&shape), network.num_params() as u64);
            for head in [HeadChoice::Linear, HeadChoice::Mlp] {
                let mut config = Config::default().identifiers;
                config.head = head;
                let network = identifier::network(&config, &network);
                let network = Identifier::new(&network, &device, 1);
                assert_eq!(identifier_size(head, &shape), network.num_params() as u64);
            }
            for cross in [0, 4] {
                let settings = PrefixSettings {
                    encoder: 7,
                    decoder: 5,
                    cross,
                    hidden: 9,
                };
                let config = PrefixConfig {
                    encoder: 7,
                    decoder: 5,
                    cross,
                    hidden: 9,
                };
                let network = Prefix::new(&config, &shape, &device, 1);
                assert_eq!(prefix(&settings, &shape), network.num_params() as u64);
            }
            let head = ValueHead::new(shape.d_model, &device);
            let sizes = Sizes::of(&Config::default(), &shape);
            assert_eq!(sizes.value_head, head.num_params() as u64);
        }
    }

    #[test]
    fn a_frozen_t5_is_held_once() {
        let shape = shape();
        let mut config = Config::default();
        config.run.stages = vec![Stage::Generator, Stage::Ppo];
        let sizes = Sizes::of(&config, &shape);
        let weights = |config: &Config| sizes.memory(config, &shape, Stage::Ppo).weights / F32;
        let prefixes = 2 * sizes.prefix + sizes.value_head;
        assert_eq!(weights(&config), sizes.t5 + prefixes);
        config.ppo.tuning = Tuning::Both;
        assert_eq!(weights(&config), 2 * sizes.t5 + prefixes);
    }
}
