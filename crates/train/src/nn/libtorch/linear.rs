//! Linear layers.

use burn::tensor::Tensor;

use super::{Operand, apply};

/// `x · weightᵀ + bias` for `x` `[batch, tokens, input]`, `weight` `[output, input]` and `bias` `[output]`.
pub(in crate::nn) fn linear(x: Tensor<3>, weight: Tensor<2>, bias: Option<Tensor<1>>) -> Tensor<3> {
    let (x, weight) = (Operand::of(x), Operand::of(weight));
    match bias.map(Operand::of) {
        None => apply([x, weight], |[x, weight]| {
            x.linear::<&tch::Tensor>(weight, None)
        }),
        Some(bias) => apply([x, weight, bias], |[x, weight, bias]| {
            x.linear(weight, Some(bias))
        }),
    }
}
