//! Linear layers, whose weights lie as files hold them: a row for each output.

use std::mem::MaybeUninit;

use burn::tensor::Tensor;
use rayon::prelude::*;

use super::few::multiply_few;
use super::product::{Matrix, Output, Size, filled, multiply, multiply_shared, share_columns};
use super::vector::{on_this_processor, transpose};
use super::{Host, HostOp, Operand, apply};

/// What follows the product.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::nn) enum After {
    Nothing,
    Relu,
}

/// `x · weightᵀ` for `x` `[.., input]` and `weight` `[output, input]`.
pub(in crate::nn) fn linear<const D: usize>(
    x: Tensor<D>,
    weight: Tensor<2>,
    after: After,
) -> Tensor<D> {
    apply(Linear { after }, [Operand::of(x), Operand::of(weight)])
}

#[derive(Clone, Debug)]
struct Linear {
    after: After,
}

impl HostOp<2> for Linear {
    /// The output, where its sign decides on the derivative.
    type Kept = Option<Host>;

    fn forward(&self, [x, weight]: &[Host; 2], keep: bool) -> (Host, Option<Host>) {
        let (size, shape) = size_of(x, weight);
        let values = filled(size.rows * size.columns, |output| {
            let output = Output::uninitialised(output, size.columns);
            if multiply_few(output, x.values(), weight.values(), size) {
                self.finish(output, size);
                return;
            }
            // The smaller of the two is turned: x and the output, or the weight.
            if size.rows * (size.columns + size.terms) < size.columns * size.terms {
                self.turning_x(output, x.values(), weight.values(), size);
            } else {
                self.turning_weight(output, x.values(), weight.values(), size);
            }
        });
        let output = Host::shaped(values, &shape);
        let kept = (keep && self.after == After::Relu).then(|| output.clone());
        (output, kept)
    }

    fn backward(
        &self,
        [x, weight]: &[Host; 2],
        output: &Option<Host>,
        gradient: Host,
        [x_wanted, weight_wanted]: [bool; 2],
    ) -> [Option<Host>; 2] {
        let (
            Size {
                rows,
                columns,
                terms,
            },
            _,
        ) = size_of(x, weight);
        let gradient = match output {
            Some(output) => where_positive(&gradient, output),
            None => gradient,
        };
        let gradient = Matrix::rows(gradient.values(), columns);
        let of_x = x_wanted.then(|| {
            let weight = Matrix::rows(weight.values(), terms);
            let size = Size {
                rows,
                columns: terms,
                terms: columns,
            };
            product_like(x, gradient, weight, size)
        });
        let of_weight = weight_wanted.then(|| {
            let x = Matrix::rows(x.values(), terms);
            let size = Size {
                rows: columns,
                columns: terms,
                terms: rows,
            };
            product_like(weight, gradient.transposed(), x, size)
        });
        [of_x, of_weight]
    }
}

/// Rows of the weight that a core works on at once: their outputs stay in its cache.
const BLOCK: usize = 256;
/// Rows that the product takes as they lie come in multiples of this.
const LANES: usize = 16;

impl Linear {
    /// `(weight · xᵀ)ᵀ`: the product reads the weight once, row after row.
    fn turning_x(&self, output: Output, x: &[f32], weight: &[f32], size: Size) {
        let Size {
            rows,
            columns,
            terms,
        } = size;
        let turned = if rows < LANES {
            rows
        } else {
            rows.next_multiple_of(LANES)
        };
        let mut x_turned = vec![0.0; terms * turned];
        transpose(x, terms, [rows, terms], Output::rows(&mut x_turned, turned));
        let x_turned = Matrix::rows(&x_turned, turned);
        share_columns(size, |first, columns| {
            let mut scratch = vec![0.0; BLOCK * turned];
            for block in (first..first + columns).step_by(BLOCK) {
                let rows_here = BLOCK.min(first + columns - block);
                multiply(
                    Output::rows(&mut scratch, turned),
                    Matrix::rows(&weight[block * terms..], terms),
                    x_turned,
                    Size {
                        rows: rows_here,
                        columns: turned,
                        terms,
                    },
                    false,
                );
                let target = output.from(block);
                transpose(&scratch, turned, [rows_here, rows], target);
                self.finish(
                    target,
                    Size {
                        columns: rows_here,
                        ..size
                    },
                );
            }
        });
        debug_assert_eq!(weight.len(), columns * terms);
    }

    /// `x · weightᵀ` with a turned copy of the weight.
    fn turning_weight(&self, output: Output, x: &[f32], weight: &[f32], size: Size) {
        let terms = size.terms;
        share_columns(size, |first, columns| {
            let part = &weight[first * terms..(first + columns) * terms];
            let turned = filled(columns * terms, |turned| {
                transpose(
                    part,
                    terms,
                    [columns, terms],
                    Output::uninitialised(turned, columns),
                );
            });
            let (x, turned) = (Matrix::rows(x, terms), Matrix::rows(&turned, columns));
            let part = Size { columns, ..size };
            multiply(output.from(first), x, turned, part, false);
            self.finish(output.from(first), part);
        });
    }

    fn finish(&self, output: Output, part: Size) {
        if self.after == After::Relu {
            output.for_each_row(part, |_, row| clip(row));
        }
    }
}

/// Size of `x · weightᵀ`, and the shape of its result.
fn size_of(x: &Host, weight: &Host) -> (Size, Vec<usize>) {
    let mut shape = x.shape().to_vec();
    let [columns, terms] = *weight.shape() else {
        unreachable!("a weight has two dimensions")
    };
    assert_eq!(
        shape.pop(),
        Some(terms),
        "the input is as wide as the weight"
    );
    let rows = shape.iter().product();
    shape.push(columns);
    (
        Size {
            rows,
            columns,
            terms,
        },
        shape,
    )
}

/// `a · b` in the shape of `like`.
fn product_like(like: &Host, a: Matrix<'_>, b: Matrix<'_>, size: Size) -> Host {
    let values = filled(size.rows * size.columns, |output| {
        multiply_shared(
            Output::uninitialised(output, size.columns),
            a,
            b,
            size,
            false,
        );
    });
    Host::like(values, like)
}

/// The gradient where the output is positive, and 0 elsewhere.
fn where_positive(gradient: &Host, output: &Host) -> Host {
    const CHUNK: usize = 1 << 14;
    let values = filled(gradient.values().len(), |target| {
        target
            .par_chunks_mut(CHUNK)
            .zip(
                gradient
                    .values()
                    .par_chunks(CHUNK)
                    .zip(output.values().par_chunks(CHUNK)),
            )
            .for_each(|(target, (gradient, output))| mask(target, gradient, output));
    });
    Host::like(values, gradient)
}

on_this_processor! {
    fn mask(target: &mut [MaybeUninit<f32>], gradient: &[f32], output: &[f32]) {
        for (slot, (gradient, output)) in target.iter_mut().zip(gradient.iter().zip(output)) {
            slot.write(if *output > 0.0 { *gradient } else { 0.0 });
        }
    }

    fn clip(row: &mut [MaybeUninit<f32>]) {
        for slot in row {
            // SAFETY: the product has written it.
            let x = unsafe { slot.assume_init() };
            slot.write(x.max(0.0));
        }
    }
}
