//! The language model of a policy, whatever its architecture.
//!
//! Contexts and responses are rows of token ids. How a model reads them (an encoder beside a decoder, or both in
//! one sequence), where it pads, and what a context or a response ends with, is its own.

use std::path::Path;

use burn::module::Module;
use burn::tensor::{Device, Int, Tensor, TensorData};
use serde::Serialize;

use super::Dropout;
use super::adapter::AdapterWeights;
use super::llama::{self, Llama, LlamaConfig};
use super::lora::{Lora, LoraConfig, LoraError};
use super::shape::ModelShape;
use super::t5::{self, T5, T5Config};
use super::weights::{WeightsError, document, refuse_other_folders};

/// A model with its weights.
#[derive(Module, Debug)]
#[allow(
    clippy::large_enum_variant,
    reason = "a policy has one, which is seldom moved"
)]
pub enum LanguageModel {
    T5(T5),
    Llama(Llama),
}

/// The configuration of a model: its `config.json`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum LanguageModelConfig {
    T5(T5Config),
    Llama(LlamaConfig),
}

/// Responses in the making: what a model keeps of their contexts and tokens.
#[derive(Clone, Debug)]
pub struct Generation {
    /// The states `[batch, 1, hidden]` that predict the first tokens.
    pub first: Tensor<3>,
    cache: Cache,
}

#[derive(Clone, Debug)]
enum Cache {
    T5(t5::Cache),
    Llama(llama::Cache),
}

impl LanguageModelConfig {
    /// Reads `config.json` of a Hugging Face folder.
    ///
    /// # Errors
    /// It is missing, damaged, or of a model that this program does not read.
    pub fn read(folder: &Path) -> Result<Self, WeightsError> {
        refuse_other_folders(folder)?;
        let path = folder.join("config.json");
        // What is not there, or of no known kind, is refused by the reader of decoders, which names them all.
        let is_t5 = path.is_file() && {
            let json = document(&path)?;
            json["model_type"].as_str().is_some_and(T5Config::knows)
        };
        match is_t5 {
            true => T5Config::read(folder).map(LanguageModelConfig::T5),
            false => LlamaConfig::read(folder).map(LanguageModelConfig::Llama),
        }
    }

    /// The same with at most `layers` layers in each stack.
    #[must_use]
    pub fn with_layers(&self, layers: usize) -> Self {
        match self {
            LanguageModelConfig::T5(config) => LanguageModelConfig::T5(T5Config {
                num_layers: layers.min(config.num_layers),
                num_decoder_layers: layers.min(config.num_decoder_layers),
                ..config.clone()
            }),
            LanguageModelConfig::Llama(config) => LanguageModelConfig::Llama(LlamaConfig {
                num_hidden_layers: layers.min(config.num_hidden_layers),
                ..config.clone()
            }),
        }
    }

    /// The configuration as a T5's, for what only a T5 can do.
    pub fn t5(&self) -> Option<&T5Config> {
        match self {
            LanguageModelConfig::T5(config) => Some(config),
            LanguageModelConfig::Llama(_) => None,
        }
    }

    /// How many parameters LoRA has for such a model.
    ///
    /// # Errors
    /// A setting outside its range, or a target that the model does not have.
    pub fn lora_parameters(&self, lora: &LoraConfig) -> Result<u64, LoraError> {
        match self {
            LanguageModelConfig::T5(config) => T5::lora_parameters(config, lora),
            LanguageModelConfig::Llama(config) => Llama::lora_parameters(config, lora),
        }
    }

    /// What people call the architecture.
    pub fn architecture(&self) -> &'static str {
        match self {
            LanguageModelConfig::T5(_) => "T5",
            LanguageModelConfig::Llama(_) => "Llama",
        }
    }

    pub fn shape(&self) -> ModelShape {
        match self {
            LanguageModelConfig::T5(config) => config.shape(),
            LanguageModelConfig::Llama(config) => config.shape(),
        }
    }

    /// The tokens that end a response; a target ends with the first.
    pub fn eos_token_ids(&self) -> &[u32] {
        match self {
            LanguageModelConfig::T5(config) => config.eos_token_ids(),
            LanguageModelConfig::Llama(config) => config.eos_token_ids(),
        }
    }

    /// The token that a context ends with, if it ends with one.
    pub fn context_end(&self) -> Option<u32> {
        match self {
            LanguageModelConfig::T5(config) => Some(config.eos_token_id),
            LanguageModelConfig::Llama(_) => None,
        }
    }
}

impl LanguageModel {
    /// A model with weights drawn by seed, the same on every device.
    pub fn new(config: &LanguageModelConfig, device: &Device, seed: u64) -> Self {
        match config {
            LanguageModelConfig::T5(config) => T5::new(config, device, seed).into(),
            LanguageModelConfig::Llama(config) => Llama::new(config, device, seed).into(),
        }
    }

    /// Reads a Hugging Face folder.
    ///
    /// # Errors
    /// Something in the folder is missing, damaged, or of a model that this program does not read.
    pub fn load(folder: &Path, device: &Device) -> Result<Self, WeightsError> {
        match LanguageModelConfig::read(folder)? {
            LanguageModelConfig::T5(_) => T5::load(folder, device).map(LanguageModel::T5),
            LanguageModelConfig::Llama(_) => Llama::load(folder, device).map(LanguageModel::Llama),
        }
    }

    /// Writes `config.json` and `model.safetensors`, which Transformers loads as they are.
    pub fn save(&self, folder: &Path) -> Result<(), WeightsError> {
        match self {
            LanguageModel::T5(t5) => t5.save(folder),
            LanguageModel::Llama(llama) => llama.save(folder),
        }
    }

    pub fn config(&self) -> LanguageModelConfig {
        match self {
            LanguageModel::T5(t5) => LanguageModelConfig::T5(t5.config().clone()),
            LanguageModel::Llama(llama) => LanguageModelConfig::Llama(llama.config().clone()),
        }
    }

    pub fn shape(&self) -> ModelShape {
        match self {
            LanguageModel::T5(t5) => t5.config().shape(),
            LanguageModel::Llama(llama) => llama.config().shape(),
        }
    }

    /// The tokens that end a response.
    pub fn eos_token_ids(&self) -> &[u32] {
        match self {
            LanguageModel::T5(t5) => t5.config().eos_token_ids(),
            LanguageModel::Llama(llama) => llama.config().eos_token_ids(),
        }
    }

    /// Tensors of the file it was read from that are no part of the model, such as another trainer's value head.
    pub fn left_out(&self) -> &[String] {
        match self {
            LanguageModel::T5(t5) => t5.left_out(),
            LanguageModel::Llama(llama) => llama.left_out(),
        }
    }

    /// The model as a T5, for what only a T5 can do.
    pub fn t5(&self) -> Option<&T5> {
        match self {
            LanguageModel::T5(t5) => Some(t5),
            LanguageModel::Llama(_) => None,
        }
    }

    /// LoRA for this model, which changes nothing yet, drawn by seed.
    ///
    /// # Errors
    /// A setting outside its range, or a target that the model does not have.
    pub fn lora(&self, config: &LoraConfig, seed: u64) -> Result<Lora, LoraError> {
        match self {
            LanguageModel::T5(t5) => t5.lora(config, seed),
            LanguageModel::Llama(llama) => llama.lora(config, seed),
        }
    }

    /// Reads a LoRA adapter of this model from a folder that PEFT or this program wrote.
    ///
    /// # Errors
    /// Something in the folder is missing, damaged, of another kind or for another model.
    pub fn load_lora(&self, folder: &Path) -> Result<Lora, WeightsError> {
        match self {
            LanguageModel::T5(t5) => t5.load_lora(folder),
            LanguageModel::Llama(llama) => llama.load_lora(folder),
        }
    }

    /// The same model with the adapter in its weights, for programs that know no adapters.
    #[must_use]
    pub fn merge(self, lora: &Lora) -> Self {
        lora.merge(self)
    }

    /// The model that [`LanguageModel::merge`] was given, but for rounding.
    #[must_use]
    pub fn unmerge(self, lora: &Lora) -> Self {
        lora.unmerge(self)
    }

    /// Where the weights are.
    pub fn device(&self) -> Device {
        match self {
            LanguageModel::T5(t5) => t5.device(),
            LanguageModel::Llama(llama) => llama.device(),
        }
    }

    /// Final states `[batch, response tokens, hidden]`, each of which predicts the response's token at its position
    /// (teacher forcing); states past a row's end mean nothing. No response at all still makes one column.
    pub fn forward<C: AsRef<[u32]>, R: AsRef<[u32]>>(
        &self,
        contexts: &[C],
        responses: &[R],
        adapter: Option<&AdapterWeights>,
        dropout: &mut Dropout,
    ) -> Tensor<3> {
        match self {
            LanguageModel::T5(t5) => t5.forward(contexts, responses, adapter, dropout),
            LanguageModel::Llama(llama) => llama.forward(contexts, responses, adapter, dropout),
        }
    }

    /// Reads contexts and begins a response to each.
    pub fn start<C: AsRef<[u32]>>(
        &self,
        contexts: &[C],
        adapter: Option<&AdapterWeights>,
    ) -> Generation {
        match self {
            LanguageModel::T5(t5) => {
                let (cache, first) = t5.start(contexts, adapter);
                let cache = Cache::T5(cache);
                Generation { first, cache }
            }
            LanguageModel::Llama(llama) => {
                let (cache, first) = llama.start(contexts, adapter);
                let cache = Cache::Llama(cache);
                Generation { first, cache }
            }
        }
    }

    /// Adds a token to each response. Returns the states `[batch, 1, hidden]` that predict what follows.
    ///
    /// # Panics
    /// If a model of another architecture began the responses.
    pub fn next(
        &self,
        tokens: &[u32],
        generation: &mut Generation,
        adapter: Option<&AdapterWeights>,
    ) -> Tensor<3> {
        match (self, &mut generation.cache) {
            (LanguageModel::T5(t5), Cache::T5(cache)) => t5.next(tokens, cache, adapter),
            (LanguageModel::Llama(llama), Cache::Llama(cache)) => {
                llama.next(tokens, cache, adapter)
            }
            _ => unreachable!("the model that began a response goes on with it"),
        }
    }

    /// Logits `[batch, tokens, vocabulary]` of final states.
    pub fn logits(&self, hidden: Tensor<3>) -> Tensor<3> {
        match self {
            LanguageModel::T5(t5) => t5.logits(hidden),
            LanguageModel::Llama(llama) => llama.logits(hidden),
        }
    }
}

impl Generation {
    /// The same for the rows at `rows`, which may repeat.
    #[must_use]
    pub fn select(self, rows: &[usize]) -> Self {
        let indices: Vec<i32> = rows.iter().map(|row| *row as i32).collect();
        let indices = TensorData::new(indices, [rows.len()]);
        let indices = Tensor::<1, Int>::from_data(indices, &self.first.device());
        Generation {
            first: self.first.select(0, indices.clone()),
            cache: match self.cache {
                Cache::T5(cache) => Cache::T5(cache.select(&indices)),
                Cache::Llama(cache) => Cache::Llama(cache.select(rows)),
            },
        }
    }
}

impl From<T5> for LanguageModel {
    fn from(t5: T5) -> Self {
        LanguageModel::T5(t5)
    }
}

impl From<Llama> for LanguageModel {
    fn from(llama: Llama) -> Self {
        LanguageModel::Llama(llama)
    }
}
