//! AVX-512: products of pairs in bf16, and the transpose of a tile.

use super::pack::{Columns, LANES, Rows, Tile};

/// Whether the processor multiplies pairs in bf16.
pub fn is_available() -> bool {
    #[cfg(target_arch = "x86_64")]
    return is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512bf16");
    #[cfg(not(target_arch = "x86_64"))]
    false
}

/// See [`super::multiply_tiles`], which has checked the sizes.
pub fn multiply(output: &mut [f32], rows: &Rows<'_>, first: usize, columns: &Columns, add: bool) {
    assert!(is_available(), "only where it is available");
    #[cfg(target_arch = "x86_64")]
    // SAFETY: the processor has it, as the line above checks.
    unsafe {
        x86::multiply(output, rows, first, columns, add);
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (output, rows, first, columns, add);
}

/// Rows of pairs as columns.
pub fn transpose(rows: &Tile, columns: &mut Tile) {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx512f") {
        // SAFETY: the processor has it.
        return unsafe { x86::transpose(rows, columns) };
    }
    for (index, column) in columns.0.iter_mut().enumerate() {
        for (slot, row) in column.iter_mut().zip(&rows.0) {
            *slot = row[index];
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::{
        __m512, __m512bh, __m512i, _mm512_add_ps, _mm512_dpbf16_ps, _mm512_loadu_ps,
        _mm512_loadu_si512, _mm512_set1_epi32, _mm512_setzero_ps, _mm512_setzero_si512,
        _mm512_shuffle_i32x4, _mm512_storeu_ps, _mm512_storeu_si512, _mm512_unpackhi_epi32,
        _mm512_unpackhi_epi64, _mm512_unpacklo_epi32, _mm512_unpacklo_epi64,
    };
    use std::mem::transmute;

    use super::{Columns, LANES, Rows, Tile};

    /// Rows whose sums stay in registers.
    const HEIGHT: usize = 8;

    /// # Safety
    /// AVX-512 with bf16.
    #[target_feature(enable = "avx512f,avx512bf16")]
    pub unsafe fn multiply(
        output: &mut [f32],
        rows: &Rows<'_>,
        first: usize,
        columns: &Columns,
        add: bool,
    ) {
        let width = columns.padded();
        for top in (0..rows.padded()).step_by(HEIGHT) {
            for left in (0..columns.strips()).step_by(2) {
                let at = top * width + left * LANES;
                let output = &mut output[at..];
                let [strip, lane] = [top / LANES, top % LANES];
                let strips = [left, left + 1].map(|left| left.min(columns.strips() - 1));
                let strips = strips.map(|left| columns.strip(left));
                // An odd last strip is its own partner.
                let both = left + 1 < columns.strips();
                let mut sums = [[_mm512_setzero_ps(); 2]; HEIGHT];
                for (chunk, tiles) in strips[0].iter().zip(strips[1]).enumerate() {
                    let a = rows.tile(strip, first + chunk);
                    // SAFETY: the tile has 16 rows, `row_step` bytes apart.
                    let a = unsafe { a.add(lane * rows.row_step()) };
                    // SAFETY: eight rows of the tile follow.
                    unsafe { add_tile(&mut sums, a, rows.row_step(), [tiles.0, tiles.1]) };
                }
                for (row, sums) in sums.iter().enumerate() {
                    for (side, sum) in sums.iter().enumerate().take(1 + usize::from(both)) {
                        let target = &mut output[row * width + side * LANES..][..LANES];
                        // SAFETY: 16 numbers.
                        unsafe { store(target, *sum, add) };
                    }
                }
            }
        }
    }

    /// # Safety
    /// AVX-512 with bf16; eight rows of 16 pairs, `row_step` bytes apart, lie within the memory.
    #[target_feature(enable = "avx512f,avx512bf16")]
    unsafe fn add_tile(
        sums: &mut [[__m512; 2]; HEIGHT],
        rows: *const u8,
        row_step: usize,
        tiles: [&Tile; 2],
    ) {
        for pair in 0..LANES {
            let columns = tiles.map(|tile| load(&tile.0[pair]));
            for (row, sums) in sums.iter_mut().enumerate() {
                // SAFETY: as the caller promises.
                let pair = unsafe {
                    rows.add(row * row_step)
                        .cast::<i32>()
                        .add(pair)
                        .read_unaligned()
                };
                let pair = halves(_mm512_set1_epi32(pair));
                for (sum, column) in sums.iter_mut().zip(columns) {
                    *sum = _mm512_dpbf16_ps(*sum, pair, halves(column));
                }
            }
        }
    }

    /// # Safety
    /// AVX-512, and 16 numbers.
    #[target_feature(enable = "avx512f")]
    unsafe fn store(target: &mut [f32], sum: __m512, add: bool) {
        let before = match add {
            // SAFETY: as the caller promises.
            true => unsafe { _mm512_loadu_ps(target.as_ptr()) },
            false => _mm512_setzero_ps(),
        };
        // SAFETY: as the caller promises.
        unsafe { _mm512_storeu_ps(target.as_mut_ptr(), _mm512_add_ps(before, sum)) };
    }

    #[target_feature(enable = "avx512f")]
    fn load(line: &[u32; LANES]) -> __m512i {
        // SAFETY: a line has 64 bytes.
        unsafe { _mm512_loadu_si512(line.as_ptr().cast()) }
    }

    #[target_feature(enable = "avx512f")]
    fn halves(pairs: __m512i) -> __m512bh {
        // SAFETY: two types of the same 64 bytes.
        unsafe { transmute(pairs) }
    }

    /// # Safety
    /// AVX-512.
    #[target_feature(enable = "avx512f")]
    pub unsafe fn transpose(rows: &Tile, columns: &mut Tile) {
        let rows = rows.0.each_ref().map(|row| load(row));
        let mut pairs = [_mm512_setzero_si512(); LANES];
        for i in 0..LANES / 2 {
            pairs[2 * i] = _mm512_unpacklo_epi32(rows[2 * i], rows[2 * i + 1]);
            pairs[2 * i + 1] = _mm512_unpackhi_epi32(rows[2 * i], rows[2 * i + 1]);
        }
        // Columns of four rows, in quarters of the registers.
        let mut fours = [_mm512_setzero_si512(); LANES];
        for i in 0..LANES / 4 {
            for half in 0..2 {
                let (a, b) = (pairs[4 * i + half], pairs[4 * i + 2 + half]);
                fours[4 * i + 2 * half] = _mm512_unpacklo_epi64(a, b);
                fours[4 * i + 2 * half + 1] = _mm512_unpackhi_epi64(a, b);
            }
        }
        for i in 0..LANES / 4 {
            let [a, b, c, d] = [0, 4, 8, 12].map(|four| fours[four + i]);
            // Columns i and i + 8, then i + 4 and i + 12, of the upper and of the lower rows.
            let (upper, lower) = (
                _mm512_shuffle_i32x4::<0x88>(a, b),
                _mm512_shuffle_i32x4::<0x88>(c, d),
            );
            let (upper_odd, lower_odd) = (
                _mm512_shuffle_i32x4::<0xdd>(a, b),
                _mm512_shuffle_i32x4::<0xdd>(c, d),
            );
            let found = [
                (i, _mm512_shuffle_i32x4::<0x88>(upper, lower)),
                (i + 8, _mm512_shuffle_i32x4::<0xdd>(upper, lower)),
                (i + 4, _mm512_shuffle_i32x4::<0x88>(upper_odd, lower_odd)),
                (i + 12, _mm512_shuffle_i32x4::<0xdd>(upper_odd, lower_odd)),
            ];
            for (column, numbers) in found {
                // SAFETY: a line has 64 bytes.
                unsafe { _mm512_storeu_si512(columns.0[column].as_mut_ptr().cast(), numbers) };
            }
        }
    }
}
