//! The shape of a BERT: Hugging Face's `config.json`.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::nn::limits::{
    MAX_FEED_FORWARD, MAX_HEADS, MAX_LAYERS, MAX_VOCABULARY, MAX_WIDTH, between, rate_problem,
    size_problem, token_problem,
};
use crate::nn::llama::LlamaConfig;
use crate::nn::t5::T5Config;
use crate::nn::weights::{ConfigFile, WeightsError, document};

/// The activation of the feed-forward layers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Activation {
    #[serde(rename = "gelu")]
    Gelu,
    /// By the hyperbolic tangent.
    #[serde(rename = "gelu_new", alias = "gelu_pytorch_tanh")]
    GeluApproximate,
    #[serde(rename = "relu")]
    Relu,
}

/// The shape of a BERT; defaults are Hugging Face's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct BertConfig {
    pub vocab_size: usize,
    pub hidden_size: usize,
    pub num_hidden_layers: usize,
    pub num_attention_heads: usize,
    pub intermediate_size: usize,
    pub hidden_act: Activation,
    /// Tokens of the longest text.
    pub max_position_embeddings: usize,
    /// Kinds of texts: the first and the second of a pair.
    pub type_vocab_size: usize,
    pub layer_norm_eps: f64,
    /// Standard deviation of new weights.
    pub initializer_range: f64,
    pub hidden_dropout_prob: f64,
    pub pad_token_id: u32,
    pub position_embedding_type: String,
}

impl Default for BertConfig {
    fn default() -> Self {
        BertConfig {
            vocab_size: 30_522,
            hidden_size: 768,
            num_hidden_layers: 12,
            num_attention_heads: 12,
            intermediate_size: 3_072,
            hidden_act: Activation::Gelu,
            max_position_embeddings: 512,
            type_vocab_size: 2,
            layer_norm_eps: 1e-12,
            initializer_range: 0.02,
            hidden_dropout_prob: 0.1,
            pad_token_id: 0,
            position_embedding_type: "absolute".into(),
        }
    }
}

/// No BERT has more.
const MAX_TYPES: usize = 1_024;

impl BertConfig {
    /// Whether a folder is to be read as a BERT: it has a `config.json` that is no language model's, of which
    /// [`BertConfig::read`] says more.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn is_meant_by(folder: &Path) -> Result<bool, WeightsError> {
        let path = folder.join("config.json");
        if !path.is_file() {
            return Ok(false);
        }
        let json = document(&path)?;
        let kind = json["model_type"].as_str();
        Ok(kind.is_some_and(|kind| !T5Config::knows(kind) && !LlamaConfig::reads(kind)))
    }

    /// Reads `config.json` of a folder.
    ///
    /// # Errors
    /// The file is not there, of another architecture, or has a field that no BERT can have.
    pub fn read(folder: &Path) -> Result<Self, WeightsError> {
        let mut file = ConfigFile::open(folder, "a BERT model")?;
        if file.text("model_type") != Some("bert") {
            let found = file.kind_in_words(&[]);
            let problem = format!(
                "{found}; as encoders this program reads BERT (\"bert\"), T5 (\"t5\") and decoders of the Llama family"
            );
            return Err(file.refuse("model_type", problem));
        }
        file.drop_nulls();
        file.parse(BertConfig::problem)
    }

    /// The first invalid field, and why.
    pub fn problem(&self) -> Option<(&'static str, String)> {
        let sizes = [
            ("vocab_size", self.vocab_size, MAX_VOCABULARY),
            ("hidden_size", self.hidden_size, MAX_WIDTH),
            ("num_hidden_layers", self.num_hidden_layers, MAX_LAYERS),
            ("num_attention_heads", self.num_attention_heads, MAX_HEADS),
            (
                "intermediate_size",
                self.intermediate_size,
                MAX_FEED_FORWARD,
            ),
            (
                "max_position_embeddings",
                self.max_position_embeddings,
                MAX_WIDTH,
            ),
            ("type_vocab_size", self.type_vocab_size, MAX_TYPES),
        ];
        if let Some(problem) = size_problem(&sizes) {
            return Some(problem);
        }
        let heads = self.num_attention_heads;
        if !self.hidden_size.is_multiple_of(heads) {
            return Some((
                "num_attention_heads",
                format!(
                    "is {heads}, which does not divide hidden_size {}",
                    self.hidden_size
                ),
            ));
        }
        let number = between("layer_norm_eps", self.layer_norm_eps, 0.0, 1.0);
        let number =
            number.or_else(|| rate_problem("hidden_dropout_prob", self.hidden_dropout_prob));
        if number.is_some() {
            return number;
        }
        let positions = &self.position_embedding_type;
        if positions != "absolute" {
            return Some((
                "position_embedding_type",
                format!("is {positions:?}; this program computes \"absolute\""),
            ));
        }
        token_problem("pad_token_id", &[self.pad_token_id], self.vocab_size)
    }
}
