//! T5's encoder and decoder: a stack of blocks, each of pre-normed residual layers.
//!
//! One block serves both; a decoder's also has cross-attention. The fields' names are the parameters' paths in
//! saved optimizer states.

use std::cell::OnceCell;

use burn::module::{Module, Param};
use burn::tensor::activation::{gelu_approximate, relu, silu};
use burn::tensor::{Int, Tensor};

use super::attention::{CrossAttention, PositionBias, SelfAttention};
use super::config::{FeedForward, T5Config};
use crate::nn::Dropout;
use crate::nn::attention::{Bias, KeyValueStates, after_prefix, mask_bias};
use crate::nn::linear::linear;
use crate::nn::prefix::{KeyValue, PrefixVectors};
use crate::nn::weights::ParamInit;

/// Layer norm by the root mean square, without mean and bias.
#[derive(Module, Debug)]
struct T5LayerNorm {
    weight: Param<Tensor<1>>,
    epsilon: f64,
}

impl T5LayerNorm {
    fn new(init: &mut ParamInit<'_>, config: &T5Config) -> Self {
        T5LayerNorm {
            weight: init.constant([config.d_model], 1.0),
            epsilon: config.layer_norm_epsilon,
        }
    }

    fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        let mean = (x.clone() * x.clone()).mean_dim(2);
        let scale = mean.add_scalar(self.epsilon).sqrt().recip();
        x * scale * self.weight.val().unsqueeze()
    }
}

/// The feed-forward layer: `wo · activation(wi · x)`.
#[derive(Module, Debug)]
struct T5Dense {
    /// `[d_ff, d_model]`, or gate above linear: `[2 * d_ff, d_model]`.
    wi: Param<Tensor<2>>,
    /// `[d_model, d_ff]`
    wo: Param<Tensor<2>>,
    #[module(skip)]
    kind: FeedForward,
}

impl T5Dense {
    fn new(init: &mut ParamInit<'_>, config: &T5Config) -> Self {
        let &T5Config {
            d_model,
            d_ff,
            feed_forward: kind,
            ..
        } = config;
        let wi = [(d_ff, (d_model as f64).powf(-0.5)); 2];
        T5Dense {
            wi: init.linear(&wi[..if kind.is_gated() { 2 } else { 1 }], d_model),
            wo: init.normal([d_model, d_ff], (d_ff as f64).powf(-0.5)),
            kind,
        }
    }

    fn forward(&self, x: Tensor<3>, dropout: &mut Dropout) -> Tensor<3> {
        let hidden = linear(x, &self.wi);
        let gate = |activation: fn(Tensor<3>) -> Tensor<3>, hidden: Tensor<3>| {
            let d_ff = hidden.dims()[2] / 2;
            activation(hidden.clone().narrow(2, 0, d_ff)) * hidden.narrow(2, d_ff, d_ff)
        };
        let hidden = match self.kind {
            FeedForward::Relu => relu(hidden),
            FeedForward::GatedGelu => gate(gelu_approximate, hidden),
            FeedForward::GatedSilu => gate(silu, hidden),
        };
        linear(dropout.apply(hidden), &self.wo)
    }
}

/// Self-attention, in a decoder cross-attention, then the feed-forward layer.
#[derive(Module, Debug)]
struct T5Block {
    attention_norm: T5LayerNorm,
    attention: SelfAttention,
    cross_norm: Option<T5LayerNorm>,
    cross: Option<CrossAttention>,
    dense_norm: T5LayerNorm,
    dense: T5Dense,
}

/// A decoder block's input from the encoder.
struct CrossInput<'a> {
    /// `[batch, source, d_model]`
    encoded: &'a Tensor<3>,
    bias: &'a Bias<'a>,
    prefix: Option<&'a KeyValue>,
}

impl T5Block {
    fn new(init: &mut ParamInit<'_>, config: &T5Config, is_decoder: bool) -> Self {
        T5Block {
            attention_norm: T5LayerNorm::new(init, config),
            attention: SelfAttention::new(init, config),
            cross_norm: is_decoder.then(|| T5LayerNorm::new(init, config)),
            cross: is_decoder.then(|| CrossAttention::new(init, config)),
            dense_norm: T5LayerNorm::new(init, config),
            dense: T5Dense::new(init, config),
        }
    }

    /// `x` `[batch, tokens, d_model]`, all tokens at once.
    fn forward(
        &self,
        x: Tensor<3>,
        bias: &Bias<'_>,
        prefix: Option<&KeyValue>,
        cross_input: Option<CrossInput<'_>>,
        dropout: &mut Dropout,
    ) -> Tensor<3> {
        let normed = self.attention_norm.forward(x.clone());
        let attended = self.attention.forward(normed, bias, prefix, dropout);
        let mut x = x + dropout.apply(attended);
        if let (Some(norm), Some(cross), Some(input)) = (&self.cross_norm, &self.cross, cross_input)
        {
            let CrossInput {
                encoded,
                bias,
                prefix,
            } = input;
            let attended = cross.forward(norm.forward(x.clone()), encoded, bias, prefix, dropout);
            x = x + dropout.apply(attended);
        }
        let normed = self.dense_norm.forward(x.clone());
        let dense = self.dense.forward(normed, dropout);
        x + dropout.apply(dense)
    }

    /// The next tokens `x` `[batch, tokens, d_model]` of a decoder, which are added to the cache.
    fn next(
        &self,
        x: Tensor<3>,
        bias: &Tensor<4>,
        encoder_bias: &Tensor<4>,
        prefix: Option<&KeyValue>,
        cache: &mut BlockCache,
    ) -> Tensor<3> {
        let normed = self.attention_norm.forward(x.clone());
        let mut x = x + self.attention.next(normed, bias, prefix, &mut cache.own);
        if let (Some(norm), Some(cross), Some(encoder)) =
            (&self.cross_norm, &self.cross, &cache.encoder)
        {
            let normed = norm.forward(x.clone());
            x = x + cross.next(normed, encoder, encoder_bias);
        }
        let normed = self.dense_norm.forward(x.clone());
        x + self.dense.forward(normed, &mut Dropout::off())
    }
}

/// A decoder's keys and values so far.
#[derive(Clone, Debug)]
pub struct Cache {
    /// Tokens decoded so far.
    length: usize,
    blocks: Vec<BlockCache>,
    /// `[batch, 1, 1, prefix + source]`
    encoder_bias: Tensor<4>,
}

#[derive(Clone, Debug)]
struct BlockCache {
    /// Of the decoded tokens, prefix in front; none before the first.
    own: Option<KeyValueStates>,
    /// Of the encoder's states, prefix in front.
    encoder: Option<KeyValueStates>,
}

impl Cache {
    /// The same for the rows at `rows` only.
    pub fn select(&self, rows: &Tensor<1, Int>) -> Self {
        let select = |states: &Option<KeyValueStates>| states.as_ref().map(|all| all.select(rows));
        let block = |block: &BlockCache| BlockCache {
            own: select(&block.own),
            encoder: select(&block.encoder),
        };
        Cache {
            length: self.length,
            blocks: self.blocks.iter().map(block).collect(),
            encoder_bias: self.encoder_bias.clone().select(0, rows.clone()),
        }
    }
}

/// An encoder, whose tokens see their whole sequence, or a decoder, whose tokens see those before them
/// and the encoder's states.
#[derive(Module, Debug)]
pub(super) struct T5Stack {
    position_bias: PositionBias,
    blocks: Vec<T5Block>,
    final_norm: T5LayerNorm,
    is_decoder: bool,
}

/// The prefixes of a stack's blocks, if it has any.
#[derive(Clone, Copy, Default)]
struct StackPrefix<'a> {
    own: &'a [KeyValue],
    cross: &'a [KeyValue],
}

fn length(prefixes: &[KeyValue]) -> usize {
    prefixes.first().map_or(0, KeyValue::length)
}

impl T5Stack {
    pub fn new(init: &mut ParamInit<'_>, config: &T5Config, is_decoder: bool) -> Self {
        let blocks = match is_decoder {
            true => config.num_decoder_layers,
            false => config.num_layers,
        };
        T5Stack {
            blocks: (0..blocks)
                .map(|_| T5Block::new(init, config, is_decoder))
                .collect(),
            position_bias: PositionBias::new(init, config, !is_decoder),
            final_norm: T5LayerNorm::new(init, config),
            is_decoder,
        }
    }

    fn prefix<'a>(&self, prefix: Option<&'a PrefixVectors>) -> StackPrefix<'a> {
        match prefix {
            None => StackPrefix::default(),
            Some(prefix) if self.is_decoder => StackPrefix {
                own: &prefix.decoder,
                cross: &prefix.cross,
            },
            Some(prefix) => StackPrefix {
                own: &prefix.encoder,
                cross: &[],
            },
        }
    }

    /// Final states of embedded tokens `x` `[batch, tokens, d_model]`, all at once (teacher forcing).
    ///
    /// An encoder is given no `encoded`, and `mask` `[batch, tokens]` is 1 where its tokens are real; a
    /// decoder is given the encoder's states `[batch, source, d_model]` and their mask.
    pub fn forward(
        &self,
        x: Tensor<3>,
        mask: &Tensor<2>,
        encoded: Option<&Tensor<3>>,
        prefix: Option<&PrefixVectors>,
        dropout: &mut Dropout,
    ) -> Tensor<3> {
        let tokens = x.dims()[1];
        let prefix = self.prefix(prefix);
        let position = self
            .position_bias
            .forward(0, tokens, tokens, &mask.device());
        let own_bias = Bias {
            position: Some(position),
            mask: (!self.is_decoder).then_some(mask),
            causal: self.is_decoder,
            prefix: length(prefix.own),
            size: [tokens, tokens],
            sum: OnceCell::new(),
        };
        let cross = encoded.map(|encoded| {
            let bias = Bias {
                position: None,
                mask: Some(mask),
                causal: false,
                prefix: length(prefix.cross),
                size: [tokens, encoded.dims()[1]],
                sum: OnceCell::new(),
            };
            (encoded, bias)
        });
        let mut x = dropout.apply(x);
        for (index, block) in self.blocks.iter().enumerate() {
            let cross_input = cross.as_ref().map(|(encoded, bias)| CrossInput {
                encoded,
                bias,
                prefix: prefix.cross.get(index),
            });
            x = block.forward(x, &own_bias, prefix.own.get(index), cross_input, dropout);
        }
        dropout.apply(self.final_norm.forward(x))
    }

    /// A decoder's cache with the encoder's states and no token yet.
    pub fn start(
        &self,
        encoded: &Tensor<3>,
        encoder_mask: &Tensor<2>,
        prefix: Option<&PrefixVectors>,
    ) -> Cache {
        let prefix = self.prefix(prefix).cross;
        let blocks = self.blocks.iter().enumerate().map(|(index, block)| {
            let cross = block.cross.as_ref();
            BlockCache {
                own: None,
                encoder: cross.map(|cross| cross.keys_values(encoded, prefix.get(index))),
            }
        });
        Cache {
            length: 0,
            blocks: blocks.collect(),
            encoder_bias: after_prefix(mask_bias(encoder_mask), length(prefix)),
        }
    }

    /// A decoder's final states of the next tokens `x` `[batch, tokens, d_model]`, which are added to
    /// the cache.
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
        let prefix = self.prefix(prefix).own;
        let bias = Bias {
            position: Some(position),
            mask: None,
            causal: true,
            prefix: length(prefix),
            size: [tokens, keys],
            sum: OnceCell::new(),
        };
        for (index, (block, block_cache)) in self.blocks.iter().zip(&mut cache.blocks).enumerate() {
            let encoder_bias = &cache.encoder_bias;
            x = block.next(x, bias.sum(), encoder_bias, prefix.get(index), block_cache);
        }
        cache.length = keys;
        self.final_norm.forward(x)
    }
}
