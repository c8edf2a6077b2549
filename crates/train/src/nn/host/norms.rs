//! The norms of a network's states, row by row, each in one pass on all cores.

use std::mem::MaybeUninit;

use burn::tensor::Tensor;
use rayon::prelude::*;

use super::product::filled;
use super::vector::{on_this_processor, sum_of};
use super::{Host, HostOp, Operand, apply};

/// Rows below which a second core costs more than it gains.
const ROWS: usize = 8;

/// `x / √(mean x² + epsilon) · weight` over the last dimension.
pub(in crate::nn) fn rms_norm<const D: usize>(
    x: Tensor<D>,
    weight: Tensor<1>,
    epsilon: f64,
) -> Tensor<D> {
    let epsilon = epsilon as f32;
    apply(RmsNorm { epsilon }, [Operand::of(x), Operand::of(weight)])
}

/// `(x - mean) / √(variance + epsilon) · weight + bias` over the last dimension (Ba et al., "Layer Normalization", 2016).
pub(in crate::nn) fn layer_norm<const D: usize>(
    x: Tensor<D>,
    weight: Tensor<1>,
    bias: Tensor<1>,
    epsilon: f64,
) -> Tensor<D> {
    let epsilon = epsilon as f32;
    let inputs = [Operand::of(x), Operand::of(weight), Operand::of(bias)];
    apply(LayerNorm { epsilon }, inputs)
}

#[derive(Clone, Debug)]
struct RmsNorm {
    epsilon: f32,
}

impl HostOp<2> for RmsNorm {
    const IS_LIGHT: bool = true;

    type Saved = ();

    fn forward(&self, [x, weight]: &[Host; 2], _: bool) -> (Host, ()) {
        let width = weight.values().len();
        let values = filled(x.values().len(), |output| {
            let rows = output.par_chunks_exact_mut(width);
            let rows = rows.zip(x.values().par_chunks_exact(width));
            rows.with_min_len(ROWS).for_each(|(output, x)| {
                norm(output, x, weight.values(), self.epsilon);
            });
        });
        (Host::like(values, x), ())
    }

    fn backward(
        self,
        [x, weight]: &[Host; 2],
        _: &(),
        gradient: Host,
        [x_wanted, weight_wanted]: [bool; 2],
    ) -> [Option<Host>; 2] {
        let width = weight.values().len();
        let rows = || {
            let gradients = gradient.values().par_chunks_exact(width);
            gradients.zip(x.values().par_chunks_exact(width))
        };
        let of_x = || {
            filled(x.values().len(), |output| {
                let rows = output.par_chunks_exact_mut(width).zip(rows());
                rows.with_min_len(ROWS).for_each(|(output, (gradient, x))| {
                    norm_back(output, gradient, x, weight.values(), self.epsilon);
                });
            })
        };
        // In the order of the rows, whatever the number of cores.
        let of_weight = || {
            let mut sums = vec![0.0; width];
            let gradients = gradient.values().chunks_exact(width);
            for (gradient, x) in gradients.zip(x.values().chunks_exact(width)) {
                add_normed(&mut sums, gradient, x, self.epsilon);
            }
            sums
        };
        [
            x_wanted.then(|| Host::like(of_x(), x)),
            weight_wanted.then(|| Host::like(of_weight(), weight)),
        ]
    }
}

#[derive(Clone, Debug)]
struct LayerNorm {
    epsilon: f32,
}

impl HostOp<3> for LayerNorm {
    const IS_LIGHT: bool = true;

    type Saved = ();

    fn needed(&self, [x, weight, _]: [bool; 3]) -> [bool; 3] {
        [x || weight, x, false]
    }

    fn forward(&self, [x, weight, bias]: &[Host; 3], _: bool) -> (Host, ()) {
        let (weight, bias) = (weight.values(), bias.values());
        let values = filled(x.values().len(), |output| {
            let rows = output.par_chunks_exact_mut(weight.len());
            let rows = rows.zip(x.values().par_chunks_exact(weight.len()));
            rows.with_min_len(ROWS).for_each(|(output, x)| {
                centred_norm(output, x, [weight, bias], self.epsilon);
            });
        });
        (Host::like(values, x), ())
    }

    fn backward(
        self,
        [x, weight, bias]: &[Host; 3],
        _: &(),
        gradient: Host,
        [x_wanted, weight_wanted, bias_wanted]: [bool; 3],
    ) -> [Option<Host>; 3] {
        let width = bias.shape()[0];
        let gradients = gradient.values();
        let of_x = || {
            filled(gradients.len(), |output| {
                let rows = output.par_chunks_exact_mut(width);
                let inputs = gradients.par_chunks_exact(width);
                let inputs = inputs.zip(x.values().par_chunks_exact(width));
                let rows = rows.zip(inputs).with_min_len(ROWS);
                rows.for_each(|(output, (gradient, x))| {
                    centred_norm_back(output, gradient, x, weight.values(), self.epsilon);
                });
            })
        };
        let of_weight = || {
            let mut sums = vec![0.0; width];
            let rows = gradients.chunks_exact(width);
            for (gradient, x) in rows.zip(x.values().chunks_exact(width)) {
                add_centred_normed(&mut sums, gradient, x, self.epsilon);
            }
            sums
        };
        [
            x_wanted.then(|| Host::like(of_x(), &gradient)),
            weight_wanted.then(|| Host::like(of_weight(), bias)),
            bias_wanted.then(|| Host::like(sum_of_rows(gradients, width), bias)),
        ]
    }
}

/// The sum of all rows, in their order whatever the number of cores.
pub(super) fn sum_of_rows(rows: &[f32], width: usize) -> Vec<f32> {
    let mut sums = vec![0.0; width];
    for row in rows.chunks_exact(width) {
        for (sum, number) in sums.iter_mut().zip(row) {
            *sum += number;
        }
    }
    sums
}

/// Mean of a row, and `1 / √(variance + epsilon)`.
#[inline(always)]
fn moments(x: &[f32], epsilon: f32) -> (f32, f32) {
    let width = x.len() as f32;
    let mean = sum_of(x, x, |x, _| x) / width;
    let variance = sum_of(x, x, |x, _| (x - mean) * (x - mean)) / width;
    (mean, 1.0 / (variance + epsilon).sqrt())
}

/// `1 / √(mean x² + epsilon)`
#[inline(always)]
fn scale(x: &[f32], epsilon: f32) -> f32 {
    let mean = sum_of(x, x, |a, b| a * b) / x.len() as f32;
    1.0 / (mean + epsilon).sqrt()
}

on_this_processor! {
    fn norm(output: &mut [MaybeUninit<f32>], x: &[f32], weight: &[f32], epsilon: f32) {
        let scale = scale(x, epsilon);
        for (slot, (x, weight)) in output.iter_mut().zip(x.iter().zip(weight)) {
            slot.write(x * scale * weight);
        }
    }

    fn norm_back(
        output: &mut [MaybeUninit<f32>],
        gradient: &[f32],
        x: &[f32],
        weight: &[f32],
        epsilon: f32,
    ) {
        let scale = scale(x, epsilon);
        for (slot, (gradient, weight)) in output.iter_mut().zip(gradient.iter().zip(weight)) {
            slot.write(gradient * weight);
        }
        // SAFETY: the loop above has written them all, as rows are of one width.
        let output = unsafe { output.assume_init_mut() };
        let along = sum_of(output, x, |slope, x| slope * x) / x.len() as f32;
        let along = along * scale * scale;
        for (slot, x) in output.iter_mut().zip(x) {
            *slot = (*slot - x * along) * scale;
        }
    }

    fn add_normed(sums: &mut [f32], gradient: &[f32], x: &[f32], epsilon: f32) {
        let scale = scale(x, epsilon);
        for (sum, (gradient, x)) in sums.iter_mut().zip(gradient.iter().zip(x)) {
            *sum += gradient * x * scale;
        }
    }

    fn centred_norm(
        output: &mut [MaybeUninit<f32>],
        x: &[f32],
        [weight, bias]: [&[f32]; 2],
        epsilon: f32,
    ) {
        let (mean, scale) = moments(x, epsilon);
        let affine = weight.iter().zip(bias);
        for (slot, (x, (weight, bias))) in output.iter_mut().zip(x.iter().zip(affine)) {
            slot.write((x - mean) * scale * weight + bias);
        }
    }

    fn centred_norm_back(
        output: &mut [MaybeUninit<f32>],
        gradient: &[f32],
        x: &[f32],
        weight: &[f32],
        epsilon: f32,
    ) {
        let (mean, scale) = moments(x, epsilon);
        for (slot, (gradient, weight)) in output.iter_mut().zip(gradient.iter().zip(weight)) {
            slot.write(gradient * weight);
        }
        // SAFETY: the loop above has written them all, as rows are of one width.
        let output = unsafe { output.assume_init_mut() };
        let width = x.len() as f32;
        let across = sum_of(output, x, |slope, _| slope) / width;
        let along = sum_of(output, x, |slope, x| slope * (x - mean)) / width;
        let along = along * scale * scale;
        for (slot, x) in output.iter_mut().zip(x) {
            *slot = (*slot - across - (x - mean) * along) * scale;
        }
    }

    fn add_centred_normed(sums: &mut [f32], gradient: &[f32], x: &[f32], epsilon: f32) {
        let (mean, scale) = moments(x, epsilon);
        for (sum, (gradient, x)) in sums.iter_mut().zip(gradient.iter().zip(x)) {
            *sum += gradient * (x - mean) * scale;
        }
    }
}
