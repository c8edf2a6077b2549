//! Both sides of a product in tiles, padded with zeros to whole ones.

use std::borrow::Cow;
use std::ops::Range;

use half::bf16;
use rayon::prelude::*;

use super::super::vector::on_this_processor;
use super::wide;

/// Rows, or columns, of a tile.
pub const LANES: usize = 16;
/// Terms of a tile.
pub const TERMS: usize = 32;

/// Sixteen lines of the cache: 16 rows of 32 terms, or 16 pairs of terms of 16 columns.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
pub struct Tile(pub [[u32; LANES]; LANES]);

impl Tile {
    const ZERO: Tile = Tile([[0; LANES]; LANES]);
}

/// The rows of the left side.
pub struct Rows<'a> {
    memory: Memory<'a>,
    /// Tiles above each other, and beside each other.
    strips: usize,
    chunks: usize,
}

enum Memory<'a> {
    /// Strip by strip.
    Tiles(Vec<Tile>),
    /// Row by row, of as many terms as make whole tiles.
    Rows(&'a [bf16]),
}

impl<'a> Rows<'a> {
    /// Rounds `[rows, terms]`.
    pub fn rounded(values: &[f32], rows: usize, terms: usize) -> Self {
        Self::packed(rows, terms, |row, from, target| {
            let row = &values[row * terms..][..terms];
            round(&row[from..(from + TERMS).min(terms)], target);
        })
    }

    /// `[rows, terms]`, as they lie if they make whole tiles.
    pub fn as_they_lie(values: &'a [bf16], rows: usize, terms: usize) -> Self {
        if rows.is_multiple_of(2 * LANES) && terms.is_multiple_of(TERMS) {
            assert!(values.len() >= rows * terms, "all rows");
            return Rows {
                memory: Memory::Rows(values),
                strips: rows / LANES,
                chunks: terms / TERMS,
            };
        }
        Self::packed(rows, terms, |row, from, target| {
            let row = &values[row * terms..][..terms];
            copy(&row[from..(from + TERMS).min(terms)], target);
        })
    }

    /// `fill` writes the terms of a row from one on.
    fn packed(
        rows: usize,
        terms: usize,
        fill: impl Fn(usize, usize, &mut [u32; LANES]) + Sync + Send,
    ) -> Self {
        let (strips, chunks) = (rows.div_ceil(2 * LANES) * 2, terms.div_ceil(TERMS));
        let mut tiles = vec![Tile::ZERO; strips * chunks];
        let strip_of_tiles = tiles.par_chunks_mut(chunks.max(1)).enumerate();
        strip_of_tiles.for_each(|(strip, tiles)| {
            for (chunk, tile) in tiles.iter_mut().enumerate() {
                for (lane, target) in tile.0.iter_mut().enumerate() {
                    let row = strip * LANES + lane;
                    if row < rows {
                        fill(row, chunk * TERMS, target);
                    }
                }
            }
        });
        Rows {
            memory: Memory::Tiles(tiles),
            strips,
            chunks,
        }
    }

    /// Rows with those of the padding.
    pub fn padded(&self) -> usize {
        self.strips * LANES
    }

    /// An even number.
    pub fn strips(&self) -> usize {
        self.strips
    }

    pub fn chunks(&self) -> usize {
        self.chunks
    }

    /// Where a tile begins; its rows are [`Rows::row_step`] and the next tiles beside it [`Rows::chunk_step`] bytes
    /// apart.
    pub fn tile(&self, strip: usize, chunk: usize) -> *const u8 {
        assert!(
            strip < self.strips && chunk < self.chunks,
            "a tile of these"
        );
        match &self.memory {
            Memory::Tiles(tiles) => tiles[strip * self.chunks + chunk..].as_ptr().cast(),
            Memory::Rows(values) => {
                let terms = self.chunks * TERMS;
                values[strip * LANES * terms + chunk * TERMS..]
                    .as_ptr()
                    .cast()
            }
        }
    }

    pub fn row_step(&self) -> usize {
        match self.memory {
            Memory::Tiles(_) => size_of::<[u32; LANES]>(),
            Memory::Rows(_) => self.chunks * TERMS * size_of::<bf16>(),
        }
    }

    pub fn chunk_step(&self) -> usize {
        match self.memory {
            Memory::Tiles(_) => size_of::<Tile>(),
            Memory::Rows(_) => TERMS * size_of::<bf16>(),
        }
    }

    /// A row's pairs of terms of one tile.
    pub fn pairs(&self, row: usize, chunk: usize) -> Cow<'_, [u32; LANES]> {
        match &self.memory {
            Memory::Tiles(tiles) => {
                Cow::Borrowed(&tiles[row / LANES * self.chunks + chunk].0[row % LANES])
            }
            Memory::Rows(values) => {
                let first = (row * self.chunks + chunk) * TERMS;
                let mut pairs = [0; LANES];
                copy(&values[first..first + TERMS], &mut pairs);
                Cow::Owned(pairs)
            }
        }
    }
}

/// The columns of the right side, pairs of terms beside each other.
pub struct Columns {
    /// Those of the first 16 columns, then those of the next.
    tiles: Vec<Tile>,
    /// Tiles beside each other, and above each other.
    strips: usize,
    chunks: usize,
}

impl Columns {
    /// Room for so many columns and terms.
    pub fn of(columns: usize, terms: usize) -> Self {
        let (strips, chunks) = (columns.div_ceil(LANES), terms.div_ceil(TERMS));
        Columns {
            tiles: vec![Tile::ZERO; strips * chunks],
            strips,
            chunks,
        }
    }

    /// Rounds the transpose of `[columns, terms]`.
    pub fn rounded(values: &[f32], columns: usize, terms: usize) -> Self {
        let mut packed = Columns::of(columns, terms);
        let chunks = packed.chunks;
        let strips = packed.tiles.par_chunks_mut(chunks.max(1)).enumerate();
        strips.for_each(|(strip, tiles)| {
            for (chunk, tile) in tiles.iter_mut().enumerate() {
                let mut rows = Tile::ZERO;
                for (lane, row) in rows.0.iter_mut().enumerate() {
                    let column = strip * LANES + lane;
                    if column < columns {
                        let from = chunk * TERMS;
                        let column = &values[column * terms..][..terms];
                        round(&column[from..(from + TERMS).min(terms)], row);
                    }
                }
                wide::transpose(&rows, tile);
            }
        });
        packed
    }

    /// Packs `columns` and `terms` of the transpose of a matrix `[columns, width]`.
    pub fn transpose(
        &mut self,
        values: &[bf16],
        width: usize,
        columns: Range<usize>,
        terms: Range<usize>,
    ) {
        self.fit(&columns, &terms);
        for (index, tile) in self.tiles.iter_mut().enumerate() {
            let (strip, chunk) = (index / self.chunks, index % self.chunks);
            let from = terms.start + chunk * TERMS;
            let mut rows = Tile::ZERO;
            for (lane, row) in rows.0.iter_mut().enumerate() {
                let column = columns.start + strip * LANES + lane;
                if column < columns.end {
                    let column = &values[column * width..][..width];
                    copy(&column[from..(from + TERMS).min(terms.end)], row);
                }
            }
            wide::transpose(&rows, tile);
        }
    }

    /// Packs `columns` and `terms` of a matrix `[terms, width]`.
    pub fn interleave(
        &mut self,
        values: &[bf16],
        width: usize,
        columns: Range<usize>,
        terms: Range<usize>,
    ) {
        self.fit(&columns, &terms);
        for (index, tile) in self.tiles.iter_mut().enumerate() {
            let (strip, chunk) = (index / self.chunks, index % self.chunks);
            let left = columns.start + strip * LANES;
            let right = (left + LANES).min(columns.end);
            for (lane, pairs) in tile.0.iter_mut().enumerate() {
                let term = terms.start + chunk * TERMS + 2 * lane;
                let row = |term: usize| match term < terms.end {
                    true => &values[term * width + left..term * width + right],
                    false => &[],
                };
                beside(row(term), row(term + 1), pairs);
            }
        }
    }

    /// Room for so many columns and terms, where there is room for no fewer.
    fn fit(&mut self, columns: &Range<usize>, terms: &Range<usize>) {
        assert_eq!(
            columns.len().div_ceil(LANES),
            self.strips,
            "as many columns"
        );
        self.chunks = terms.len().div_ceil(TERMS);
        self.tiles.truncate(self.strips * self.chunks);
    }

    /// Columns with those of the padding.
    pub fn padded(&self) -> usize {
        self.strips * LANES
    }

    pub fn strips(&self) -> usize {
        self.strips
    }

    pub fn chunks(&self) -> usize {
        self.chunks
    }

    /// The tiles of 16 columns.
    pub fn strip(&self, strip: usize) -> &[Tile] {
        &self.tiles[strip * self.chunks..][..self.chunks]
    }
}

on_this_processor! {
    /// Rounds to the nearest, ties to even; zeros where there are fewer terms.
    fn round(terms: &[f32], pairs: &mut [u32; LANES]) {
        let mut padded = [0.0; TERMS];
        padded[..terms.len()].copy_from_slice(terms);
        let mut rounded = [0_u16; TERMS];
        for (rounded, term) in rounded.iter_mut().zip(&padded) {
            let bits = term.to_bits();
            let up = bits.wrapping_add(0x7fff + (bits >> 16 & 1));
            // What is no number stays none.
            *rounded = if term.is_nan() { (bits >> 16 | 0x40) as u16 } else { (up >> 16) as u16 };
        }
        let (halves, _) = rounded.as_chunks::<2>();
        for (pair, [low, high]) in pairs.iter_mut().zip(halves) {
            *pair = u32::from(*low) | u32::from(*high) << 16;
        }
    }

    /// Zeros where there are fewer terms.
    fn copy(terms: &[bf16], pairs: &mut [u32; LANES]) {
        let mut padded = [bf16::ZERO; TERMS];
        padded[..terms.len()].copy_from_slice(terms);
        let (halves, _) = padded.as_chunks::<2>();
        for (pair, [low, high]) in pairs.iter_mut().zip(halves) {
            *pair = u32::from(low.to_bits()) | u32::from(high.to_bits()) << 16;
        }
    }

    /// One row's numbers before the other's; zeros where there are fewer.
    fn beside(first: &[bf16], second: &[bf16], pairs: &mut [u32; LANES]) {
        let mut rows = [[bf16::ZERO; LANES]; 2];
        rows[0][..first.len()].copy_from_slice(first);
        rows[1][..second.len()].copy_from_slice(second);
        let [first, second] = &rows;
        for (pair, (low, high)) in pairs.iter_mut().zip(first.iter().zip(second)) {
            *pair = u32::from(low.to_bits()) | u32::from(high.to_bits()) << 16;
        }
    }
}
