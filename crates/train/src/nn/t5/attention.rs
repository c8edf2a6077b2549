//! T5's attention: no scaling of the scores, relative position bias, prefixes, a cache.

use burn::module::{Module, Param};
use burn::tensor::{Device, Int, Tensor, TensorData};

use super::config::T5Config;
use crate::nn::Dropout;
use crate::nn::attention::{Bias, Heads, KeyValueStates, attend, attention, split_heads};
use crate::nn::host::Sources;
use crate::nn::lora::{LoraBlock, adapted_linear};
use crate::nn::prefix::KeyValue;
use crate::nn::weights::ParamInit;

/// Attention among the tokens of one sequence.
#[derive(Module, Debug)]
pub(super) struct SelfAttention {
    /// Queries, keys and values in one product: `[3 * inner, d_model]`.
    qkv: Param<Tensor<2>>,
    /// `[d_model, inner]`
    o: Param<Tensor<2>>,
    heads: usize,
}

/// Attention from the decoder to the encoder.
#[derive(Module, Debug)]
pub(super) struct CrossAttention {
    /// `[inner, d_model]`
    q: Param<Tensor<2>>,
    /// Keys and values in one product: `[2 * inner, d_model]`.
    kv: Param<Tensor<2>>,
    /// `[d_model, inner]`
    o: Param<Tensor<2>>,
    heads: usize,
}

/// Transformers' standard deviations of initial weights.
struct InitStd {
    queries: f64,
    keys_values: f64,
    output: f64,
}

impl InitStd {
    fn of(config: &T5Config) -> Self {
        let (d_model, d_kv) = (config.d_model as f64, config.d_kv as f64);
        InitStd {
            queries: (d_model * d_kv).powf(-0.5),
            keys_values: d_model.powf(-0.5),
            output: (config.inner() as f64).powf(-0.5),
        }
    }
}

impl SelfAttention {
    pub fn new(init: &mut ParamInit<'_>, config: &T5Config) -> Self {
        let (std, inner) = (InitStd::of(config), config.inner());
        let keys = (inner, std.keys_values);
        SelfAttention {
            qkv: init.linear(&[(inner, std.queries), keys, keys], config.d_model),
            o: init.normal([config.d_model, inner], std.output),
            heads: config.num_heads,
        }
    }

    /// `x` `[batch, tokens, d_model]`, all tokens at once.
    pub fn forward(
        &self,
        x: Tensor<3>,
        bias: &Bias<'_>,
        prefix: Option<&KeyValue>,
        lora: Option<&LoraBlock>,
        dropout: &mut Dropout,
    ) -> Tensor<3> {
        let sources = Sources {
            queries: self.qkv(x, lora, dropout),
            keys_values: None,
        };
        let heads = Heads::equal(self.heads);
        let mixed = attention(sources, heads, bias, prefix, dropout);
        self.o(mixed, lora, dropout)
    }

    /// The next tokens `x` `[batch, tokens, d_model]`: keys and values of earlier ones come from the
    /// cache and these are added.
    pub fn next(
        &self,
        x: Tensor<3>,
        bias: &Tensor<4>,
        prefix: Option<&KeyValue>,
        lora: Option<&LoraBlock>,
        cache: &mut Option<KeyValueStates>,
    ) -> Tensor<3> {
        let mut dropout = Dropout::off();
        let [q, k, v] = split_heads(self.qkv(x, lora, &mut dropout), self.heads);
        let new = KeyValueStates { keys: k, values: v };
        let all = match cache.take() {
            Some(earlier) => earlier.append(new),
            None => new.with_prefix(prefix),
        };
        let mixed = attend(q, all.clone(), bias, &mut dropout);
        *cache = Some(all);
        self.o(mixed, lora, &mut dropout)
    }

    fn qkv(&self, x: Tensor<3>, lora: Option<&LoraBlock>, dropout: &mut Dropout) -> Tensor<3> {
        adapted_linear(x, &self.qkv, LoraBlock::get(lora, "attention.qkv"), dropout)
    }

    fn o(&self, x: Tensor<3>, lora: Option<&LoraBlock>, dropout: &mut Dropout) -> Tensor<3> {
        adapted_linear(x, &self.o, LoraBlock::get(lora, "attention.o"), dropout)
    }
}

impl CrossAttention {
    pub fn new(init: &mut ParamInit<'_>, config: &T5Config) -> Self {
        let (std, inner) = (InitStd::of(config), config.inner());
        CrossAttention {
            q: init.normal([inner, config.d_model], std.queries),
            kv: init.linear(&[(inner, std.keys_values); 2], config.d_model),
            o: init.normal([config.d_model, inner], std.output),
            heads: config.num_heads,
        }
    }

    /// Keys and values of the encoder's states `[batch, source, d_model]`, prefix in front.
    pub fn keys_values(
        &self,
        encoded: &Tensor<3>,
        prefix: Option<&KeyValue>,
        lora: Option<&LoraBlock>,
    ) -> KeyValueStates {
        let both = self.kv(encoded.clone(), lora, &mut Dropout::off());
        let [keys, values] = split_heads(both, self.heads);
        KeyValueStates { keys, values }.with_prefix(prefix)
    }

    /// `x` `[batch, tokens, d_model]` attends to the encoder's states `[batch, source, d_model]`.
    pub fn forward(
        &self,
        x: Tensor<3>,
        input: &CrossInput<'_>,
        lora: Option<&LoraBlock>,
        dropout: &mut Dropout,
    ) -> Tensor<3> {
        let sources = Sources {
            queries: self.q(x, lora, dropout),
            keys_values: Some(self.kv(input.encoded.clone(), lora, dropout)),
        };
        let heads = Heads::equal(self.heads);
        let mixed = attention(sources, heads, input.bias, input.prefix, dropout);
        self.o(mixed, lora, dropout)
    }

    /// `x` `[batch, tokens, d_model]` attends to cached keys and values of the encoder.
    pub fn next(
        &self,
        x: Tensor<3>,
        encoder: &KeyValueStates,
        bias: &Tensor<4>,
        lora: Option<&LoraBlock>,
    ) -> Tensor<3> {
        let mut dropout = Dropout::off();
        let [q] = split_heads(self.q(x, lora, &mut dropout), self.heads);
        let mixed = attend(q, encoder.clone(), bias, &mut dropout);
        self.o(mixed, lora, &mut dropout)
    }

    fn q(&self, x: Tensor<3>, lora: Option<&LoraBlock>, dropout: &mut Dropout) -> Tensor<3> {
        adapted_linear(x, &self.q, LoraBlock::get(lora, "cross.q"), dropout)
    }

    fn kv(&self, x: Tensor<3>, lora: Option<&LoraBlock>, dropout: &mut Dropout) -> Tensor<3> {
        adapted_linear(x, &self.kv, LoraBlock::get(lora, "cross.kv"), dropout)
    }

    fn o(&self, x: Tensor<3>, lora: Option<&LoraBlock>, dropout: &mut Dropout) -> Tensor<3> {
        adapted_linear(x, &self.o, LoraBlock::get(lora, "cross.o"), dropout)
    }
}

/// A decoder block's input from the encoder.
pub(super) struct CrossInput<'a> {
    /// `[batch, source, d_model]`
    pub encoded: &'a Tensor<3>,
    pub bias: &'a Bias<'a>,
    pub prefix: Option<&'a KeyValue>,
}

/// The learned bias for the distance between a query and a key, one number a head and bucket.
#[derive(Module, Debug)]
pub(super) struct PositionBias {
    /// `[buckets, heads]`
    table: Param<Tensor<2>>,
    max_distance: usize,
    bidirectional: bool,
}

impl PositionBias {
    pub fn new(init: &mut ParamInit<'_>, config: &T5Config, bidirectional: bool) -> Self {
        let shape = [config.relative_attention_num_buckets, config.num_heads];
        PositionBias {
            table: init.normal(shape, (config.d_model as f64).powf(-0.5)),
            max_distance: config.relative_attention_max_distance,
            bidirectional,
        }
    }

    /// `[1, heads, queries, keys]` for queries at `first..first + queries` and keys from 0 on.
    pub fn forward(&self, first: usize, queries: usize, keys: usize, device: &Device) -> Tensor<4> {
        let table = self.table.val();
        let [buckets, heads] = table.dims();
        let mut indices = Vec::with_capacity(queries * keys);
        for query in first..first + queries {
            for key in 0..keys {
                let distance = key as i64 - query as i64;
                indices
                    .push(bucket(distance, self.bidirectional, buckets, self.max_distance) as i32);
            }
        }
        let indices =
            Tensor::<1, Int>::from_data(TensorData::new(indices, [queries * keys]), device);
        table
            .select(0, indices)
            .reshape([queries, keys, heads])
            .permute([2, 0, 1])
            .unsqueeze_dim(0)
    }
}

/// Bucket of a distance (key minus query): one each for near ones, wider ones up to
/// `max_distance`, and half of them for each direction where both are seen.
fn bucket(distance: i64, bidirectional: bool, buckets: usize, max_distance: usize) -> usize {
    let (mut buckets, mut first) = (buckets, 0);
    let away = if bidirectional {
        buckets /= 2;
        if distance > 0 {
            first = buckets;
        }
        distance.unsigned_abs() as usize
    } else {
        (-distance).max(0) as usize
    };
    let exact = buckets / 2;
    if away < exact {
        return first + away;
    }
    // f32 as in the reference, since the rounding decides the bucket.
    let share =
        (away as f32 / exact as f32).ln() / (max_distance as f64 / exact as f64).ln() as f32;
    first + (exact + (share * (buckets - exact) as f32) as usize).min(buckets - 1)
}
