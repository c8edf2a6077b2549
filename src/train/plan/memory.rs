//! Parameters of every network and the memory of each stage, from shapes alone.

use super::model::{activations, parameters};
use super::t5::{encoder_activations, encoder_parameters};
use super::{Memory, Parameters};
use crate::experiment::{Config, HeadChoice, PrefixSettings, Stage, Tuning};
use crate::nn::lora::LoraError;
use crate::nn::t5::T5Config;
use crate::nn::{LanguageModelConfig, ModelShape};
use crate::train::policy::lora_config;

/// Bytes of an f32.
const F32: u64 = 4;
const IDENTIFIERS: u64 = 3;

/// Parameters of each part.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sizes {
    model: u64,
    /// Of the prefix or of LoRA.
    adapter: u64,
    pub value_head: u64,
    /// 0 where the model has no encoder for one.
    pub identifier: u64,
}

impl Sizes {
    /// # Errors
    /// LoRA names a layer that the model does not have.
    pub fn of(config: &Config, model: &LanguageModelConfig) -> Result<Self, LoraError> {
        let shape = model.shape();
        let tuning = config.generator.tuning;
        let adapter = match tuning.has_lora() {
            true => model.lora_parameters(&lora_config(&config.lora))?,
            false => u64::from(tuning.has_prefix()) * prefix(&config.prefix, &shape),
        };
        let head = config.identifiers.head;
        Ok(Sizes {
            model: parameters(model),
            adapter,
            value_head: shape.hidden_size as u64 + 1,
            identifier: model.t5().map_or(0, |t5| identifier_size(head, t5)),
        })
    }

    /// Those of the generator; of the policy with its value head's as `more`.
    pub fn parameters(&self, tuning: Tuning, more: u64) -> Parameters {
        let trained = more
            + u64::from(tuning.trains_model()) * self.model
            + u64::from(tuning.has_adapter()) * self.adapter;
        Parameters {
            trained,
            frozen: self.model + self.adapter + more - trained,
        }
    }

    /// Those of the policy that `stage` trains: PPO's has a value head.
    pub fn policy(&self, config: &Config, stage: Stage) -> Parameters {
        let head = u64::from(stage == Stage::Ppo) * self.value_head;
        let (tuning, _) = config.policy_part(stage);
        self.parameters(tuning, head)
    }

    pub fn memory(&self, config: &Config, model: &LanguageModelConfig, stage: Stage) -> Memory {
        let stages = &config.run.stages;
        let before = |other: Stage| {
            stages
                .iter()
                .take_while(|s| **s != stage)
                .any(|s| *s == other)
        };
        let vocabulary = model.shape().vocab_size;
        let encoder = |batch: usize, tokens: usize| {
            let t5 = model.t5();
            t5.map_or(0, |t5| encoder_activations(t5, batch, tokens))
        };
        let (data, ids) = (&config.data, &config.identifiers);
        let answers = config.sampling.max_new_tokens;
        let generator = self.parameters(config.generator.tuning, 0).trained;
        let trained_by = config.policy_stages();
        let policy = trained_by
            .first()
            .map_or(0, |stage| self.policy(config, *stage).trained);
        let identifiers = u64::from(before(Stage::Identifiers)) * IDENTIFIERS * self.identifier;
        // The trained model is in memory beside the one it started from and the best so far.
        let (weights, trained, activations) = match stage {
            Stage::Pretraining => (
                2 * self.model,
                self.model,
                activations(
                    model,
                    config.pretraining.batch,
                    data.max_source,
                    data.max_source,
                ),
            ),
            Stage::Identifiers => (
                self.model + (IDENTIFIERS + 1) * self.identifier,
                self.identifier,
                encoder(ids.batch, ids.max_context) + encoder(ids.batch, ids.max_response),
            ),
            Stage::Generator => (
                self.model + 2 * generator + identifiers,
                generator,
                activations(
                    model,
                    config.generator.batch,
                    data.max_source,
                    data.max_target,
                ),
            ),
            Stage::Ppo | Stage::Grpo | Stage::Rloo => {
                let (_, batch) = config.policy_part(stage);
                (
                    self.model + generator + policy + identifiers,
                    policy,
                    // The reference's logits too.
                    activations(model, batch, data.max_source, answers)
                        + (batch * answers * vocabulary) as u64,
                )
            }
            Stage::Evaluation => (
                self.model + generator + policy + identifiers,
                0,
                (config.evaluation.batch * data.max_target * vocabulary) as u64,
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
        let policy = |stage| self.policy(config, stage).trained;
        let (each, last) = match stage {
            Stage::Pretraining => (3 * self.model, self.model),
            // With the one in training, those that are finished: one on average.
            Stage::Identifiers => (5 * self.identifier, IDENTIFIERS * self.identifier),
            Stage::Generator => (4 * generator, generator),
            Stage::Ppo | Stage::Grpo | Stage::Rloo => (3 * policy(stage), policy(stage)),
            Stage::Evaluation => (0, 0),
        };
        let every = config.run.checkpoint_every;
        let times = steps.saturating_sub(1).checked_div(every).unwrap_or(0);
        F32 * (times * each + last)
    }
}

fn prefix(settings: &PrefixSettings, shape: &ModelShape) -> u64 {
    let part = |positions: usize, layers: usize| {
        let (width, hidden) = (shape.hidden_size, settings.hidden);
        let out = layers * 2 * shape.key_value_width();
        match positions {
            0 => 0,
            _ => (positions * width + (width + 1) * hidden + (hidden + 1) * out) as u64,
        }
    };
    let decoder = part(settings.decoder, shape.decoder_layers);
    match shape.encoder_layers {
        0 => decoder,
        layers => {
            let cross = part(settings.cross, shape.decoder_layers);
            part(settings.encoder, layers) + decoder + cross
        }
    }
}

fn identifier_size(head: HeadChoice, shape: &T5Config) -> u64 {
    let width = shape.d_model as u64;
    let dense = |input: u64, output: u64| (input + 1) * output;
    let encoder = encoder_parameters(shape);
    let head = match head {
        HeadChoice::Linear => dense(width, 3),
        HeadChoice::Mlp => dense(width, width / 2) + dense(width / 2, 3),
    };
    2 * encoder + 4 * dense(width, width) + head
}

#[cfg(test)]
mod tests {
    use burn::module::Module;
    use burn::tensor::Device;

    use super::*;
    use crate::nn::LanguageModel;
    use crate::nn::identifier::Identifier;
    use crate::nn::llama::LlamaConfig;
    use crate::nn::prefix::Prefix;
    use crate::nn::t5::{FeedForward, T5};
    use crate::nn::value_head::ValueHead;
    use crate::train::identifier;
    use crate::train::policy::{fresh_adapter, prefix_config};

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
            let model = LanguageModelConfig::T5(shape.clone());
            assert_eq!(parameters(&model), network.num_params() as u64);
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
                let shape = shape.shape();
                let network = Prefix::new(&prefix_config(&settings), &shape, &device, 1);
                assert_eq!(prefix(&settings, &shape), network.num_params() as u64);
            }
            let head = ValueHead::new(shape.d_model, &device);
            let sizes = Sizes::of(&Config::default(), &model).unwrap();
            assert_eq!(sizes.value_head, head.num_params() as u64);
        }
    }

    #[test]
    fn lora_is_counted_as_it_is_made() {
        let device = Device::flex();
        let t5 = LanguageModelConfig::T5(shape());
        let llama = LanguageModelConfig::Llama(LlamaConfig {
            vocab_size: 37,
            hidden_size: 12,
            intermediate_size: 20,
            num_hidden_layers: 2,
            num_attention_heads: 4,
            num_key_value_heads: 2,
            head_dim: 6,
            ..LlamaConfig::default()
        });
        for (model, targets) in [
            (&t5, "all-linear"),
            (&t5, "q, v"),
            (&llama, "all-linear"),
            (&llama, "q_proj,v_proj"),
        ] {
            let mut config = Config::default();
            config.generator.tuning = Tuning::Lora;
            config.lora.rank = 3;
            config.lora.targets = targets.into();
            let network = LanguageModel::new(model, &device, 1);
            let adapter = fresh_adapter(&config, Tuning::Lora, &network, &device).unwrap();
            let made = adapter.map_or(0, |adapter| adapter.num_params() as u64);
            assert_eq!(
                Sizes::of(&config, model).unwrap().adapter,
                made,
                "{targets}"
            );
        }
        let mut config = Config::default();
        config.generator.tuning = Tuning::Lora;
        config.lora.targets = "q_proj".into();
        let error = Sizes::of(&config, &t5).map(|_| ()).unwrap_err().to_string();
        assert!(error.contains("no linear layer \"q_proj\""), "{error}");
    }

    #[test]
    fn a_frozen_model_is_held_once() {
        let model = LanguageModelConfig::T5(shape());
        let mut config = Config::default();
        config.run.stages = vec![Stage::Generator, Stage::Ppo];
        let sizes = Sizes::of(&config, &model).unwrap();
        let weights = |config: &Config| sizes.memory(config, &model, Stage::Ppo).weights / F32;
        let prefixes = 2 * sizes.adapter + sizes.value_head;
        assert_eq!(weights(&config), sizes.model + prefixes);
        config.ppo.tuning = Tuning::Both;
        assert_eq!(weights(&config), 2 * sizes.model + prefixes);
    }
}
