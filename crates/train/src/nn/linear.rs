//! Linear layers, with weights laid out as in files: one row per output.

use burn::module::Param;
use burn::tensor::Tensor;

use super::host::{self, is_host};
#[cfg(feature = "tch")]
use super::libtorch;

/// `x · weightᵀ` for `x` `[batch, tokens, input]` and `weight` `[output, input]`, as one product over
/// all tokens.
pub(crate) fn linear(x: Tensor<3>, weight: &Param<Tensor<2>>) -> Tensor<3> {
    product(x, weight.val())
}

/// `x · weightᵀ + bias`, as [`linear`].
pub(super) fn affine(
    x: Tensor<3>,
    weight: &Param<Tensor<2>>,
    bias: &Param<Tensor<1>>,
) -> Tensor<3> {
    if is_host(&x.device()) {
        return host::affine(x, weight.val(), bias.val());
    }
    #[cfg(feature = "tch")]
    if libtorch::is_libtorch(&x.device()) {
        return libtorch::linear(x, weight.val(), Some(bias.val()));
    }
    linear(x, weight) + bias.val().unsqueeze()
}

/// As [`linear`], for a tensor.
pub(super) fn product(x: Tensor<3>, weight: Tensor<2>) -> Tensor<3> {
    if is_host(&x.device()) {
        return host::linear(x, weight);
    }
    #[cfg(feature = "tch")]
    if libtorch::is_libtorch(&x.device()) {
        return libtorch::linear(x, weight, None);
    }
    let [batch, tokens, input] = x.dims();
    let output = weight.dims()[0];
    x.reshape([batch * tokens, input])
        .matmul(weight.transpose())
        .reshape([batch, tokens, output])
}
