//! Products with weights in bf16 (Kalamkar et al. 2019): the other side is rounded to bf16 as it is packed, and sums are
//! in f32.
//!
//! Both sides are cut into tiles as the processor's matrix registers (AMX) take them. A processor without these takes
//! the same tiles to its vector instructions, or to plain loops: the same products, summed in another order.

mod amx;
mod pack;
mod plain;
#[cfg(test)]
mod tests;
mod wide;

use std::ops::Range;

use half::bf16;

use super::product::{Output, Size, in_pieces};
use super::vector::transpose;
use pack::{Columns, Rows, TERMS};

/// Terms whose columns are packed at once, so that these stay in the nearer caches.
const BLOCK: usize = 2_048;

/// `x · weightᵀ` for `x` `[rows, terms]` and `weight` `[columns, terms]`.
pub(super) fn by_weight(output: Output<'_>, x: &[f32], weight: &[bf16], size: Size) {
    assert!(
        weight.len() >= size.columns * size.terms,
        "a row for each output"
    );
    // Either x is packed and the result transposed, or the weight is packed, piece by piece.
    if size.rows * (2 * size.columns + size.terms) < size.columns * size.terms {
        with_x_packed(output, x, weight, size);
    } else {
        with_weight_packed(output, x, size, |packed, columns, terms| {
            packed.transpose(weight, size.terms, columns, terms);
        });
    }
}

/// `x · weight` for `x` `[rows, terms]` and `weight` `[terms, columns]`.
pub(super) fn by_rows(output: Output<'_>, x: &[f32], weight: &[bf16], size: Size) {
    assert!(
        weight.len() >= size.columns * size.terms,
        "a row for each term"
    );
    with_weight_packed(output, x, size, |packed, columns, terms| {
        packed.interleave(weight, size.columns, columns, terms);
    });
}

/// `(weight · xᵀ)ᵀ`, which reads the weight as it lies.
fn with_x_packed(output: Output<'_>, x: &[f32], weight: &[bf16], size: Size) {
    let Size { rows, terms, .. } = size;
    let packed = Columns::rounded(x, rows, terms);
    in_pieces(size.columns, size.multiplications(), |columns| {
        let piece = &weight[columns.start * terms..columns.end * terms];
        let piece = Rows::as_they_lie(piece, columns.len(), terms);
        let mut part = vec![0.0; piece.padded() * packed.padded()];
        multiply_tiles(&mut part, &piece, 0, &packed, false);
        let target = output.from(columns.start);
        transpose(&part, packed.padded(), [columns.len(), rows], target);
    });
}

/// The product of x with what `pack` makes of the weight for a range of columns and one of terms.
fn with_weight_packed(
    output: Output<'_>,
    x: &[f32],
    size: Size,
    pack: impl Fn(&mut Columns, Range<usize>, Range<usize>) + Sync + Send,
) {
    let Size { rows, terms, .. } = size;
    let x = Rows::rounded(x, rows, terms);
    in_pieces(size.columns, size.multiplications(), |columns| {
        let mut packed = Columns::of(columns.len(), BLOCK.min(terms));
        let width = packed.padded();
        let mut part = vec![0.0; x.padded() * width];
        for first in (0..terms).step_by(BLOCK) {
            let block = first..(first + BLOCK).min(terms);
            pack(&mut packed, columns.clone(), block);
            multiply_tiles(&mut part, &x, first / TERMS, &packed, first > 0);
        }
        let target = output.from(columns.start);
        target.for_each_row(rows, columns.len(), |row, slots| {
            for (slot, number) in slots.iter_mut().zip(&part[row * width..]) {
                slot.write(*number);
            }
        });
    });
}

/// `output (+)= rows · columns`, of the chunks of the rows' terms from `first` on; all of it padded to whole tiles.
fn multiply_tiles(output: &mut [f32], rows: &Rows<'_>, first: usize, columns: &Columns, add: bool) {
    assert!(
        first + columns.chunks() <= rows.chunks(),
        "terms of both sides"
    );
    assert!(
        output.len() >= rows.padded() * columns.padded(),
        "room for the product"
    );
    if amx::is_available() {
        amx::multiply(output, rows, first, columns, add);
    } else if wide::is_available() {
        wide::multiply(output, rows, first, columns, add);
    } else {
        plain::multiply(output, rows, first, columns, add);
    }
}
