//! The shape of a language model, whatever its architecture.

/// Widths and counts, in the names of Hugging Face's decoders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ModelShape {
    pub vocab_size: usize,
    /// Width of the states.
    pub hidden_size: usize,
    /// Width of the feed-forward layers.
    pub intermediate_size: usize,
    /// 0 for a decoder alone.
    pub encoder_layers: usize,
    pub decoder_layers: usize,
    pub num_heads: usize,
    /// Heads of keys and values: as many, or fewer that are shared.
    pub num_key_value_heads: usize,
    pub head_dim: usize,
    /// Whether the output head is the embedding.
    pub tie_word_embeddings: bool,
}

impl ModelShape {
    /// Width of a token's keys, and of its values, in all heads together.
    pub fn key_value_width(&self) -> usize {
        self.num_key_value_heads * self.head_dim
    }
}
