//! The model that a run trains: T5, its prefix, its value head; and the folder it is saved in.
//!
//! The generator is a policy without a value head. A folder holds T5's weights only where the run
//! changed them; else it points to the folder that has them.

use std::path::{Path, PathBuf};

use burn::module::Module;
use burn::tensor::Device;
use serde::{Deserialize, Serialize};

use super::error::TrainError;
use crate::experiment::Tuning;
use crate::nn::prefix::{Prefix, PrefixConfig, PrefixVectors};
use crate::nn::t5::{T5, T5Config};
use crate::nn::value_head::ValueHead;
use crate::nn::weights::WeightsError;
use crate::text::Tokenizer;

/// T5 with what is trained on top of it.
#[derive(Module, Debug)]
pub struct Policy {
    pub t5: T5,
    pub prefix: Option<Prefix>,
    pub value_head: Option<ValueHead>,
}

const MANIFEST: &str = "policy.json";
const PREFIX: &str = "prefix.safetensors";
const VALUE_HEAD: &str = "value_head.safetensors";
const TOKENIZER: &str = "tokenizer.json";

/// What a saved policy is made of.
#[derive(Debug, Serialize, Deserialize)]
struct Manifest {
    /// Folder of T5's weights and tokenizer: this one where absent, relative to it unless absolute.
    base: Option<PathBuf>,
    prefix: Option<PrefixConfig>,
    value_head: bool,
}

impl Policy {
    /// The prefix's keys and values for each layer, where there is a prefix.
    pub fn vectors(&self) -> Option<PrefixVectors> {
        self.prefix.as_ref().map(Prefix::vectors)
    }

    /// Only what `tuning` names is trained from here on; the value head always is.
    pub fn for_tuning(self, tuning: Tuning) -> Self {
        Policy {
            t5: if tuning.trains_t5() {
                self.t5.unfreeze()
            } else {
                self.t5.freeze()
            },
            prefix: self.prefix.map(|prefix| {
                if tuning.has_prefix() {
                    prefix.unfreeze()
                } else {
                    prefix.freeze()
                }
            }),
            value_head: self.value_head.map(Module::unfreeze),
        }
    }

    /// Writes the policy into `folder`. With `base`, T5's weights stay where they are.
    pub fn save(
        &self,
        folder: &Path,
        tokenizer: &Tokenizer,
        base: Option<&Path>,
    ) -> Result<(), TrainError> {
        if base.is_none() {
            self.t5.save(folder)?;
            tokenizer.save(folder.join(TOKENIZER))?;
        }
        if let Some(prefix) = &self.prefix {
            prefix.save(&folder.join(PREFIX))?;
        }
        if let Some(value_head) = &self.value_head {
            value_head.save(&folder.join(VALUE_HEAD))?;
        }
        let manifest = Manifest {
            base: base.map(Path::to_path_buf),
            prefix: self.prefix.as_ref().map(|prefix| prefix.config().clone()),
            value_head: self.value_head.is_some(),
        };
        super::checkpoint::write_json(&folder.join(MANIFEST), &manifest)
    }

    /// Reads what [`Policy::save`] wrote, or a Hugging Face folder of T5 as it is.
    pub fn load(folder: &Path, device: &Device) -> Result<(Self, Tokenizer), TrainError> {
        let manifest_path = folder.join(MANIFEST);
        if !manifest_path.is_file() {
            let (t5, tokenizer) = load_base(folder, device)?;
            return Ok((
                Policy {
                    t5,
                    prefix: None,
                    value_head: None,
                },
                tokenizer,
            ));
        }
        let manifest: Manifest = super::checkpoint::read_json(&manifest_path)?;
        let base = manifest
            .base
            .map_or(folder.to_path_buf(), |base| folder.join(base));
        let (t5, tokenizer) = load_base(&base, device)?;
        let mut policy = Policy {
            t5,
            prefix: None,
            value_head: None,
        };
        policy.load_trained(folder, device)?;
        Ok((policy, tokenizer))
    }

    /// Reads prefix and value head from `folder`, keeping T5 as it is.
    pub fn load_trained(&mut self, folder: &Path, device: &Device) -> Result<(), TrainError> {
        let manifest: Manifest = super::checkpoint::read_json(&folder.join(MANIFEST))?;
        self.prefix = match manifest.prefix {
            Some(config) => Some(Prefix::load(
                &config,
                self.t5.config(),
                &folder.join(PREFIX),
                device,
            )?),
            None => None,
        };
        self.value_head = match manifest.value_head {
            true => Some(ValueHead::load(
                self.t5.config().d_model,
                &folder.join(VALUE_HEAD),
                device,
            )?),
            false => None,
        };
        Ok(())
    }
}

/// T5 and its tokenizer, which may not know more tokens than T5 has embeddings.
fn load_base(folder: &Path, device: &Device) -> Result<(T5, Tokenizer), TrainError> {
    let path = folder.join(TOKENIZER);
    let tokenizer = Tokenizer::from_file(&path)?;
    let (tokens, rows) = (tokenizer.vocab_size(), T5Config::read(folder)?.vocab_size);
    if tokens > rows {
        return Err(TrainError::Weights(WeightsError::Foreign {
            path,
            problem: format!("has {tokens} tokens where config.json has a vocabulary of {rows}"),
        }));
    }
    Ok((T5::load(folder, device)?, tokenizer))
}
