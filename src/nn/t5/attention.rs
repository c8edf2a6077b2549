//! T5's attention: no scaling of the scores, relative position bias, prefixes, a cache.

use burn::module::{Module, Param};
use burn::tensor::activation::softmax;
use burn::tensor::{Device, Int, Tensor, TensorData};

use super::config::T5Config;
use crate::nn::Dropout;
use crate::nn::prefix::KeyValue;
use crate::nn::weights::{Init, Sink, Source, WeightsError};

/// Attention among the tokens of one sequence.
#[derive(Module, Debug)]
pub(super) struct SelfAttention {
    /// Queries, keys and values in one product: `[d_model, 3 * inner]`.
    qkv: Param<Tensor<2>>,
    /// `[inner, d_model]`
    o: Param<Tensor<2>>,
    heads: usize,
}

/// Attention from the decoder to the encoder.
#[derive(Module, Debug)]
pub(super) struct CrossAttention {
    /// `[d_model, inner]`
    q: Param<Tensor<2>>,
    /// Keys and values in one product: `[d_model, 2 * inner]`.
    kv: Param<Tensor<2>>,
    /// `[inner, d_model]`
    o: Param<Tensor<2>>,
    heads: usize,
}

/// Transformers' standard deviations for queries, keys and values, and the output.
fn deviations(config: &T5Config) -> (f64, f64, f64) {
    let (d_model, d_kv, inner) = (
        config.d_model as f64,
        config.d_kv as f64,
        config.inner() as f64,
    );
    (
        (d_model * d_kv).powf(-0.5),
        d_model.powf(-0.5),
        inner.powf(-0.5),
    )
}

impl SelfAttention {
    pub fn build(
        source: &mut Source<'_>,
        config: &T5Config,
        name: &str,
    ) -> Result<Self, WeightsError> {
        let (q, kv, o) = deviations(config);
        let inner = config.inner();
        let part = |letter: &str| format!("{name}.SelfAttention.{letter}.weight");
        let qkv = source.linear_of(
            &[
                (&part("q"), inner, q),
                (&part("k"), inner, kv),
                (&part("v"), inner, kv),
            ],
            config.d_model,
        )?;
        let o = source.linear(&[(&part("o"), config.d_model)], inner, o)?;
        Ok(SelfAttention {
            qkv,
            o,
            heads: config.num_heads,
        })
    }

    pub fn put(&self, sink: &mut Sink, config: &T5Config, name: &str) {
        let part = |letter: &str| format!("{name}.SelfAttention.{letter}.weight");
        let inner = config.inner();
        sink.put_linear(
            &[
                (&part("q"), inner),
                (&part("k"), inner),
                (&part("v"), inner),
            ],
            self.qkv.val(),
        );
        sink.put_linear(&[(&part("o"), config.d_model)], self.o.val());
    }

    /// `x` `[batch, tokens, d_model]`, `bias` `[batch or 1, heads, tokens, prefix + keys]`.
    /// With a cache, keys and values of earlier tokens come from it and these are added.
    pub fn forward(
        &self,
        x: Tensor<3>,
        bias: &Tensor<4>,
        prefix: Option<&KeyValue>,
        cache: Option<&mut Option<KeyValue4>>,
        dropout: &mut Dropout,
    ) -> Tensor<3> {
        let [batch, tokens, d_model] = x.dims();
        let qkv = linear(x, &self.qkv);
        let inner = qkv.dims()[2] / 3;
        let mut parts = split_heads(qkv, 3, self.heads).into_iter();
        let (Some(q), Some(mut k), Some(mut v)) = (parts.next(), parts.next(), parts.next()) else {
            unreachable!("three parts were asked for")
        };
        let started = matches!(&cache, Some(Some(_)));
        if let (Some(prefix), false) = (prefix, started) {
            k = Tensor::cat(vec![prefix.keys_for(batch), k], 2);
            v = Tensor::cat(vec![prefix.values_for(batch), v], 2);
        }
        if let Some(cache) = cache {
            if let Some(earlier) = cache.take() {
                k = Tensor::cat(vec![earlier.keys, k], 2);
                v = Tensor::cat(vec![earlier.values, v], 2);
            }
            *cache = Some(KeyValue4 {
                keys: k.clone(),
                values: v.clone(),
            });
        }
        let mixed = attend(q, k, v, Some(bias), dropout);
        linear(merge_heads(mixed, inner), &self.o).reshape([batch, tokens, d_model])
    }
}

impl CrossAttention {
    pub fn build(
        source: &mut Source<'_>,
        config: &T5Config,
        name: &str,
    ) -> Result<Self, WeightsError> {
        let (q, kv, o) = deviations(config);
        let inner = config.inner();
        let part = |letter: &str| format!("{name}.EncDecAttention.{letter}.weight");
        Ok(CrossAttention {
            q: source.linear(&[(&part("q"), inner)], config.d_model, q)?,
            kv: source.linear(
                &[(&part("k"), inner), (&part("v"), inner)],
                config.d_model,
                kv,
            )?,
            o: source.linear(&[(&part("o"), config.d_model)], inner, o)?,
            heads: config.num_heads,
        })
    }

    pub fn put(&self, sink: &mut Sink, config: &T5Config, name: &str) {
        let part = |letter: &str| format!("{name}.EncDecAttention.{letter}.weight");
        let inner = config.inner();
        sink.put_linear(&[(&part("q"), inner)], self.q.val());
        sink.put_linear(&[(&part("k"), inner), (&part("v"), inner)], self.kv.val());
        sink.put_linear(&[(&part("o"), config.d_model)], self.o.val());
    }

    /// Keys and values of the encoder's states `[batch, source, d_model]`, prefix in front.
    pub fn look_at(&self, encoded: &Tensor<3>, prefix: Option<&KeyValue>) -> KeyValue4 {
        let batch = encoded.dims()[0];
        let mut parts = split_heads(linear(encoded.clone(), &self.kv), 2, self.heads).into_iter();
        let (Some(mut keys), Some(mut values)) = (parts.next(), parts.next()) else {
            unreachable!("two parts were asked for")
        };
        if let Some(prefix) = prefix {
            keys = Tensor::cat(vec![prefix.keys_for(batch), keys], 2);
            values = Tensor::cat(vec![prefix.values_for(batch), values], 2);
        }
        KeyValue4 { keys, values }
    }

    /// `x` `[batch, tokens, d_model]`, `bias` `[batch, 1, 1, prefix + source]` or none where no
    /// token of the source is padded.
    pub fn forward(
        &self,
        x: Tensor<3>,
        encoder: &KeyValue4,
        bias: Option<&Tensor<4>>,
        dropout: &mut Dropout,
    ) -> Tensor<3> {
        let [batch, tokens, d_model] = x.dims();
        let q = linear(x, &self.q);
        let inner = q.dims()[2];
        let q = q
            .reshape([batch, tokens, self.heads, inner / self.heads])
            .swap_dims(1, 2);
        let mixed = attend(
            q,
            encoder.keys.clone(),
            encoder.values.clone(),
            bias,
            dropout,
        );
        linear(merge_heads(mixed, inner), &self.o).reshape([batch, tokens, d_model])
    }
}

/// Keys and values of a batch, each `[batch, heads, tokens, d_kv]`.
#[derive(Clone, Debug)]
pub struct KeyValue4 {
    pub keys: Tensor<4>,
    pub values: Tensor<4>,
}

impl KeyValue4 {
    /// Those of the rows at `rows`.
    pub fn select(&self, rows: &Tensor<1, Int>) -> Self {
        KeyValue4 {
            keys: self.keys.clone().select(0, rows.clone()),
            values: self.values.clone().select(0, rows.clone()),
        }
    }
}

/// `softmax(q kᵀ + bias) v`, all `[batch, heads, tokens, d_kv]`. T5 does not scale the scores.
fn attend(
    q: Tensor<4>,
    k: Tensor<4>,
    v: Tensor<4>,
    bias: Option<&Tensor<4>>,
    dropout: &mut Dropout,
) -> Tensor<4> {
    let mut scores = q.matmul(k.swap_dims(2, 3));
    if let Some(bias) = bias {
        scores = scores + bias.clone();
    }
    dropout.apply(softmax(scores, 3)).matmul(v)
}

/// `[batch, tokens, in] · [in, out]`, as one product over all tokens.
pub(crate) fn linear(x: Tensor<3>, weight: &Param<Tensor<2>>) -> Tensor<3> {
    let [batch, tokens, input] = x.dims();
    let weight = weight.val();
    let output = weight.dims()[1];
    x.reshape([batch * tokens, input])
        .matmul(weight)
        .reshape([batch, tokens, output])
}

/// `[batch, tokens, parts * inner]` to `parts` of `[batch, heads, tokens, d_kv]`.
fn split_heads(x: Tensor<3>, parts: usize, heads: usize) -> Vec<Tensor<4>> {
    let [batch, tokens, width] = x.dims();
    let inner = width / parts;
    (0..parts)
        .map(|part| {
            x.clone()
                .narrow(2, part * inner, inner)
                .reshape([batch, tokens, heads, inner / heads])
                .swap_dims(1, 2)
        })
        .collect()
}

/// `[batch, heads, tokens, d_kv]` to `[batch, tokens, inner]`.
fn merge_heads(x: Tensor<4>, inner: usize) -> Tensor<3> {
    let [batch, _, tokens, _] = x.dims();
    x.swap_dims(1, 2).reshape([batch, tokens, inner])
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
    pub fn build(
        source: &mut Source<'_>,
        config: &T5Config,
        stack: &str,
        bidirectional: bool,
    ) -> Result<Self, WeightsError> {
        let table = source.param(
            &Self::name(stack),
            [config.relative_attention_num_buckets, config.num_heads],
            Init::Normal((config.d_model as f64).powf(-0.5)),
        )?;
        Ok(PositionBias {
            table,
            max_distance: config.relative_attention_max_distance,
            bidirectional,
        })
    }

    fn name(stack: &str) -> String {
        format!("{stack}.block.0.layer.0.SelfAttention.relative_attention_bias.weight")
    }

    pub fn put(&self, sink: &mut Sink, stack: &str) {
        sink.put(Self::name(stack), self.table.val());
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
