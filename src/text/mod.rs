//! From text to tokens and words: tokenizer and NLTK's words.
//!
//! Knows texts and token ids; must not know tensors, data sets or files other than `tokenizer.json`.

mod classes;
mod sentences;
mod tokenizer;
mod training;
mod unigram;
pub mod words;

pub use sentences::sentences;
pub use tokenizer::{EOS, PAD, Tokenizer, TokenizerError, UNK};
pub use training::train_unigram;
pub use words::word_tokenize;
