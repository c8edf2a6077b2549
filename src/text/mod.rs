//! From text to tokens and words: tokenizer and NLTK's words.
//!
//! Knows texts and token ids; must not know tensors, data sets or files other than `tokenizer.json`.

mod tokenizer;
mod unigram;

pub use tokenizer::{EOS, PAD, Tokenizer, TokenizerError, UNK};
pub use unigram::train_unigram;
