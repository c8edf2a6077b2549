//! Hugging Face's names of a decoder's tensors.

use crate::nn::weights::stacked;

/// The tensors that the parameter at `path` of a [`Llama`](super::Llama) consists of, one above the other.
pub(in crate::nn) fn tensor_names(path: &str) -> Vec<String> {
    let path: Vec<&str> = path.split('.').collect();
    let (index, module, kind) = match path[..] {
        ["embedding"] => return vec!["model.embed_tokens.weight".into()],
        ["head"] => return vec!["lm_head.weight".into()],
        ["norm", "weight"] => return vec!["model.norm.weight".into()],
        ["layers", index, norm, "weight"] => (index, (norm, ""), "weight"),
        ["layers", index, part, module, kind] => (index, (part, module), kind),
        _ => unreachable!("no parameter of a decoder: {path:?}"),
    };
    let modules: &[&str] = match module {
        ("attention_norm", _) => &["input_layernorm"],
        ("mlp_norm", _) => &["post_attention_layernorm"],
        ("attention", "q") => &["self_attn.q_proj"],
        ("attention", "kv") => &["self_attn.k_proj", "self_attn.v_proj"],
        ("attention", "o") => &["self_attn.o_proj"],
        ("attention", "q_norm") => &["self_attn.q_norm"],
        ("attention", _) => &["self_attn.k_norm"],
        ("mlp", "gate_up") => &["mlp.gate_proj", "mlp.up_proj"],
        _ => &["mlp.down_proj"],
    };
    stacked(&format!("model.layers.{index}"), modules, kind)
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::super::{Family, Llama, LlamaConfig};
    use super::*;
    use crate::nn::lora::LoraConfig;
    use crate::nn::weights::paths;

    /// Saved optimizer states know parameters by these paths, and a gradient's norm is summed in their order.
    #[test]
    fn parameters_keep_their_paths_and_order() {
        let config = LlamaConfig {
            model_type: Family::Qwen3,
            vocab_size: 8,
            hidden_size: 4,
            intermediate_size: 4,
            num_hidden_layers: 1,
            num_attention_heads: 2,
            num_key_value_heads: 1,
            head_dim: 2,
            attention_bias: true,
            ..LlamaConfig::default()
        };
        let llama = Llama::new(&config, &Device::flex(), 1);
        let expected = "embedding layers.0.attention_norm.weight layers.0.attention.q.weight \
            layers.0.attention.q.bias layers.0.attention.kv.weight layers.0.attention.kv.bias \
            layers.0.attention.o.weight layers.0.attention.o.bias layers.0.attention.q_norm.weight \
            layers.0.attention.k_norm.weight layers.0.mlp_norm.weight layers.0.mlp.gate_up.weight \
            layers.0.mlp.down.weight norm.weight head";
        assert_eq!(paths(&llama).join(" "), expected);
        let names = tensor_names("layers.0.attention.kv.bias");
        let known =
            ["k_proj", "v_proj"].map(|part| format!("model.layers.0.self_attn.{part}.bias"));
        assert_eq!(names, known);

        let config = LoraConfig {
            rank: 1,
            alpha: 1.0,
            dropout: 0.0,
            targets: vec!["v_proj".into(), "down_proj".into()],
        };
        let lora = llama.lora(&config, 1).expect("its layers are there");
        let expected =
            "blocks.0.linears.0.a blocks.0.linears.0.b blocks.0.linears.1.a blocks.0.linears.1.b";
        assert_eq!(paths(&lora).join(" "), expected);
    }
}
