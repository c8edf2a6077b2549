//! What a tokenizer file may consist of: T5's normalizers, splits and decoders, as checked values.
//!
//! A file's parts never reach the library unchecked: some of them end the program on the first text, or make
//! gigabytes of it. Must not know files.

use serde::de::{Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use tokenizers::decoders::DecoderWrapper;
use tokenizers::decoders::metaspace::{Metaspace, PrependScheme};
use tokenizers::normalizers::replace::ReplacePattern;
use tokenizers::normalizers::{
    Lowercase, NFC, NFD, NFKC, NFKD, Nmt, NormalizerWrapper, Replace, Strip,
};
use tokenizers::pre_tokenizers::PreTokenizerWrapper;
use tokenizers::pre_tokenizers::whitespace::WhitespaceSplit;

use super::charsmap;
use crate::text::unigram::WORD_START;

/// Pieces of a model. T5's are 32 100, the largest published T5's 256 000.
pub(super) const MOST_PIECES: usize = 500_000;
/// Parts of one kind in a file.
const MOST_PARTS: usize = 16;
/// Longest text that a Replace looks for, in characters.
const LONGEST_PATTERN: usize = 64;
/// The one expression of T5's tokenizers, as Transformers converts them: runs of spaces.
const SPACES: &str = " {2,}";

/// A normalizer of a file.
#[derive(Deserialize)]
#[serde(tag = "type")]
pub(super) enum NormalizerPart {
    Sequence {
        normalizers: Vec<NormalizerPart>,
    },
    Precompiled {
        precompiled_charsmap: String,
    },
    /// The same as the bytes of a SentencePiece model.
    #[serde(skip)]
    Charsmap(Vec<u8>),
    #[serde(rename = "NFC")]
    Nfc,
    #[serde(rename = "NFD")]
    Nfd,
    #[serde(rename = "NFKC")]
    Nfkc,
    #[serde(rename = "NFKD")]
    Nfkd,
    Nmt,
    Lowercase,
    Strip {
        strip_left: bool,
        strip_right: bool,
    },
    Replace {
        pattern: Pattern,
        content: String,
    },
}

#[derive(Deserialize)]
pub(super) enum Pattern {
    String(String),
    Regex(String),
}

impl NormalizerPart {
    pub fn is_alone(&self) -> bool {
        !matches!(self, NormalizerPart::Sequence { .. })
    }

    /// The library's normalizers in their order.
    pub fn build(self, into: &mut Vec<NormalizerWrapper>) -> Result<(), String> {
        let built = match self {
            NormalizerPart::Sequence { normalizers } => {
                return normalizers
                    .into_iter()
                    .try_for_each(|part| part.build(into));
            }
            NormalizerPart::Precompiled {
                precompiled_charsmap,
            } => {
                let bytes = base64::decode(precompiled_charsmap)
                    .map_err(|error| format!("its precompiled_charsmap is no base64: {error}"))?;
                return NormalizerPart::Charsmap(bytes).build(into);
            }
            // Each may make a text longer.
            NormalizerPart::Charsmap(_)
                if into
                    .iter()
                    .any(|part| matches!(part, NormalizerWrapper::Precompiled(_))) =>
            {
                return Err("it has more than one precompiled_charsmap".into());
            }
            NormalizerPart::Charsmap(bytes) => charsmap::read(&bytes)?.into(),
            NormalizerPart::Nfc => NFC.into(),
            NormalizerPart::Nfd => NFD.into(),
            NormalizerPart::Nfkc => NFKC.into(),
            NormalizerPart::Nfkd => NFKD.into(),
            NormalizerPart::Nmt => Nmt.into(),
            NormalizerPart::Lowercase => Lowercase.into(),
            NormalizerPart::Strip {
                strip_left,
                strip_right,
            } => Strip::new(strip_left, strip_right).into(),
            NormalizerPart::Replace { pattern, content } => replace(pattern, content)?.into(),
        };
        into.push(built);
        within(into.len(), "normalizers")
    }
}

/// A replacement that cannot make a text longer.
fn replace(pattern: Pattern, content: String) -> Result<Replace, String> {
    let (pattern, least) = match pattern {
        Pattern::String(text) => {
            let least = text.chars().count();
            (ReplacePattern::String(text), least)
        }
        Pattern::Regex(text) if text == SPACES => (ReplacePattern::Regex(text), 2),
        Pattern::Regex(text) => {
            return Err(format!(
                "its normalizer replaces by an expression that T5's tokenizers do not have: {text:.100}"
            ));
        }
    };
    if least == 0 || least > LONGEST_PATTERN || content.chars().count() > least {
        return Err("its normalizer has a Replace that makes texts longer".into());
    }
    Replace::new(pattern, content).map_err(|error| format!("its Replace cannot be used: {error}"))
}

/// The character that stands for spaces and marks the start of a word.
#[derive(Deserialize)]
pub(super) struct MetaspacePart {
    replacement: char,
    prepend_scheme: Option<PrependScheme>,
    add_prefix_space: Option<bool>,
    split: Option<bool>,
}

impl Default for MetaspacePart {
    /// T5's.
    fn default() -> Self {
        MetaspacePart {
            replacement: WORD_START,
            prepend_scheme: None,
            add_prefix_space: None,
            split: None,
        }
    }
}

impl MetaspacePart {
    fn build(self) -> Result<Metaspace, String> {
        if self.replacement != WORD_START {
            let found = self.replacement;
            return Err(format!(
                "its Metaspace writes spaces as {found:?}, T5's as {WORD_START:?}"
            ));
        }
        let default = match self.add_prefix_space {
            Some(false) => PrependScheme::Never,
            _ => PrependScheme::Always,
        };
        let scheme = self.prepend_scheme.unwrap_or(default);
        if self.add_prefix_space == Some(false) && scheme != PrependScheme::Never {
            return Err("its Metaspace has add_prefix_space and prepend_scheme disagree".into());
        }
        Ok(Metaspace::new(
            self.replacement,
            scheme,
            self.split.unwrap_or(true),
        ))
    }
}

/// What splits a text into words.
#[derive(Deserialize)]
#[serde(tag = "type")]
pub(super) enum SplitPart {
    Sequence { pretokenizers: Vec<SplitPart> },
    WhitespaceSplit,
    Metaspace(MetaspacePart),
}

impl SplitPart {
    pub fn is_alone(&self) -> bool {
        !matches!(self, SplitPart::Sequence { .. })
    }

    /// The library's splits in their order.
    pub fn build(self, into: &mut Vec<PreTokenizerWrapper>) -> Result<(), String> {
        let built = match self {
            SplitPart::Sequence { pretokenizers } => {
                return pretokenizers
                    .into_iter()
                    .try_for_each(|part| part.build(into));
            }
            SplitPart::WhitespaceSplit => PreTokenizerWrapper::WhitespaceSplit(WhitespaceSplit),
            SplitPart::Metaspace(part) => PreTokenizerWrapper::Metaspace(part.build()?),
        };
        into.push(built);
        within(into.len(), "pre-tokenizers")
    }
}

/// What makes a text of pieces.
#[derive(Deserialize)]
#[serde(tag = "type")]
pub(super) enum DecoderPart {
    Sequence { decoders: Vec<DecoderPart> },
    Metaspace(MetaspacePart),
}

impl DecoderPart {
    pub fn is_alone(&self) -> bool {
        !matches!(self, DecoderPart::Sequence { .. })
    }

    /// The library's decoders in their order.
    pub fn build(self, into: &mut Vec<DecoderWrapper>) -> Result<(), String> {
        match self {
            DecoderPart::Sequence { decoders } => {
                return decoders.into_iter().try_for_each(|part| part.build(into));
            }
            DecoderPart::Metaspace(part) => into.push(part.build()?.into()),
        }
        within(into.len(), "decoders")
    }
}

fn within(count: usize, what: &str) -> Result<(), String> {
    if count > MOST_PARTS {
        return Err(format!("it has more than {MOST_PARTS} {what}"));
    }
    Ok(())
}

/// A token that is found in a text before it is split, or a name for a piece.
#[derive(Deserialize)]
pub(super) struct AddedPart {
    pub id: u32,
    pub content: String,
    #[serde(default)]
    pub single_word: bool,
    #[serde(default)]
    pub lstrip: bool,
    #[serde(default)]
    pub rstrip: bool,
    #[serde(default)]
    pub normalized: bool,
    #[serde(default)]
    pub special: bool,
}

/// A `tokenizer.json` as far as this program reads it. What comes after the ids (eos, padding, truncation) is
/// this program's own.
#[derive(Deserialize)]
pub(super) struct TokenizerPart {
    #[serde(default)]
    pub added_tokens: Vec<AddedPart>,
    pub normalizer: Option<NormalizerPart>,
    pub pre_tokenizer: Option<SplitPart>,
    pub decoder: Option<DecoderPart>,
    pub model: ModelPart,
}

#[derive(Deserialize)]
pub(super) struct ModelPart {
    #[serde(rename = "type")]
    pub kind: Option<String>,
    pub unk_id: Option<usize>,
    pub vocab: Pieces,
    #[serde(default)]
    pub byte_fallback: bool,
}

/// A unigram model's pieces with their scores; none for another model's.
pub(super) struct Pieces(pub Option<Vec<(String, f64)>>);

impl<'de> Deserialize<'de> for Pieces {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PiecesVisitor)
    }
}

struct PiecesVisitor;

impl<'de> Visitor<'de> for PiecesVisitor {
    type Value = Pieces;

    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("pieces with their scores")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Pieces, A::Error> {
        let mut pieces = Vec::new();
        while let Some(piece) = list.next_element()? {
            pieces.push(piece);
            if pieces.len() > MOST_PIECES {
                return Err(A::Error::custom(format!("more than {MOST_PIECES} pieces")));
            }
        }
        Ok(Pieces(Some(pieces)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pieces, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Pieces(None))
    }
}
