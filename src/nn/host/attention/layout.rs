//! Where each head's queries, keys, values and probabilities stand in memory.

use std::ops::Range;

use super::super::Host;
use super::super::product::Matrix;

/// Sizes, and where each head of each row begins.
#[derive(Clone, Copy)]
pub(super) struct Layout {
    pub batch: usize,
    pub heads: usize,
    pub d_kv: usize,
    pub tokens: usize,
    pub keys: usize,
    pub prefix: usize,
    pub own: bool,
}

/// A block of queries, keys or values of one head: where it begins, and from row to row.
#[derive(Clone, Copy)]
pub(super) struct Block {
    pub first: usize,
    pub step: usize,
}

impl Layout {
    /// Of `queries`, keys and values in `others` where they are not the queries' own, and `prefix`
    /// `[heads, positions, d_kv]` if it has three dimensions.
    pub fn new(heads: usize, own: bool, queries: &Host, others: &Host, prefix: &Host) -> Self {
        let (shape, parts) = (queries.shape(), if own { 3 } else { 1 });
        Layout {
            batch: shape[0],
            heads,
            d_kv: shape[2] / parts / heads,
            tokens: shape[1],
            keys: if own { shape[1] } else { others.shape()[1] },
            prefix: match *prefix.shape() {
                [_, positions, _] => positions,
                _ => 0,
            },
            own,
        }
    }

    pub fn inner(&self) -> usize {
        self.heads * self.d_kv
    }

    /// Columns of a row of probabilities.
    pub fn columns(&self) -> usize {
        self.prefix + self.keys
    }

    pub fn queries(&self, row: usize, head: usize) -> Block {
        let step = self.inner() * if self.own { 3 } else { 1 };
        Block {
            first: row * self.tokens * step + head * self.d_kv,
            step,
        }
    }

    pub fn keys(&self, row: usize, head: usize) -> Block {
        let parts = if self.own { 3 } else { 2 };
        let step = self.inner() * parts;
        let first = row * self.keys * step + (parts - 2) * self.inner() + head * self.d_kv;
        Block { first, step }
    }

    pub fn values(&self, row: usize, head: usize) -> Block {
        let keys = self.keys(row, head);
        Block {
            first: keys.first + self.inner(),
            ..keys
        }
    }

    pub fn output(&self, row: usize, head: usize) -> Block {
        Block {
            first: row * self.tokens * self.inner() + head * self.d_kv,
            step: self.inner(),
        }
    }

    pub fn probabilities(&self, row: usize, head: usize) -> Range<usize> {
        let size = self.tokens * self.columns();
        let index = row * self.heads + head;
        index * size..(index + 1) * size
    }

    /// Prefix keys or values of a head.
    pub fn of_prefix(&self, head: usize) -> Range<usize> {
        head * self.prefix * self.d_kv..(head + 1) * self.prefix * self.d_kv
    }
}

impl Block {
    pub fn read(self, host: &Host) -> Matrix<'_> {
        Matrix::rows(&host.values()[self.first..], self.step)
    }
}
