//! Matrix products on plain memory, in pieces that the cores share.

#[cfg(target_arch = "x86_64")]
mod tiles;

use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::ops::Range;

use gemm::Parallelism;
use rayon::prelude::*;

use super::vector::transpose;

/// A matrix: the number at (row, column) is `values[row * row_step + column * column_step]`.
#[derive(Clone, Copy)]
pub(super) struct Matrix<'a> {
    values: &'a [f32],
    row_step: usize,
    column_step: usize,
}

impl<'a> Matrix<'a> {
    /// Rows of numbers that follow each other, `row_step` apart.
    pub fn rows(values: &'a [f32], row_step: usize) -> Self {
        Matrix {
            values,
            row_step,
            column_step: 1,
        }
    }

    pub fn transposed(self) -> Self {
        Matrix {
            row_step: self.column_step,
            column_step: self.row_step,
            ..self
        }
    }

    /// The same from row `rows` on.
    pub fn past_rows(self, rows: usize) -> Self {
        Matrix {
            values: &self.values[rows * self.row_step..],
            ..self
        }
    }

    /// The same from column `columns` on.
    pub fn past_columns(self, columns: usize) -> Self {
        self.transposed().past_rows(columns).transposed()
    }

    /// A copy of a transposed matrix of `[rows, columns]`, row by row.
    fn copied(self, [rows, columns]: [usize; 2]) -> Vec<f32> {
        assert_eq!(self.row_step, 1, "columns are rows of memory");
        filled(rows * columns, |copy| {
            let copy = Output::uninitialised(copy, columns);
            transpose(self.values, self.column_step, [columns, rows], copy);
        })
    }

    /// Whether `rows × columns` numbers lie within the memory.
    fn holds(&self, rows: usize, columns: usize) -> bool {
        rows == 0
            || columns == 0
            || (rows - 1) * self.row_step + (columns - 1) * self.column_step < self.values.len()
    }
}

/// The output of a product: rows `row_step` apart, columns contiguous. Several threads may share one; each
/// writes its own rows or columns.
#[derive(Clone, Copy)]
pub(super) struct Output<'a> {
    values: *mut f32,
    length: usize,
    row_step: usize,
    memory: PhantomData<&'a mut [MaybeUninit<f32>]>,
}

// SAFETY: the memory is borrowed for as long as this lives, and threads write different numbers, as the type
// requires.
unsafe impl Send for Output<'_> {}
unsafe impl Sync for Output<'_> {}

impl<'a> Output<'a> {
    pub fn rows(values: &'a mut [f32], row_step: usize) -> Self {
        Output {
            values: values.as_mut_ptr(),
            length: values.len(),
            row_step,
            memory: PhantomData,
        }
    }

    pub fn uninitialised(values: &'a mut [MaybeUninit<f32>], row_step: usize) -> Self {
        Output {
            values: values.as_mut_ptr().cast(),
            length: values.len(),
            row_step,
            memory: PhantomData,
        }
    }

    /// The same from `offset` numbers on.
    pub fn from(self, offset: usize) -> Self {
        assert!(offset <= self.length, "within the memory");
        Output {
            // SAFETY: checked on the line above.
            values: unsafe { self.values.add(offset) },
            length: self.length - offset,
            ..self
        }
    }

    /// The same from row `row` on.
    pub fn row(self, row: usize) -> Self {
        self.from(row * self.row_step)
    }

    /// Calls `write` with the index and the numbers of each of `rows` rows that are this thread's.
    pub fn for_each_row(
        self,
        rows: usize,
        columns: usize,
        write: impl Fn(usize, &mut [MaybeUninit<f32>]),
    ) {
        assert!(self.holds(rows, columns), "within the memory");
        for row in 0..rows {
            // SAFETY: the row lies within the memory, as was checked, and no other thread writes it.
            let numbers = unsafe {
                let first = self.values.add(row * self.row_step);
                std::slice::from_raw_parts_mut(first.cast(), columns)
            };
            write(row, numbers);
        }
    }

    /// Writes `[rows, columns]` numbers of another output, which have been written there.
    pub fn copy(self, source: Output<'_>, [rows, columns]: [usize; 2]) {
        assert!(source.holds(rows, columns), "within the memory");
        self.for_each_row(rows, columns, |row, slots| {
            // SAFETY: the row lies within the source's memory, as was checked, and has been written.
            let numbers = unsafe {
                let first = source.values.add(row * source.row_step);
                std::slice::from_raw_parts(first, columns)
            };
            slots.write_copy_of_slice(numbers);
        });
    }

    /// Where it begins.
    pub fn pointer(self) -> *mut f32 {
        self.values
    }

    /// Numbers from a row to the next.
    pub fn row_step(self) -> usize {
        self.row_step
    }

    pub fn holds(&self, rows: usize, columns: usize) -> bool {
        rows == 0 || columns == 0 || (rows - 1) * self.row_step + columns <= self.length
    }
}

/// What an output is cut across into pieces (see [`in_pieces`]).
#[derive(Clone, Copy, Debug)]
pub(super) enum Cut {
    Rows,
    Columns,
}

/// Rows, columns, and terms of each sum.
#[derive(Clone, Copy)]
pub(super) struct Size {
    pub rows: usize,
    pub columns: usize,
    pub terms: usize,
}

impl Size {
    pub fn new(rows: usize, columns: usize, terms: usize) -> Self {
        Size {
            rows,
            columns,
            terms,
        }
    }

    pub fn multiplications(self) -> usize {
        self.rows * self.columns * self.terms
    }

    /// Whether `gemm` sums up term by term: it has other ways with few numbers or few terms.
    #[cfg(target_arch = "x86_64")]
    fn is_chained(self) -> bool {
        self.rows > 1 && self.columns > 1 && self.rows * self.columns > 256 && self.terms > 2
    }

    /// Terms that `gemm` sums up in one go.
    #[cfg(target_arch = "x86_64")]
    fn block(self) -> usize {
        const MOST: usize = 512;
        match self.rows <= 64 && self.columns <= 64 {
            true => self.terms.min(MOST),
            false => self.terms.div_ceil(self.terms.div_ceil(MOST)),
        }
    }

    /// Rows or columns, whichever are cut.
    fn length(self, cut: Cut) -> usize {
        match cut {
            Cut::Rows => self.rows,
            Cut::Columns => self.columns,
        }
    }

    /// The same with `length` of the rows or columns that are cut.
    fn cut(self, cut: Cut, length: usize) -> Self {
        match cut {
            Cut::Rows => Size {
                rows: length,
                ..self
            },
            Cut::Columns => Size {
                columns: length,
                ..self
            },
        }
    }

    /// # Panics
    /// If a matrix of a product of this size does not lie within its memory.
    fn assert_held(self, output: &Output<'_>, a: Matrix<'_>, b: Matrix<'_>) {
        assert!(
            output.holds(self.rows, self.columns)
                && a.holds(self.rows, self.terms)
                && b.holds(self.terms, self.columns),
            "matrices lie within their memory"
        );
    }

    /// Whether the columns are less than a piece, as LoRA's are, and the cores had better share the rows.
    pub fn is_narrow(self) -> bool {
        self.columns < PIECE && self.rows >= 2 * PIECE && self.multiplications() >= WORTH_SHARING
    }
}

/// `output = a · b`, on this thread.
pub(super) fn multiply(output: Output<'_>, a: Matrix<'_>, b: Matrix<'_>, size: Size) {
    multiply_or_add(output, a, b, size, false);
}

/// `output += a · b`, on this thread; all of the output has been written before.
pub(super) fn multiply_add(output: Output<'_>, a: Matrix<'_>, b: Matrix<'_>, size: Size) {
    multiply_or_add(output, a, b, size, true);
}

fn multiply_or_add(output: Output<'_>, a: Matrix<'_>, b: Matrix<'_>, size: Size, add: bool) {
    // Where our own code is not optimised, that of a dependency is faster.
    #[cfg(target_arch = "x86_64")]
    if !cfg!(debug_assertions) && tiles::multiply(output, a, b, size, add) {
        return;
    }
    by_gemm(output, a, b, size, add);
}

fn by_gemm(output: Output<'_>, a: Matrix<'_>, b: Matrix<'_>, size: Size, add: bool) {
    size.assert_held(&output, a, b);
    let Size {
        rows,
        columns,
        terms,
    } = size;
    // SAFETY: all three matrices lie within their memory, as was checked; strides are those of it.
    unsafe {
        gemm::gemm(
            rows,
            columns,
            terms,
            output.values,
            1,
            output.row_step as isize,
            add,
            a.values.as_ptr(),
            a.column_step as isize,
            a.row_step as isize,
            b.values.as_ptr(),
            b.column_step as isize,
            b.row_step as isize,
            if add { 1.0 } else { 0.0 },
            1.0,
            false,
            false,
            false,
            Parallelism::None,
        );
    }
}

/// `output = a · b`, on all cores where that is worth it. The bits are those of the pieces that `cut` says, however the
/// cores share the work.
pub(super) fn multiply_on_all_cores(
    output: Output<'_>,
    a: Matrix<'_>,
    b: Matrix<'_>,
    size: Size,
    cut: Cut,
) {
    #[cfg(target_arch = "x86_64")]
    if !cfg!(debug_assertions)
        && size.multiplications() >= WORTH_SHARING
        && tiles::multiply_on_all_cores(output, a, b, size, cut)
    {
        return;
    }
    // The product is fast where the rows of one side are rows of memory.
    let multiply = |output: Output<'_>, a: Matrix<'_>, b: Matrix<'_>, size: Size| {
        if b.column_step == 1 {
            return multiply(output, a, b, size);
        }
        let transposed = b.copied([size.terms, size.columns]);
        multiply(output, a, Matrix::rows(&transposed, size.columns), size);
    };
    in_pieces(size.length(cut), size.multiplications(), |part| {
        let size = size.cut(cut, part.len());
        match cut {
            Cut::Rows => multiply(output.row(part.start), a.past_rows(part.start), b, size),
            Cut::Columns => multiply(output.from(part.start), a, b.past_columns(part.start), size),
        }
    });
}

/// `a · b`, on this thread, row by row.
pub(super) fn product(a: Matrix<'_>, b: Matrix<'_>, size: Size) -> Vec<f32> {
    filled(size.rows * size.columns, |output| {
        multiply(Output::uninitialised(output, size.columns), a, b, size);
    })
}

/// Rows or columns of a piece of an output.
const PIECE: usize = 64;
/// Multiplications below which a second core costs more than it gains.
const WORTH_SHARING: usize = 1 << 19;

/// Calls `part` for pieces that make up `0..length`, on all cores if the number of multiplications is worth it.
/// How a product sums up depends on the size of the piece, so pieces, and with them every bit of the result, do
/// not depend on the number of cores.
pub(super) fn in_pieces(
    length: usize,
    multiplications: usize,
    part: impl Fn(Range<usize>) + Sync + Send,
) {
    let piece = |index: usize| part(index * PIECE..((index + 1) * PIECE).min(length));
    let pieces = 0..length.div_ceil(PIECE);
    if multiplications < WORTH_SHARING {
        pieces.for_each(piece);
    } else {
        pieces.into_par_iter().for_each(piece);
    }
}

/// Room for `length` numbers that `fill` writes, every one of them.
pub(super) fn filled(length: usize, fill: impl FnOnce(&mut [MaybeUninit<f32>])) -> Vec<f32> {
    let mut values = Vec::with_capacity(length);
    fill(&mut values.spare_capacity_mut()[..length]);
    // SAFETY: there is room for `length`, and `fill` has written them.
    unsafe { values.set_len(length) };
    values
}
