//! The models of tokenizer files: unigram (T5), byte-level BPE (Llama, Qwen, SmolLM2) and WordPiece (BERT), checked
//! before the library builds them.
//!
//! Must not know files.

use std::collections::HashSet;

use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use tokenizers::models::ModelWrapper;
use tokenizers::models::bpe::{BPE, Vocab};
use tokenizers::models::unigram::Unigram;
use tokenizers::models::wordpiece::WordPiece;

use super::UNK;
use super::file::LONGEST_PIECE;
use super::parts::CONTINUATION;

/// Pieces of a model. T5's are 32 100, Qwen2's 151 643, the largest published T5's 256 000.
pub(super) const MOST_PIECES: usize = 500_000;
/// Bytes of all pieces together; each costs the library about a hundred bytes of memory.
const MOST_PIECE_BYTES: usize = 8 << 20;
/// Characters of a word that WordPiece looks for pieces in, which takes time by their square. BERT's are 100.
const LONGEST_WORD: usize = 1_000;

/// What a tokenizer's pieces are found by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Unigram,
    BytePairs,
    WordPieces,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct ModelPart {
    #[serde(rename = "type")]
    pub kind: Option<String>,
    pub vocab: Pieces,
    pub unk_id: Option<usize>,
    pub byte_fallback: bool,
    pub merges: Vec<Merge>,
    pub dropout: Option<f64>,
    pub unk_token: Option<String>,
    pub continuing_subword_prefix: Option<String>,
    pub end_of_word_suffix: Option<String>,
    pub fuse_unk: bool,
    pub ignore_merges: bool,
    pub max_input_chars_per_word: Option<usize>,
}

/// Two pieces that become one, in either of the ways that files have them.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Merge {
    Line(String),
    Pair(String, String),
}

impl Merge {
    fn pair(self) -> Option<(String, String)> {
        match self {
            Merge::Pair(left, right) => Some((left, right)),
            Merge::Line(line) => {
                let (left, right) = line.split_once(' ')?;
                (!right.contains(' ')).then(|| (left.to_string(), right.to_string()))
            }
        }
    }
}

impl ModelPart {
    /// What it is, or the name of what is not read.
    pub fn kind(&self) -> Result<Kind, String> {
        match (self.kind.as_deref(), &self.vocab) {
            (None | Some("Unigram"), Pieces::Scored(_)) => Ok(Kind::Unigram),
            (None | Some("BPE"), Pieces::Numbered(_)) => Ok(Kind::BytePairs),
            (Some("WordPiece"), Pieces::Numbered(_)) => Ok(Kind::WordPieces),
            (kind, _) => Err(format!(
                "the model is {:.40}, none of those that are read: unigram, byte-level BPE, WordPiece",
                kind.unwrap_or("not named")
            )),
        }
    }

    /// The library's model; `controls` are the tokens that no text may become.
    pub fn build(self, controls: &HashSet<&str>) -> Result<ModelWrapper, String> {
        Ok(match self.kind()? {
            Kind::Unigram => unigram(self)?.into(),
            Kind::BytePairs => byte_pairs(self, controls)?.into(),
            Kind::WordPieces => word_pieces(self, controls)?.into(),
        })
    }
}

/// Checks the lengths of pieces, and that none is there twice.
fn check<'a>(pieces: impl Iterator<Item = &'a str>) -> Result<(), String> {
    let mut seen = HashSet::new();
    let mut bytes = 0;
    for (at, piece) in pieces.enumerate() {
        bytes += piece.len();
        if piece.len() > LONGEST_PIECE {
            return Err(format!(
                "piece {at} is {} bytes long, {LONGEST_PIECE} are allowed",
                piece.len()
            ));
        }
        if !seen.insert(piece) {
            return Err(format!("piece {at} ({piece:?}) is there twice"));
        }
    }
    match bytes {
        ..=MOST_PIECE_BYTES => Ok(()),
        _ => Err(format!(
            "its pieces are {bytes} bytes together, {MOST_PIECE_BYTES} are allowed"
        )),
    }
}

fn unigram(part: ModelPart) -> Result<Unigram, String> {
    let pieces = part.vocab.scored();
    check(pieces.iter().map(|(piece, _)| piece.as_str()))?;
    if let Some(at) = pieces.iter().position(|(_, score)| !score.is_finite()) {
        return Err(format!("piece {at} ({:?}) has no score", pieces[at].0));
    }
    match part.unk_id {
        Some(id) if id == UNK as usize => {}
        Some(id) => return Err(format!("the unknown piece has id {id}, T5's has {UNK}")),
        None => return Err("unknown characters cannot be encoded: there is no unk_id".into()),
    }
    Unigram::from(pieces, part.unk_id, part.byte_fallback).map_err(|error| error.to_string())
}

/// Pieces by name, whose ids count up from 0.
fn numbered(vocab: Pieces) -> Result<Vocab, String> {
    let pieces = vocab.numbered();
    check(pieces.iter().map(|(piece, _)| piece.as_str()))?;
    let mut seen = vec![false; pieces.len()];
    for (piece, id) in &pieces {
        match seen.get_mut(*id as usize) {
            Some(seen) if !*seen => *seen = true,
            _ => {
                return Err(format!(
                    "piece {piece:?} has id {id}, where ids count from 0 to {} without gaps",
                    pieces.len() - 1
                ));
            }
        }
    }
    Ok(pieces.into_iter().collect())
}

fn byte_pairs(part: ModelPart, controls: &HashSet<&str>) -> Result<BPE, String> {
    let given = |text: &Option<String>| text.as_deref().is_some_and(|text| !text.is_empty());
    if part.byte_fallback
        || given(&part.continuing_subword_prefix)
        || given(&part.end_of_word_suffix)
    {
        return Err("its BPE is not byte-level, as Llama 3's, Qwen's and SmolLM2's are".into());
    }
    if part.dropout.is_some_and(|dropout| dropout != 0.0) {
        return Err("its BPE drops merges at random, so that a text has no one encoding".into());
    }
    let vocab = numbered(part.vocab)?;
    if let Some(unknown) = &part.unk_token
        && !vocab.contains_key(unknown)
    {
        return Err(format!("its unknown token {unknown:?} is no piece"));
    }
    let mut merges = Vec::with_capacity(part.merges.len());
    for (at, merge) in part.merges.into_iter().enumerate() {
        let (left, right) = merge
            .pair()
            .ok_or_else(|| format!("merge {at} is not of two pieces"))?;
        let merged = format!("{left}{right}");
        // A text is data: nothing that is written in it becomes a control token.
        if controls.contains(merged.as_str()) {
            return Err(format!("merge {at} makes the control token {merged:?}"));
        }
        merges.push((left, right));
    }
    // A word that is a piece is taken whole, and a byte is a piece of one character.
    let spelled = |control: &&&str| part.ignore_merges || control.chars().count() == 1;
    let mut spelled = controls.iter().filter(spelled);
    if let Some(control) = spelled.find(|control| vocab.contains_key(**control)) {
        return Err(format!(
            "a text can be written that is the control token {control:?}"
        ));
    }
    let mut builder = BPE::builder()
        .vocab_and_merges(vocab, merges)
        .fuse_unk(part.fuse_unk)
        .ignore_merges(part.ignore_merges);
    if let Some(unknown) = part.unk_token {
        builder = builder.unk_token(unknown);
    }
    builder
        .build()
        .map_err(|error| format!("its merges cannot be used: {error}"))
}

fn word_pieces(part: ModelPart, controls: &HashSet<&str>) -> Result<WordPiece, String> {
    let vocab = numbered(part.vocab)?;
    let unknown = part.unk_token.unwrap_or_else(|| "[UNK]".into());
    if !vocab.contains_key(&unknown) {
        return Err(format!("its unknown token {unknown:?} is no piece"));
    }
    match part.continuing_subword_prefix.as_deref() {
        None | Some(CONTINUATION) => {}
        Some(other) => {
            return Err(format!(
                "its pieces continue words with {other:?}, BERT's with {CONTINUATION:?}"
            ));
        }
    }
    let longest = part.max_input_chars_per_word.unwrap_or(100);
    if longest > LONGEST_WORD {
        return Err(format!(
            "its max_input_chars_per_word is {longest}, {LONGEST_WORD} are allowed"
        ));
    }
    // Words are split at punctuation, so that no word has any in it.
    let is_word = |control: &&&str| !control.contains(|letter: char| letter.is_ascii_punctuation());
    if let Some(control) = controls.iter().find(is_word) {
        return Err(format!(
            "a text can be written that is the control token {control:?}"
        ));
    }
    WordPiece::builder()
        .vocab(vocab)
        .unk_token(unknown)
        .continuing_subword_prefix(CONTINUATION.into())
        .max_input_chars_per_word(longest)
        .build()
        .map_err(|error| error.to_string())
}

/// A model's pieces: with the scores of a unigram model, or with their ids.
pub(super) enum Pieces {
    Scored(Vec<(String, f64)>),
    Numbered(Vec<(String, u32)>),
}

impl Default for Pieces {
    fn default() -> Self {
        Pieces::Scored(Vec::new())
    }
}

impl Pieces {
    fn scored(self) -> Vec<(String, f64)> {
        match self {
            Pieces::Scored(pieces) => pieces,
            Pieces::Numbered(_) => Vec::new(),
        }
    }

    fn numbered(self) -> Vec<(String, u32)> {
        match self {
            Pieces::Numbered(pieces) => pieces,
            Pieces::Scored(_) => Vec::new(),
        }
    }
}

impl<'de> Deserialize<'de> for Pieces {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PiecesVisitor)
    }
}

struct PiecesVisitor;

impl PiecesVisitor {
    fn within<E: serde::de::Error>(count: usize) -> Result<(), E> {
        match count {
            ..=MOST_PIECES => Ok(()),
            _ => Err(E::custom(format!("more than {MOST_PIECES} pieces"))),
        }
    }
}

impl<'de> Visitor<'de> for PiecesVisitor {
    type Value = Pieces;

    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("pieces with their scores or ids")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Pieces, A::Error> {
        let mut pieces = Vec::new();
        while let Some(piece) = list.next_element()? {
            pieces.push(piece);
            Self::within(pieces.len())?;
        }
        Ok(Pieces::Scored(pieces))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pieces, A::Error> {
        let mut pieces = Vec::new();
        while let Some(piece) = map.next_entry()? {
            pieces.push(piece);
            Self::within(pieces.len())?;
        }
        Ok(Pieces::Numbered(pieces))
    }
}
