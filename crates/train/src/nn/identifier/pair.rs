//! One encoder that reads context and response as one text, pooling, and a head: how BERT classifies pairs (Devlin et
//! al. 2019), and a decoder a sequence.

use std::path::Path;

use burn::module::Module;
use burn::tensor::{Device, Int, Tensor, TensorData};
use serde::{Deserialize, Serialize};

use super::{Dense, Head, Pooling, logits, max_over, new_head};
use crate::nn::bert::{self, BertConfig, BertEncoder};
use crate::nn::llama::{self, Llama, LlamaConfig};
use crate::nn::weights::{self, ParamInit, WeightsError, WeightsFile};
use crate::nn::{Dropout, pad};

/// The shape of an encoder of pairs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PairEncoderConfig {
    Bert(BertConfig),
    Llama(LlamaConfig),
}

impl PairEncoderConfig {
    /// Width of the states.
    pub fn width(&self) -> usize {
        match self {
            PairEncoderConfig::Bert(config) => config.hidden_size,
            PairEncoderConfig::Llama(config) => config.hidden_size,
        }
    }

    /// Tokens of the longest pair; `None` where positions have no table.
    pub fn longest(&self) -> Option<usize> {
        match self {
            PairEncoderConfig::Bert(config) => Some(config.max_position_embeddings),
            PairEncoderConfig::Llama(_) => None,
        }
    }

    /// The first invalid field, and why.
    pub fn problem(&self) -> Option<(&'static str, String)> {
        match self {
            PairEncoderConfig::Bert(config) => config.problem(),
            PairEncoderConfig::Llama(config) => config.problem(),
        }
    }
}

/// The shape of an identifier that reads pairs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PairConfig {
    #[serde(rename = "pair_encoder")]
    pub encoder: PairEncoderConfig,
    pub pooling: Pooling,
    pub head: Head,
}

/// An encoder of pairs with its weights.
#[derive(Module, Debug)]
#[allow(
    clippy::large_enum_variant,
    reason = "an identifier has one, which is seldom moved"
)]
pub enum PairEncoder {
    Bert(BertEncoder),
    /// A decoder without its output head.
    Llama(Llama),
}

#[derive(Module, Debug)]
pub struct PairIdentifier {
    encoder: PairEncoder,
    /// The linear layer to three levels, or the first of two.
    first: Dense,
    second: Option<Dense>,
    #[module(skip)]
    config: PairConfig,
}

/// Transformers' names of the tensors that the parameter at `path` consists of.
fn tensor_names(path: &str, encoder: &PairEncoderConfig) -> Vec<String> {
    let (module, rest) = path.split_once('.').unwrap_or((path, ""));
    match (module, encoder) {
        ("first", _) => vec![format!("classifier.0.{rest}")],
        ("second", _) => vec![format!("classifier.3.{rest}")],
        (_, PairEncoderConfig::Llama(_)) => llama::tensor_names(rest),
        (_, PairEncoderConfig::Bert(_)) => bert::tensor_names(rest)
            .iter()
            .map(|name| format!("bert.{name}"))
            .collect(),
    }
}

impl PairEncoder {
    fn new(init: &mut ParamInit<'_>, config: &PairEncoderConfig) -> Self {
        match config {
            PairEncoderConfig::Bert(config) => PairEncoder::Bert(BertEncoder::new(init, config)),
            PairEncoderConfig::Llama(config) => {
                PairEncoder::Llama(Llama::with(init, config).without_head())
            }
        }
    }

    /// Reads contexts with the responses behind them. What is pooled later is the whole pair where all of it is seen at
    /// once, and of a decoder the response, whose tokens have seen what is before them.
    fn encode<C: AsRef<[u32]>, R: AsRef<[u32]>>(
        &self,
        contexts: &[C],
        responses: &[R],
        device: &Device,
        dropout: &mut Dropout,
    ) -> Encoded {
        match self {
            PairEncoder::Bert(bert) => {
                let rows = joined(contexts, responses);
                let (ids, mask) = pad(&rows, bert.config().pad_token_id, device);
                let types = types(contexts, &rows, device);
                Encoded {
                    states: bert.forward_pair(ids, types, &mask, dropout),
                    lengths: rows.iter().map(Vec::len).collect(),
                    whole: vec![0; rows.len()],
                }
            }
            PairEncoder::Llama(llama) => {
                let lengths: Vec<usize> = responses.iter().map(|row| row.as_ref().len()).collect();
                Encoded {
                    states: llama.encode(contexts, responses, dropout),
                    whole: lengths
                        .iter()
                        .map(|length| length.saturating_sub(1))
                        .collect(),
                    lengths,
                }
            }
        }
    }

    /// The same, to be trained apart from a model that has the same numbers, which may be frozen.
    fn to_train(&self) -> Self {
        weights::with_new_ids(self.valid())
    }
}

impl PairIdentifier {
    /// An identifier with weights drawn by seed.
    pub fn new(config: &PairConfig, device: &Device, seed: u64) -> Self {
        Self::with(&mut ParamInit::seeded(seed, device), config)
    }

    /// An identifier whose encoder starts as `encoder`, and whose head is drawn by seed.
    pub fn starting_from(
        encoder: &PairEncoder,
        config: &PairConfig,
        device: &Device,
        seed: u64,
    ) -> Self {
        let init = &mut ParamInit::seeded(seed, device);
        let (first, second) = new_head(init, config.head, config.encoder.width());
        PairIdentifier {
            encoder: encoder.to_train(),
            first,
            second,
            config: config.clone(),
        }
    }

    fn with(init: &mut ParamInit<'_>, config: &PairConfig) -> Self {
        let (first, second) = new_head(init, config.head, config.encoder.width());
        PairIdentifier {
            encoder: PairEncoder::new(init, &config.encoder),
            first,
            second,
            config: config.clone(),
        }
    }

    /// Reads what [`PairIdentifier::save`] wrote.
    pub fn load(config: &PairConfig, path: &Path, device: &Device) -> Result<Self, WeightsError> {
        let identifier = Self::with(&mut ParamInit::empty(device), config);
        let names = |path: &str| tensor_names(path, &config.encoder);
        WeightsFile::open(path)?.load(identifier, names)
    }

    /// Writes one `.safetensors` file.
    pub fn save(&self, path: &Path) -> Result<(), WeightsError> {
        weights::save(self, path, |path| tensor_names(path, &self.config.encoder))
    }

    pub fn config(&self) -> &PairConfig {
        &self.config
    }

    /// Whether a batch is padded behind whole pairs, and not between and behind its texts.
    pub(super) fn is_padded_as_one(&self) -> bool {
        matches!(self.encoder, PairEncoder::Bert(_))
    }

    /// Logits `[pairs, 3]`. Contexts and responses are rows of tokens, each with what its encoder reads around it.
    ///
    /// # Panics
    /// A pair is longer than the encoder has positions for.
    pub fn forward<C: AsRef<[u32]>, R: AsRef<[u32]>>(
        &self,
        contexts: &[C],
        responses: &[R],
        device: &Device,
        dropout: &mut Dropout,
    ) -> Tensor<2> {
        let encoded = self.encoder.encode(contexts, responses, device, dropout);
        let pooled = encoded.pooled(self.config.pooling, device);
        logits(&self.first, self.second.as_ref(), pooled, dropout)
    }
}

/// What an encoder made of a batch of pairs.
struct Encoded {
    /// `[pairs, tokens, width]`
    states: Tensor<3>,
    /// How many tokens of each row are pooled, from the first on.
    lengths: Vec<usize>,
    /// The token of each row that stands for the whole text.
    whole: Vec<usize>,
}

impl Encoded {
    /// `[pairs, 1, width]`
    fn pooled(self, pooling: Pooling, device: &Device) -> Tensor<3> {
        let weights = |of: fn(token: usize, length: usize, whole: usize) -> f32| {
            let tokens = self.states.dims()[1];
            let rows = self.lengths.iter().zip(&self.whole);
            let values: Vec<f32> = rows
                .flat_map(|(&length, &whole)| (0..tokens).map(move |at| of(at, length, whole)))
                .collect();
            let values = TensorData::new(values, [self.lengths.len(), tokens, 1]);
            Tensor::<3>::from_data(values, device)
        };
        let pooled = |weights: Tensor<3>| (self.states.clone() * weights).sum_dim(1);
        match pooling {
            Pooling::Max => max_over(
                self.states.clone(),
                weights(|token, length, _| f32::from(u8::from(token < length))),
            ),
            Pooling::Mean => pooled(weights(|token, length, _| match token < length {
                true => 1.0 / length as f32,
                false => 0.0,
            })),
            Pooling::Cls => pooled(weights(|token, _, whole| {
                f32::from(u8::from(token == whole))
            })),
        }
    }
}

/// Each context with its response behind it.
fn joined<C: AsRef<[u32]>, R: AsRef<[u32]>>(contexts: &[C], responses: &[R]) -> Vec<Vec<u32>> {
    let pairs = contexts.iter().zip(responses);
    pairs
        .map(|(context, response)| [context.as_ref(), response.as_ref()].concat())
        .collect()
}

/// `[pairs, tokens]`: 0 for a token of the context, 1 for one of the response, as padded as `rows`.
fn types<C: AsRef<[u32]>>(contexts: &[C], rows: &[Vec<u32>], device: &Device) -> Tensor<2, Int> {
    let types: Vec<Vec<u32>> = contexts
        .iter()
        .zip(rows)
        .map(|(context, row)| {
            let first = context.as_ref().len();
            (0..row.len())
                .map(|token| u32::from(token >= first))
                .collect()
        })
        .collect();
    pad(&types, 0, device).0
}
