//! Hugging Face's names of a decoder's tensors.

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
    modules
        .iter()
        .map(|module| format!("model.layers.{index}.{module}.{kind}"))
        .collect()
}
