//! From text to tokens and words: tokenizers, chat templates and NLTK's words; and text as it may be shown.
//!
//! Must not know tensors, data sets or files other than a tokenizer's.

mod alike;
pub mod chat;
pub mod pattern;
mod sentences;
pub mod shown;
mod tokenizer;
mod training;
mod unigram;
mod words;

pub use alike::alike;
pub use sentences::sentences;
pub use tokenizer::{EOS, GgufVocabulary, PAD, Tokenizer, TokenizerError, UNK};
pub use training::train_unigram;
pub use words::word_tokenize;

/// Compiles a pattern of this crate's own.
fn compile(pattern: &str) -> regex::Regex {
    match regex::Regex::new(pattern) {
        Ok(regex) => regex,
        Err(error) => unreachable!("a pattern of our own is sound: {error}"),
    }
}
