//! T5's attention: no scaling of the scores, relative position bias, prefixes, a cache.

use std::cell::OnceCell;

use burn::module::{Module, Param};
use burn::tensor::activation::softmax;
use burn::tensor::{Device, Int, Tensor, TensorData};

use super::config::T5Config;
use crate::nn::Dropout;
use crate::nn::host::{self, Attention, Sources, is_host};
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
        dropout: &mut Dropout,
    ) -> Tensor<3> {
        let sources = Sources {
            queries: linear(x, &self.qkv),
            keys_values: None,
        };
        linear(
            attention(sources, self.heads, bias, prefix, dropout),
            &self.o,
        )
    }

    /// The next tokens `x` `[batch, tokens, d_model]`: keys and values of earlier ones come from the
    /// cache and these are added.
    pub fn next(
        &self,
        x: Tensor<3>,
        bias: &Tensor<4>,
        prefix: Option<&KeyValue>,
        cache: &mut Option<KeyValueStates>,
    ) -> Tensor<3> {
        let [q, k, v] = split_heads(linear(x, &self.qkv), self.heads);
        let new = KeyValueStates { keys: k, values: v };
        let all = match cache.take() {
            Some(earlier) => earlier.append(new),
            None => new.with_prefix(prefix),
        };
        let mixed = attend(q, all.clone(), bias, &mut Dropout::off());
        *cache = Some(all);
        linear(mixed, &self.o)
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
    pub fn keys_values(&self, encoded: &Tensor<3>, prefix: Option<&KeyValue>) -> KeyValueStates {
        let [keys, values] = split_heads(linear(encoded.clone(), &self.kv), self.heads);
        KeyValueStates { keys, values }.with_prefix(prefix)
    }

    /// `x` `[batch, tokens, d_model]` attends to the encoder's states `[batch, source, d_model]`.
    pub fn forward(
        &self,
        x: Tensor<3>,
        encoded: &Tensor<3>,
        bias: &Bias<'_>,
        prefix: Option<&KeyValue>,
        dropout: &mut Dropout,
    ) -> Tensor<3> {
        let sources = Sources {
            queries: linear(x, &self.q),
            keys_values: Some(linear(encoded.clone(), &self.kv)),
        };
        linear(
            attention(sources, self.heads, bias, prefix, dropout),
            &self.o,
        )
    }

    /// `x` `[batch, tokens, d_model]` attends to cached keys and values of the encoder.
    pub fn next(&self, x: Tensor<3>, encoder: &KeyValueStates, bias: &Tensor<4>) -> Tensor<3> {
        let [q] = split_heads(linear(x, &self.q), self.heads);
        let mixed = attend(q, encoder.clone(), bias, &mut Dropout::off());
        linear(mixed, &self.o)
    }
}

/// What is added to the attention scores, the same in every block.
pub(super) struct Bias<'a> {
    /// `[1, heads, tokens, keys]`
    pub position: Option<Tensor<4>>,
    /// `[batch, keys]`: 1 where a key is real.
    pub mask: Option<&'a Tensor<2>>,
    /// Whether the last token sees all keys and each token before it one less.
    pub causal: bool,
    /// Prefix keys in front, which have neither.
    pub prefix: usize,
    /// Tokens and keys.
    pub size: [usize; 2],
    /// All of it in one tensor, once something needs that.
    pub sum: OnceCell<Tensor<4>>,
}

impl Bias<'_> {
    /// All of it in one tensor `[batch or 1, heads or 1, tokens or 1, prefix + keys]`.
    pub fn sum(&self) -> &Tensor<4> {
        self.sum.get_or_init(|| {
            let mask = self.mask.map(mask_bias);
            let mut sum = match (self.position.clone(), mask) {
                (Some(position), Some(mask)) => position + mask,
                (Some(bias), None) | (None, Some(bias)) => bias,
                (None, None) => unreachable!("a bias has a part"),
            };
            let [tokens, keys] = self.size;
            if self.causal && tokens > 1 {
                let device = sum.device().without_autodiff();
                sum = sum + causal_bias(tokens, keys, &device);
            }
            after_prefix(sum, self.prefix)
        })
    }
}

/// Multi-head attention, `[batch, tokens, inner]`: by a kernel where tensors are in plain memory, else
/// by tensor operations.
fn attention(
    sources: Sources,
    heads: usize,
    bias: &Bias<'_>,
    prefix: Option<&KeyValue>,
    dropout: &mut Dropout,
) -> Tensor<3> {
    if is_host(&sources.queries.device()) {
        let batch = sources.queries.dims()[0];
        let [tokens, keys] = bias.size;
        let attention = Attention {
            heads,
            position: bias.position.as_ref(),
            mask: bias.mask,
            causal: bias.causal,
            prefix,
            dropout: dropout.factors([batch, heads, tokens, bias.prefix + keys]),
        };
        return host::attend(sources, attention);
    }
    let [q, keys, values] = match sources.keys_values {
        None => split_heads(sources.queries, heads),
        Some(keys_values) => {
            let [q] = split_heads(sources.queries, heads);
            let [keys, values] = split_heads(keys_values, heads);
            [q, keys, values]
        }
    };
    let all = KeyValueStates { keys, values }.with_prefix(prefix);
    attend(q, all, bias.sum(), dropout)
}

/// Added to a masked score: softmax gives it exactly 0.
const MASKED: f32 = -1e9;

/// `[batch, 1, 1, tokens]`: 0 where real, a large negative number where padded.
pub(super) fn mask_bias(mask: &Tensor<2>) -> Tensor<4> {
    let [batch, tokens] = mask.dims();
    mask.clone()
        .sub_scalar(1.0)
        .mul_scalar(-MASKED)
        .reshape([batch, 1, 1, tokens])
}

/// `[1, 1, tokens, keys]`: no token sees a later one.
fn causal_bias(tokens: usize, keys: usize, device: &Device) -> Tensor<4> {
    let mut bias = vec![0.0; tokens * keys];
    for (query, row) in bias.chunks_mut(keys).enumerate() {
        row[keys - tokens + query + 1..].fill(MASKED);
    }
    Tensor::from_data(TensorData::new(bias, [1, 1, tokens, keys]), device)
}

/// The bias with `length` columns of 0 in front, for prefix keys, which have no position and no mask.
pub(super) fn after_prefix(bias: Tensor<4>, length: usize) -> Tensor<4> {
    if length == 0 {
        return bias;
    }
    let [batch, heads, tokens, _] = bias.dims();
    let device = bias.device().without_autodiff();
    let zeros = Tensor::zeros([batch, heads, tokens, length], &device);
    Tensor::cat(vec![zeros, bias], 3)
}

/// Keys and values of a batch, each `[batch, heads, tokens, d_kv]`.
#[derive(Clone, Debug)]
pub struct KeyValueStates {
    pub keys: Tensor<4>,
    pub values: Tensor<4>,
}

impl KeyValueStates {
    /// Puts those of a prefix in front.
    fn with_prefix(self, prefix: Option<&KeyValue>) -> Self {
        let Some(prefix) = prefix else {
            return self;
        };
        let batch = self.keys.dims()[0];
        let front = KeyValueStates {
            keys: prefix.keys_for(batch),
            values: prefix.values_for(batch),
        };
        front.append(self)
    }

    /// Adds those of later tokens.
    fn append(self, next: Self) -> Self {
        KeyValueStates {
            keys: Tensor::cat(vec![self.keys, next.keys], 2),
            values: Tensor::cat(vec![self.values, next.values], 2),
        }
    }

    /// Those of the rows at `rows`.
    pub fn select(&self, rows: &Tensor<1, Int>) -> Self {
        KeyValueStates {
            keys: self.keys.clone().select(0, rows.clone()),
            values: self.values.clone().select(0, rows.clone()),
        }
    }
}

/// `softmax(q kᵀ + bias) v` for `q` `[batch, heads, tokens, d_kv]`, heads side by side:
/// `[batch, tokens, inner]`. T5 does not scale the scores.
fn attend(q: Tensor<4>, all: KeyValueStates, bias: &Tensor<4>, dropout: &mut Dropout) -> Tensor<3> {
    let [batch, heads, tokens, d_kv] = q.dims();
    let scores = q.matmul(all.keys.swap_dims(2, 3)) + bias.clone();
    let mixed = dropout.apply(softmax(scores, 3)).matmul(all.values);
    mixed.swap_dims(1, 2).reshape([batch, tokens, heads * d_kv])
}

/// `x · weightᵀ` for `x` `[batch, tokens, input]` and `weight` `[output, input]`, as one product over
/// all tokens.
pub(crate) fn linear(x: Tensor<3>, weight: &Param<Tensor<2>>) -> Tensor<3> {
    let weight = weight.val();
    if is_host(&x.device()) {
        return host::linear(x, weight);
    }
    let [batch, tokens, input] = x.dims();
    let output = weight.dims()[0];
    x.reshape([batch * tokens, input])
        .matmul(weight.transpose())
        .reshape([batch, tokens, output])
}

/// Splits `[batch, tokens, PARTS * inner]` into tensors of `[batch, heads, tokens, d_kv]`.
fn split_heads<const PARTS: usize>(x: Tensor<3>, heads: usize) -> [Tensor<4>; PARTS] {
    let [batch, tokens, width] = x.dims();
    let inner = width / PARTS;
    std::array::from_fn(|part| {
        x.clone()
            .narrow(2, part * inner, inner)
            .reshape([batch, tokens, heads, inner / heads])
            .swap_dims(1, 2)
    })
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
