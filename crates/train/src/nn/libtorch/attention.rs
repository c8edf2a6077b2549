//! Multi-head attention, `softmax(q kᵀ + bias) v`, fused where LibTorch has a kernel for it.

use burn::tensor::Tensor;

use super::{Operand, apply};
use crate::nn::attention::{Heads, KeyValueStates};
use crate::nn::host::Sources;
use crate::nn::prefix::KeyValue;

/// The outputs of all heads side by side, `[batch, tokens, inner]`, with `bias` `[batch or 1, heads or 1, tokens or 1,
/// prefix + keys]` and the first `keys` keys.
pub(in crate::nn) fn attend(
    sources: Sources,
    heads: Heads,
    keys: usize,
    bias: &Tensor<4>,
    prefix: Option<&KeyValue>,
) -> Tensor<3> {
    let keys = keys as i64;
    let is_self = sources.keys_values.is_none();
    let keys_values = sources
        .keys_values
        .map_or_else(Operand::absent, Operand::of);
    let has_prefix = prefix.is_some();
    let [prefix_keys, prefix_values] = match prefix {
        None => [Operand::absent(), Operand::absent()],
        Some(prefix) => [&prefix.keys, &prefix.values].map(|tensor| Operand::of(tensor.clone())),
    };
    let (queries, bias) = (Operand::of(sources.queries), Operand::of(bias.clone()));
    apply(
        [queries, keys_values, bias, prefix_keys, prefix_values],
        |[queries, keys_values, bias, prefix_keys, prefix_values]| {
            let (query_heads, key_heads) = (heads.query as i64, heads.key as i64);
            let [q, k, v] = match is_self {
                true => split(queries, query_heads),
                false => {
                    let [q] = split(queries, query_heads);
                    let [k, v] = split(&keys_values.narrow(1, 0, keys), key_heads);
                    [q, k, v]
                }
            };
            let with_prefix = |own: tch::Tensor, prefix: &tch::Tensor| match has_prefix {
                false => own,
                true => {
                    let [_, length, width] = dims(prefix);
                    let front = prefix
                        .unsqueeze(0)
                        .expand([q.size()[0], key_heads, length, width], false);
                    tch::Tensor::cat(&[front, own], 2)
                }
            };
            let (k, v) = (with_prefix(k, prefix_keys), with_prefix(v, prefix_values));
            mixed(&q, &k, &v, bias)
        },
    )
}

/// As [`attend`] for `q` `[batch, heads, tokens, d_kv]` and all keys and values.
pub(in crate::nn) fn attend_heads(
    q: Tensor<4>,
    all: KeyValueStates,
    bias: &Tensor<4>,
) -> Tensor<3> {
    let inputs = [q, all.keys, all.values, bias.clone()].map(Operand::of);
    apply(inputs, |[q, k, v, bias]| mixed(q, k, v, bias))
}

fn mixed(q: &tch::Tensor, k: &tch::Tensor, v: &tch::Tensor, bias: &tch::Tensor) -> tch::Tensor {
    let [batch, heads, tokens, width] = dims(q);
    let shares_keys = k.size()[1] != heads;
    let mask = bias.expand([batch, heads, tokens, k.size()[2]], false);
    // The scores' scale, if there is one, is in the queries.
    tch::Tensor::scaled_dot_product_attention(q, k, v, Some(mask), 0.0, false, 1.0, shares_keys)
        .transpose(1, 2)
        .reshape([batch, tokens, heads * width])
}

/// `[batch, tokens, PARTS * inner]` in parts of `[batch, heads, tokens, d_kv]`.
fn split<const PARTS: usize>(x: &tch::Tensor, heads: i64) -> [tch::Tensor; PARTS] {
    let [batch, tokens, width] = dims(x);
    let parts = PARTS as i64;
    let split = x.reshape([batch, tokens, parts, heads, width / (parts * heads)]);
    std::array::from_fn(|part| split.select(2, part as i64).transpose(1, 2))
}

fn dims<const D: usize>(x: &tch::Tensor) -> [i64; D] {
    let size = x.size();
    std::array::from_fn(|dimension| size[dimension])
}
