//! Adapters in PEFT's layout: `adapter_config.json` and `adapter_model.safetensors`.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use burn::module::Module;
use serde_json::{Map, Value, json};

use super::{Lora, LoraConfig, LoraTask};
use crate::nn::weights::{self, ParamInit, WeightsError, WeightsFile, document};

const CONFIG: &str = "adapter_config.json";
const WEIGHTS: &str = "adapter_model.safetensors";
/// What PEFT puts before a layer's published name.
const WRAPPER: &str = "base_model.model.";

impl Lora {
    /// Writes a folder that PEFT loads. `base` is the name or folder of the model that it is for.
    ///
    /// # Errors
    /// A folder that cannot be written to.
    pub fn save(&self, folder: &Path, base: Option<&str>) -> Result<(), WeightsError> {
        fs::create_dir_all(folder).map_err(WeightsError::io(folder))?;
        weights::save(self, &folder.join(WEIGHTS), |path| self.tensor_names(path))?;
        let config = json!({
            "peft_type": "LORA",
            "task_type": self.task.name(),
            "base_model_name_or_path": base,
            "r": self.config.rank,
            "lora_alpha": self.config.alpha,
            "lora_dropout": self.config.dropout,
            "target_modules": self.config.targets,
            "bias": "none",
            "fan_in_fan_out": false,
            "init_lora_weights": true,
            "inference_mode": true,
        });
        let path = folder.join(CONFIG);
        let temporary = path.with_extension("tmp");
        fs::write(&temporary, format!("{config:#}\n")).map_err(WeightsError::io(&temporary))?;
        fs::rename(&temporary, &path).map_err(WeightsError::io(&path))
    }

    /// Reads a folder that PEFT or [`Lora::save`] wrote, for `model`; `names` and `task` are as in [`Lora::with`].
    ///
    /// # Errors
    /// Files that are missing or damaged, an adapter of another kind or for another model.
    pub(in crate::nn) fn read<M: Module>(
        folder: &Path,
        model: &M,
        init: &mut ParamInit<'_>,
        names: impl Fn(&str) -> Vec<String>,
        task: LoraTask,
    ) -> Result<Self, WeightsError> {
        let path = folder.join(CONFIG);
        if !path.is_file() {
            return Err(WeightsError::Missing {
                path,
                fix: "give the folder of a PEFT adapter".into(),
            });
        }
        let file = open(folder)?;
        let config = match document(&path)? {
            Value::Object(fields) => config(&fields, &file),
            _ => Err(("peft_type", "is missing".into())),
        };
        let refuse = |(field, problem): (&str, String)| WeightsError::Config {
            path: path.clone(),
            field: field.to_string(),
            problem,
        };
        let config = config.map_err(refuse)?;
        let lora = Lora::with(init, &config, model, names, task)
            .map_err(|error| refuse(("target_modules", format!("do not fit: {error}"))))?;
        let names = lora.clone();
        file.load(lora, |path| names.tensor_names(path))
    }

    /// PEFT's names of the tensors that the parameter at `path` consists of.
    fn tensor_names(&self, path: &str) -> Vec<String> {
        let path: Vec<&str> = path.split('.').collect();
        let number = |at: usize| path.get(at).and_then(|number| number.parse::<usize>().ok());
        let (Some(block), Some(linear)) = (number(1), number(3)) else {
            unreachable!("no parameter of an adapter: {path:?}")
        };
        let side = if path.last() == Some(&"a") {
            "lora_A"
        } else {
            "lora_B"
        };
        let linear = &self.blocks[block].linears[linear];
        let names = linear.names.iter();
        names
            .map(|name| format!("{WRAPPER}{name}.{side}.weight"))
            .collect()
    }
}

impl LoraTask {
    fn name(self) -> &'static str {
        match self {
            LoraTask::CausalLm => "CAUSAL_LM",
            LoraTask::Seq2SeqLm => "SEQ_2_SEQ_LM",
        }
    }
}

fn open(folder: &Path) -> Result<WeightsFile, WeightsError> {
    let older = folder.join("adapter_model.bin");
    let path = folder.join(WEIGHTS);
    if older.is_file() && !path.is_file() {
        return WeightsFile::open(&older);
    }
    WeightsFile::open(&path)
}

type Refusal = (&'static str, String);

/// What an adapter does beyond LoRA's equation, unless it says one of these.
const PLAIN: [(&str, &[&str]); 15] = [
    ("bias", &["none"]),
    ("use_dora", &[]),
    ("use_rslora", &[]),
    ("use_qalora", &[]),
    ("lora_bias", &[]),
    ("fan_in_fan_out", &[]),
    ("rank_pattern", &[]),
    ("alpha_pattern", &[]),
    ("modules_to_save", &[]),
    ("layers_to_transform", &[]),
    ("exclude_modules", &[]),
    ("layer_replication", &[]),
    ("trainable_token_indices", &[]),
    ("target_parameters", &[]),
    ("alora_invocation_tokens", &[]),
];

/// Ways to draw the first weights that change the frozen ones too.
const CHANGES_BASE: [&str; 4] = ["pissa", "olora", "corda", "loftq"];

/// The configuration in `adapter_config.json`.
fn config(fields: &Map<String, Value>, file: &WeightsFile) -> Result<LoraConfig, Refusal> {
    let get = |field: &str| fields.get(field).unwrap_or(&Value::Null);
    match get("peft_type") {
        Value::String(kind) if kind == "LORA" => {}
        Value::Null => return Err(("peft_type", "is missing".into())),
        other => {
            let problem = format!("is {other}; this program reads \"LORA\"");
            return Err(("peft_type", problem));
        }
    }
    for (field, plain) in PLAIN {
        let is_plain = match get(field) {
            Value::Null | Value::Bool(false) => true,
            Value::String(word) => plain.contains(&word.as_str()),
            Value::Array(items) => items.is_empty(),
            Value::Object(items) => items.is_empty(),
            _ => false,
        };
        if !is_plain {
            let problem = format!(
                "is {}, which this program does not compute; merge the adapter in Python, model.merge_and_unload().save_pretrained(folder), and give that folder",
                get(field)
            );
            return Err((field, problem));
        }
    }
    if let Some(first) = get("init_lora_weights").as_str()
        && CHANGES_BASE.iter().any(|name| first.starts_with(name))
    {
        let problem = format!(
            "is {first:?}, which changed the model's own weights; merge the adapter in Python and give that folder"
        );
        return Err(("init_lora_weights", problem));
    }
    let number = |field: &'static str| match get(field).as_f64() {
        Some(number) => Ok(number),
        None => Err((
            field,
            format!("is {}, where a number is needed", get(field)),
        )),
    };
    let Some(rank) = get("r").as_u64() else {
        return Err((
            "r",
            format!("is {}, where a whole number is needed", get("r")),
        ));
    };
    let config = LoraConfig {
        rank: rank as usize,
        alpha: number("lora_alpha")?,
        dropout: match get("lora_dropout") {
            Value::Null => 0.0,
            _ => number("lora_dropout")?,
        },
        targets: targets(get("target_modules"), file)?,
    };
    config
        .check()
        .map_err(|error| ("r", format!("does not fit: {error}")))?;
    Ok(config)
}

/// The names that are listed; of a pattern, those of the layers in the file.
fn targets(listed: &Value, file: &WeightsFile) -> Result<Vec<String>, Refusal> {
    match listed {
        Value::Array(names) => {
            let name = |name: &Value| match name.as_str() {
                Some(name) => Ok(name.to_string()),
                None => Err(("target_modules", format!("has {name}, which is no name"))),
            };
            names.iter().map(name).collect()
        }
        Value::String(_) => {
            let layer = |name: &String| {
                let layer = name.strip_suffix(".lora_A.weight")?;
                layer.rsplit('.').next().map(str::to_string)
            };
            let found: BTreeSet<String> = file.names().filter_map(layer).collect();
            Ok(found.into_iter().collect())
        }
        other => {
            let problem = format!("is {other}, where names of layers are needed");
            Err(("target_modules", problem))
        }
    }
}
