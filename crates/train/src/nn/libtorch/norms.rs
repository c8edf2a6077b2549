//! Layer norms.

use burn::tensor::Tensor;

use super::{Operand, apply};

/// `x` `[..., width]` by the root mean square of its last dimension, times `weight` `[width]`.
pub(in crate::nn) fn rms_norm<const D: usize>(
    x: Tensor<D>,
    weight: Tensor<1>,
    epsilon: f64,
) -> Tensor<D> {
    let width = [weight.dims()[0] as i64];
    apply([Operand::of(x), Operand::of(weight)], |[x, weight]| {
        x.rms_norm(width, Some(weight), epsilon)
    })
}
