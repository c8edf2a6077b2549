//! T5's encoder and decoder: a stack of blocks, each of pre-normed residual layers.
//!
//! One block serves both; a decoder's also has cross-attention. The fields' names are the parameters' paths in
//! saved optimizer states.

use std::cell::OnceCell;

use burn::module::{Module, Param};
use burn::tensor::activation::{gelu_approximate, relu, silu};
use burn::tensor::{Int, Tensor};

use super::attention::{CrossAttention, CrossInput, PositionBias, SelfAttention};
use super::config::{FeedForward, T5Config};
use crate::nn::Dropout;
use crate::nn::adapter::AdapterWeights;
use crate::nn::attention::{Bias, KeyValueStates, after_prefix, mask_bias};
use crate::nn::lora::{LoraBlock, adapted_linear};
use crate::nn::norms::rms_norm;
use crate::nn::prefix::KeyValue;
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
        rms_norm(x, self.weight.val(), self.epsilon)
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

    fn forward(&self, x: Tensor<3>, lora: Option<&LoraBlock>, dropout: &mut Dropout) -> Tensor<3> {
        let adapter = LoraBlock::get(lora, "dense.wi");
        let hidden = adapted_linear(x, &self.wi, adapter, dropout);
        let gate = |activation: fn(Tensor<3>) -> Tensor<3>, hidden: Tensor<3>| {
            let d_ff = hidden.dims()[2] / 2;
            activation(hidden.clone().narrow(2, 0, d_ff)) * hidden.narrow(2, d_ff, d_ff)
        };
        let hidden = match self.kind {
            FeedForward::Relu => relu(hidden),
            FeedForward::GatedGelu => gate(gelu_approximate, hidden),
            FeedForward::GatedSilu => gate(silu, hidden),
        };
        let hidden = dropout.apply(hidden);
        adapted_linear(hidden, &self.wo, LoraBlock::get(lora, "dense.wo"), dropout)
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
        cross_input: Option<CrossInput<'_>>,
        adapter: BlockAdapter<'_>,
        dropout: &mut Dropout,
    ) -> Tensor<3> {
        let BlockAdapter { prefix, lora } = adapter;
        let normed = self.attention_norm.forward(x.clone());
        let attended = self.attention.forward(normed, bias, prefix, lora, dropout);
        let mut x = x + dropout.apply(attended);
        if let (Some(norm), Some(cross), Some(input)) = (&self.cross_norm, &self.cross, cross_input)
        {
            let attended = cross.forward(norm.forward(x.clone()), &input, lora, dropout);
            x = x + dropout.apply(attended);
        }
        let normed = self.dense_norm.forward(x.clone());
        let dense = self.dense.forward(normed, lora, dropout);
        x + dropout.apply(dense)
    }

    /// The next tokens `x` `[batch, tokens, d_model]` of a decoder, which are added to the cache.
    fn next(
        &self,
        x: Tensor<3>,
        bias: &Tensor<4>,
        encoder_bias: &Tensor<4>,
        adapter: BlockAdapter<'_>,
        cache: &mut BlockCache,
    ) -> Tensor<3> {
        let BlockAdapter { prefix, lora } = adapter;
        let normed = self.attention_norm.forward(x.clone());
        let attended = self
            .attention
            .next(normed, bias, prefix, lora, &mut cache.own);
        let mut x = x + attended;
        if let (Some(norm), Some(cross), Some(encoder)) =
            (&self.cross_norm, &self.cross, &cache.encoder)
        {
            let normed = norm.forward(x.clone());
            x = x + cross.next(normed, encoder, encoder_bias, lora);
        }
        let normed = self.dense_norm.forward(x.clone());
        x + self.dense.forward(normed, lora, &mut Dropout::off())
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

/// What is put on the blocks of a stack to tune it, if anything is.
#[derive(Clone, Copy, Default)]
struct StackAdapter<'a> {
    /// Prefixes of the blocks' own attention.
    own: &'a [KeyValue],
    cross: &'a [KeyValue],
    lora: &'a [LoraBlock],
}

/// What is put on a block, but for the prefix of its cross-attention.
#[derive(Clone, Copy)]
struct BlockAdapter<'a> {
    prefix: Option<&'a KeyValue>,
    lora: Option<&'a LoraBlock>,
}

impl<'a> StackAdapter<'a> {
    fn block(self, index: usize) -> BlockAdapter<'a> {
        BlockAdapter {
            prefix: self.own.get(index),
            lora: self.lora.get(index),
        }
    }
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

    fn adapter<'a>(&self, adapter: Option<&'a AdapterWeights>) -> StackAdapter<'a> {
        match (adapter, self.is_decoder) {
            (None, _) => StackAdapter::default(),
            (Some(AdapterWeights::Prefix(prefix)), true) => StackAdapter {
                own: &prefix.decoder,
                cross: &prefix.cross,
                lora: &[],
            },
            (Some(AdapterWeights::Prefix(prefix)), false) => StackAdapter {
                own: &prefix.encoder,
                ..StackAdapter::default()
            },
            (Some(AdapterWeights::Lora(lora)), is_decoder) => StackAdapter {
                lora: lora.stack(if is_decoder { "decoder." } else { "encoder." }),
                ..StackAdapter::default()
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
        adapter: Option<&AdapterWeights>,
        dropout: &mut Dropout,
    ) -> Tensor<3> {
        let tokens = x.dims()[1];
        let adapter = self.adapter(adapter);
        let position = self
            .position_bias
            .forward(0, tokens, tokens, &mask.device());
        let own_bias = Bias {
            position: Some(position),
            mask: (!self.is_decoder).then_some(mask),
            causal: self.is_decoder,
            prefix: length(adapter.own),
            size: [tokens, tokens],
            sum: OnceCell::new(),
        };
        let cross = encoded.map(|encoded| {
            let bias = Bias {
                position: None,
                mask: Some(mask),
                causal: false,
                prefix: length(adapter.cross),
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
                prefix: adapter.cross.get(index),
            });
            x = block.forward(x, &own_bias, cross_input, adapter.block(index), dropout);
        }
        dropout.apply(self.final_norm.forward(x))
    }

    /// A decoder's cache with the encoder's states and no token yet.
    pub fn start(
        &self,
        encoded: &Tensor<3>,
        encoder_mask: &Tensor<2>,
        adapter: Option<&AdapterWeights>,
    ) -> Cache {
        let StackAdapter {
            cross: prefix,
            lora,
            ..
        } = self.adapter(adapter);
        let blocks = self.blocks.iter().enumerate().map(|(index, block)| {
            let cross = block.cross.as_ref();
            BlockCache {
                own: None,
                encoder: cross
                    .map(|cross| cross.keys_values(encoded, prefix.get(index), lora.get(index))),
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
        adapter: Option<&AdapterWeights>,
    ) -> Tensor<3> {
        let tokens = x.dims()[1];
        let keys = cache.length + tokens;
        let position = self
            .position_bias
            .forward(cache.length, tokens, keys, &x.device());
        let adapter = self.adapter(adapter);
        let bias = Bias {
            position: Some(position),
            mask: None,
            causal: true,
            prefix: length(adapter.own),
            size: [tokens, keys],
            sum: OnceCell::new(),
        };
        for (index, (block, block_cache)) in self.blocks.iter().zip(&mut cache.blocks).enumerate() {
            let encoder_bias = &cache.encoder_bias;
            x = block.next(
                x,
                bias.sum(),
                encoder_bias,
                adapter.block(index),
                block_cache,
            );
        }
        cache.length = keys;
        self.final_norm.forward(x)
    }
}
