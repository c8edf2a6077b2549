//! What a policy stands on: a Hugging Face folder, or a GGUF file of the Llama family.

use std::path::{Path, PathBuf};

use burn::tensor::Device;

use super::error::TrainError;
use super::model_tokenizer::ModelTokenizer;
use crate::nn::gguf::GgufFile;
use crate::nn::llama::{Llama, LlamaConfig};
use crate::nn::{LanguageModel, LanguageModelConfig, WeightsError};
use crate::text::Tokenizer;
use crate::text::chat::ChatTemplate;

/// A model whose weights are still on disk.
pub struct Base {
    pub config: LanguageModelConfig,
    pub tokenizer: ModelTokenizer,
    path: PathBuf,
    /// Where it is no folder.
    gguf: Option<GgufFile>,
}

/// Whether this is a GGUF file, by its name.
pub fn is_gguf(path: &Path) -> bool {
    path.extension()
        .is_some_and(|end| end.eq_ignore_ascii_case("gguf"))
}

/// The configuration of the model at `path`.
///
/// # Errors
/// Something is missing, damaged, or of a model that this program does not read.
pub fn config(path: &Path) -> Result<LanguageModelConfig, TrainError> {
    match is_gguf(path) {
        true => Ok(gguf_config(&GgufFile::open(path)?, path)?),
        false => Ok(LanguageModelConfig::read(path)?),
    }
}

/// How the weights at `path` are stored, such as Q4_1, with the number of tensors in each format; empty of a folder, whose
/// numbers are read as they are.
///
/// # Errors
/// A GGUF file that is missing or damaged.
pub fn formats(path: &Path) -> Result<Vec<(&'static str, usize)>, TrainError> {
    match is_gguf(path) {
        true => Ok(GgufFile::open(path)?.formats()),
        false => Ok(Vec::new()),
    }
}

/// Words on these formats, if any of them is quantised: what is computed with are not the model's own numbers.
pub fn dequantised(formats: &[(&'static str, usize)]) -> Option<String> {
    let quantised = formats.iter().filter(|(format, _)| format.starts_with('Q'));
    let named: Vec<String> = quantised
        .map(|(format, tensors)| match tensors {
            1 => format!("{format} (1 tensor)"),
            _ => format!("{format} ({tensors} tensors)"),
        })
        .collect();
    (!named.is_empty()).then(|| format!("dequantised from {}", named.join(", ")))
}

fn gguf_config(gguf: &GgufFile, path: &Path) -> Result<LanguageModelConfig, WeightsError> {
    let json = gguf.config().clone();
    let config = LlamaConfig::of(json, &serde_json::Value::Null, path.to_path_buf())?;
    Ok(LanguageModelConfig::Llama(config))
}

impl Base {
    /// Reads everything but the weights.
    ///
    /// # Errors
    /// As [`config`]; or the tokenizer knows more tokens than the model has embeddings.
    pub fn read(path: &Path) -> Result<Self, TrainError> {
        let (config, tokenizer, chat, gguf) = match is_gguf(path) {
            true => {
                let gguf = GgufFile::open(path)?;
                let config = gguf_config(&gguf, path)?;
                (config, gguf.tokenizer()?, gguf.chat_template()?, Some(gguf))
            }
            false => {
                let config = LanguageModelConfig::read(path)?;
                let tokenizer = Tokenizer::from_folder(path, config.shape().vocab_size)?;
                // T5 has no conversations.
                let chat = match config.t5() {
                    Some(_) => None,
                    None => ChatTemplate::from_folder(path)?,
                };
                (config, tokenizer, chat, None)
            }
        };
        let (rows, tokens) = (config.shape().vocab_size, tokenizer.vocab_size());
        if tokens > rows {
            return Err(TrainError::Weights(WeightsError::Unsupported {
                path: match gguf {
                    Some(_) => path.to_path_buf(),
                    None => path.join("config.json"),
                },
                problem: match gguf {
                    Some(_) => format!("its embedding has {rows} rows for {tokens} tokens"),
                    None => format!(
                        "`vocab_size` is {rows} where tokenizer.json has {tokens} tokens"
                    ),
                },
                fix: "give the tokenizer that the model was trained with, or resize its embeddings (resize_token_embeddings) and train them".into(),
            }));
        }
        Ok(Base {
            tokenizer: ModelTokenizer::new(tokenizer, chat, &config)?,
            config,
            path: path.to_path_buf(),
            gguf,
        })
    }

    /// Reads the weights, those of a GGUF file as f32.
    ///
    /// # Errors
    /// They are missing, damaged, or of another model.
    pub fn model(self, device: &Device) -> Result<LanguageModel, TrainError> {
        let model = match (self.gguf, self.config) {
            (Some(gguf), LanguageModelConfig::Llama(config)) => {
                LanguageModel::Llama(Llama::fill(config, gguf.into_weights(), device)?)
            }
            _ => LanguageModel::load(&self.path, device)?,
        };
        if let Some(tensor) = model.left_out().first() {
            let (folder, count) = (self.path.display(), model.left_out().len());
            tracing::warn!(%folder, count, tensor, "tensors that are no part of the model are left out");
        }
        Ok(model)
    }
}
