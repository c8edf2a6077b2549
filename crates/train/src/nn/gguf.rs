//! Models of the Llama family in GGUF files: what llama.cpp wrote, under the names that Transformers has for it.

mod rope;

use std::path::Path;

use serde_json::{Map, Value, json};

use rope::Llama3Scaling;

use super::weights::gguf::{Field, Gguf};
use super::weights::{WeightsError, WeightsFile};
use crate::text::chat::{ChatError, ChatTemplate};
use crate::text::{GgufVocabulary, Tokenizer, TokenizerError};

/// What `general.architecture` may be, with Transformers' names of it.
const ARCHITECTURES: [(&str, &str); 3] = [
    ("llama", "LlamaForCausalLM"),
    ("qwen2", "Qwen2ForCausalLM"),
    ("qwen3", "Qwen3ForCausalLM"),
];
const EMBEDDING: &str = "token_embd.weight";
const HEAD: &str = "output.weight";
/// Llama 3.1's divisors of the rotary frequencies.
const ROPE_FACTORS: &str = "rope_freqs.weight";

/// A GGUF file of a Llama, SmolLM2, Qwen2 or Qwen3 model.
pub struct GgufFile {
    gguf: Gguf,
    config: Value,
}

impl GgufFile {
    /// Reads metadata and the places of the tensors; the numbers stay on disk until they are asked for.
    ///
    /// # Errors
    /// The file is damaged, of another architecture, or has something that this program does not compute.
    pub fn open(path: &Path) -> Result<Self, WeightsError> {
        let gguf = Gguf::open(path)?;
        let config = Metadata::of(&gguf)?.config()?;
        Ok(GgufFile { gguf, config })
    }

    /// What Transformers' `config.json` of the model would hold.
    pub fn config(&self) -> &Value {
        &self.config
    }

    /// The formats that its tensors are in, such as Q4_1, with the number of tensors in each, the commonest first.
    pub fn formats(&self) -> Vec<(&'static str, usize)> {
        self.gguf.formats()
    }

    /// Its chat template, if it has one.
    ///
    /// # Errors
    /// The template is no Jinja.
    pub fn chat_template(&self) -> Result<Option<ChatTemplate>, ChatError> {
        let Some(source) = text(&self.gguf, "tokenizer.chat_template") else {
            return Ok(None);
        };
        let mut template = ChatTemplate::new(source, &self.gguf.path)?;
        let Some(Field::Texts(tokens)) = self.gguf.fields.get("tokenizer.ggml.tokens") else {
            return Ok(Some(template));
        };
        for (variable, field) in [("bos_token", "bos_token_id"), ("eos_token", "eos_token_id")] {
            let id = token_id(&self.gguf, field);
            if let Some(token) = id.and_then(|id| tokens.get(id as usize)) {
                template = template.with_token(variable, token);
            }
        }
        Ok(Some(template))
    }

    /// The tokenizer of its metadata.
    ///
    /// # Errors
    /// The metadata hold none, or one that this program does not read.
    pub fn tokenizer(&self) -> Result<Tokenizer, TokenizerError> {
        let path = &self.gguf.path;
        let field = |name: &str| self.gguf.fields.get(&format!("tokenizer.ggml.{name}"));
        let word = |name: &str| match field(name) {
            Some(Field::Text(text)) => text.clone(),
            _ => String::new(),
        };
        let texts = |name: &str| match field(name) {
            Some(Field::Texts(texts)) => texts.clone(),
            _ => Vec::new(),
        };
        let kinds = match field("token_type") {
            Some(Field::Integers(kinds)) => kinds.clone(),
            _ => Vec::new(),
        };
        let added = |flag: &str, id: &str| {
            let flag = match field(flag) {
                Some(Field::Bool(flag)) => Some(*flag),
                _ => None,
            };
            (flag, token_id(&self.gguf, id))
        };
        let vocabulary = GgufVocabulary {
            model: word("model"),
            pre: word("pre"),
            tokens: texts("tokens"),
            kinds,
            merges: texts("merges"),
            begin: added("add_bos_token", "bos_token_id"),
            end: added("add_eos_token", "eos_token_id"),
        };
        Tokenizer::from_gguf(vocabulary, path)
    }

    /// Its tensors, by Transformers' names.
    pub fn into_weights(self) -> WeightsFile {
        let heads = |field: &str| self.config[field].as_u64().map(|heads| heads as usize);
        let (queries, keys) = (heads("num_attention_heads"), heads("num_key_value_heads"));
        let interleaved = self.config["model_type"] == "llama";
        self.gguf.into_weights(|name| {
            // llama.cpp turns pairs of neighbouring rows, Transformers rows of the two halves of a head.
            let heads = match name.split('.').nth(2) {
                Some("attn_q") if interleaved => queries,
                Some("attn_k") if interleaved => keys,
                _ => None,
            };
            Some((tensor_name(name)?, heads))
        })
    }
}

/// Transformers' name of a tensor; its own where Transformers has none, and none where a model does not keep it.
fn tensor_name(name: &str) -> Option<String> {
    let own = || Some(name.to_string());
    let parts: Vec<&str> = name.split('.').collect();
    match parts[..] {
        ["token_embd", "weight"] => Some("model.embed_tokens.weight".into()),
        ["output_norm", "weight"] => Some("model.norm.weight".into()),
        ["output", "weight"] => Some("lm_head.weight".into()),
        ["rope_freqs", "weight"] => None,
        ["blk", layer, part, end] => {
            let part = match part {
                "attn_norm" => "input_layernorm",
                "ffn_norm" => "post_attention_layernorm",
                "attn_q" => "self_attn.q_proj",
                "attn_k" => "self_attn.k_proj",
                "attn_v" => "self_attn.v_proj",
                "attn_output" => "self_attn.o_proj",
                "attn_q_norm" => "self_attn.q_norm",
                "attn_k_norm" => "self_attn.k_norm",
                "ffn_gate" => "mlp.gate_proj",
                "ffn_up" => "mlp.up_proj",
                "ffn_down" => "mlp.down_proj",
                _ => return own(),
            };
            Some(format!("model.layers.{layer}.{part}.{end}"))
        }
        _ => own(),
    }
}

fn text<'a>(gguf: &'a Gguf, field: &str) -> Option<&'a str> {
    match gguf.fields.get(field)? {
        Field::Text(text) => Some(text),
        _ => None,
    }
}

/// The id that a field of the tokenizer's metadata names.
fn token_id(gguf: &Gguf, field: &str) -> Option<u32> {
    match gguf.fields.get(&format!("tokenizer.ggml.{field}"))? {
        Field::Integer(id) => u32::try_from(*id).ok(),
        _ => None,
    }
}

/// The fields of one architecture.
struct Metadata<'a> {
    gguf: &'a Gguf,
    architecture: &'static str,
    class: &'static str,
}

impl<'a> Metadata<'a> {
    fn of(gguf: &'a Gguf) -> Result<Self, WeightsError> {
        let found = text(gguf, "general.architecture");
        match ARCHITECTURES
            .into_iter()
            .find(|(name, _)| Some(*name) == found)
        {
            Some((architecture, class)) => Ok(Metadata {
                gguf,
                architecture,
                class,
            }),
            None => Err(WeightsError::Unsupported {
                path: gguf.path.clone(),
                problem: format!("the architecture is {:.40}", found.unwrap_or("not named")),
                fix: "give a Llama, SmolLM2, Qwen2 or Qwen3 model".into(),
            }),
        }
    }

    fn unsupported(&self, problem: String) -> WeightsError {
        WeightsError::Unsupported {
            path: self.gguf.path.clone(),
            problem,
            fix: "give a plain Llama, SmolLM2, Qwen2 or Qwen3 model".into(),
        }
    }

    fn field(&self, name: &str) -> Option<&Field> {
        self.gguf
            .fields
            .get(&format!("{}.{name}", self.architecture))
    }

    /// A number of the architecture, if it is there.
    fn number(&self, name: &str) -> Result<Option<f64>, WeightsError> {
        match self.field(name) {
            None => Ok(None),
            Some(Field::Float(number)) => Ok(Some(*number)),
            Some(Field::Integer(number)) => Ok(Some(*number as f64)),
            Some(_) => Err(WeightsError::Config {
                path: self.gguf.path.clone(),
                field: format!("{}.{name}", self.architecture),
                problem: "is no single number".into(),
            }),
        }
    }

    /// A size of the architecture, if it is there.
    fn optional(&self, name: &str) -> Result<Option<u64>, WeightsError> {
        let whole = |number: f64| {
            (number.fract() == 0.0 && (0.0..1e9).contains(&number)).then_some(number as u64)
        };
        match self.number(name)? {
            None => Ok(None),
            Some(number) => whole(number).map(Some).ok_or_else(|| WeightsError::Config {
                path: self.gguf.path.clone(),
                field: format!("{}.{name}", self.architecture),
                problem: format!("is {number}, which is no size"),
            }),
        }
    }

    fn size(&self, name: &str) -> Result<u64, WeightsError> {
        self.optional(name)?.ok_or_else(|| WeightsError::Config {
            path: self.gguf.path.clone(),
            field: format!("{}.{name}", self.architecture),
            problem: "is missing".into(),
        })
    }

    /// `config.json`, in Transformers' words.
    fn config(&self) -> Result<Value, WeightsError> {
        if self.optional("expert_count")?.unwrap_or(0) > 0 {
            return Err(self.unsupported("is a mixture of experts".into()));
        }
        let context = self.size("context_length")?;
        if let Some(window) = self.optional("attention.sliding_window")?
            && (1..context).contains(&window)
        {
            return Err(self.unsupported(format!("attends to the last {window} tokens only")));
        }
        let hidden = self.size("embedding_length")?;
        let heads = self.size("attention.head_count")?.max(1);
        let head_dim = match self.optional("attention.key_length")? {
            Some(length) => length,
            None => hidden / heads,
        };
        if let Some(rotary) = self.optional("rope.dimension_count")?
            && rotary != head_dim
        {
            return Err(self.unsupported(format!(
                "turns {rotary} of the {head_dim} numbers of a head"
            )));
        }
        let embedding = self.gguf.shape(EMBEDDING);
        let Some([vocabulary, _]) = embedding else {
            return Err(WeightsError::MissingTensor {
                path: self.gguf.path.clone(),
                tensor: EMBEDDING.into(),
            });
        };
        let mut config = json!({
            "architectures": [self.class],
            "model_type": self.architecture,
            "vocab_size": vocabulary,
            "hidden_size": hidden,
            "intermediate_size": self.size("feed_forward_length")?,
            "num_hidden_layers": self.size("block_count")?,
            "num_attention_heads": heads,
            "num_key_value_heads": self.optional("attention.head_count_kv")?.unwrap_or(heads),
            "head_dim": head_dim,
            "hidden_act": "silu",
            "max_position_embeddings": context,
            "rms_norm_eps": self.number("attention.layer_norm_rms_epsilon")?.unwrap_or(1e-6),
            "rope_theta": self.number("rope.freq_base")?.unwrap_or(10_000.0),
            "tie_word_embeddings": self.gguf.shape(HEAD).is_none(),
        });
        if let Value::Object(fields) = &mut config {
            // Qwen2 has them without saying so.
            if self.architecture != "qwen2" && self.gguf.shape("blk.0.attn_q.bias").is_some() {
                fields.insert("attention_bias".into(), json!(true));
            }
            self.tokens(fields);
            if let Some(scaling) = self.rope_scaling(head_dim as usize)? {
                fields.insert("rope_scaling".into(), scaling);
            }
        }
        Ok(config)
    }

    /// The ids that end and pad a text. A model that ends its turns otherwise than its texts has both.
    fn tokens(&self, fields: &mut Map<String, Value>) {
        let id = |field: &str| token_id(self.gguf, field);
        let (end, turn) = (id("eos_token_id"), id("eot_token_id"));
        let ends = match (end, turn) {
            (Some(end), Some(turn)) if end != turn => json!([end, turn]),
            (end, turn) => json!(end.or(turn)),
        };
        fields.insert("bos_token_id".into(), json!(id("bos_token_id")));
        fields.insert("eos_token_id".into(), ends);
        fields.insert("pad_token_id".into(), json!(id("padding_token_id")));
    }

    /// Transformers' `rope_scaling`: linear by its fields, Llama 3.1's by the divisors that llama.cpp made of it.
    fn rope_scaling(&self, head_dim: usize) -> Result<Option<Value>, WeightsError> {
        if let Some(values) = self.gguf.values(ROPE_FACTORS) {
            let base = self.number("rope.freq_base")?.unwrap_or(10_000.0);
            return match Llama3Scaling::of(&values?, base, head_dim) {
                Some(scaling) => Ok(Some(scaling.json())),
                None => Err(self.unsupported(format!(
                    "tensor `{ROPE_FACTORS}` scales rotary positions otherwise than Llama 3.1"
                ))),
            };
        }
        let kind = match self.field("rope.scaling.type") {
            Some(Field::Text(kind)) if kind != "none" => kind,
            _ => return Ok(None),
        };
        match (kind.as_str(), self.number("rope.scaling.factor")?) {
            ("linear", Some(factor)) => Ok(Some(json!({"rope_type": "linear", "factor": factor}))),
            _ => Err(self.unsupported(format!("scales rotary positions by {kind:.40}"))),
        }
    }
}
