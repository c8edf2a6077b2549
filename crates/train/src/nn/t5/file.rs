//! What is in the weights files of T5 that people have: names of training code, copies of the embedding, an output
//! head that is one or is not, and tensors of other networks.

use super::config::T5Config;
use crate::nn::weights::{WeightsError, WeightsFile};

const EMBEDDING: &str = "shared.weight";
const COPIES: [&str; 2] = ["encoder.embed_tokens.weight", "decoder.embed_tokens.weight"];
const HEAD: &str = "lm_head.weight";
/// A tensor of every T5.
const KNOWN: &str = "encoder.final_layer_norm.weight";
/// T5's first release saved it though nothing uses it.
const UNUSED: &str = "decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight";
/// Parts of names of what a trainer saves beside the model.
const TRAINERS: [&str; 2] = ["v_head", "value_head"];

/// Gives the tensors of `file` the names that a T5 of `config` has, and `config` the output head that is in the file.
/// Returns the names of those that are no part of T5.
///
/// # Errors
/// The file has several models, none with a decoder, or embeddings that differ.
pub(super) fn settle(
    file: &mut WeightsFile,
    config: &mut T5Config,
) -> Result<Vec<String>, WeightsError> {
    file.strip_prefix(KNOWN)?;
    if file.contains(KNOWN) && !file.contains("decoder.final_layer_norm.weight") {
        return Err(WeightsError::Unsupported {
            path: file.path().to_path_buf(),
            problem: "has an encoder without a decoder".into(),
            fix: "give a whole model (T5ForConditionalGeneration)".into(),
        });
    }

    if !file.contains(EMBEDDING) {
        // Tied tensors may be saved once, under any of their names.
        let tied = config.tie_word_embeddings.then_some(HEAD);
        let names = COPIES.into_iter().chain(tied);
        if let Some(name) = names.into_iter().find(|name| file.contains(name)) {
            file.rename(name, EMBEDDING);
        }
    }
    if let Some(other) = file.drop_copies(EMBEDDING, &COPIES)?.first() {
        return Err(WeightsError::Unsupported {
            path: file.path().to_path_buf(),
            problem: format!(
                "tensor `{other}` differs from `{EMBEDDING}`, where T5 has one embedding"
            ),
            fix: "give the weights as they were before the embeddings were parted".into(),
        });
    }
    if config.tie_word_embeddings && !file.drop_copies(EMBEDDING, &[HEAD])?.is_empty() {
        // Transformers 5 calls every T5 tied and keeps the head of those that are not.
        config.scale_decoder_outputs = Some(config.scales_output());
        config.tie_word_embeddings = false;
    }

    file.leave_out(|name| name == UNUSED);
    Ok(file.leave_out(|name| name.split('.').any(|part| TRAINERS.contains(&part))))
}
