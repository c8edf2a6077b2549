//! Parameters of every network and the memory of each stage, from shapes alone.

use super::model::{activations, parameters};
use super::{Memory, Parameters, Shapes, identifiers};
use crate::experiment::{Config, LOGISTIC, Precision, PrefixSettings, Stage, Tuning};
use crate::nn::ModelShape;
use crate::nn::lora::LoraError;
use crate::train::policy::lora_config;

/// Bytes of an f32.
const F32: u64 = 4;
const BF16: u64 = 2;
const IDENTIFIERS: u64 = 3;

/// Parameters of each part; 0 for one that the run does not have.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sizes {
    model: u64,
    /// Of the prefix or of LoRA.
    adapter: u64,
    pub value_head: u64,
    pub identifier: u64,
    /// Of the encoder that identifiers are trained from, where it is not the model.
    encoder: u64,
}

impl Sizes {
    /// # Errors
    /// LoRA names a layer that the model does not have.
    pub fn of(config: &Config, shapes: &Shapes) -> Result<Self, LoraError> {
        let tuning = match config.run.stages.contains(&Stage::Generator) {
            false if config.run.stages.contains(&Stage::Dpo) => config.dpo.tuning,
            _ => config.generator.tuning,
        };
        let adapter = match (&shapes.model, tuning.has_lora()) {
            (None, _) => 0,
            (Some(model), true) => model.lora_parameters(&lora_config(&config.lora))?,
            (Some(model), false) => {
                u64::from(tuning.has_prefix()) * prefix(&config.prefix, &model.shape())
            }
        };
        let width = |shape: ModelShape| shape.hidden_size as u64 + 1;
        let model = shapes.model.as_ref();
        let identifier = shapes.identifier.as_ref();
        let encoder = identifier.filter(|_| config.encoder_folder().is_some());
        Ok(Sizes {
            model: model.map_or(0, parameters),
            adapter,
            value_head: model.map_or(0, |model| width(model.shape())),
            identifier: identifier.map_or(0, identifiers::parameters),
            encoder: encoder.map_or(0, identifiers::start_parameters),
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

    pub fn memory(&self, config: &Config, shapes: &Shapes, stage: Stage) -> Memory {
        let stages = &config.run.stages;
        let before = |other: Stage| {
            stages
                .iter()
                .take_while(|s| **s != stage)
                .any(|s| *s == other)
        };
        let activations = |batch: usize, source: usize, target: usize| {
            let model = shapes.model.as_ref();
            model.map_or(0, |model| activations(model, batch, source, target))
        };
        let logits = |batch: usize, tokens: usize| {
            let model = shapes.model.as_ref();
            model.map_or(0, |model| {
                (batch * tokens * model.shape().vocab_size) as u64
            })
        };
        let (data, ids) = (&config.data, &config.identifiers);
        let answers = config.sampling.max_new_tokens;
        let generator = self.parameters(config.generator.tuning, 0).trained;
        let trained_by = config.policy_stages();
        let policy = trained_by
            .first()
            .map_or(0, |stage| self.policy(config, *stage).trained);
        let identifiers = u64::from(before(Stage::Identifiers)) * IDENTIFIERS * self.identifier;
        // Auditors that are identifiers as large as the run's own would be.
        let auditors = config.auditors().filter(|own| *own != LOGISTIC).count() as u64;
        let auditors = auditors * IDENTIFIERS * self.identifier;
        // The trained model is in memory beside the one it started from and the best so far.
        let (weights, trained, activations) = match stage {
            Stage::Pretraining => (
                2 * self.model,
                self.model,
                activations(config.pretraining.batch, data.max_source, data.max_source),
            ),
            Stage::Identifiers if !config.trains_identifiers() => {
                (self.model + IDENTIFIERS * self.identifier, 0, 0)
            }
            Stage::Identifiers => (
                self.model + self.encoder + (IDENTIFIERS + 1) * self.identifier,
                self.identifier,
                shapes.identifier.as_ref().map_or(0, |shape| {
                    identifiers::activations(shape, ids.batch, ids.max_context, ids.max_response)
                }),
            ),
            Stage::Generator => (
                self.model + 2 * generator + identifiers,
                generator,
                activations(config.generator.batch, data.max_source, data.max_target),
            ),
            Stage::Ppo | Stage::Grpo | Stage::Rloo => {
                let (_, batch) = config.policy_part(stage);
                (
                    self.model + generator + policy + identifiers,
                    policy,
                    // The reference's logits too.
                    activations(batch, data.max_source, answers) + logits(batch, answers),
                )
            }
            // The reference is the generator.
            Stage::Dpo => {
                let length = config.dpo.max_completion_length;
                let target = if length == 0 { data.max_target } else { length };
                let source = config.dpo.max_prompt_length.min(data.max_source);
                let (_, batch) = config.policy_part(stage);
                (
                    self.model + generator + policy,
                    policy,
                    activations(batch, source, target),
                )
            }
            Stage::Evaluation => (
                self.model + generator + policy + identifiers,
                0,
                logits(config.evaluation.batch, data.max_target),
            ),
            Stage::Recorded => (0, 0, 0),
        };
        let mut coming = stages.iter().skip_while(|other| **other != stage);
        let halved = match config.run.precision {
            Precision::F32 => 0,
            Precision::Bf16 if coming.any(|other| config.trains_model(*other)) => identifiers,
            Precision::Bf16 => identifiers + self.model,
        };
        Memory {
            weights: F32 * (weights + auditors) - (F32 - BF16) * halved,
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
            // With the one in training, those that are finished: one on average. Those that are given are copied.
            Stage::Identifiers => (5 * self.identifier, IDENTIFIERS * self.identifier),
            Stage::Generator => (4 * generator, generator),
            Stage::Ppo | Stage::Grpo | Stage::Rloo | Stage::Dpo => {
                (3 * policy(stage), policy(stage))
            }
            Stage::Evaluation | Stage::Recorded => (0, 0),
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

#[cfg(test)]
mod tests {
    use burn::module::Module;
    use burn::tensor::Device;

    use super::*;
    use crate::nn::bert::BertConfig;
    use crate::nn::identifier::{
        AttentionConfig, Head, Identifier, IdentifierConfig, PairConfig, PairEncoderConfig, Pooling,
    };
    use crate::nn::prefix::Prefix;
    use crate::nn::t5::{FeedForward, T5, T5Config};
    use crate::nn::value_head::ValueHead;
    use crate::nn::{LanguageModel, LanguageModelConfig};
    use crate::train::plan::llama::tests::shape as llama;
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

    fn shapes(model: &LanguageModelConfig) -> Shapes {
        Shapes {
            model: Some(model.clone()),
            identifier: None,
        }
    }

    #[test]
    fn identifiers_are_counted_as_they_are_made() {
        let bert = BertConfig {
            vocab_size: 37,
            hidden_size: 12,
            num_hidden_layers: 2,
            num_attention_heads: 3,
            intermediate_size: 20,
            max_position_embeddings: 16,
            ..BertConfig::default()
        };
        for head in [Head::Linear, Head::Mlp] {
            let pair = |encoder| {
                IdentifierConfig::Pair(PairConfig {
                    encoder,
                    pooling: Pooling::Mean,
                    head,
                })
            };
            let attention = IdentifierConfig::Attention(AttentionConfig {
                encoder: shape(),
                pooling: Pooling::Max,
                head,
            });
            for shape in [
                attention,
                pair(PairEncoderConfig::Bert(bert.clone())),
                pair(PairEncoderConfig::Llama(llama().without_head())),
            ] {
                let network = Identifier::new(&shape, &Device::flex(), 1);
                let made = network.num_params() as u64;
                assert_eq!(identifiers::parameters(&shape), made);
            }
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
            let sizes = Sizes::of(&Config::default(), &shapes(&model)).unwrap();
            assert_eq!(sizes.value_head, head.num_params() as u64);
        }
    }

    #[test]
    fn lora_is_counted_as_it_is_made() {
        let device = Device::flex();
        let t5 = LanguageModelConfig::T5(shape());
        let llama = LanguageModelConfig::Llama(llama());
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
                Sizes::of(&config, &shapes(model)).unwrap().adapter,
                made,
                "{targets}"
            );
        }
        let mut config = Config::default();
        config.generator.tuning = Tuning::Lora;
        config.lora.targets = "q_proj".into();
        let error = Sizes::of(&config, &shapes(&t5))
            .map(|_| ())
            .unwrap_err()
            .to_string();
        assert!(error.contains("no linear layer \"q_proj\""), "{error}");
    }

    #[test]
    fn a_frozen_model_is_held_once() {
        let model = LanguageModelConfig::T5(shape());
        let mut config = Config::default();
        config.run.stages = vec![Stage::Generator, Stage::Ppo];
        let shapes = shapes(&model);
        let sizes = Sizes::of(&config, &shapes).unwrap();
        let weights = |config: &Config| sizes.memory(config, &shapes, Stage::Ppo).weights / F32;
        let prefixes = 2 * sizes.adapter + sizes.value_head;
        assert_eq!(weights(&config), sizes.model + prefixes);
        config.ppo.tuning = Tuning::Both;
        assert_eq!(weights(&config), 2 * sizes.model + prefixes);
    }
}
