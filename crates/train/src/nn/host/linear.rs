//! Linear layers, with weights laid out as in files: one row per output.

use burn::tensor::Tensor;
use rayon::prelude::*;

use super::few::multiply_few;
use super::norms::sum_of_rows;
use super::product::{
    Cut, Matrix, Output, Size, filled, in_pieces, multiply_on_all_cores, product,
};
use super::vector::transpose;
use super::{Host, HostOp, Operand, apply, bfloat16};

/// `x · weightᵀ` for `x` `[.., input]` and `weight` `[output, input]`.
pub(in crate::nn) fn linear<const D: usize>(x: Tensor<D>, weight: Tensor<2>) -> Tensor<D> {
    apply(Linear, [Operand::of(x), Operand::of(weight)])
}

/// `x · weightᵀ + bias`, as [`linear`].
pub(in crate::nn) fn affine<const D: usize>(
    x: Tensor<D>,
    weight: Tensor<2>,
    bias: Tensor<1>,
) -> Tensor<D> {
    let inputs = [Operand::of(x), Operand::of(weight), Operand::of(bias)];
    apply(Affine, inputs)
}

#[derive(Clone, Debug)]
struct Linear;

impl HostOp<2> for Linear {
    type Saved = ();

    /// Each for the derivative of the other.
    fn needed(&self, [x, weight]: [bool; 2]) -> [bool; 2] {
        [weight, x]
    }

    fn forward(&self, [x, weight]: &[Host; 2], _: bool) -> (Host, ()) {
        let (size, shape) = size_of(x, weight);
        let values = filled(size.rows * size.columns, |output| {
            let output = Output::uninitialised(output, size.columns);
            by_weight(output, x.values(), weight, size);
        });
        (Host::shaped(values, &shape), ())
    }

    fn backward(
        self,
        [x, weight]: &[Host; 2],
        _: &(),
        gradient: Host,
        [x_wanted, weight_wanted]: [bool; 2],
    ) -> [Option<Host>; 2] {
        let (size, _) = size_of(x, weight);
        let columns = size.columns;
        let gradient = gradient.values();
        [
            x_wanted.then(|| of_x(gradient, weight, x, size)),
            weight_wanted.then(|| of_weight(Matrix::rows(gradient, columns), x, weight, size)),
        ]
    }
}

#[derive(Clone, Debug)]
struct Affine;

impl HostOp<3> for Affine {
    type Saved = ();

    fn needed(&self, [x, weight, _]: [bool; 3]) -> [bool; 3] {
        [weight, x, false]
    }

    fn forward(&self, [x, weight, bias]: &[Host; 3], _: bool) -> (Host, ()) {
        let (size, shape) = size_of(x, weight);
        let mut values = filled(size.rows * size.columns, |output| {
            let output = Output::uninitialised(output, size.columns);
            by_weight(output, x.values(), weight, size);
        });
        let rows = values.par_chunks_exact_mut(size.columns);
        rows.with_min_len(ROWS)
            .for_each(|row| add(row, bias.values()));
        (Host::shaped(values, &shape), ())
    }

    fn backward(
        self,
        [x, weight, bias]: &[Host; 3],
        saved: &(),
        gradient: Host,
        [x_wanted, weight_wanted, bias_wanted]: [bool; 3],
    ) -> [Option<Host>; 3] {
        let of_bias = bias_wanted.then(|| sum_of_rows(gradient.values(), bias.shape()[0]));
        let of_bias = of_bias.map(|sums| Host::like(sums, bias));
        let product = [x.clone(), weight.clone()];
        let wanted = [x_wanted, weight_wanted];
        let [of_x, of_weight] = Linear.backward(&product, saved, gradient, wanted);
        [of_x, of_weight, of_bias]
    }
}

/// Rows below which a second core costs more than it gains.
const ROWS: usize = 8;

fn add(row: &mut [f32], bias: &[f32]) {
    for (number, bias) in row.iter_mut().zip(bias) {
        *number += bias;
    }
}

/// Size of `x · weightᵀ`, and the shape of its result.
pub(super) fn size_of(x: &Host, weight: &Host) -> (Size, Vec<usize>) {
    let mut shape = x.shape().to_vec();
    let [columns, terms] = *weight.shape() else {
        unreachable!("a weight has two dimensions")
    };
    let width = shape.pop();
    assert_eq!(width, Some(terms), "the input is as wide as the weight");
    let rows = shape.iter().product();
    shape.push(columns);
    (Size::new(rows, columns, terms), shape)
}

/// `x · weightᵀ`
pub(super) fn by_weight(output: Output<'_>, x: &[f32], weight: &Host, size: Size) {
    if let Some(weight) = weight.halves() {
        return bfloat16::by_weight(output, x, weight, size);
    }
    let weight = weight.values();
    if multiply_few(output, x, weight, size) {
        return;
    }
    // The product is fast once one side is transposed: x and the output, or the weight.
    if size.rows * (size.columns + size.terms) < size.columns * size.terms {
        with_x_transposed(output, x, weight, size);
    } else {
        let weight = Matrix::rows(weight, size.terms).transposed();
        let cut = match size.is_narrow() {
            true => Cut::Rows,
            false => Cut::Columns,
        };
        multiply_on_all_cores(output, Matrix::rows(x, size.terms), weight, size, cut);
    }
}

/// The product needs rows in multiples of this.
const LANES: usize = 16;

/// `(weight · xᵀ)ᵀ`: transposes a copy of x, and each piece of the result back.
fn with_x_transposed(output: Output<'_>, x: &[f32], weight: &[f32], size: Size) {
    let Size { rows, terms, .. } = size;
    let padded = rows.next_multiple_of(LANES);
    let mut transposed = vec![0.0; terms * padded];
    transpose(
        x,
        terms,
        [rows, terms],
        Output::rows(&mut transposed, padded),
    );
    let transposed = Matrix::rows(&transposed, padded);
    in_pieces(size.columns, size.multiplications(), |columns| {
        let weight = Matrix::rows(&weight[columns.start * terms..], terms);
        let part = product(weight, transposed, Size::new(columns.len(), padded, terms));
        let target = output.from(columns.start);
        transpose(&part, padded, [columns.len(), rows], target);
    });
}

/// `gradient · weight`.
pub(super) fn of_x(gradient: &[f32], weight: &Host, x: &Host, size: Size) -> Host {
    let Size {
        rows,
        columns,
        terms,
    } = size;
    let values = filled(rows * terms, |output| {
        let output = Output::uninitialised(output, terms);
        if let Some(weight) = weight.halves() {
            return bfloat16::by_rows(output, gradient, weight, Size::new(rows, terms, columns));
        }
        let gradient = Matrix::rows(gradient, columns);
        let weight = Matrix::rows(weight.values(), terms);
        let size = Size::new(rows, terms, columns);
        multiply_on_all_cores(output, gradient, weight, size, Cut::Columns);
    });
    Host::like(values, x)
}

/// `gradientᵀ · x`.
pub(super) fn of_weight(gradient: Matrix<'_>, x: &Host, weight: &Host, size: Size) -> Host {
    let Size {
        rows,
        columns,
        terms,
    } = size;
    let x = Matrix::rows(x.values(), terms);
    let values = filled(columns * terms, |output| {
        let output = Output::uninitialised(output, terms);
        let cut = match size.is_narrow() {
            true => Cut::Columns,
            false => Cut::Rows,
        };
        let size = Size::new(columns, terms, rows);
        multiply_on_all_cores(output, gradient.transposed(), x, size, cut);
    });
    Host::like(values, weight)
}
