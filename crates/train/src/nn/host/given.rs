//! A function of rows of numbers whose values and derivatives are computed in one pass over the rows.

use burn::backend::Flex;
use burn::tensor::Tensor;
use rayon::prelude::*;

use super::{Host, HostOp, Operand, apply};

/// A function of each row of `x` `[batch, rows, width]`, and what else it finds there. `of_row` has the index of the
/// row, its numbers, and as much room, where it leaves the derivative if it is told that one is wanted.
pub(crate) fn of_rows<T: Send>(
    x: Tensor<3>,
    of_row: impl Fn(usize, &[f32], &mut [f32], bool) -> (f32, T) + Sync,
) -> (Tensor<2>, Vec<T>) {
    let [batch, rows, width] = x.dims();
    let wanted = x.is_tracked();
    let numbers = Host::of(&x);
    let each = numbers.values().par_chunks_exact(width).enumerate();
    let mut derivatives = vec![0.0; if wanted { batch * rows * width } else { 0 }];
    let (values, others): (Vec<f32>, Vec<T>) = if wanted {
        each.zip(derivatives.par_chunks_exact_mut(width))
            .map(|((row, numbers), derivative)| of_row(row, numbers, derivative, true))
            .unzip()
    } else {
        each.map_init(
            || vec![0.0; width],
            |room, (row, numbers)| of_row(row, numbers, room, false),
        )
        .unzip()
    };
    let values = Host::shaped(values, &[batch, rows]);
    if !wanted {
        return (Tensor::from_primitive::<Flex>(values.into_flex()), others);
    }
    let operation = Given {
        values,
        derivatives: Host::shaped(derivatives, &[batch, rows, width]),
    };
    (apply(operation, [Operand::of(x)]), others)
}

#[derive(Clone, Debug)]
struct Given {
    values: Host,
    derivatives: Host,
}

impl HostOp<1> for Given {
    type Saved = ();

    fn needed(&self, _: [bool; 1]) -> [bool; 1] {
        [false]
    }

    fn forward(&self, _: &[Host; 1], _: bool) -> (Host, ()) {
        (self.values.clone(), ())
    }

    fn backward(self, [x]: &[Host; 1], _: &(), gradient: Host, _: [bool; 1]) -> [Option<Host>; 1] {
        let width = x.shape()[2];
        // In their own place, which nothing else needs any more.
        let mut derivatives = self.derivatives;
        let rows = derivatives.values_mut().par_chunks_exact_mut(width);
        rows.zip(gradient.values())
            .for_each(|(derivatives, gradient)| {
                for derivative in derivatives {
                    *derivative *= gradient;
                }
            });
        [Some(derivatives)]
    }
}
