//! Products by AVX-512, a tile of the output in the processor's registers at a time. Columns of `b` are packed in the
//! order they are read, so that they stay in the nearest cache while all rows of `a` pass by.
//!
//! Each number is one chain of fused additions over [`Size::block`] terms, then the sum of the blocks, as the `gemm`
//! crate has it: other processors give the same bits.

use std::arch::x86_64::{
    __m512, __mmask16, _mm512_add_ps, _mm512_fmadd_ps, _mm512_loadu_ps, _mm512_mask_storeu_ps,
    _mm512_maskz_loadu_ps, _mm512_set1_ps, _mm512_setzero_ps,
};
use std::array::from_fn;

use super::super::vector::transpose;
use super::{Matrix, Output, Size};

const LANES: usize = 16;
/// Columns of a tile.
const COLUMNS: usize = 2 * LANES;
/// Rows of a tile: with two vectors of columns, three quarters of the registers.
const ROWS: usize = 12;
/// `output = a · b`, or added to it, if this processor and these sizes allow.
pub(super) fn multiply(
    output: Output<'_>,
    a: Matrix<'_>,
    b: Matrix<'_>,
    size: Size,
    add: bool,
) -> bool {
    // Packing takes more time than it saves where there are fewer.
    if size.rows < ROWS || !size.is_chained() || !is_x86_feature_detected!("avx512f") {
        return false;
    }
    assert!(
        output.holds(size.rows, size.columns)
            && a.holds(size.rows, size.terms)
            && b.holds(size.terms, size.columns),
        "matrices lie within their memory"
    );
    let block = size.block();
    let mut packed = vec![0.0; block * COLUMNS];
    for from in (0..size.terms).step_by(block) {
        let terms = block.min(size.terms - from);
        let a = a.past_columns(from);
        for left in (0..size.columns).step_by(COLUMNS) {
            let columns = COLUMNS.min(size.columns - left);
            let b = b.past_rows(from).past_columns(left);
            pack(&mut packed, b, terms, columns);
            let size = Size::new(size.rows, columns, terms);
            // SAFETY: the processor and the memory were checked above.
            unsafe { panel(output.from(left), a, &packed, size, add || from > 0) };
        }
    }
    true
}

/// Copies `b` `[terms, columns]` to rows of [`COLUMNS`].
fn pack(packed: &mut [f32], b: Matrix<'_>, terms: usize, columns: usize) {
    if b.row_step == 1 {
        let target = Output::rows(packed, COLUMNS);
        return transpose(b.values, b.column_step, [columns, terms], target);
    }
    for (term, packed) in packed.chunks_exact_mut(COLUMNS).take(terms).enumerate() {
        let row = &b.values[term * b.row_step..];
        if b.column_step == 1 {
            packed[..columns].copy_from_slice(&row[..columns]);
        } else {
            for (column, slot) in packed[..columns].iter_mut().enumerate() {
                *slot = row[column * b.column_step];
            }
        }
    }
}

/// # Safety
/// AVX-512; `a` and the output hold `size`, which has at most [`COLUMNS`], and `packed` its terms.
#[target_feature(enable = "avx512f")]
unsafe fn panel(output: Output<'_>, a: Matrix<'_>, packed: &[f32], size: Size, add: bool) {
    for first in (0..size.rows).step_by(ROWS) {
        let (output, a) = (output.row(first), a.past_rows(first));
        let rows = ROWS.min(size.rows - first);
        // SAFETY: as the caller promises.
        unsafe {
            match (rows, size.columns > LANES) {
                (ROWS, true) => tile::<ROWS, 2>(output, a, packed, size, add),
                (ROWS, false) => tile::<ROWS, 1>(output, a, packed, size, add),
                (_, true) => fewer::<2>(output, a, packed, Size { rows, ..size }, add),
                (_, false) => fewer::<1>(output, a, packed, Size { rows, ..size }, add),
            }
        }
    }
}

/// # Safety
/// As of [`panel`].
#[target_feature(enable = "avx512f")]
unsafe fn fewer<const VECTORS: usize>(
    mut output: Output<'_>,
    mut a: Matrix<'_>,
    packed: &[f32],
    size: Size,
    add: bool,
) {
    let mut rows = size.rows;
    while rows > 0 {
        // SAFETY: as the caller promises.
        let done = unsafe {
            match rows {
                8.. => tile::<8, VECTORS>(output, a, packed, size, add),
                4.. => tile::<4, VECTORS>(output, a, packed, size, add),
                2.. => tile::<2, VECTORS>(output, a, packed, size, add),
                _ => tile::<1, VECTORS>(output, a, packed, size, add),
            };
            match rows {
                8.. => 8,
                4.. => 4,
                2.. => 2,
                _ => 1,
            }
        };
        rows -= done;
        if rows > 0 {
            (output, a) = (output.row(done), a.past_rows(done));
        }
    }
}

/// The first `R` rows of the output.
///
/// # Safety
/// As of [`panel`], with `R` rows.
#[target_feature(enable = "avx512f")]
unsafe fn tile<const R: usize, const VECTORS: usize>(
    output: Output<'_>,
    a: Matrix<'_>,
    packed: &[f32],
    size: Size,
    add: bool,
) {
    let mut sums = [[_mm512_setzero_ps(); VECTORS]; R];
    let (a, row_step, column_step) = (a.values.as_ptr(), a.row_step, a.column_step);
    for (term, b) in packed.chunks_exact(COLUMNS).take(size.terms).enumerate() {
        // SAFETY: a row of `packed` has two vectors.
        let b: [__m512; VECTORS] =
            from_fn(|v| unsafe { _mm512_loadu_ps(b.as_ptr().add(v * LANES)) });
        for (row, sums) in sums.iter_mut().enumerate() {
            // SAFETY: within the memory, as the caller promises.
            let number = unsafe { *a.add(row * row_step + term * column_step) };
            let number = _mm512_set1_ps(number);
            for (sum, b) in sums.iter_mut().zip(b) {
                *sum = _mm512_fmadd_ps(number, b, *sum);
            }
        }
    }
    for (row, sums) in sums.into_iter().enumerate() {
        for (v, sum) in sums.into_iter().enumerate() {
            let columns = (size.columns - v * LANES).min(LANES);
            let columns: __mmask16 = u16::MAX >> (LANES - columns);
            // SAFETY: within the memory, as the caller promises, and no other thread's.
            unsafe {
                let at = output.values.add(row * output.row_step + v * LANES);
                let sum = match add {
                    true => _mm512_add_ps(_mm512_maskz_loadu_ps(columns, at), sum),
                    false => sum,
                };
                _mm512_mask_storeu_ps(at, columns, sum);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::super::by_gemm;
    use super::*;

    /// Both sides of every tile, block and mask, with every order of either matrix.
    #[test]
    fn the_same_bits_as_without_it() {
        if !is_x86_feature_detected!("avx512f") {
            return;
        }
        let mut random = ChaCha8Rng::seed_from_u64(1);
        for (rows, columns, terms) in [
            (12, 65, 3),
            (13, 32, 16),
            (95, 95, 64),
            (27, 31, 513),
            (64, 64, 1100),
            (65, 16, 1100),
            (130, 70, 576),
            (16, 64, 1537),
            (300, 17, 40),
        ] {
            let size = Size::new(rows, columns, terms);
            let mut draw = |numbers: usize| -> Vec<f32> {
                let numbers = 0..numbers;
                numbers.map(|_| random.random_range(-1.0..1.0)).collect()
            };
            let (a, b, before) = (
                draw(rows * terms),
                draw(terms * columns),
                draw(rows * columns),
            );
            let a = [Matrix::rows(&a, terms), Matrix::rows(&a, rows).transposed()];
            let b = [
                Matrix::rows(&b, columns),
                Matrix::rows(&b, terms).transposed(),
            ];
            for (a, b, add) in [
                (a[0], b[0], false),
                (a[0], b[1], true),
                (a[1], b[0], true),
                (a[1], b[1], false),
            ] {
                let (mut found, mut known) = (before.clone(), before.clone());
                let taken = multiply(Output::rows(&mut found, columns), a, b, size, add);
                assert!(taken, "{rows} × {terms} × {columns}");
                by_gemm(Output::rows(&mut known, columns), a, b, size, add);
                let bits = |numbers: &[f32]| -> Vec<u32> {
                    numbers.iter().map(|number| number.to_bits()).collect()
                };
                assert!(
                    bits(&found) == bits(&known),
                    "{rows} × {terms} × {columns}, added: {add}"
                );
            }
        }
    }
}
