//! The shape of a decoder of the Llama family: Hugging Face's `config.json`.

use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::rope::RopeScaling;
use crate::nn::ModelShape;
use crate::nn::limits::{
    MAX_FEED_FORWARD, MAX_HEAD_WIDTH, MAX_HEADS, MAX_LAYERS, MAX_VOCABULARY, MAX_WIDTH, between,
    rate_problem, size_problem, token_problem,
};
use crate::nn::weights::{WeightsError, write_config};

/// Who published the architecture; they differ in biases and norms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Family {
    /// Llama 1 to 3, and SmolLM2.
    Llama,
    /// Mistral without a sliding window.
    Mistral,
    /// Qwen 2 and 2.5: biases of queries, keys and values.
    Qwen2,
    /// Qwen 3: queries and keys are normed head by head.
    Qwen3,
}

impl Family {
    const ALL: [(&str, Family); 4] = [
        ("llama", Family::Llama),
        ("mistral", Family::Mistral),
        ("qwen2", Family::Qwen2),
        ("qwen3", Family::Qwen3),
    ];

    /// Transformers' class of the whole model.
    fn class(self) -> &'static str {
        match self {
            Family::Llama => "LlamaForCausalLM",
            Family::Mistral => "MistralForCausalLM",
            Family::Qwen2 => "Qwen2ForCausalLM",
            Family::Qwen3 => "Qwen3ForCausalLM",
        }
    }
}

/// The shape of a decoder, in Hugging Face's names; defaults are Transformers'.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct LlamaConfig {
    pub model_type: Family,
    pub vocab_size: usize,
    pub hidden_size: usize,
    pub intermediate_size: usize,
    pub num_hidden_layers: usize,
    pub num_attention_heads: usize,
    /// Each serves as many query heads as the others.
    pub num_key_value_heads: usize,
    pub head_dim: usize,
    /// The longest sequence that it was trained on.
    pub max_position_embeddings: usize,
    pub rms_norm_eps: f64,
    pub rope_theta: f64,
    pub rope_scaling: Option<RopeScaling>,
    /// Biases of the attention's linear layers, where the family leaves the choice.
    pub attention_bias: bool,
    /// The same of the feed-forward layers.
    pub mlp_bias: bool,
    pub attention_dropout: f64,
    /// Whether the output head is the embedding.
    pub tie_word_embeddings: bool,
    /// Standard deviation of initial weights.
    pub initializer_range: f64,
    pub bos_token_id: Option<u32>,
    /// A response ends at any of them.
    pub eos_token_id: Vec<u32>,
    pub pad_token_id: Option<u32>,
}

impl Default for LlamaConfig {
    fn default() -> Self {
        LlamaConfig {
            model_type: Family::Llama,
            vocab_size: 32_000,
            hidden_size: 4_096,
            intermediate_size: 11_008,
            num_hidden_layers: 32,
            num_attention_heads: 32,
            num_key_value_heads: 32,
            head_dim: 128,
            max_position_embeddings: 2_048,
            rms_norm_eps: 1e-6,
            rope_theta: 10_000.0,
            rope_scaling: None,
            attention_bias: false,
            mlp_bias: false,
            attention_dropout: 0.0,
            tie_word_embeddings: false,
            initializer_range: 0.02,
            bos_token_id: None,
            eos_token_id: vec![2],
            pad_token_id: None,
        }
    }
}

/// No model has more.
const MAX_POSITIONS: usize = 100_000_000;

impl LlamaConfig {
    /// Width of all query heads together.
    pub fn query_width(&self) -> usize {
        self.num_attention_heads * self.head_dim
    }

    /// Width of all key heads together, and of all value heads.
    pub fn key_width(&self) -> usize {
        self.num_key_value_heads * self.head_dim
    }

    pub fn shape(&self) -> ModelShape {
        ModelShape {
            vocab_size: self.vocab_size,
            hidden_size: self.hidden_size,
            intermediate_size: self.intermediate_size,
            encoder_layers: 0,
            decoder_layers: self.num_hidden_layers,
            num_heads: self.num_attention_heads,
            num_key_value_heads: self.num_key_value_heads,
            head_dim: self.head_dim,
            tie_word_embeddings: self.tie_word_embeddings,
        }
    }

    /// The tokens that end a response.
    pub fn eos_token_ids(&self) -> &[u32] {
        &self.eos_token_id
    }

    /// Whether queries, keys and values have a bias.
    pub fn has_query_bias(&self) -> bool {
        match self.model_type {
            Family::Llama | Family::Qwen3 => self.attention_bias,
            Family::Mistral => false,
            Family::Qwen2 => true,
        }
    }

    /// Whether the output of attention has one.
    pub fn has_output_bias(&self) -> bool {
        self.attention_bias && matches!(self.model_type, Family::Llama | Family::Qwen3)
    }

    /// Whether the feed-forward layers have one.
    pub fn has_mlp_bias(&self) -> bool {
        self.mlp_bias && self.model_type == Family::Llama
    }

    /// Whether queries and keys are normed head by head.
    pub fn has_head_norms(&self) -> bool {
        self.model_type == Family::Qwen3
    }

    /// The same without an output head of its own.
    #[must_use]
    pub fn without_head(&self) -> Self {
        LlamaConfig {
            tie_word_embeddings: true,
            ..self.clone()
        }
    }

    /// Whether `model_type` of a `config.json` is one of this family.
    pub fn reads(model_type: &str) -> bool {
        Family::ALL.iter().any(|(name, _)| *name == model_type)
    }

    /// The first invalid field, and why.
    pub fn problem(&self) -> Option<(&'static str, String)> {
        let sizes = [
            ("vocab_size", self.vocab_size, MAX_VOCABULARY),
            ("hidden_size", self.hidden_size, MAX_WIDTH),
            (
                "intermediate_size",
                self.intermediate_size,
                MAX_FEED_FORWARD,
            ),
            ("num_hidden_layers", self.num_hidden_layers, MAX_LAYERS),
            ("num_attention_heads", self.num_attention_heads, MAX_HEADS),
            ("num_key_value_heads", self.num_key_value_heads, MAX_HEADS),
            ("head_dim", self.head_dim, MAX_HEAD_WIDTH),
            (
                "max_position_embeddings",
                self.max_position_embeddings,
                MAX_POSITIONS,
            ),
        ];
        if let Some(problem) = size_problem(&sizes) {
            return Some(problem);
        }
        let heads = self.num_attention_heads;
        if !heads.is_multiple_of(self.num_key_value_heads) {
            let problem = format!(
                "is {}; it must divide num_attention_heads, {heads}",
                self.num_key_value_heads
            );
            return Some(("num_key_value_heads", problem));
        }
        if !self.head_dim.is_multiple_of(2) {
            let problem = format!("is {}; it must be even to be rotated", self.head_dim);
            return Some(("head_dim", problem));
        }
        between("rms_norm_eps", self.rms_norm_eps, 0.0, 1.0)
            .or_else(|| between("rope_theta", self.rope_theta, 1.0, 1e12))
            .or_else(|| between("initializer_range", self.initializer_range, 0.0, 10.0))
            .or_else(|| rate_problem("attention_dropout", self.attention_dropout))
            .or_else(|| {
                let problem = self.rope_scaling.as_ref()?.problem()?;
                Some(("rope_scaling", problem))
            })
            .or_else(|| self.tokens_problem())
    }

    fn tokens_problem(&self) -> Option<(&'static str, String)> {
        if self.eos_token_id.is_empty() {
            let problem = "names no token that ends a response; write its id".into();
            return Some(("eos_token_id", problem));
        }
        let outside = |field, ids: &[u32]| token_problem(field, ids, self.vocab_size);
        outside("eos_token_id", &self.eos_token_id)
            .or_else(|| outside("bos_token_id", self.bos_token_id.as_slice()))
            .or_else(|| outside("pad_token_id", self.pad_token_id.as_slice()))
    }

    /// Writes `config.json` as Transformers reads it.
    pub fn write(&self, folder: &Path) -> Result<(), WeightsError> {
        let mut head = json!({
            "architectures": [self.model_type.class()],
            "hidden_act": "silu",
        });
        if let [only] = self.eos_token_id[..] {
            head["eos_token_id"] = only.into();
        }
        match self.model_type {
            Family::Mistral => head["sliding_window"] = Value::Null,
            Family::Qwen2 | Family::Qwen3 => head["use_sliding_window"] = false.into(),
            Family::Llama => {}
        }
        write_config(folder, head, self)
    }
}
