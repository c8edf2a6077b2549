//! Layer norm by the root mean square.

use std::mem::MaybeUninit;

use burn::tensor::Tensor;
use rayon::prelude::*;

use super::product::filled;
use super::vector::{on_this_processor, sum_of};
use super::{Host, HostOp, Operand, apply};

/// `x / sqrt(mean(x²) + epsilon) * weight` over the last dimension of `x` `[.., d]`.
pub(in crate::nn) fn rms_norm<const D: usize>(
    x: Tensor<D>,
    weight: Tensor<1>,
    epsilon: f64,
) -> Tensor<D> {
    apply(
        Norm {
            epsilon: epsilon as f32,
        },
        [Operand::of(x), Operand::of(weight)],
    )
}

#[derive(Clone, Debug)]
struct Norm {
    epsilon: f32,
}

/// Rows that a core works on at once.
const GRAIN: usize = 16;

impl HostOp<2> for Norm {
    /// What each row was multiplied with.
    type Kept = Vec<f32>;

    fn forward(&self, [x, weight]: &[Host; 2], _: bool) -> (Host, Vec<f32>) {
        let width = weight.values().len();
        let rows = x.values().len() / width;
        let mut scales = vec![0.0; rows];
        let output = filled(rows * width, |output| {
            output
                .par_chunks_mut(GRAIN * width)
                .zip(x.values().par_chunks(GRAIN * width))
                .zip(scales.par_chunks_mut(GRAIN))
                .for_each(|((output, x), scales)| {
                    let rows = output.chunks_exact_mut(width).zip(x.chunks_exact(width));
                    for ((output, x), scale) in rows.zip(scales) {
                        *scale = normalise(output, x, weight.values(), self.epsilon);
                    }
                });
        });
        (Host::like(output, x), scales)
    }

    fn backward(
        &self,
        [x, weight]: &[Host; 2],
        scales: &Vec<f32>,
        gradient: Host,
        [x_wanted, weight_wanted]: [bool; 2],
    ) -> [Option<Host>; 2] {
        let width = weight.values().len();
        let of_x = x_wanted.then(|| {
            let values = filled(x.values().len(), |output| {
                output
                    .par_chunks_mut(width)
                    .with_min_len(GRAIN)
                    .zip(
                        x.values()
                            .par_chunks(width)
                            .zip(gradient.values().par_chunks(width)),
                    )
                    .zip(scales.par_iter())
                    .for_each(|((output, (x, gradient)), scale)| {
                        derive_row(output, x, gradient, weight.values(), *scale);
                    });
            });
            Host::like(values, x)
        });
        let of_weight = weight_wanted.then(|| {
            let mut sum = vec![0.0; width];
            let rows = x
                .values()
                .chunks_exact(width)
                .zip(gradient.values().chunks_exact(width));
            for ((x, gradient), scale) in rows.zip(scales) {
                add_products(&mut sum, x, gradient, *scale);
            }
            Host::like(sum, weight)
        });
        [of_x, of_weight]
    }
}

on_this_processor! {
    fn normalise(output: &mut [MaybeUninit<f32>], x: &[f32], weight: &[f32], epsilon: f32) -> f32 {
        let mean = sum_of(x, x, |x, _| x * x) / x.len() as f32;
        let scale = 1.0 / (mean + epsilon).sqrt();
        for (output, (x, weight)) in output.iter_mut().zip(x.iter().zip(weight)) {
            output.write(x * scale * weight);
        }
        scale
    }

    fn derive_row(
        output: &mut [MaybeUninit<f32>],
        x: &[f32],
        gradient: &[f32],
        weight: &[f32],
        scale: f32,
    ) {
        for (output, (gradient, weight)) in output.iter_mut().zip(gradient.iter().zip(weight)) {
            output.write(gradient * weight);
        }
        // SAFETY: all of them were written just now.
        let output = unsafe { output.assume_init_mut() };
        let along = sum_of(output, x, |weighted, x| weighted * x);
        let share = along * scale * scale * scale / x.len() as f32;
        for (output, x) in output.iter_mut().zip(x) {
            *output = *output * scale - x * share;
        }
    }

    fn add_products(sum: &mut [f32], x: &[f32], gradient: &[f32], scale: f32) {
        for (sum, (x, gradient)) in sum.iter_mut().zip(x.iter().zip(gradient)) {
            *sum += gradient * (x * scale);
        }
    }
}
