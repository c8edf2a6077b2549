//! The paper's identifier (Sec. III-D, Fig. 3).
//!
//! Two T5 encoders, single-head attention from the response to the context, a residual, pooling over
//! the response, three logits. Tensor names are those of the released code.

use std::path::Path;

use burn::module::Module;
use burn::tensor::activation::softmax;
use burn::tensor::{Device, Int, Tensor};
use serde::{Deserialize, Serialize};

use super::{Dense, Head, Pooling, logits, max_over, new_head};
use crate::nn::Dropout;
use crate::nn::t5::{self, T5, T5Config, T5Encoder};
use crate::nn::weights::{self, ParamInit, WeightsError, WeightsFile};

/// The shape of the paper's identifier.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AttentionConfig {
    pub encoder: T5Config,
    pub pooling: Pooling,
    pub head: Head,
}

/// The identifier of one mechanism.
#[derive(Module, Debug)]
pub struct AttentionIdentifier {
    context_encoder: T5Encoder,
    response_encoder: T5Encoder,
    query: Dense,
    key: Dense,
    value: Dense,
    output: Dense,
    /// The linear layer to three levels, or the first of two.
    first: Dense,
    second: Option<Dense>,
    #[module(skip)]
    config: AttentionConfig,
}

/// The embeddings, and the copies of them that PyTorch saves.
const EMBEDDINGS: [(&str, &str); 2] = [
    (
        "context_encoder.shared.weight",
        "context_encoder.encoder.embed_tokens.weight",
    ),
    (
        "response_encoder.shared.weight",
        "response_encoder.encoder.embed_tokens.weight",
    ),
];

/// The released code's names of the tensors that the parameter at `path` consists of.
fn tensor_names(path: &str, encoder: &T5Config) -> Vec<String> {
    let (module, rest) = path.split_once('.').unwrap_or((path, ""));
    let (name, rest) = match module {
        "query" => ("attn.q_linear", vec![rest.to_string()]),
        "key" => ("attn.k_linear", vec![rest.to_string()]),
        "value" => ("attn.v_linear", vec![rest.to_string()]),
        "output" => ("attn.out", vec![rest.to_string()]),
        "first" => ("classifier.0", vec![rest.to_string()]),
        "second" => ("classifier.3", vec![rest.to_string()]),
        encoder_name => (encoder_name, t5::tensor_names(rest, encoder)),
    };
    rest.iter().map(|rest| format!("{name}.{rest}")).collect()
}

impl AttentionIdentifier {
    /// An identifier with weights drawn by seed.
    pub fn new(config: &AttentionConfig, device: &Device, seed: u64) -> Self {
        Self::with(&mut ParamInit::seeded(seed, device), config)
    }

    fn with(init: &mut ParamInit<'_>, config: &AttentionConfig) -> Self {
        let width = config.encoder.d_model;
        let (first, second) = new_head(init, config.head, width);
        AttentionIdentifier {
            context_encoder: T5Encoder::new(init, &config.encoder),
            response_encoder: T5Encoder::new(init, &config.encoder),
            query: Dense::new(init, width, width),
            key: Dense::new(init, width, width),
            value: Dense::new(init, width, width),
            output: Dense::new(init, width, width),
            first,
            second,
            config: config.clone(),
        }
    }

    /// Reads what [`AttentionIdentifier::save`] wrote, or the released code's `.pt`.
    pub fn load(
        config: &AttentionConfig,
        path: &Path,
        device: &Device,
    ) -> Result<Self, WeightsError> {
        let identifier = Self::with(&mut ParamInit::empty(device), config);
        let names = |path: &str| tensor_names(path, &config.encoder);
        let mut file = WeightsFile::open(path)?;
        for (embedding, copy) in EMBEDDINGS {
            // One that is no copy is left, and refused as a tensor without a place.
            file.drop_copies(embedding, &[copy])?;
        }
        file.load(identifier, names)
    }

    /// Writes one `.safetensors` file.
    pub fn save(&self, path: &Path) -> Result<(), WeightsError> {
        weights::save(self, path, |path| tensor_names(path, &self.config.encoder))
    }

    /// With both encoders copied from `t5`, each trained separately.
    pub fn with_encoders_of(self, t5: &T5) -> Self {
        AttentionIdentifier {
            context_encoder: T5Encoder::of(t5),
            response_encoder: T5Encoder::of(t5),
            ..self
        }
    }

    pub fn config(&self) -> &AttentionConfig {
        &self.config
    }

    /// Logits `[batch, 3]`. Ids `[batch, tokens]`, masks 1 where a token is real.
    pub fn forward(
        &self,
        context_ids: Tensor<2, Int>,
        context_mask: &Tensor<2>,
        response_ids: Tensor<2, Int>,
        response_mask: &Tensor<2>,
        dropout: &mut Dropout,
    ) -> Tensor<2> {
        let context = self
            .context_encoder
            .forward(context_ids, context_mask, dropout);
        let response = self
            .response_encoder
            .forward(response_ids, response_mask, dropout);
        let [batch, tokens, width] = response.dims();
        let scale = (width as f64).powf(-0.5);
        let query = self.query.forward(response.clone()).mul_scalar(scale);
        let scores = query.matmul(self.key.forward(context.clone()).swap_dims(1, 2));
        let hidden = context_mask
            .clone()
            .sub_scalar(1.0)
            .mul_scalar(1e9)
            .unsqueeze_dim::<3>(1);
        let weights = dropout.apply(softmax(scores + hidden, 2));
        let attended = self
            .output
            .forward(weights.matmul(self.value.forward(context)));
        let aware = response + dropout.apply(attended);

        let real = response_mask.clone().reshape([batch, tokens, 1]);
        let pooled = match self.config.pooling {
            Pooling::Max => max_over(aware, real),
            // It has no token that stands for the whole.
            Pooling::Mean | Pooling::Cls => (aware * real.clone()).sum_dim(1) / real.sum_dim(1),
        };
        logits(&self.first, self.second.as_ref(), pooled, dropout)
    }
}
