//! The language model that everything starts from.

use crate::experiment::setting::{BOOL, TEXT, choice, float, int, settings, words};

words! {
    /// The feed-forward layers of a model made from nothing.
    FeedForwardChoice {
        /// T5 v1.0.
        Relu = "relu",
        /// T5 v1.1 and Flan.
        GatedGelu = "gated-gelu",
    }
}

/// As `model.source`: a T5 made from nothing.
pub const SCRATCH: &str = "scratch";

settings! {
    /// The language model that everything starts from.
    ModelSettings in "model" {
        /// A Hugging Face folder, a GGUF file of the Llama family, or "scratch" for a T5 and a tokenizer made from the texts at hand.
        source: String = SCRATCH.into() => TEXT.paper("t5-base");
        /// Pieces of the tokenizer (scratch only).
        vocabulary: usize = 8_000 => int(200, 64_000).unit("pieces");
        /// Width of the hidden states (scratch only).
        d_model: usize = 256 => int(8, 4096).label("Model width").paper("768");
        /// Width of one head's keys and values (scratch only).
        d_kv: usize = 32 => int(4, 512).label("Head width").paper("64");
        /// Width inside the feed-forward layers (scratch only).
        d_ff: usize = 1_024 => int(8, 16_384).label("Feed-forward width").paper("3072");
        /// Layers of the encoder, and as many of the decoder (scratch only).
        layers: usize = 4 => int(1, 48).paper("12");
        /// Attention heads (scratch only).
        heads: usize = 8 => int(1, 64).paper("12");
        /// Feed-forward layers (scratch only).
        feed_forward: FeedForwardChoice = FeedForwardChoice::Relu => choice(FeedForwardChoice::WORDS).paper("relu");
        /// Whether the output head shares the embedding (scratch only).
        tied: bool = true => BOOL.paper("true");
        /// Tokens that stand in the texts by name, such as </s> or <extra_id_0> or those added to the tokenizer as special, become these tokens; off, they are text like any other.
        special_tokens: bool = false => BOOL.label("Special tokens in texts");
        /// Dropout of the identifiers', generator's and pre-training stages; always off in reinforcement learning. Identifiers on an encoder of a folder have that of its config.json.
        dropout: f64 = 0.1 => float(0.0, 0.9).paper("0.1");
    }
}
