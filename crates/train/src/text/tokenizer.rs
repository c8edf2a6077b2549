//! Tokenizers: T5's unigram, the byte-level BPE of Llama 3, Qwen and SmolLM2, BERT's WordPiece. Reads `tokenizer.json`,
//! `spiece.model` or GGUF's metadata, turns text into ids and back.
//!
//! Must not know models or tensors. Ids are those of Transformers' fast tokenizers; decoded text is Transformers'
//! without its cleaning-up of spaces.

mod charsmap;
mod file;
mod folder;
mod frame;
mod gguf;
mod parts;
mod sentencepiece;
mod vocabulary;

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use tokenizers::models::ModelWrapper;
use tokenizers::models::unigram::Unigram;
use tokenizers::processors::template::TemplateProcessing;

pub(super) use file::content;
pub(super) use folder::json;
use frame::Frame;
pub use gguf::GgufVocabulary;

/// T5's padding; also what a decoder starts from.
pub const PAD: u32 = 0;
/// T5's end of a text.
pub const EOS: u32 = 1;
/// A piece of text that is not in T5's vocabulary.
pub const UNK: u32 = 2;

const SPECIALS: [(&str, u32); 3] = [("<pad>", PAD), ("</s>", EOS), ("<unk>", UNK)];
const FIX: &str = "give the tokenizer.json of a T5, Llama, Qwen, SmolLM2 or BERT model";

/// Why a tokenizer could not be read, trained or written.
#[derive(Debug, thiserror::Error)]
pub enum TokenizerError {
    #[error("{path}: {source}", path = path.display())]
    Io { path: PathBuf, source: io::Error },
    /// The file is not a tokenizer of a kind that is read.
    #[error("{path}: {what}; {fix}", path = path.display())]
    Foreign {
        path: PathBuf,
        what: String,
        fix: &'static str,
    },
    /// No vocabulary of that size can be made from these texts.
    #[error("a tokenizer of {vocab_size} pieces cannot be trained: {what}")]
    Training { vocab_size: usize, what: String },
}

/// A model's tokenizer. T5's has pad 0, eos 1, unk 2, pieces, sentinels at the top end.
///
/// A text is only text: what reads like a control token in it (`</s>`, `<extra_id_0>`) is spelled with pieces, as
/// with Transformers' `split_special_tokens`, unless [`Tokenizer::with_special_tokens`] says otherwise.
#[derive(Debug, Clone)]
pub struct Tokenizer {
    /// Its unigram model knows control tokens by names that no text has, unless `special_tokens`; of the other kinds,
    /// no text becomes one.
    inner: tokenizers::Tokenizer,
    /// The control tokens: special tokens and sentinels.
    controls: BTreeMap<u32, String>,
    /// What [`Tokenizer::encode`] puts around the ids of a text.
    frame: Frame,
    vocab_size: usize,
    /// Whether control tokens are found in texts.
    special_tokens: bool,
}

/// Whether a token is `<extra_id_i>`, and its `i`.
fn sentinel_index(token: &str) -> Option<usize> {
    let index = token.strip_prefix("<extra_id_")?.strip_suffix('>')?;
    index.parse().ok()
}

impl Tokenizer {
    /// Reads a `tokenizer.json`.
    ///
    /// # Errors
    /// The file cannot be read, is no tokenizer, or none of a kind that is read.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Tokenizer, TokenizerError> {
        let path = path.as_ref();
        Tokenizer::from_json(&file::content(path)?, path)
    }

    /// Reads the content of a `tokenizer.json`; `path` is what errors call it.
    ///
    /// # Errors
    /// The content is no tokenizer, or none of a kind that is read.
    pub fn from_json(json: &[u8], path: &Path) -> Result<Tokenizer, TokenizerError> {
        guarded(|| file::from_json(json)).map_err(|what| TokenizerError::Foreign {
            path: path.to_path_buf(),
            what,
            fix: FIX,
        })
    }

    /// Wraps a unigram tokenizer, or says why it is not of T5's kind. Its unknown piece is [`UNK`], and its splits write
    /// spaces as `▁`.
    pub(super) fn new(mut inner: tokenizers::Tokenizer) -> Result<Tokenizer, String> {
        let ModelWrapper::Unigram(model) = inner.get_model() else {
            return Err("the model is not a unigram model, as T5's is".into());
        };
        for (token, id) in SPECIALS {
            match inner.token_to_id(token) {
                Some(found) if found == id => {}
                Some(found) => return Err(format!("{token} has id {found}, T5's has {id}")),
                None => return Err(format!("there is no token {token}")),
            }
        }
        let mut controls = BTreeMap::new();
        for (id, (piece, _)) in model.iter().enumerate() {
            if id <= UNK as usize || sentinel_index(piece).is_some() {
                controls.insert(id as u32, piece.clone());
            }
        }
        inner.with_post_processor(Some(ends_with_eos()?));
        let frame = Frame {
            before: Vec::new(),
            after: vec![EOS],
        };
        Self::with(inner, controls, frame)
    }

    /// Wraps a tokenizer of another kind.
    fn framed(mut inner: tokenizers::Tokenizer, frame: Frame) -> Result<Tokenizer, String> {
        let name = |id| inner.id_to_token(id).unwrap_or_default();
        let processor = frame.processor(name).map_err(|error| error.to_string())?;
        inner.with_post_processor(processor);
        Self::with(inner, BTreeMap::new(), frame)
    }

    fn with(
        mut inner: tokenizers::Tokenizer,
        mut controls: BTreeMap<u32, String>,
        frame: Frame,
    ) -> Result<Tokenizer, String> {
        for (id, token) in inner.get_added_tokens_decoder() {
            if token.special {
                controls.insert(id, token.content);
            }
        }
        inner.with_padding(None);
        if let Err(error) = inner.with_truncation(None) {
            return Err(error.to_string());
        }
        let vocab_size = inner.get_vocab_size(true);
        let tokenizer = Tokenizer {
            inner,
            controls,
            frame,
            vocab_size,
            special_tokens: true,
        };
        let tokenizer = tokenizer.with_special_tokens(false);
        // A model without an unknown piece fails on the first character it has not seen.
        if let Err(error) = tokenizer.inner.encode_fast("\u{10FFFD}", false) {
            return Err(format!("unknown characters cannot be encoded: {error}"));
        }
        Ok(tokenizer)
    }

    /// Whether control tokens that stand in a text become these tokens, for a model whose data are written so.
    #[must_use]
    pub fn with_special_tokens(mut self, in_texts: bool) -> Self {
        if in_texts != self.special_tokens {
            self.special_tokens = in_texts;
            if let Some(model) = self.renamed(in_texts) {
                self.inner.with_model(model);
            }
            self.inner.set_encode_special_tokens(!in_texts);
        }
        self
    }

    /// Whether control tokens are found in texts.
    pub fn special_tokens(&self) -> bool {
        self.special_tokens
    }

    /// A unigram model with its control tokens under their own names, or under names that no text has: there is a
    /// space in them, where the splits have written every space of a text as `▁`.
    fn renamed(&self, own_names: bool) -> Option<Unigram> {
        let ModelWrapper::Unigram(model) = self.inner.get_model() else {
            return None;
        };
        let piece = |(id, (piece, score)): (usize, &(String, f64))| {
            let name = match self.controls.get(&(id as u32)) {
                Some(name) if own_names => name.clone(),
                Some(name) => format!(" {name}"),
                None => piece.clone(),
            };
            (name, *score)
        };
        let pieces = model.iter().enumerate().map(piece).collect();
        match Unigram::from(pieces, Some(UNK as usize), model.byte_fallback()) {
            Ok(model) => Some(model),
            Err(error) => unreachable!("it has a piece for unknown text: {error}"),
        }
    }

    /// Ids of a text with what its model has around them: T5's [`EOS`] at the end, BERT's `[CLS]` and `[SEP]`.
    pub fn encode(&self, text: &str) -> Vec<u32> {
        let mut ids = self.frame.before.clone();
        ids.extend(self.encode_plain(text));
        ids.extend(&self.frame.after);
        ids
    }

    /// What its model has before and after the ids of a text: T5 an [`EOS`] after it, BERT `[CLS]` and `[SEP]`. The
    /// second of two texts has only what is after it.
    pub fn around(&self) -> (&[u32], &[u32]) {
        (&self.frame.before, &self.frame.after)
    }

    /// Ids of a text alone.
    pub fn encode_plain(&self, text: &str) -> Vec<u32> {
        match self.inner.encode_fast(text, false) {
            Ok(encoding) => encoding.get_ids().to_vec(),
            Err(error) => {
                // Cannot come from the model, which was tried when it was read.
                tracing::error!(%error, "a text could not be encoded and counts as unknown");
                vec![UNK]
            }
        }
    }

    /// Text of ids; control tokens (padding, eos, unknown pieces, sentinels) are left out, as are ids beyond the
    /// vocabulary.
    pub fn decode(&self, ids: &[u32]) -> String {
        let is_text = |id: &u32| !self.controls.contains_key(id);
        let ids: Vec<u32> = ids.iter().copied().filter(is_text).collect();
        match self.inner.decode(&ids, true) {
            Ok(text) => text,
            Err(error) => {
                tracing::error!(%error, "ids could not be decoded and count as no text");
                String::new()
            }
        }
    }

    /// One token as a person may read it (`▁` marks the start of a word), if the id has one.
    pub fn token(&self, id: u32) -> Option<String> {
        if let Some(own) = self.controls.get(&id) {
            return Some(own.clone());
        }
        let piece = self.inner.id_to_token(id)?;
        if let ModelWrapper::BPE(_) = self.inner.get_model()
            && let Ok(text) = self.inner.decode(&[id], false)
            && !text.contains(char::REPLACEMENT_CHARACTER)
        {
            // Bytes that are whole characters; a piece that ends within one stays as the file has it.
            return Some(text.replace(' ', "▁"));
        }
        Some(piece)
    }

    /// The control tokens: special tokens and sentinels, which no text becomes.
    pub fn controls(&self) -> impl Iterator<Item = (u32, &str)> {
        self.controls.iter().map(|(id, name)| (*id, name.as_str()))
    }

    /// The id of a control token such as `<|im_end|>`, if there is one of this name.
    pub fn control(&self, name: &str) -> Option<u32> {
        let (id, _) = self.controls().find(|(_, known)| *known == name)?;
        Some(id)
    }

    /// Ids there are: pieces, special tokens and sentinels. A model's embedding may have more rows.
    pub fn vocab_size(&self) -> usize {
        self.vocab_size
    }

    /// Id of `<extra_id_i>`, the sentinel of the `i`-th hidden span, if there is one.
    pub fn sentinel(&self, i: usize) -> Option<u32> {
        let found = |token: &&String| sentinel_index(token) == Some(i);
        let (id, _) = self.controls.iter().find(|(_, token)| found(token))?;
        Some(*id)
    }

    /// Content of `tokenizer.json`.
    ///
    /// # Errors
    /// The tokenizer cannot be written as JSON.
    pub fn to_json(&self) -> io::Result<String> {
        let mut whole = self.inner.clone();
        if let Some(model) = self.renamed(true) {
            whole.with_model(model);
        }
        whole.to_string(false).map_err(io::Error::other)
    }

    /// Writes `tokenizer.json` atomically.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), TokenizerError> {
        let path = path.as_ref();
        let failed = |source| TokenizerError::Io {
            path: path.to_path_buf(),
            source,
        };
        let json = self.to_json().map_err(failed)?;
        let temporary = path.with_extension("json.tmp");
        fs::write(&temporary, json).map_err(failed)?;
        fs::rename(&temporary, path).map_err(failed)
    }
}

/// A panic of the library as an error.
fn guarded(read: impl FnOnce() -> Result<Tokenizer, String>) -> Result<Tokenizer, String> {
    catch_unwind(AssertUnwindSafe(read))
        .unwrap_or_else(|_| Err("no tokenizer: it cannot be built".into()))
}

/// What Transformers puts behind the ids of a text. This program does it itself.
fn ends_with_eos() -> Result<TemplateProcessing, String> {
    let eos = TemplateProcessing::builder()
        .try_single("$A </s>")
        .and_then(|builder| builder.try_pair("$A </s> $B </s>"))
        .map(|builder| builder.special_tokens(vec![("</s>", EOS)]).build());
    eos.map_err(|e| e.to_string())?.map_err(|e| e.to_string())
}
