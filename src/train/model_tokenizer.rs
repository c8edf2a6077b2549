//! Texts as the rows of tokens that a model reads and predicts. Knows no data sets and no weights.

use crate::data::batch::{cut_context, cut_target, is_cut};
use crate::nn::LanguageModelConfig;
use crate::text::Tokenizer;

/// A tokenizer, and what contexts and responses end with in its model.
#[derive(Clone, Copy)]
pub struct ModelTokenizer<'a> {
    pub tokenizer: &'a Tokenizer,
    context_end: Option<u32>,
    response_end: Option<u32>,
}

impl<'a> ModelTokenizer<'a> {
    pub fn new(tokenizer: &'a Tokenizer, model: &LanguageModelConfig) -> Self {
        ModelTokenizer {
            tokenizer,
            context_end: model.context_end(),
            response_end: model.eos_token_ids().first().copied(),
        }
    }

    /// A context, cut from the left to `max_tokens`.
    pub fn context(&self, text: &str, max_tokens: usize) -> Vec<u32> {
        let ids = self.tokenizer.encode_plain(text);
        cut_context(&ids, max_tokens, self.context_end)
    }

    /// Whether [`ModelTokenizer::context`] leaves the beginning of a text out.
    pub fn is_cut(&self, text: &str, max_tokens: usize) -> bool {
        let ids = self.tokenizer.encode_plain(text);
        is_cut(&ids, max_tokens, self.context_end)
    }

    /// A response, cut from the right to `max_tokens`.
    pub fn response(&self, text: &str, max_tokens: usize) -> Vec<u32> {
        let ids = self.tokenizer.encode_plain(text);
        cut_target(&ids, max_tokens, self.response_end)
    }
}
