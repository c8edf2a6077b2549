//! What an identifier costs, whatever it stands on.

use super::{bert, llama, t5};
use crate::nn::LanguageModelConfig;
use crate::nn::identifier::{Head, IdentifierConfig, PairEncoderConfig};
use crate::nn::t5::T5Config;

/// Parameters of one identifier.
pub(super) fn parameters(shape: &IdentifierConfig) -> u64 {
    match shape {
        IdentifierConfig::Attention(shape) => {
            let width = shape.encoder.d_model as u64;
            let attention = 4 * dense(width, width);
            2 * t5::encoder_parameters(&shape.encoder) + attention + head(shape.head, width)
        }
        IdentifierConfig::Pair(shape) => {
            let width = shape.encoder.width() as u64;
            head(shape.head, width) + encoder_parameters(&shape.encoder)
        }
    }
}

fn encoder_parameters(shape: &PairEncoderConfig) -> u64 {
    match shape {
        PairEncoderConfig::Bert(shape) => bert::parameters(shape),
        PairEncoderConfig::Llama(shape) => llama::parameters(shape),
    }
}

fn dense(input: u64, output: u64) -> u64 {
    (input + 1) * output
}

fn head(head: Head, width: u64) -> u64 {
    match head {
        Head::Linear => dense(width, 3),
        Head::Mlp => dense(width, width / 2) + dense(width / 2, 3),
    }
}

/// Parameters of the encoder that identifiers start from, where it is not the run's own model.
pub(super) fn start_parameters(shape: &IdentifierConfig) -> u64 {
    match shape {
        IdentifierConfig::Attention(shape) => t5::parameters(&shape.encoder),
        IdentifierConfig::Pair(shape) => encoder_parameters(&shape.encoder),
    }
}

/// A language model that computes as the encoder does, to measure a machine with: of BERT a T5 of its widths.
pub(super) fn as_language_model(shape: &IdentifierConfig) -> LanguageModelConfig {
    let pair = match shape {
        IdentifierConfig::Attention(shape) => {
            return LanguageModelConfig::T5(shape.encoder.clone());
        }
        IdentifierConfig::Pair(shape) => &shape.encoder,
    };
    match pair {
        PairEncoderConfig::Llama(shape) => LanguageModelConfig::Llama(shape.clone()),
        PairEncoderConfig::Bert(shape) => LanguageModelConfig::T5(T5Config {
            vocab_size: shape.vocab_size,
            d_model: shape.hidden_size,
            d_kv: shape.hidden_size / shape.num_attention_heads,
            d_ff: shape.intermediate_size,
            num_heads: shape.num_attention_heads,
            num_layers: shape.num_hidden_layers,
            num_decoder_layers: shape.num_hidden_layers,
            ..T5Config::default()
        }),
    }
}

/// Activations that a forward pass on contexts and responses of so many tokens keeps for the backward pass.
pub(super) fn activations(
    shape: &IdentifierConfig,
    batch: usize,
    context: usize,
    response: usize,
) -> u64 {
    match shape {
        IdentifierConfig::Attention(shape) => {
            let encoder = |tokens| t5::encoder_activations(&shape.encoder, batch, tokens);
            encoder(context) + encoder(response)
        }
        IdentifierConfig::Pair(shape) => match &shape.encoder {
            PairEncoderConfig::Bert(shape) => bert::activations(shape, batch, context + response),
            PairEncoderConfig::Llama(shape) => {
                llama::activations(shape, batch, context + response, 0)
            }
        },
    }
}

/// Operations of a forward pass on a context and a response of so many tokens.
pub(super) fn operations(shape: &IdentifierConfig, context: f64, response: f64) -> f64 {
    match shape {
        IdentifierConfig::Attention(shape) => {
            let encoder = |tokens| t5::encoder_operations(&shape.encoder, tokens);
            encoder(context) + encoder(response)
        }
        IdentifierConfig::Pair(shape) => match &shape.encoder {
            PairEncoderConfig::Bert(shape) => bert::operations(shape, context + response),
            PairEncoderConfig::Llama(shape) => llama::operations(shape, context + response, 0.0),
        },
    }
}
