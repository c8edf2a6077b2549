//! Multi-head attention with a prefix, `softmax(q kᵀ + bias) v`, one head of one row of the batch at a time, so
//! that its scores stay in the cache.

use std::borrow::Cow;

use burn::tensor::Tensor;
use rayon::prelude::*;

use super::product::{Matrix, Output, Size, filled, multiply, product};
use super::vector::{on_this_processor, softmax, sum_of};
use super::{Host, HostOp, Operand, apply};
use crate::nn::prefix::KeyValue;

/// Queries, keys and values.
pub(in crate::nn) struct Sources {
    /// `[batch, tokens, inner]`, or with keys and values beside them: `[batch, tokens, 3 * inner]`.
    pub queries: Tensor<3>,
    /// Keys beside values, where they are not beside the queries: `[batch, source, 2 * inner]`.
    pub keys_values: Option<Tensor<3>>,
}

/// The inputs of attention besides its sources.
pub(in crate::nn) struct Attention<'a> {
    pub heads: usize,
    /// `[1, heads, tokens, keys]`: the learned bias of each distance.
    pub position: Option<&'a Tensor<4>>,
    /// `[batch, keys]`: 1 where a key is real.
    pub mask: Option<&'a Tensor<2>>,
    /// Whether no token attends to a later one.
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
    heads: usize,
    /// Whether keys and values are beside the queries.
    self_attention: bool,
    causal: bool,
    mask: Option<Host>,
    dropout: Option<Host>,
}

/// Queries (or all three), keys and values, position bias, prefix keys, prefix values.
type Inputs = [Host; 5];

impl HostOp<5> for Attend {
    /// The probabilities of each head of each row, `[tokens, prefix + keys]`.
    type Saved = Vec<Vec<f32>>;

    fn forward(&self, inputs: &Inputs, needs_backward: bool) -> (Host, Vec<Vec<f32>>) {
        let layout = Layout::of(self, inputs);
        let mut saved = Vec::new();
        let mixed = filled(layout.batch * layout.tokens * layout.inner(), |mixed| {
            let mixed = Output::uninitialised(mixed, layout.inner());
            let heads = (0..layout.batch * layout.heads).into_par_iter();
            heads
                .map(|index| {
                    let probabilities = self.forward_head(&Head::of(&layout, index, inputs), mixed);
                    if needs_backward {
                        probabilities
                    } else {
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
        saved: &Vec<Vec<f32>>,
        gradient: Host,
        wanted: [bool; 5],
    ) -> [Option<Host>; 5] {
        let layout = Layout::of(self, inputs);
        let mut of_keys_values = Vec::new();
        let mut of_heads = Vec::new();
        let of_queries = filled(inputs[0].values().len(), |queries| {
            let queries = Output::uninitialised(queries, layout.query_step);
            let mut derive = |keys_values: Output| {
                // A head sums over the rows of the batch, so that heads share no sum.
                (0..layout.heads)
                    .into_par_iter()
                    .map(|head| {
                        let mut sums = Sums::of(&layout);
                        for row in 0..layout.batch {
                            let index = row * layout.heads + head;
                            let head = Head::of(&layout, index, inputs);
                            let targets = [queries, keys_values];
                            self.backward_head(&head, &saved[index], &gradient, targets, &mut sums);
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
        let (keys, values) = (head.keys(), head.values());
        let size = Size::new(layout.tokens, layout.columns(), layout.d_kv);
        let keys = Matrix::rows(&keys, layout.d_kv).transposed();
        let mut probabilities = product(head.queries(), keys, size);
        self.softmax_scores(head, &mut probabilities);
        multiply(
            mixed.from(head.first_output()),
            Matrix::rows(&self.after_dropout(head, &probabilities), layout.columns()),
            Matrix::rows(&values, layout.d_kv),
            Size::new(layout.tokens, layout.d_kv, layout.columns()),
        );
        probabilities
    }

    /// Adds biases to a head's scores `[tokens, prefix + keys]` and turns them into probabilities.
    fn softmax_scores(&self, head: &Head<'_>, scores: &mut [f32]) {
        let Layout { keys, prefix, .. } = *head.layout;
        let masked = self.mask.as_ref();
        let masked = masked.map(|mask| &mask.values()[head.row * keys..][..keys]);
        for (token, scores) in scores.chunks_exact_mut(prefix + keys).enumerate() {
            if let Some(bias) = head.position(token) {
                add(&mut scores[prefix..], bias);
            }
            if let Some(masked) = masked {
                add_mask(&mut scores[prefix..], masked);
            }
            let seen = prefix + if self.causal { token + 1 } else { keys };
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
        Some(&dropout.values()[head.index * length..][..length])
    }

    /// Writes the derivatives of a head's queries, keys and values, and adds to the sums what it
    /// shares with the other rows of the batch.
    fn backward_head(
        &self,
        head: &Head<'_>,
        probabilities: &[f32],
        gradient: &Host,
        [of_queries, of_keys_values]: [Output<'_>; 2],
        sums: &mut Sums,
    ) {
        let layout = head.layout;
        let Layout { tokens, d_kv, .. } = *layout;
        let columns = layout.columns();
        let gradient = &gradient.values()[head.first_output()..];
        let gradient = Matrix::rows(gradient, layout.inner());
        let (keys, values) = (head.keys(), head.values());

        let weights = self.after_dropout(head, probabilities);
        let weights = Matrix::rows(&weights, columns).transposed();
        let of_values = product(weights, gradient, Size::new(columns, d_kv, tokens));

        let values = Matrix::rows(&values, d_kv).transposed();
        let mut slopes = product(gradient, values, Size::new(tokens, columns, d_kv));
        if let Some(factors) = self.factors(head) {
            scale_each(&mut slopes, factors);
        }
        let rows = slopes.chunks_exact_mut(columns);
        for (slopes, probabilities) in rows.zip(probabilities.chunks_exact(columns)) {
            through_softmax(slopes, probabilities);
        }
        let of_position = sums.position.chunks_exact_mut(layout.keys);
        for (sum, slopes) in of_position.zip(slopes.chunks_exact(columns)) {
            add(sum, &slopes[layout.prefix..]);
        }

        let slopes = Matrix::rows(&slopes, columns);
        let target = of_queries.from(head.first_query());
        let keys = Matrix::rows(&keys, d_kv);
        multiply(target, slopes, keys, Size::new(tokens, d_kv, columns));
        let size = Size::new(columns, d_kv, tokens);
        let of_keys = product(slopes.transposed(), head.queries(), size);

        let target = of_keys_values.from(head.first_key());
        layout.scatter(&of_keys, target, &mut sums.prefix_keys);
        let target = target.from(layout.inner());
        layout.scatter(&of_values, target, &mut sums.prefix_values);
    }
}

/// Sizes and strides.
struct Layout {
    batch: usize,
    heads: usize,
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
        let query_step = queries.shape()[2];
        let inner = if operation.self_attention {
            query_step / 3
        } else {
            query_step
        };
        let (keys_in, keys_values) = if operation.self_attention {
            (0, queries)
        } else {
            (1, keys_values)
        };
        let (first_key, width) = if operation.self_attention {
            (inner, 3)
        } else {
            (0, 2)
        };
        // Derivatives are written head by head, so heads must cover everything.
        assert_eq!(inner % operation.heads, 0, "heads of equal width");
        assert_eq!(keys_values.shape()[2], width * inner, "keys beside values");
        assert_eq!(keys_values.shape()[0], queries.shape()[0], "one batch");
        Layout {
            batch: queries.shape()[0],
            heads: operation.heads,
            d_kv: inner / operation.heads,
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

    fn inner(&self) -> usize {
        self.heads * self.d_kv
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

/// Derivatives, of one head, of the inputs that all rows of the batch share.
struct Sums {
    position: Vec<f32>,
    prefix_keys: Vec<f32>,
    prefix_values: Vec<f32>,
}

impl Sums {
    fn of(layout: &Layout) -> Self {
        let pairs = if layout.position {
            layout.tokens * layout.keys
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

/// One head of one row of the batch.
struct Head<'a> {
    layout: &'a Layout,
    inputs: &'a Inputs,
    index: usize,
    row: usize,
    head: usize,
}

impl<'a> Head<'a> {
    fn of(layout: &'a Layout, index: usize, inputs: &'a Inputs) -> Self {
        let (row, head) = (index / layout.heads, index % layout.heads);
        Head {
            layout,
            inputs,
            index,
            row,
            head,
        }
    }

    fn first_query(&self) -> usize {
        let layout = self.layout;
        self.row * layout.tokens * layout.query_step + self.head * layout.d_kv
    }

    fn first_key(&self) -> usize {
        let layout = self.layout;
        self.row * layout.keys * layout.key_step + layout.first_key + self.head * layout.d_kv
    }

    fn first_output(&self) -> usize {
        let layout = self.layout;
        self.row * layout.tokens * layout.inner() + self.head * layout.d_kv
    }

    /// `[tokens, d_kv]`
    fn queries(&self) -> Matrix<'a> {
        let values = &self.inputs[0].values()[self.first_query()..];
        Matrix::rows(values, self.layout.query_step)
    }

    /// `[prefix + keys, d_kv]`
    fn keys(&self) -> Vec<f32> {
        self.gather(&self.inputs[3], self.first_key())
    }

    /// `[prefix + keys, d_kv]`
    fn values(&self) -> Vec<f32> {
        self.gather(&self.inputs[4], self.first_key() + self.layout.inner())
    }

    fn gather(&self, prefix: &Host, first: usize) -> Vec<f32> {
        let Layout { d_kv, key_step, .. } = *self.layout;
        let own = &self.inputs[self.layout.keys_in];
        let of_prefix = self.layout.prefix * d_kv;
        let mut all = Vec::with_capacity(self.layout.columns() * d_kv);
        all.extend_from_slice(&prefix.values()[self.head * of_prefix..][..of_prefix]);
        for key in 0..self.layout.keys {
            all.extend_from_slice(&own.values()[first + key * key_step..][..d_kv]);
        }
        all
    }

    /// The bias of a token's scores.
    fn position(&self, token: usize) -> Option<&'a [f32]> {
        let keys = self.layout.keys;
        let first = (self.head * self.layout.tokens + token) * keys;
        let bias = &self.inputs[2];
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
