//! Trains a small tokenizer of T5's kind on the texts at hand.
//!
//! Must not know what the texts are. The same texts give the same tokenizer on every machine.

use std::collections::BTreeMap;

use tokenizers::decoders::metaspace::Metaspace;
use tokenizers::models::unigram::{Unigram, UnigramTrainer};
use tokenizers::normalizers::unicode::NFKC;
use tokenizers::pre_tokenizers::PreTokenizerWrapper;
use tokenizers::pre_tokenizers::sequence::Sequence;
use tokenizers::pre_tokenizers::whitespace::WhitespaceSplit;
use tokenizers::processors::template::TemplateProcessing;
use tokenizers::{AddedToken, NormalizedString, Normalizer};

use super::tokenizer::{EOS, Tokenizer, TokenizerError, UNK};

const SPECIALS: [&str; 3] = ["<pad>", "</s>", "<unk>"];
const WORD_START: char = '▁';
/// What the trainer adds from one character that was too rare to be counted to the next.
const RARE_STEP: f64 = 0.0001;
/// Longer runs of characters are no words, and their likelihood is beyond the trainer's numbers.
const LONGEST_WORD: usize = 256;

/// Trains a unigram tokenizer: NFKC, words by white space, `▁` before each word.
///
/// Ids are pad 0, eos 1, unk 2, then pieces from likely to unlikely, then `sentinels` tokens
/// `<extra_id_{n-1}>` to `<extra_id_0>` at the top end. `vocab_size` counts all of them; fewer come
/// out where the texts do not hold so many pieces.
///
/// # Errors
/// There is no text, or `vocab_size` does not even hold the texts' characters.
pub fn train_unigram<T: AsRef<str>>(
    texts: impl IntoIterator<Item = T>,
    vocab_size: usize,
    sentinels: usize,
) -> Result<Tokenizer, TokenizerError> {
    let failed = |what: String| TokenizerError::Training { vocab_size, what };
    let words = count_words(texts).map_err(failed)?;
    let needed = SPECIALS.len() + sentinels + characters(&words);
    if words.is_empty() {
        return Err(failed("there is no text".into()));
    }
    if vocab_size < needed {
        return Err(failed(format!(
            "the texts' characters, the special tokens and the sentinels alone are {needed}"
        )));
    }
    let room = vocab_size - SPECIALS.len() - sentinels;
    let pieces = train_pieces(words, room).map_err(failed)?;
    assemble(pieces, sentinels).map_err(failed)
}

fn count_words<T: AsRef<str>>(
    texts: impl IntoIterator<Item = T>,
) -> Result<BTreeMap<String, u32>, String> {
    let mut words = BTreeMap::new();
    for text in texts {
        let mut text = NormalizedString::from(text.as_ref());
        NFKC.normalize(&mut text).map_err(|e| e.to_string())?;
        let usable = |word: &&str| word.chars().count() <= LONGEST_WORD;
        for word in text.get().split_whitespace().filter(usable) {
            *words.entry(format!("{WORD_START}{word}")).or_insert(0) += 1;
        }
    }
    Ok(words)
}

fn characters(words: &BTreeMap<String, u32>) -> usize {
    let mut characters: Vec<char> = words.keys().flat_map(|word| word.chars()).collect();
    characters.sort_unstable();
    characters.dedup();
    characters.len()
}

/// At most `room` pieces with their log probabilities, the likely first.
fn train_pieces(words: BTreeMap<String, u32>, room: usize) -> Result<Vec<(String, f64)>, String> {
    let trainer = UnigramTrainer::builder()
        .show_progress(false)
        .vocab_size(u32::try_from(room).map_err(|e| e.to_string())?)
        .build()
        .map_err(|e| e.to_string())?;
    let mut model = Unigram::default();
    // One thread: sums over chunks would otherwise depend on the number of cores.
    rayon::ThreadPoolBuilder::new()
        .num_threads(1)
        .build()
        .map_err(|e| e.to_string())?
        .install(|| trainer.do_train(words.into_iter().collect(), &mut model))
        .map_err(|e| e.to_string())?;
    let mut pieces: Vec<(String, f64)> = model.iter().cloned().collect();
    settle_rare_characters(&mut pieces);
    pieces.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    pieces.truncate(room);
    Ok(pieces)
}

/// The trainer gives characters it hardly saw the lowest score, `RARE_STEP` apart, in the order
/// of a hash table. This gives the same scores in the order of the characters.
fn settle_rare_characters(pieces: &mut [(String, f64)]) {
    let single = |piece: &(String, f64)| piece.0.chars().count() == 1;
    let singles = pieces.iter().filter(|piece| single(piece)).count();
    let lowest = pieces.iter().filter(|piece| single(piece));
    let lowest = lowest.map(|piece| piece.1).fold(f64::INFINITY, f64::min);
    let limit = lowest + RARE_STEP * singles as f64;
    let mut rare: Vec<&mut (String, f64)> = pieces
        .iter_mut()
        .filter(|piece| single(piece) && piece.1 <= limit)
        .collect();
    rare.sort_by(|a, b| a.0.cmp(&b.0));
    for (place, piece) in rare.into_iter().enumerate() {
        piece.1 = lowest + RARE_STEP * place as f64;
    }
}

fn assemble(pieces: Vec<(String, f64)>, sentinels: usize) -> Result<Tokenizer, String> {
    let sentinels: Vec<String> = (0..sentinels)
        .rev()
        .map(|i| format!("<extra_id_{i}>"))
        .collect();
    let special = |token: &str| (token.to_string(), 0.0);
    let vocabulary = SPECIALS
        .into_iter()
        .map(special)
        .chain(pieces)
        .chain(sentinels.iter().map(|token| special(token)))
        .collect();
    let model = Unigram::from(vocabulary, Some(UNK as usize), false).map_err(|e| e.to_string())?;
    let eos = TemplateProcessing::builder()
        .try_single("$A </s>")
        .and_then(|builder| builder.try_pair("$A </s> $B </s>"))
        .map(|builder| builder.special_tokens(vec![("</s>", EOS)]).build());
    let eos = eos.map_err(|e| e.to_string())?.map_err(|e| e.to_string())?;
    let metaspace = Metaspace::default();
    let mut tokenizer = tokenizers::Tokenizer::new(model);
    tokenizer.with_normalizer(Some(NFKC));
    tokenizer.with_pre_tokenizer(Some(Sequence::new(vec![
        PreTokenizerWrapper::WhitespaceSplit(WhitespaceSplit),
        PreTokenizerWrapper::Metaspace(metaspace.clone()),
    ])));
    tokenizer.with_post_processor(Some(eos));
    tokenizer.with_decoder(Some(metaspace));
    let tokens: Vec<AddedToken> = SPECIALS
        .into_iter()
        .chain(sentinels.iter().map(String::as_str))
        .map(|token| AddedToken::from(token, true))
        .collect();
    tokenizer.add_special_tokens(&tokens);
    Tokenizer::new(tokenizer)
}
