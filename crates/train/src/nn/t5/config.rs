//! The shape of a T5: Hugging Face's `config.json`.

use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::nn::ModelShape;
use crate::nn::limits::{
    MAX_FEED_FORWARD, MAX_HEAD_WIDTH, MAX_HEADS, MAX_LAYERS, MAX_VOCABULARY, MAX_WIDTH, between,
    rate_problem, size_problem, token_problem,
};
use crate::nn::weights::{ConfigFile, WeightsError, write_config};

/// The feed-forward layers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FeedForward {
    /// T5 v1.0.
    #[serde(rename = "relu")]
    Relu,
    /// T5 v1.1 and Flan.
    #[serde(rename = "gated-gelu")]
    GatedGelu,
    /// UL2.
    #[serde(rename = "gated-silu")]
    GatedSilu,
}

impl FeedForward {
    /// Whether one linear map is multiplied by another's activation.
    pub fn is_gated(self) -> bool {
        self != FeedForward::Relu
    }

    /// Transformers' names of its activation; the first files of Flan-T5 call theirs gelu.
    fn activations(self) -> &'static [&'static str] {
        match self {
            FeedForward::Relu => &["relu"],
            FeedForward::GatedGelu => &["gelu_new", "gelu"],
            FeedForward::GatedSilu => &["silu", "swish"],
        }
    }
}

/// The shape of a T5; defaults are Hugging Face's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct T5Config {
    pub vocab_size: usize,
    pub d_model: usize,
    pub d_kv: usize,
    pub d_ff: usize,
    pub num_layers: usize,
    /// The encoder's where the file has none.
    pub num_decoder_layers: usize,
    pub num_heads: usize,
    pub relative_attention_num_buckets: usize,
    pub relative_attention_max_distance: usize,
    pub dropout_rate: f64,
    pub layer_norm_epsilon: f64,
    #[serde(rename = "feed_forward_proj")]
    pub feed_forward: FeedForward,
    /// Whether the output head is the embedding.
    pub tie_word_embeddings: bool,
    /// Whether states are scaled by 1/√d_model before the head; None for what Transformers 4 did, only where
    /// the head is the embedding.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scale_decoder_outputs: Option<bool>,
    pub pad_token_id: u32,
    pub eos_token_id: u32,
    pub decoder_start_token_id: u32,
}

impl Default for T5Config {
    fn default() -> Self {
        T5Config {
            vocab_size: 32_128,
            d_model: 512,
            d_kv: 64,
            d_ff: 2048,
            num_layers: 6,
            num_decoder_layers: 6,
            num_heads: 8,
            relative_attention_num_buckets: 32,
            relative_attention_max_distance: 128,
            dropout_rate: 0.1,
            layer_norm_epsilon: 1e-6,
            feed_forward: FeedForward::Relu,
            tie_word_embeddings: true,
            scale_decoder_outputs: None,
            pad_token_id: 0,
            eos_token_id: 1,
            decoder_start_token_id: 0,
        }
    }
}

/// No T5 has more.
const MAX_BUCKETS: usize = 4_096;
const MAX_DISTANCE: usize = 1_000_000;

/// Relatives of T5 that compute something else.
const RELATIVES: [(&str, &str); 4] = [
    ("mt5", "mT5"),
    ("umt5", "UMT5"),
    ("longt5", "LongT5"),
    ("switch_transformers", "Switch Transformers"),
];

impl T5Config {
    /// Width of all heads together.
    pub fn inner(&self) -> usize {
        self.num_heads * self.d_kv
    }

    pub fn shape(&self) -> ModelShape {
        ModelShape {
            vocab_size: self.vocab_size,
            hidden_size: self.d_model,
            intermediate_size: self.d_ff,
            encoder_layers: self.num_layers,
            decoder_layers: self.num_decoder_layers,
            num_heads: self.num_heads,
            num_key_value_heads: self.num_heads,
            head_dim: self.d_kv,
            tie_word_embeddings: self.tie_word_embeddings,
        }
    }

    /// The tokens that end a response: one.
    pub fn eos_token_ids(&self) -> &[u32] {
        std::slice::from_ref(&self.eos_token_id)
    }

    /// Whether final states are scaled by 1/√d_model before the output head.
    pub fn scales_output(&self) -> bool {
        self.scale_decoder_outputs
            .unwrap_or(self.tie_word_embeddings)
    }

    /// Whether `model_type` of a `config.json` is T5's or a relative's, of which [`T5Config::read`] says more.
    pub fn knows(model_type: &str) -> bool {
        model_type == "t5" || RELATIVES.iter().any(|(key, _)| *key == model_type)
    }

    /// Reads `config.json` of a folder.
    pub fn read(folder: &Path) -> Result<Self, WeightsError> {
        let mut file = ConfigFile::open(folder, "a T5 model")?;
        if file.text("model_type") != Some("t5") {
            let found = file.kind_in_words(&RELATIVES);
            let problem =
                format!("{found}; this program reads T5, T5 v1.1 and Flan-T5 models (\"t5\")");
            return Err(file.refuse("model_type", problem));
        }
        if let Some(class @ "T5EncoderModel") = file.class() {
            let problem = format!("is {class}, which has no decoder; give a whole T5 model");
            return Err(file.refuse("architectures", problem));
        }
        file.drop_nulls();
        let fields = &mut file.fields;
        if let (Some(layers), None) = (fields.get("num_layers"), fields.get("num_decoder_layers")) {
            fields.insert("num_decoder_layers".into(), layers.clone());
        }
        match fields.get_mut("eos_token_id") {
            Some(Value::Array(ids)) if ids.len() == 1 => {
                let only = ids.remove(0);
                fields.insert("eos_token_id".into(), only);
            }
            Some(Value::Array(ids)) => {
                let problem = format!("has {} ids; a response ends at one", ids.len());
                return Err(file.refuse("eos_token_id", problem));
            }
            _ => {}
        }
        let config = file.parse(T5Config::problem)?;
        // Transformers writes both of these beside feed_forward_proj, and computes what they say.
        let kind: FeedForward = config.feed_forward;
        if let Some(activation) = file.text("dense_act_fn")
            && !kind.activations().contains(&activation)
        {
            let problem = format!("is {activation:?}, which is not that of feed_forward_proj");
            return Err(file.refuse("dense_act_fn", problem));
        }
        let gated = file.fields.get("is_gated_act").and_then(Value::as_bool);
        if let Some(gated) = gated.filter(|gated| *gated != kind.is_gated()) {
            let problem = format!("is {gated}, which does not agree with feed_forward_proj");
            return Err(file.refuse("is_gated_act", problem));
        }
        Ok(config)
    }

    /// The first invalid field, and why.
    pub fn problem(&self) -> Option<(&'static str, String)> {
        let sizes = [
            ("vocab_size", self.vocab_size, MAX_VOCABULARY),
            ("d_model", self.d_model, MAX_WIDTH),
            ("d_kv", self.d_kv, MAX_HEAD_WIDTH),
            ("d_ff", self.d_ff, MAX_FEED_FORWARD),
            ("num_layers", self.num_layers, MAX_LAYERS),
            ("num_decoder_layers", self.num_decoder_layers, MAX_LAYERS),
            ("num_heads", self.num_heads, MAX_HEADS),
        ];
        if let Some(problem) = size_problem(&sizes) {
            return Some(problem);
        }
        let number = rate_problem("dropout_rate", self.dropout_rate);
        let number =
            number.or_else(|| between("layer_norm_epsilon", self.layer_norm_epsilon, 0.0, 1.0));
        if number.is_some() {
            return number;
        }
        let buckets = self.relative_attention_num_buckets;
        if !(4..=MAX_BUCKETS).contains(&buckets) {
            return Some((
                "relative_attention_num_buckets",
                format!("is {buckets}; it must be at least 4 and at most {MAX_BUCKETS}"),
            ));
        }
        let distance = self.relative_attention_max_distance;
        if !(buckets / 2 + 1..=MAX_DISTANCE).contains(&distance) {
            return Some((
                "relative_attention_max_distance",
                format!(
                    "is {distance}; it must be larger than half of relative_attention_num_buckets and at most {MAX_DISTANCE}"
                ),
            ));
        }
        let tokens = [
            ("pad_token_id", self.pad_token_id),
            ("eos_token_id", self.eos_token_id),
            ("decoder_start_token_id", self.decoder_start_token_id),
        ];
        let mut problems = tokens
            .into_iter()
            .filter_map(|(field, id)| token_problem(field, &[id], self.vocab_size));
        problems.next()
    }

    /// Writes `config.json` as Transformers reads it.
    pub fn write(&self, folder: &Path) -> Result<(), WeightsError> {
        let head = json!({
            "architectures": ["T5ForConditionalGeneration"],
            "model_type": "t5",
            "is_encoder_decoder": true,
        });
        write_config(folder, head, self)
    }
}
