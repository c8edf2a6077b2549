//! Multi-head attention, as every architecture here has it: masks, prefixes, keys and values that heads share.

use std::cell::OnceCell;

use burn::tensor::activation::softmax;
use burn::tensor::{Device, Int, Tensor, TensorData};

use super::Dropout;
use super::host::{self, Attention, Sources, is_host};
#[cfg(feature = "tch")]
use super::libtorch;
use super::prefix::KeyValue;

/// How many heads there are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Heads {
    pub query: usize,
    /// Of keys and values; each serves as many query heads as the others (Ainslie et al. 2023).
    pub key: usize,
}

impl Heads {
    /// Keys and values for every query head.
    pub fn equal(heads: usize) -> Self {
        Heads {
            query: heads,
            key: heads,
        }
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
pub(super) fn attention(
    sources: Sources,
    heads: Heads,
    bias: &Bias<'_>,
    prefix: Option<&KeyValue>,
    dropout: &mut Dropout,
) -> Tensor<3> {
    if is_host(&sources.queries.device()) {
        let batch = sources.queries.dims()[0];
        let [tokens, keys] = bias.size;
        let attention = Attention {
            heads,
            keys,
            position: bias.position.as_ref(),
            mask: bias.mask,
            causal: bias.causal,
            prefix,
            dropout: dropout.factors([batch, heads.query, tokens, bias.prefix + keys]),
        };
        return host::attend(sources, attention);
    }
    #[cfg(feature = "tch")]
    if libtorch::is_libtorch(&sources.queries.device()) && dropout.is_off() {
        return libtorch::attend(sources, heads, bias.size[1], bias.sum(), prefix);
    }
    let [q, keys, values] = match sources.keys_values {
        None => split_heads(sources.queries, heads.query),
        Some(keys_values) => {
            let [q] = split_heads(sources.queries, heads.query);
            let keys_values = keys_values.narrow(1, 0, bias.size[1]);
            let [keys, values] = split_heads(keys_values, heads.key);
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
    pub fn with_prefix(self, prefix: Option<&KeyValue>) -> Self {
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
    pub fn append(self, next: Self) -> Self {
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
/// `[batch, tokens, inner]`. The scores are not scaled.
pub(super) fn attend(
    q: Tensor<4>,
    all: KeyValueStates,
    bias: &Tensor<4>,
    dropout: &mut Dropout,
) -> Tensor<3> {
    #[cfg(feature = "tch")]
    if libtorch::is_libtorch(&q.device()) && dropout.is_off() {
        return libtorch::attend_heads(q, all, bias);
    }
    let [batch, heads, tokens, d_kv] = q.dims();
    let [_, key_heads, keys, _] = all.keys.dims();
    // The queries of the heads that share a key head, one above the other.
    let shared = [batch, key_heads, heads / key_heads * tokens];
    let q = q.reshape([shared[0], shared[1], shared[2], d_kv]);
    let scores = q.matmul(all.keys.swap_dims(2, 3));
    let scores = scores.reshape([batch, heads, tokens, keys]) + bias.clone();
    let weights = dropout.apply(softmax(scores, 3));
    let mixed = weights
        .reshape([shared[0], shared[1], shared[2], keys])
        .matmul(all.values)
        .reshape([batch, heads, tokens, d_kv]);
    mixed.swap_dims(1, 2).reshape([batch, tokens, heads * d_kv])
}

/// Splits `[batch, tokens, PARTS * inner]` into tensors of `[batch, heads, tokens, d_kv]`.
pub(super) fn split_heads<const PARTS: usize>(x: Tensor<3>, heads: usize) -> [Tensor<4>; PARTS] {
    let [batch, tokens, width] = x.dims();
    let inner = width / PARTS;
    std::array::from_fn(|part| {
        x.clone()
            .narrow(2, part * inner, inner)
            .reshape([batch, tokens, heads, inner / heads])
            .swap_dims(1, 2)
    })
}
