//! What is in the weights files of decoders that people have: names of training code, tables of the rotation, an
//! output head that is the embedding or is not, and tensors of other networks.

use super::config::LlamaConfig;
use crate::nn::weights::{WeightsError, WeightsFile};

const EMBEDDING: &str = "model.embed_tokens.weight";
const HEAD: &str = "lm_head.weight";
/// A tensor of every decoder.
const KNOWN: &str = "model.norm.weight";
/// How the names of the rotation's tables end, which older files have and everyone computes.
const ROTATION: &str = "rotary_emb.inv_freq";
/// Parts of names of what a trainer saves beside the model.
const TRAINERS: [&str; 2] = ["v_head", "value_head"];

/// Gives the tensors of `file` the names that a decoder of `config` has, and `config` the output head that is in the
/// file. Returns the names of those that are no part of the decoder.
///
/// # Errors
/// The file has several models, or a tensor that cannot be read.
pub(super) fn settle(
    file: &mut WeightsFile,
    config: &mut LlamaConfig,
) -> Result<Vec<String>, WeightsError> {
    file.strip_prefix(KNOWN)?;
    if config.tie_word_embeddings {
        // Tied tensors may be saved once, under either name.
        if !file.contains(EMBEDDING) {
            file.rename(HEAD, EMBEDDING);
        }
        let parted = !file.drop_copies(EMBEDDING, &[HEAD])?.is_empty();
        config.tie_word_embeddings = !parted;
    }
    file.leave_out(|name| name.ends_with(ROTATION));
    Ok(file.leave_out(|name| name.split('.').any(|part| TRAINERS.contains(&part))))
}
