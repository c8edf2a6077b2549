//! What a tokenizer file may consist of, as checked values: the normalizers, splits and decoders of T5, of byte-level
//! BPE (Llama, Qwen, SmolLM2) and of BERT.
//!
//! A file's parts never reach the library unchecked: some of them end the program on the first text, or make
//! gigabytes of it. Must not know files.

use serde::Deserialize;
use serde_json::Value;
use tokenizers::SplitDelimiterBehavior;
use tokenizers::decoders::DecoderWrapper;
use tokenizers::decoders::metaspace::{Metaspace, PrependScheme};
use tokenizers::decoders::wordpiece::WordPiece as WordPieceDecoder;
use tokenizers::normalizers::replace::ReplacePattern;
use tokenizers::normalizers::{
    BertNormalizer, Lowercase, NFC, NFD, NFKC, NFKD, Nmt, NormalizerWrapper, Replace, Strip,
};
use tokenizers::pre_tokenizers::PreTokenizerWrapper;
use tokenizers::pre_tokenizers::bert::BertPreTokenizer;
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::pre_tokenizers::digits::Digits;
use tokenizers::pre_tokenizers::split::{Split, SplitPattern};
use tokenizers::pre_tokenizers::whitespace::WhitespaceSplit;

use super::charsmap;
use super::vocabulary::ModelPart;
use crate::text::unigram::WORD_START;

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
    BertNormalizer {
        clean_text: bool,
        handle_chinese_chars: bool,
        strip_accents: Option<bool>,
        lowercase: bool,
    },
}

#[derive(Deserialize)]
pub(super) enum Pattern {
    String(String),
    Regex(String),
}

impl NormalizerPart {
    /// The names of it and of all inside it.
    pub fn names(&self, into: &mut Vec<&'static str>) {
        into.push(match self {
            NormalizerPart::Sequence { normalizers } => {
                return normalizers.iter().for_each(|part| part.names(into));
            }
            NormalizerPart::Precompiled { .. } | NormalizerPart::Charsmap(_) => "Precompiled",
            NormalizerPart::Nfc => "NFC",
            NormalizerPart::Nfd => "NFD",
            NormalizerPart::Nfkc => "NFKC",
            NormalizerPart::Nfkd => "NFKD",
            NormalizerPart::Nmt => "Nmt",
            NormalizerPart::Lowercase => "Lowercase",
            NormalizerPart::Strip { .. } => "Strip",
            NormalizerPart::Replace { .. } => "Replace",
            NormalizerPart::BertNormalizer { .. } => "BertNormalizer",
        });
    }

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
            NormalizerPart::BertNormalizer {
                clean_text,
                handle_chinese_chars,
                strip_accents,
                lowercase,
            } => BertNormalizer::new(clean_text, handle_chinese_chars, strip_accents, lowercase)
                .into(),
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

/// The expressions that published tokenizers split texts by. One of a stranger's could take for ever.
pub(super) const LLAMA3_WORDS: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
pub(super) const QWEN2_WORDS: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

/// What splits a text into words.
#[derive(Deserialize)]
#[serde(tag = "type")]
pub(super) enum SplitPart {
    Sequence {
        pretokenizers: Vec<SplitPart>,
    },
    WhitespaceSplit,
    Metaspace(MetaspacePart),
    Digits {
        individual_digits: bool,
    },
    Split {
        pattern: Pattern,
        behavior: SplitDelimiterBehavior,
        invert: bool,
    },
    ByteLevel(ByteLevelPart),
    BertPreTokenizer,
}

/// Bytes as printable characters, split into words as GPT-2 does unless something before it has.
#[derive(Deserialize)]
pub(super) struct ByteLevelPart {
    #[serde(default)]
    pub add_prefix_space: bool,
    #[serde(default = "yes")]
    pub use_regex: bool,
}

fn yes() -> bool {
    true
}

impl SplitPart {
    /// The names of it and of all inside it.
    pub fn names(&self, into: &mut Vec<&'static str>) {
        into.push(match self {
            SplitPart::Sequence { pretokenizers } => {
                return pretokenizers.iter().for_each(|part| part.names(into));
            }
            SplitPart::WhitespaceSplit => "WhitespaceSplit",
            SplitPart::Metaspace(_) => "Metaspace",
            SplitPart::Digits { .. } => "Digits",
            SplitPart::Split { .. } => "Split",
            SplitPart::ByteLevel(_) => "ByteLevel",
            SplitPart::BertPreTokenizer => "BertPreTokenizer",
        });
    }

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
            SplitPart::Digits { individual_digits } => Digits::new(individual_digits).into(),
            SplitPart::Split {
                pattern: Pattern::Regex(text),
                behavior: behavior @ SplitDelimiterBehavior::Isolated,
                invert: false,
            } if [LLAMA3_WORDS, QWEN2_WORDS].contains(&text.as_str()) => {
                let split = Split::new(SplitPattern::Regex(text), behavior, false);
                split
                    .map_err(|error| format!("its Split cannot be used: {error}"))?
                    .into()
            }
            SplitPart::Split {
                pattern: Pattern::String(text) | Pattern::Regex(text),
                ..
            } => {
                return Err(format!(
                    "its Split is none of the published tokenizers' that are known here: {text:.100}"
                ));
            }
            SplitPart::ByteLevel(part) => {
                ByteLevel::new(part.add_prefix_space, true, part.use_regex).into()
            }
            SplitPart::BertPreTokenizer => BertPreTokenizer.into(),
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
    ByteLevel,
    WordPiece { prefix: String, cleanup: bool },
}

impl DecoderPart {
    /// The names of it and of all inside it.
    pub fn names(&self, into: &mut Vec<&'static str>) {
        into.push(match self {
            DecoderPart::Sequence { decoders } => {
                return decoders.iter().for_each(|part| part.names(into));
            }
            DecoderPart::Metaspace(_) => "Metaspace",
            DecoderPart::ByteLevel => "ByteLevel",
            DecoderPart::WordPiece { .. } => "WordPiece",
        });
    }

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
            DecoderPart::ByteLevel => into.push(ByteLevel::default().into()),
            DecoderPart::WordPiece { prefix, .. } if prefix != CONTINUATION => {
                return Err(format!(
                    "its WordPiece continues words with {prefix:?}, BERT's with {CONTINUATION:?}"
                ));
            }
            DecoderPart::WordPiece { prefix, cleanup } => {
                into.push(WordPieceDecoder::new(prefix, cleanup).into());
            }
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

/// What BERT writes before a piece that continues a word.
pub(super) const CONTINUATION: &str = "##";

/// A `tokenizer.json` as far as this program reads it. Padding and truncation are this program's own.
#[derive(Deserialize)]
pub(super) struct TokenizerPart {
    #[serde(default)]
    pub added_tokens: Vec<AddedPart>,
    pub normalizer: Option<NormalizerPart>,
    pub pre_tokenizer: Option<SplitPart>,
    /// What comes around the ids. T5's is this program's own.
    pub post_processor: Option<Value>,
    pub decoder: Option<DecoderPart>,
    pub model: ModelPart,
}
