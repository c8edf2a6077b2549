//! What a BERT costs: parameters, activations and operations, from its shape.

use crate::nn::bert::BertConfig;

/// Parameters of the encoder.
pub(super) fn parameters(shape: &BertConfig) -> u64 {
    let (width, inner) = (shape.hidden_size, shape.intermediate_size);
    let norm = 2 * width;
    let attention = 4 * (width + 1) * width;
    let feed_forward = (width + 1) * inner + (inner + 1) * width;
    let layers = shape.num_hidden_layers * (attention + feed_forward + 2 * norm);
    let rows = shape.vocab_size + shape.max_position_embeddings + shape.type_vocab_size;
    (rows * width + norm + layers) as u64
}

/// Activations that the encoder keeps for the backward pass.
pub(super) fn activations(shape: &BertConfig, batch: usize, tokens: usize) -> u64 {
    // Inputs of products, residuals, and what norms and dropout keep; its factors of attention weights; before and after
    // the activation.
    let layer =
        14 * shape.hidden_size + shape.num_attention_heads * tokens + 3 * shape.intermediate_size;
    (batch * tokens * shape.num_hidden_layers * layer) as u64
}

/// Operations of the encoder on `tokens`.
pub(super) fn operations(shape: &BertConfig, tokens: f64) -> f64 {
    let (width, inner) = (shape.hidden_size, shape.intermediate_size);
    let products = (4 * width * width + 2 * width * inner) as f64;
    let scores = 2.0 * tokens * width as f64;
    2.0 * tokens * shape.num_hidden_layers as f64 * (products + scores)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One layer of width 2, inner width 3; 4 tokens.
    #[test]
    fn products_are_counted_as_by_hand() {
        let shape = BertConfig {
            hidden_size: 2,
            intermediate_size: 3,
            num_hidden_layers: 1,
            ..BertConfig::default()
        };
        // Four products of 2×2, two of 2×3; scores and sums of 4 keys, 2 wide.
        assert_eq!(operations(&shape, 4.0), 2.0 * 4.0 * (16.0 + 12.0 + 16.0));
    }
}
