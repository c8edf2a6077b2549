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

use super::product::{Output, Size, filled, in_pieces};
use super::vector::transpose;
use pack::{Columns, LANES, Rows, TERMS};

/// Terms whose columns are packed at once, so that these stay in the nearer caches.
const BLOCK: usize = 2_048;

/// `x · weightᵀ` for `x` `[rows, terms]` and `weight` `[columns, terms]`.
pub(super) fn by_weight(output: Output<'_>, x: &[f32], weight: &[bf16], size: Size) {
    assert!(
        weight.len() >= size.columns * size.terms,
        "a row for each output"
    );
    // Either x is packed and the result transposed, or the weight is packed, which takes an eighth of the time a number.
    if size.rows * 8 < size.terms {
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
    let kernel = Kernel::best();
    in_pieces(size.columns, size.multiplications(), |columns| {
        let piece = &weight[columns.start * terms..columns.end * terms];
        let piece = Rows::as_they_lie(piece, columns.len(), terms);
        let part = filled(columns.len() * rows, |part| {
            let part = Output::uninitialised(part, rows);
            kernel.multiply(part, [columns.len(), rows], (&piece, 0), &packed, false);
        });
        let target = output.from(columns.start);
        transpose(&part, rows, [columns.len(), rows], target);
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
    let kernel = Kernel::best();
    in_pieces(size.columns, size.multiplications(), |columns| {
        let mut packed = Columns::of(columns.len(), BLOCK.min(terms));
        for first in (0..terms).step_by(BLOCK) {
            let block = first..(first + BLOCK).min(terms);
            pack(&mut packed, columns.clone(), block);
            let target = output.from(columns.start);
            let (size, x) = ([rows, columns.len()], (&x, first / TERMS));
            kernel.multiply(target, size, x, &packed, first > 0);
        }
    });
}

/// What multiplies tiles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kernel {
    /// The matrix registers.
    Amx,
    /// AVX-512's products of pairs in bf16.
    Wide,
    /// Any processor's arithmetic.
    Plain,
}

/// Rows, and columns, whose sums are computed together.
const SIDE: usize = 2 * LANES;

/// Two strips of rows, and two of columns or the last one.
struct Block<'a> {
    rows: &'a Rows<'a>,
    /// The upper strip.
    upper: usize,
    /// The rows' chunk that meets the columns' first.
    first: usize,
    columns: &'a Columns,
    /// The left strip.
    left: usize,
}

impl Block<'_> {
    fn has_right(&self) -> bool {
        self.left + 1 < self.columns.strips()
    }
}

impl Kernel {
    const ALL: [Kernel; 3] = [Kernel::Amx, Kernel::Wide, Kernel::Plain];

    fn is_available(self) -> bool {
        match self {
            Kernel::Amx => amx::is_available(),
            Kernel::Wide => wide::is_available(),
            Kernel::Plain => true,
        }
    }

    /// The fastest that this processor has.
    fn best() -> Self {
        let mut available = Kernel::ALL
            .into_iter()
            .filter(|kernel| kernel.is_available());
        available.next().unwrap_or(Kernel::Plain)
    }

    /// `output (+)= rows · columns` for `[height, width]` of it, from the chunk of the rows' terms that comes with them
    /// on.
    fn multiply(
        self,
        output: Output<'_>,
        [height, width]: [usize; 2],
        (rows, first): (&Rows<'_>, usize),
        columns: &Columns,
        add: bool,
    ) {
        assert!(self.is_available(), "this processor has it");
        assert!(
            first + columns.chunks() <= rows.chunks(),
            "terms of both sides"
        );
        let registers = (self == Kernel::Amx).then(amx::Registers::shaped);
        for top in (0..height).step_by(SIDE) {
            for side in (0..width).step_by(SIDE) {
                let block = Block {
                    rows,
                    upper: top / LANES,
                    first,
                    columns,
                    left: side / LANES,
                };
                let part = [SIDE.min(height - top), SIDE.min(width - side)];
                let whole = [SIDE, if block.has_right() { SIDE } else { LANES }];
                let target = output.row(top).from(side);
                if part == whole {
                    // SAFETY: the processor has the kernel, and the block is this thread's.
                    unsafe { self.multiply_block(target, &block, add) };
                    continue;
                }
                // A block that the output holds but a part of.
                let mut sums = [0.0; SIDE * SIDE];
                let sums = Output::rows(&mut sums, SIDE);
                if add {
                    sums.copy(target, part);
                }
                // SAFETY: as above.
                unsafe { self.multiply_block(sums, &block, add) };
                target.copy(sums, part);
            }
        }
        drop(registers);
    }

    /// # Safety
    /// The kernel is available, its registers have their shapes, and no other thread has these numbers of the output,
    /// which have been written before where they are added to.
    unsafe fn multiply_block(self, output: Output<'_>, block: &Block<'_>, add: bool) {
        let width = if block.has_right() { SIDE } else { LANES };
        assert!(output.holds(SIDE, width), "room for the block");
        // SAFETY: as the caller promises.
        unsafe {
            match self {
                Kernel::Amx => amx::multiply(output, block, add),
                Kernel::Wide => wide::multiply(output, block, add),
                Kernel::Plain => plain::multiply(output, block, add),
            }
        }
    }
}
