//! Products of matrices in memory, shared out among the cores.

use std::mem::MaybeUninit;

use gemm::Parallelism;
use rayon::prelude::*;

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

    /// The same from column `columns` on.
    pub fn past_columns(self, columns: usize) -> Self {
        Matrix {
            values: &self.values[columns * self.column_step..],
            ..self
        }
    }

    /// Whether `rows × columns` numbers lie within the memory.
    fn holds(&self, rows: usize, columns: usize) -> bool {
        rows == 0
            || columns == 0
            || (rows - 1) * self.row_step + (columns - 1) * self.column_step < self.values.len()
    }
}

/// Where a product goes: rows `row_step` apart, columns side by side.
#[derive(Clone, Copy)]
pub(super) struct Output {
    values: *mut f32,
    length: usize,
    row_step: usize,
}

// SAFETY: a pointer into memory that its maker holds until the product is done; threads write to
// columns or blocks of their own.
unsafe impl Send for Output {}
unsafe impl Sync for Output {}

impl Output {
    pub fn rows(values: &mut [f32], row_step: usize) -> Self {
        Output {
            values: values.as_mut_ptr(),
            length: values.len(),
            row_step,
        }
    }

    pub fn uninitialised(values: &mut [MaybeUninit<f32>], row_step: usize) -> Self {
        Output {
            values: values.as_mut_ptr().cast(),
            length: values.len(),
            row_step,
        }
    }

    /// The same from `offset` numbers on.
    pub fn from(self, offset: usize) -> Self {
        assert!(offset <= self.length, "within the memory");
        // SAFETY: checked on the line above.
        Output {
            values: unsafe { self.values.add(offset) },
            length: self.length - offset,
            ..self
        }
    }

    /// The same from row `row` on.
    pub fn row(self, row: usize) -> Self {
        self.from(row * self.row_step)
    }

    /// Calls `write` with the index and the numbers of every row of a part that is this thread's.
    pub fn for_each_row(self, size: Size, write: impl Fn(usize, &mut [MaybeUninit<f32>])) {
        assert!(self.holds(size.rows, size.columns), "within the memory");
        for row in 0..size.rows {
            // SAFETY: the row lies within the memory, and no other thread writes these columns.
            let numbers = unsafe {
                std::slice::from_raw_parts_mut(
                    self.values.add(row * self.row_step).cast(),
                    size.columns,
                )
            };
            write(row, numbers);
        }
    }

    /// Writes numbers one after another.
    pub fn write(self, numbers: &[f32]) {
        assert!(numbers.len() <= self.length, "within the memory");
        // SAFETY: checked on the line above; no other thread writes here.
        unsafe { std::ptr::copy_nonoverlapping(numbers.as_ptr(), self.values, numbers.len()) };
    }

    /// Adds a row of numbers to each of `rows` rows that were written before.
    pub fn add_rows<'b>(self, rows: usize, columns: usize, of: impl Fn(usize) -> &'b [f32]) {
        assert!(self.holds(rows, columns), "within the memory");
        for row in 0..rows {
            // SAFETY: the row lies within the memory, which is initialised, and is this thread's.
            let target = unsafe {
                std::slice::from_raw_parts_mut(self.values.add(row * self.row_step), columns)
            };
            for (target, number) in target.iter_mut().zip(of(row)) {
                *target += number;
            }
        }
    }

    pub fn holds(&self, rows: usize, columns: usize) -> bool {
        rows == 0 || columns == 0 || (rows - 1) * self.row_step + columns <= self.length
    }
}

/// Rows, columns, and terms of each sum.
#[derive(Clone, Copy)]
pub(super) struct Size {
    pub rows: usize,
    pub columns: usize,
    pub terms: usize,
}

/// `output = a · b`, or `output += a · b`, on this thread.
pub(super) fn multiply(output: Output, a: Matrix<'_>, b: Matrix<'_>, size: Size, add: bool) {
    let Size {
        rows,
        columns,
        terms,
    } = size;
    assert!(
        output.holds(rows, columns) && a.holds(rows, terms) && b.holds(terms, columns),
        "matrices lie within their memory"
    );
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
            1.0,
            1.0,
            false,
            false,
            false,
            Parallelism::None,
        );
    }
}

/// Multiplications below which a second core costs more than it gains.
const WORTH_SHARING: usize = 1 << 19;
/// Columns that a core works on at once.
const GRAIN: usize = 64;

/// As [`multiply`], columns of the output shared out among the cores.
pub(super) fn multiply_shared(output: Output, a: Matrix<'_>, b: Matrix<'_>, size: Size, add: bool) {
    share_columns(size, |first, columns| {
        multiply(
            output.from(first),
            a,
            b.past_columns(first),
            Size { columns, ..size },
            add,
        );
    });
}

/// Calls `part(first column, columns)` for parts of the output, on all cores where that pays.
pub(super) fn share_columns(size: Size, part: impl Fn(usize, usize) + Sync) {
    let grains = size.columns.div_ceil(GRAIN);
    let parts = match size.rows * size.columns * size.terms < WORTH_SHARING {
        true => 1,
        false => rayon::current_num_threads().min(grains),
    };
    if parts <= 1 {
        return part(0, size.columns);
    }
    (0..parts).into_par_iter().for_each(|index| {
        let first = grains * index / parts * GRAIN;
        let end = (grains * (index + 1) / parts * GRAIN).min(size.columns);
        part(first, end - first);
    });
}

/// Room for `length` numbers that `fill` writes, every one of them.
pub(super) fn filled(length: usize, fill: impl FnOnce(&mut [MaybeUninit<f32>])) -> Vec<f32> {
    let mut values = Vec::with_capacity(length);
    fill(&mut values.spare_capacity_mut()[..length]);
    // SAFETY: there is room for `length`, and `fill` has written them.
    unsafe { values.set_len(length) };
    values
}
