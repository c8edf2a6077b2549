//! A function of rows of numbers whose values and derivatives are computed already, in one pass over the rows.

use burn::tensor::Tensor;
use rayon::prelude::*;

use super::product::filled;
use super::{Host, HostOp, Operand, apply};

/// A function's values, one for each row of `x` `[.., width]`, with its derivatives, as many as x has numbers.
pub(crate) fn with_derivatives(x: Tensor<3>, values: Vec<f32>, derivatives: Vec<f32>) -> Tensor<2> {
    let [batch, rows, width] = x.dims();
    assert_eq!(values.len(), batch * rows, "a value for each row");
    assert_eq!(
        derivatives.len(),
        values.len() * width,
        "and a derivative for each number"
    );
    let operation = Given {
        values: Host::shaped(values, &[batch, rows]),
        derivatives: Host::shaped(derivatives, &[batch, rows, width]),
    };
    apply(operation, [Operand::of(x)])
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

    fn backward(&self, [x]: &[Host; 1], _: &(), gradient: Host, _: [bool; 1]) -> [Option<Host>; 1] {
        let derivatives = self.derivatives.values();
        let width = x.shape()[2];
        let values = filled(derivatives.len(), |output| {
            let rows = output.par_chunks_exact_mut(width);
            let rows = rows.zip(derivatives.par_chunks_exact(width));
            rows.zip(gradient.values())
                .for_each(|((output, derivatives), gradient)| {
                    for (slot, derivative) in output.iter_mut().zip(derivatives) {
                        slot.write(gradient * derivative);
                    }
                });
        });
        [Some(Host::like(values, x))]
    }
}
