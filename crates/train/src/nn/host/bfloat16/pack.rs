//! Both sides of a product in tiles, padded with zeros to whole ones.

use std::ops::Range;

use half::bf16;
use rayon::prelude::*;

use super::super::vector::on_this_processor;
use super::wide;

/// Rows, or columns, of a tile.
pub const LANES: usize = 16;
/// Terms of a tile.
pub const TERMS: usize = 32;

/// Sixteen lines of the cache: 16 rows of 32 terms; or 16 pairs of terms, of each of which come the two numbers of the
/// first column, then those of the next.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
pub struct Tile(pub [[bf16; TERMS]; LANES]);

impl Tile {
    const ZERO: Tile = Tile([[bf16::ZERO; TERMS]; LANES]);
}

/// The rows of the left side.
pub struct Rows<'a> {
    memory: Memory<'a>,
    /// Tiles above each other, an even number of them, and beside each other.
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
        Self::packed(rows, terms, |row, tiles, lane| {
            round(&values[row * terms..][..terms], tiles, lane);
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
        Self::packed(rows, terms, |row, tiles, lane| {
            let terms = values[row * terms..][..terms].chunks(TERMS);
            for (tile, terms) in tiles.iter_mut().zip(terms) {
                tile.0[lane][..terms.len()].copy_from_slice(terms);
            }
        })
    }

    /// `fill` writes the terms of a row to one lane of its strip's tiles.
    fn packed(
        rows: usize,
        terms: usize,
        fill: impl Fn(usize, &mut [Tile], usize) + Sync + Send,
    ) -> Self {
        let (strips, chunks) = (rows.div_ceil(2 * LANES) * 2, terms.div_ceil(TERMS));
        let mut tiles = vec![Tile::ZERO; strips * chunks];
        let strip_of_tiles = tiles.par_chunks_mut(chunks.max(1)).enumerate();
        strip_of_tiles.for_each(|(strip, tiles)| {
            for row in strip * LANES..rows.min((strip + 1) * LANES) {
                fill(row, tiles, row % LANES);
            }
        });
        Rows {
            memory: Memory::Tiles(tiles),
            strips,
            chunks,
        }
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
            Memory::Tiles(_) => TERMS * size_of::<bf16>(),
            Memory::Rows(_) => self.chunks * TERMS * size_of::<bf16>(),
        }
    }

    pub fn chunk_step(&self) -> usize {
        match self.memory {
            Memory::Tiles(_) => size_of::<Tile>(),
            Memory::Rows(_) => TERMS * size_of::<bf16>(),
        }
    }

    /// A row's terms of one tile.
    pub fn terms(&self, row: usize, chunk: usize) -> &[bf16] {
        match &self.memory {
            Memory::Tiles(tiles) => &tiles[row / LANES * self.chunks + chunk].0[row % LANES],
            Memory::Rows(values) => &values[(row * self.chunks + chunk) * TERMS..][..TERMS],
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
            let mut rows = vec![Tile::ZERO; chunks];
            for column in strip * LANES..columns.min((strip + 1) * LANES) {
                round(
                    &values[column * terms..][..terms],
                    &mut rows,
                    column % LANES,
                );
            }
            for (rows, tile) in rows.iter().zip(tiles) {
                wide::transpose(rows.0.as_flattened(), TERMS, tile);
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
            let [left, right, from, to] = bounds(index, self.chunks, &columns, &terms);
            if [right - left, to - from] == [LANES, TERMS] {
                wide::transpose(&values[left * width + from..], width, tile);
                continue;
            }
            let mut rows = Tile::ZERO;
            for (column, row) in (left..right).zip(&mut rows.0) {
                row[..to - from].copy_from_slice(&values[column * width..][from..to]);
            }
            wide::transpose(rows.0.as_flattened(), TERMS, tile);
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
            let [left, right, from, to] = bounds(index, self.chunks, &columns, &terms);
            if [right - left, to - from] != [LANES, TERMS] {
                *tile = Tile::ZERO;
            }
            interleave(&values[from * width..to * width], width, left..right, tile);
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

/// The columns (first and end) and terms (first and end) of the tile at `index`, of `chunks` in a strip.
#[inline(always)]
fn bounds(index: usize, chunks: usize, columns: &Range<usize>, terms: &Range<usize>) -> [usize; 4] {
    let left = columns.start + index / chunks * LANES;
    let from = terms.start + index % chunks * TERMS;
    let right = (left + LANES).min(columns.end);
    [left, right, from, (from + TERMS).min(terms.end)]
}

on_this_processor! {
    /// Rounds a row to the nearest, ties to even, in one lane of its tiles.
    fn round(row: &[f32], tiles: &mut [Tile], lane: usize) {
        for (tile, terms) in tiles.iter_mut().zip(row.chunks(TERMS)) {
            for (slot, term) in tile.0[lane].iter_mut().zip(terms) {
                let bits = term.to_bits();
                let up = bits.wrapping_add(0x7fff + (bits >> 16 & 1));
                // What is no number stays none.
                let bits = if term.is_nan() { bits | 0x40_0000 } else { up };
                *slot = bf16::from_bits((bits >> 16) as u16);
            }
        }
    }

    /// Pairs of `rows`, `width` numbers each, of 16 columns or fewer.
    fn interleave(rows: &[bf16], width: usize, columns: Range<usize>, tile: &mut Tile) {
        for (pair, rows) in tile.0.iter_mut().zip(rows.chunks(2 * width)) {
            let (low, high) = rows.split_at(width.min(rows.len()));
            let (pairs, _) = pair.as_chunks_mut::<2>();
            let pairs = pairs.iter_mut();
            if high.is_empty() {
                for (pair, low) in pairs.zip(&low[columns.clone()]) {
                    *pair = [*low, bf16::ZERO];
                }
                continue;
            }
            let (low, high) = (&low[columns.clone()], &high[columns.clone()]);
            for (pair, (low, high)) in pairs.zip(low.iter().zip(high)) {
                *pair = [*low, *high];
            }
        }
    }
}
