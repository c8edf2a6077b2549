//! Products by AVX-512, a tile of the output in the processor's registers at a time. What is read again and again is
//! packed in the order it is read, in parts that stay in a cache.
//!
//! Each number is one chain of fused additions over [`Size::block`] terms, then the sum of the blocks, as the `gemm`
//! crate has it: other processors give the same bits.

use std::arch::x86_64::{
    __m512, __mmask16, _mm512_add_ps, _mm512_fmadd_ps, _mm512_loadu_ps, _mm512_mask_storeu_ps,
    _mm512_maskz_loadu_ps, _mm512_set1_ps, _mm512_setzero_ps,
};
use std::array::from_fn;

use rayon::prelude::*;

use super::super::vector::transpose;
use super::{Cut, Matrix, Output, PIECE, Size};

const LANES: usize = 16;
/// Columns of a tile.
const COLUMNS: usize = 2 * LANES;
/// Rows of a tile: with two vectors of columns, three quarters of the registers.
const ROWS: usize = 12;
/// Tiles one above the other whose part of `a` stays in a core's own cache while the columns of `b` pass by.
const TILES: usize = 8;
/// Columns of `b` that are packed at once on behalf of all cores.
const SHARED_COLUMNS: usize = 64 * COLUMNS;
/// Rows below which some cores would have none, or much less than others.
const SHARED_ROWS: usize = 4 * ROWS;

/// `output = a · b`, or added to it, on this thread, if this processor and these sizes allow.
pub(super) fn multiply(
    output: Output<'_>,
    a: Matrix<'_>,
    b: Matrix<'_>,
    size: Size,
    add: bool,
) -> bool {
    if !is_for_tiles(size) {
        return false;
    }
    size.assert_held(&output, a, b);
    let block = size.block();
    let mut packed = vec![0.0; block * COLUMNS];
    for from in (0..size.terms).step_by(block) {
        let terms = block.min(size.terms - from);
        let a = a.past_columns(from);
        for left in (0..size.columns).step_by(COLUMNS) {
            let columns = COLUMNS.min(size.columns - left);
            let b = b.past_rows(from).past_columns(left);
            pack(&mut packed, COLUMNS, b, [terms, columns]);
            for first in (0..size.rows).step_by(ROWS) {
                let size = Size::new(ROWS.min(size.rows - first), columns, terms);
                let (output, a) = (output.row(first).from(left), a.past_rows(first));
                // SAFETY: the processor and the memory were checked above.
                unsafe { strip::<false>(output, a, &packed, size, add || from > 0) };
            }
        }
    }
    true
}

/// `output = a · b` on all cores, if this processor and these sizes allow, with the bits of the pieces of `cut`. Each
/// core takes some rows at a time, packs their numbers too, and multiplies them by columns that were packed once for all.
pub(super) fn multiply_on_all_cores(
    output: Output<'_>,
    a: Matrix<'_>,
    b: Matrix<'_>,
    size: Size,
    cut: Cut,
) -> bool {
    let length = size.length(cut);
    let last_piece = size.cut(cut, (length - 1) % PIECE + 1);
    if size.rows < SHARED_ROWS || !is_for_tiles(size) || !last_piece.is_chained() {
        return false;
    }
    size.assert_held(&output, a, b);
    let block = size.cut(cut, length.min(PIECE)).block();
    let width = size.columns.next_multiple_of(COLUMNS).min(SHARED_COLUMNS);
    let mut shared = vec![0.0; block * width];
    for left in (0..size.columns).step_by(SHARED_COLUMNS) {
        let columns = SHARED_COLUMNS.min(size.columns - left);
        for from in (0..size.terms).step_by(block) {
            let terms = block.min(size.terms - from);
            let b = b.past_rows(from).past_columns(left);
            let panels = shared.par_chunks_exact_mut(block * COLUMNS);
            let panels = panels.zip((0..columns).into_par_iter().step_by(COLUMNS));
            panels.for_each(|(packed, left)| {
                let columns = COLUMNS.min(columns - left);
                pack(packed, COLUMNS, b.past_columns(left), [terms, columns]);
            });
            let (output, a) = (output.from(left), a.past_columns(from));
            let height = rows_at_once(size.rows);
            let parts = (0..size.rows).into_par_iter().step_by(height);
            parts.for_each(|first| {
                let size = Size::new(height.min(size.rows - first), columns, terms);
                let (output, a) = (output.row(first), a.past_rows(first));
                // SAFETY: the processor and the memory were checked above, and these rows are no other core's.
                unsafe { part(output, a, &shared, block, size, from > 0) };
            });
        }
    }
    true
}

/// Packing takes more time than it saves where there are fewer rows.
fn is_for_tiles(size: Size) -> bool {
    size.rows >= ROWS && size.is_chained() && is_x86_feature_detected!("avx512f")
}

/// Rows of the output that a core takes at once: fewer where there are few, so that all cores have some.
fn rows_at_once(rows: usize) -> usize {
    (rows / ROWS / TILES).clamp(1, TILES) * ROWS
}

/// All columns of some rows; `shared` has panels of `block` rows of [`COLUMNS`].
///
/// # Safety
/// AVX-512; `a` and the output hold `size`, and `shared` its columns and terms.
#[target_feature(enable = "avx512f")]
unsafe fn part(
    output: Output<'_>,
    a: Matrix<'_>,
    shared: &[f32],
    block: usize,
    size: Size,
    add: bool,
) {
    let step = ROWS * size.terms;
    let mut packed = vec![0.0; size.rows.div_ceil(ROWS) * step];
    let strips = || (0..size.rows).step_by(ROWS);
    for (first, packed) in strips().zip(packed.chunks_exact_mut(step)) {
        let rows = ROWS.min(size.rows - first);
        pack(
            packed,
            ROWS,
            a.past_rows(first).transposed(),
            [size.terms, rows],
        );
    }
    let panels = (0..size.columns).step_by(COLUMNS);
    for (left, panel) in panels.zip(shared.chunks_exact(block * COLUMNS)) {
        let columns = COLUMNS.min(size.columns - left);
        for (first, packed) in strips().zip(packed.chunks_exact(step)) {
            let size = Size::new(ROWS.min(size.rows - first), columns, size.terms);
            let a = Matrix::rows(packed, ROWS).transposed();
            // SAFETY: as the caller promises.
            unsafe { strip::<true>(output.row(first).from(left), a, panel, size, add) };
        }
    }
}

/// Copies `matrix` of `[terms, width]` numbers to rows of `step`.
fn pack(packed: &mut [f32], step: usize, matrix: Matrix<'_>, [terms, width]: [usize; 2]) {
    if matrix.row_step == 1 {
        let target = Output::rows(packed, step);
        return transpose(matrix.values, matrix.column_step, [width, terms], target);
    }
    for (term, packed) in packed.chunks_exact_mut(step).take(terms).enumerate() {
        let row = &matrix.values[term * matrix.row_step..];
        if matrix.column_step == 1 {
            packed[..width].copy_from_slice(&row[..width]);
        } else {
            for (index, slot) in packed[..width].iter_mut().enumerate() {
                *slot = row[index * matrix.column_step];
            }
        }
    }
}

/// At most [`ROWS`] rows of at most [`COLUMNS`] columns. Where `PACKED`, rows of `a` follow each other term by term.
///
/// # Safety
/// AVX-512; `a` and the output hold `size`, and `packed` its terms.
#[target_feature(enable = "avx512f")]
unsafe fn strip<const PACKED: bool>(
    output: Output<'_>,
    a: Matrix<'_>,
    packed: &[f32],
    size: Size,
    add: bool,
) {
    // SAFETY: as the caller promises.
    unsafe {
        match (size.rows, size.columns > LANES) {
            (ROWS, true) => tile::<ROWS, 2, PACKED>(output, a, packed, size, add),
            (ROWS, false) => tile::<ROWS, 1, PACKED>(output, a, packed, size, add),
            (_, true) => fewer::<2, PACKED>(output, a, packed, size, add),
            (_, false) => fewer::<1, PACKED>(output, a, packed, size, add),
        }
    }
}

/// # Safety
/// As of [`strip`].
#[target_feature(enable = "avx512f")]
unsafe fn fewer<const VECTORS: usize, const PACKED: bool>(
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
                8.. => tile::<8, VECTORS, PACKED>(output, a, packed, size, add),
                4.. => tile::<4, VECTORS, PACKED>(output, a, packed, size, add),
                2.. => tile::<2, VECTORS, PACKED>(output, a, packed, size, add),
                _ => tile::<1, VECTORS, PACKED>(output, a, packed, size, add),
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
/// As of [`strip`], with `R` rows.
#[target_feature(enable = "avx512f")]
unsafe fn tile<const R: usize, const VECTORS: usize, const PACKED: bool>(
    output: Output<'_>,
    a: Matrix<'_>,
    packed: &[f32],
    size: Size,
    add: bool,
) {
    let mut sums = [[_mm512_setzero_ps(); VECTORS]; R];
    let (row_step, column_step) = match PACKED {
        true => (1, ROWS),
        false => (a.row_step, a.column_step),
    };
    let a = a.values.as_ptr();
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

    use super::super::{by_gemm, in_pieces};
    use super::*;

    /// Both sides of every tile, block and mask, with every order of either matrix.
    #[test]
    fn the_same_bits_as_without_it() {
        if !is_x86_feature_detected!("avx512f") {
            return;
        }
        let mut random = ChaCha8Rng::seed_from_u64(1);
        let mut on_all_cores = 0;
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
            (40, 2_200, 30),
            (230, 130, 600),
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
                for cut in [Cut::Rows, Cut::Columns] {
                    let output = Output::rows(&mut found, columns);
                    if add || !multiply_on_all_cores(output, a, b, size, cut) {
                        continue;
                    }
                    on_all_cores += 1;
                    let output = Output::rows(&mut known, columns);
                    in_pieces(size.length(cut), 0, |part| {
                        let size = size.cut(cut, part.len());
                        let (output, a, b) = match cut {
                            Cut::Rows => (output.row(part.start), a.past_rows(part.start), b),
                            Cut::Columns => {
                                (output.from(part.start), a, b.past_columns(part.start))
                            }
                        };
                        by_gemm(output, a, b, size, false);
                    });
                    assert!(
                        bits(&found) == bits(&known),
                        "{rows} × {terms} × {columns} on all cores, {cut:?}"
                    );
                }
            }
        }
        assert!(on_all_cores > 10, "only {on_all_cores}");
    }
}
