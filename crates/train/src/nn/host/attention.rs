//! Multi-head attention with a prefix, `softmax(q kᵀ + bias) v`, one head of one row of the batch at a time, so
//! that its scores stay in the cache. Query heads that share keys and values take turns on one copy of them.

mod heads;

use std::borrow::Cow;

use burn::tensor::Tensor;
use rayon::prelude::*;

use heads::{Group, Head, Layout, Sums};

use super::product::{Matrix, Output, Size, filled, multiply, product};
use super::vector::{on_this_processor, softmax, sum_of};
use super::{Host, HostOp, Operand, apply};
use crate::nn::attention::Heads;
use crate::nn::prefix::KeyValue;

/// Queries, keys and values.
pub(in crate::nn) struct Sources {
    /// `[batch, tokens, inner]`, or with keys and values beside them: `[batch, tokens, 3 * inner]`.
    pub queries: Tensor<3>,
    /// Keys beside values, where they are not beside the queries: `[batch, keys or more, 2 * key heads * d_kv]`.
    pub keys_values: Option<Tensor<3>>,
}

/// The inputs of attention besides its sources.
pub(in crate::nn) struct Attention<'a> {
    pub heads: Heads,
    /// How many of the keys there are; those behind are room.
    pub keys: usize,
    /// `[1, heads, tokens, keys]`: the learned bias of each distance.
    pub position: Option<&'a Tensor<4>>,
    /// `[batch, keys]`: 1 where a key is real.
    pub mask: Option<&'a Tensor<2>>,
    /// Whether the last token attends to all keys and each token before it to one less.
    pub causal: bool,
    /// Keys and values in front, without bias or mask.
    pub prefix: Option<&'a KeyValue>,
    /// `[batch, heads, tokens, prefix + keys]`: dropout's factors of the probabilities.
    pub dropout: Option<Host>,
}

/// The outputs of all heads side by side: `[batch, tokens, inner]`.
pub(in crate::nn) fn attend(sources: Sources, attention: Attention<'_>) -> Tensor<3> {
    let operation = Attend {
        heads: attention.heads,
        keys: attention.keys,
        self_attention: sources.keys_values.is_none(),
        causal: attention.causal,
        mask: attention.mask.map(Host::of),
        dropout: attention.dropout,
    };
    let keys_values = sources
        .keys_values
        .map_or_else(Operand::absent, Operand::of);
    let position = attention.position.cloned();
    let position = position.map_or_else(Operand::absent, Operand::of);
    let [keys, values] = match attention.prefix {
        None => [Operand::absent(), Operand::absent()],
        Some(prefix) => [&prefix.keys, &prefix.values].map(|tensor| Operand::of(tensor.clone())),
    };
    let queries = Operand::of(sources.queries);
    apply(operation, [queries, keys_values, position, keys, values])
}

#[derive(Clone, Debug)]
struct Attend {
    heads: Heads,
    keys: usize,
    /// Whether keys and values are beside the queries.
    self_attention: bool,
    causal: bool,
    mask: Option<Host>,
    dropout: Option<Host>,
}

/// Queries (or all three), keys and values, position bias, prefix keys, prefix values.
type Inputs = [Host; 5];

impl HostOp<5> for Attend {
    /// Probabilities grow with the square of the tokens, and are computed again.
    type Saved = ();

    fn forward(&self, inputs: &Inputs, _: bool) -> (Host, ()) {
        let layout = Layout::of(self, inputs);
        let mixed = filled(layout.batch * layout.tokens * layout.inner(), |mixed| {
            let mixed = Output::uninitialised(mixed, layout.inner());
            let key_heads = (0..layout.batch * layout.heads.key).into_par_iter();
            key_heads.for_each(|index| {
                let group = Group::of(&layout, index, inputs);
                group
                    .heads()
                    .for_each(|head| self.forward_head(&head, mixed));
            });
        });
        let shape = [layout.batch, layout.tokens, layout.inner()];
        (Host::shaped(mixed, &shape), ())
    }

    fn backward(
        self,
        inputs: &Inputs,
        _: &(),
        gradient: Host,
        wanted: [bool; 5],
    ) -> [Option<Host>; 5] {
        let layout = Layout::of(&self, inputs);
        assert_eq!(layout.keys, layout.room, "derivatives of every key");
        let mut of_keys_values = Vec::new();
        let mut of_heads = Vec::new();
        let of_queries = filled(inputs[0].values().len(), |queries| {
            let queries = Output::uninitialised(queries, layout.query_step);
            let mut derive = |keys_values: Output| {
                // A key head sums over the rows of the batch, so that they share no sum.
                (0..layout.heads.key)
                    .into_par_iter()
                    .map(|key_head| {
                        let mut sums = Sums::of(&layout);
                        for row in 0..layout.batch {
                            let index = row * layout.heads.key + key_head;
                            let group = Group::of(&layout, index, inputs);
                            let targets = [queries, keys_values];
                            self.backward_group(&group, &gradient, targets, &mut sums);
                        }
                        sums
                    })
                    .collect_into_vec(&mut of_heads);
            };
            if self.self_attention {
                derive(queries);
            } else {
                of_keys_values = filled(inputs[1].values().len(), |keys_values| {
                    derive(Output::uninitialised(keys_values, layout.key_step));
                });
            }
        });
        let joined = |part: fn(&Sums) -> &[f32]| of_heads.iter().flat_map(part).copied().collect();
        let derivatives = [
            of_queries,
            of_keys_values,
            joined(|sums| &sums.position),
            joined(|sums| &sums.prefix_keys),
            joined(|sums| &sums.prefix_values),
        ];
        let mut index = 0;
        derivatives.map(|values| {
            let (input, wanted) = (&inputs[index], wanted[index]);
            index += 1;
            (wanted && !values.is_empty()).then(|| Host::like(values, input))
        })
    }
}

impl Attend {
    /// A head's probabilities `[tokens, prefix + keys]` before dropout.
    fn probabilities(&self, head: &Head<'_>) -> Vec<f32> {
        let layout = head.layout;
        let size = Size::new(layout.tokens, layout.columns(), layout.d_kv);
        let keys = head.group.keys().transposed();
        let mut probabilities = product(head.queries(), keys, size);
        self.softmax_scores(head, &mut probabilities);
        probabilities
    }

    /// Writes a head's output.
    fn forward_head(&self, head: &Head<'_>, mixed: Output<'_>) {
        let layout = head.layout;
        let probabilities = self.probabilities(head);
        multiply(
            mixed.from(head.first_output()),
            Matrix::rows(&self.after_dropout(head, &probabilities), layout.columns()),
            head.group.values(),
            Size::new(layout.tokens, layout.d_kv, layout.columns()),
        );
    }

    /// Adds biases to a head's scores `[tokens, prefix + keys]` and turns them into probabilities.
    fn softmax_scores(&self, head: &Head<'_>, scores: &mut [f32]) {
        let Layout {
            tokens,
            keys,
            prefix,
            ..
        } = *head.layout;
        let masked = self.mask.as_ref();
        let masked = masked.map(|mask| &mask.values()[head.group.row * keys..][..keys]);
        for (token, scores) in scores.chunks_exact_mut(prefix + keys).enumerate() {
            if let Some(bias) = head.position(token) {
                add(&mut scores[prefix..], bias);
            }
            if let Some(masked) = masked {
                add_mask(&mut scores[prefix..], masked);
            }
            let later = if self.causal { tokens - 1 - token } else { 0 };
            let seen = prefix + keys - later;
            softmax(&mut scores[..seen]);
            scores[seen..].fill(0.0);
        }
    }

    /// Probabilities after dropout.
    fn after_dropout<'a>(&self, head: &Head<'_>, probabilities: &'a [f32]) -> Cow<'a, [f32]> {
        let mut weights = Cow::Borrowed(probabilities);
        if let Some(factors) = self.factors(head) {
            scale_each(weights.to_mut(), factors);
        }
        weights
    }

    fn factors(&self, head: &Head<'_>) -> Option<&[f32]> {
        let length = head.layout.tokens * head.layout.columns();
        let dropout = self.dropout.as_ref()?;
        let index = head.group.row * head.layout.heads.query + head.head;
        Some(&dropout.values()[index * length..][..length])
    }

    /// Writes the derivatives of the queries, keys and values of a key head, and adds to the sums what it shares
    /// with the other rows of the batch.
    fn backward_group(
        &self,
        group: &Group<'_>,
        gradient: &Host,
        [of_queries, of_keys_values]: [Output<'_>; 2],
        sums: &mut Sums,
    ) {
        let layout = group.layout;
        let pairs = sums.position.len() / layout.group();
        let mut of_keys = Vec::new();
        let mut of_values = Vec::new();
        for (member, head) in group.heads().enumerate() {
            let of_position = &mut sums.position[member * pairs..][..pairs];
            let target = of_queries.from(head.first_query());
            let of_head = self.backward_head(&head, gradient, target, of_position);
            for (sum, part) in [&mut of_keys, &mut of_values].into_iter().zip(of_head) {
                if member == 0 {
                    *sum = part;
                } else {
                    add(sum, &part);
                }
            }
        }
        let target = of_keys_values.from(group.first_key());
        layout.scatter(&of_keys, target, &mut sums.prefix_keys);
        let target = target.from(layout.key_width());
        layout.scatter(&of_values, target, &mut sums.prefix_values);
    }

    /// Writes the derivatives of a head's queries and adds those of its position bias; returns those of its keys
    /// and values, `[prefix + keys, d_kv]`.
    fn backward_head(
        &self,
        head: &Head<'_>,
        gradient: &Host,
        of_queries: Output<'_>,
        of_position: &mut [f32],
    ) -> [Vec<f32>; 2] {
        let layout = head.layout;
        let Layout { tokens, d_kv, .. } = *layout;
        let columns = layout.columns();
        let gradient = &gradient.values()[head.first_output()..];
        let gradient = Matrix::rows(gradient, layout.inner());

        let probabilities = self.probabilities(head);
        let weights = self.after_dropout(head, &probabilities);
        let weights = Matrix::rows(&weights, columns).transposed();
        let of_values = product(weights, gradient, Size::new(columns, d_kv, tokens));

        let values = head.group.values().transposed();
        let mut slopes = product(gradient, values, Size::new(tokens, columns, d_kv));
        if let Some(factors) = self.factors(head) {
            scale_each(&mut slopes, factors);
        }
        let rows = slopes.chunks_exact_mut(columns);
        for (slopes, probabilities) in rows.zip(probabilities.chunks_exact(columns)) {
            through_softmax(slopes, probabilities);
        }
        let of_position = of_position.chunks_exact_mut(layout.keys);
        for (sum, slopes) in of_position.zip(slopes.chunks_exact(columns)) {
            add(sum, &slopes[layout.prefix..]);
        }

        let slopes = Matrix::rows(&slopes, columns);
        let size = Size::new(tokens, d_kv, columns);
        multiply(of_queries, slopes, head.group.keys(), size);
        let size = Size::new(columns, d_kv, tokens);
        let of_keys = product(slopes.transposed(), head.queries(), size);
        [of_keys, of_values]
    }
}

on_this_processor! {
    fn add(sums: &mut [f32], numbers: &[f32]) {
        for (sum, number) in sums.iter_mut().zip(numbers) {
            *sum += number;
        }
    }

    fn add_mask(scores: &mut [f32], mask: &[f32]) {
        for (score, mask) in scores.iter_mut().zip(mask) {
            *score += (mask - 1.0) * 1e9;
        }
    }

    fn scale_each(values: &mut [f32], factors: &[f32]) {
        for (value, factor) in values.iter_mut().zip(factors) {
            *value *= factor;
        }
    }

    fn through_softmax(slopes: &mut [f32], probabilities: &[f32]) {
        let along = sum_of(slopes, probabilities, |slope, probability| slope * probability);
        for (slope, probability) in slopes.iter_mut().zip(probabilities) {
            *slope = (*slope - along) * probability;
        }
    }
}
