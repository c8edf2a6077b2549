//! Encoder and decoder: blocks of pre-normed residual layers.

use burn::module::{Module, Param};
use burn::tensor::activation::{gelu_approximate, relu};
use burn::tensor::{Int, Tensor};

use super::attention::{
    Bias, CrossAttention, KeyValue4, PositionBias, SelfAttention, in_front, linear, mask_bias,
};
use super::config::{FeedForward, T5Config};
use crate::nn::Dropout;
use crate::nn::prefix::PrefixVectors;
use crate::nn::weights::{Init, Sink, Source, WeightsError};

/// Layer norm by the root mean square, without mean and bias.
#[derive(Module, Debug)]
struct RmsNorm {
    weight: Param<Tensor<1>>,
    epsilon: f64,
}

impl RmsNorm {
    fn build(source: &mut Source<'_>, config: &T5Config, name: &str) -> Result<Self, WeightsError> {
        let weight = source.param(
            &format!("{name}.weight"),
            [config.d_model],
            Init::Constant(1.0),
        )?;
        Ok(RmsNorm {
            weight,
            epsilon: config.layer_norm_epsilon,
        })
    }

    fn put(&self, sink: &mut Sink, name: &str) {
        sink.put(format!("{name}.weight"), self.weight.val());
    }

    fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        let mean = (x.clone() * x.clone()).mean_dim(2);
        let scale = mean.add_scalar(self.epsilon).sqrt().recip();
        x * scale * self.weight.val().unsqueeze()
    }
}

/// The feed-forward layer of a block.
#[derive(Module, Debug)]
struct Dense {
    /// `[d_ff, d_model]`, or gate above linear: `[2 * d_ff, d_model]`.
    wi: Param<Tensor<2>>,
    /// `[d_model, d_ff]`
    wo: Param<Tensor<2>>,
    gated: bool,
}

impl Dense {
    fn names(config: &T5Config, name: &str) -> Vec<(String, usize)> {
        let part = |part: &str| (format!("{name}.DenseReluDense.{part}.weight"), config.d_ff);
        match config.feed_forward {
            FeedForward::Relu => vec![part("wi")],
            FeedForward::GatedGelu => vec![part("wi_0"), part("wi_1")],
        }
    }

    fn build(source: &mut Source<'_>, config: &T5Config, name: &str) -> Result<Self, WeightsError> {
        let names = Self::names(config, name);
        let parts: Vec<(&str, usize)> = names
            .iter()
            .map(|(name, size)| (name.as_str(), *size))
            .collect();
        Ok(Dense {
            wi: source.linear(&parts, config.d_model, (config.d_model as f64).powf(-0.5))?,
            wo: source.linear(
                &[(&format!("{name}.DenseReluDense.wo.weight"), config.d_model)],
                config.d_ff,
                (config.d_ff as f64).powf(-0.5),
            )?,
            gated: config.feed_forward == FeedForward::GatedGelu,
        })
    }

    fn put(&self, sink: &mut Sink, config: &T5Config, name: &str) {
        let names = Self::names(config, name);
        let parts: Vec<(&str, usize)> = names
            .iter()
            .map(|(name, size)| (name.as_str(), *size))
            .collect();
        sink.put_linear(&parts, self.wi.val());
        sink.put_linear(
            &[(&format!("{name}.DenseReluDense.wo.weight"), config.d_model)],
            self.wo.val(),
        );
    }

    fn forward(&self, x: Tensor<3>, dropout: &mut Dropout) -> Tensor<3> {
        let hidden = linear(x, &self.wi);
        let hidden = if self.gated {
            let d_ff = hidden.dims()[2] / 2;
            gelu_approximate(hidden.clone().narrow(2, 0, d_ff)) * hidden.narrow(2, d_ff, d_ff)
        } else {
            relu(hidden)
        };
        linear(dropout.apply(hidden), &self.wo)
    }
}

#[derive(Module, Debug)]
struct EncoderBlock {
    attention_norm: RmsNorm,
    attention: SelfAttention,
    dense_norm: RmsNorm,
    dense: Dense,
}

#[derive(Module, Debug)]
struct DecoderBlock {
    attention_norm: RmsNorm,
    attention: SelfAttention,
    cross_norm: RmsNorm,
    cross: CrossAttention,
    dense_norm: RmsNorm,
    dense: Dense,
}

/// Turns embedded tokens into states that know their whole sequence.
#[derive(Module, Debug)]
pub(super) struct Encoder {
    position_bias: PositionBias,
    blocks: Vec<EncoderBlock>,
    final_norm: RmsNorm,
}

/// Turns embedded tokens into states that know the tokens before them and the encoder's states.
#[derive(Module, Debug)]
pub(super) struct Decoder {
    position_bias: PositionBias,
    blocks: Vec<DecoderBlock>,
    final_norm: RmsNorm,
}

impl Encoder {
    pub fn build(
        source: &mut Source<'_>,
        config: &T5Config,
        name: &str,
    ) -> Result<Self, WeightsError> {
        let blocks = (0..config.num_layers)
            .map(|index| {
                let layer = |layer: usize| format!("{name}.block.{index}.layer.{layer}");
                Ok(EncoderBlock {
                    attention_norm: RmsNorm::build(
                        source,
                        config,
                        &format!("{}.layer_norm", layer(0)),
                    )?,
                    attention: SelfAttention::build(source, config, &layer(0))?,
                    dense_norm: RmsNorm::build(
                        source,
                        config,
                        &format!("{}.layer_norm", layer(1)),
                    )?,
                    dense: Dense::build(source, config, &layer(1))?,
                })
            })
            .collect::<Result<_, _>>()?;
        Ok(Encoder {
            blocks,
            position_bias: PositionBias::build(source, config, name, true)?,
            final_norm: RmsNorm::build(source, config, &format!("{name}.final_layer_norm"))?,
        })
    }

    pub fn put(&self, sink: &mut Sink, config: &T5Config, name: &str) {
        for (index, block) in self.blocks.iter().enumerate() {
            let layer = |layer: usize| format!("{name}.block.{index}.layer.{layer}");
            block
                .attention_norm
                .put(sink, &format!("{}.layer_norm", layer(0)));
            block.attention.put(sink, config, &layer(0));
            block
                .dense_norm
                .put(sink, &format!("{}.layer_norm", layer(1)));
            block.dense.put(sink, config, &layer(1));
        }
        self.position_bias.put(sink, name);
        self.final_norm
            .put(sink, &format!("{name}.final_layer_norm"));
    }

    /// `x` `[batch, tokens, d_model]`, `mask` `[batch, tokens]` (1 where real).
    pub fn forward(
        &self,
        x: Tensor<3>,
        mask: &Tensor<2>,
        prefix: Option<&PrefixVectors>,
        dropout: &mut Dropout,
    ) -> Tensor<3> {
        let tokens = x.dims()[1];
        let position = self
            .position_bias
            .forward(0, tokens, tokens, &mask.device());
        let length = prefix.map_or(0, |prefix| prefix.encoder_length());
        let bias = Bias::new(Some(position), Some(mask), false, length, [tokens, tokens]);
        let mut x = dropout.apply(x);
        for (index, block) in self.blocks.iter().enumerate() {
            let prefix = prefix.map(|prefix| &prefix.encoder[index]);
            let attended = block.attention.forward(
                block.attention_norm.forward(x.clone()),
                &bias,
                prefix,
                dropout,
            );
            x = x + dropout.apply(attended);
            let dense = block
                .dense
                .forward(block.dense_norm.forward(x.clone()), dropout);
            x = x + dropout.apply(dense);
        }
        dropout.apply(self.final_norm.forward(x))
    }
}

/// Keys and values of what the decoder has seen.
#[derive(Clone, Debug)]
pub struct Cache {
    /// Tokens decoded so far.
    length: usize,
    layers: Vec<LayerCache>,
    /// `[batch, 1, 1, prefix + source]`
    encoder_bias: Tensor<4>,
}

#[derive(Clone, Debug)]
struct LayerCache {
    own: Option<KeyValue4>,
    encoder: KeyValue4,
}

impl Cache {
    /// The same for the rows at `rows` only.
    pub fn select(&self, rows: &Tensor<1, Int>) -> Self {
        Cache {
            length: self.length,
            layers: self
                .layers
                .iter()
                .map(|layer| LayerCache {
                    own: layer.own.as_ref().map(|own| own.select(rows)),
                    encoder: layer.encoder.select(rows),
                })
                .collect(),
            encoder_bias: self.encoder_bias.clone().select(0, rows.clone()),
        }
    }
}

impl Decoder {
    pub fn build(
        source: &mut Source<'_>,
        config: &T5Config,
        name: &str,
    ) -> Result<Self, WeightsError> {
        let blocks = (0..config.num_decoder_layers)
            .map(|index| {
                let layer = |layer: usize| format!("{name}.block.{index}.layer.{layer}");
                Ok(DecoderBlock {
                    attention_norm: RmsNorm::build(
                        source,
                        config,
                        &format!("{}.layer_norm", layer(0)),
                    )?,
                    attention: SelfAttention::build(source, config, &layer(0))?,
                    cross_norm: RmsNorm::build(
                        source,
                        config,
                        &format!("{}.layer_norm", layer(1)),
                    )?,
                    cross: CrossAttention::build(source, config, &layer(1))?,
                    dense_norm: RmsNorm::build(
                        source,
                        config,
                        &format!("{}.layer_norm", layer(2)),
                    )?,
                    dense: Dense::build(source, config, &layer(2))?,
                })
            })
            .collect::<Result<_, _>>()?;
        Ok(Decoder {
            blocks,
            position_bias: PositionBias::build(source, config, name, false)?,
            final_norm: RmsNorm::build(source, config, &format!("{name}.final_layer_norm"))?,
        })
    }

    pub fn put(&self, sink: &mut Sink, config: &T5Config, name: &str) {
        for (index, block) in self.blocks.iter().enumerate() {
            let layer = |layer: usize| format!("{name}.block.{index}.layer.{layer}");
            block
                .attention_norm
                .put(sink, &format!("{}.layer_norm", layer(0)));
            block.attention.put(sink, config, &layer(0));
            block
                .cross_norm
                .put(sink, &format!("{}.layer_norm", layer(1)));
            block.cross.put(sink, config, &layer(1));
            block
                .dense_norm
                .put(sink, &format!("{}.layer_norm", layer(2)));
            block.dense.put(sink, config, &layer(2));
        }
        self.position_bias.put(sink, name);
        self.final_norm
            .put(sink, &format!("{name}.final_layer_norm"));
    }

    /// A cache that has looked at the encoder's states and at no token yet.
    pub fn start(
        &self,
        encoded: &Tensor<3>,
        encoder_mask: &Tensor<2>,
        prefix: Option<&PrefixVectors>,
    ) -> Cache {
        let layers = self
            .blocks
            .iter()
            .enumerate()
            .map(|(index, block)| LayerCache {
                own: None,
                encoder: block
                    .cross
                    .look_at(encoded, prefix.and_then(|prefix| prefix.cross(index))),
            })
            .collect();
        let encoder_bias = in_front(
            mask_bias(encoder_mask),
            prefix.map_or(0, |prefix| prefix.cross_length()),
        );
        Cache {
            length: 0,
            layers,
            encoder_bias,
        }
    }

    /// Final states of tokens `x` `[batch, tokens, d_model]`, all at once (teacher forcing).
    pub fn forward(
        &self,
        mut x: Tensor<3>,
        encoded: &Tensor<3>,
        encoder_mask: &Tensor<2>,
        prefix: Option<&PrefixVectors>,
        dropout: &mut Dropout,
    ) -> Tensor<3> {
        let (tokens, source) = (x.dims()[1], encoded.dims()[1]);
        let position = self
            .position_bias
            .forward(0, tokens, tokens, &encoder_mask.device());
        let length = prefix.map_or(0, |prefix| prefix.decoder_length());
        let own = Bias::new(Some(position), None, true, length, [tokens, tokens]);
        let length = prefix.map_or(0, |prefix| prefix.cross_length());
        let cross = Bias::new(None, Some(encoder_mask), false, length, [tokens, source]);
        x = dropout.apply(x);
        for (index, block) in self.blocks.iter().enumerate() {
            let own_prefix = prefix.map(|prefix| &prefix.decoder[index]);
            let cross_prefix = prefix.and_then(|prefix| prefix.cross(index));
            let normed = block.attention_norm.forward(x.clone());
            let attended = block.attention.forward(normed, &own, own_prefix, dropout);
            x = x + dropout.apply(attended);
            let normed = block.cross_norm.forward(x.clone());
            let crossed = block
                .cross
                .forward(normed, encoded, &cross, cross_prefix, dropout);
            x = x + dropout.apply(crossed);
            let dense = block
                .dense
                .forward(block.dense_norm.forward(x.clone()), dropout);
            x = x + dropout.apply(dense);
        }
        dropout.apply(self.final_norm.forward(x))
    }

    /// Final states of the next tokens `x` `[batch, tokens, d_model]`, which the cache takes in.
    pub fn next(
        &self,
        mut x: Tensor<3>,
        cache: &mut Cache,
        prefix: Option<&PrefixVectors>,
    ) -> Tensor<3> {
        let tokens = x.dims()[1];
        let keys = cache.length + tokens;
        let position = self
            .position_bias
            .forward(cache.length, tokens, keys, &x.device());
        let length = prefix.map_or(0, |prefix| prefix.decoder_length());
        let bias = Bias::new(Some(position), None, true, length, [tokens, keys]);
        for (index, (block, layer)) in self.blocks.iter().zip(&mut cache.layers).enumerate() {
            let prefix = prefix.map(|prefix| &prefix.decoder[index]);
            let normed = block.attention_norm.forward(x.clone());
            x = x + block
                .attention
                .next(normed, bias.whole(), prefix, &mut layer.own);
            let normed = block.cross_norm.forward(x.clone());
            let bias = &cache.encoder_bias;
            x = x + block.cross.next(normed, &layer.encoder, bias);
            let normed = block.dense_norm.forward(x.clone());
            x = x + block.dense.forward(normed, &mut Dropout::off());
        }
        cache.length = keys;
        self.final_norm.forward(x)
    }
}
