//! Trains a tokenizer of T5's kind.

use std::collections::BTreeMap;

use tokenizers::decoders::metaspace::Metaspace;
use tokenizers::models::unigram::Unigram;
use tokenizers::normalizers::unicode::NFKC;
use tokenizers::pre_tokenizers::PreTokenizerWrapper;
use tokenizers::pre_tokenizers::sequence::Sequence;
use tokenizers::pre_tokenizers::whitespace::WhitespaceSplit;
use tokenizers::{AddedToken, NormalizedString, Normalizer};

use super::tokenizer::{Tokenizer, TokenizerError, UNK};
use super::unigram::{self, WORD_START};

const SPECIALS: [&str; 3] = ["<pad>", "</s>", "<unk>"];
/// Longer runs of characters are ignored.
const LONGEST_WORD: usize = 128;

/// Trains a unigram tokenizer: NFKC, words by white space, `▁` before each word.
///
/// Ids are pad 0, eos 1, unk 2, then pieces from likely to unlikely, then `sentinels` tokens
/// `<extra_id_{n-1}>` to `<extra_id_0>` at the top end. `vocab_size` counts all of them; there are
/// fewer if the texts have fewer pieces. The same texts give the same tokenizer.
///
/// # Errors
/// There is no text, or `vocab_size` is too small for the texts' characters.
pub fn train_unigram<T: AsRef<str>>(
    texts: impl IntoIterator<Item = T>,
    vocab_size: usize,
    sentinels: usize,
) -> Result<Tokenizer, TokenizerError> {
    let failed = |what: String| TokenizerError::Training { vocab_size, what };
    let words = count_words(texts).map_err(failed)?;
    if words.is_empty() {
        return Err(failed("there is no text".into()));
    }
    let needed = SPECIALS.len() + sentinels + characters(&words);
    if vocab_size < needed {
        return Err(failed(format!(
            "the texts' characters, the special tokens and the sentinels alone are {needed}"
        )));
    }
    let room = vocab_size - SPECIALS.len() - sentinels;
    assemble(unigram::pieces(&words, room), sentinels).map_err(failed)
}

fn count_words<T: AsRef<str>>(
    texts: impl IntoIterator<Item = T>,
) -> Result<BTreeMap<String, u64>, String> {
    let mut words = BTreeMap::new();
    for text in texts {
        let mut text = NormalizedString::from(text.as_ref());
        NFKC.normalize(&mut text).map_err(|e| e.to_string())?;
        let usable = |word: &&str| word.chars().count() < LONGEST_WORD;
        for word in text.get().split_whitespace().filter(usable) {
            *words.entry(format!("{WORD_START}{word}")).or_insert(0) += 1;
        }
    }
    Ok(words)
}

fn characters(words: &BTreeMap<String, u64>) -> usize {
    let mut characters: Vec<char> = words.keys().flat_map(|word| word.chars()).collect();
    characters.sort_unstable();
    characters.dedup();
    characters.len()
}

fn assemble(pieces: Vec<(String, f64)>, sentinels: usize) -> Result<Tokenizer, String> {
    let sentinels: Vec<String> = (0..sentinels)
        .rev()
        .map(|i| format!("<extra_id_{i}>"))
        .collect();
    let special = |token: &str| (token.to_string(), 0.0);
    let vocabulary = (SPECIALS.into_iter().map(special))
        .chain(pieces)
        .chain(sentinels.iter().map(|token| special(token)))
        .collect();
    let model = Unigram::from(vocabulary, Some(UNK as usize), false).map_err(|e| e.to_string())?;
    let metaspace = Metaspace::default();
    let mut tokenizer = tokenizers::Tokenizer::new(model);
    tokenizer.with_normalizer(Some(NFKC));
    tokenizer.with_pre_tokenizer(Some(Sequence::new(vec![
        PreTokenizerWrapper::WhitespaceSplit(WhitespaceSplit),
        PreTokenizerWrapper::Metaspace(metaspace.clone()),
    ])));
    tokenizer.with_decoder(Some(metaspace));
    let tokens: Vec<AddedToken> = (SPECIALS.into_iter())
        .chain(sentinels.iter().map(String::as_str))
        .map(|token| AddedToken::from(token, true))
        .collect();
    tokenizer.add_special_tokens(&tokens);
    Tokenizer::new(tokenizer)
}
