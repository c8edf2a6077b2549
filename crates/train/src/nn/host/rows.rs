//! What decoders compute row by row besides products: the norm and the gated activation, each in one pass on all
//! cores.

use std::mem::MaybeUninit;

use burn::tensor::Tensor;
use rayon::prelude::*;

use super::product::filled;
use super::vector::{exp, on_this_processor, sum_of};
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

/// `silu(gate) · up` of `[.., 2 * inner]`, gates before ups: `[.., inner]`.
pub(in crate::nn) fn swiglu<const D: usize>(gate_up: Tensor<D>) -> Tensor<D> {
    apply(SwiGlu, [Operand::of(gate_up)])
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
struct SwiGlu;

impl HostOp<1> for SwiGlu {
    const IS_LIGHT: bool = true;

    type Saved = ();

    fn forward(&self, [gate_up]: &[Host; 1], _: bool) -> (Host, ()) {
        let mut shape = gate_up.shape().to_vec();
        let inner = shape.pop().map_or(1, |width| width / 2);
        shape.push(inner);
        let values = filled(gate_up.values().len() / 2, |output| {
            let rows = output.par_chunks_exact_mut(inner);
            let rows = rows.zip(gate_up.values().par_chunks_exact(2 * inner));
            rows.with_min_len(ROWS).for_each(|(output, gate_up)| {
                let (gate, up) = gate_up.split_at(inner);
                gated(output, gate, up);
            });
        });
        (Host::shaped(values, &shape), ())
    }

    fn backward(
        self,
        [gate_up]: &[Host; 1],
        _: &(),
        gradient: Host,
        _: [bool; 1],
    ) -> [Option<Host>; 1] {
        let inner = gradient.shape().last().copied().unwrap_or(1);
        let values = filled(gate_up.values().len(), |output| {
            let rows = output.par_chunks_exact_mut(2 * inner);
            let rows = rows.zip(gate_up.values().par_chunks_exact(2 * inner));
            let rows = rows.zip(gradient.values().par_chunks_exact(inner));
            rows.with_min_len(ROWS)
                .for_each(|((output, gate_up), gradient)| {
                    let (of_gate, of_up) = output.split_at_mut(inner);
                    let (gate, up) = gate_up.split_at(inner);
                    gated_back([of_gate, of_up], gradient, gate, up);
                });
        });
        [Some(Host::like(values, gate_up))]
    }
}

/// `1 / √(mean x² + epsilon)`
#[inline(always)]
fn scale(x: &[f32], epsilon: f32) -> f32 {
    let mean = sum_of(x, x, |a, b| a * b) / x.len() as f32;
    1.0 / (mean + epsilon).sqrt()
}

#[inline(always)]
fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
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

    fn gated(output: &mut [MaybeUninit<f32>], gate: &[f32], up: &[f32]) {
        for (slot, (gate, up)) in output.iter_mut().zip(gate.iter().zip(up)) {
            slot.write(gate * sigmoid(*gate) * up);
        }
    }

    fn gated_back(
        [of_gate, of_up]: [&mut [MaybeUninit<f32>]; 2],
        gradient: &[f32],
        gate: &[f32],
        up: &[f32],
    ) {
        let slots = of_gate.iter_mut().zip(of_up.iter_mut());
        let inputs = gradient.iter().zip(gate.iter().zip(up));
        for ((of_gate, of_up), (gradient, (gate, up))) in slots.zip(inputs) {
            let share = sigmoid(*gate);
            of_up.write(gradient * gate * share);
            of_gate.write(gradient * up * share * (1.0 + gate * (1.0 - share)));
        }
    }
}
