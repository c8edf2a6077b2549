//! The empathy identifier of one mechanism: a classifier of a context and a response into three levels.
//!
//! [`AttentionIdentifier`] is the paper's, with two T5 encoders. [`PairIdentifier`] has one encoder that reads context
//! and response as one text, as BERT and decoders are fine-tuned.

mod attention;
mod pair;

use std::path::Path;

use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};

pub use attention::{AttentionConfig, AttentionIdentifier};
pub use pair::{PairConfig, PairEncoder, PairEncoderConfig, PairIdentifier};

use super::linear::linear;
use super::weights::{ParamInit, WeightsError};
use super::{Dropout, pad};

/// How the states of the tokens become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pooling {
    /// The largest value of each feature (the paper).
    Max,
    /// Their mean (the released code).
    Mean,
    /// The state of the token that stands for the whole text: BERT's first, a decoder's last. Only of an encoder that
    /// reads both texts as one.
    Cls,
}

/// What turns the pooled states into logits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Head {
    /// One linear layer (the paper).
    Linear,
    /// Half width, tanh, three (the released code).
    Mlp,
}

/// The shape of an identifier.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum IdentifierConfig {
    Pair(PairConfig),
    Attention(AttentionConfig),
}

impl IdentifierConfig {
    /// Tokens of the longest context and response together; `None` where there is no limit.
    pub fn longest(&self) -> Option<usize> {
        match self {
            IdentifierConfig::Attention(_) => None,
            IdentifierConfig::Pair(config) => config.encoder.longest(),
        }
    }

    /// The first invalid field of the encoder, and why.
    pub fn problem(&self) -> Option<(&'static str, String)> {
        match self {
            IdentifierConfig::Attention(config) => config.encoder.problem(),
            IdentifierConfig::Pair(config) => config.encoder.problem(),
        }
    }
}

/// The identifier of one mechanism.
#[derive(Module, Debug)]
#[allow(
    clippy::large_enum_variant,
    reason = "there are three, which are seldom moved"
)]
pub enum Identifier {
    Attention(AttentionIdentifier),
    Pair(PairIdentifier),
}

impl Identifier {
    /// An identifier with weights drawn by seed.
    pub fn new(config: &IdentifierConfig, device: &Device, seed: u64) -> Self {
        match config {
            IdentifierConfig::Attention(config) => {
                AttentionIdentifier::new(config, device, seed).into()
            }
            IdentifierConfig::Pair(config) => PairIdentifier::new(config, device, seed).into(),
        }
    }

    /// Reads what [`Identifier::save`] wrote.
    ///
    /// # Errors
    /// The file is missing, damaged or of another shape.
    pub fn load(
        config: &IdentifierConfig,
        path: &Path,
        device: &Device,
    ) -> Result<Self, WeightsError> {
        match config {
            IdentifierConfig::Attention(config) => {
                AttentionIdentifier::load(config, path, device).map(Identifier::from)
            }
            IdentifierConfig::Pair(config) => {
                PairIdentifier::load(config, path, device).map(Identifier::from)
            }
        }
    }

    /// Writes one `.safetensors` file.
    pub fn save(&self, path: &Path) -> Result<(), WeightsError> {
        match self {
            Identifier::Attention(identifier) => identifier.save(path),
            Identifier::Pair(identifier) => identifier.save(path),
        }
    }

    /// What pairs of a context and a response of so many tokens should have in common to be one batch with little padding:
    /// both lengths, or their sum where they are padded as one text.
    pub fn padded_lengths(&self, context: usize, response: usize) -> (usize, usize) {
        match self {
            Identifier::Pair(identifier) if identifier.is_padded_as_one() => {
                (context + response, 0)
            }
            _ => (context, response),
        }
    }

    /// Logits `[pairs, 3]`. Contexts and responses are rows of tokens, each with what its encoder reads around it;
    /// `device` is that of the weights, without autodiff.
    pub fn forward<C: AsRef<[u32]>, R: AsRef<[u32]>>(
        &self,
        contexts: &[C],
        responses: &[R],
        device: &Device,
        dropout: &mut Dropout,
    ) -> Tensor<2> {
        match self {
            Identifier::Attention(identifier) => {
                let (context_ids, context_mask) = pad(contexts, 0, device);
                let (response_ids, response_mask) = pad(responses, 0, device);
                identifier.forward(
                    context_ids,
                    &context_mask,
                    response_ids,
                    &response_mask,
                    dropout,
                )
            }
            Identifier::Pair(identifier) => {
                identifier.forward(contexts, responses, device, dropout)
            }
        }
    }
}

impl From<AttentionIdentifier> for Identifier {
    fn from(identifier: AttentionIdentifier) -> Self {
        Identifier::Attention(identifier)
    }
}

impl From<PairIdentifier> for Identifier {
    fn from(identifier: PairIdentifier) -> Self {
        Identifier::Pair(identifier)
    }
}

/// How many empathy levels there are.
const LEVELS: usize = 3;

/// A linear layer with bias; `weight` is `[output, input]`.
#[derive(Module, Debug)]
struct Dense {
    weight: Param<Tensor<2>>,
    bias: Param<Tensor<1>>,
}

impl Dense {
    fn new(init: &mut ParamInit<'_>, input: usize, output: usize) -> Self {
        Dense {
            weight: init.normal([output, input], (3.0 * input as f64).powf(-0.5)),
            bias: init.constant([output], 0.0),
        }
    }

    fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        linear(x, &self.weight) + self.bias.val().unsqueeze()
    }
}

/// The layers of a head on states of this width: the linear one to three levels, or two.
fn new_head(init: &mut ParamInit<'_>, head: Head, width: usize) -> (Dense, Option<Dense>) {
    match head {
        Head::Linear => (Dense::new(init, width, LEVELS), None),
        Head::Mlp => (
            Dense::new(init, width, width / 2),
            Some(Dense::new(init, width / 2, LEVELS)),
        ),
    }
}

/// Logits `[batch, 3]` of pooled states `[batch, 1, width]`.
fn logits(
    first: &Dense,
    second: Option<&Dense>,
    pooled: Tensor<3>,
    dropout: &mut Dropout,
) -> Tensor<2> {
    let batch = pooled.dims()[0];
    let logits = match second {
        None => first.forward(dropout.apply(pooled)),
        Some(second) => second.forward(dropout.apply(first.forward(pooled).tanh())),
    };
    logits.reshape([batch, LEVELS])
}

/// The largest value `[batch, 1, width]` of each feature over the tokens that `real` `[batch, tokens, 1]` marks by 1.
fn max_over(states: Tensor<3>, real: Tensor<3>) -> Tensor<3> {
    (states + real.sub_scalar(1.0).mul_scalar(1e9)).max_dim(1)
}
