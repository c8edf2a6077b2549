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
use super::shape::ModelShape;
use super::t5::{self, T5, T5Config};
use super::weights::WeightsError;

#[derive(Module, Debug)]
pub enum LanguageModel {
    T5(T5),
}

/// The configuration of a model: its `config.json`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum LanguageModelConfig {
    T5(T5Config),
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
}

impl LanguageModelConfig {
    /// Reads `config.json` of a Hugging Face folder.
    ///
    /// # Errors
    /// It is missing, damaged, or of a model that this program does not read.
    pub fn read(folder: &Path) -> Result<Self, WeightsError> {
        T5Config::read(folder).map(LanguageModelConfig::T5)
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
        }
    }

    /// The configuration as a T5's, for what only a T5 can do.
    pub fn t5(&self) -> Option<&T5Config> {
        match self {
            LanguageModelConfig::T5(config) => Some(config),
        }
    }

    /// What people call the architecture.
    pub fn architecture(&self) -> &'static str {
        match self {
            LanguageModelConfig::T5(_) => "T5",
        }
    }

    pub fn shape(&self) -> ModelShape {
        match self {
            LanguageModelConfig::T5(config) => config.shape(),
        }
    }

    /// The tokens that end a response; a target ends with the first.
    pub fn eos_token_ids(&self) -> &[u32] {
        match self {
            LanguageModelConfig::T5(config) => config.eos_token_ids(),
        }
    }

    /// The token that a context ends with, if it ends with one.
    pub fn context_end(&self) -> Option<u32> {
        match self {
            LanguageModelConfig::T5(config) => Some(config.eos_token_id),
        }
    }
}

impl LanguageModel {
    /// A model with weights drawn by seed, the same on every device.
    pub fn new(config: &LanguageModelConfig, device: &Device, seed: u64) -> Self {
        match config {
            LanguageModelConfig::T5(config) => T5::new(config, device, seed).into(),
        }
    }

    /// Reads a Hugging Face folder.
    ///
    /// # Errors
    /// Something in the folder is missing, damaged, or of a model that this program does not read.
    pub fn load(folder: &Path, device: &Device) -> Result<Self, WeightsError> {
        match LanguageModelConfig::read(folder)? {
            LanguageModelConfig::T5(_) => T5::load(folder, device).map(LanguageModel::T5),
        }
    }

    /// Writes `config.json` and `model.safetensors`, which Transformers loads as they are.
    pub fn save(&self, folder: &Path) -> Result<(), WeightsError> {
        match self {
            LanguageModel::T5(t5) => t5.save(folder),
        }
    }

    pub fn config(&self) -> LanguageModelConfig {
        match self {
            LanguageModel::T5(t5) => LanguageModelConfig::T5(t5.config().clone()),
        }
    }

    pub fn shape(&self) -> ModelShape {
        match self {
            LanguageModel::T5(t5) => t5.config().shape(),
        }
    }

    /// The tokens that end a response.
    pub fn eos_token_ids(&self) -> &[u32] {
        match self {
            LanguageModel::T5(t5) => t5.config().eos_token_ids(),
        }
    }

    /// Tensors of the file it was read from that are no part of the model, such as another trainer's value head.
    pub fn left_out(&self) -> &[String] {
        match self {
            LanguageModel::T5(t5) => t5.left_out(),
        }
    }

    /// The model as a T5, for what only a T5 can do.
    pub fn t5(&self) -> Option<&T5> {
        match self {
            LanguageModel::T5(t5) => Some(t5),
        }
    }

    /// Where the weights are.
    pub fn device(&self) -> Device {
        match self {
            LanguageModel::T5(t5) => t5.device(),
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
        }
    }

    /// Adds a token to each response. Returns the states `[batch, 1, hidden]` that predict what follows.
    pub fn next(
        &self,
        tokens: &[u32],
        generation: &mut Generation,
        adapter: Option<&AdapterWeights>,
    ) -> Tensor<3> {
        match (self, &mut generation.cache) {
            (LanguageModel::T5(t5), Cache::T5(cache)) => t5.next(tokens, cache, adapter),
        }
    }

    /// Logits `[batch, tokens, vocabulary]` of final states.
    pub fn logits(&self, hidden: Tensor<3>) -> Tensor<3> {
        match self {
            LanguageModel::T5(t5) => t5.logits(hidden),
        }
    }
}

impl Generation {
    /// The same for the rows at `rows`, which may repeat.
    #[must_use]
    pub fn select(&self, rows: &[usize]) -> Self {
        let indices: Vec<i32> = rows.iter().map(|row| *row as i32).collect();
        let indices = TensorData::new(indices, [rows.len()]);
        let rows = Tensor::<1, Int>::from_data(indices, &self.first.device());
        Generation {
            first: self.first.clone().select(0, rows.clone()),
            cache: match &self.cache {
                Cache::T5(cache) => Cache::T5(cache.select(&rows)),
            },
        }
    }
}

impl From<T5> for LanguageModel {
    fn from(t5: T5) -> Self {
        LanguageModel::T5(t5)
    }
}
