//! The model that a run trains (a language model, its adapter, its value head) and the folder it is saved in.
//!
//! The generator is a policy without a value head. A folder holds the language model's weights only if the run
//! changed them; otherwise it names the folder that has them.

use std::fs;
use std::path::{Path, PathBuf};

use burn::module::Module;
use burn::tensor::Device;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::base::{self, Base, is_gguf};
use super::checkpoint::{read_json, write_json};
use super::error::TrainError;
use super::fingerprint;
use super::model_tokenizer::ModelTokenizer;
use super::seed::{Draw, seed};
use crate::experiment::{Config, LoraSettings, PrefixSettings, Tuning};
use crate::nn::LanguageModel;
use crate::nn::adapter::{Adapter, AdapterWeights};
use crate::nn::lora::{LoraConfig, LoraError};
use crate::nn::prefix::{Prefix, PrefixConfig};
use crate::nn::value_head::ValueHead;
use crate::text::chat::ChatTemplate;

/// The prefix that a run's settings ask for.
pub fn prefix_config(settings: &PrefixSettings) -> PrefixConfig {
    PrefixConfig {
        encoder: settings.encoder,
        decoder: settings.decoder,
        cross: settings.cross,
        hidden: settings.hidden,
    }
}

/// The LoRA that a run's settings ask for.
pub fn lora_config(settings: &LoraSettings) -> LoraConfig {
    let targets = settings.targets.split(',').map(str::trim);
    LoraConfig {
        rank: settings.rank,
        alpha: settings.alpha,
        dropout: settings.dropout,
        targets: targets
            .filter(|target| !target.is_empty())
            .map(str::to_string)
            .collect(),
    }
}

/// The adapter that `tuning` puts on a model, drawn by the run's seed and still untrained.
///
/// # Errors
/// LoRA names a layer that the model does not have.
pub fn fresh_adapter(
    config: &Config,
    tuning: Tuning,
    model: &LanguageModel,
    device: &Device,
) -> Result<Option<Adapter>, LoraError> {
    let run_seed = config.run.seed;
    if tuning.has_lora() {
        let lora = lora_config(&config.lora);
        let lora = model.lora(&lora, seed(run_seed, Draw::Lora, 0))?;
        return Ok(Some(Adapter::Lora(lora)));
    }
    let prefix = tuning.has_prefix().then(|| {
        let (lengths, shape) = (prefix_config(&config.prefix), model.shape());
        Prefix::new(&lengths, &shape, device, seed(run_seed, Draw::Prefix, 0))
    });
    Ok(prefix.map(Adapter::Prefix))
}

/// A language model with the parts trained on top of it.
#[derive(Module, Debug)]
pub struct Policy {
    pub model: LanguageModel,
    pub adapter: Option<Adapter>,
    pub value_head: Option<ValueHead>,
}

const MANIFEST: &str = "policy.json";
const PREFIX: &str = "prefix.safetensors";
/// The folder of a LoRA adapter, as PEFT has it.
const LORA: &str = "lora";
const VALUE_HEAD: &str = "value_head.safetensors";
const TOKENIZER: &str = "tokenizer.json";
const SENTENCEPIECE: &str = "spiece.model";

/// The parts of a saved policy.
#[derive(Debug, Serialize, Deserialize)]
struct Manifest {
    /// Folder of the model's weights and tokenizer: this one where absent, relative to it unless absolute.
    base: Option<PathBuf>,
    prefix: Option<PrefixConfig>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    lora: bool,
    value_head: bool,
    /// Whether the tokenizer finds special tokens in texts.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    special_tokens: bool,
}

impl Policy {
    /// The adapter as the model's forward pass takes it, if there is one.
    pub fn adapter_weights(&self) -> Option<AdapterWeights> {
        self.adapter.as_ref().map(Adapter::weights)
    }

    /// Its prefix, if that is its adapter.
    pub fn prefix(&self) -> Option<&Prefix> {
        self.adapter.as_ref()?.prefix()
    }

    /// Only what `tuning` names is trained from here on; the value head always is.
    pub fn for_tuning(self, tuning: Tuning) -> Self {
        Policy {
            model: match tuning.trains_model() {
                true => self.model.unfreeze(),
                false => self.model.freeze(),
            },
            adapter: self.adapter.map(|adapter| match tuning.has_adapter() {
                true => adapter.unfreeze(),
                false => adapter.freeze(),
            }),
            value_head: self.value_head.map(Module::unfreeze),
        }
    }

    /// Writes the policy into `folder`. With `base`, the model's weights stay where they are.
    pub fn save(
        &self,
        folder: &Path,
        tokenizer: &ModelTokenizer,
        base: Option<&Path>,
    ) -> Result<(), TrainError> {
        if base.is_none() {
            self.model.save(folder)?;
            tokenizer.save(folder)?;
        }
        match &self.adapter {
            Some(Adapter::Prefix(prefix)) => prefix.save(&folder.join(PREFIX))?,
            Some(Adapter::Lora(lora)) => lora.save(&folder.join(LORA), None)?,
            None => {}
        }
        if let Some(value_head) = &self.value_head {
            value_head.save(&folder.join(VALUE_HEAD))?;
        }
        let manifest = Manifest {
            base: base.map(Path::to_path_buf),
            prefix: self.prefix().map(|prefix| prefix.config().clone()),
            lora: matches!(self.adapter, Some(Adapter::Lora(_))),
            value_head: self.value_head.is_some(),
            special_tokens: tokenizer.special_tokens(),
        };
        write_json(&folder.join(MANIFEST), &manifest)
    }

    /// Reads what [`Policy::save`] wrote, or a Hugging Face folder or GGUF file as it is.
    pub fn load(folder: &Path, device: &Device) -> Result<(Self, ModelTokenizer), TrainError> {
        let base = base_of(folder)?.unwrap_or_else(|| folder.to_path_buf());
        let base = Base::read(&base)?;
        let mut tokenizer = base.tokenizer.clone();
        let mut policy = Policy::from(base.model(device)?);
        let path = folder.join(MANIFEST);
        if path.is_file() {
            policy.load_trained(folder, device)?;
            let manifest: Manifest = read_json(&path)?;
            tokenizer = tokenizer.with_special_tokens(manifest.special_tokens);
        }
        Ok((policy, tokenizer))
    }

    /// The policy saved in `folder`; the model is this one's if it was frozen.
    pub fn resume(
        mut self,
        folder: &Path,
        device: &Device,
        model_is_frozen: bool,
    ) -> Result<Self, TrainError> {
        if !model_is_frozen {
            return Ok(Policy::load(folder, device)?.0);
        }
        self.load_trained(folder, device)?;
        Ok(self)
    }

    /// The formats that the weights of the policy in `folder` are stored in, with the number of tensors in each, where
    /// they are quantised.
    pub fn formats(folder: &Path) -> Result<Vec<(&'static str, usize)>, TrainError> {
        let base = base_of(folder)?;
        base::formats(base.as_deref().unwrap_or(folder))
    }

    /// SHA-256 over the files that [`Policy::load`] reads from `folder`, in hexadecimal.
    pub fn fingerprint(folder: &Path) -> Result<String, TrainError> {
        if let (true, Some(parent), Some(name)) =
            (is_gguf(folder), folder.parent(), folder.file_name())
        {
            return fingerprint::of_files(parent, [name.to_string_lossy().into_owned()]);
        }
        let mut names = Vec::new();
        for entry in fs::read_dir(folder).map_err(TrainError::io(folder))? {
            let entry = entry.map_err(TrainError::io(folder))?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let weights = [".safetensors", ".bin"]
                .iter()
                .any(|end| name.ends_with(end));
            // Read where there is no tokenizer.json.
            let pieces = name == SENTENCEPIECE && !folder.join(TOKENIZER).is_file();
            let others = ["config.json", "adapter_config.json", TOKENIZER, MANIFEST];
            if weights || pieces || others.contains(&name.as_str()) {
                names.push(name);
            }
        }
        names.sort();
        let mut hasher = Sha256::new();
        fingerprint::add_files(&mut hasher, folder, names)?;
        if let Some(chat) = ChatTemplate::from_folder(folder)? {
            hasher.update(chat.source());
        }
        let lora = folder.join(LORA);
        if lora.is_dir() {
            hasher.update(Policy::fingerprint(&lora)?.as_bytes());
        }
        if let Some(base) = base_of(folder)? {
            hasher.update(Policy::fingerprint(&base)?.as_bytes());
        }
        Ok(fingerprint::written(hasher))
    }

    /// Reads adapter and value head from `folder`, keeping the model as it is.
    fn load_trained(&mut self, folder: &Path, device: &Device) -> Result<(), TrainError> {
        let manifest: Manifest = read_json(&folder.join(MANIFEST))?;
        let (shape, path) = (self.model.shape(), folder.join(PREFIX));
        let prefix = |config| Prefix::load(&config, &shape, &path, device);
        let prefix = manifest.prefix.map(prefix).transpose()?;
        let lora = || self.model.load_lora(&folder.join(LORA));
        let lora = manifest.lora.then(lora).transpose()?;
        self.adapter = prefix.map(Adapter::Prefix).or(lora.map(Adapter::Lora));
        let path = folder.join(VALUE_HEAD);
        let value_head = || ValueHead::load(shape.hidden_size, &path, device);
        self.value_head = manifest.value_head.then(value_head).transpose()?;
        Ok(())
    }
}

impl From<LanguageModel> for Policy {
    /// The model alone.
    fn from(model: LanguageModel) -> Self {
        Policy {
            model,
            adapter: None,
            value_head: None,
        }
    }
}

/// The folder of the model's weights, if the policy in `folder` names another.
fn base_of(folder: &Path) -> Result<Option<PathBuf>, TrainError> {
    let path = folder.join(MANIFEST);
    if !path.is_file() {
        return Ok(None);
    }
    let manifest: Manifest = read_json(&path)?;
    Ok(manifest.base.map(|base| folder.join(base)))
}
