//! The same products on any processor.

use super::super::vector::on_this_processor;
use super::pack::{Columns, LANES, Rows, Tile};

/// See [`super::multiply_tiles`].
pub fn multiply(output: &mut [f32], rows: &Rows<'_>, first: usize, columns: &Columns, add: bool) {
    let width = columns.padded();
    if !add {
        output.fill(0.0);
    }
    for (row, output) in output.chunks_exact_mut(width).enumerate() {
        for (left, sums) in output.as_chunks_mut::<LANES>().0.iter_mut().enumerate() {
            for (chunk, tile) in columns.strip(left).iter().enumerate() {
                add_tile(sums, &rows.pairs(row, first + chunk), tile);
            }
        }
    }
}

on_this_processor! {
    fn add_tile(sums: &mut [f32; LANES], pairs: &[u32; LANES], tile: &Tile) {
        for (pair, columns) in pairs.iter().zip(&tile.0) {
            let [first, second] = numbers(*pair);
            for (sum, column) in sums.iter_mut().zip(columns) {
                let [a, b] = numbers(*column);
                *sum += first * a + second * b;
            }
        }
    }
}

/// A pair in bf16, which is the upper half of an f32.
#[inline(always)]
fn numbers(pair: u32) -> [f32; 2] {
    [
        f32::from_bits(pair << 16),
        f32::from_bits(pair & 0xffff_0000),
    ]
}
