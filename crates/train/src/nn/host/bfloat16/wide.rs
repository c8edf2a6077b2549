//! AVX-512: products of pairs in bf16, and the transpose of a tile.

use half::bf16;

use super::super::product::Output;
use super::Block;
use super::pack::{LANES, TERMS, Tile};

/// Whether the processor multiplies pairs in bf16.
pub fn is_available() -> bool {
    #[cfg(target_arch = "x86_64")]
    return is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512bf16");
    #[cfg(not(target_arch = "x86_64"))]
    false
}

/// See [`super::Kernel::multiply_block`].
///
/// # Safety
/// As there.
pub unsafe fn multiply(output: Output<'_>, block: &Block<'_>, add: bool) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: as the caller promises.
    unsafe {
        x86::multiply(output, block, add);
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (output, block, add);
}

/// Columns of pairs from 16 rows of 16 pairs, `step` numbers in bf16 apart.
pub fn transpose(rows: &[bf16], step: usize, columns: &mut Tile) {
    assert!(rows.len() >= (LANES - 1) * step + TERMS, "all rows");
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx512f") {
        // SAFETY: the processor has it, and the rows are there.
        return unsafe { x86::transpose(rows.as_ptr(), step, columns) };
    }
    for (row, rows) in rows.chunks(step).take(LANES).enumerate() {
        let (pairs, _) = rows.as_chunks::<2>();
        for (column, pair) in columns.0.iter_mut().zip(pairs) {
            column[2 * row..2 * row + 2].copy_from_slice(pair);
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

    use half::bf16;

    use super::super::SIDE;
    use super::{Block, LANES, Output, TERMS, Tile};

    /// Rows whose sums stay in registers.
    const HEIGHT: usize = 8;

    /// # Safety
    /// AVX-512 with bf16; no other thread has the block of the output, which has been written before where it is added
    /// to.
    #[target_feature(enable = "avx512f,avx512bf16")]
    pub unsafe fn multiply(output: Output<'_>, block: &Block<'_>, add: bool) {
        let Block {
            rows,
            upper,
            first,
            columns,
            left,
        } = *block;
        // Without a right strip the left is its own partner.
        let right = left + usize::from(block.has_right());
        let strips = [left, right].map(|left| columns.strip(left));
        for top in (0..SIDE).step_by(HEIGHT) {
            let (strip, lane) = (upper + top / LANES, top % LANES);
            let mut sums = [[_mm512_setzero_ps(); 2]; HEIGHT];
            for (chunk, tiles) in strips[0].iter().zip(strips[1]).enumerate() {
                let tile = rows.tile(strip, first + chunk);
                // SAFETY: the tile has 16 rows, `row_step` bytes apart, and eight of them follow.
                unsafe {
                    let rows_at = tile.add(lane * rows.row_step());
                    add_tile(&mut sums, rows_at, rows.row_step(), [tiles.0, tiles.1]);
                }
            }
            for (row, sums) in sums.iter().enumerate() {
                let target = output.row(top + row).pointer();
                for (side, sum) in sums[..=right - left].iter().enumerate() {
                    // SAFETY: the output has room for the block.
                    unsafe { store(target.add(side * LANES), *sum, add) };
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
    unsafe fn store(target: *mut f32, sum: __m512, add: bool) {
        let before = match add {
            // SAFETY: as the caller promises.
            true => unsafe { _mm512_loadu_ps(target) },
            false => _mm512_setzero_ps(),
        };
        // SAFETY: as the caller promises.
        unsafe { _mm512_storeu_ps(target, _mm512_add_ps(before, sum)) };
    }

    #[target_feature(enable = "avx512f")]
    fn load(line: &[bf16; TERMS]) -> __m512i {
        // SAFETY: a line has 64 bytes.
        unsafe { _mm512_loadu_si512(line.as_ptr().cast()) }
    }

    #[target_feature(enable = "avx512f")]
    fn halves(pairs: __m512i) -> __m512bh {
        // SAFETY: two types of the same 64 bytes.
        unsafe { transmute(pairs) }
    }

    /// # Safety
    /// AVX-512, and 16 rows of 32 numbers.
    #[target_feature(enable = "avx512f")]
    pub unsafe fn transpose(rows: *const bf16, step: usize, columns: &mut Tile) {
        // SAFETY: as the caller promises.
        let row = |row: usize| unsafe { _mm512_loadu_si512(rows.add(row * step).cast()) };
        let rows: [__m512i; LANES] = std::array::from_fn(row);
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
