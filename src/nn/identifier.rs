//! The empathy identifier of one mechanism (Sec. III-D, Fig. 3).
//!
//! Two T5 encoders, single-head attention from the response to the context, a residual, pooling over
//! the response, three logits. Tensor names are those of the released code.

use std::path::Path;

use burn::module::{Module, Param};
use burn::tensor::activation::softmax;
use burn::tensor::{Device, Int, Tensor};
use serde::{Deserialize, Serialize};

use super::Dropout;
use super::t5::{T5, T5Config, T5Encoder, linear};
use super::weights::{Init, Sink, Source, WeightsError};

/// How the response's tokens are summed up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pooling {
    /// The largest value of each feature (the paper).
    Max,
    /// Their mean (the released code).
    Mean,
}

/// What makes logits of the pooled response.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Head {
    /// One linear layer (the paper).
    Linear,
    /// Half width, tanh, three (the released code).
    Mlp,
}

/// The shape of an identifier.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct IdentifierConfig {
    pub encoder: T5Config,
    pub pooling: Pooling,
    pub head: Head,
}

/// A linear layer with bias; `weight` is `[output, input]`.
#[derive(Module, Debug)]
struct Dense {
    weight: Param<Tensor<2>>,
    bias: Param<Tensor<1>>,
}

impl Dense {
    fn build(
        source: &mut Source<'_>,
        name: &str,
        input: usize,
        output: usize,
    ) -> Result<Self, WeightsError> {
        Ok(Dense {
            weight: source.linear(
                &[(&format!("{name}.weight"), output)],
                input,
                (3.0 * input as f64).powf(-0.5),
            )?,
            bias: source.param(&format!("{name}.bias"), [output], Init::Constant(0.0))?,
        })
    }

    fn put(&self, sink: &mut Sink, name: &str) {
        let output = self.bias.val().dims()[0];
        sink.put_linear(&[(&format!("{name}.weight"), output)], self.weight.val());
        sink.put(format!("{name}.bias"), self.bias.val());
    }

    fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        linear(x, &self.weight) + self.bias.val().unsqueeze()
    }
}

/// The identifier of one mechanism.
#[derive(Module, Debug)]
pub struct Identifier {
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
    config: IdentifierConfig,
}

/// How many empathy levels there are.
const LEVELS: usize = 3;

impl Identifier {
    /// An identifier with weights drawn by seed.
    pub fn new(config: &IdentifierConfig, device: &Device, seed: u64) -> Self {
        match Self::build(&mut Source::random(seed, device), config) {
            Ok(identifier) => identifier,
            Err(_) => unreachable!("drawing weights cannot fail"),
        }
    }

    /// Reads what [`Identifier::save`] wrote, or the released code's `.pt`.
    pub fn load(
        config: &IdentifierConfig,
        path: &Path,
        device: &Device,
    ) -> Result<Self, WeightsError> {
        let mut source = Source::file(path, device)?;
        let identifier = Self::build(&mut source, config)?;
        source.finish()?;
        Ok(identifier)
    }

    fn build(source: &mut Source<'_>, config: &IdentifierConfig) -> Result<Self, WeightsError> {
        let width = config.encoder.d_model;
        let (first, second) = match config.head {
            Head::Linear => (Dense::build(source, "classifier.0", width, LEVELS)?, None),
            Head::Mlp => (
                Dense::build(source, "classifier.0", width, width / 2)?,
                Some(Dense::build(source, "classifier.3", width / 2, LEVELS)?),
            ),
        };
        Ok(Identifier {
            context_encoder: T5Encoder::build(source, &config.encoder, "context_encoder.")?,
            response_encoder: T5Encoder::build(source, &config.encoder, "response_encoder.")?,
            query: Dense::build(source, "attn.q_linear", width, width)?,
            key: Dense::build(source, "attn.k_linear", width, width)?,
            value: Dense::build(source, "attn.v_linear", width, width)?,
            output: Dense::build(source, "attn.out", width, width)?,
            first,
            second,
            config: config.clone(),
        })
    }

    /// Writes one `.safetensors` file.
    pub fn save(&self, path: &Path) -> Result<(), WeightsError> {
        let mut sink = Sink::default();
        self.context_encoder.put(&mut sink, "context_encoder.");
        self.response_encoder.put(&mut sink, "response_encoder.");
        self.query.put(&mut sink, "attn.q_linear");
        self.key.put(&mut sink, "attn.k_linear");
        self.value.put(&mut sink, "attn.v_linear");
        self.output.put(&mut sink, "attn.out");
        self.first.put(&mut sink, "classifier.0");
        if let Some(second) = &self.second {
            second.put(&mut sink, "classifier.3");
        }
        sink.write(path)
    }

    /// The same with both encoders as `t5`'s, each with weights of its own from here on.
    pub fn with_encoders_of(self, t5: &T5) -> Self {
        Identifier {
            context_encoder: T5Encoder::of(t5),
            response_encoder: T5Encoder::of(t5),
            ..self
        }
    }

    pub fn config(&self) -> &IdentifierConfig {
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
        self.identify(context, context_mask, response_ids, response_mask, dropout)
    }

    /// States of a context, for those who ask about several responses to it.
    pub fn encode_context(
        &self,
        ids: Tensor<2, Int>,
        mask: &Tensor<2>,
        dropout: &mut Dropout,
    ) -> Tensor<3> {
        self.context_encoder.forward(ids, mask, dropout)
    }

    /// Logits `[batch, 3]` of responses in encoded contexts `[batch, tokens, d_model]`.
    pub fn identify(
        &self,
        context: Tensor<3>,
        context_mask: &Tensor<2>,
        response_ids: Tensor<2, Int>,
        response_mask: &Tensor<2>,
        dropout: &mut Dropout,
    ) -> Tensor<2> {
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
            Pooling::Max => (aware + real.sub_scalar(1.0).mul_scalar(1e9)).max_dim(1),
            Pooling::Mean => (aware * real.clone()).sum_dim(1) / real.sum_dim(1),
        };
        let pooled = match &self.second {
            None => self.first.forward(dropout.apply(pooled)),
            Some(second) => second.forward(dropout.apply(self.first.forward(pooled).tanh())),
        };
        pooled.reshape([batch, LEVELS])
    }
}
