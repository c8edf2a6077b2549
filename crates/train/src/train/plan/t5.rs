//! What a T5 costs: parameters, activations and operations, from its shape.

use crate::nn::t5::{FeedForward, T5Config};

/// Parameters of the whole model.
pub(super) fn parameters(shape: &T5Config) -> u64 {
    let tables = if shape.tie_word_embeddings { 1 } else { 2 };
    tables * embedding(shape)
        + stack(shape, shape.num_layers, 1, 2)
        + stack(shape, shape.num_decoder_layers, 2, 3)
}

/// Parameters of the encoder with its embedding.
pub(super) fn encoder_parameters(shape: &T5Config) -> u64 {
    embedding(shape) + stack(shape, shape.num_layers, 1, 2)
}

/// Parameters of an attention's four products.
fn attention(shape: &T5Config) -> u64 {
    (4 * shape.d_model * shape.inner()) as u64
}

fn feed_forward(shape: &T5Config) -> u64 {
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

/// Activations that one layer keeps per token besides dropout's factors of its attention weights: the inputs of norms, products and
/// residuals.
fn layer(shape: &T5Config, attentions: usize) -> usize {
    let inside = match shape.feed_forward {
        FeedForward::Relu => 2,
        FeedForward::GatedGelu | FeedForward::GatedSilu => 4,
    };
    attentions * (3 * shape.d_model + 4 * shape.inner()) + 3 * shape.d_model + inside * shape.d_ff
}

/// Activations that an encoder keeps for the backward pass.
pub(super) fn encoder_activations(shape: &T5Config, batch: usize, tokens: usize) -> u64 {
    let factors = shape.num_heads * tokens;
    (batch * tokens * shape.num_layers * (layer(shape, 1) + factors)) as u64
}

/// The same of encoder and decoder, with logits and their derivative.
pub(super) fn activations(shape: &T5Config, batch: usize, source: usize, target: usize) -> u64 {
    let factors = shape.num_heads * (target + source);
    let decoder = batch * target * shape.num_decoder_layers * (layer(shape, 2) + factors);
    let logits = 2 * batch * target * shape.vocab_size;
    encoder_activations(shape, batch, source) + (decoder + logits) as u64
}

/// Operations of the encoder on `tokens`.
pub(super) fn encoder_operations(shape: &T5Config, tokens: f64) -> f64 {
    let products = (attention(shape) + feed_forward(shape)) as f64;
    let scores = 2.0 * tokens * shape.inner() as f64;
    2.0 * tokens * shape.num_layers as f64 * (products + scores)
}

/// Operations of the decoder on `target` tokens that attend to `source`, with the logits.
fn decoder_operations(shape: &T5Config, source: f64, target: f64) -> f64 {
    let width = shape.d_model as f64;
    let (own, across) = (attention(shape) as f64, attention(shape) as f64 / 2.0);
    let scores = 2.0 * (target + source) * shape.inner() as f64;
    let layer = target * (own + across + feed_forward(shape) as f64 + scores) + source * across;
    2.0 * (shape.num_decoder_layers as f64 * layer + target * width * shape.vocab_size as f64)
}

/// Operations of both.
pub(super) fn operations(shape: &T5Config, source: f64, target: f64) -> f64 {
    encoder_operations(shape, source) + decoder_operations(shape, source, target)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One layer of width 2 with one head of 2, inner width 3, 5 words; 4 source and 2 target tokens.
    #[test]
    fn products_are_counted_as_by_hand() {
        let shape = T5Config {
            vocab_size: 5,
            d_model: 2,
            d_kv: 2,
            d_ff: 3,
            num_layers: 1,
            num_decoder_layers: 1,
            num_heads: 1,
            ..T5Config::default()
        };
        // Four products of 2×2, two of 2×3; scores and sums of 4 keys, 2 wide.
        let encoder = encoder_operations(&shape, 4.0);
        assert_eq!(encoder, 2.0 * 4.0 * (16.0 + 12.0 + 16.0));
        // Own attention 16, half of the other's on each side, 12 inside, 6 keys in all; logits.
        let layer = 2.0 * (16.0 + 8.0 + 12.0 + 24.0) + 4.0 * 8.0;
        let decoder = 2.0 * (layer + 2.0 * 2.0 * 5.0);
        assert_eq!(operations(&shape, 4.0, 2.0), encoder + decoder);
    }
}
