//! T5's tokenizer: reads `tokenizer.json`, turns text into ids and back.
//!
//! Must not know models or tensors. Ids are those of Transformers' `T5TokenizerFast`; decoded text is
//! Transformers' without its cleaning-up of spaces.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use tokenizers::models::ModelWrapper;

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
#[derive(Debug, Clone)]
pub struct Tokenizer {
    inner: tokenizers::Tokenizer,
}

impl Tokenizer {
    /// Reads a `tokenizer.json`.
    ///
    /// # Errors
    /// The file cannot be read, is no tokenizer, or not one of T5's kind.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Tokenizer, TokenizerError> {
        let path = path.as_ref();
        let bytes = fs::read(path).map_err(|source| TokenizerError::Io {
            path: path.to_path_buf(),
            source,
        })?;
        Tokenizer::from_json(&bytes, path)
    }

    /// Reads the content of a `tokenizer.json`; `path` is what errors call it.
    ///
    /// # Errors
    /// The content is no tokenizer, or not one of T5's kind.
    pub fn from_json(json: &[u8], path: &Path) -> Result<Tokenizer, TokenizerError> {
        let foreign = |what: String| TokenizerError::Foreign {
            path: path.to_path_buf(),
            what,
            fix: FIX,
        };
        let inner = tokenizers::Tokenizer::from_bytes(json)
            .map_err(|error| foreign(format!("no tokenizer: {error}")))?;
        Tokenizer::new(inner).map_err(foreign)
    }

    /// Wraps a tokenizer, or says why it is not of T5's kind.
    pub(super) fn new(mut inner: tokenizers::Tokenizer) -> Result<Tokenizer, String> {
        if !matches!(inner.get_model(), ModelWrapper::Unigram(_)) {
            return Err("the model is not a unigram model, as T5's is".into());
        }
        for (token, id) in SPECIALS {
            match inner.token_to_id(token) {
                Some(found) if found == id => {}
                Some(found) => return Err(format!("{token} has id {found}, T5's has {id}")),
                None => return Err(format!("there is no token {token}")),
            }
        }
        inner.with_padding(None);
        if let Err(error) = inner.with_truncation(None) {
            return Err(error.to_string());
        }
        // A model without an unknown piece fails on the first character it has not seen.
        if let Err(error) = inner.encode_fast("\u{10FFFD}", false) {
            return Err(format!("unknown characters cannot be encoded: {error}"));
        }
        Ok(Tokenizer { inner })
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
        match self.inner.decode(ids, true) {
            Ok(text) => text,
            Err(error) => {
                tracing::error!(%error, "ids could not be decoded and count as no text");
                String::new()
            }
        }
    }

    /// One token as a person may read it (`▁` marks the start of a word), if the id has one.
    pub fn token(&self, id: u32) -> Option<String> {
        self.inner.id_to_token(id)
    }

    /// Ids there are: pieces, special tokens and sentinels. A model's embedding may have more rows.
    pub fn vocab_size(&self) -> usize {
        self.inner.get_vocab_size(true)
    }

    /// Id of `<extra_id_i>`, the sentinel of the `i`-th hidden span, if there is one.
    pub fn sentinel(&self, i: usize) -> Option<u32> {
        self.inner.token_to_id(&format!("<extra_id_{i}>"))
    }

    /// Content of `tokenizer.json`.
    ///
    /// # Errors
    /// The tokenizer cannot be written as JSON.
    pub fn to_json(&self) -> io::Result<String> {
        self.inner.to_string(false).map_err(io::Error::other)
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
