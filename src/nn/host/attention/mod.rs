//! Attention of all heads at once: `softmax(q kᵀ + bias) v`, prefix in front, without copies of
//! queries, keys and values.

mod layout;

use burn::tensor::Tensor;
use rayon::prelude::*;

use super::product::{Matrix, Output, Size, filled, multiply};
use super::vector::{on_this_processor, softmax, sum_of};
use super::{Host, HostOp, Operand, apply};
use crate::nn::prefix::KeyValue;
use layout::Layout;

/// Where queries, keys and values stand.
pub(in crate::nn) struct Sources {
    /// `[batch, tokens, inner]`, or with keys and values beside them: `[batch, tokens, 3 * inner]`.
    pub queries: Tensor<3>,
    /// Keys beside values, where they are not the queries' own: `[batch, source, 2 * inner]`.
    pub others: Option<Tensor<3>>,
}

/// What attention is told besides its sources.
pub(in crate::nn) struct Attention<'a> {
    pub heads: usize,
    /// `[1, heads, tokens, keys]`: the learned bias of each distance.
    pub position: Option<&'a Tensor<4>>,
    /// `[batch, keys]`: 1 where a key is real.
    pub mask: Option<&'a Tensor<2>>,
    /// Whether no token sees a later one.
    pub causal: bool,
    /// Keys and values in front, without bias or mask.
    pub prefix: Option<&'a KeyValue>,
    /// `[batch, heads, tokens, prefix + keys]`: factors of the probabilities.
    pub dropped: Option<Host>,
}

/// Mixed values of all heads side by side: `[batch, tokens, inner]`.
pub(in crate::nn) fn attend(sources: Sources, attention: Attention<'_>) -> Tensor<3> {
    let own = sources.others.is_none();
    let others = sources.others.map_or_else(Operand::nothing, Operand::of);
    let position = attention
        .position
        .map_or_else(Operand::nothing, |bias| Operand::of(bias.clone()));
    let [keys, values] = match attention.prefix {
        None => [Operand::nothing(), Operand::nothing()],
        Some(prefix) => [&prefix.keys, &prefix.values].map(|tensor| Operand::of(tensor.clone())),
    };
    let operation = Attend {
        heads: attention.heads,
        own,
        causal: attention.causal,
        mask: attention.mask.map(Host::of),
        dropped: attention.dropped,
    };
    let queries = Operand::of(sources.queries);
    apply(operation, [queries, others, position, keys, values])
}

#[derive(Clone, Debug)]
struct Attend {
    heads: usize,
    own: bool,
    causal: bool,
    mask: Option<Host>,
    dropped: Option<Host>,
}

/// Inputs: queries (or all three), keys and values, position bias, prefix keys, prefix values.
type Inputs = [Host; 5];

impl Attend {
    fn layout(&self, [queries, others, _, prefix, _]: &Inputs) -> Layout {
        Layout::new(self.heads, self.own, queries, others, prefix)
    }

    /// Where keys and values stand.
    fn others<'a>(&self, inputs: &'a Inputs) -> &'a Host {
        if self.own { &inputs[0] } else { &inputs[1] }
    }

    /// Adds biases to a head's scores `[tokens, prefix + keys]` and turns them into probabilities.
    fn weigh(&self, layout: &Layout, scores: &mut [f32], position: &Host, row: usize, head: usize) {
        let (tokens, keys) = (layout.tokens, layout.keys);
        let masked = self
            .mask
            .as_ref()
            .map(|mask| &mask.values()[row * keys..(row + 1) * keys]);
        let has_position = position.shape().len() == 4;
        for (token, scores) in scores.chunks_exact_mut(layout.columns()).enumerate() {
            let (_, own) = scores.split_at_mut(layout.prefix);
            if has_position {
                let first = (head * tokens + token) * keys;
                add(own, &position.values()[first..first + keys]);
            }
            if let Some(masked) = masked {
                add_mask(own, masked);
            }
            let seen = layout.prefix + if self.causal { token + 1 } else { keys };
            softmax(&mut scores[..seen]);
            scores[seen..].fill(0.0);
        }
    }
}

impl HostOp<5> for Attend {
    /// The probabilities, `[batch, heads, tokens, prefix + keys]`.
    type Kept = Host;

    fn forward(&self, inputs: &Inputs, keep: bool) -> (Host, Host) {
        let layout = self.layout(inputs);
        let [queries, _, position, prefix_keys, prefix_values] = inputs;
        let others = self.others(inputs);
        let Layout {
            batch,
            heads,
            d_kv,
            tokens,
            keys,
            prefix,
            ..
        } = layout;
        let columns = layout.columns();
        let mut kept = vec![
            0.0;
            if keep {
                batch * heads * tokens * columns
            } else {
                0
            }
        ];
        let all_kept = Output::rows(&mut kept, columns);
        let mixed = filled(batch * tokens * layout.inner(), |mixed| {
            let mixed = Output::uninitialised(mixed, layout.inner());
            let one = |head: usize, row: usize, scratch: &mut Vec<f32>| {
                scratch.resize(tokens * columns, 0.0);
                let query = layout.queries(row, head).read(queries);
                let scores = Output::rows(scratch, columns);
                let of_prefix = layout.of_prefix(head);
                if prefix > 0 {
                    let key =
                        Matrix::rows(&prefix_keys.values()[of_prefix.clone()], d_kv).transposed();
                    multiply(
                        scores,
                        query,
                        key,
                        Size {
                            rows: tokens,
                            columns: prefix,
                            terms: d_kv,
                        },
                        false,
                    );
                }
                let key = layout.keys(row, head).read(others).transposed();
                multiply(
                    scores.from(prefix),
                    query,
                    key,
                    Size {
                        rows: tokens,
                        columns: keys,
                        terms: d_kv,
                    },
                    false,
                );
                self.weigh(&layout, scratch, position, row, head);
                let place = layout.probabilities(row, head);
                if keep {
                    all_kept.from(place.start).write(scratch);
                }
                if let Some(dropped) = &self.dropped {
                    scale_each(scratch, &dropped.values()[place]);
                }
                let target = mixed.from(layout.output(row, head).first);
                let weights = Matrix::rows(scratch, columns);
                let value = layout.values(row, head).read(others);
                let size = Size {
                    rows: tokens,
                    columns: d_kv,
                    terms: keys,
                };
                multiply(target, weights.past_columns(prefix), value, size, false);
                if prefix > 0 {
                    let value = Matrix::rows(&prefix_values.values()[of_prefix], d_kv);
                    multiply(
                        target,
                        weights,
                        value,
                        Size {
                            terms: prefix,
                            ..size
                        },
                        true,
                    );
                }
            };
            (0..batch * heads)
                .into_par_iter()
                .for_each_init(Vec::new, |scratch, index| {
                    one(index % heads, index / heads, scratch)
                });
        });
        let kept_shape = if keep {
            vec![batch, heads, tokens, columns]
        } else {
            vec![0]
        };
        (
            Host::shaped(mixed, &[batch, tokens, layout.inner()]),
            Host::shaped(kept, &kept_shape),
        )
    }

    fn backward(
        &self,
        inputs: &Inputs,
        kept: &Host,
        gradient: Host,
        wanted: [bool; 5],
    ) -> [Option<Host>; 5] {
        let layout = self.layout(inputs);
        let [queries, others, position, prefix_keys, prefix_values] = inputs;
        let like =
            |wanted: bool, host: &Host| vec![0.0; if wanted { host.values().len() } else { 0 }];
        let mut of_queries = like(wanted[0], queries);
        let mut of_others = like(wanted[1] && !self.own, others);
        let mut of_position = like(wanted[2], position);
        let mut of_prefix_keys = like(wanted[3], prefix_keys);
        let mut of_prefix_values = like(wanted[4], prefix_values);
        let targets = {
            let queries = Output::rows(&mut of_queries, layout.queries(0, 0).step);
            let others = match self.own {
                true => queries,
                false => Output::rows(&mut of_others, layout.keys(0, 0).step),
            };
            Targets {
                queries: wanted[0].then_some(queries),
                others: wanted[usize::from(!self.own)].then_some(others),
                position: wanted[2].then(|| Output::rows(&mut of_position, layout.keys)),
                prefix_keys: wanted[3].then(|| Output::rows(&mut of_prefix_keys, layout.d_kv)),
                prefix_values: wanted[4].then(|| Output::rows(&mut of_prefix_values, layout.d_kv)),
            }
        };
        // A head sums over the rows of the batch, so that heads share nothing.
        (0..layout.heads).into_par_iter().for_each(|head| {
            let mut scratch = Scratch::default();
            for row in 0..layout.batch {
                self.derive(
                    &layout,
                    inputs,
                    kept,
                    &gradient,
                    &targets,
                    row,
                    head,
                    &mut scratch,
                );
            }
        });
        let give =
            |values: Vec<f32>, like: &Host| (!values.is_empty()).then(|| Host::like(values, like));
        [
            give(of_queries, queries),
            give(of_others, others),
            give(of_position, position),
            give(of_prefix_keys, prefix_keys),
            give(of_prefix_values, prefix_values),
        ]
    }
}

/// Where derivatives go; none for those that nobody asked for.
struct Targets {
    queries: Option<Output>,
    others: Option<Output>,
    position: Option<Output>,
    prefix_keys: Option<Output>,
    prefix_values: Option<Output>,
}

/// Memory of one thread, `[tokens, prefix + keys]` each.
#[derive(Default)]
struct Scratch {
    /// Probabilities after dropout.
    weights: Vec<f32>,
    /// Derivatives of the probabilities, then of the scores.
    slopes: Vec<f32>,
}

impl Attend {
    #[allow(clippy::too_many_arguments)]
    fn derive(
        &self,
        layout: &Layout,
        inputs: &Inputs,
        kept: &Host,
        gradient: &Host,
        targets: &Targets,
        row: usize,
        head: usize,
        scratch: &mut Scratch,
    ) {
        let [queries, _, _, prefix_keys, prefix_values] = inputs;
        let others = self.others(inputs);
        let Layout {
            d_kv,
            tokens,
            keys,
            prefix,
            ..
        } = *layout;
        let columns = layout.columns();
        let place = layout.probabilities(row, head);
        let probabilities = &kept.values()[place.clone()];
        let dropped = self
            .dropped
            .as_ref()
            .map(|dropped| &dropped.values()[place]);
        let of_output = layout.output(row, head).read(gradient);
        let of_prefix = layout.of_prefix(head);
        let (from_keys, from_prefix) = (
            Size {
                rows: tokens,
                columns: d_kv,
                terms: keys,
            },
            Size {
                rows: tokens,
                columns: d_kv,
                terms: prefix,
            },
        );

        let weights: &[f32] = match dropped {
            None => probabilities,
            Some(dropped) => {
                scratch.weights.clear();
                scratch.weights.extend_from_slice(probabilities);
                scale_each(&mut scratch.weights, dropped);
                &scratch.weights
            }
        };
        // Of the values: weightsᵀ · gradient.
        let weights = Matrix::rows(weights, columns);
        let to_values = Size {
            rows: keys,
            columns: d_kv,
            terms: tokens,
        };
        if let Some(others) = targets.others {
            let target = others.from(layout.values(row, head).first);
            multiply(
                target,
                weights.past_columns(prefix).transposed(),
                of_output,
                to_values,
                false,
            );
        }
        if let (Some(target), true) = (targets.prefix_values, prefix > 0) {
            let size = Size {
                rows: prefix,
                ..to_values
            };
            multiply(
                target.from(of_prefix.start),
                weights.transposed(),
                of_output,
                size,
                true,
            );
        }

        // Of the probabilities: gradient · valuesᵀ.
        let slopes = &mut scratch.slopes;
        slopes.resize(tokens * columns, 0.0);
        let target = Output::rows(slopes, columns);
        if prefix > 0 {
            let value = Matrix::rows(&prefix_values.values()[of_prefix.clone()], d_kv).transposed();
            multiply(
                target,
                of_output,
                value,
                Size {
                    rows: tokens,
                    columns: prefix,
                    terms: d_kv,
                },
                false,
            );
        }
        let value = layout.values(row, head).read(others).transposed();
        multiply(
            target.from(prefix),
            of_output,
            value,
            Size {
                rows: tokens,
                columns: keys,
                terms: d_kv,
            },
            false,
        );
        if let Some(dropped) = dropped {
            scale_each(slopes, dropped);
        }
        for (slopes, probabilities) in slopes
            .chunks_exact_mut(columns)
            .zip(probabilities.chunks_exact(columns))
        {
            through_softmax(slopes, probabilities);
        }

        if let Some(position) = targets.position {
            let first = head * tokens * keys;
            position.from(first).add_rows(tokens, keys, |token| {
                &slopes[token * columns + prefix..][..keys]
            });
        }
        let slopes = Matrix::rows(slopes, columns);
        if let Some(queries) = targets.queries {
            let target = queries.from(layout.queries(row, head).first);
            let key = layout.keys(row, head).read(others);
            multiply(target, slopes.past_columns(prefix), key, from_keys, false);
            if prefix > 0 {
                let key = Matrix::rows(&prefix_keys.values()[of_prefix.clone()], d_kv);
                multiply(target, slopes, key, from_prefix, true);
            }
        }
        let query = layout.queries(row, head).read(queries);
        if let Some(others) = targets.others {
            let target = others.from(layout.keys(row, head).first);
            multiply(
                target,
                slopes.past_columns(prefix).transposed(),
                query,
                to_values,
                false,
            );
        }
        if let (Some(target), true) = (targets.prefix_keys, prefix > 0) {
            let size = Size {
                rows: prefix,
                ..to_values
            };
            multiply(
                target.from(of_prefix.start),
                slopes.transposed(),
                query,
                size,
                true,
            );
        }
    }
}

on_this_processor! {
    fn add(scores: &mut [f32], bias: &[f32]) {
        for (score, bias) in scores.iter_mut().zip(bias) {
            *score += bias;
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
