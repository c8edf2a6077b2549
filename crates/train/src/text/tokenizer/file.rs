//! The door for tokenizer files: reads `tokenizer.json` or `spiece.model`, and refuses what would end the program.
//!
//! Sizes are bounded before anything is parsed, and the library is given only checked parts: it recurses as deep
//! as a piece is long, and neither that nor a huge allocation can be caught.

use std::collections::HashSet;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use tokenizers::decoders::DecoderWrapper;
use tokenizers::normalizers::{self, NormalizerWrapper};
use tokenizers::pre_tokenizers::{self, PreTokenizerWrapper};
use tokenizers::{AddedToken, Model, NormalizedString, Normalizer};

use super::frame::Frame;
use super::parts::{AddedPart, TokenizerPart};
use super::vocabulary::Kind;
use super::{FIX, Tokenizer, TokenizerError, sentinel_index};

/// Bytes of a tokenizer file. T5's are 2.4 MB at most, the largest published T5's and Llama 3's are 17 MB.
const LARGEST_FILE: u64 = 32 << 20;
/// Longest piece or added token in bytes; the library recurses once for each of them.
pub(super) const LONGEST_PIECE: usize = 512;
/// Tokens beside the pieces, special tokens and sentinels included.
const MOST_ADDED: usize = 20_000;

/// The content of a tokenizer file, if it is not too large to be one.
pub(in crate::text) fn content(path: &Path) -> Result<Vec<u8>, TokenizerError> {
    let failed = |source| TokenizerError::Io {
        path: path.to_path_buf(),
        source,
    };
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(failed)?;
    file.take(LARGEST_FILE + 1)
        .read_to_end(&mut bytes)
        .map_err(failed)?;
    if bytes.len() as u64 > LARGEST_FILE {
        return Err(TokenizerError::Foreign {
            path: path.to_path_buf(),
            what: format!("no tokenizer: more than {} MB", LARGEST_FILE >> 20),
            fix: FIX,
        });
    }
    if bytes.starts_with(b"version https://git-lfs.github.com/spec/") {
        return Err(TokenizerError::Foreign {
            path: path.to_path_buf(),
            what: "is a Git LFS pointer, not the file itself".into(),
            fix: "run `git lfs pull` in its folder, or download the file",
        });
    }
    Ok(bytes)
}

/// The tokenizer of a `tokenizer.json`.
pub(super) fn from_json(json: &[u8]) -> Result<Tokenizer, String> {
    let parts: TokenizerPart =
        serde_json::from_slice(json).map_err(|error| format!("no tokenizer: {error}"))?;
    build(parts)
}

/// The parts that tokenizers of a kind consist of.
struct Allowed {
    /// Whose they are.
    owner: &'static str,
    normalizers: &'static [&'static str],
    splits: &'static [&'static str],
    /// The split that is last and there once: what it writes cannot be a control token.
    last: &'static str,
    decoder: &'static str,
}

impl Allowed {
    fn of(kind: Kind) -> Self {
        match kind {
            Kind::Unigram => Allowed {
                owner: "T5's",
                normalizers: &[
                    "Precompiled",
                    "NFC",
                    "NFD",
                    "NFKC",
                    "NFKD",
                    "Nmt",
                    "Lowercase",
                    "Strip",
                    "Replace",
                ],
                splits: &["WhitespaceSplit", "Metaspace"],
                // Spaces are written as ▁, so that no piece with a space in it is ever found.
                last: "Metaspace",
                decoder: "Metaspace",
            },
            Kind::BytePairs => Allowed {
                owner: "byte-level BPE's",
                normalizers: &["NFC"],
                splits: &["Digits", "Split", "ByteLevel"],
                last: "ByteLevel",
                decoder: "ByteLevel",
            },
            Kind::WordPieces => Allowed {
                owner: "BERT's",
                normalizers: &["BertNormalizer"],
                splits: &["BertPreTokenizer"],
                last: "BertPreTokenizer",
                decoder: "WordPiece",
            },
        }
    }

    fn check(&self, parts: &TokenizerPart) -> Result<(), String> {
        let Allowed { owner, last, .. } = self;
        let refuse = |name: &str| Err(format!("its {name} is no part of {owner} tokenizers"));
        let mut names = Vec::new();
        if let Some(part) = &parts.normalizer {
            part.names(&mut names);
        }
        if let Some(name) = names.iter().find(|name| !self.normalizers.contains(name)) {
            return refuse(name);
        }
        if names
            .iter()
            .filter(|name| **name == "BertNormalizer")
            .count()
            > 1
        {
            return Err("it has more than one BertNormalizer".into());
        }
        let mut names = Vec::new();
        match &parts.pre_tokenizer {
            Some(part) => part.names(&mut names),
            None => return Err(format!("there is no pre-tokenizer, {owner} is {last}")),
        }
        if let Some(name) = names.iter().find(|name| !self.splits.contains(name)) {
            return refuse(name);
        }
        let times = names.iter().filter(|name| *name == last).count();
        if names.last() != Some(last) || times != 1 {
            return Err(format!(
                "its pre-tokenizer does not end with one {last}, as {owner} does"
            ));
        }
        let mut names = Vec::new();
        match &parts.decoder {
            Some(part) => part.names(&mut names),
            None => return Err(format!("there is no decoder, {owner} is {}", self.decoder)),
        }
        match names.iter().find(|name| **name != self.decoder) {
            Some(name) => refuse(name),
            None => Ok(()),
        }
    }
}

/// The tokenizer of checked parts.
pub(super) fn build(parts: TokenizerPart) -> Result<Tokenizer, String> {
    let kind = parts.model.kind()?;
    Allowed::of(kind).check(&parts)?;
    let special = parts.added_tokens.iter().filter(|token| token.special);
    let controls = special.map(|token| token.content.as_str()).collect();
    let model = parts.model.build(&controls)?;
    let pieces = model.get_vocab_size();
    let mut tokenizer = tokenizers::Tokenizer::new(model);
    if let Some(part) = parts.normalizer {
        let alone = part.is_alone();
        let mut built = Vec::new();
        part.build(&mut built)?;
        tokenizer.with_normalizer(match (alone, built.pop()) {
            (true, only) => only,
            (false, last) => {
                built.extend(last);
                let sequence = normalizers::Sequence::new(built);
                Some(NormalizerWrapper::Sequence(sequence))
            }
        });
    }
    if let Some(splits) = parts.pre_tokenizer {
        let alone = splits.is_alone();
        let mut built = Vec::new();
        splits.build(&mut built)?;
        tokenizer.with_pre_tokenizer(match alone {
            true => built.pop(),
            false => Some(PreTokenizerWrapper::Sequence(
                pre_tokenizers::sequence::Sequence::new(built),
            )),
        });
    }
    if let Some(decoder) = parts.decoder {
        let alone = decoder.is_alone();
        let mut built = Vec::new();
        decoder.build(&mut built)?;
        tokenizer.with_decoder(match alone {
            true => built.pop(),
            false => Some(DecoderWrapper::Sequence(
                tokenizers::decoders::sequence::Sequence::new(built),
            )),
        });
    }
    add(&mut tokenizer, parts.added_tokens, pieces)?;
    match kind {
        Kind::Unigram => Tokenizer::new(tokenizer),
        Kind::BytePairs | Kind::WordPieces => {
            let frame = Frame::read(parts.post_processor, &tokenizer)?;
            Tokenizer::framed(tokenizer, frame)
        }
    }
}

/// Adds the tokens beside the pieces, each of which has its id in the file.
fn add(
    tokenizer: &mut tokenizers::Tokenizer,
    tokens: Vec<AddedPart>,
    pieces: usize,
) -> Result<(), String> {
    if tokens.len() > MOST_ADDED {
        return Err(format!(
            "it has {} added tokens, {MOST_ADDED} are allowed",
            tokens.len()
        ));
    }
    let mut next = pieces;
    let mut seen = HashSet::new();
    let mut added = Vec::new();
    for token in &tokens {
        let content = &token.content;
        if content.is_empty() || content.len() > LONGEST_PIECE {
            return Err(format!(
                "added token {} is {} bytes long; from 1 to {LONGEST_PIECE} are allowed",
                token.id,
                content.len()
            ));
        }
        if !seen.insert(content) {
            return Err(format!("added token {content:?} is there twice"));
        }
        let id = tokenizer.token_to_id(content).unwrap_or_else(|| {
            next += 1;
            next as u32 - 1
        });
        if id != token.id {
            return Err(format!(
                "added token {content:?} has id {} where {id} is the next",
                token.id
            ));
        }
        // A sentinel is one even where a file forgot to say so.
        let special = token.special || sentinel_index(content).is_some();
        added.push(
            AddedToken::from(content.as_str(), special)
                .normalized(token.normalized)
                .single_word(token.single_word)
                .lstrip(token.lstrip)
                .rstrip(token.rstrip),
        );
    }
    for token in added.iter().filter(|token| token.normalized) {
        let mut content = NormalizedString::from(token.content.as_str());
        if let Some(normalizer) = tokenizer.get_normalizer() {
            normalizer
                .normalize(&mut content)
                .map_err(|error| error.to_string())?;
        }
        // It would be found between any two characters.
        if content.is_empty() {
            return Err(format!("added token {:?} is no text", token.content));
        }
    }
    tokenizer.add_tokens(&added);
    Ok(())
}
