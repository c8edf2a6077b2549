//! Exports a saved model as a Hugging Face folder: as Transformers reads it, with prefix and value head.
//!
//! Knows files and networks; must not know runs.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::json;

use super::checkpoint::write_json;
use super::error::TrainError;
use super::saved::SavedModel;
use crate::nn::LanguageModel;
use crate::nn::adapter::Adapter;
use crate::text::chat::ChatTemplate;

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Exported {
    pub folder: PathBuf,
    /// File names.
    pub files: Vec<String>,
    pub bytes: u64,
    /// Whether the model needs its prefix, which Transformers does not read.
    pub needs_prefix: bool,
    /// Whether LoRA was added to the weights.
    pub merged_lora: bool,
}

impl Exported {
    /// A sentence on what was done to the adapter, if there is one.
    pub fn remark(&self) -> Option<&'static str> {
        if self.merged_lora {
            return Some("LoRA is merged into the weights");
        }
        self.needs_prefix.then_some(
            "Transformers loads the model alone from this folder; the answers of this checkpoint need its prefix \
             (prefix.safetensors) too, which emprl reads",
        )
    }
}

/// Says as what Transformers reads `tokenizer.json`.
const TOKENIZER_CONFIG: &str = "tokenizer_config.json";

impl SavedModel {
    /// Writes the model into `folder`, atomically: `config.json`, `model.safetensors`, `tokenizer.json`, and
    /// prefix and value head if there are any.
    ///
    /// # Errors
    /// The folder exists and is not empty, or cannot be written.
    pub fn export(&self, folder: &Path) -> Result<Exported, TrainError> {
        let folder = &std::path::absolute(folder).map_err(TrainError::io(folder))?;
        match fs::read_dir(folder).map(|mut entries| entries.next().is_some()) {
            Ok(true) => {
                return Err(TrainError::Occupied {
                    path: folder.clone(),
                });
            }
            Ok(false) => fs::remove_dir(folder).map_err(TrainError::io(folder))?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(TrainError::io(folder)(error)),
        }
        let mut name = folder.file_name().unwrap_or_default().to_os_string();
        name.push(format!(".writing-{}", std::process::id()));
        let unfinished = folder.with_file_name(name);
        let written = self.write_into(&unfinished).and_then(|files| {
            fs::rename(&unfinished, folder).map_err(TrainError::io(folder))?;
            Ok(files)
        });
        if written.is_err() {
            // The first error is the one to report.
            let _ = fs::remove_dir_all(&unfinished);
        }
        let (files, bytes) = written?;
        Ok(Exported {
            folder: folder.clone(),
            files,
            bytes,
            needs_prefix: self.policy.prefix().is_some(),
            merged_lora: self
                .policy
                .adapter
                .as_ref()
                .is_some_and(|adapter| adapter.lora().is_some()),
        })
    }

    /// Names of the files that were written, and their size together.
    fn write_into(&self, folder: &Path) -> Result<(Vec<String>, u64), TrainError> {
        fs::create_dir_all(folder).map_err(TrainError::io(folder))?;
        // Other programs know no adapter that lies beside a model.
        let mut policy = self.policy.clone();
        if let Some(Adapter::Lora(lora)) =
            policy.adapter.take_if(|adapter| adapter.lora().is_some())
        {
            policy.model = policy.model.merge(&lora);
        }
        policy.save(folder, &self.tokenizer, None)?;
        let config = match &self.policy.model {
            LanguageModel::T5(_) => json!({
                "tokenizer_class": "T5TokenizerFast",
                "extra_ids": 0,
                "pad_token": "<pad>",
                "eos_token": "</s>",
                "unk_token": "<unk>",
            }),
            LanguageModel::Llama(llama) => {
                let eos = llama.config().eos_token_ids().first();
                let pad = llama.config().pad_token_id.as_ref().or(eos);
                let name = |id: Option<&u32>| id.and_then(|id| self.tokenizer.token(*id));
                let mut config = json!({
                    "tokenizer_class": "PreTrainedTokenizerFast",
                    "eos_token": name(eos),
                    "pad_token": name(pad),
                });
                let tokens = self
                    .tokenizer
                    .chat()
                    .into_iter()
                    .flat_map(ChatTemplate::tokens);
                for (name, token) in tokens {
                    config[name] = token.into();
                }
                config
            }
        };
        write_json(&folder.join(TOKENIZER_CONFIG), &config)?;
        let mut files = Vec::new();
        let mut bytes = 0;
        for entry in fs::read_dir(folder).map_err(TrainError::io(folder))? {
            let entry = entry.map_err(TrainError::io(folder))?;
            let path = entry.path();
            fs::File::open(&path)
                .and_then(|file| file.sync_all())
                .map_err(TrainError::io(&path))?;
            bytes += entry.metadata().map_err(TrainError::io(&path))?.len();
            files.push(entry.file_name().to_string_lossy().into_owned());
        }
        files.sort();
        Ok((files, bytes))
    }
}
