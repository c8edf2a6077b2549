//! Layer norms by the root mean square, as T5 and decoders have them.

use burn::tensor::Tensor;

#[cfg(feature = "tch")]
use super::libtorch;

/// `x` `[..., width]` by the root mean square of its last dimension, times `weight` `[width]` (Zhang and Sennrich 2019).
pub(super) fn rms_norm<const D: usize>(x: Tensor<D>, weight: Tensor<1>, epsilon: f64) -> Tensor<D> {
    #[cfg(feature = "tch")]
    if libtorch::is_libtorch(&x.device()) {
        return libtorch::rms_norm(x, weight, epsilon);
    }
    let mean = (x.clone() * x.clone()).mean_dim(D - 1);
    let scale = mean.add_scalar(epsilon).sqrt().recip();
    x * scale * weight.unsqueeze()
}
