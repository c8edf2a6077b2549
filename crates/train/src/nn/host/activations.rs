//! Activations that are more than a comparison, each in one pass on all cores.

use std::mem::MaybeUninit;

use burn::tensor::Tensor;
use rayon::prelude::*;

use super::product::filled;
use super::vector::{exp, on_this_processor};
use super::{Host, HostOp, Operand, apply};

/// Rows below which a second core costs more than it gains.
const ROWS: usize = 8;
/// Numbers below which a second core costs more than it gains.
const NUMBERS: usize = 4_096;

/// `silu(gate) · up` of `[.., 2 * inner]`, gates before ups: `[.., inner]`.
pub(in crate::nn) fn swiglu<const D: usize>(gate_up: Tensor<D>) -> Tensor<D> {
    apply(SwiGlu, [Operand::of(gate_up)])
}

/// `x · Φ(x)`, where Φ is the normal distribution's (Hendrycks & Gimpel, "Gaussian Error Linear Units", 2016), by the
/// error function and not its tanh approximation.
pub(in crate::nn) fn gelu<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    apply(Gelu, [Operand::of(x)])
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

#[derive(Clone, Debug)]
struct Gelu;

impl HostOp<1> for Gelu {
    const IS_LIGHT: bool = true;

    type Saved = ();

    fn forward(&self, [x]: &[Host; 1], _: bool) -> (Host, ()) {
        let values = filled(x.values().len(), |output| {
            let parts = output.par_chunks_mut(NUMBERS);
            let parts = parts.zip(x.values().par_chunks(NUMBERS));
            parts.for_each(|(output, x)| times_normal(output, x));
        });
        (Host::like(values, x), ())
    }

    fn backward(self, [x]: &[Host; 1], _: &(), gradient: Host, _: [bool; 1]) -> [Option<Host>; 1] {
        let values = filled(x.values().len(), |output| {
            let parts = output.par_chunks_mut(NUMBERS);
            let inputs = gradient.values().par_chunks(NUMBERS);
            let inputs = inputs.zip(x.values().par_chunks(NUMBERS));
            parts
                .zip(inputs)
                .for_each(|(output, (gradient, x))| times_normal_back(output, gradient, x));
        });
        [Some(Host::like(values, x))]
    }
}

#[inline(always)]
fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

/// `Φ(x)` within 2 · 10⁻⁷, and where it is small within 10⁻⁵ of itself: half of the complementary error function, by the
/// Chebyshev series of Press et al., "Numerical Recipes" (2nd edition, 1992), section 6.2.
#[inline(always)]
fn normal(x: f32) -> f32 {
    const SERIES: [f32; 10] = [
        0.170_872_77,
        -0.822_152_23,
        1.488_515_9,
        -1.135_204,
        0.278_868_07,
        -0.186_288_06,
        0.096_784_18,
        0.374_091_96,
        1.000_023_7,
        -1.265_512_2,
    ];
    let z = x.abs() * std::f32::consts::FRAC_1_SQRT_2;
    let t = 1.0 / (1.0 + 0.5 * z);
    let mut series = SERIES[0];
    for coefficient in &SERIES[1..] {
        series = series * t + coefficient;
    }
    let tail = 0.5 * t * exp(series - z * z);
    if x < 0.0 { tail } else { 1.0 - tail }
}

on_this_processor! {
    fn times_normal(output: &mut [MaybeUninit<f32>], x: &[f32]) {
        for (slot, x) in output.iter_mut().zip(x) {
            slot.write(x * normal(*x));
        }
    }

    /// The derivative is `Φ(x) + x · φ(x)`.
    fn times_normal_back(output: &mut [MaybeUninit<f32>], gradient: &[f32], x: &[f32]) {
        /// `1 / √(2π)`
        const DENSITY: f32 = 0.398_942_3;
        for (slot, (gradient, x)) in output.iter_mut().zip(gradient.iter().zip(x)) {
            let density = DENSITY * exp(-0.5 * x * x);
            slot.write(gradient * (normal(*x) + x * density));
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Simpson's rule, from 12 standard deviations below the mean on.
    fn integral(x: f64) -> f64 {
        let density = |x: f64| (-0.5 * x * x).exp() / (2.0 * std::f64::consts::PI).sqrt();
        let (from, parts) = (-12.0, 4_000);
        let step = (x - from) / f64::from(parts);
        let terms = (0..=parts).map(|part| {
            let weight = match part {
                0 => 1.0,
                part if part == parts => 1.0,
                part if part % 2 == 1 => 4.0,
                _ => 2.0,
            };
            weight * density(from + f64::from(part) * step)
        });
        terms.sum::<f64>() * step / 3.0
    }

    #[test]
    fn the_normal_distribution_is_exact_to_the_last_places() {
        for step in -900..=900 {
            let x = step as f32 / 100.0;
            let (found, known) = (f64::from(normal(x)), integral(f64::from(x)));
            let error = (found - known).abs();
            assert!(
                error < 2e-7 && error < 1e-5 * known,
                "{x}: {found}, not {known}"
            );
        }
        assert_eq!((normal(0.0), normal(20.0), normal(-20.0)), (0.5, 1.0, 0.0));
    }
}
