//! Where the heads of an attention lie in its inputs.

use super::super::Host;
use super::super::product::{Matrix, Output};
use super::{Attend, Inputs, add};
use crate::nn::attention::Heads;

/// Sizes and strides.
pub(super) struct Layout {
    pub batch: usize,
    pub heads: Heads,
    pub d_kv: usize,
    pub tokens: usize,
    pub keys: usize,
    /// Keys that there is memory for in each row of the batch.
    pub room: usize,
    pub prefix: usize,
    pub position: bool,
    /// From a token's queries to the next token's.
    pub query_step: usize,
    /// Index of the input with keys and values.
    pub keys_in: usize,
    /// From a key to the next; values follow the keys of all heads.
    pub key_step: usize,
    /// Offset of the first key.
    pub first_key: usize,
}

impl Layout {
    pub fn of(operation: &Attend, [queries, keys_values, position, prefix, _]: &Inputs) -> Self {
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
            !operation.causal || queries.shape()[1] <= operation.keys,
            "a key for every token"
        );
        assert!(
            operation.keys <= keys_values.shape()[1],
            "keys within the memory"
        );
        Layout {
            batch: queries.shape()[0],
            heads,
            d_kv,
            tokens: queries.shape()[1],
            keys: operation.keys,
            room: keys_values.shape()[1],
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
    pub fn inner(&self) -> usize {
        self.heads.query * self.d_kv
    }

    /// Width of all key heads together.
    pub fn key_width(&self) -> usize {
        self.heads.key * self.d_kv
    }

    /// Query heads that share a key head.
    pub fn group(&self) -> usize {
        self.heads.query / self.heads.key
    }

    /// Columns of a row of probabilities.
    pub fn columns(&self) -> usize {
        self.prefix + self.keys
    }

    /// Splits `[prefix + keys, d_kv]`: the prefix's rows are added to `prefix`, the others written to
    /// `target`.
    pub fn scatter(&self, all: &[f32], target: Output<'_>, prefix: &mut [f32]) {
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
pub(super) struct Sums {
    /// Of each query head in turn.
    pub position: Vec<f32>,
    pub prefix_keys: Vec<f32>,
    pub prefix_values: Vec<f32>,
}

impl Sums {
    pub fn of(layout: &Layout) -> Self {
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
pub(super) struct Group<'a> {
    pub layout: &'a Layout,
    pub inputs: &'a Inputs,
    pub row: usize,
    pub key_head: usize,
    /// `[prefix + keys, d_kv]`
    pub keys: Vec<f32>,
    pub values: Vec<f32>,
}

impl<'a> Group<'a> {
    pub fn of(layout: &'a Layout, index: usize, inputs: &'a Inputs) -> Self {
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

    pub fn first_key(&self) -> usize {
        let layout = self.layout;
        self.row * layout.room * layout.key_step + layout.first_key + self.key_head * layout.d_kv
    }

    pub fn gather(&self, prefix: &Host, first: usize) -> Vec<f32> {
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
    pub fn keys(&self) -> Matrix<'_> {
        Matrix::rows(&self.keys, self.layout.d_kv)
    }

    /// `[prefix + keys, d_kv]`
    pub fn values(&self) -> Matrix<'_> {
        Matrix::rows(&self.values, self.layout.d_kv)
    }

    pub fn heads(&self) -> impl Iterator<Item = Head<'_>> {
        let first = self.key_head * self.layout.group();
        (first..first + self.layout.group()).map(|head| Head {
            layout: self.layout,
            group: self,
            head,
        })
    }
}

/// One query head of one row of the batch.
pub(super) struct Head<'a> {
    pub layout: &'a Layout,
    pub group: &'a Group<'a>,
    pub head: usize,
}

impl<'a> Head<'a> {
    pub fn first_query(&self) -> usize {
        let layout = self.layout;
        self.group.row * layout.tokens * layout.query_step + self.head * layout.d_kv
    }

    pub fn first_output(&self) -> usize {
        let layout = self.layout;
        self.group.row * layout.tokens * layout.inner() + self.head * layout.d_kv
    }

    /// `[tokens, d_kv]`
    pub fn queries(&self) -> Matrix<'a> {
        let values = &self.group.inputs[0].values()[self.first_query()..];
        Matrix::rows(values, self.layout.query_step)
    }

    /// The bias of a token's scores.
    pub fn position(&self, token: usize) -> Option<&'a [f32]> {
        let keys = self.layout.keys;
        let first = (self.head * self.layout.tokens + token) * keys;
        let bias = &self.group.inputs[2];
        self.layout
            .position
            .then(|| &bias.values()[first..][..keys])
    }
}
