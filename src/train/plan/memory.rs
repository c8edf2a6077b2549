//! Parameters of every network and the memory of each stage, from shapes alone.

use super::{Memory, Parameters};
use crate::experiment::{Config, HeadChoice, PrefixSettings, Stage, Tuning};
use crate::nn::t5::{FeedForward, T5Config};

/// Bytes of an f32.
const F32: u64 = 4;
const IDENTIFIERS: u64 = 3;

/// Parameters of each part.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sizes {
    t5: u64,
    prefix: u64,
    pub value_head: u64,
    pub identifier: u64,
}

impl Sizes {
    pub fn of(config: &Config, shape: &T5Config) -> Self {
        Sizes {
            t5: t5(shape),
            prefix: u64::from(config.generator.tuning.has_prefix()) * prefix(&config.prefix, shape),
            value_head: shape.d_model as u64 + 1,
            identifier: identifier_size(config.identifiers.head, shape),
        }
    }

    /// Those of the generator; of the policy with its value head's as `more`.
    pub fn parameters(&self, tuning: Tuning, more: u64) -> Parameters {
        let trained = more
            + u64::from(tuning.trains_t5()) * self.t5
            + u64::from(tuning.has_prefix()) * self.prefix;
        Parameters {
            trained,
            frozen: self.t5 + self.prefix + more - trained,
        }
    }

    pub fn memory(&self, config: &Config, shape: &T5Config, stage: Stage) -> Memory {
        let stages = &config.run.stages;
        let before = |other: Stage| {
            stages
                .iter()
                .take_while(|s| **s != stage)
                .any(|s| *s == other)
        };
        let (data, ids) = (&config.data, &config.identifiers);
        let answers = config.sampling.max_new_tokens;
        let generator = self.parameters(config.generator.tuning, 0).trained;
        let policy = self.parameters(config.ppo.tuning, self.value_head).trained;
        let identifiers = u64::from(before(Stage::Identifiers)) * IDENTIFIERS * self.identifier;
        // The trained model is in memory beside the one it started from and the best so far.
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
                self.t5 + 2 * generator + identifiers,
                generator,
                sequence(
                    shape,
                    config.generator.batch,
                    data.max_source,
                    data.max_target,
                ),
            ),
            Stage::Ppo => (
                self.t5 + generator + policy + identifiers,
                policy,
                // The reference's logits too.
                sequence(shape, config.ppo.batch, data.max_source, answers)
                    + (config.ppo.batch * answers * shape.vocab_size) as u64,
            ),
            Stage::Evaluation => (
                self.t5 + generator + u64::from(before(Stage::Ppo)) * policy + identifiers,
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

    /// Disk space of the checkpoints of `steps` steps of a stage: all but the last contain AdamW's two moments
    /// and the best model so far, if there is one.
    pub fn disk(&self, config: &Config, stage: Stage, steps: u64) -> u64 {
        let generator = self.parameters(config.generator.tuning, 0).trained;
        let policy = self.parameters(config.ppo.tuning, self.value_head);
        let (each, last) = match stage {
            Stage::Pretraining => (3 * self.t5, self.t5),
            // With the one in training, those that are finished: one on average.
            Stage::Identifiers => (5 * self.identifier, IDENTIFIERS * self.identifier),
            Stage::Generator => (4 * generator, generator),
            Stage::Ppo => (3 * policy.trained, policy.trained),
            Stage::Evaluation => (0, 0),
        };
        let every = config.run.checkpoint_every;
        let times = steps.saturating_sub(1).checked_div(every).unwrap_or(0);
        F32 * (times * each + last)
    }
}

/// Parameters of an attention's four products.
pub(super) fn attention(shape: &T5Config) -> u64 {
    (4 * shape.d_model * shape.inner()) as u64
}

pub(super) fn feed_forward(shape: &T5Config) -> u64 {
    let products = match shape.feed_forward {
        FeedForward::Relu => 2,
        FeedForward::GatedGelu | FeedForward::GatedSilu => 3,
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

/// Activations that one layer keeps per token besides its attention weights: the inputs of norms, products and
/// residuals.
fn layer(shape: &T5Config, attentions: usize) -> usize {
    let inside = match shape.feed_forward {
        FeedForward::Relu => 2,
        FeedForward::GatedGelu | FeedForward::GatedSilu => 4,
    };
    attentions * (3 * shape.d_model + 4 * shape.inner()) + 3 * shape.d_model + inside * shape.d_ff
}

/// Activations that an encoder keeps for the backward pass.
fn encoder(shape: &T5Config, batch: usize, tokens: usize) -> u64 {
    let weights = 2 * shape.num_heads * tokens;
    (batch * tokens * shape.num_layers * (layer(shape, 1) + weights)) as u64
}

/// The same of encoder and decoder, with logits, their derivative and their gradient.
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
    use crate::nn::prefix::Prefix;
    use crate::nn::t5::T5;
    use crate::nn::value_head::ValueHead;
    use crate::train::identifier;
    use crate::train::policy::prefix_config;

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
                let network = Prefix::new(&prefix_config(&settings), &shape, &device, 1);
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
