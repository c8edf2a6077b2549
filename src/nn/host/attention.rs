//! Multi-head attention with a prefix, `softmax(q kᵀ + bias) v`, one head of one row of the batch at a time, so
//! that its scores stay in the cache. Query heads that share keys and values take turns on one copy of them.

use std::borrow::Cow;

use burn::tensor::Tensor;
use rayon::prelude::*;

use super::product::{Matrix, Output, Size, filled, multiply, product};
use super::vector::{on_this_processor, softmax, sum_of};
use super::{Host, HostOp, Operand, apply};
use crate::nn::attention::Heads;
use crate::nn::prefix::KeyValue;

/// Queries, keys and values.
pub(in crate::nn) struct Sources {
    /// `[batch, tokens, inner]`, or with keys and values beside them: `[batch, tokens, 3 * inner]`.
    pub queries: Tensor<3>,
    /// Keys beside values, where they are not beside the queries: `[batch, source, 2 * key heads * d_kv]`.
    pub keys_values: Option<Tensor<3>>,
}

/// The inputs of attention besides its sources.
pub(in crate::nn) struct Attention<'a> {
    pub heads: Heads,
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
    /// Whether keys and values are beside the queries.
    self_attention: bool,
    causal: bool,
    mask: Option<Host>,
    dropout: Option<Host>,
}

/// Queries (or all three), keys and values, position bias, prefix keys, prefix values.
type Inputs = [Host; 5];

impl HostOp<5> for Attend {
    /// The probabilities `[tokens, prefix + keys]` of the query heads of each key head of each row.
    type Saved = Vec<Vec<Vec<f32>>>;

    fn forward(&self, inputs: &Inputs, needs_backward: bool) -> (Host, Self::Saved) {
        let layout = Layout::of(self, inputs);
        let mut saved = Vec::new();
        let mixed = filled(layout.batch * layout.tokens * layout.inner(), |mixed| {
            let mixed = Output::uninitialised(mixed, layout.inner());
            let key_heads = (0..layout.batch * layout.heads.key).into_par_iter();
            key_heads
                .map(|index| {
                    let group = Group::of(&layout, index, inputs);
                    let probabilities = group.heads().map(|head| self.forward_head(&head, mixed));
                    if needs_backward {
                        probabilities.collect()
                    } else {
                        probabilities.for_each(drop);
                        Vec::new()
                    }
                })
                .collect_into_vec(&mut saved);
        });
        let shape = [layout.batch, layout.tokens, layout.inner()];
        (Host::shaped(mixed, &shape), saved)
    }

    fn backward(
        &self,
        inputs: &Inputs,
        saved: &Self::Saved,
        gradient: Host,
        wanted: [bool; 5],
    ) -> [Option<Host>; 5] {
        let layout = Layout::of(self, inputs);
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
                            self.backward_group(
                                &group,
                                &saved[index],
                                &gradient,
                                targets,
                                &mut sums,
                            );
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
    /// Writes a head's output and returns its probabilities before dropout.
    fn forward_head(&self, head: &Head<'_>, mixed: Output<'_>) -> Vec<f32> {
        let layout = head.layout;
        let size = Size::new(layout.tokens, layout.columns(), layout.d_kv);
        let keys = head.group.keys().transposed();
        let mut probabilities = product(head.queries(), keys, size);
        self.softmax_scores(head, &mut probabilities);
        multiply(
            mixed.from(head.first_output()),
            Matrix::rows(&self.after_dropout(head, &probabilities), layout.columns()),
            head.group.values(),
            Size::new(layout.tokens, layout.d_kv, layout.columns()),
        );
        probabilities
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
        probabilities: &[Vec<f32>],
        gradient: &Host,
        [of_queries, of_keys_values]: [Output<'_>; 2],
        sums: &mut Sums,
    ) {
        let layout = group.layout;
        let pairs = sums.position.len() / layout.group();
        let mut of_keys = Vec::new();
        let mut of_values = Vec::new();
        for (member, (head, probabilities)) in group.heads().zip(probabilities).enumerate() {
            let of_position = &mut sums.position[member * pairs..][..pairs];
            let target = of_queries.from(head.first_query());
            let of_head = self.backward_head(&head, probabilities, gradient, target, of_position);
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
        probabilities: &[f32],
        gradient: &Host,
        of_queries: Output<'_>,
        of_position: &mut [f32],
    ) -> [Vec<f32>; 2] {
        let layout = head.layout;
        let Layout { tokens, d_kv, .. } = *layout;
        let columns = layout.columns();
        let gradient = &gradient.values()[head.first_output()..];
        let gradient = Matrix::rows(gradient, layout.inner());

        let weights = self.after_dropout(head, probabilities);
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

/// Sizes and strides.
struct Layout {
    batch: usize,
    heads: Heads,
    d_kv: usize,
    tokens: usize,
    keys: usize,
    prefix: usize,
    position: bool,
    /// From a token's queries to the next token's.
    query_step: usize,
    /// Index of the input with keys and values.
    keys_in: usize,
    /// From a key to the next; values follow the keys of all heads.
    key_step: usize,
    /// Offset of the first key.
    first_key: usize,
}

impl Layout {
    fn of(operation: &Attend, [queries, keys_values, position, prefix, _]: &Inputs) -> Self {
        let heads = operation.heads;
        let query_step = queries.shape()[2];
        let parts = if operation.self_attention { 3 } else { 1 };
        let inner = query_step / parts;
        let (keys_in, keys_values, first_key) = if operation.self_attention {
            (0, queries, inner)
        } else {
            (1, keys_values, 0)
        };
        let d_kv = inner / heads.query;
        // Derivatives are written head by head, so heads must cover everything.
        assert_eq!(inner % heads.query, 0, "heads of equal width");
        assert_eq!(heads.query % heads.key, 0, "groups of equal size");
        let width = first_key + 2 * heads.key * d_kv;
        assert_eq!(keys_values.shape()[2], width, "keys beside values");
        assert_eq!(keys_values.shape()[0], queries.shape()[0], "one batch");
        assert!(
            !operation.causal || queries.shape()[1] <= keys_values.shape()[1],
            "a key for every token"
        );
        Layout {
            batch: queries.shape()[0],
            heads,
            d_kv,
            tokens: queries.shape()[1],
            keys: keys_values.shape()[1],
            prefix: match *prefix.shape() {
                [_, positions, _] => positions,
                _ => 0,
            },
            position: position.shape().len() == 4,
            query_step,
            keys_in,
            key_step: keys_values.shape()[2],
            first_key,
        }
    }

    /// Width of all query heads together.
    fn inner(&self) -> usize {
        self.heads.query * self.d_kv
    }

    /// Width of all key heads together.
    fn key_width(&self) -> usize {
        self.heads.key * self.d_kv
    }

    /// Query heads that share a key head.
    fn group(&self) -> usize {
        self.heads.query / self.heads.key
    }

    /// Columns of a row of probabilities.
    fn columns(&self) -> usize {
        self.prefix + self.keys
    }

    /// Splits `[prefix + keys, d_kv]`: the prefix's rows are added to `prefix`, the others written to
    /// `target`.
    fn scatter(&self, all: &[f32], target: Output<'_>, prefix: &mut [f32]) {
        let (front, own) = all.split_at(prefix.len());
        add(prefix, front);
        target.for_each_row(self.keys, self.d_kv, |key, slots| {
            for (slot, number) in slots.iter_mut().zip(&own[key * self.d_kv..]) {
                slot.write(*number);
            }
        });
    }
}

/// Derivatives, of one key head, of the inputs that all rows of the batch share.
struct Sums {
    /// Of each query head in turn.
    position: Vec<f32>,
    prefix_keys: Vec<f32>,
    prefix_values: Vec<f32>,
}

impl Sums {
    fn of(layout: &Layout) -> Self {
        let pairs = if layout.position {
            layout.group() * layout.tokens * layout.keys
        } else {
            0
        };
        let of_prefix = layout.prefix * layout.d_kv;
        Sums {
            position: vec![0.0; pairs],
            prefix_keys: vec![0.0; of_prefix],
            prefix_values: vec![0.0; of_prefix],
        }
    }
}

/// One key head of one row of the batch, with the query heads that it serves.
struct Group<'a> {
    layout: &'a Layout,
    inputs: &'a Inputs,
    row: usize,
    key_head: usize,
    /// `[prefix + keys, d_kv]`
    keys: Vec<f32>,
    values: Vec<f32>,
}

impl<'a> Group<'a> {
    fn of(layout: &'a Layout, index: usize, inputs: &'a Inputs) -> Self {
        let mut group = Group {
            layout,
            inputs,
            row: index / layout.heads.key,
            key_head: index % layout.heads.key,
            keys: Vec::new(),
            values: Vec::new(),
        };
        group.keys = group.gather(&inputs[3], group.first_key());
        group.values = group.gather(&inputs[4], group.first_key() + layout.key_width());
        group
    }

    fn first_key(&self) -> usize {
        let layout = self.layout;
        self.row * layout.keys * layout.key_step + layout.first_key + self.key_head * layout.d_kv
    }

    fn gather(&self, prefix: &Host, first: usize) -> Vec<f32> {
        let Layout { d_kv, key_step, .. } = *self.layout;
        let own = &self.inputs[self.layout.keys_in];
        let of_prefix = self.layout.prefix * d_kv;
        let mut all = Vec::with_capacity(self.layout.columns() * d_kv);
        all.extend_from_slice(&prefix.values()[self.key_head * of_prefix..][..of_prefix]);
        for key in 0..self.layout.keys {
            all.extend_from_slice(&own.values()[first + key * key_step..][..d_kv]);
        }
        all
    }

    /// `[prefix + keys, d_kv]`
    fn keys(&self) -> Matrix<'_> {
        Matrix::rows(&self.keys, self.layout.d_kv)
    }

    /// `[prefix + keys, d_kv]`
    fn values(&self) -> Matrix<'_> {
        Matrix::rows(&self.values, self.layout.d_kv)
    }

    fn heads(&self) -> impl Iterator<Item = Head<'_>> {
        let first = self.key_head * self.layout.group();
        (first..first + self.layout.group()).map(|head| Head {
            layout: self.layout,
            group: self,
            head,
        })
    }
}

/// One query head of one row of the batch.
struct Head<'a> {
    layout: &'a Layout,
    group: &'a Group<'a>,
    head: usize,
}

impl<'a> Head<'a> {
    fn first_query(&self) -> usize {
        let layout = self.layout;
        self.group.row * layout.tokens * layout.query_step + self.head * layout.d_kv
    }

    fn first_output(&self) -> usize {
        let layout = self.layout;
        self.group.row * layout.tokens * layout.inner() + self.head * layout.d_kv
    }

    /// `[tokens, d_kv]`
    fn queries(&self) -> Matrix<'a> {
        let values = &self.group.inputs[0].values()[self.first_query()..];
        Matrix::rows(values, self.layout.query_step)
    }

    /// The bias of a token's scores.
    fn position(&self, token: usize) -> Option<&'a [f32]> {
        let keys = self.layout.keys;
        let first = (self.head * self.layout.tokens + token) * keys;
        let bias = &self.group.inputs[2];
        self.layout
            .position
            .then(|| &bias.values()[first..][..keys])
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
