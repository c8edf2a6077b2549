//! The door for tokenizer files: reads `tokenizer.json` or `spiece.model`, and refuses what would end the program.
//!
//! Sizes are bounded before anything is parsed, and the library is given only checked parts: it recurses as deep
//! as a piece is long, and neither that nor a huge allocation can be caught.

use std::collections::HashSet;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use tokenizers::decoders::DecoderWrapper;
use tokenizers::models::unigram::Unigram;
use tokenizers::normalizers::{self, NormalizerWrapper};
use tokenizers::pre_tokenizers::{self, PreTokenizerWrapper};
use tokenizers::{AddedToken, NormalizedString, Normalizer};

use super::parts::{AddedPart, ModelPart, Pieces, TokenizerPart};
use super::{FIX, Tokenizer, TokenizerError, UNK, sentinel_index};

/// Bytes of a tokenizer file. T5's are 2.4 MB at most, the largest published T5's is 17 MB.
const LARGEST_FILE: u64 = 32 << 20;
/// Longest piece or added token in bytes; the library recurses once for each of them.
const LONGEST_PIECE: usize = 512;
/// Bytes of all pieces together; each costs the library about a hundred bytes of memory.
const MOST_PIECE_BYTES: usize = 8 << 20;
/// Tokens beside the pieces, T5's special tokens and sentinels included.
const MOST_ADDED: usize = 20_000;

/// The content of a tokenizer file, if it is not too large to be one.
pub(super) fn content(path: &Path) -> Result<Vec<u8>, TokenizerError> {
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

/// The tokenizer of checked parts.
pub(super) fn build(parts: TokenizerPart) -> Result<Tokenizer, String> {
    let model = model(parts.model)?;
    let pieces = model.iter().count();
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
    let splits = parts
        .pre_tokenizer
        .ok_or("there is no pre-tokenizer, where T5's marks the start of words")?;
    let alone = splits.is_alone();
    let mut built = Vec::new();
    splits.build(&mut built)?;
    // Where spaces are written as ▁, no piece with a space in it is ever found: control tokens rely on it.
    match built.pop() {
        Some(PreTokenizerWrapper::Metaspace(last)) => built.push(last.into()),
        _ => return Err("its pre-tokenizer does not end with Metaspace, as T5's does".into()),
    }
    tokenizer.with_pre_tokenizer(match alone {
        true => built.pop(),
        false => Some(PreTokenizerWrapper::Sequence(
            pre_tokenizers::sequence::Sequence::new(built),
        )),
    });
    let decoder = parts
        .decoder
        .ok_or("there is no decoder, T5's is Metaspace")?;
    let alone = decoder.is_alone();
    let mut built = Vec::new();
    decoder.build(&mut built)?;
    tokenizer.with_decoder(match alone {
        true => built.pop(),
        false => Some(DecoderWrapper::Sequence(
            tokenizers::decoders::sequence::Sequence::new(built),
        )),
    });
    add(&mut tokenizer, parts.added_tokens, pieces)?;
    Tokenizer::new(tokenizer)
}

fn model(part: ModelPart) -> Result<Unigram, String> {
    let ModelPart {
        kind,
        unk_id,
        vocab: Pieces(vocab),
        byte_fallback,
    } = part;
    let (None | Some("Unigram"), Some(vocab)) = (kind.as_deref(), vocab) else {
        return Err("the model is not a unigram model, as T5's is".into());
    };
    let mut seen = HashSet::new();
    let mut bytes = 0;
    for (piece, score) in &vocab {
        bytes += piece.len();
        if piece.len() > LONGEST_PIECE {
            return Err(format!(
                "piece {} is {} bytes long, {LONGEST_PIECE} are allowed",
                seen.len(),
                piece.len()
            ));
        }
        if !score.is_finite() || !seen.insert(piece.as_str()) {
            return Err(format!(
                "piece {} ({piece:?}) is there twice, or has no score",
                seen.len()
            ));
        }
    }
    if bytes > MOST_PIECE_BYTES {
        return Err(format!(
            "its pieces are {bytes} bytes together, {MOST_PIECE_BYTES} are allowed"
        ));
    }
    match unk_id {
        Some(id) if id == UNK as usize => {}
        Some(id) => return Err(format!("the unknown piece has id {id}, T5's has {UNK}")),
        None => return Err("unknown characters cannot be encoded: there is no unk_id".into()),
    }
    Unigram::from(vocab, unk_id, byte_fallback).map_err(|error| error.to_string())
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
