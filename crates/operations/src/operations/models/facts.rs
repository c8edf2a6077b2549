//! What is known of a saved model, line by line, in the window and in the terminal.

use super::Anatomy;
use crate::experiment::size_words;
use crate::metrics::written::count;

/// Names and values, in order.
pub fn facts(anatomy: &Anatomy) -> Vec<(&'static str, String)> {
    let number = |number: usize| count(number as u64);
    let shape = anatomy.config.shape();
    let bytes = size_words(4 * anatomy.model_parameters as u64);
    let parameters = format!(
        "{} parameters, {bytes} as f32",
        number(anatomy.model_parameters)
    );
    let layers = match (shape.encoder_layers, shape.decoder_layers) {
        (0, decoder) => format!("{decoder} decoder"),
        (encoder, decoder) => format!("{encoder} encoder, {decoder} decoder"),
    };
    let heads = match (shape.num_heads, shape.num_key_value_heads) {
        (heads, shared) if shared < heads => {
            format!("{heads} of {}, {shared} of keys and values", shape.head_dim)
        }
        (heads, _) => format!("{heads} of {}", shape.head_dim),
    };
    let width = format!(
        "{}, feed-forward {}",
        number(shape.hidden_size),
        number(shape.intermediate_size)
    );
    let vocabulary = format!(
        "{} rows, {} tokens",
        number(shape.vocab_size),
        number(anatomy.tokens)
    );
    let head = match shape.tie_word_embeddings {
        true => "the embedding",
        false => "of its own",
    };
    let mut facts = vec![
        (anatomy.config.architecture(), parameters),
        ("Layers", layers),
        ("Width", width),
        ("Heads", heads),
        ("Vocabulary", vocabulary),
        ("Output head", head.to_string()),
    ];
    if let Some(formats) = anatomy.dequantised() {
        facts.push(("Weights", formats));
    }
    if anatomy.chat_template {
        let words = "contexts are read as a conversation, by the model's own template";
        facts.push(("Chat", words.to_string()));
    } else if anatomy.config.t5().is_none() {
        let words = "no template: a context is read as plain text";
        facts.push(("Chat", words.to_string()));
    }
    let adapter = number(anatomy.adapter_parameters);
    if let Some(prefix) = &anatomy.prefix {
        let (encoder, decoder, cross) = (prefix.encoder, prefix.decoder, prefix.cross);
        let words = format!(
            "{encoder} encoder, {decoder} decoder, {cross} cross positions; {adapter} parameters"
        );
        facts.push(("Prefix", words));
    }
    if let Some(lora) = &anatomy.lora {
        let words = format!(
            "rank {}, alpha {}, of {}; {adapter} parameters",
            lora.rank,
            lora.alpha,
            lora.targets.join(", ")
        );
        facts.push(("LoRA", words));
    }
    if anatomy.value_head {
        facts.push(("Value head", "yes".to_string()));
    }
    if let Some(first) = anatomy.left_out.first() {
        let words = format!(
            "{} tensors that are no part of the model, such as {first}",
            number(anatomy.left_out.len())
        );
        facts.push(("Left out", words));
    }
    facts
}
