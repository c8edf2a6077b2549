//! Products of few rows with many, as in decoding token by token. Their time is that of reading the weight, so
//! it is read once, in order, and prefetched.

use super::product::{Output, Size, in_pieces};

/// As many rows of x as fit the registers.
const MOST_ROWS: usize = 8;

/// `x · weightᵀ` for up to eight rows of x, if this processor and these sizes allow.
pub(super) fn multiply_few(output: Output<'_>, x: &[f32], weight: &[f32], size: Size) -> bool {
    #[cfg(target_arch = "x86_64")]
    if size.rows <= MOST_ROWS
        && size.terms.is_multiple_of(wide::LANES)
        && is_x86_feature_detected!("avx512f")
    {
        assert!(output.holds(size.rows, size.columns));
        assert!(x.len() >= size.rows * size.terms && weight.len() >= size.columns * size.terms);
        in_pieces(size.columns, size.multiplications(), |columns| {
            let part = Size::new(size.rows, columns.len(), size.terms);
            let weight = &weight[columns.start * size.terms..];
            let output = output.from(columns.start);
            // SAFETY: the processor and the sizes were checked above; the columns are this thread's.
            unsafe {
                match size.rows {
                    1 => wide::multiply::<1>(output, x, weight, part),
                    2 => wide::multiply::<2>(output, x, weight, part),
                    3 => wide::multiply::<3>(output, x, weight, part),
                    4 => wide::multiply::<4>(output, x, weight, part),
                    5 => wide::multiply::<5>(output, x, weight, part),
                    6 => wide::multiply::<6>(output, x, weight, part),
                    7 => wide::multiply::<7>(output, x, weight, part),
                    8 => wide::multiply::<8>(output, x, weight, part),
                    _ => {}
                }
            }
        });
        return true;
    }
    let _ = (output, x, weight, size);
    false
}

#[cfg(target_arch = "x86_64")]
mod wide {
    use std::arch::x86_64::{
        _MM_HINT_T1, _mm_prefetch, _mm512_fmadd_ps, _mm512_loadu_ps, _mm512_reduce_add_ps,
        _mm512_setzero_ps,
    };

    use super::{Output, Size};

    pub const LANES: usize = 16;
    /// Terms of x that stay in the nearest cache.
    const TERMS: usize = 512;
    /// Rows of the weight that share them before the next.
    const ROWS: usize = 32;
    /// How far ahead the weight is asked for.
    const AHEAD: usize = 2048;

    /// # Safety
    /// AVX-512; `T` rows of x and `size.columns` of the weight, each of `size.terms`, lie within
    /// their memory, `T` rows of `size.columns` within the output, which no other thread writes.
    #[target_feature(enable = "avx512f")]
    pub unsafe fn multiply<const T: usize>(
        output: Output<'_>,
        x: &[f32],
        weight: &[f32],
        size: Size,
    ) {
        let Size { columns, terms, .. } = size;
        let mut sums = [[0.0; T]; ROWS];
        for first in (0..columns).step_by(ROWS) {
            let rows = ROWS.min(columns - first);
            for from in (0..terms).step_by(TERMS) {
                let length = TERMS.min(terms - from);
                for pair in (0..rows).step_by(2) {
                    // An odd last row is its own partner.
                    let row = [pair, (pair + 1).min(rows - 1)];
                    let at = row.map(|row| (first + row) * terms + from);
                    // SAFETY: within the memory, as the caller promises.
                    let parts = unsafe { pair_of_rows::<T>(&x[from..], terms, weight, at, length) };
                    for (row, part) in (pair..rows).zip(parts) {
                        for (sum, part) in sums[row].iter_mut().zip(part) {
                            *sum = if from == 0 { part } else { *sum + part };
                        }
                    }
                }
            }
            output.from(first).for_each_row(T, rows, |token, slots| {
                for (slot, sums) in slots.iter_mut().zip(&sums) {
                    slot.write(sums[token]);
                }
            });
        }
    }

    /// Sums of `length` products of each row of x, `step` apart, with the weight from `at` on.
    ///
    /// # Safety
    /// AVX-512, and all of it within the memory.
    #[target_feature(enable = "avx512f")]
    unsafe fn pair_of_rows<const T: usize>(
        x: &[f32],
        step: usize,
        weight: &[f32],
        at: [usize; 2],
        length: usize,
    ) -> [[f32; T]; 2] {
        let x = x.as_ptr();
        let [a, b] = at.map(|at| weight.as_ptr().wrapping_add(at));
        let mut of_a = [_mm512_setzero_ps(); T];
        let mut of_b = [_mm512_setzero_ps(); T];
        for term in (0..length).step_by(LANES) {
            // SAFETY: within the memory; a prefetch may point anywhere.
            unsafe {
                _mm_prefetch::<_MM_HINT_T1>(a.wrapping_add(term + AHEAD).cast());
                _mm_prefetch::<_MM_HINT_T1>(b.wrapping_add(term + AHEAD).cast());
                let (a, b) = (_mm512_loadu_ps(a.add(term)), _mm512_loadu_ps(b.add(term)));
                for token in 0..T {
                    let x = _mm512_loadu_ps(x.add(token * step + term));
                    of_a[token] = _mm512_fmadd_ps(a, x, of_a[token]);
                    of_b[token] = _mm512_fmadd_ps(b, x, of_b[token]);
                }
            }
        }
        [
            of_a.map(|sums| _mm512_reduce_add_ps(sums)),
            of_b.map(|sums| _mm512_reduce_add_ps(sums)),
        ]
    }
}
