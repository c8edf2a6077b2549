//! Hugging Face's names of a T5's tensors.

use super::config::{FeedForward, T5Config};
use crate::nn::weights::stacked;

/// The tensors that the parameter at `path` of a [`T5`](super::T5) consists of, one above the other.
pub(in crate::nn) fn tensor_names(path: &str, config: &T5Config) -> Vec<String> {
    let path: Vec<&str> = path.split('.').collect();
    let (stack, index, part, tensor) = match path[..] {
        ["embedding"] => return vec!["shared.weight".into()],
        ["head"] => return vec!["lm_head.weight".into()],
        [stack, "position_bias", "table"] => {
            let bias = "block.0.layer.0.SelfAttention.relative_attention_bias.weight";
            return vec![format!("{stack}.{bias}")];
        }
        [stack, "final_norm", "weight"] => {
            return vec![format!("{stack}.final_layer_norm.weight")];
        }
        [stack, "blocks", index, part, tensor] => (stack, index, part, tensor),
        _ => unreachable!("no parameter of a T5: {path:?}"),
    };
    // The feed-forward layer is the last of its block.
    let last = if stack == "decoder" { 2 } else { 1 };
    let (layer, tensors): (usize, &[&str]) = match (part, tensor) {
        ("attention_norm", _) => (0, &["layer_norm"]),
        ("attention", "qkv") => (
            0,
            &["SelfAttention.q", "SelfAttention.k", "SelfAttention.v"],
        ),
        ("attention", _) => (0, &["SelfAttention.o"]),
        ("cross_norm", _) => (1, &["layer_norm"]),
        ("cross", "q") => (1, &["EncDecAttention.q"]),
        ("cross", "kv") => (1, &["EncDecAttention.k", "EncDecAttention.v"]),
        ("cross", _) => (1, &["EncDecAttention.o"]),
        ("dense_norm", _) => (last, &["layer_norm"]),
        ("dense", "wi") => match config.feed_forward {
            FeedForward::Relu => (last, &["DenseReluDense.wi"]),
            FeedForward::GatedGelu | FeedForward::GatedSilu => {
                (last, &["DenseReluDense.wi_0", "DenseReluDense.wi_1"])
            }
        },
        _ => (last, &["DenseReluDense.wo"]),
    };
    stacked(
        &format!("{stack}.block.{index}.layer.{layer}"),
        tensors,
        "weight",
    )
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::super::T5;
    use super::*;
    use crate::nn::weights::paths;

    /// Saved optimizer states know parameters by these paths, and a gradient's norm is summed in their order.
    #[test]
    fn parameters_keep_their_paths_and_order() {
        let config = T5Config {
            vocab_size: 8,
            d_model: 4,
            d_kv: 2,
            d_ff: 4,
            num_heads: 2,
            num_layers: 1,
            num_decoder_layers: 1,
            tie_word_embeddings: false,
            ..T5Config::default()
        };
        let paths = paths(&T5::new(&config, &Device::flex(), 1));
        let expected = "embedding encoder.position_bias.table \
            encoder.blocks.0.attention_norm.weight encoder.blocks.0.attention.qkv \
            encoder.blocks.0.attention.o encoder.blocks.0.dense_norm.weight \
            encoder.blocks.0.dense.wi encoder.blocks.0.dense.wo encoder.final_norm.weight \
            decoder.position_bias.table decoder.blocks.0.attention_norm.weight \
            decoder.blocks.0.attention.qkv decoder.blocks.0.attention.o \
            decoder.blocks.0.cross_norm.weight decoder.blocks.0.cross.q decoder.blocks.0.cross.kv \
            decoder.blocks.0.cross.o decoder.blocks.0.dense_norm.weight decoder.blocks.0.dense.wi \
            decoder.blocks.0.dense.wo decoder.final_norm.weight head";
        assert_eq!(paths.join(" "), expected);
    }
}
