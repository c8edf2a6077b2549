//! The tokenizer of a model folder: `tokenizer.json`, else `spiece.model` with what older files say beside it.

use std::path::Path;

use serde_json::Value;

use super::{Tokenizer, TokenizerError, file, guarded, sentencepiece};

/// The files of a tokenizer in a model folder.
const JSON: &str = "tokenizer.json";
const SENTENCEPIECE: &str = "spiece.model";
/// Tokens beside SentencePiece's, by name.
const ADDED: &str = "added_tokens.json";
/// Transformers' settings of a tokenizer; also tokens, by id.
const SETTINGS: &str = "tokenizer_config.json";
/// Sentinels of a T5 whose settings do not say how many.
const SENTINELS: usize = 100;

impl Tokenizer {
    /// Reads the tokenizer of a model folder: `tokenizer.json`, else SentencePiece's `spiece.model`, which gets
    /// T5's sentinels as far as the `rows` of the model's embedding suffice.
    ///
    /// # Errors
    /// Neither is there, or as [`Tokenizer::from_file`]; or tokens were added that `spiece.model` does not have.
    pub fn from_folder(folder: &Path, rows: usize) -> Result<Tokenizer, TokenizerError> {
        let path = folder.join(JSON);
        if path.is_file() {
            return Tokenizer::from_file(path);
        }
        let refuse = |path: &Path, what: String, fix: &'static str| {
            Err(TokenizerError::Foreign {
                path: path.to_path_buf(),
                what,
                fix,
            })
        };
        let settings = json(&folder.join(SETTINGS))?;
        let pieces = folder.join(SENTENCEPIECE);
        if !pieces.is_file() {
            if settings["tokenizer_class"] == "ByT5Tokenizer" {
                let what = "is not there: ByT5 has bytes for tokens".into();
                return refuse(&path, what, "give a T5, T5 v1.1 or Flan-T5 model");
            }
            let what = "is not there, nor is spiece.model".into();
            let fix = "a model folder holds config.json, tokenizer.json (or spiece.model) and model.safetensors";
            return refuse(&path, what, fix);
        }
        let bytes = file::content(&pieces)?;
        let sentinels = settings["extra_ids"].as_u64();
        let sentinels = sentinels.map_or(SENTINELS, |count| count as usize);
        let tokenizer = match guarded(|| sentencepiece::read(&bytes, sentinels, rows)) {
            Ok(tokenizer) => tokenizer,
            Err(what) => {
                return refuse(
                    &pieces,
                    what,
                    "give the spiece.model of a T5 model, or its tokenizer.json",
                );
            }
        };

        let by_name = json(&folder.join(ADDED))?;
        let by_name = by_name.as_object().into_iter().flatten();
        let added = by_name.map(|(name, id)| (ADDED, name.as_str(), id.as_u64()));
        let by_id = settings["added_tokens_decoder"].as_object();
        let by_id = by_id.into_iter().flatten().map(|(id, token)| {
            let name = token["content"].as_str().unwrap_or_default();
            (SETTINGS, name, id.parse().ok())
        });
        for (file, name, id) in added.chain(by_id) {
            let id = id.and_then(|id| u32::try_from(id).ok());
            if id.and_then(|id| tokenizer.token(id)).as_deref() != Some(name) {
                return refuse(
                    &folder.join(file),
                    format!("has the token {name:?}, which spiece.model does not have there"),
                    "write tokenizer.json with Transformers: AutoTokenizer.from_pretrained(folder).save_pretrained(folder)",
                );
            }
        }
        Ok(tokenizer)
    }
}

/// A small file of settings; null where there is none.
pub(in crate::text) fn json(path: &Path) -> Result<Value, TokenizerError> {
    if !path.is_file() {
        return Ok(Value::Null);
    }
    serde_json::from_slice(&file::content(path)?).map_err(|error| TokenizerError::Foreign {
        path: path.to_path_buf(),
        what: error.to_string(),
        fix: "fetch it again",
    })
}
