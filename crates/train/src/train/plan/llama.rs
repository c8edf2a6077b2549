//! What a decoder of the Llama family costs: parameters, activations and operations, from its shape.

use crate::nn::llama::LlamaConfig;

/// Parameters of the whole model.
pub(super) fn parameters(shape: &LlamaConfig) -> u64 {
    let width = shape.hidden_size;
    let tables = if shape.tie_word_embeddings { 1 } else { 2 };
    let (queries, keys_values) = (shape.query_width(), 2 * shape.key_width());
    let bias = |has: bool, output: usize| if has { output } else { 0 };
    let attention = width * (queries + keys_values)
        + bias(shape.has_query_bias(), queries + keys_values)
        + queries * width
        + bias(shape.has_output_bias(), width);
    let inner = shape.intermediate_size;
    let mlp = 3 * width * inner + bias(shape.has_mlp_bias(), 2 * inner + width);
    let norms = 2 * width + bias(shape.has_head_norms(), 2 * shape.head_dim);
    let layers = shape.num_hidden_layers * (attention + mlp + norms);
    (tables * shape.vocab_size * width + layers + width) as u64
}

/// Activations that a forward pass on contexts of `source` and responses of `target` tokens keeps for the backward
/// pass: the inputs of norms, products and residuals, attention weights, logits, their derivative and their gradient.
pub(super) fn activations(shape: &LlamaConfig, batch: usize, source: usize, target: usize) -> u64 {
    let tokens = source + target;
    let (queries, keys_values) = (shape.query_width(), 2 * shape.key_width());
    // Rotated queries and keys, values, and what was attended to.
    let attention = queries + keys_values + queries;
    let weights = 2 * shape.num_attention_heads * tokens;
    let layer = 6 * shape.hidden_size + attention + weights + 4 * shape.intermediate_size;
    let logits = 3 * batch * target * shape.vocab_size;
    (batch * tokens * shape.num_hidden_layers * layer + logits) as u64
}

/// Operations of a forward pass on `source` tokens of a context and `target` tokens of a response, whose logits it
/// computes.
pub(super) fn operations(shape: &LlamaConfig, source: f64, target: f64) -> f64 {
    let (width, tokens) = (shape.hidden_size, source + target);
    let attention = 2 * width * (shape.query_width() + shape.key_width());
    let products = (attention + 3 * width * shape.intermediate_size) as f64;
    let scores = 2.0 * tokens * shape.query_width() as f64;
    let layers = tokens * shape.num_hidden_layers as f64 * (products + scores);
    2.0 * (layers + target * (width * shape.vocab_size) as f64)
}

#[cfg(test)]
pub(super) mod tests {
    use burn::module::Module;
    use burn::tensor::Device;

    use super::*;
    use crate::nn::llama::{Family, Llama};

    pub fn shape() -> LlamaConfig {
        LlamaConfig {
            vocab_size: 37,
            hidden_size: 12,
            intermediate_size: 20,
            num_hidden_layers: 2,
            num_attention_heads: 4,
            num_key_value_heads: 2,
            head_dim: 6,
            ..LlamaConfig::default()
        }
    }

    #[test]
    fn parameters_are_those_of_the_network() {
        for (model_type, tie_word_embeddings, biases) in [
            (Family::Llama, true, false),
            (Family::Llama, false, true),
            (Family::Qwen2, false, false),
            (Family::Qwen3, true, true),
        ] {
            let shape = LlamaConfig {
                model_type,
                tie_word_embeddings,
                attention_bias: biases,
                mlp_bias: biases,
                ..shape()
            };
            let network = Llama::new(&shape, &Device::flex(), 1);
            assert_eq!(parameters(&shape), network.num_params() as u64);
        }
    }

    /// One layer of width 2 with two heads of 2 that share one of keys, inner width 3, 5 words; 4 and 2 tokens.
    #[test]
    fn products_are_counted_as_by_hand() {
        let shape = LlamaConfig {
            vocab_size: 5,
            hidden_size: 2,
            intermediate_size: 3,
            num_hidden_layers: 1,
            num_attention_heads: 2,
            num_key_value_heads: 1,
            head_dim: 2,
            ..LlamaConfig::default()
        };
        // Two products of 2×4, two of 2×2, three of 2×3; scores and sums of 6 keys, 4 wide; logits.
        let layer = 6.0 * (16.0 + 8.0 + 18.0 + 48.0);
        assert_eq!(
            operations(&shape, 4.0, 2.0),
            2.0 * (layer + 2.0 * 2.0 * 5.0)
        );
    }
}
