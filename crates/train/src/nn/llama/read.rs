//! Reads a `config.json`: what files leave out and write in several ways, and what is refused.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::config::LlamaConfig;
use super::rope::RopeScaling;
use crate::nn::weights::{ConfigFile, WeightsError, document};

/// What every file says.
const REQUIRED: [&str; 5] = [
    "vocab_size",
    "hidden_size",
    "intermediate_size",
    "num_hidden_layers",
    "num_attention_heads",
];

/// Relatives that compute something else.
const RELATIVES: [(&str, &str); 14] = [
    ("llama4", "Llama 4, a mixture of experts"),
    ("llama4_text", "Llama 4, a mixture of experts"),
    ("mixtral", "Mixtral, a mixture of experts"),
    ("qwen", "the first Qwen"),
    ("qwen2_moe", "a mixture of experts"),
    ("qwen3_moe", "a mixture of experts"),
    ("gemma", "Gemma"),
    ("gemma2", "Gemma 2"),
    ("gemma3", "Gemma 3"),
    ("gemma3_text", "Gemma 3"),
    ("phi", "Phi"),
    ("phi3", "Phi 3"),
    ("smollm3", "SmolLM3, whose layers are not all rotated"),
    ("granite", "Granite, which scales its layers"),
];

impl LlamaConfig {
    /// Reads `config.json` of a folder, and the ends of a response that `generation_config.json` adds.
    pub fn read(folder: &Path) -> Result<Self, WeightsError> {
        let file = ConfigFile::open(folder, "a model")?;
        let generation = folder.join("generation_config.json");
        let generation = match generation.is_file() {
            true => document(&generation)?,
            false => Value::Null,
        };
        Self::settled(file, &generation)
    }

    /// Reads the content of a `config.json`; `path` is for the errors, `generation` the content of
    /// `generation_config.json` if there is one.
    pub fn of(json: Value, generation: &Value, path: PathBuf) -> Result<Self, WeightsError> {
        Self::settled(ConfigFile::of(json, path)?, generation)
    }

    fn settled(mut file: ConfigFile, generation: &Value) -> Result<Self, WeightsError> {
        let refuse = |file: &ConfigFile, (field, problem): Refusal| file.refuse(field, problem);
        check_window(&file.fields).map_err(|refusal| refuse(&file, refusal))?;
        file.drop_nulls();
        check_kind(&file).map_err(|refusal| refuse(&file, refusal))?;
        settle(&mut file.fields, generation).map_err(|refusal| refuse(&file, refusal))?;
        file.parse(LlamaConfig::problem)
    }
}

type Refusal = (&'static str, String);

/// Refuses what is no decoder of this family, or computes more than this one does.
fn check_kind(file: &ConfigFile) -> Result<(), Refusal> {
    if !file.text("model_type").is_some_and(LlamaConfig::reads) {
        let problem = format!(
            "{}; this program reads T5 (\"t5\") and decoders of the Llama family: Llama and SmolLM2 (\"llama\"), Qwen 2 and 2.5 (\"qwen2\"), Qwen 3 (\"qwen3\") and Mistral without a sliding window (\"mistral\")",
            file.kind_in_words(&RELATIVES)
        );
        return Err(("model_type", problem));
    }
    if let Some(class) = file.class().filter(|class| !class.ends_with("ForCausalLM")) {
        let problem =
            format!("is {class}, which does not predict tokens; give a …ForCausalLM model");
        return Err(("architectures", problem));
    }
    let fields = &file.fields;
    if let Some(activation) = file.text("hidden_act")
        && !["silu", "swish"].contains(&activation)
    {
        let problem = format!("is {activation:?}; models of this family have \"silu\"");
        return Err(("hidden_act", problem));
    }
    if fields.contains_key("quantization_config") {
        let problem = "says that the weights are quantised; give the f32, f16 or bf16 ones".into();
        return Err(("quantization_config", problem));
    }
    if fields
        .get("partial_rotary_factor")
        .is_some_and(|factor| factor.as_f64() != Some(1.0))
    {
        let problem = "is not 1; models of this family rotate whole heads".into();
        return Err(("partial_rotary_factor", problem));
    }
    match REQUIRED.iter().find(|field| !fields.contains_key(**field)) {
        Some(field) => Err((field, "is missing".into())),
        None => Ok(()),
    }
}

/// Refuses layers that do not see the whole sequence.
fn check_window(fields: &Map<String, Value>) -> Result<(), Refusal> {
    let problem = "limits what a token sees, which this program does not compute; give a model without a sliding window";
    // Mistral's is 4096 where the file has none, and off where it is null.
    let is_mistral = fields
        .get("model_type")
        .is_some_and(|kind| kind == "mistral");
    if is_mistral && fields.get("sliding_window") != Some(&Value::Null) {
        return Err(("sliding_window", problem.into()));
    }
    if fields.get("use_sliding_window") == Some(&Value::Bool(true)) {
        return Err(("use_sliding_window", problem.into()));
    }
    let layers = fields.get("layer_types").and_then(Value::as_array);
    if layers.is_some_and(|layers| layers.iter().any(|layer| layer != "full_attention")) {
        return Err(("layer_types", problem.into()));
    }
    Ok(())
}

/// Fills what files leave out as Transformers does, and brings older and newer ways of writing to one.
fn settle(fields: &mut Map<String, Value>, generation: &Value) -> Result<(), Refusal> {
    // Transformers 5 has all that concerns the rotation in one field.
    if let Some(Value::Object(mut rope)) = fields.remove("rope_parameters") {
        if let Some(theta) = rope.remove("rope_theta") {
            fields.insert("rope_theta".into(), theta);
        }
        fields.insert("rope_scaling".into(), Value::Object(rope));
    }
    if let Some(scaling) = fields.remove("rope_scaling")
        && let Some(scaling) = RopeScaling::read(scaling, fields.get("max_position_embeddings"))
            .map_err(|problem| ("rope_scaling", problem))?
    {
        let scaling =
            serde_json::to_value(scaling).map_err(|error| ("rope_scaling", error.to_string()))?;
        fields.insert("rope_scaling".into(), scaling);
    }
    let number = |field: &str| fields.get(field).and_then(Value::as_u64);
    let (width, heads) = (number("hidden_size"), number("num_attention_heads"));
    if let (Some(width), Some(heads @ 1..)) = (width, heads) {
        let is_qwen3 = fields.get("model_type").is_some_and(|kind| kind == "qwen3");
        let head_dim = if is_qwen3 { 128 } else { width / heads };
        fields.entry("head_dim").or_insert(head_dim.into());
        fields.entry("num_key_value_heads").or_insert(heads.into());
    }
    // The first Llama's files say -1 for none.
    for field in ["pad_token_id", "bos_token_id"] {
        if fields
            .get(field)
            .and_then(Value::as_i64)
            .is_some_and(|id| id < 0)
        {
            fields.remove(field);
        }
    }
    let mut ends: Vec<Value> = Vec::new();
    for ids in [
        fields.remove("eos_token_id"),
        Some(generation["eos_token_id"].clone()),
    ] {
        let ids = match ids {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::Array(ids)) => ids,
            Some(id) => vec![id],
        };
        for id in ids {
            if !ends.contains(&id) {
                ends.push(id);
            }
        }
    }
    fields.insert("eos_token_id".into(), ends.into());
    Ok(())
}
