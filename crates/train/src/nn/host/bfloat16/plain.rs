//! The same products on any processor.

use half::bf16;

use super::super::product::Output;
use super::super::vector::on_this_processor;
use super::pack::{LANES, Tile};
use super::{Block, SIDE};

/// See [`super::Kernel::multiply_block`].
///
/// # Safety
/// As there.
pub unsafe fn multiply(output: Output<'_>, block: &Block<'_>, add: bool) {
    let right = block.left + usize::from(block.has_right());
    for (side, strip) in (block.left..=right).enumerate() {
        for row in 0..SIDE {
            let mut sums = [0.0; LANES];
            for (chunk, tile) in block.columns.strip(strip).iter().enumerate() {
                let row = block.upper * LANES + row;
                add_tile(&mut sums, block.rows.terms(row, block.first + chunk), tile);
            }
            let target = output.row(row).from(side * LANES).pointer();
            for (column, sum) in sums.into_iter().enumerate() {
                // SAFETY: the output has room for the block, which is this thread's.
                unsafe {
                    let slot = target.add(column);
                    slot.write(if add { slot.read() + sum } else { sum });
                }
            }
        }
    }
}

on_this_processor! {
    fn add_tile(sums: &mut [f32; LANES], terms: &[bf16], tile: &Tile) {
        let (terms, _) = terms.as_chunks::<2>();
        for ([first, second], columns) in terms.iter().zip(&tile.0) {
            let [first, second] = [wide(*first), wide(*second)];
            let (columns, _) = columns.as_chunks::<2>();
            for (sum, [a, b]) in sums.iter_mut().zip(columns) {
                *sum += first * wide(*a) + second * wide(*b);
            }
        }
    }
}

/// A number in bf16 is the upper half of one in f32.
#[inline(always)]
fn wide(number: bf16) -> f32 {
    f32::from_bits(u32::from(number.to_bits()) << 16)
}
