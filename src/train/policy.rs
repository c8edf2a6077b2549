//! The model that a run trains (T5, its prefix, its value head) and the folder it is saved in.
//!
//! The generator is a policy without a value head. A folder holds T5's weights only if the run changed them;
//! otherwise it names the folder that has them.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use burn::module::Module;
use burn::tensor::Device;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::error::TrainError;
use crate::experiment::{PrefixSettings, Tuning};
use crate::nn::prefix::{Prefix, PrefixConfig, PrefixVectors};
use crate::nn::t5::{T5, T5Config};
use crate::nn::value_head::ValueHead;
use crate::nn::weights::WeightsError;
use crate::text::Tokenizer;

/// The prefix that a run's settings ask for.
pub fn prefix_config(settings: &PrefixSettings) -> PrefixConfig {
    PrefixConfig {
        encoder: settings.encoder,
        decoder: settings.decoder,
        cross: settings.cross,
        hidden: settings.hidden,
    }
}

/// T5 with the parts trained on top of it.
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

/// The parts of a saved policy.
#[derive(Debug, Serialize, Deserialize)]
struct Manifest {
    /// Folder of T5's weights and tokenizer: this one where absent, relative to it unless absolute.
    base: Option<PathBuf>,
    prefix: Option<PrefixConfig>,
    value_head: bool,
}

impl Policy {
    /// The prefix's keys and values for each layer, if there is a prefix.
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

    /// The policy saved in `folder`; T5 is this one's if it was frozen.
    pub fn resume(
        self,
        folder: &Path,
        device: &Device,
        t5_is_frozen: bool,
    ) -> Result<Self, TrainError> {
        if t5_is_frozen {
            let mut policy = self;
            policy.load_trained(folder, device)?;
            Ok(policy)
        } else {
            Ok(Policy::load(folder, device)?.0)
        }
    }

    /// SHA-256 over the files that [`Policy::load`] reads from `folder`, in hexadecimal.
    pub fn fingerprint(folder: &Path) -> Result<String, TrainError> {
        let mut names = Vec::new();
        for entry in fs::read_dir(folder).map_err(TrainError::io(folder))? {
            let entry = entry.map_err(TrainError::io(folder))?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let weights = [".safetensors", ".bin"]
                .iter()
                .any(|end| name.ends_with(end));
            if weights || ["config.json", TOKENIZER, MANIFEST].contains(&name.as_str()) {
                names.push(name);
            }
        }
        names.sort();
        let mut hasher = Sha256::new();
        for name in names {
            let path = folder.join(&name);
            hasher.update(name.as_bytes());
            let mut file = File::open(&path).map_err(TrainError::io(&path))?;
            io::copy(&mut file, &mut HashWriter(&mut hasher)).map_err(TrainError::io(&path))?;
        }
        let manifest_path = folder.join(MANIFEST);
        if manifest_path.is_file() {
            let manifest: Manifest = super::checkpoint::read_json(&manifest_path)?;
            if let Some(base) = manifest.base {
                hasher.update(Policy::fingerprint(&folder.join(base))?.as_bytes());
            }
        }
        let digest = hasher.finalize();
        Ok(digest.iter().map(|byte| format!("{byte:02x}")).collect())
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

/// Writes into a digest.
struct HashWriter<'a>(&'a mut Sha256);

impl io::Write for HashWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// T5 and its tokenizer, which may not know more tokens than T5 has embeddings.
fn load_base(folder: &Path, device: &Device) -> Result<(T5, Tokenizer), TrainError> {
    let rows = T5Config::read(folder)?.vocab_size;
    let path = folder.join(TOKENIZER);
    if !path.is_file() {
        return Err(TrainError::Weights(WeightsError::Missing {
            path,
            mend: "a model folder holds config.json, tokenizer.json and model.safetensors".into(),
        }));
    }
    let tokenizer = Tokenizer::from_file(&path)?;
    let tokens = tokenizer.vocab_size();
    if tokens > rows {
        return Err(TrainError::Weights(WeightsError::Foreign {
            path,
            problem: format!("has {tokens} tokens where config.json has a vocabulary of {rows}"),
        }));
    }
    Ok((T5::load(folder, device)?, tokenizer))
}
