//! Hugging Face's names of a BERT's tensors, and what else is in the files that people have.

use super::config::BertConfig;
use crate::nn::weights::{WeightsError, WeightsFile, stacked};

/// A tensor of every BERT.
const KNOWN: &str = "embeddings.word_embeddings.weight";
/// What stands on the encoder: a pooler, heads of pre-training and of classifiers; and numbers from 0 on.
const OTHERS: [&str; 4] = ["pooler.", "cls.", "classifier.", "embeddings.position_ids"];

/// The tensors that the parameter at `path` of a [`BertEncoder`](super::BertEncoder) consists of, one above the other.
pub(in crate::nn) fn tensor_names(path: &str) -> Vec<String> {
    let path: Vec<&str> = path.split('.').collect();
    let (place, parts, kind): (String, &[&str], &str) = match path[..] {
        ["words"] => return vec![KNOWN.into()],
        ["positions"] => return vec!["embeddings.position_embeddings.weight".into()],
        ["types"] => return vec!["embeddings.token_type_embeddings.weight".into()],
        ["norm", kind] => ("embeddings".into(), &["LayerNorm"], kind),
        ["layers", index, layer, kind] => {
            let parts: &[&str] = match layer {
                "query" => &["attention.self.query"],
                "keys_values" => &["attention.self.key", "attention.self.value"],
                "attended" => &["attention.output.dense"],
                "attention_norm" => &["attention.output.LayerNorm"],
                "intermediate" => &["intermediate.dense"],
                "output" => &["output.dense"],
                _ => &["output.LayerNorm"],
            };
            (format!("encoder.layer.{index}"), parts, kind)
        }
        _ => unreachable!("no parameter of a BERT: {path:?}"),
    };
    stacked(&place, parts, kind)
}

/// Gives the tensors of `file` the names that an encoder of `config` has, and leaves out what stands on it.
///
/// # Errors
/// The file has several models.
pub(super) fn settle(file: &mut WeightsFile, config: &BertConfig) -> Result<(), WeightsError> {
    file.strip_prefix(KNOWN)?;
    file.leave_out(|name| OTHERS.iter().any(|other| name.starts_with(other)));
    let norms = (0..config.num_hidden_layers).flat_map(|index| {
        ["attention.output", "output"].map(|part| format!("encoder.layer.{index}.{part}"))
    });
    // BERT's first files have TensorFlow's names of a norm's tensors.
    for place in norms.chain(["embeddings".into()]) {
        for (old, new) in [("gamma", "weight"), ("beta", "bias")] {
            file.rename(
                &format!("{place}.LayerNorm.{old}"),
                &format!("{place}.LayerNorm.{new}"),
            );
        }
    }
    Ok(())
}
