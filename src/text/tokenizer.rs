//! T5's tokenizer: reads `tokenizer.json` or `spiece.model`, turns text into ids and back.
//!
//! Must not know models or tensors. Ids are those of Transformers' `T5TokenizerFast`; decoded text is
//! Transformers' without its cleaning-up of spaces.

mod charsmap;
mod file;
mod folder;
mod parts;
mod sentencepiece;

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use tokenizers::models::ModelWrapper;
use tokenizers::models::unigram::Unigram;
use tokenizers::processors::template::TemplateProcessing;

/// Padding; also what a decoder starts from.
pub const PAD: u32 = 0;
/// End of a text.
pub const EOS: u32 = 1;
/// A piece of text that is not in the vocabulary.
pub const UNK: u32 = 2;

const SPECIALS: [(&str, u32); 3] = [("<pad>", PAD), ("</s>", EOS), ("<unk>", UNK)];
const FIX: &str = "give the tokenizer.json of a T5 model";

/// Why a tokenizer could not be read, trained or written.
#[derive(Debug, thiserror::Error)]
pub enum TokenizerError {
    #[error("{path}: {source}", path = path.display())]
    Io { path: PathBuf, source: io::Error },
    /// The file is not a tokenizer of T5's kind.
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

/// T5's tokenizer: pad 0, eos 1, unk 2, pieces, sentinels at the top end.
///
/// A text is only text: what reads like a control token in it (`</s>`, `<extra_id_0>`) is spelled with pieces, as
/// with Transformers' `split_special_tokens`, unless [`Tokenizer::with_special_tokens`] says otherwise.
#[derive(Debug, Clone)]
pub struct Tokenizer {
    /// Its model knows control tokens by names that no text has, unless `special_tokens`.
    inner: tokenizers::Tokenizer,
    /// The control tokens: special tokens and sentinels.
    controls: BTreeMap<u32, String>,
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
    /// The file cannot be read, is no tokenizer, or not one of T5's kind.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Tokenizer, TokenizerError> {
        let path = path.as_ref();
        Tokenizer::from_json(&file::content(path)?, path)
    }

    /// Reads the content of a `tokenizer.json`; `path` is what errors call it.
    ///
    /// # Errors
    /// The content is no tokenizer, or not one of T5's kind.
    pub fn from_json(json: &[u8], path: &Path) -> Result<Tokenizer, TokenizerError> {
        guarded(|| file::from_json(json)).map_err(|what| TokenizerError::Foreign {
            path: path.to_path_buf(),
            what,
            fix: FIX,
        })
    }

    /// Wraps a tokenizer, or says why it is not of T5's kind. Its unknown piece is [`UNK`], and its splits write
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
        for (id, token) in inner.get_added_tokens_decoder() {
            if token.special {
                controls.insert(id, token.content);
            }
        }
        inner.with_padding(None);
        if let Err(error) = inner.with_truncation(None) {
            return Err(error.to_string());
        }
        inner.with_post_processor(Some(ends_with_eos()?));
        let vocab_size = inner.get_vocab_size(true);
        let tokenizer = Tokenizer {
            inner,
            controls,
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
            let model = self.model(in_texts);
            self.inner.with_model(model);
            self.inner.set_encode_special_tokens(!in_texts);
        }
        self
    }

    /// Whether control tokens are found in texts.
    pub fn special_tokens(&self) -> bool {
        self.special_tokens
    }

    /// The model with its control tokens under their own names, or under names that no text has: there is a
    /// space in them, where the splits have written every space of a text as `▁`.
    fn model(&self, own_names: bool) -> Unigram {
        let ModelWrapper::Unigram(model) = self.inner.get_model() else {
            unreachable!("it was one when the tokenizer was made");
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
            Ok(model) => model,
            Err(error) => unreachable!("it has a piece for unknown text: {error}"),
        }
    }

    /// Ids of a text, with [`EOS`] at the end.
    pub fn encode(&self, text: &str) -> Vec<u32> {
        let mut ids = self.encode_plain(text);
        ids.push(EOS);
        ids
    }

    /// Ids of a text, without [`EOS`].
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

    /// Text of ids; padding, eos, unknown pieces and sentinels are left out, as are ids beyond the vocabulary.
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
        let own = self.controls.get(&id).cloned();
        own.or_else(|| self.inner.id_to_token(id))
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
        whole.with_model(self.model(true));
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
