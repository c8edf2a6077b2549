//! The tokenizer of a GGUF file's metadata, as the tokenizer.json of the model that it was made from.

use std::path::Path;

use serde_json::json;

use super::parts::{
    AddedPart, ByteLevelPart, DecoderPart, LLAMA3_WORDS, NormalizerPart, Pattern, QWEN2_WORDS,
    SplitPart, TokenizerPart,
};
use super::vocabulary::{MOST_PIECES, Merge, ModelPart, Pieces};
use super::{Tokenizer, TokenizerError, file, guarded};

/// `tokenizer.ggml.*` of a GGUF file.
#[derive(Clone, Debug, Default)]
pub struct GgufVocabulary {
    pub model: String,
    pub pre: String,
    pub tokens: Vec<String>,
    /// `token_type`: what each token is; empty where all are ordinary.
    pub kinds: Vec<i64>,
    pub merges: Vec<String>,
    /// `add_bos_token`, if said, and `bos_token_id`.
    pub begin: (Option<bool>, Option<u32>),
    /// The same of the end of a text.
    pub end: (Option<bool>, Option<u32>),
}

/// llama.cpp's kinds of tokens.
const UNKNOWN: i64 = 2;
const CONTROL: i64 = 3;
const USER_DEFINED: i64 = 4;
const UNUSED: i64 = 5;

/// How a text is split into words.
#[derive(Clone, Copy, PartialEq)]
enum Words {
    Gpt2,
    SmolLm,
    Qwen2,
    Llama3,
}

impl Words {
    fn named(pre: &str) -> Option<Self> {
        match pre {
            "gpt-2" | "gpt2" => Some(Words::Gpt2),
            "smollm" => Some(Words::SmolLm),
            "qwen2" | "deepseek-r1-qwen" => Some(Words::Qwen2),
            "llama-bpe" | "llama3" | "llama-v3" => Some(Words::Llama3),
            _ => None,
        }
    }

    fn split(self) -> SplitPart {
        let bytes = |use_regex| {
            SplitPart::ByteLevel(ByteLevelPart {
                add_prefix_space: false,
                use_regex,
            })
        };
        let by = |words: &str| SplitPart::Split {
            pattern: Pattern::Regex(words.into()),
            behavior: tokenizers::SplitDelimiterBehavior::Isolated,
            invert: false,
        };
        let digits = SplitPart::Digits {
            individual_digits: true,
        };
        let pretokenizers = match self {
            Words::Gpt2 => vec![bytes(true)],
            Words::SmolLm => vec![digits, bytes(true)],
            Words::Qwen2 => vec![by(QWEN2_WORDS), bytes(false)],
            Words::Llama3 => vec![by(LLAMA3_WORDS), bytes(false)],
        };
        SplitPart::Sequence { pretokenizers }
    }
}

impl Tokenizer {
    /// The tokenizer of a GGUF file; `path` is what errors call it.
    ///
    /// # Errors
    /// There is none in the metadata, or one that is not byte-level BPE with the words of GPT-2, SmolLM, Qwen2 or
    /// Llama 3.
    pub fn from_gguf(vocabulary: GgufVocabulary, path: &Path) -> Result<Tokenizer, TokenizerError> {
        guarded(|| build(vocabulary)).map_err(|what| TokenizerError::Foreign {
            path: path.to_path_buf(),
            what,
            fix: "give the model as a Hugging Face folder, with its tokenizer.json",
        })
    }
}

fn build(vocabulary: GgufVocabulary) -> Result<Tokenizer, String> {
    let GgufVocabulary {
        model,
        pre,
        mut tokens,
        mut kinds,
        merges,
        begin,
        end,
    } = vocabulary;
    if model != "gpt2" {
        return Err(match model.as_str() {
            "" => "it has no tokenizer".into(),
            "llama" => "its tokenizer is SentencePiece's, which is not read from GGUF".into(),
            other => format!("its tokenizer is {other:.40}, not byte-level BPE (gpt2)"),
        });
    }
    let words = Words::named(&pre)
        .ok_or_else(|| format!("its texts are split by {pre:.40}, which is not known here"))?;
    if tokens.len() > MOST_PIECES {
        return Err(format!("no tokenizer: more than {MOST_PIECES} pieces"));
    }
    if kinds.is_empty() {
        kinds.resize(tokens.len(), 1);
    }
    if kinds.len() != tokens.len() {
        return Err(format!(
            "it has {} tokens and says of {} what they are",
            tokens.len(),
            kinds.len()
        ));
    }
    // Rows of the embedding that no token has.
    let used = kinds.iter().rposition(|kind| *kind != UNUSED);
    let used = used.map_or(0, |last| last + 1);
    tokens.truncate(used);
    kinds.truncate(used);

    let added = |kind: &i64| [UNKNOWN, CONTROL, USER_DEFINED, UNUSED].contains(kind);
    let kinds_and_tokens = kinds.iter().zip(&tokens).enumerate();
    let added_tokens: Vec<AddedPart> = kinds_and_tokens
        .filter(|(_, (kind, _))| added(kind))
        .map(|(id, (kind, token))| AddedPart {
            id: id as u32,
            content: token.clone(),
            special: *kind != USER_DEFINED,
            single_word: false,
            lstrip: false,
            rstrip: false,
            normalized: false,
        })
        .collect();
    // As in the files that these were made from, tokens that follow all pieces are no pieces.
    let pieces = kinds.iter().rposition(|kind| !added(kind));
    let pieces = pieces.map_or(0, |last| last + 1);
    let frame = [
        (begin, words == Words::Llama3, "begin"),
        (end, false, "end"),
    ]
    .map(
        |((flag, id), default, what)| match (flag.unwrap_or(default), id) {
            (false, _) => Ok(None),
            (true, Some(id)) if (id as usize) < tokens.len() => {
                Ok(Some(tokens[id as usize].clone()))
            }
            (true, _) => Err(format!("the {what} of its texts is marked by no token")),
        },
    );
    let [before, after] = frame;
    let special = |token: String| json!({"SpecialToken": {"id": token, "type_id": 0}});
    let text = json!({"Sequence": {"id": "A", "type_id": 0}});
    let single: Vec<_> = (before?.map(special).into_iter())
        .chain([text])
        .chain(after?.map(special))
        .collect();
    let numbered = tokens.into_iter().take(pieces).zip(0..).collect();
    file::build(TokenizerPart {
        added_tokens,
        // llama.cpp leaves it out; Qwen's own tokenizer has it.
        normalizer: (words == Words::Qwen2).then_some(NormalizerPart::Nfc),
        pre_tokenizer: Some(words.split()),
        post_processor: Some(json!({"type": "TemplateProcessing", "single": single})),
        decoder: Some(DecoderPart::ByteLevel),
        model: ModelPart {
            kind: Some("BPE".into()),
            vocab: Pieces::Numbered(numbered),
            merges: merges.into_iter().map(Merge::Line).collect(),
            ignore_merges: words == Words::Llama3,
            ..ModelPart::default()
        },
    })
}
